/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a split made ready for metrics: probabilities, decisions, orders; and draws of them.
 */
#include "train/metric-private.h"

#include <math.h>
#include <string.h>

/* prob: [k] softmax in float64; gives the log of the label's. A row with a logit that is not a
 * number has none. */
static double
fill_prob (uint32_t k, const float *logit, uint32_t label, double *prob)
{
  double most = -INFINITY, sum = 0;

  for (uint32_t c = 0; c < k; c++)
    most = isnan (logit[c]) ? NAN : fmax (most, (double) logit[c]);
  for (uint32_t c = 0; c < k; c++)
    sum += prob[c] = exp ((double) logit[c] - most);
  for (uint32_t c = 0; c < k; c++)
    prob[c] = isfinite (sum) && sum > 0 ? prob[c] / sum : 0;
  return (double) logit[label] - most - log (sum);
}

/* The largest, the lowest of equals; k where one is not a number. */
static uint32_t
decide (uint32_t k, const float *logit)
{
  uint32_t best = 0;

  for (uint32_t c = 0; c < k; c++) {
    if (isnan (logit[c]))
      return k;
    if (logit[c] > logit[best])
      best = c;
  }
  return best;
}

typedef struct Ranked {
  double score;
  uint32_t row;
} Ranked;

static int
compare_ranked (const void *a, const void *b)
{
  const Ranked *x = a, *y = b;

  if (x->score != y->score)
    return x->score > y->score ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

static void
fill_order (LodeOutcomes *of)
{
  g_autofree Ranked *ranked = g_new (Ranked, (size_t) of->n + 1);

  of->order = g_new (uint32_t, (size_t) of->k * of->n + 1);
  for (uint32_t c = 0; c < of->k; c++) {
    for (uint32_t i = 0; i < of->n; i++)
      ranked[i] = (Ranked){ of->prob[(size_t) i * of->k + c], i };
    qsort (ranked, of->n, sizeof *ranked, compare_ranked);
    for (uint32_t i = 0; i < of->n; i++)
      of->order[(size_t) c * of->n + i] = ranked[i].row;
  }
}

static int
compare_groups (const void *a, const void *b)
{
  int32_t x = *(const int32_t *) a, y = *(const int32_t *) b;

  return (x > y) - (x < y);
}

/* Rows without a group are of none. */
static void
fill_groups (LodeOutcomes *of)
{
  g_autofree int32_t *sorted = g_memdup2 (of->group, of->n * sizeof *of->group);

  of->groups = g_new (int32_t, (size_t) of->n + 1);
  qsort (sorted, of->n, sizeof *sorted, compare_groups);
  for (uint32_t i = 0; i < of->n; i++)
    if (sorted[i] >= 0 && (!of->group_n || sorted[i] != of->groups[of->group_n - 1]))
      of->groups[of->group_n++] = sorted[i];
}

LodeOutcomes *
lode_outcomes_new (const LodeMetricsIn *in, uint32_t n, const float *logit, const int32_t *label,
                   const int32_t *group)
{
  LodeOutcomes *of = g_new0 (LodeOutcomes, 1);
  uint32_t k = of->k = in->k;

  of->in = *in;
  of->prob = g_new (double, (size_t) n *k + 1);
  of->log_label = g_new (double, (size_t) n + 1);
  of->label = g_new (uint32_t, (size_t) n + 1);
  of->decision = g_new (uint32_t, (size_t) n + 1);
  of->group = group ? g_new (int32_t, (size_t) n + 1) : NULL;
  for (uint32_t i = 0; i < n; i++) {
    const float *row = logit + (size_t) i * k;
    uint32_t at = of->n;

    if (label[i] < 0 || label[i] >= (int32_t) k)
      continue;
    of->label[at] = (uint32_t) label[i];
    of->log_label[at] = fill_prob (k, row, of->label[at], of->prob + (size_t) at * k);
    of->decision[at] = decide (k, row);
    if (group)
      of->group[at] = group[i];
    of->n++;
  }
  fill_order (of);
  if (group)
    fill_groups (of);
  return of;
}

void
lode_outcomes_free (LodeOutcomes *of)
{
  if (!of)
    return;
  g_free (of->prob);
  g_free (of->log_label);
  g_free (of->label);
  g_free (of->decision);
  g_free (of->group);
  g_free (of->groups);
  g_free (of->order);
  g_free (of);
}

uint32_t
lode_outcomes_groups (const LodeOutcomes *of, const int32_t **group)
{
  *group = of->groups;
  return of->group_n;
}

Draw *
lode_draw_new (const LodeOutcomes *of)
{
  Draw *draw = g_new0 (Draw, 1);
  size_t k = of->k;

  draw->of = of;
  draw->confusion = g_new (double, k *(k + 3) + 1);
  draw->size = draw->confusion + k * (k + 1);
  draw->taken = draw->size + k;
  return draw;
}

/* times: [n], borrowed */
void
lode_draw_set (Draw *draw, const double *times)
{
  const LodeOutcomes *of = draw->of;
  size_t k = of->k;

  draw->times = times;
  draw->total = 0;
  memset (draw->confusion, 0, k * (k + 3) * sizeof *draw->confusion);
  for (uint32_t i = 0; i < of->n; i++) {
    draw->confusion[of->label[i] * (k + 1) + of->decision[i]] += times[i];
    draw->size[of->label[i]] += times[i];
    if (of->decision[i] < k)
      draw->taken[of->decision[i]] += times[i];
    draw->total += times[i];
  }
}

void
lode_draw_free (Draw *draw)
{
  if (!draw)
    return;
  g_free (draw->confusion);
  g_free (draw);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three ways to draw. A loss over what was drawn, each row times its weight and multiplicity,
 * has the pool's loss as its expectation: 1 / (m p) for m draws with replacement, 1 / π for a row
 * that is kept with probability π.
 */
#include "draw.h"

#define MOST_DRAWS 2e8

static double
distinct_after (uint32_t n, const double *prob, double draws)
{
  double sum = 0;

  for (uint32_t i = 0; i < n; i++)
    sum -= prob[i] < 1 ? expm1 (draws * log1p (-prob[i])) : -1;
  return sum;
}

double
draw_expected (uint32_t n, const double *prob, double budget)
{
  double low = budget, high = budget;

  while (distinct_after (n, prob, high) < budget - 0.5 && high < 1e15)
    high *= 2;
  if (high >= 1e15)
    return INFINITY;
  for (int i = 0; i < 40 && high - low > 1; i++) {
    double middle = low + (high - low) / 2;

    if (distinct_after (n, prob, middle) < budget - 0.5)
      low = middle;
    else
      high = middle;
  }
  return high;
}

static bool
check (const Draw *draw, GError **error)
{
  uint32_t some = 0;

  for (uint32_t i = 0; i < draw->n; i++)
    some += draw->prob[i] > 0;
  if (draw->budget <= some)
    return true;
  g_set_error (error, DRAW_ERROR, 0,
               "sampler lewis: %u examples asked for, %u of %u have a weight; lower the budget, or "
               "mix with uniform by sampler.lewis.uniform",
               draw->budget, some, draw->n);
  return false;
}

bool
draw_repeated (Draw *draw, GError **error)
{
  g_autofree double *sum = NULL;
  g_autofree uint32_t *place = NULL; /* in `index`, from 1 */
  LodeRng rng = draw->rng;
  double expected;

  if (!check (draw, error))
    return false;
  expected = draw_expected (draw->n, draw->prob, draw->budget);
  if (expected > MOST_DRAWS) {
    g_set_error (
        error, DRAW_ERROR, 0,
        "sampler lewis: %u distinct examples of %u need about %.2g draws with replacement; "
        "lower the budget, mix with uniform by sampler.lewis.uniform, or use "
        "sampler.lewis.draw = \"race\"",
        draw->budget, draw->n, expected);
    return false;
  }
  sum = g_new (double, draw->n);
  place = g_new0 (uint32_t, draw->n);
  for (uint32_t i = 0; i < draw->n; i++)
    sum[i] = (i ? sum[i - 1] : 0) + draw->prob[i];
  for (draw->found = 0, draw->draws = 0; draw->found < draw->budget; draw->draws++) {
    double at = lode_rng_uniform (&rng) * sum[draw->n - 1];
    uint32_t low = 0, high = draw->n - 1;

    while (low < high) { /* the first with sum > at */
      uint32_t middle = low + (high - low) / 2;

      if (sum[middle] > at)
        high = middle;
      else
        low = middle + 1;
    }
    if (!place[low]) {
      draw->index[draw->found] = low;
      draw->times[draw->found] = 0;
      place[low] = ++draw->found;
    }
    draw->times[place[low] - 1]++;
  }
  for (uint32_t i = 0; i < draw->found; i++)
    draw->weight[i] = 1 / (draw->draws * draw->prob[draw->index[i]]);
  return true;
}

/* A uniform number of (0, 1) for a row, whatever the budget. */
static double
of_row (const Draw *draw, uint32_t row)
{
  LodeRng rng = { draw->rng.key, draw->rng.n + row };

  return (double) (lode_rng_bits (&rng) >> 11) * 0x1p-53 + 0x1p-54;
}

typedef struct Key {
  double value;
  uint32_t row;
} Key;

static int
by_key (const void *a, const void *b)
{
  const Key *x = a, *y = b;

  if (x->value < y->value || x->value > y->value)
    return x->value < y->value ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

/* Rows with a weight, by rising keys. Transfer full. */
static Key *
sort_rows (const Draw *draw, double (*key) (double u, double prob), uint32_t *n)
{
  Key *keys = g_new (Key, draw->n);

  *n = 0;
  for (uint32_t i = 0; i < draw->n; i++)
    if (draw->prob[i] > 0)
      keys[(*n)++] = (Key){ key (of_row (draw, i), draw->prob[i]), i };
  qsort (keys, *n, sizeof *keys, by_key);
  return keys;
}

static double
ratio (double u, double prob)
{
  return u / prob;
}

static double
exponential (double u, double prob)
{
  return -log (u) / prob;
}

static double
kept_at (const Draw *draw, double rate)
{
  double sum = 0;

  for (uint32_t i = 0; i < draw->n; i++)
    sum += MIN (1, rate * draw->prob[i]);
  return sum;
}

/* β with Σ min (1, β p) = budget. */
static double
find_rate (const Draw *draw)
{
  double low = draw->budget, high = draw->budget;

  for (int i = 0; i < 1000 && kept_at (draw, high) < draw->budget * (1 - 1e-12); i++)
    high *= 2;
  for (int i = 0; i < 100; i++) {
    double middle = low + (high - low) / 2;

    if (kept_at (draw, middle) < draw->budget)
      low = middle;
    else
      high = middle;
  }
  return high;
}

bool
draw_poisson (Draw *draw, GError **error)
{
  g_autofree Key *keys = NULL;
  double rate;
  uint32_t n;

  if (!check (draw, error))
    return false;
  rate = find_rate (draw);
  keys = sort_rows (draw, ratio, &n);
  for (draw->found = 0; draw->found < n && keys[draw->found].value < rate; draw->found++) {
    uint32_t row = keys[draw->found].row;

    draw->index[draw->found] = row;
    draw->times[draw->found] = 1;
    draw->weight[draw->found] = 1 / MIN (1, rate * draw->prob[row]);
  }
  draw->draws = draw->found;
  if (draw->found > 0)
    return true;
  g_set_error (error, DRAW_ERROR, 0,
               "sampler lewis: none of %u examples was kept; raise the budget, or use "
               "sampler.lewis.draw = \"race\"",
               draw->n);
  return false;
}

bool
draw_race (Draw *draw, GError **error)
{
  g_autofree Key *keys = NULL;
  uint32_t n;
  double last;

  if (!check (draw, error))
    return false;
  keys = sort_rows (draw, exponential, &n);
  last = draw->budget < n ? keys[draw->budget].value : INFINITY;
  for (draw->found = 0; draw->found < draw->budget; draw->found++) {
    uint32_t row = keys[draw->found].row;

    draw->index[draw->found] = row;
    draw->times[draw->found] = 1;
    draw->weight[draw->found] = -1 / expm1 (-draw->prob[row] * last);
  }
  draw->draws = draw->found;
  return true;
}

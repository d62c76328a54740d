/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics over all rows, over groups, and over rows drawn again for an interval.
 */
#include "train/metric-private.h"

#include "compute/seed.h"

#include <math.h>
#include <string.h>

enum { PIECE = 16 /* draws of a chunk */ };

static double
value_of (const Draw *draw, const LodeMetric *metric)
{
  return draw->total > 0 ? lode_metric_values[metric->what].of (draw, metric) : NAN;
}

static double
group_value (Draw *part, const double *times, int32_t group, const LodeMetric *metric, double *own)
{
  const LodeOutcomes *of = part->of;

  for (uint32_t i = 0; i < of->n; i++)
    own[i] = of->group && of->group[i] == group ? times[i] : 0;
  lode_draw_set (part, own);
  return value_of (part, metric);
}

/* The worst of the groups, or the gap between the best and the worst. part, own: scratch */
static double
over_groups (const Draw *draw, const LodeMetric *metric, Draw *part, double *own)
{
  const LodeOutcomes *of = draw->of;
  double least = NAN, most = NAN;

  for (uint32_t g = 0; g < of->group_n; g++) {
    double value = group_value (part, draw->times, of->groups[g], metric, own);

    least = fmin (least, value);
    most = fmax (most, value);
  }
  if (metric->scope == LODE_SCOPE_GAP)
    return most - least;
  return lode_metric_values[metric->what].sign > 0 ? least : most;
}

static double
scoped (const Draw *draw, const LodeMetric *metric, Draw *part, double *own)
{
  return metric->scope == LODE_SCOPE_WORST || metric->scope == LODE_SCOPE_GAP
             ? over_groups (draw, metric, part, own)
             : value_of (draw, metric);
}

static double *
ones (uint32_t n)
{
  double *times = g_new (double, (size_t) n + 1);

  for (uint32_t i = 0; i < n; i++)
    times[i] = 1;
  return times;
}

double
lode_metric_value (const LodeOutcomes *of, const LodeMetric *metric)
{
  g_autoptr (Draw) draw = lode_draw_new (of);
  g_autoptr (Draw) part = lode_draw_new (of);
  g_autofree double *times = ones (of->n), *own = ones (of->n);

  lode_draw_set (draw, times);
  return scoped (draw, metric, part, own);
}

double
lode_metric_of_group (const LodeOutcomes *of, const LodeMetric *metric, int32_t group)
{
  g_autoptr (Draw) part = lode_draw_new (of);
  g_autofree double *times = ones (of->n), *own = ones (of->n);

  return group_value (part, times, group, metric, own);
}

/* All draws of all metrics. */
typedef struct Boot {
  const LodeOutcomes *of;
  const LodeMetric *metric; /* [m] */
  uint32_t m, draws;
  int32_t group; /* rows of this group alone are drawn; INT32_MIN: of all */
  uint64_t seed;
  uint32_t *pool; /* [pool_n] rows to draw from */
  uint32_t pool_n;
  double *value; /* [m][draws] */
} Boot;

static void
boot_piece (void *data, uint32_t piece)
{
  const Boot *boot = data;
  g_autoptr (Draw) draw = lode_draw_new (boot->of);
  g_autoptr (Draw) part = lode_draw_new (boot->of);
  g_autofree double *times = g_new (double, (size_t) boot->of->n + 1), *own = ones (boot->of->n);
  uint32_t to = MIN ((piece + 1) * PIECE, boot->draws);

  for (uint32_t b = piece * PIECE; b < to; b++) {
    LodeRng rng = lode_seed_rng (boot->seed, "bootstrap", b, 0);

    for (uint32_t i = 0; i < boot->of->n; i++)
      times[i] = 0;
    for (uint32_t i = 0; i < boot->pool_n; i++)
      times[boot->pool[lode_rng_below (&rng, boot->pool_n)]]++;
    lode_draw_set (draw, times);
    for (uint32_t j = 0; j < boot->m; j++)
      boot->value[(size_t) j * boot->draws + b] = scoped (draw, &boot->metric[j], part, own);
  }
}

static int
compare_values (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Linear between the two nearest of sorted values (Hyndman & Fan 1996, type 7). */
static double
quantile (const double *sorted, uint32_t n, double q)
{
  double at = q * (n - 1);
  uint32_t low = (uint32_t) at, high = MIN (low + 1, n - 1);

  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/* value: [draws] of one metric; sorted in place */
static void
set_interval (double *value, uint32_t draws, double confidence, LodeInterval *out)
{
  uint32_t n = 0;

  for (uint32_t b = 0; b < draws; b++)
    if (!isnan (value[b]))
      value[n++] = value[b];
  if (!n)
    return;
  qsort (value, n, sizeof *value, compare_values);
  out->low = quantile (value, n, (1 - confidence) / 2);
  out->high = quantile (value, n, (1 + confidence) / 2);
}

static void
intervals_of (Boot *boot, LodeThreads *threads, LodeInterval *out)
{
  const LodeOutcomes *of = boot->of;

  for (uint32_t i = 0; i < of->n; i++)
    if (boot->group == INT32_MIN || of->group[i] == boot->group)
      boot->pool[boot->pool_n++] = i;
  if (boot->pool_n)
    lode_threads_each (threads, (boot->draws + PIECE - 1) / PIECE, boot_piece, boot);
  for (uint32_t j = 0; boot->pool_n && j < boot->m; j++)
    set_interval (boot->value + (size_t) j * boot->draws, boot->draws, of->in.conf->confidence,
                  &out[j]);
}

/* Values and intervals over all rows, or those of a group. */
static void
run (const LodeOutcomes *of, LodeThreads *threads, uint64_t seed, int32_t group, uint32_t m,
     const LodeMetric *metric, LodeInterval *out)
{
  uint32_t draws = (uint32_t) of->in.conf->bootstrap;
  g_autofree uint32_t *pool = g_new (uint32_t, (size_t) of->n + 1);
  g_autofree double *value = g_new (double, (size_t) m *draws + 1);
  Boot boot = { of, metric, m, draws, group, seed, pool, 0, value };

  for (uint32_t j = 0; j < m; j++) {
    out[j] = (LodeInterval){ NAN, NAN, NAN };
    out[j].value = group == INT32_MIN ? lode_metric_value (of, &metric[j])
                                      : lode_metric_of_group (of, &metric[j], group);
  }
  intervals_of (&boot, threads, out);
}

void
lode_metric_intervals (const LodeOutcomes *of, LodeThreads *threads, uint64_t seed, uint32_t m,
                       const LodeMetric *metric, LodeInterval *out)
{
  run (of, threads, seed, INT32_MIN, m, metric, out);
}

/* "groups:NAME" as NAME_group_3 of each group, with draws from its own rows. */
static void
report_each (const LodeOutcomes *of, LodeThreads *threads, uint64_t seed, const char *text,
             const LodeMetric *metric, LodeMetricFunc f, void *data)
{
  LodeMetric alone = *metric;

  alone.scope = LODE_SCOPE_ALL;
  for (uint32_t g = 0; g < of->group_n; g++) {
    g_autofree char *name =
        g_strdup_printf ("%s_group_%d", strchr (text, ':') + 1, (int) of->groups[g]);
    LodeInterval out;

    run (of, threads, seed, of->groups[g], 1, &alone, &out);
    f (data, name, &out);
  }
}

bool
lode_metrics_report (const LodeOutcomes *of, LodeThreads *threads, uint64_t seed, LodeMetricFunc f,
                     void *data, GError **error)
{
  const LodeTexts *report = &of->in.conf->report;
  g_autofree LodeMetric *metric = g_new (LodeMetric, report->n + 1);
  g_autofree LodeInterval *out = g_new (LodeInterval, report->n + 1);

  for (size_t i = 0; i < report->n; i++)
    if (!lode_metric_parse (report->at[i], &of->in, &metric[i], error))
      return false;
  lode_metric_intervals (of, threads, seed, (uint32_t) report->n, metric, out);
  for (size_t i = 0; i < report->n; i++)
    if (metric[i].scope == LODE_SCOPE_EACH)
      report_each (of, threads, seed, report->at[i], &metric[i], f, data);
    else
      f (data, report->at[i], &out[i]);
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signed-rank test (Wilcoxon 1945). Ranks are kept doubled, so that those of ties are whole.
 */
#include "statistics.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

enum { EXACT = 200 };

typedef struct Ranked {
  double size;
  bool positive;
  uint32_t twice; /* the doubled rank */
} Ranked;

static int
compare (const void *a, const void *b)
{
  double x = ((const Ranked *) a)->size, y = ((const Ranked *) b)->size;

  return (x > y) - (x < y);
}

/* Differences that are not 0, ranked; returns how many. *ties: Σ t³ − t over groups of ties. */
static uint32_t
rank (uint32_t n, const double *d, Ranked *out, double *ties)
{
  uint32_t m = 0;

  for (uint32_t i = 0; i < n; i++)
    if (d[i] != 0)
      out[m++] = (Ranked){ fabs (d[i]), d[i] > 0, 0 };
  qsort (out, m, sizeof *out, compare);
  *ties = 0;
  for (uint32_t i = 0, next; i < m; i = next) {
    double t;

    for (next = i + 1; next < m && out[next].size - out[i].size <= 1e-12 * out[i].size; next++)
      ;
    for (uint32_t k = i; k < next; k++)
      out[k].twice = i + 1 + next;
    t = next - i;
    *ties += t * t * t - t;
  }
  return m;
}

/* Both tails of the distribution over all signs, which is symmetric: chances of the doubled sums,
 * one rank after the other. */
static double
exact (uint32_t m, const Ranked *ranked, uint32_t sum)
{
  uint32_t total = m * (m + 1), near = MIN (sum, total - sum);
  g_autofree double *chance = g_new0 (double, total + 1);
  double tail = 0;

  chance[0] = 1;
  for (uint32_t i = 0, most = 0; i < m; i++) {
    uint32_t step = ranked[i].twice;

    most += step;
    for (uint32_t s = most + 1; s-- > 0;)
      chance[s] = 0.5 * (chance[s] + (s >= step ? chance[s - step] : 0));
  }
  for (uint32_t s = 0; s <= near; s++)
    tail += chance[s];
  return MIN (2 * tail, 1);
}

/* With the variance that ties leave (Hollander & Wolfe 1999, eq. 3.12), no continuity correction.
 */
static double
normal (double m, double sum, double ties)
{
  double mean = m * (m + 1) / 4, variance = m * (m + 1) * (2 * m + 1) / 24 - ties / 48;

  return 2 * stat_normal (-fabs (sum - mean) / sqrt (variance));
}

double
stat_wilcoxon (uint32_t n, const double *d, double *statistic)
{
  g_autofree Ranked *ranked = g_new0 (Ranked, n + 1);
  double ties;
  uint32_t m = rank (n, d, ranked, &ties);
  uint64_t sum = 0;

  for (uint32_t i = 0; i < m; i++)
    sum += ranked[i].positive ? ranked[i].twice : 0;
  if (statistic)
    *statistic = (double) sum / 2;
  if (m == 0)
    return 1;
  return m <= EXACT ? exact (m, ranked, (uint32_t) sum) : normal (m, (double) sum / 2, ties);
}

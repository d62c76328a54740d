/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics/rank.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

typedef struct Pair {
  double x, y;
  uint32_t i;
} Pair;

static int
by_x_then_y (const void *a, const void *b)
{
  const Pair *p = a, *q = b;

  if (p->x != q->x)
    return p->x < q->x ? -1 : 1;
  return (p->y > q->y) - (p->y < q->y);
}

static uint64_t
pairs_of (uint64_t n)
{
  return n * (n - 1) / 2;
}

/* Pairs with the same x, and those with the same y too. pair: sorted by x, then y */
static void
count_ties (uint32_t n, const Pair *pair, uint64_t *x, uint64_t *both)
{
  uint32_t same = 1, alike = 1;

  *x = *both = 0;
  for (uint32_t i = 1; i <= n; i++) {
    bool is_same = i < n && pair[i].x == pair[i - 1].x;

    if (is_same && pair[i].y == pair[i - 1].y)
      alike++;
    else {
      *both += pairs_of (alike);
      alike = 1;
    }
    if (is_same)
      same++;
    else {
      *x += pairs_of (same);
      same = 1;
    }
  }
}

static uint64_t
count_equal (uint32_t n, const double *sorted)
{
  uint64_t ties = 0;
  uint32_t same = 1;

  for (uint32_t i = 1; i <= n; i++)
    if (i < n && sorted[i] == sorted[i - 1])
      same++;
    else {
      ties += pairs_of (same);
      same = 1;
    }
  return ties;
}

/* Sorts y by merging and counts the exchanges that a sort of neighbours would make. spare: [n] */
static uint64_t
merge_sort (uint32_t n, double *y, double *spare)
{
  uint64_t exchanges = 0;

  for (uint64_t width = 1; width < n; width *= 2)
    for (uint64_t low = 0; low + width < n; low += 2 * width) {
      uint64_t middle = low + width, high = MIN (middle + width, n), a = low, b = middle, to = 0;

      while (a < middle || b < high)
        if (b >= high || (a < middle && y[a] <= y[b]))
          spare[to++] = y[a++];
        else {
          exchanges += middle - a;
          spare[to++] = y[b++];
        }
      memcpy (y + low, spare, to * sizeof *y);
    }
  return exchanges;
}

double
stat_kendall (uint32_t n, const double *x, const double *y)
{
  g_autofree Pair *pair = g_new (Pair, (gsize) n + 1);
  g_autofree double *order = g_new (double, 2 * (gsize) n + 1);
  uint64_t all = pairs_of (n), ties_x, ties_y, both, discordant;
  double net;

  for (uint32_t i = 0; i < n; i++)
    pair[i] = (Pair){ x[i], y[i], i };
  if (n < 2)
    return NAN;
  qsort (pair, n, sizeof *pair, by_x_then_y);
  count_ties (n, pair, &ties_x, &both);
  for (uint32_t i = 0; i < n; i++)
    order[i] = pair[i].y;
  discordant = merge_sort (n, order, order + n);
  ties_y = count_equal (n, order);
  if (ties_x == all || ties_y == all)
    return NAN;
  net = (double) all - (double) ties_x - (double) ties_y + (double) both - 2 * (double) discordant;
  return CLAMP (net / sqrt ((double) (all - ties_x)) / sqrt ((double) (all - ties_y)), -1, 1);
}

/* Mean ranks, from 1 on. pair, rank: [n] */
static void
rank (uint32_t n, const double *x, Pair *pair, double *rank)
{
  for (uint32_t i = 0; i < n; i++)
    pair[i] = (Pair){ x[i], 0, i };
  qsort (pair, n, sizeof *pair, by_x_then_y);
  for (uint32_t first = 0, last; first < n; first = last) {
    for (last = first + 1; last < n && pair[last].x == pair[first].x;)
      last++;
    for (uint32_t i = first; i < last; i++)
      rank[pair[i].i] = 0.5 * (first + 1 + last);
  }
}

double
stat_spearman (uint32_t n, const double *x, const double *y)
{
  g_autofree Pair *pair = g_new (Pair, (gsize) n + 1);
  g_autofree double *a = g_new (double, 2 * (gsize) n + 1);
  double *b = a + n, middle = 0.5 * (n + 1.0), xy = 0, xx = 0, yy = 0;

  if (n < 2)
    return NAN;
  rank (n, x, pair, a);
  rank (n, y, pair, b);
  for (uint32_t i = 0; i < n; i++) {
    xy += (a[i] - middle) * (b[i] - middle);
    xx += (a[i] - middle) * (a[i] - middle);
    yy += (b[i] - middle) * (b[i] - middle);
  }
  return xx > 0 && yy > 0 ? CLAMP (xy / sqrt (xx) / sqrt (yy), -1, 1) : NAN;
}

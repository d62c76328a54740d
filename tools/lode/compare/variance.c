/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of the variance each source of randomness brings: groups (architectures) and what varies
 * within them (trainings).
 */
#include "statistics.h"

#include <glib.h>
#include <math.h>

/* Numbers as positions: the k-th different number becomes k. at: [n]; returns how many. */
static uint32_t
number (uint32_t n, const uint64_t *from, uint32_t *at)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_int64_hash, g_int64_equal);

  for (uint32_t i = 0; i < n; i++) {
    guint known = GPOINTER_TO_UINT (g_hash_table_lookup (seen, &from[i]));

    at[i] = known ? known - 1 : g_hash_table_size (seen);
    if (!known)
      g_hash_table_insert (seen, (gpointer) &from[i], GUINT_TO_POINTER (at[i] + 1));
  }
  return g_hash_table_size (seen);
}

/* Mean of y by position. mean, count: [k] */
static void
means (uint32_t n, const double *y, const uint32_t *at, uint32_t k, double *mean, double *count)
{
  for (uint32_t i = 0; i < k; i++)
    mean[i] = count[i] = 0;
  for (uint32_t i = 0; i < n; i++) {
    mean[at[i]] += y[i];
    count[at[i]]++;
  }
  for (uint32_t i = 0; i < k; i++)
    mean[i] /= count[i];
}

/* One-way, random effects, groups of any sizes (Searle et al. 1992, §3.6). */
static void
nested (uint32_t n, const double *y, const uint32_t *at, uint32_t groups, StatVariance *out)
{
  g_autofree double *mean = g_new (double, groups), *count = g_new (double, groups);
  double grand = stat_mean (n, y), between = 0, within = 0, squares = 0, size, msb, msw;

  means (n, y, at, groups, mean, count);
  for (uint32_t g = 0; g < groups; g++) {
    between += count[g] * (mean[g] - grand) * (mean[g] - grand);
    squares += count[g] * count[g];
  }
  for (uint32_t i = 0; i < n; i++)
    within += (y[i] - mean[at[i]]) * (y[i] - mean[at[i]]);
  msb = between / (groups - 1.0);
  msw = within / (n - (double) groups);
  size = (n - squares / n) / (groups - 1.0);
  out->within = msw;
  out->between = fmax ((msb - msw) / size, 0);
}

/* Two ways, random effects, one value a cell: what is left is both together. */
static void
crossed (uint32_t n, const double *y, const uint32_t *row, uint32_t rows, const uint32_t *column,
         uint32_t columns, StatVariance *out)
{
  g_autofree double *of_row = g_new (double, rows), *of_column = g_new (double, columns),
                    *count = g_new (double, MAX (rows, columns));
  double grand = stat_mean (n, y), by_row = 0, by_column = 0, rest = 0;

  means (n, y, row, rows, of_row, count);
  means (n, y, column, columns, of_column, count);
  for (uint32_t i = 0; i < n; i++) {
    double left = y[i] - of_row[row[i]] - of_column[column[i]] + grand;

    rest += left * left;
    by_row += (of_row[row[i]] - grand) * (of_row[row[i]] - grand);
    by_column += (of_column[column[i]] - grand) * (of_column[column[i]] - grand);
  }
  rest /= (rows - 1.0) * (columns - 1.0);
  by_row /= rows - 1.0;
  by_column /= columns - 1.0;
  out->within = rest;
  out->between = fmax ((by_row - rest) / columns, 0);
  out->across = fmax ((by_column - rest) / rows, 0);
}

/* Whether every row has every column once. */
static bool
is_full (uint32_t n, const uint32_t *row, uint32_t rows, const uint32_t *column, uint32_t columns)
{
  g_autofree uint8_t *seen = NULL;

  if (rows < 2 || columns < 2 || (uint64_t) rows * columns != n)
    return false;
  seen = g_new0 (uint8_t, n);
  for (uint32_t i = 0; i < n; i++)
    if (seen[row[i] * columns + column[i]]++)
      return false;
  return true;
}

StatVariance
stat_variance (uint32_t n, const double *y, const uint64_t *a, const uint64_t *b)
{
  g_autofree uint32_t *row = g_new (uint32_t, n + 1), *column = g_new (uint32_t, n + 1);
  uint32_t rows = number (n, a, row), columns = number (n, b, column);
  StatVariance out = { STAT_INSEPARABLE, rows, 0, NAN, NAN, NAN };

  if (is_full (n, row, rows, column, columns)) {
    out.design = STAT_CROSSED;
    out.columns = columns;
    crossed (n, y, row, rows, column, columns, &out);
  } else if (rows >= 2 && n > rows) {
    out.design = STAT_NESTED;
    out.across = 0;
    nested (n, y, row, rows, &out);
  }
  return out;
}

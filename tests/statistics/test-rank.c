/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rank correlations against SciPy 1.17.1 (kendalltau, spearmanr), and against pairs counted one by
 * one.
 */
#include "statistics/rank.h"

#include <glib.h>
#include <math.h>

static void
near (double found, double expected)
{
  if (!(fabs (found - expected) <= 1e-14))
    g_error ("expected %.17g, found %.17g", expected, found);
}

static void
test_toy (void)
{
  const double s[] = { 0.1, 0.4, 0.35, 0.8, 0.7 }, y[] = { 0.2, 0.3, 0.5, 0.9, 0.6 };
  const double reversed[] = { -0.2, -0.3, -0.5, -0.9, -0.6 };

  near (stat_kendall (5, s, y), 0.8);
  near (stat_spearman (5, s, y), 0.9);
  near (stat_kendall (5, s, reversed), -0.8);
  near (stat_kendall (5, y, reversed), -1);
  near (stat_spearman (5, y, y), 1);
}

/* With many ties. */
static void
test_ties (void)
{
  static const struct {
    uint32_t n;
    double kendall, spearman;
  } golden[] = { { 2, 1, 1 },
                 { 3, 0.33333333333333337, 0.5 },
                 { 10, -0.046004370622823615, -0.07339758434175737 },
                 { 50, -0.029105646051689058, -0.03839497870994413 },
                 { 1000, 0.000190882074358123, 0.0002559173457746485 } };
  double x[1000], y[1000];

  for (int i = 0; i < 1000; i++) {
    x[i] = (7 * i + 3) % 11;
    y[i] = (5 * i * i + i + 1) % 13;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    near (stat_kendall (golden[i].n, x, y), golden[i].kendall);
    near (stat_spearman (golden[i].n, x, y), golden[i].spearman);
  }
}

static void
test_long (void)
{
  static double x[4096], y[4096];

  for (int64_t i = 0; i < 4096; i++) {
    x[i] = (double) (i * 7919 % 104729);
    y[i] = x[i] + (double) (i * 31337 % 65537);
  }
  near (stat_kendall (1000, x, y), 0.6607527527527528);
  near (stat_spearman (1000, x, y), 0.856903768903769);
  near (stat_kendall (4096, x, y), 0.6532225370115996);
  near (stat_spearman (4096, x, y), 0.8543096261455827);
}

static int
sign (double x)
{
  return (x > 0) - (x < 0);
}

/* τ-b as it is defined. */
static double
counted (uint32_t n, const double *x, const double *y)
{
  double both = 0, in_x = 0, in_y = 0;

  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < i; j++) {
      int a = sign (x[i] - x[j]), b = sign (y[i] - y[j]);

      both += a * b;
      in_x += a * a;
      in_y += b * b;
    }
  return both / sqrt (in_x * in_y);
}

static void
test_counted (void)
{
  double x[64], y[64];

  for (uint32_t round = 0; round < 200; round++) {
    uint32_t n = 2 + (uint32_t) g_test_rand_int_range (0, 63);
    gint values = g_test_rand_int_range (2, 40);
    double expected;

    for (uint32_t i = 0; i < n; i++) {
      x[i] = g_test_rand_int_range (0, values);
      y[i] = g_test_rand_int_range (0, values);
    }
    expected = counted (n, x, y);
    if (isnan (expected))
      g_assert_true (isnan (stat_kendall (n, x, y)));
    else {
      near (stat_kendall (n, x, y), expected);
      near (stat_kendall (n, y, x), expected);
    }
  }
}

static void
test_nothing (void)
{
  const double same[] = { 1, 1, 1 }, other[] = { 1, 2, 3 };

  g_assert_true (isnan (stat_kendall (0, same, other)) && isnan (stat_spearman (1, same, other)));
  g_assert_true (isnan (stat_kendall (3, same, other)) && isnan (stat_spearman (3, other, same)));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rank/toy", test_toy);
  g_test_add_func ("/rank/ties", test_ties);
  g_test_add_func ("/rank/long", test_long);
  g_test_add_func ("/rank/counted", test_counted);
  g_test_add_func ("/rank/nothing", test_nothing);
  return g_test_run ();
}

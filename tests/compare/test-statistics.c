/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics of comparisons against published examples, against SciPy 1.10.1, and, where they
 * promise something in the long run, by simulation.
 */
#include "statistics.h"

#include "compute/seed.h"

#include <glib.h>
#include <math.h>

static void
near (double found, double expected, double tolerance)
{
  double allowed = tolerance * fmax (1, fabs (expected));

  if (!(fabs (found - expected) <= allowed))
    g_error ("expected %.17g, found %.17g", expected, found);
}

/* Charles Darwin's fifteen pairs of maize, crossed minus self-fertilised, in eighths of an inch
 * (Fisher 1935, The Design of Experiments, §17). */
static const double darwin[] = { 49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48 };

static void
test_moments (void)
{
  const double x[] = { 1e9 + 1, 1e9 + 2, 1e9 + 3 };

  near (stat_mean (15, darwin), 314.0 / 15, 1e-15);
  near (stat_sd (3, x), 1, 1e-15);
  near (stat_sd (15, darwin), 37.744 /* ibid., to its digits: mean 20.93, s 37.74 */, 1e-4);
  g_assert_true (isnan (stat_mean (0, x)) && isnan (stat_sd (1, x)));
}

/* scipy.stats.norm */
static void
test_normal (void)
{
  static const double p[] = { 1e-300, 1e-10, 0.025, 0.2, 0.5, 0.9, 0.975 };
  static const double z[] = {
    -37.0470962993612,  -6.361340902404056, -1.9599639845400545, -0.8416212335729142, 0,
    1.2815515655446004, 1.959963984540054
  };

  for (size_t i = 0; i < G_N_ELEMENTS (p); i++) {
    near (stat_normal_inverse (p[i]), z[i], 1e-13);
    near (stat_normal (stat_normal_inverse (p[i])) / p[i], 1, 1e-11);
  }
  near (stat_normal (-8) / 6.22096057e-16, 1, 1e-8);
  near (stat_normal (5), 0.999999713, 1e-9);
  g_assert_true (isinf (stat_normal_inverse (0)) && stat_normal_inverse (1) > 1e300);
}

/* scipy.stats.t, whose quantiles are good to ten digits; with 1, 2 and 4 degrees of freedom there
 * are closed forms (Shaw 2006). */
static void
test_student (void)
{
  static const struct {
    double p, df, t;
  } quantile[] = { { 0.975, 1, 12.706204736432095 }, { 0.975, 2, 4.302652729911275 },
                   { 0.975, 4, 2.7764451051977987 }, { 0.975, 9, 2.2621571627409915 },
                   { 0.975, 29, 2.045229642132703 }, { 0.975, 1000, 1.9623390808264074 },
                   { 0.005, 1, -63.65674116287404 }, { 0.005, 4, -4.604094871415898 },
                   { 0.005, 9, -3.24983554401537 },  { 0.5, 3, 0 } };
  const double alpha = 4 * 0.975 * 0.025;

  for (size_t i = 0; i < G_N_ELEMENTS (quantile); i++)
    near (stat_student_inverse (quantile[i].p, quantile[i].df), quantile[i].t, 1e-9);
  near (stat_student_inverse (0.975, 1), tan (0.475 * 3.14159265358979323846), 1e-13);
  near (stat_student_inverse (0.975, 2), 0.95 * sqrt (2 / (4 * 0.975 * 0.025)), 1e-13);
  near (stat_student_inverse (0.975, 4),
        2 * sqrt (cos (acos (sqrt (alpha)) / 3) / sqrt (alpha) - 1), 1e-13);
  near (stat_student (1.5, 3), 0.8847080673775886, 1e-14);
  near (stat_student (-2, 7), 0.04280966428148798, 1e-14);
  near (stat_student (0.1, 1), 0.5317255174305535, 1e-14);
  near (stat_student (30, 2), 0.9994453686590202, 1e-14);
}

/* Fisher's own count: 1726 of 2¹⁵ (ibid., §21: 5.267 per cent). */
static void
test_permutation (void)
{
  const double five[] = { 0.1, 0.2, 0.1, 0.3, 0.2 }, ties[] = { 1, -1 };

  near (stat_permutation (15, darwin, 1), 1726.0 / 32768, 1e-15);
  near (stat_permutation (5, five, 1), 2.0 / 32, 1e-15);
  near (stat_permutation_least (5), 0.0625, 0);
  near (stat_permutation (2, ties, 1), 1, 0);
  near (stat_permutation (0, NULL, 1), 1, 0);
  near (stat_permutation (1, five, 1), 1, 0);
}

/* Exact against counting all changes one by one, with ties in sums that rounding would break. */
static void
test_permutation_counted (void)
{
  LodeRng rng = { 5, 0 };

  for (int round = 0; round < 200; round++) {
    uint32_t n = 1 + lode_rng_below (&rng, 9), count = 0;
    double d[9], observed = 0;

    for (uint32_t i = 0; i < n; i++) {
      d[i] = 0.1 * ((double) lode_rng_below (&rng, 9) - 4);
      observed += d[i];
    }
    for (uint32_t signs = 0; signs < 1u << n; signs++) {
      double sum = 0;

      for (uint32_t i = 0; i < n; i++)
        sum += signs >> i & 1 ? d[i] : -d[i];
      count += fabs (sum) >= fabs (observed) - 1e-9;
    }
    near (stat_permutation (n, d, 1), (double) count / (1u << n), 1e-12);
  }
}

/* Drawn changes: near what twenty of the same give exactly, repeatable, never 0. */
static void
test_permutation_drawn (void)
{
  double d[40], all[1000];
  double exact;

  for (int i = 0; i < 20; i++)
    d[i] = darwin[i % 15];
  exact = stat_permutation (20, d, 1);
  d[20] = 0; /* a pair without a difference changes nothing */
  near (stat_permutation (21, d, 1), exact, 0.002);
  g_assert_true (stat_permutation (21, d, 1) == stat_permutation (21, d, 1));
  for (int i = 0; i < 1000; i++)
    all[i] = 1;
  near (stat_permutation (1000, all, 1), 1.0 / 10001, 1e-12);
}

/* R's and SciPy's example: Hollander & Wolfe (1973), p. 29, depression before and after. */
static void
test_wilcoxon (void)
{
  const double x[] = { 1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30 };
  const double y[] = { 0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29 };
  double d[9], sum;

  for (int i = 0; i < 9; i++)
    d[i] = x[i] - y[i];
  near (stat_wilcoxon (9, d, &sum), 0.0390625, 1e-15); /* R: V = 40, one-sided 0.01953 */
  near (sum, 40, 0);
  near (stat_wilcoxon (15, darwin, &sum), 0.041259765625, 1e-15);
  near (sum, 120 - 24, 0);
}

/* Ties and zeros: two-sided shares of all 2ⁿ signs of the mean ranks, counted in Python over
 * scipy.stats.rankdata. */
static void
test_wilcoxon_ties (void)
{
  const double a[] = { 1, 1, -1, 2, 2, 3, 0, 0, 4, -2 }, b[] = { 0.3, 0.3, 0.3, -0.3, 0.5 },
               c[] = { 2, 2, 2, 2, 2, 2, -1, -1 }, e[] = { 1, -1 }, none[] = { 0, 0, 0 };
  double sum;

  near (stat_wilcoxon (10, a, &sum), 0.1640625, 1e-15);
  near (sum, 29, 0);
  near (stat_wilcoxon (5, b, &sum), 0.3125, 1e-15);
  near (sum, 12.5, 0);
  near (stat_wilcoxon (8, c, NULL), 0.03125, 1e-15);
  near (stat_wilcoxon (2, e, NULL), 1, 0);
  near (stat_wilcoxon (3, none, NULL), 1, 0);
}

/* scipy.stats.wilcoxon: exact with 30 pairs, normal with 300, and with ties. */
static void
test_wilcoxon_large (void)
{
  const double thirty[] = { 0.326,  0.068,  0.84,   0.305,  -0.336, 0.562,  1.504,  1.147,
                            -0.504, -1.065, -0.423, 0.241,  -2.125, -0.019, -1.046, -0.532,
                            -0.344, -0.116, 0.612,  1.243,  0.071,  1.566,  -0.465, 0.552,
                            1.103,  0.294,  -0.543, -0.722, -0.258, 0.42 };
  double d[300], rough[300];

  near (stat_wilcoxon (30, thirty, NULL), 0.583757072687149, 1e-13);
  for (int i = 0; i < 300; i++) {
    d[i] = round (1e6 * (sin (1.7 * i) + 0.1)) / 1e6;
    rough[i] = round (10 * d[i]) / 10;
  }
  near (stat_wilcoxon (300, d, NULL), 0.004405734153606616, 1e-12);
  near (stat_wilcoxon (300, rough, NULL), 0.0036604276248513616, 1e-12);
}

/* R's p.adjust (c (0.01, 0.04, 0.03, 0.005), "holm"). */
static void
test_holm (void)
{
  const double p[] = { 0.01, 0.04, 0.03, 0.005 }, large[] = { 0.9, 0.5 };
  const double expected[] = { 0.03, 0.06, 0.06, 0.02 };
  double adjusted[4];

  stat_holm (4, p, adjusted);
  for (int i = 0; i < 4; i++)
    near (adjusted[i], expected[i], 1e-15);
  stat_holm (2, large, adjusted);
  g_assert_true (adjusted[0] == 1 && adjusted[1] == 1);
  stat_holm (0, p, adjusted);
}

/* All 5⁵ resamples in NumPy, percentiles by its linear rule: BCa as it is and widened. */
static void
test_bootstrap_all (void)
{
  const double d[] = { 1, 2, 3, 4, 10 }, same[] = { 2, 2, 2 };
  StatInterval plain = stat_bootstrap (5, d, 0.95, false, 1),
               wide = stat_bootstrap (5, d, 0.95, true, 1);

  near (plain.low, 2.0, 1e-12);
  near (plain.high, 8.2, 1e-12);
  near (wide.low, 1.6, 1e-12);
  near (wide.high, 9.983612882034503, 1e-9);
  g_assert_true (isnan (stat_bootstrap (1, d, 0.95, true, 1).low));
  g_assert_true (stat_bootstrap (3, same, 0.95, true, 1).low == 2);
  g_assert_true (stat_bootstrap (3, same, 0.95, true, 1).high == 2);
}

/* scipy.stats.bootstrap, BCa of a million resamples: what those of forty seeds come to on average.
 */
static void
test_bootstrap_drawn (void)
{
  static const double low[] = { -0.17957310744794663, -0.0766104862258485 },
                      high[] = { 0.43234396301160505, 0.31461176549329933 };
  double d[50];

  for (int i = 0; i < 50; i++)
    d[i] = round (1e6 * (sin (1.7 * i) + 0.1)) / 1e6;
  for (int i = 0; i < 2; i++) {
    double from = 0, to = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
      StatInterval found = stat_bootstrap (i ? 50 : 20, d, 0.95, false, seed);

      from += found.low / 40;
      to += found.high / 40;
    }
    near (from, low[i], 0.002);
    near (to, high[i], 0.002);
  }
  g_assert_true (stat_bootstrap (20, d, 0.95, true, 3).low
                 == stat_bootstrap (20, d, 0.95, true, 3).low);
}

/* Shift and scale of the differences move the interval with them, and a change of sign turns it. */
static void
test_bootstrap_moves (void)
{
  LodeRng rng = { 11, 0 };

  for (int round = 0; round < 20; round++) {
    double d[9], moved[9], turned[9];
    StatInterval a, b, c;

    for (int i = 0; i < 9; i++) {
      d[i] = lode_rng_normal (&rng);
      moved[i] = 3 + 2 * d[i];
      turned[i] = -d[i];
    }
    a = stat_bootstrap (9, d, 0.95, true, 1);
    b = stat_bootstrap (9, moved, 0.95, true, 1);
    c = stat_bootstrap (9, turned, 0.95, true, 1);
    near (b.low, 3 + 2 * a.low, 1e-9);
    near (b.high, 3 + 2 * a.high, 1e-9);
    near (c.low, -a.high, 0.02);
    near (c.high, -a.low, 0.02);
  }
}

/* How often the interval holds the true mean, and, from this, never says what is not so. */
static double
coverage (uint32_t n, bool skewed, bool widen, int trials)
{
  LodeRng rng = lode_seed_rng (n, skewed ? "skewed" : "normal", 0, 0);
  int held = 0;

  for (int t = 0; t < trials; t++) {
    double d[40];
    StatInterval found;

    for (uint32_t i = 0; i < n; i++)
      d[i] = skewed ? -log (1 - lode_rng_uniform (&rng)) - 1 : lode_rng_normal (&rng);
    found = stat_bootstrap (n, d, 0.95, widen, (uint64_t) t);
    held += found.low <= 0 && 0 <= found.high;
  }
  return (double) held / trials;
}

static void
test_coverage (void)
{
  static const uint32_t sizes[] = { 5, 6, 8, 10, 20 };

  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (int skewed = 0; skewed < 2; skewed++) {
      int trials = g_test_thorough () ? 5000 : sizes[i] < 8 ? 400 : 60;
      double wide = coverage (sizes[i], skewed, true, trials),
             plain = coverage (sizes[i], skewed, false, trials);

      g_test_message ("n = %u, %s: widened %.3f, plain %.3f", sizes[i],
                      skewed ? "exponential" : "normal", wide, plain);
      g_assert_cmpfloat (wide, >, skewed ? 0.8 : 0.89);
      g_assert_cmpfloat (wide, >, plain - 1e-9);
      g_assert_true (trials < 400 || wide < 0.985);
    }
}

/* Under no difference p ≤ 0.05 comes at most as often as it says; under a clear one it comes. */
static void
test_size_of_tests (void)
{
  LodeRng rng = lode_seed_rng (3, "tests", 0, 0);
  int permutation = 0, wilcoxon = 0, power = 0, trials = 2000;

  for (int t = 0; t < trials; t++) {
    double d[10], shifted[10];

    for (int i = 0; i < 10; i++) {
      d[i] = lode_rng_normal (&rng);
      shifted[i] = d[i] + 1.5;
    }
    permutation += stat_permutation (10, d, 1) <= 0.05;
    wilcoxon += stat_wilcoxon (10, d, NULL) <= 0.05;
    power += stat_permutation (10, shifted, 1) <= 0.05;
  }
  g_test_message ("of %d: permutation %d, Wilcoxon %d, with a shift %d", trials, permutation,
                  wilcoxon, power);
  g_assert_cmpint (permutation, <, trials * 65 / 1000);
  g_assert_cmpint (permutation, >, trials * 35 / 1000);
  g_assert_cmpint (wilcoxon, <, trials * 65 / 1000);
  g_assert_cmpint (power, >, trials * 9 / 10);
}

/* Hedges (1981), table 1: J (4) = 0.7979, J (9) = 0.9139. */
static void
test_effect (void)
{
  const double five[] = { 1, 2, 3, 4, 5 }, same[] = { 1, 1, 1 }, zero[] = { 0, 0, 0 };
  double ten[10];

  near (stat_effect (5, five), 0.7978845608028654 * 3 / sqrt (2.5), 1e-14);
  for (int i = 0; i < 10; i++)
    ten[i] = i;
  near (stat_effect (10, ten), 0.9138748917925524 * 4.5 / stat_sd (10, ten), 1e-14);
  g_assert_true (isinf (stat_effect (3, same)) && stat_effect (3, zero) == 0);
  g_assert_true (isnan (stat_effect (2, five)));
}

/* Dyestuff: six batches, five samples each (Davies & Goldsmith 1972; the first example of R's lme4,
 * whose fit by REML, the same as moments where groups are of one size, is 1764.05 and 2451.25). */
static void
test_variance_nested (void)
{
  static const double yield[] = { 1545, 1440, 1440, 1520, 1580, 1540, 1555, 1490, 1560, 1495,
                                  1595, 1550, 1605, 1510, 1560, 1445, 1440, 1595, 1465, 1545,
                                  1595, 1630, 1515, 1635, 1625, 1520, 1455, 1450, 1480, 1445 };
  uint64_t batch[30], sample[30];
  StatVariance found;

  for (uint64_t i = 0; i < 30; i++) {
    batch[i] = 70 - 3 * (i / 5);
    sample[i] = i;
  }
  found = stat_variance (30, yield, batch, sample);
  g_assert_cmpint (found.design, ==, STAT_NESTED);
  g_assert_cmpuint (found.groups, ==, 6);
  near (found.between, 1764.05, 1e-12);
  near (found.within, 2451.25, 1e-12);
}

/* A small table, its mean squares in NumPy; and what cannot be told. */
static void
test_variance_crossed (void)
{
  const double y[] = { 3, 5, 4, 6, 7, 8, 9, 7, 1, 4, 2, 3 };
  uint64_t row[12], column[12];
  StatVariance found;

  for (uint64_t i = 0; i < 12; i++) {
    row[i] = i / 4;
    column[i] = 10 + i % 4;
  }
  found = stat_variance (12, y, row, column);
  g_assert_cmpint (found.design, ==, STAT_CROSSED);
  g_assert_true (found.groups == 3 && found.columns == 4);
  near (found.between, 6.777777777777779, 1e-13);
  near (found.across, 0.4444444444444445, 1e-13);
  near (found.within, 0.9722222222222222, 1e-13);
  g_assert_cmpint (stat_variance (11, y, row, column).design, ==, STAT_NESTED);
  for (uint64_t i = 0; i < 12; i++)
    row[i] = column[i] = i;
  g_assert_cmpint (stat_variance (12, y, row, column).design, ==, STAT_INSEPARABLE);
  g_assert_cmpint (stat_variance (0, y, row, column).design, ==, STAT_INSEPARABLE);
}

/* Components that were put in come out, with groups of different sizes too. */
static void
test_variance_simulated (void)
{
  LodeRng rng = lode_seed_rng (4, "variance", 0, 0);
  double between = 0, within = 0;
  enum { ROUNDS = 400, MOST = 200 };

  for (int round = 0; round < ROUNDS; round++) {
    double y[MOST];
    uint64_t a[MOST], b[MOST];
    uint32_t n = 0;
    StatVariance found;

    for (uint64_t group = 0; group < 20; group++) {
      double of_group = 2 * lode_rng_normal (&rng);

      for (uint64_t k = 0; k < 1 + group % 8; k++, n++) {
        y[n] = 100 + of_group + lode_rng_normal (&rng);
        a[n] = group;
        b[n] = 1000 * group + k;
      }
    }
    found = stat_variance (n, y, a, b);
    g_assert_cmpint (found.design, ==, STAT_NESTED);
    between += found.between / ROUNDS;
    within += found.within / ROUNDS;
  }
  near (between, 4, 0.05);
  near (within, 1, 0.02);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/statistics/moments", test_moments);
  g_test_add_func ("/statistics/normal", test_normal);
  g_test_add_func ("/statistics/student", test_student);
  g_test_add_func ("/statistics/permutation", test_permutation);
  g_test_add_func ("/statistics/permutation-counted", test_permutation_counted);
  g_test_add_func ("/statistics/permutation-drawn", test_permutation_drawn);
  g_test_add_func ("/statistics/wilcoxon", test_wilcoxon);
  g_test_add_func ("/statistics/wilcoxon-ties", test_wilcoxon_ties);
  g_test_add_func ("/statistics/wilcoxon-large", test_wilcoxon_large);
  g_test_add_func ("/statistics/holm", test_holm);
  g_test_add_func ("/statistics/bootstrap-all", test_bootstrap_all);
  g_test_add_func ("/statistics/bootstrap-drawn", test_bootstrap_drawn);
  g_test_add_func ("/statistics/bootstrap-moves", test_bootstrap_moves);
  g_test_add_func ("/statistics/coverage", test_coverage);
  g_test_add_func ("/statistics/size-of-tests", test_size_of_tests);
  g_test_add_func ("/statistics/effect", test_effect);
  g_test_add_func ("/statistics/variance-nested", test_variance_nested);
  g_test_add_func ("/statistics/variance-crossed", test_variance_crossed);
  g_test_add_func ("/statistics/variance-simulated", test_variance_simulated);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lewis weights of small matrices: reference values, and what holds of any.
 */
#include "error.h"
#include "golden.h"
#include "support.h"

#include <string.h>

static const double all_p[] = { 0.4, 0.5, 1, 1.5, 2, 2.5, 3, 3.9, 4, 6, 10, 20 };

static void
compare (const Golden *golden, size_t cases, uint32_t n, uint32_t d, const float *a,
         LodeLewisSpec spec, double by)
{
  spec.tolerance = 1e-11;
  for (size_t g = 0; g < cases; g++) {
    double w[9];

    spec.p = golden[g].p;
    weigh (n, d, a, &spec, w);
    for (uint32_t i = 0; i < n; i++)
      NEAR (w[i], golden[g].w[i], by);
  }
}

#define COMPARE(table, n, d, a, by, ...)                                                           \
  compare (table, G_N_ELEMENTS (table), n, d, a, (LodeLewisSpec){ __VA_ARGS__ }, by)

static void
test_tables (void)
{
  float more[9][WIDTH], large[ROWS][WIDTH];
  static const float line[] = { 1, -2, 3, 0.5 };

  memcpy (more, golden_a, sizeof more);
  more[8][0] = 1;
  more[8][1] = 2;
  more[8][2] = -1;
  memcpy (large, golden_a, sizeof large);
  large[0][0] = 10;
  COMPARE (golden_plain, ROWS, WIDTH, golden_a[0], 1.01e-10, .p = 1);
  COMPARE (golden_twice, 9, WIDTH, golden_a[0], 1e-8, .p = 1);
  COMPARE (golden_more, 9, WIDTH, more[0], 1e-8, .p = 1);
  COMPARE (golden_long, ROWS, WIDTH, large[0], 1e-8, .p = 1);
  COMPARE (golden_ones, ROWS, WIDTH, golden_a[0], 1e-8, .intercept = true);
  COMPARE (golden_ridge, ROWS, WIDTH, golden_a[0], 1e-8, .ridge = 0.1);
  COMPARE (golden_line, 4, 1, line, 1e-8, .p = 1);
}

static void
test_fractions (void)
{
  static const double exact[ROWS] = { 62. / 411,    53. / 685,    379. / 2055, 544. / 2055,
                                      1009. / 2055, 1159. / 2055, 227. / 411,  98. / 137 };
  double w[ROWS];
  LodeLewisFacts facts =
      weigh (ROWS, WIDTH, golden_a[0], &(LodeLewisSpec){ .p = 2, .wide = true }, w);

  for (uint32_t i = 0; i < ROWS; i++)
    NEAR (w[i], exact[i], 1e-15);
  g_assert_cmpuint (facts.passes, ==, 2);
}

/* The first iterates; asked for fewer passes than it takes, it fails and leaves the last. */
static void
test_iterates (void)
{
  LodeThreads *threads = lode_threads_new (1);

  for (size_t g = 0; g < G_N_ELEMENTS (golden_steps); g++) {
    const GoldenStep *golden = &golden_steps[g];
    LodeLewisSpec spec = {
      .p = golden->p, .step = golden->step, .tolerance = 1e-12, .most = golden->steps + 1
    };
    g_autoptr (LodeRows) rows = lode_rows_memory ("a", ROWS, WIDTH, false, golden_a);
    g_autoptr (GError) error = NULL;
    double w[ROWS];

    g_assert_false (lode_lewis_weights (rows, &spec, threads, w, NULL, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER);
    for (uint32_t i = 0; i < ROWS; i++)
      NEAR (w[i], golden->w[i], 1e-8);
  }
  lode_threads_free (threads);
}

static void
test_ridge_sums (void)
{
  for (size_t g = 0; g < G_N_ELEMENTS (golden_sums); g++) {
    const GoldenSum *golden = &golden_sums[g];
    LodeLewisSpec spec = { .p = golden->p, .ridge = golden->lambda, .tolerance = 1e-11 };
    LodeLewisSpec share = spec;
    double w[ROWS];

    NEAR (weigh (ROWS, WIDTH, golden_a[0], &spec, w).sum, golden->sum, 1e-8);
    share.ridge = 0;
    share.ridge_share = golden->lambda * WIDTH / 48; /* the trace */
    NEAR (weigh (ROWS, WIDTH, golden_a[0], &share, w).sum, golden->sum, 1e-8);
  }
}

/* Passes until a step changes no weight by more than 1e-10: as many as NumPy takes, and one for
 * AᵀA. */
static void
test_rate (void)
{
  static const double p[] = { 1, 1.5, 3, 3.5, 4, 6, 10, 20 };
  static const uint32_t small[] = { 23, 13, 16, 20, 23, 36, 61, 123 };
  double w[ROWS];

  for (size_t i = 0; i < G_N_ELEMENTS (p); i++) {
    LodeLewisSpec spec = { .p = p[i], .tolerance = 1e-10 * (p[i] + 2) / 4 };
    uint32_t fast = weigh (ROWS, WIDTH, golden_a[0], &spec, w).passes, passes;

    spec.step = 4 / (p[i] + 2);
    passes = weigh (ROWS, WIDTH, golden_a[0], &spec, w).passes;
    g_test_message ("p %g: %u passes, %u accelerated", p[i], passes, fast);
    g_assert_cmpuint (fast, <, passes);
    g_assert_cmpuint (passes, >=, small[i]);
    g_assert_cmpuint (passes, <=, small[i] + 2);
  }
}

/* Σ w = rank, 0 ≤ w ≤ 1, the equation holds to the tolerance, the certificate is no lie. */
static void
test_equation (void)
{
  enum { N = 300, D = 7 };
  g_autofree float *a = heavy_rows (N, D, 1.5, 3);

  for (size_t i = 0; i < G_N_ELEMENTS (all_p); i++) {
    LodeLewisSpec spec = { .p = all_p[i], .tolerance = 1e-12 };
    double w[N], rough[N], most = 0;
    LodeLewisFacts facts = weigh (N, D, a, &spec, w);

    g_assert_cmpuint (facts.rank, ==, D);
    g_assert_cmpfloat (facts.residual, <=, 1e-12);
    NEAR (facts.sum, D, 1e-10);
    for (uint32_t k = 0; k < N; k++)
      g_assert_true (w[k] > 0 && w[k] <= 1);
    spec.tolerance = 0.1;
    facts = weigh (N, D, a, &spec, rough);
    for (uint32_t k = 0; k < N; k++)
      most = MAX (most, fabs (log (rough[k] / w[k])));
    g_assert_cmpfloat (most, <=, facts.certificate);
  }
}

/* w (A R) = w (A): other units, other axes, more columns of the same span, columns of zeros. */
static void
test_span (void)
{
  enum { N = 40, D = 4 };
  g_autofree float *a = random_rows (N, D, 5);
  float b[N][D + 3];

  for (uint32_t i = 0; i < N; i++) { /* exact in float32 */
    for (uint32_t j = 0; j < D; j++)
      a[i * D + j] = (float) (rint (a[i * D + j] * 64) / 64);
    b[i][0] = 1024 * a[i * D];
    b[i][1] = 0;
    b[i][2] = a[i * D + 1] + a[i * D];
    b[i][3] = a[i * D + 1];
    b[i][4] = a[i * D + 2] / 4096;
    b[i][5] = a[i * D + 3] - 2 * a[i * D];
    b[i][6] = a[i * D + 3];
  }
  for (size_t p = 0; p < G_N_ELEMENTS (all_p); p++) {
    LodeLewisSpec spec = { .p = all_p[p], .tolerance = 1e-12 };
    double w[N], v[N];

    weigh (N, D, a, &spec, w);
    g_assert_cmpuint (weigh (N, D + 3, b[0], &spec, v).rank, ==, D);
    for (uint32_t i = 0; i < N; i++)
      NEAR (v[i], w[i], 1e-11);
  }
}

/* Blocks of identity matrices, rows outside the span of others, block-diagonal matrices. */
static void
test_blocks (void)
{
  enum { D = 5, K = 3, N = D * K + 3 };
  float identity[N][D] = { { 0 } }, diagonal[ROWS + 6][WIDTH + 2] = { { 0 } };

  for (uint32_t i = 0; i < D * K; i++)
    identity[i][i % D] = 1;
  for (uint32_t i = 0; i < ROWS; i++)
    memcpy (diagonal[i], golden_a[i], sizeof golden_a[i]);
  for (uint32_t i = 0; i < 6; i++)
    memcpy (&diagonal[ROWS + i][WIDTH], golden_one[i], sizeof golden_one[i]);
  for (size_t p = 0; p < G_N_ELEMENTS (all_p); p++) {
    LodeLewisSpec spec = { .p = all_p[p], .tolerance = 1e-12 };
    double w[N], one[ROWS], two[6], both[ROWS + 6];

    weigh (N, D, identity[0], &spec, w);
    for (uint32_t i = 0; i < N; i++)
      NEAR (w[i], i < D * K ? 1. / K : 0, 1e-11);
    weigh (ROWS, WIDTH, golden_a[0], &spec, one);
    weigh (6, 2, golden_one[0], &spec, two);
    weigh (ROWS + 6, WIDTH + 2, diagonal[0], &spec, both);
    for (uint32_t i = 0; i < ROWS + 6; i++)
      NEAR (both[i], i < ROWS ? one[i] : two[i - ROWS], 1e-10);
  }
}

/* A row that no other spans has weight 1. */
static void
test_alone (void)
{
  float a[ROWS + 1][WIDTH + 1] = { { 0 } };

  for (uint32_t i = 0; i < ROWS; i++)
    memcpy (a[i], golden_a[i], sizeof golden_a[i]);
  a[ROWS][0] = 3;
  a[ROWS][WIDTH] = 0.125f;
  for (size_t p = 0; p < G_N_ELEMENTS (all_p); p++) {
    LodeLewisSpec spec = { .p = all_p[p], .tolerance = 1e-12 };
    double w[ROWS + 1];

    weigh (ROWS + 1, WIDTH + 1, a[0], &spec, w);
    NEAR (w[ROWS], 1, 1e-10);
  }
}

/* A row that stands for k: as k rows, the weight split equally among them. */
static void
test_copies (void)
{
  static const double times[ROWS] = { 1, 1, 3, 1, 2, 1, 1, 2 };

  for (size_t p = 0; p < G_N_ELEMENTS (all_p); p++) {
    LodeLewisSpec spec = { .p = all_p[p], .tolerance = 1e-12 };
    float all[ROWS + 4][WIDTH];
    double w[ROWS], v[ROWS + 4];
    uint32_t at = 0;

    for (uint32_t i = 0; i < ROWS; i++)
      for (int k = 0; k < times[i]; k++)
        memcpy (all[at++], golden_a[i], sizeof golden_a[i]);
    weigh (ROWS + 4, WIDTH, all[0], &spec, v);
    spec.times = times;
    weigh (ROWS, WIDTH, golden_a[0], &spec, w);
    at = 0;
    for (uint32_t i = 0; i < ROWS; i++)
      for (int k = 0; k < times[i]; k++)
        NEAR (v[at++], w[i] / times[i], 1e-11);
  }
}

/* Leverage with a column of ones is leverage of centred columns and 1 / n. */
static void
test_intercept (void)
{
  enum { N = 64, D = 5 };
  g_autofree float *a = random_rows (N, D, 8);
  double w[N], v[N];

  for (uint32_t i = 0; i < N * D; i++)
    a[i] = (float) rint (a[i] * 64) / 64 + 3;
  weigh (N, D, a, &(LodeLewisSpec){ .p = 2, .intercept = true, .wide = true }, w);
  for (uint32_t j = 0; j < D; j++) {
    double mean = 0;

    for (uint32_t i = 0; i < N; i++)
      mean += a[i * D + j] / N;
    for (uint32_t i = 0; i < N; i++)
      a[i * D + j] = (float) (a[i * D + j] - mean); /* 64 rows in 64ths: exact */
  }
  weigh (N, D, a, &(LodeLewisSpec){ .p = 2, .wide = true }, v);
  for (uint32_t i = 0; i < N; i++)
    NEAR (w[i], v[i] + 1. / N, 1e-12);
}

/* One more row lowers all weights for p ≤ 2, and need not above. */
static void
test_monotone (void)
{
  for (size_t p = 0; p < G_N_ELEMENTS (all_p); p++) {
    LodeLewisSpec spec = { .p = all_p[p], .tolerance = 1e-12 };
    float more[ROWS + 1][WIDTH];
    double w[ROWS], v[ROWS + 1];
    bool rises = false;

    memcpy (more, golden_a, sizeof more);
    more[ROWS][0] = 1;
    more[ROWS][1] = 2;
    more[ROWS][2] = -1;
    weigh (ROWS, WIDTH, golden_a[0], &spec, w);
    weigh (ROWS + 1, WIDTH, more[0], &spec, v);
    for (uint32_t i = 0; i < ROWS; i++)
      rises = rises || v[i] > w[i] + 1e-10;
    if (all_p[p] <= 2)
      g_assert_false (rises);
    if (all_p[p] >= 4 && all_p[p] < 5)
      g_assert_true (rises);
  }
}

/* ‖Ax‖_p and sensitivities against the weights, for random x. */
static void
test_norms (void)
{
  enum { N = 60, D = 4 };
  g_autofree float *a = heavy_rows (N, D, 1, 11);
  LodeRng rng = { 4, 0 };

  for (size_t t = 0; t < G_N_ELEMENTS (all_p); t++) {
    double p = all_p[t], w[N], e = 1 / p - 0.5;

    weigh (N, D, a, &(LodeLewisSpec){ .p = p, .tolerance = 1e-12 }, w);
    for (int k = 0; k < 200; k++) {
      double x[D], two = 0, sum = 0, worst = 0, ratio;

      for (uint32_t j = 0; j < D; j++)
        x[j] = lode_rng_normal (&rng);
      for (uint32_t i = 0; i < N; i++) {
        double r = 0;

        for (uint32_t j = 0; j < D; j++)
          r += a[i * D + j] * x[j];
        sum += pow (fabs (r), p);
        two += pow (w[i], 1 - 2 / p) * r * r;
        worst = MAX (worst, pow (fabs (r), p) / w[i]);
      }
      ratio = pow (sum, 1 / p) / sqrt (two);
      g_assert_cmpfloat (ratio, >=, MIN (1, pow (D, e)) * (1 - 1e-9));
      g_assert_cmpfloat (ratio, <=, MAX (1, pow (D, e)) * (1 + 1e-9));
      if (p >= 1)
        g_assert_cmpfloat (worst / sum, <=, pow (D, MAX (0, p / 2 - 1)) * (1 + 1e-9));
    }
  }
}

static void
test_models (void)
{
  for (size_t g = 0; g < G_N_ELEMENTS (golden_most); g++) {
    LodeLewisSpec spec = { .p = golden_most[g].p, .tolerance = 1e-11 };
    double one[6], two[6];

    weigh (6, 2, golden_one[0], &spec, one);
    weigh (6, 2, golden_two[0], &spec, two);
    for (uint32_t i = 0; i < 6; i++)
      NEAR (MAX (one[i], two[i]), golden_most[g].w[i], 1e-8);
  }
}

static void
refuse (const float *a, uint32_t n, uint32_t d, LodeLewisSpec spec, const char *words)
{
  LodeThreads *threads = lode_threads_new (1);
  g_autoptr (LodeRows) rows = lode_rows_memory ("model 3", n, d, false, a);
  g_autoptr (GError) error = NULL;
  g_autofree double *w = g_new (double, n);

  g_assert_false (lode_lewis_weights (rows, &spec, threads, w, NULL, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
  lode_threads_free (threads);
}

static void
test_refusals (void)
{
  float bad[ROWS][WIDTH];
  static const float zero[6] = { 0 };
  static const double negative[ROWS] = { 1, -1, 1, 1, 1, 1, 1, 1 };

  memcpy (bad, golden_a, sizeof bad);
  bad[6][0] = (float) INFINITY;
  bad[5][2] = (float) NAN;
  refuse (bad[0], ROWS, WIDTH, (LodeLewisSpec){ .p = 1 }, "model 3: row 5, column 2 ");
  refuse (bad[0], ROWS, WIDTH, (LodeLewisSpec){ .p = 2, .intercept = true },
          "model 3: row 5, column 2 ");
  refuse (zero, 3, 2, (LodeLewisSpec){ .p = 1 }, "is zero");
  refuse (golden_a[0], ROWS, WIDTH, (LodeLewisSpec){ .p = 0 }, "p is not above 0");
  refuse (golden_a[0], ROWS, WIDTH, (LodeLewisSpec){ .p = NAN }, "p is not above 0");
  refuse (golden_a[0], ROWS, WIDTH, (LodeLewisSpec){ .p = 1, .ridge = -1 }, "not negative");
  refuse (golden_a[0], ROWS, WIDTH, (LodeLewisSpec){ .p = 1, .times = negative }, "copies");
  refuse (golden_a[0], ROWS, WIDTH, (LodeLewisSpec){ .p = 6, .tolerance = 1e-300 }, "still off");
}

/* Fewer rows than columns: each row is alone, or shares what rows give. */
static void
test_flat (void)
{
  enum { N = 6, D = 20 };
  g_autofree float *a = random_rows (N, D, 12);
  double w[N];

  for (size_t p = 0; p < G_N_ELEMENTS (all_p); p++) {
    LodeLewisFacts facts =
        weigh (N, D, a, &(LodeLewisSpec){ .p = all_p[p], .tolerance = 1e-11 }, w);

    g_assert_cmpuint (facts.rank, ==, N);
    for (uint32_t i = 0; i < N; i++)
      NEAR (w[i], 1, 1e-9);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lewis/tables", test_tables);
  g_test_add_func ("/lewis/fractions", test_fractions);
  g_test_add_func ("/lewis/iterates", test_iterates);
  g_test_add_func ("/lewis/ridge-sums", test_ridge_sums);
  g_test_add_func ("/lewis/rate", test_rate);
  g_test_add_func ("/lewis/equation", test_equation);
  g_test_add_func ("/lewis/span", test_span);
  g_test_add_func ("/lewis/blocks", test_blocks);
  g_test_add_func ("/lewis/alone", test_alone);
  g_test_add_func ("/lewis/copies", test_copies);
  g_test_add_func ("/lewis/intercept", test_intercept);
  g_test_add_func ("/lewis/monotone", test_monotone);
  g_test_add_func ("/lewis/norms", test_norms);
  g_test_add_func ("/lewis/models", test_models);
  g_test_add_func ("/lewis/refusals", test_refusals);
  g_test_add_func ("/lewis/few-rows", test_flat);
  return g_test_run ();
}

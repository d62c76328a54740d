/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lewis weights of matrices of many blocks: threads, types, sources and starts.
 */
#include "support.h"

#include <glib/gstdio.h>
#include <string.h>

static LodeLewisFacts
weigh_with (LodeRows *rows, LodeLewisSpec spec, uint32_t count, double *w)
{
  LodeThreads *threads = lode_threads_new (count);
  LodeLewisFacts facts;
  GError *error = NULL;
  bool ok = lode_lewis_weights (rows, &spec, threads, w, &facts, &error);

  lode_threads_free (threads);
  g_assert_no_error (error);
  g_assert_true (ok);
  return facts;
}

static double
most_apart (const double *v, const double *w, uint32_t n)
{
  double most = 0;

  for (uint32_t i = 0; i < n; i++)
    most = MAX (most, fabs (log (v[i] / w[i])));
  return most;
}

/* The same bits for 1, 2, 3 and 5 threads, in both types, from both starts. */
static void
test_threads (void)
{
  enum { N = 9001, D = 21 };
  g_autofree float *a = heavy_rows (N, D, 1, 1);
  g_autoptr (LodeRows) rows = lode_rows_memory ("rows", N, D, false, a);

  for (int kind = 0; kind < 6; kind++) {
    LodeLewisSpec spec = { .p = kind % 3 == 0   ? 1
                                : kind % 3 == 1 ? 2
                                                : 4,
                           .wide = kind >= 3,
                           .intercept = kind % 2 };
    g_autofree double *w = g_new (double, N), *v = g_new (double, N);
    LodeLewisFacts facts = weigh_with (rows, spec, 1, w);

    g_assert_true (facts.wide == spec.wide);
    for (uint32_t count = 2; count <= 5; count += count == 3 ? 2 : 1) {
      weigh_with (rows, spec, count, v);
      g_assert_cmpmem (v, N * sizeof *v, w, N * sizeof *w);
    }
  }
}

/* Products in float32 give what those in float64 do, up to what they claim. */
static void
test_types (void)
{
  enum { N = 20000, D = 48 };
  g_autofree float *a = heavy_rows (N, D, 1, 2);
  g_autofree double *exact = g_new (double, N), *w = g_new (double, N);
  g_autofree double *doubled = g_new (double, N *D);
  static const double p[] = { 0.5, 1, 2, 3, 4, 6 };
  g_autoptr (LodeRows) rows = NULL, wide = NULL;

  for (uint32_t i = 0; i < N * D; i++)
    doubled[i] = a[i] = fabsf (a[i]);
  rows = lode_rows_memory ("rows", N, D, false, a);
  wide = lode_rows_memory ("rows", N, D, true, doubled);
  for (size_t i = 0; i < G_N_ELEMENTS (p); i++) {
    LodeLewisFacts facts =
        weigh_with (wide, (LodeLewisSpec){ .p = p[i], .tolerance = 1e-10 }, 2, exact);

    g_assert_true (facts.wide);
    facts = weigh_with (rows, (LodeLewisSpec){ .p = p[i], .tolerance = 1e-10 }, 2, w);
    g_assert_true (facts.wide);
    g_assert_cmpmem (w, N * sizeof *w, exact, N * sizeof *w);
    facts = weigh_with (rows, (LodeLewisSpec){ .p = p[i] }, 2, w);
    g_assert_false (facts.wide);
    g_test_message ("p %g: off by %g, certificate %g, residual %g, %u passes", p[i],
                    most_apart (w, exact, N), facts.certificate, facts.residual, facts.passes);
    g_assert_cmpfloat (most_apart (w, exact, N), <=, facts.certificate);
    NEAR (facts.sum, D, D * facts.certificate);
  }
}

/* Columns nearly dependent: float32 is left by itself, and the rank is right. */
static void
test_condition (void)
{
  enum { N = 6000, D = 12 };
  g_autofree float *a = random_rows (N, D, 4);
  g_autofree double *w = g_new (double, N), *v = g_new (double, N);
  g_autoptr (LodeRows) rows = lode_rows_memory ("rows", N, D, false, a);
  LodeLewisFacts facts;

  for (uint32_t i = 0; i < N; i++) /* within 1e-3: well within float32 */
    a[i * D + 3] = a[i * D + 2] + 1e-3f * a[i * D + 3];
  facts = weigh_with (rows, (LodeLewisSpec){ .p = 1 }, 2, w);
  g_assert_cmpuint (facts.rank, ==, D);
  g_assert_true (facts.wide);
  NEAR (facts.sum, D, D * facts.certificate);
  for (uint32_t i = 0; i < N; i++) /* the rounding of float32 alone */
    a[i * D + 3] = a[i * D + 2] * 0.3f + a[i * D + 1] * 0.7f;
  facts = weigh_with (rows, (LodeLewisSpec){ .p = 1 }, 2, v);
  g_assert_cmpuint (facts.rank, ==, D - 1);
  g_assert_false (facts.wide); /* the others are well conditioned */
  NEAR (facts.sum, D - 1, D * facts.certificate);
}

/* From a sample of the rows: the same weights, also where it misses a feature that is hardly ever
 * there. */
static void
test_sample (void)
{
  enum { N = 60000, D = 24 };
  g_autofree float *a = heavy_rows (N, D, 0.5, 6);
  g_autofree double *w = g_new (double, N), *v = g_new (double, N);
  g_autoptr (LodeRows) rows = lode_rows_memory ("rows", N, D, false, a);
  static const double p[] = { 1, 1.5, 3, 4, 6 };

  for (int rare = 0; rare < 2; rare++) {
    for (uint32_t i = 0; rare && i < N; i++)
      a[(size_t) i * D + 5] = i % 20011 == 7 ? 4 : 0;
    for (size_t i = 0; i < G_N_ELEMENTS (p); i++) {
      LodeLewisSpec spec = { .p = p[i] };
      LodeLewisFacts flat = weigh_with (rows, spec, 2, w), sampled;

      spec.sample = true;
      sampled = weigh_with (rows, spec, 2, v);
      g_test_message ("p %g: %u passes, %u from a sample", p[i], flat.passes, sampled.passes);
      g_assert_cmpfloat (most_apart (w, v, N), <=, flat.certificate + sampled.certificate);
      g_assert_cmpuint (sampled.passes, <=, flat.passes + (rare ? 3 : 0));
      g_assert_true (p[i] > 1 || rare || sampled.passes < flat.passes);
      weigh_with (rows, spec, 1, w);
      g_assert_cmpmem (w, N * sizeof *w, v, N * sizeof *v);
    }
  }
}

/* Permuted rows have permuted weights; picked rows those of a matrix of them. */
static void
test_order (void)
{
  enum { N = 5000, D = 9 };
  g_autofree float *a = random_rows (N, D, 7);
  g_autofree double *w = g_new (double, N), *v = g_new (double, N);
  g_autofree uint32_t *index = g_new (uint32_t, N);
  g_autoptr (LodeRows) rows = lode_rows_memory ("rows", N, D, false, a);
  g_autoptr (LodeRows) some = NULL, half = NULL, copied = NULL;
  g_autofree float *copy = g_new (float, N *D);

  for (uint32_t i = 0; i < N; i++)
    index[i] = (uint32_t) ((uint64_t) i * 2731 % N);
  some = lode_rows_pick (rows, N, index);
  weigh_with (rows, (LodeLewisSpec){ .p = 3, .tolerance = 1e-11 }, 2, w);
  weigh_with (some, (LodeLewisSpec){ .p = 3, .tolerance = 1e-11 }, 2, v);
  for (uint32_t i = 0; i < N; i++)
    NEAR (v[i], w[index[i]], 1e-10);
  for (uint32_t i = 0; i < N / 2; i++)
    index[i] = 2 * i + 1;
  half = lode_rows_pick (rows, N / 2, index);
  for (uint32_t i = 0; i < N / 2; i++)
    memcpy (copy + i * D, a + index[i] * D, D * sizeof *copy);
  copied = lode_rows_memory ("copy", N / 2, D, false, copy);
  weigh_with (half, (LodeLewisSpec){ .p = 1 }, 2, v);
  weigh_with (copied, (LodeLewisSpec){ .p = 1 }, 2, w);
  g_assert_cmpmem (v, N / 2 * sizeof *v, w, N / 2 * sizeof *w);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lewis/threads", test_threads);
  g_test_add_func ("/lewis/types", test_types);
  g_test_add_func ("/lewis/condition", test_condition);
  g_test_add_func ("/lewis/sample", test_sample);
  g_test_add_func ("/lewis/order", test_order);
  return g_test_run ();
}

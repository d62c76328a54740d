/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lewis weights of small matrices, and matrices of random numbers.
 */
#ifndef LODE_TEST_LINALG_SUPPORT_H
#define LODE_TEST_LINALG_SUPPORT_H

#include "linalg/lewis.h"
#include <lode/rng.h>

#define NEAR(a, b, by) g_assert_cmpfloat (fabs ((a) - (b)), <=, by)

static inline LodeLewisFacts
weigh (uint32_t n, uint32_t d, const float *a, const LodeLewisSpec *spec, double *w)
{
  LodeThreads *threads = lode_threads_new (2);
  g_autoptr (LodeRows) rows = lode_rows_memory ("rows", n, d, false, a);
  LodeLewisFacts facts;
  GError *error = NULL;
  bool ok = lode_lewis_weights (rows, spec, threads, w, &facts, &error);

  lode_threads_free (threads);
  g_assert_no_error (error);
  g_assert_true (ok);
  return facts;
}

static inline float *
random_rows (uint32_t n, uint32_t d, uint64_t key)
{
  LodeRng rng = { key, 0 };
  float *a = g_new (float, (size_t) n *d);

  for (size_t i = 0; i < (size_t) n * d; i++)
    a[i] = (float) lode_rng_normal (&rng);
  return a;
}

/* Rows of very different lengths. */
static inline float *
heavy_rows (uint32_t n, uint32_t d, double spread, uint64_t key)
{
  LodeRng rng = { key ^ 77, 0 };
  float *a = random_rows (n, d, key);

  for (uint32_t i = 0; i < n; i++) {
    float by = (float) exp (spread * lode_rng_normal (&rng));

    for (uint32_t j = 0; j < d; j++)
      a[(size_t) i * d + j] *= by;
  }
  return a;
}

#endif

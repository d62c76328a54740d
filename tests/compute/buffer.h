/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors of random values between guards that no kernel may touch.
 */
#ifndef TEST_BUFFER_H
#define TEST_BUFFER_H

#include <glib.h>
#include <lode/rng.h>
#include <math.h>
#include <string.h>

enum { GUARD = 32 };
static const float guard_value = 12345.f;

typedef struct Buffer {
  size_t n;
  float *all, *at;
} Buffer;

static LodeRng rng = { 7, 0 };

static inline Buffer
buffer (size_t n)
{
  Buffer b = { n, g_new (float, n + 2 * GUARD), NULL };

  b.at = b.all + GUARD;
  for (size_t i = 0; i < GUARD; i++)
    b.all[i] = b.at[n + i] = guard_value;
  for (size_t i = 0; i < n; i++)
    b.at[i] = (float) (lode_rng_uniform (&rng) - 0.5);
  return b;
}

static inline Buffer
twin (const Buffer *from)
{
  Buffer b = buffer (from->n);

  memcpy (b.at, from->at, from->n * sizeof (float));
  return b;
}

/* Largest error relative to the largest value; guards are whole. Frees both. */
static inline double
error_of (Buffer *got, Buffer *expected)
{
  double worst = 0, largest = 1e-3;

  for (size_t i = 0; i < got->n; i++) {
    g_assert_true (isfinite (got->at[i]));
    worst = MAX (worst, fabs ((double) got->at[i] - (double) expected->at[i]));
    largest = MAX (largest, fabs ((double) expected->at[i]));
  }
  for (size_t i = 0; i < GUARD; i++)
    g_assert_true (got->all[i] == guard_value && got->at[got->n + i] == guard_value);
  g_free (got->all);
  g_free (expected->all);
  return worst / largest;
}

#endif

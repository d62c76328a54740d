/* SPDX-License-Identifier: Apache-2.0 */
/*
 * If neither of two methods is better, every difference could as well have had the other sign.
 */
#include "statistics.h"

#include "compute/seed.h"

#include <math.h>

enum { EXACT = 20, DRAWN = 100000, LEAST = 5000, WORK = 10000000 };

/* Sums that differ by rounding alone are the same. */
static bool
reaches (double sum, double observed, double size)
{
  return fabs (sum) >= observed - 1e-12 * size;
}

/* All 2ⁿ⁻¹ changes up to a common sign, one difference at a time (Gray's code). */
static double
exact (uint32_t n, const double *d, double observed, double size)
{
  uint32_t changes = 1u << (n - 1), count = 0;
  double sum = 0;
  uint8_t minus[EXACT + 1] = { 0 };

  for (uint32_t i = 0; i < n; i++)
    sum += d[i];
  for (uint32_t c = 0;;) {
    uint32_t flip;

    count += reaches (sum, observed, size);
    if (++c == changes)
      return (double) count / changes;
    flip = (uint32_t) __builtin_ctz (c);
    minus[flip] ^= 1;
    sum += minus[flip] ? -2 * d[flip] : 2 * d[flip];
  }
}

static double
changed_sum (uint32_t n, const double *d, LodeRng *rng)
{
  double sum = 0;
  uint64_t bits = 0;

  for (uint32_t i = 0; i < n; i++, bits >>= 1) {
    if (i % 64 == 0)
      bits = lode_rng_bits (rng);
    sum += bits & 1 ? d[i] : -d[i];
  }
  return sum;
}

/* The observed signs are one of the changes (Phipson & Smyth 2010). */
static double
drawn (uint32_t n, const double *d, double observed, double size, uint64_t seed)
{
  LodeRng rng = lode_seed_rng (seed, "permutation", n, 0);
  uint32_t changes = WORK / n > DRAWN ? DRAWN : WORK / n < LEAST ? LEAST : WORK / n, count = 0;

  for (uint32_t c = 0; c < changes; c++)
    count += reaches (changed_sum (n, d, &rng), observed, size);
  return (count + 1.0) / (changes + 1.0);
}

double
stat_permutation (uint32_t n, const double *d, uint64_t seed)
{
  double sum = 0, size = 0;

  for (uint32_t i = 0; i < n; i++) {
    sum += d[i];
    size += fabs (d[i]);
  }
  if (n == 0)
    return 1;
  return n <= EXACT ? exact (n, d, fabs (sum), size) : drawn (n, d, fabs (sum), size, seed);
}

double
stat_permutation_least (uint32_t n)
{
  return n == 0 ? 1 : ldexp (1, 1 - (int) n);
}

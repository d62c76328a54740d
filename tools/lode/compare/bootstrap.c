/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bootstrap of a mean: bias-corrected and accelerated (BCa) percentiles.
 */
#include "statistics.h"

#include "compute/seed.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

enum { ALL = 50000, DRAWN = 20000, LEAST = 2000, WORK = 400000 };

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* nⁿ resamples if they are few, else 0. */
static uint32_t
count_all (uint32_t n)
{
  double all = pow (n, n);

  return all <= ALL ? (uint32_t) all : 0;
}

/* Means of every resample. mean: [all] */
static void
take_all (uint32_t n, const double *d, uint32_t all, double *mean)
{
  for (uint32_t r = 0; r < all; r++) {
    double sum = 0;

    for (uint32_t i = 0, rest = r; i < n; i++, rest /= n)
      sum += d[rest % n];
    mean[r] = sum / n;
  }
}

/* Two draws come from one 64-bit number: n is far below 2³². */
static void
draw (uint32_t n, const double *d, uint64_t seed, uint32_t resamples, double *mean)
{
  LodeRng rng = lode_seed_rng (seed, "bootstrap", n, 0);

  for (uint32_t r = 0; r < resamples; r++) {
    double sum = 0;

    for (uint32_t i = 0; i < n; i += 2) {
      uint64_t bits = lode_rng_bits (&rng);

      sum += d[(bits & UINT32_MAX) * n >> 32];
      if (i + 1 < n)
        sum += d[(bits >> 32) * n >> 32];
    }
    mean[r] = sum / n;
  }
}

/* Half of those that are as large count as smaller (Efron & Tibshirani 1993, eq. 14.14). */
static double
bias (uint32_t resamples, const double *mean, double centre, double size)
{
  double below = 0;

  for (uint32_t r = 0; r < resamples; r++)
    below += fabs (mean[r] - centre) <= 1e-12 * size ? 0.5 : mean[r] < centre;
  return stat_normal_inverse (below / resamples);
}

/* From the jackknife (ibid., eq. 14.15), which for a mean is a sixth of its skewness. */
static double
acceleration (uint32_t n, const double *d, double centre)
{
  double square = 0, cube = 0;

  for (uint32_t i = 0; i < n; i++) {
    double u = d[i] - centre;

    square += u * u;
    cube += u * u * u;
  }
  return cube / (6 * pow (square, 1.5));
}

/* The normal quantile, or the one that makes up for sd and percentiles being those of n values
 * (Hesterberg 2015, §4.3). */
static double
quantile_of (uint32_t n, double tail, bool widen)
{
  if (!widen)
    return stat_normal_inverse (tail);
  return sqrt (n / (n - 1.0)) * stat_student_inverse (tail, n - 1.0);
}

/* Ibid., eq. 14.10. */
static double
corrected (double z, double z0, double a)
{
  double shifted = z0 + z, scale = 1 - a * shifted;

  if (scale <= 0)
    return z < 0 ? 0 : 1;
  return stat_normal (z0 + shifted / scale);
}

/* Between the two nearest. sorted: [n] */
static double
percentile (uint32_t n, const double *sorted, double p)
{
  double at = p * (n - 1);
  uint32_t i = (uint32_t) at;

  return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

StatInterval
stat_bootstrap (uint32_t n, const double *d, double level, bool widen, uint64_t seed)
{
  uint32_t all = n > 1 ? count_all (n) : 0,
           resamples = all ? all : (uint32_t) CLAMP (WORK / MAX (n, 1), LEAST, DRAWN);
  double centre = stat_mean (n, d), sd = stat_sd (n, d), z0, a, tail = (1 - level) / 2;
  g_autofree double *mean = NULL;
  StatInterval interval = { NAN, NAN };

  if (n < 2 || !isfinite (sd))
    return interval;
  if (sd <= 1e-14 * fabs (centre))
    return (StatInterval){ centre, centre };
  mean = g_new (double, resamples);
  if (all)
    take_all (n, d, all, mean);
  else
    draw (n, d, seed, resamples, mean);
  z0 = bias (resamples, mean, centre, sd);
  a = acceleration (n, d, centre);
  qsort (mean, resamples, sizeof *mean, compare);
  interval.low = percentile (resamples, mean, corrected (quantile_of (n, tail, widen), z0, a));
  interval.high = percentile (resamples, mean, corrected (-quantile_of (n, tail, widen), z0, a));
  return interval;
}

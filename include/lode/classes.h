/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What losses make of class counts: weights, priors, ratios, in float64. count: [k], not all whole where
 * examples carry weights. A class without examples counts as the rarest that has some. All [any], pure.
 */
#ifndef LODE_CLASSES_H
#define LODE_CLASSES_H

#include <lode/types.h>
#include <math.h>

/* The least count above 0, or 1 where there is none. */
static inline double
lode_class_least (uint32_t k, const double *count)
{
  double least = INFINITY;

  for (uint32_t c = 0; c < k; c++)
    if (count[c] > 0 && count[c] < least)
      least = count[c];
  return least < INFINITY ? least : 1;
}

/* n_c as everything below takes it: above 0. out: [k] */
static inline void
lode_class_counts (uint32_t k, const double *count, double *out)
{
  double least = lode_class_least (k, count);

  for (uint32_t c = 0; c < k; c++)
    out[c] = count[c] > 0 ? count[c] : least;
}

/* log π_c, π_c = n_c / Σ n, as log n_c − log Σ n. out: [k] */
static inline void
lode_class_log_prior (uint32_t k, const double *count, double *out)
{
  double sum = 0;

  lode_class_counts (k, count, out);
  for (uint32_t c = 0; c < k; c++)
    sum += out[c];
  for (uint32_t c = 0; c < k; c++)
    out[c] = log (out[c]) - log (sum);
}

/* (n_c / max n)^power: largest for the most frequent class, 1 there. out: [k] */
static inline void
lode_class_ratio (uint32_t k, const double *count, double power, double *out)
{
  double most = 0;

  lode_class_counts (k, count, out);
  for (uint32_t c = 0; c < k; c++)
    most = out[c] > most ? out[c] : most;
  for (uint32_t c = 0; c < k; c++)
    out[c] = exp (power * (log (out[c]) - log (most)));
}

/* E_n = (1 − βⁿ) / (1 − β) (Cui et al. 2019, eq. 2); β in [0, 1]: 1 for β = 0, n for β = 1. */
static inline double
lode_class_effective (double n, double beta)
{
  return beta < 1 ? -expm1 (n * log (beta)) / (1 - beta) : n;
}

/* Scaled to a mean of 1; all 1 where they are all 0. x: [k] */
static inline void
lode_class_mean_one (uint32_t k, double *x)
{
  double sum = 0;

  for (uint32_t c = 0; c < k; c++)
    sum += x[c];
  for (uint32_t c = 0; c < k; c++)
    x[c] = sum > 0 ? x[c] * k / sum : 1;
}

/* n_c^−power, of mean 1. out: [k] */
static inline void
lode_class_inverse (uint32_t k, const double *count, double power, double *out)
{
  lode_class_ratio (k, count, power, out);
  for (uint32_t c = 0; c < k; c++)
    out[c] = 1 / out[c];
  lode_class_mean_one (k, out);
}

/* 1 / E_n of effective numbers, of mean 1. out: [k] */
static inline void
lode_class_inverse_effective (uint32_t k, const double *count, double beta, double *out)
{
  lode_class_counts (k, count, out);
  for (uint32_t c = 0; c < k; c++)
    out[c] = 1 / lode_class_effective (out[c], beta);
  lode_class_mean_one (k, out);
}

/* Into a row of the class table. */
static inline void
lode_class_put (uint32_t k, const double *x, float *row)
{
  for (uint32_t c = 0; c < k; c++)
    row[c] = (float) x[c];
}

/* Whether targets are classes; else an error in the name of a loss. */
static inline bool
lode_class_required (const double *count, const char *loss, GError **error)
{
  if (!count)
    g_set_error (error, g_quark_from_static_string ("lode-loss"), 0,
                 "loss %s: the data set's targets are reals, it needs classes; use loss.type = \"mse\"", loss);
  return count != NULL;
}

#endif

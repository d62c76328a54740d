/* SPDX-License-Identifier: Apache-2.0 */
#include "curvature.h"

#include <string.h>

typedef struct Power {
  GradientFunc gradient;
  void *data;
  uint32_t n;
  const double *x;
  double *v, *hv, *at, *minus; /* [n] */
} Power;

/* v to length 1; false: it is zero. */
static bool
normalise (Power *power)
{
  double square = 0;

  for (uint32_t i = 0; i < power->n; i++)
    square += power->v[i] * power->v[i];
  for (uint32_t i = 0; square > 0 && i < power->n; i++)
    power->v[i] /= sqrt (square);
  return square > 0 && isfinite (square);
}

static bool
gradient_beside (Power *power, double shift, double *g, GError **error)
{
  for (uint32_t i = 0; i < power->n; i++)
    power->at[i] = power->x[i] + shift * power->v[i];
  return power->gradient (power->data, power->at, g, error);
}

/* hv = H v */
static bool
product (Power *power, GError **error)
{
  static const double epsilon = 0.01;

  if (!gradient_beside (power, epsilon, power->hv, error)
      || !gradient_beside (power, -epsilon, power->minus, error))
    return false;
  for (uint32_t i = 0; i < power->n; i++)
    power->hv[i] = (power->hv[i] - power->minus[i]) / (2 * epsilon);
  return true;
}

/* The eigenvalue of H − shift of largest magnitude. */
static bool
iterate (Power *power, LodeRng *rng, uint32_t steps, double shift, double *found, GError **error)
{
  double before = NAN;

  *found = 0;
  for (uint32_t i = 0; i < power->n; i++)
    power->v[i] = lode_rng_normal (rng);
  for (uint32_t step = 0; step < steps && normalise (power); step++) {
    if (!product (power, error))
      return false;
    *found = 0;
    for (uint32_t i = 0; i < power->n; i++) {
      power->hv[i] -= shift * power->v[i];
      *found += power->v[i] * power->hv[i];
    }
    if (fabs (*found - before) <= 1e-4 * fabs (*found))
      break;
    before = *found;
    memcpy (power->v, power->hv, power->n * sizeof *power->v);
  }
  return true;
}

bool
darts_curvature (GradientFunc gradient, void *data, uint32_t n, const double *x, LodeRng *rng,
                 uint32_t steps, double *largest, GError **error)
{
  g_autofree double *memory = g_new0 (double, 4 * (size_t) n + 1);
  Power power = {
    gradient, data, n, x, memory, memory + n, memory + 2 * (size_t) n, memory + 3 * (size_t) n
  };
  double lowest;

  if (!iterate (&power, rng, steps, 0, largest, error))
    return false;
  if (*largest >= 0)
    return true;
  lowest = *largest;
  if (!iterate (&power, rng, steps, lowest, largest, error))
    return false;
  *largest += lowest;
  return true;
}

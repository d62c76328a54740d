/* SPDX-License-Identifier: Apache-2.0 */
#include "slope.h"

#include <float.h>
#include <glib.h>
#include <math.h>

enum { HALVINGS = 9 };

#define TOLERANCE 2e-3 /* of a gradient, relative to its scale */
#define WORST 2e-2     /* error of a slope that says anything */

/* One function at one step: central slope, how much the slopes of both sides differ, and how much
 * of it float32 may have made up. */
typedef struct Difference {
  double slope, bend, rounding;
} Difference;

/* By how much the slopes at smaller steps than k contradict a value, beyond what rounding explains.
 */
static double
contradiction (const Difference *d, int k, double value)
{
  double most = 0;

  for (int j = k + 1; j < HALVINGS; j++)
    most = fmax (most, fabs (d[j].slope - value) - d[j].rounding);
  return most;
}

/* d: [HALVINGS] from the widest step down. */
static Slope
best_of (const Difference *d)
{
  Slope best = { 0, INFINITY };

  for (int k = 2; k < HALVINGS; k++) {
    double value = (4 * d[k].slope - d[k - 1].slope) / 3;
    double error =
        fmax (fabs (d[k].slope - d[k - 1].slope), fabs (d[k - 1].slope - d[k - 2].slope) / 4);
    /* smooth: the bend halves with the step; a kink at 0: it stays */
    bool kink = fabs (d[k].bend) > 0.75 * fabs (d[k - 1].bend);

    if (kink)
      error += fabs (d[k].bend);
    error = fmax (error, contradiction (d, k, value));
    if (error < best.error)
      best = (Slope){ value, error };
  }
  return best;
}

void
slope_take (SlopeFunc f, void *data, uint32_t n, double step, Slope *slope)
{
  g_autofree double *y = g_new (double, 3 * (size_t) n);
  g_autofree Difference *d = g_new (Difference, HALVINGS * (size_t) n);
  double *middle = y, *left = y + n, *right = y + 2 * (size_t) n;

  f (data, 0, middle);
  for (int k = 0; k < HALVINGS; k++, step /= 2) {
    f (data, -step, left);
    f (data, step, right);
    for (uint32_t i = 0; i < n; i++)
      d[i * HALVINGS + (uint32_t) k] = (Difference){ (right[i] - left[i]) / (2 * step),
                                                     (right[i] - 2 * middle[i] + left[i]) / step,
                                                     4 * FLT_EPSILON * fabs (middle[i]) / step };
  }
  for (uint32_t i = 0; i < n; i++)
    slope[i] = best_of (d + i * HALVINGS);
}

Verdict
slope_judge (const Slope *slope, double found, double scale)
{
  double off = fabs (slope->value - found), tight = TOLERANCE / 4 * scale;

  if (!(slope->error <= WORST * scale))
    return SLOPE_UNKNOWN;
  if (slope->error <= tight)
    return off <= TOLERANCE * scale ? SLOPE_AGREES : SLOPE_DIFFERS;
  return off <= TOLERANCE * scale + 20 * slope->error ? SLOPE_LOOSELY : SLOPE_DIFFERS;
}

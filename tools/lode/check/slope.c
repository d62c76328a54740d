/* SPDX-License-Identifier: Apache-2.0 */
#include "slope.h"

#include <glib.h>
#include <math.h>

enum { HALVINGS = 9 };

/* One function at one step: central slope, and how much the slopes of both sides differ. */
typedef struct Difference {
  double slope, bend;
} Difference;

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
                                                     (right[i] - 2 * middle[i] + left[i]) / step };
  }
  for (uint32_t i = 0; i < n; i++)
    slope[i] = best_of (d + i * HALVINGS);
}

bool
slope_is_known (const Slope *slope, double scale)
{
  return slope->error <= SLOPE_TOLERANCE / 4 * scale;
}

bool
slope_agrees (const Slope *slope, double found, double scale)
{
  return fabs (slope->value - found) <= SLOPE_TOLERANCE * scale;
}

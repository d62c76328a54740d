/* SPDX-License-Identifier: Apache-2.0 */
#include "axis.h"

#include <math.h>

uint32_t
axis_ticks (double low, double high, uint32_t most, double least, double *tick, double *step)
{
  double raw = (high - low) / most, power = pow (10, floor (log10 (raw))), ratio = raw / power;
  double times = ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10;
  double first;
  uint32_t n = 0;

  *step = fmax (times * power, least);
  first = ceil (low / *step - 1e-9);
  /* + 0.0: no "-0" on an axis */
  for (; n < AXIS_TICKS && first + n <= high / *step + 1e-9; n++)
    tick[n] = (first + n) * *step + 0.0;
  return n;
}

void
axis_widen (Axis *axis, double share)
{
  double size = fmax (fabs (axis->low), fabs (axis->high)), span = axis->high - axis->low;
  bool constant = span <= 1e-9 * size || span == 0;
  double pad = !constant ? share * span : size > 0 ? 0.1 * size : 1;

  axis->low = axis->log || constant || axis->low < 0 ? axis->low - pad : fmax (axis->low - pad, 0);
  axis->high += pad;
}

static void
tick_log (Axis *axis)
{
  int first = (int) ceil (axis->low), last = (int) floor (axis->high);
  int stride = 1 + (last - first) / 6;

  for (int k = first - 1; k <= last; k++)
    for (int times = 1; times <= 5; times += times == 1 ? 1 : 3) {
      double at = k + log10 (times);

      if (at < axis->low || at > axis->high || axis->n == AXIS_TICKS
          || (times == 1 ? (k - first) % stride : last - first > 2))
        continue;
      axis->label[axis->n] = report_word ("%g", times * pow (10, k));
      axis->tick[axis->n++] = at;
    }
}

void
axis_tick (Axis *axis, uint32_t most)
{
  double step;

  if (axis->log) {
    tick_log (axis);
    return;
  }
  axis->n = axis_ticks (axis->low, axis->high, most, axis->whole, axis->tick, &step);
  for (uint32_t i = 0; i < axis->n; i++)
    axis->label[i] =
        report_decimal (axis->tick[i], fmax (fabs (axis->low), fabs (axis->high)), step);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics/distribution.h"

#include <math.h>

enum { TERMS = 500 };

/* The continued fraction of the incomplete beta function, by the modified method of Lentz (DLMF
 * 8.17.22). */
static double
fraction (double a, double b, double x)
{
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1), value;

  d = 1 / (fabs (d) < tiny ? tiny : d);
  value = d;
  for (int m = 1; m < TERMS; m++) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
           odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), step;

    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (fabs (d) < tiny ? tiny : d);
    c = fabs (c) < tiny ? tiny : c;
    value *= d * c;
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (fabs (d) < tiny ? tiny : d);
    c = fabs (c) < tiny ? tiny : c;
    step = d * c;
    value *= step;
    if (fabs (step - 1) < 1e-16)
      break;
  }
  return value;
}

/* I_x (a, b), regularised. */
static double
beta (double a, double b, double x)
{
  double front;

  if (x <= 0 || x >= 1)
    return x <= 0 ? 0 : 1;
  front = exp (lgamma (a + b) - lgamma (a) - lgamma (b) + a * log (x) + b * log1p (-x));
  return x < (a + 1) / (a + b + 2) ? front * fraction (a, b, x) / a
                                   : 1 - front * fraction (b, a, 1 - x) / b;
}

double
stat_student (double t, double df)
{
  double tail = 0.5 * beta (df / 2, 0.5, df / (df + t * t));

  return t > 0 ? 1 - tail : tail;
}

/* By halving: the tail on the side where it keeps its digits. */
double
stat_student_inverse (double p, double df)
{
  double tail = p < 0.5 ? p : 1 - p, low = 0, high = 1;

  while (stat_student (-high, df) > tail && high < 1e300)
    high *= 2;
  for (int i = 0; i < 200 && low < high; i++) {
    double t = 0.5 * (low + high);

    if (t <= low || t >= high)
      break;
    *(stat_student (-t, df) > tail ? &low : &high) = t;
  }
  return p < 0.5 ? -high : high;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics/distribution.h"

#include <math.h>

double
stat_mean (uint32_t n, const double *x)
{
  double sum = 0;

  for (uint32_t i = 0; i < n; i++)
    sum += x[i];
  return n ? sum / n : NAN;
}

/* In two passes: values that lie close to each other keep their digits. */
double
stat_sd (uint32_t n, const double *x)
{
  double mean = stat_mean (n, x), sum = 0;

  if (n < 2)
    return NAN;
  for (uint32_t i = 0; i < n; i++)
    sum += (x[i] - mean) * (x[i] - mean);
  return sqrt (sum / (n - 1));
}

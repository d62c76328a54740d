/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics.h"

#include <math.h>

/* Mean over deviation of the differences, times J (n − 1) = Γ(m/2) / (√(m/2) Γ((m − 1)/2)): without
 * it five pairs overstate an effect by a quarter. At m = 1 that factor is 0 and says nothing. */
double
stat_effect (uint32_t n, const double *d)
{
  double mean = stat_mean (n, d), sd = stat_sd (n, d), m = n - 1.0;

  if (n < 3)
    return NAN;
  if (sd <= 1e-14 * fabs (mean) || sd == 0)
    return mean > 0 ? INFINITY : mean < 0 ? -INFINITY : 0;
  return mean / sd * exp (lgamma (m / 2) - lgamma ((m - 1) / 2)) / sqrt (m / 2);
}

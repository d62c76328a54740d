/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moments and distributions, in double.
 */
#ifndef LODE_CORE_DISTRIBUTION_H
#define LODE_CORE_DISTRIBUTION_H

#include <stdint.h>

/* moments.c. NaN where n is too small: 0 for a mean, below 2 for a deviation (n − 1 in it). */
double stat_mean (uint32_t n, const double *x);
double stat_sd (uint32_t n, const double *x);

/* normal.c: the standard normal distribution and its inverse (Wichura 1988, AS 241). */
double stat_normal (double z);
double stat_normal_inverse (double p);

/* student.c: P (T ≤ t) with df degrees of freedom, and its inverse for p in (0, 1). */
double stat_student (double t, double df);
double stat_student_inverse (double p, double df);

#endif

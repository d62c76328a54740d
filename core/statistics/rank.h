/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agreement of two orders. x, y: [n], finite; NaN where n < 2 or one of them is constant.
 */
#ifndef LODE_CORE_RANK_H
#define LODE_CORE_RANK_H

#include <stdint.h>

/* τ-b of Kendall (1945), which counts ties, in O(n log n) (Knight 1966). */
double stat_kendall (uint32_t n, const double *x, const double *y);
/* The correlation of mean ranks (Spearman 1904). */
double stat_spearman (uint32_t n, const double *x, const double *y);

#endif

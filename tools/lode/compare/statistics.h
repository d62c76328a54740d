/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The statistics of a comparison, in double. Differences d: [n] are those of pairs; what is random
 * follows from a seed alone, so the same runs give the same table.
 */
#ifndef LODE_COMPARE_STATISTICS_H
#define LODE_COMPARE_STATISTICS_H

#include "statistics/distribution.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct StatInterval {
  double low, high;
} StatInterval;

/*
 * bootstrap.c: an interval for the mean (BCa, Efron 1987), of all resamples where they are few,
 * else of some drawn by the seed. widen: for small samples (Hesterberg 2015). NaN for n < 2.
 */
StatInterval stat_bootstrap (uint32_t n, const double *d, double level, bool widen, uint64_t seed);

/*
 * permutation.c: the two-sided p of the mean under changes of signs (Fisher 1935): exact up to 20
 * pairs, else of changes drawn by the seed. 1 for n = 0.
 */
double stat_permutation (uint32_t n, const double *d, uint64_t seed);
/* The least p that n pairs can give. */
double stat_permutation_least (uint32_t n);

/*
 * wilcoxon.c: the two-sided p of the signed-rank test: zeros left out, ties get mean ranks, exact
 * given those ranks up to 200 pairs, normal above. *statistic (may be NULL): sum of the ranks of
 * positive differences. 1 where nothing is left.
 */
double stat_wilcoxon (uint32_t n, const double *d, double *statistic);

/* holm.c: adjusted p values (Holm 1979). p, adjusted: [n] */
void stat_holm (uint32_t n, const double *p, double *adjusted);

/*
 * effect.c: Cohen's d of paired differences, without its bias (Hedges 1981). ±∞ or 0 where all
 * differences are the same, NaN for n < 3.
 */
double stat_effect (uint32_t n, const double *d);

/* variance.c */
typedef enum {
  STAT_INSEPARABLE, /* one value a group and no crossing: one source cannot be told from the other
                     */
  STAT_NESTED,      /* values within groups: between groups, within them */
  STAT_CROSSED      /* a full table of rows and columns: rows, columns, both together */
} StatDesign;

typedef struct StatVariance {
  StatDesign design;
  uint32_t groups, columns;       /* rows of the table, or groups; its columns, 0 where nested */
  double between, across, within; /* components; across: of columns, 0 where nested */
} StatVariance;

/*
 * Components of variance of y: [n] by groups a: [n] and columns b: [n] (any numbers), by the method
 * of moments (Searle, Casella & McCulloch 1992); negative ones are 0.
 */
StatVariance stat_variance (uint32_t n, const double *y, const uint64_t *a, const uint64_t *b);

#endif

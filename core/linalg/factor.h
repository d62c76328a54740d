/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Triangular factors in float64, row-major, upper: A = RᵀR. BLAS runs with one thread, always: the
 * same bits, whatever else runs.
 */
#ifndef LODE_CORE_FACTOR_H
#define LODE_CORE_FACTOR_H

#include <stdbool.h>
#include <stdint.h>

/* Before the first call of BLAS; cheap afterwards. [any] */
void lode_blas_prepare (void);

/* a: [n][n], upper triangle → R, zeros below. false: not positive definite. */
bool lode_factor (uint32_t n, double *a);

/* R → R⁻¹, in place. false: singular. */
bool lode_factor_invert (uint32_t n, double *r);

/* Columns of A that depend on those before them, in an order of falling pivots: keep: [n], the
 * rank's many columns that do not, ascending. a: [n][n], unit diagonal (or zero), destroyed.
 * cut: pivots not above it count as zero. Returns the rank. */
uint32_t lode_factor_rank (uint32_t n, double *a, double cut, uint32_t *keep);

/* x (AᵀA = RᵀR) ← R⁻¹R⁻ᵀx; x: [n][columns]. */
void lode_factor_solve (uint32_t n, const double *r, uint32_t columns, double *x);

#endif

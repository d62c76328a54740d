/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lewis weights of the rows of a matrix A (n × d), for any p > 0: the w > 0 with
 *
 *   w_i = τ_i(w)^(p/2),   τ_i(w) = a_iᵀ (Aᵀ W^(1−2/p) A + λI)⁻¹ a_i         (Lewis 1978)
 *
 * found by the damped fixed point log w ← (1 − η) log w + η (p/2) log τ(w) with η = 4 / (p + 2),
 * one pass over A for each. Memory: about d² doubles for each of a few lanes, a panel of rows, and
 * n doubles. The same bits for any number of threads.
 */
#ifndef LODE_CORE_LEWIS_H
#define LODE_CORE_LEWIS_H

#include "compute/threads.h"
#include "linalg/rows.h"

typedef struct LodeLewisSpec {
  double p;
  double tolerance;    /* largest |log (τ^(p/2) / w)| at the end; 0: 1e-3 */
  double ridge;        /* λ */
  double ridge_share;  /* λ as a share of trace (AᵀA) / d, added to `ridge` */
  const double *times; /* [n] copies that a row stands for, or NULL: 1 each */
  bool intercept;      /* A has a last column of ones */
  bool wide;           /* products in float64 for float32 rows too */
  double step;         /* η, without acceleration; 0: 4 / (p + 2) with it */
  /* Start from the weights of a sample of 16 d rows: a pass or two less where rows are many. Only
   * with products in float32. */
  bool sample;
  uint32_t most; /* passes; 0: 1000 */
} LodeLewisSpec;

typedef struct LodeLewisFacts {
  uint32_t rank;      /* of A, by a cut that the first pass' rounding sets */
  uint32_t passes;    /* over all rows, the one for AᵀA and the one from a sample included */
  double sum;         /* of the weights; without ridge the rank, up to the tolerance */
  double residual;    /* largest |log (τ^(p/2) / w)| before the last step */
  double certificate; /* |log (w / true w)| is at most this, rounding of products included */
  double condition;   /* of A with columns of one length, in the Frobenius norm */
  bool wide;          /* products were in float64 */
} LodeLewisFacts;

/*
 * w: [n]; a row of zeros has weight 0. facts may be NULL. Errors: LODE_RUN_ERROR_DATA for values
 * that are not finite, with row and column; LODE_RUN_ERROR_NUMBER where it does not converge.
 * [main]
 */
bool lode_lewis_weights (LodeRows *, const LodeLewisSpec *, LodeThreads *, double *w,
                         LodeLewisFacts *facts, GError **);

/* The same as a plugin asks for it. out may be NULL. [main] */
bool lode_lewis_answer (LodeRows *, const LodeLewisIn *, LodeThreads *, double *w,
                        LodeLewisOut *out, GError **);

/* What |log (τ^(p/2) / w)| ≤ residual for all rows says of |log (w / true w)|; rank: of A. */
double lode_lewis_certificate (double p, double rank, double residual);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear heads on weighted rows that fit into memory, in float64:
 *
 *   regression  min over Θ of Σ_i c_i Σ_t |x_iᵀ θ_t − y_it|^p + λ Σ_t ‖θ_t‖²,  each target by
 * itself softmax     min over Θ of Σ_i c_i (log Σ_t exp (x_iᵀ θ_t) − x_iᵀ θ_{y_i}) + λ ‖Θ‖²
 *
 * The intercept, where there is one, is the last row of Θ and carries no penalty.
 */
#ifndef LODE_CORE_HEADS_H
#define LODE_CORE_HEADS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct LodeHeadIn {
  uint32_t n, d, k;     /* rows, features, targets or classes */
  const float *x;       /* [n][d] */
  const double *target; /* [n][k], or NULL: one-hot rows of label */
  const int32_t *label; /* [n] 0 … k − 1 */
  const double *weight; /* [n] c, or NULL: 1 */
  bool intercept;
  double p;     /* of the regression, at least 1 */
  double ridge; /* λ ≥ 0 */
} LodeHeadIn;

typedef struct LodeHeadOut {
  double loss;     /* Σ c |r|^p or the weighted log loss, without the penalty */
  uint32_t rounds; /* Newton's, the most that a target took */
} LodeHeadOut;

/*
 * theta: [d + intercept][k]. p = 2 in closed form, p > 2 by Newton's steps with halving, 1 ≤ p < 2
 * by reweighting with a smoothed loss whose smoothing goes to zero. Rows that do not determine Θ
 * need a ridge. out may be NULL. Errors: LODE_RUN_ERROR_DATA, _CONFIG, _NUMBER. [main]
 */
bool lode_head_regress (const LodeHeadIn *, double *theta, LodeHeadOut *out, GError **);

/* Limited-memory BFGS from zero; theta as above. Classes that can be told apart without error need
 * a ridge. */
bool lode_head_softmax (const LodeHeadIn *, double *theta, LodeHeadOut *out, GError **);

#endif

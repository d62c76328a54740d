/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loss of a batch: the core's softmax kernel over a class table, or a plugin's own rows.
 *
 * Reduction: L = Σ_i e_i c_i l_i / Σ_i c_i over the rows of the batch, e_i the example's weight and
 * c_i the weight of the row's class (1 for real targets). So class weights act as in PyTorch's
 * weighted cross-entropy, divided by their sum; example weights, whose mean over a selection is 1,
 * are divided by the number of rows, which keeps importance weights unbiased in every batch.
 * Without either this is the mean. A batch whose class weights are all 0 has loss and gradient 0.
 *
 * The table that a loss asks for may be in force by degrees, and its weights multiplied by others.
 */
#ifndef LODE_CORE_LOSSES_H
#define LODE_CORE_LOSSES_H

#include "compute/threads.h"
#include <lode/data.h>
#include <lode/loss.h>

/* How much of a table's weights, scales and shifts is in force: x = plain + t (own − plain), t in
 * [0, 1]. Margins always are. */
typedef struct LodeForce {
  double weight, scale, shift;
} LodeForce;

/* Weights of classes beside the loss's own, from the counts, of mean 1. */
enum { LODE_REWEIGHT_NONE, LODE_REWEIGHT_INVERSE, LODE_REWEIGHT_EFFECTIVE };

typedef struct LodeReweight {
  int32_t kind;
  double power, beta; /* of n^−power; of effective numbers */
} LodeReweight;

/* A loss made ready for a head of k outputs. */
typedef struct LodeCriterion {
  const LodeLossOps *ops;
  LodeLoss *loss;
  uint32_t k;
  LodeClassTable table; /* in force */
  LodeForce force;
  float *memory; /* of the table: [2][4][k], in force and as the loss asked */
} LodeCriterion;

/* Takes the place of what was prepared before only if all is well. count: [k], or NULL. loss:
 * transfer none, NULL where ops need no instance. Errors: the loss's own, NUMBER for a table that
 * is not finite, CONFIG for a weight or cosine scale below 0. */
bool lode_criterion_prepare (LodeCriterion *, const LodeLossOps *, LodeLoss *, uint32_t k,
                             const double *count, GError **);
void lode_criterion_clear (LodeCriterion *);
/* Full when prepared. */
void lode_criterion_force (LodeCriterion *, const LodeForce *);
/* Multiplies the loss's own weights, then scales them to a mean of 1. count: [k] as in prepare;
 * NULL: nothing happens. */
void lode_criterion_reweight (LodeCriterion *, const LodeReweight *, const double *count);

/* Sums whose quotient is the batch's loss, so that batches can be added up: Σ e c l and Σ c. */
typedef struct LodeReduced {
  double sum, weight;
} LodeReduced;

static inline double
lode_reduced_mean (LodeReduced r)
{
  return r.weight > 0 ? r.sum / r.weight : 0;
}

/*
 * logit: [n][k]. value: [n] each row's own loss, unweighted. grad: [n][k] of the batch's loss, or
 * NULL. smoothing ε: the target is (1 − ε) [c = y] + ε / k (Szegedy et al. 2016, §7), for class
 * tables only. teacher: [n][k] or NULL. Rows are spread over the threads; sums are float64 in row
 * order. Labels are valid (0 … k − 1).
 */
LodeReduced lode_criterion_run (const LodeCriterion *, LodeThreads *, const LodeBatch *,
                                const float *logit, const float *teacher, double smoothing,
                                float *value, float *grad);

/* Row-wise softmax of raw logits. prob: [n][k] */
void lode_softmax (LodeThreads *, uint32_t n, uint32_t k, const float *logit, float *prob);
/* Rows whose largest logit (lowest index wins) is the label's. */
uint32_t lode_correct (uint32_t n, uint32_t k, const float *logit, const int32_t *label);

#endif

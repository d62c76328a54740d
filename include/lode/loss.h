/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `loss`: what is minimised, per row of logits.
 *
 * Most losses are a class table: softmax cross-entropy of a_c = scale_c z_c + shift_c − margin_y [c = y],
 * weighted by weight_y. They only fill it, and the host's one kernel does the rest. Others bring `rows`.
 * create → (prepare → rows*)* → destroy; prepare is called again whenever head, label set or counts change.
 */
#ifndef LODE_LOSS_H
#define LODE_LOSS_H

#include <lode/types.h>

typedef struct LodeLoss LodeLoss;

typedef struct LodeClassTable {
  size_t size;
  float *scale, *shift, *margin, *weight; /* [k], preset to 1, 0, 0, 1 */
  bool by_label;                          /* the whole row is scaled by scale_y (LDT) instead of scale_c */
  float cosine;                           /* s > 0: the head is cosine with this scale; 0: linear */
} LodeClassTable;

typedef struct LodeLossIn {
  size_t size;
  uint32_t n, k;        /* rows, logits a row */
  const float *logit;   /* [n][k] */
  const float *teacher; /* [n][k], with LODE_TEACHER; else NULL */
  const int32_t *label; /* [n], NULL where targets are real */
  const float *target;  /* [n][k], NULL where targets are classes */
  uint64_t key;         /* of random gates: row i uses position i */
} LodeLossIn;

typedef struct LodeLossOps {
  size_t size;
  uint32_t needs, reserved;
  LodeLoss *(*create) (const LodeHost *, const void *conf, GError **); /* [main] */
  void (*destroy) (LodeLoss *);                                       /* [main] accepts NULL */
  /* [main] count: [k] weights of the classes in training data, NULL where targets are real. */
  bool (*prepare) (LodeLoss *, uint32_t k, const double *count, LodeClassTable *, GError **);
  /* OPTIONAL [pool] value: [n], grad: [n][k] of each row's own loss, unweighted, not divided by n. */
  void (*rows) (const LodeLoss *, const LodeLossIn *, float *value, float *grad);
} LodeLossOps;

#endif

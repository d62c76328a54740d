/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `sampler`: which examples of the pool come next, and with what weight.
 *
 * create → (select → observe*)* → destroy. The host shuffles what was selected, forms batches, records
 * every selection, and books the cost of whatever rows the sampler reads.
 */
#ifndef LODE_SAMPLER_H
#define LODE_SAMPLER_H

#include <lode/data.h>

typedef struct LodeSampler LodeSampler;

enum { LODE_WHEN_ONCE, LODE_WHEN_ROUND, LODE_WHEN_EPOCH };

typedef struct LodeAsk {
  size_t size;
  uint32_t budget;       /* distinct examples wanted; 0: the sampler's own size */
  uint32_t round, epoch; /* from 0 */
  const char *phase;     /* as the search names it */
  double valid;          /* last validation score, NaN before the first */
} LodeAsk;

/* The host's arrays of `room` entries; weight is preset to 1, times to 1. Set n. */
typedef struct LodePicks {
  size_t size;
  uint32_t room, n;
  uint32_t *index; /* into the pool */
  uint32_t *times; /* multiplicity */
  float *weight;
  bool repeat;     /* an example comes `times` times an epoch, not once with `times` as much weight */
} LodePicks;

/* What the weights' pass saw: one entry per row of the batch. */
typedef struct LodeSeen {
  size_t size;
  uint32_t n, k;
  const uint32_t *index; /* [n] into the pool */
  const int32_t *label;  /* [n] */
  const float *prob;     /* [n][k] softmax of the raw logits */
  const float *loss;     /* [n] unweighted */
} LodeSeen;

typedef struct LodeSamplerOps {
  size_t size;
  uint32_t needs, when; /* LODE_LABELS, LODE_SEEN, LODE_FEATURES …; LODE_WHEN_… */
  LodeSampler *(*create) (const LodeHost *, const void *conf, const LodePool *, GError **); /* [main] */
  void (*destroy) (LodeSampler *);                                                         /* [main] accepts NULL */
  bool (*select) (LodeSampler *, const LodeAsk *, LodePicks *, GError **);                 /* [main] */
  /* OPTIONAL [main] weights' passes, before the update */
  void (*observe) (LodeSampler *, const LodeSeen *);
} LodeSamplerOps;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight sets and statistics sets over a layout. The public functions of net.h reach them through
 * `calls`.
 */
#ifndef LODE_CORE_PARAMS_H
#define LODE_CORE_PARAMS_H

#include "compute/layout.h"
#include <lode/net.h>

/* A weight set: per slot a pointer to its values, NULL where the set lacks it. */
typedef struct LodeParamSet {
  LodeParams base; /* first: LodeParams * and LodeParamSet * are the same pointer */
  LodeLayout *layout;
  uint32_t slots;
  float **at;    /* [slots] into `data`; 64-byte aligned each */
  bool *touched; /* [slots] may differ from zero: of a gradient, the last pass wrote it */
  float *data;
  size_t size; /* floats in data, alignment gaps included */
} LodeParamSet;

/* A zeroed set with every slot, or with those where want[slot]. */
LodeParams *lode_params_new (LodeLayout *, const bool *want);
/* Fills a set from the streams named after its slots: independent of recording order. */
void lode_params_init (LodeParams *, uint64_t seed, uint64_t id);
/* Zeroes what `touched` marks and clears the marks. */
void lode_params_clear (LodeParams *);

/* Statistics: per norm slot mean[c] then variance[c], and the examples pooled so far. */
typedef struct LodeStatSet {
  LodeStats base;
  LodeLayout *layout;
  uint32_t slots;
  float **at;     /* [slots] → [2][c] */
  double *pooled; /* [slots] rows merged by LODE_STATS_POOL */
  float *data;
  size_t size;
} LodeStatSet;

LodeStats *lode_statset_new (LodeLayout *);
void lode_statset_copy (LodeStats *y, const LodeStats *x);

#endif

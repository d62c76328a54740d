/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole network of a choice: a backbone's recording with the core's head behind it. What trains
 * and what only counts multiply-adds both record through this.
 *
 * Weights are called "backbone.…", "head.weight", "head.bias" and "head.auxiliary.…".
 */
#ifndef LODE_CORE_ASSEMBLY_H
#define LODE_CORE_ASSEMBLY_H

#include "compute/graph.h"
#include "space/arch.h"

typedef struct LodeAssembly {
  LodeArchFamily family;
  LodeShape input;
  uint32_t outputs;      /* of the head: classes, or real targets */
  uint32_t examples;     /* rows that an index can name */
  uint32_t depth, width; /* 0: the backbone's option */
  float cosine;          /* s > 0: cosine head with this scale, no bias; 0: linear with bias */
  bool shared, drop_path;
} LodeAssembly;

enum { LODE_WITH_AUX = 1, LODE_WITH_FEATURES = 2 };

/* Outputs of the recording besides 0, the logits; −1 where there is none. */
typedef struct LodeOutputs {
  int32_t aux, feature;
} LodeOutputs;

/* Records into an empty record (lode_record_new or _reset) for the mask it holds. Errors:
 * LODE_RUN_ERROR_CONFIG with the operation, or the backbone's own. */
bool lode_assembly_record (const LodeAssembly *, LodeRecord *, uint32_t with, LodeOutputs *,
                           GError **);

#endif

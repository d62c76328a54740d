/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `evaluator`: what the score of an architecture means. create → score* → destroy.
 *
 * The same (architecture, id, fidelity) gives the same bits in any process; the host journals scores and never asks twice.
 */
#ifndef LODE_EVALUATOR_H
#define LODE_EVALUATOR_H

#include <lode/host.h>

typedef struct LodeEvaluator LodeEvaluator;

typedef struct LodeEvaluatorOps {
  size_t size;
  uint32_t needs, reserved;
  LodeEvaluator *(*create) (const LodeHost *, const void *conf, GError **); /* [main] */
  void (*destroy) (LodeEvaluator *);                                       /* [main] accepts NULL */
  /* [main] id: names the random streams; fidelity in (0, 1]: share of the full budget. */
  bool (*score) (LodeEvaluator *, const uint8_t *arch, uint64_t id, double fidelity, LodeScore *, GError **);
} LodeEvaluatorOps;

#endif

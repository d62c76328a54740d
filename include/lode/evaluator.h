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

enum { LODE_SIMULATED = 1 }; /* scores are looked up: their seconds are those that they took once */

/* Figures with their names; memory is the evaluator's, until it is asked again. */
typedef struct LodeQuotes {
  size_t size;
  uint32_t n;
  const char *const *name; /* [n] */
  const double *value;     /* [n] NaN: not known, or not to be quoted */
} LodeQuotes;

typedef struct LodeEvaluatorOps {
  size_t size;
  uint32_t needs, flags; /* LODE_VALID …; LODE_SIMULATED */
  LodeEvaluator *(*create) (const LodeHost *, const void *conf, GError **); /* [main] */
  void (*destroy) (LodeEvaluator *);                                       /* [main] accepts NULL */
  /* [main] id: names the random streams; fidelity in (0, 1]: share of the full budget. */
  bool (*score) (LodeEvaluator *, const uint8_t *arch, uint64_t id, double fidelity, LodeScore *, GError **);
  /* OPTIONAL [main] What is known of an architecture beside its score, test figures among it: for
   * reports. A search cannot ask. */
  bool (*quote) (LodeEvaluator *, const uint8_t *arch, LodeQuotes *, GError **);
} LodeEvaluatorOps;

#endif

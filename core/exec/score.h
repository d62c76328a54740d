/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scoring architectures: jobs for an executor, each canonical key once, results in the order asked
 * for.
 */
#ifndef LODE_CORE_SCORE_H
#define LODE_CORE_SCORE_H

#include <lode/evaluator.h>
#include <lode/executor.h>

/* Where scores are remembered between calls and runs. */
typedef struct LodeScoreBook {
  void *data;
  bool (*find) (void *data, const char *key, double fidelity, LodeScore *);
  /* result: what the job gave, the score and whatever stands behind it */
  bool (*note) (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *,
                GBytes *result, GError **);
  /* Of every architecture of a request, in its order, once its score is there; or NULL. */
  void (*charge) (void *data, const char *key, double fidelity, LodeScore *);
} LodeScoreBook;

typedef struct LodeScorer {
  const LodeHost *host;
  uint32_t length; /* decisions of an architecture */
  const LodeExecutorOps *executor_ops;
  LodeExecutor *executor;
  /* Jobs given at once: an executor that tells of each result is given all, and each is noted as it
   * arrives; of others, what is finished is noted after each slice. */
  uint32_t slice;
  const volatile int *stop; /* not 0: no more jobs, LODE_RUN_ERROR_STOPPED; or NULL */
  LodeScoreBook book;
} LodeScorer;

/* Architectures with the same key are scored once; a failed score is a result. score: [n] */
bool lode_scorer_run (const LodeScorer *, uint32_t n, const uint8_t *const *arch, double fidelity,
                      LodeScore *score, GError **);

/* The worker's side: decodes a job of lode_scorer_run, asks the evaluator, encodes the answer; more
 * may be put behind it. */
GBytes *lode_score_job (const LodeEvaluatorOps *, LodeEvaluator *, uint32_t length, GBytes *job,
                        GError **);

/* The stream id of a canonical key: the same in every process and run. */
uint64_t lode_key_id (const char *key);

#endif

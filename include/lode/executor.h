/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `executor`: where jobs run. create → (share | map)* → destroy.
 *
 * result[i] belongs to job[i], whatever the order of work; a lost job is given again.
 */
#ifndef LODE_EXECUTOR_H
#define LODE_EXECUTOR_H

#include <lode/types.h>

typedef struct LodeExecutor LodeExecutor;
typedef GBytes *(*LodeJobFunc) (void *data, GBytes *job, GError **);
/* The result (transfer none) of job[i] of a map under way; false with an error ends that map. [main] */
typedef bool (*LodeDoneFunc) (void *data, uint32_t i, GBytes *result, GError **);

typedef struct LodeExecutorOps {
  size_t size;
  LodeExecutor *(*create) (const LodeHost *, const void *conf, LodeJobFunc, void *data, GError **); /* [main] */
  void (*destroy) (LodeExecutor *);                                                                /* [main] accepts NULL */
  bool (*share) (LodeExecutor *, const char *name, GBytes *, GError **); /* [main] seen by every later job */
  bool (*map) (LodeExecutor *, uint32_t n, GBytes *const *job, GBytes **result, GError **); /* [main] results: transfer full */
  /* OPTIONAL */
  bool (*serve) (LodeExecutor *, GError **); /* [main] a worker's side, until the run ends */
  void (*watch) (LodeExecutor *, LodeDoneFunc, void *data); /* [main] hears of each result as soon as it is there, from the next map on; NULL: nobody */
} LodeExecutorOps;

#endif

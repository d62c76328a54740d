/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workloads of `lode bench`: training steps of an experiment's first stage, timed.
 */
#ifndef LODE_VERB_BENCH_H
#define LODE_VERB_BENCH_H

#include "run/experiment.h"

typedef struct Timing {
  bool paths; /* in: each step another random path of a super-network */
  uint32_t threads, batch;
  uint64_t params;    /* weights of the net, head included */
  double low, median; /* seconds of a step */
  uint64_t bytes;     /* of the engine's arena */
  GString *program;   /* NULL, or where the program that ran is explained */
  GString *shares;    /* NULL, or where the shares of its kinds of steps are told */
} Timing;

/*
 * A step is one pass over the stage's training examples, batch by batch: forward, backward for all
 * weights (and gates, where a search mixes), clipping, update. Two warm up, `steps` are timed.
 */
bool bench_time (const LodeExperiment *, uint32_t threads, uint32_t steps, Timing *, GError **);

/* kernels.c: what each kernel achieves on this machine beside what the machine can do. */
int bench_kernels (void);

/* lewis.c: Lewis weights of .npy files, or of random features in memory. threads 0: all. */
int bench_lewis (char *const *files, uint32_t threads, bool json);

#endif

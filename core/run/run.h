/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs: one experiment with one seed, in a directory, stage after stage.
 */
#ifndef LODE_CORE_RUN_H
#define LODE_CORE_RUN_H

#include "run/host.h"

typedef struct LodeRun LodeRun;

/* Borrowed, and outliving the run. */
typedef struct LodeRunSpec {
  const LodeExperiment *experiment;
  const char *origins; /* text of overrides.txt: where each value came from; or NULL */
  LodeWatch watch;
  const volatile int *stop; /* set by a signal: checkpoint at the next step, then end */
  uint32_t threads;         /* at most; 0: as the experiment and the machine say */
  const char *runs;         /* the site's folder of runs, or NULL */
  bool again;               /* create: beside an unfinished run of the same configuration */
  bool force;               /* resume: although plugins or the processor differ */
} LodeRunSpec;

/*
 * Makes a run's directory and writes config.cfg, overrides.txt, env.json. A finished run of the
 * same configuration stays as it is and the new one gets a number; an unfinished one is an error
 * that says how to go on with it.
 */
LodeRun *lode_run_create (const LodeRunSpec *, GError **);
/* Takes up a directory that was made before, from its last checkpoint. */
LodeRun *lode_run_resume (const char *path, const LodeRunSpec *, GError **);

/*
 * Works to the end. Errors: LODE_RUN_ERROR_STOPPED when stopped with a checkpoint; what a stage
 * reports, with its name and step. status.json says the same.
 */
bool lode_run_go (LodeRun *, GError **);
const char *lode_run_path (const LodeRun *);
void lode_run_free (LodeRun *); /* accepts NULL */

#endif

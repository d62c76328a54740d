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
  const char *cache;        /* the site's cache, or NULL */
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

/* Where the run of this experiment lies unless it is told to lie beside another. Transfer full. */
char *lode_run_place (const LodeRunSpec *);

typedef enum {
  LODE_FOUND_NOTHING,    /* it is a new run */
  LODE_FOUND_UNFINISHED, /* it goes on from its last checkpoint */
  LODE_FOUND_DONE,       /* it is done: no run is given */
  LODE_FOUND_FAILED,     /* it failed before, and retry was not asked for: no run is given */
  LODE_FOUND_HELD        /* another process works on it: no run is given */
} LodeFound;

/*
 * The run at its place, whatever state it is in, whoever began it: one process at a time gets it,
 * and none gets a run that is done. retry: failed ones go on too. NULL with an error, or without
 * one where *found says why.
 */
LodeRun *lode_run_take (const LodeRunSpec *, bool retry, LodeFound *found, GError **);

/*
 * Works to the end. Errors: LODE_RUN_ERROR_STOPPED when stopped with a checkpoint; what a stage
 * reports, with its name and step. status.json says the same.
 */
bool lode_run_go (LodeRun *, GError **);
const char *lode_run_path (const LodeRun *);
void lode_run_free (LodeRun *); /* accepts NULL */

#endif

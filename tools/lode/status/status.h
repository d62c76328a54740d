/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the runs below a folder stand.
 */
#ifndef LODE_STATUS_H
#define LODE_STATUS_H

#include "run/folder.h"

typedef enum {
  STATUS_RUNNING,
  STATUS_QUEUED,  /* belongs to a sweep and was never begun */
  STATUS_STOPPED, /* with a checkpoint */
  STATUS_STALE,   /* its process died: nobody works on it */
  STATUS_FAILED,
  STATUS_DONE,
  STATUS_STATES
} StatusState;

extern const char *const status_names[]; /* by StatusState */

typedef struct StatusRun {
  char *path, *words; /* words: what sets it apart in its sweep, or NULL */
  char *group;        /* <experiment>/<label> */
  StatusState state;
  LodeStatusInfo info;
  double left;  /* seconds until its end; NaN: unknown */
  double spent; /* seconds that it took, if it is done; NaN: unknown */
} StatusRun;

/* All runs below a folder of runs, an experiment's, a label's, or one run (StatusRun *, owned by
 * the array), sorted by path; with those that sweeps wait for. */
GPtrArray *status_gather (const char *folder);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep at work: its runs, and the processes that do them.
 */
#ifndef LODE_SWEEP_H
#define LODE_SWEEP_H

#include "grid.h"
#include "run/run.h"

typedef enum {
  SWEEP_OPEN, /* not begun, or stopped or killed on the way */
  SWEEP_HELD, /* another process works on it */
  SWEEP_DONE,
  SWEEP_FAILED,
  SWEEP_STOPPED /* by the signal that stopped this sweep */
} SweepState;

typedef struct SweepPoint {
  char *words; /* "arm=random seed=3" */
  char *path;  /* of its run */
  SweepState state;
  bool ours;      /* it came to this state here and now */
  double seconds; /* that it took here */
  char *message;  /* of a failure, or NULL */
} SweepPoint;

/* What workers share with whoever started them. */
typedef struct SweepBoard {
  volatile int stop;
  gint begun[]; /* [points] how often a worker began it and has not ended it */
} SweepBoard;

typedef struct Sweep {
  const SweepGrid *grid;
  LodeRegistry *registry;
  GPtrArray *points; /* SweepPoint * */
  SweepBoard *board;
  const char *runs;  /* the site's folder of runs, or NULL */
  const char *cache; /* the site's, or NULL */
  const char *executor;
  guint jobs;
  uint32_t threads; /* of each run */
  bool retry, force, quiet;
  gint64 begun; /* microseconds */
  guint ended;  /* runs that ended here */
} Sweep;

extern const char *const sweep_state_names[]; /* by SweepState */

/* Checks every point and finds its run; NULL with mistakes in errors. */
Sweep *sweep_new (const SweepGrid *, LodeRegistry *, const char *runs, GPtrArray *errors);
void sweep_free (Sweep *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Sweep, sweep_free)

static inline SweepPoint *
sweep_point (const Sweep *sweep, guint i)
{
  return g_ptr_array_index (sweep->points, i);
}
/* How the run in a directory stands; a failure's message (transfer full), if asked for. Done is one
 * whose report is written too. */
SweepState sweep_state_of (const char *path, char **message);
guint sweep_count (const Sweep *, SweepState);
/* Reads from the run directories how each point stands, but for those that ended here. */
void sweep_look (Sweep *);

/* The experiment of a point (to be freed), its origins if asked for (transfer full). NULL with
 * mistakes in errors. */
LodeExperiment *sweep_experiment (const Sweep *, guint point, char **origins, GPtrArray *errors);

/* job.c: does the run of a job in a worker; the result says how it ended. data: the Sweep */
GBytes *sweep_job (void *data, GBytes *job, GError **);
GBytes *sweep_job_new (guint point);
/* Takes over what a result says; false if it cannot be read. */
bool sweep_job_read (Sweep *, guint point, GBytes *result);

/* work.c: works until every point is done or failed, or a signal stops it. Whatever its exit code,
 * the points say what became of them. */
bool sweep_work (Sweep *, GError **);

/* manifest.c: writes down what belongs to the sweep, for `lode status`. */
bool sweep_manifest_write (const Sweep *, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run of a sweep, in a worker. What it would say on a terminal goes into log.txt of its folder.
 * Its result is a text: the state, the seconds, and a message, a line each.
 */
#include "error.h"
#include "report/report.h"
#include "run/file.h"
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

GBytes *
sweep_job_new (guint point)
{
  uint32_t number = point;

  return g_bytes_new (&number, sizeof number);
}

static GBytes *
answer (SweepState state, double seconds, const char *message)
{
  g_autoptr (GString) text = g_string_new (sweep_state_names[state]);
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  g_string_append_printf (text, "\n%s\n%s", g_ascii_dtostr (number, sizeof number, seconds),
                          message ? message : "");
  return g_bytes_new (text->str, text->len + 1);
}

/* stdout and stderr. */
typedef struct Streams {
  int out, err;
} Streams;

static Streams
divert (const char *run)
{
  g_autofree char *path = g_build_filename (run, "log.txt", NULL);
  int fd = open (path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  Streams before;

  fflush (NULL);
  before = (Streams){ fcntl (STDOUT_FILENO, F_DUPFD_CLOEXEC, 3),
                      fcntl (STDERR_FILENO, F_DUPFD_CLOEXEC, 3) };
  if (fd >= 0) {
    dup2 (fd, STDOUT_FILENO);
    dup2 (fd, STDERR_FILENO);
    close (fd);
  }
  return before;
}

static void
restore (Streams before)
{
  fflush (NULL);
  if (before.out >= 0) {
    dup2 (before.out, STDOUT_FILENO);
    close (before.out);
  }
  if (before.err >= 0) {
    dup2 (before.err, STDERR_FILENO);
    close (before.err);
  }
}

static void
log_line (void *data, uint32_t level, const char *stage, const char *text)
{
  (void) data;
  if (level != LODE_LOG_DEBUG)
    fprintf (stderr, "%s%s: %s\n", level == LODE_LOG_WARNING ? "warning: " : "", stage, text);
}

static GBytes *
go (LodeRun *run, double begun)
{
  g_autofree char *path = g_strdup (lode_run_path (run));
  Streams before = divert (path);
  g_autoptr (GError) failure = NULL;
  g_autoptr (GError) trouble = NULL;
  bool done = lode_run_go (run, &failure);

  if (!lode_report_write (path, &trouble))
    fprintf (stderr, "no report: %s\n", trouble->message);
  lode_run_free (run);
  if (failure)
    fprintf (stderr, "%s\n", failure->message);
  restore (before);
  return answer (done                                                                ? SWEEP_DONE
                 : g_error_matches (failure, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED) ? SWEEP_STOPPED
                                                                                     : SWEEP_FAILED,
                 (double) g_get_monotonic_time () / 1e6 - begun, failure ? failure->message : NULL);
}

static GBytes *
take (const Sweep *sweep, const LodeExperiment *experiment, const char *origins)
{
  const LodeRunSpec spec = { .experiment = experiment,
                             .origins = origins,
                             .watch = { .log = log_line },
                             .stop = &sweep->board->stop,
                             .threads = sweep->threads,
                             .runs = sweep->runs,
                             .cache = sweep->cache,
                             .force = sweep->force };
  double begun = (double) g_get_monotonic_time () / 1e6;
  g_autofree char *path = lode_run_place (&spec);
  g_autoptr (GError) failure = NULL;
  LodeFound found;
  LodeRun *run = lode_run_take (&spec, sweep->retry, &found, &failure);

  if (run)
    return go (run, begun);
  if (failure)
    return answer (SWEEP_FAILED, 0, failure->message);
  if (found == LODE_FOUND_DONE) /* by a process that was killed before its report */
    lode_report_write (path, NULL);
  return answer (found == LODE_FOUND_DONE   ? SWEEP_DONE
                 : found == LODE_FOUND_HELD ? SWEEP_HELD
                                            : SWEEP_FAILED,
                 -1, "it failed before; --retry goes on with it");
}

/* The configuration was checked before, but files may have changed since. */
static GBytes *
run_point (const Sweep *sweep, guint point)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *origins = NULL;
  LodeExperiment *experiment = sweep_experiment (sweep, point, &origins, errors);
  GBytes *result = experiment ? take (sweep, experiment, origins)
                              : answer (SWEEP_FAILED, 0, g_ptr_array_index (errors, 0));

  lode_experiment_free (experiment);
  return result;
}

GBytes *
sweep_job (void *data, GBytes *job, GError **error)
{
  const Sweep *sweep = data;
  uint32_t point;
  GBytes *result;

  (void) error;
  memcpy (&point, g_bytes_get_data (job, NULL), sizeof point);
  if (sweep->board->stop)
    return answer (SWEEP_OPEN, -1, NULL);
  if (sweep_state_of (sweep_point (sweep, point)->path, NULL) == SWEEP_DONE)
    return answer (SWEEP_DONE, -1, NULL);
  g_atomic_int_inc (&sweep->board->begun[point]);
  result = run_point (sweep, point);
  g_atomic_int_set (&sweep->board->begun[point], 0);
  return result;
}

bool
sweep_job_read (Sweep *sweep, guint i, GBytes *result)
{
  SweepPoint *point = sweep_point (sweep, i);
  gsize n;
  const char *text = g_bytes_get_data (result, &n);
  g_auto (GStrv) part = n && !text[n - 1] ? g_strsplit (text, "\n", 3) : NULL;

  if (!part || g_strv_length (part) < 3)
    return false;
  for (size_t state = 0; state <= SWEEP_STOPPED; state++)
    if (!strcmp (part[0], sweep_state_names[state]))
      point->state = (SweepState) state;
  point->seconds = g_ascii_strtod (part[1], NULL);
  point->ours = point->state == SWEEP_DONE || (point->seconds >= 0 && point->state != SWEEP_HELD);
  g_free (point->message);
  point->message = *part[2] ? g_strdup (part[2]) : NULL;
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run from its first to its last step, under signals.
 */
#include "go.h"

#include "common.h"
#include "error.h"
#include "report/report.h"
#include "watch.h"

#include <signal.h>

static volatile int stop;

static void
on_signal (int number)
{
  (void) number;
  stop = 1;
}

/* The first signal asks for a checkpoint, a second one ends the process as usual. Writing beyond a
 * limit becomes an error of that write. */
static void
catch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND };

  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  signal (SIGXFSZ, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
}

int
run_complain (GPtrArray *errors, const LodeRegistry *registry)
{
  for (guint i = 0; i < errors->len; i++)
    lode_say ("%s", (const char *) g_ptr_array_index (errors, i));
  g_ptr_array_unref (errors);
  return registry && lode_registry_has_refused (registry) ? LODE_EXIT_PLUGIN : LODE_EXIT_USAGE;
}

bool
run_add_plugins (LodeRegistry *registry, char **files, int *code)
{
  for (char **file = files; file && *file; file++) {
    GError *failure = NULL;

    if (!lode_registry_add_file (registry, *file, &failure)) {
      *code = lode_fail (failure);
      return false;
    }
  }
  return true;
}

bool
run_check_flags (const char *verb, const RunFlags *flags, int *code)
{
  if (flags->threads >= 0)
    return true;
  *code = lode_usage_error ("%s: --threads %d: expected a number from 0 (no limit) on", verb,
                            flags->threads);
  return false;
}

uint32_t
run_threads (const RunFlags *flags)
{
  return (uint32_t) (flags->threads > 0 ? flags->threads : flags->site->threads);
}

/* The report is made at the end, and also of a run that stopped: what there is of it. */
static void
make_report (const char *path)
{
  g_autoptr (GError) failure = NULL;

  if (!lode_report_write (path, &failure))
    lode_say ("no report: %s", failure->message);
}

static int
finish (const LodeExperiment *experiment, const char *path, GError *failure)
{
  GError *trouble = NULL;

  make_report (path);
  if (failure) {
    g_autofree char *quoted = lode_file_word (path);
    bool stopped = g_error_matches (failure, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED);
    int code = lode_fail (failure);

    if (stopped)
      lode_say ("go on with: lode resume %s", quoted);
    return code;
  }
  if (!run_summary (experiment, path, &trouble))
    return lode_fail (trouble);
  return LODE_EXIT_DONE;
}

int
run_go (const LodeExperiment *experiment, const char *path, const char *origins,
        const RunFlags *flags)
{
  Watch watch;
  LodeRunSpec spec = { .experiment = experiment,
                       .origins = origins,
                       .stop = &stop,
                       .threads = run_threads (flags),
                       .runs = flags->site->runs,
                       .cache = flags->site->cache,
                       .again = flags->again,
                       .force = flags->force };
  g_autofree char *where = NULL;
  GError *failure = NULL;
  LodeRun *run;

  catch_signals ();
  watch_init (&watch, flags->quiet, flags->verbose);
  spec.watch = watch_view (&watch);
  run = path ? lode_run_resume (path, &spec, &failure) : lode_run_create (&spec, &failure);
  if (!run)
    return lode_fail (failure);
  where = g_strdup (lode_run_path (run));
  if (!flags->quiet)
    lode_say ("run %s", where);
  lode_run_go (run, &failure);
  watch_clear (&watch);
  lode_run_free (run);
  return finish (experiment, where, failure);
}

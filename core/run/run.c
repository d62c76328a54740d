/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a run: its directory, its stages one after the other, checkpoints on the way.
 */
#include "run/run.h"

#include "error.h"
#include "run/checkpoint.h"
#include "run/config.h"
#include "run/engine.h"
#include "run/environment.h"
#include "run/result.h"

#include <time.h>

/* Status is renewed this often, in seconds. */
enum { HEARTBEAT = 5 };

struct LodeRun {
  LodeRunSpec spec;
  LodeShared shared;
  LodePlace place;
  LodeStore *saved;          /* of the stage at `place`, until it is loaded */
  LodeStageHost *host;       /* of the stage in hand */
  bool noted;                /* its data stand in env.json */
  double checkpointed, beat; /* when, seconds */
};

static double
now (clockid_t clock)
{
  struct timespec t;

  clock_gettime (clock, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static bool
write_text (const LodeRun *run, const char *name, const char *text, GError **error)
{
  return lode_folder_write (run->shared.folder, name, text, strlen (text), error);
}

static bool
write_description (const LodeRun *run, GError **error)
{
  g_autofree char *config = lode_config_write (run->spec.experiment->resolved);
  g_autofree char *env = lode_environment_text (&run->shared, error);

  return env && write_text (run, "config.cfg", config, error)
         && (!run->spec.origins || write_text (run, "overrides.txt", run->spec.origins, error))
         && write_text (run, "env.json", env, error);
}

static LodeRun *
new_run (const LodeRunSpec *spec, GError **error)
{
  LodeEngine *engine = lode_run_engine (spec->experiment, spec->threads, error);
  LodeRun *run;

  if (!engine)
    return NULL;
  run = g_new0 (LodeRun, 1);
  run->spec = *spec;
  run->shared = (LodeShared){ .experiment = spec->experiment,
                              .engine = engine,
                              .watch = spec->watch,
                              .stop = spec->stop,
                              .cache = spec->cache };
  return run;
}

/* The configuration without what does not change what a run means. */
static char *
hash_of (const LodeExperiment *experiment)
{
  static const char *const left_out[] = { "seed", "threads", "checkpoint",
                                          "runs", "label",   "plugins" };
  g_autoptr (LodeNode) root = lode_node_copy (experiment->resolved);
  g_autofree char *text = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (left_out); i++) {
    LodeNode *child = lode_node_child (root, left_out[i]);

    if (child)
      g_ptr_array_remove (root->children, child);
  }
  text = lode_config_write (root);
  return lode_folder_hash (text);
}

static void
refuse_unfinished (const char *path, const LodeStatusInfo *info, GError **error)
{
  g_autofree char *quoted = lode_file_word (path);

  if (info->held)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "%s holds a run of this configuration and seed at which process %" G_GINT64_FORMAT
                 " on %s works: wait for it, or begin another beside it with --again",
                 path, info->pid, info->host);
  else
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "%s holds a run of this configuration and seed that %s: go on with it by `lode "
                 "resume %s`, or begin another beside it with --again",
                 path, info->status == LODE_STATUS_RUNNING ? "was killed" : "was stopped or waits",
                 quoted);
}

/* Whether a directory is free for a new run; false with an error where an unfinished one lies.
 * Without a status a run never began there, and its directory is used. */
static bool
is_free (const LodeRunSpec *spec, const char *path, bool *taken, GError **error)
{
  LodeStatusInfo info;
  GError *failure = NULL;

  *taken = g_file_test (path, G_FILE_TEST_EXISTS);
  if (!*taken || spec->again)
    return true;
  if (!lode_folder_read_status (path, &info, &failure)) {
    *taken = false;
    if (!failure)
      return true;
    g_propagate_error (error, failure);
    return false;
  }
  if (info.status == LODE_STATUS_DONE || info.status == LODE_STATUS_FAILED)
    return true;
  refuse_unfinished (path, &info, error);
  return false;
}

/* runs/<experiment>/<label>/s<seed>-<hash> */
char *
lode_run_place (const LodeRunSpec *spec)
{
  const LodeExperimentConf *conf = &spec->experiment->conf;
  g_autofree char *root = lode_folder_root (conf->runs, spec->runs),
                  *hash = hash_of (spec->experiment);
  g_autofree char *leaf = g_strdup_printf ("s%" G_GINT64_FORMAT "-%s", conf->seed, hash);

  return g_build_filename (root, conf->experiment, conf->label, leaf, NULL);
}

/* Its place, with a number where that is taken. */
static char *
new_path (const LodeRunSpec *spec, GError **error)
{
  g_autofree char *first = lode_run_place (spec);
  char *path = g_strdup (first);
  bool taken;

  for (int i = 2;; i++) {
    if (!is_free (spec, path, &taken, error)) {
      g_free (path);
      return NULL;
    }
    if (!taken)
      return path;
    g_free (path);
    path = g_strdup_printf ("%s-%d", first, i);
  }
}

/* Opens metrics.jsonl where the checkpoint left it. */
static bool
open_journal (LodeRun *run, GError **error)
{
  g_autofree char *path = lode_folder_file (run->shared.folder, "metrics.jsonl", error);

  if (path)
    run->shared.journal = lode_journal_open (path, run->place.journal, error);
  return run->shared.journal != NULL;
}

/* A folder for a new run, held; another process may have used it up since it was seen to be free.
 */
static LodeFolder *
take_new (const LodeRunSpec *spec, GError **error)
{
  for (;;) {
    g_autofree char *path = new_path (spec, error);
    LodeFolder *folder = path ? lode_folder_take (path, error) : NULL;
    LodeStatusInfo info;

    if (!folder || !lode_folder_read_status (path, &info, NULL))
      return folder;
    lode_folder_release (folder);
  }
}

LodeRun *
lode_run_create (const LodeRunSpec *spec, GError **error)
{
  LodeRun *run = new_run (spec, error);

  if (run && (run->shared.folder = take_new (spec, error)) && write_description (run, error)
      && open_journal (run, error))
    return run;
  lode_run_free (run);
  return NULL;
}

/* Other plugins or another processor would give other bits. */
static bool
check_environment (const LodeRun *run, const char *path, GError **error)
{
  g_autofree char *name = g_build_filename (path, "env.json", NULL), *text = NULL, *differs = NULL;

  if (run->spec.force)
    return true;
  if (g_file_get_contents (name, &text, NULL, NULL))
    differs = lode_environment_differs (&run->shared, text);
  else
    differs = g_strdup ("it has no env.json");
  if (!differs)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "%s cannot be resumed with the same bits: %s; --force resumes it all the same", path,
               differs);
  return false;
}

static bool
refuse_done (const char *path, GError **error)
{
  LodeStatusInfo info;

  if (!lode_folder_read_status (path, &info, NULL) || info.status != LODE_STATUS_DONE)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "%s is done; there is nothing to resume", path);
  return false;
}

/* Opens the last checkpoint, if there is one, of the folder that the run holds. */
static bool
go_back (LodeRun *run, GError **error)
{
  g_autoptr (GError) failure = NULL;

  run->saved = lode_checkpoint_open (&run->shared, &run->place, &failure);
  if (!failure && open_journal (run, &failure))
    return true;
  g_propagate_error (error, g_steal_pointer (&failure));
  return false;
}

LodeRun *
lode_run_resume (const char *path, const LodeRunSpec *spec, GError **error)
{
  LodeRun *run = refuse_done (path, error) ? new_run (spec, error) : NULL;

  if (run && check_environment (run, path, error)
      && (run->shared.folder = lode_folder_take (path, error)) && go_back (run, error))
    return run;
  lode_run_free (run);
  return NULL;
}

/* What lies in a folder that this process holds. */
static LodeFound
look_around (const char *path, bool retry, GError **error)
{
  LodeStatusInfo info;

  if (!lode_folder_read_status (path, &info, error))
    return LODE_FOUND_NOTHING;
  if (info.status == LODE_STATUS_DONE)
    return LODE_FOUND_DONE;
  return info.status == LODE_STATUS_FAILED && !retry ? LODE_FOUND_FAILED : LODE_FOUND_UNFINISHED;
}

/* Begins or continues in the folder that the run holds. */
static bool
enter (LodeRun *run, LodeFound found, GError **error)
{
  if (found == LODE_FOUND_NOTHING)
    return write_description (run, error) && open_journal (run, error);
  return check_environment (run, lode_run_path (run), error) && go_back (run, error);
}

LodeRun *
lode_run_take (const LodeRunSpec *spec, bool retry, LodeFound *found, GError **error)
{
  g_autofree char *path = lode_run_place (spec);
  g_autoptr (GError) failure = NULL;
  g_autoptr (LodeFolder) folder = lode_folder_take (path, &failure);
  LodeRun *run = NULL;

  *found = LODE_FOUND_HELD;
  if (g_error_matches (failure, LODE_RUN_ERROR, LODE_RUN_ERROR_HELD))
    return NULL;
  if (folder)
    *found = look_around (path, retry, &failure);
  if (!failure && (*found == LODE_FOUND_DONE || *found == LODE_FOUND_FAILED))
    return NULL;
  run = failure ? NULL : new_run (spec, &failure);
  if (run) {
    run->shared.folder = g_steal_pointer (&folder);
    if (enter (run, *found, &failure))
      return run;
  }
  g_propagate_error (error, g_steal_pointer (&failure));
  lode_run_free (run);
  return NULL;
}

const char *
lode_run_path (const LodeRun *run)
{
  return lode_folder_path (run->shared.folder);
}

void
lode_run_free (LodeRun *run)
{
  if (!run)
    return;
  lode_host_free (run->host);
  lode_store_free (run->saved);
  lode_journal_close (run->shared.journal);
  lode_folder_release (run->shared.folder);
  lode_engine_free (run->shared.engine);
  g_free (run);
}

/* Share of the run that is done, each stage counting alike. */
static double
share (const LodeRun *run, const LodeProgress *progress)
{
  double part = progress && progress->of
                    ? (double) progress->done / (double) MAX (progress->of, progress->done)
                    : 0;

  return ((double) run->place.stage + part) / run->spec.experiment->stages->len;
}

static bool
checkpoint (LodeRun *run, GError **error)
{
  run->checkpointed = now (CLOCK_MONOTONIC);
  return lode_checkpoint_save (&run->shared, &run->place, run->host, error);
}

static double
epoch_of (const LodeStageHost *host)
{
  for (guint i = 0; i < host->open->len; i++) {
    const LodeOpen *open = g_ptr_array_index (host->open, i);

    if (open->what == LODE_OPEN_STREAM && open->role == LODE_ROLE_WEIGHTS)
      return lode_stream_epoch (open->object);
  }
  return 0;
}

/* What a step reported, written down. */
static bool
write_down (LodeRun *run, const LodeProgress *progress, GError **error)
{
  LodeStageHost *host = run->host;

  if (!host->reported)
    return true;
  host->reported = false;
  return lode_journal_line (run->shared.journal, host->spec->name, run->place.step, epoch_of (host),
                            progress->phase, &host->ledger, error)
         && lode_grow_trajectory (host, run->place.step, error);
}

/* What the stage's data were, once they have been opened. */
static bool
note_data (LodeRun *run, GError **error)
{
  g_autofree char *path = NULL, *text = NULL, *with = NULL;

  if (run->noted || !run->host->data)
    return true;
  run->noted = true;
  path = g_build_filename (lode_run_path (run), "env.json", NULL);
  /* A run that goes on by force may have lost it. */
  if (!g_file_get_contents (path, &text, NULL, NULL))
    return true;
  with =
      lode_environment_add_data (text, run->host->spec, lode_data_digest (run->host->data), error);
  return with && (!strcmp (with, text) || write_text (run, "env.json", with, error));
}

static bool
beat (LodeRun *run, const LodeProgress *progress, GError **error)
{
  double at = now (CLOCK_MONOTONIC);

  if (at - run->beat < HEARTBEAT)
    return true;
  run->beat = at;
  return lode_folder_status (run->shared.folder, LODE_STATUS_RUNNING, run->host->spec->name,
                             share (run, progress), NULL, error);
}

/* What a stage reports, with where the run stood. */
static void
place_error (const LodeRun *run, GError **error)
{
  g_prefix_error (error, "stage %s, step %" G_GUINT64_FORMAT ": ", run->host->spec->name,
                  run->place.step);
  if (error && *error && g_error_matches (*error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER)) {
    g_autofree char *checkpoint = lode_checkpoint_path (lode_run_path (run));
    g_autofree char *text = g_strconcat ((*error)->message,
                                         checkpoint ? "; the last good checkpoint is "
                                                    : "; no checkpoint had been written yet",
                                         checkpoint, NULL);

    g_free ((*error)->message);
    (*error)->message = g_steal_pointer (&text);
  }
}

static bool
one_step (LodeRun *run, LodeProgress *progress, GError **error)
{
  const LodeStageOps *ops = run->host->spec->use[LODE_USE_STAGE].loaded->ops;
  double wall = now (CLOCK_MONOTONIC), cpu = now (CLOCK_PROCESS_CPUTIME_ID);
  LodeLedger *ledger = &run->host->ledger;

  *progress = (LodeProgress){ .size = sizeof *progress };
  if (!ops->step (run->host->stage, progress, error)) {
    place_error (run, error);
    return false;
  }
  run->place.step++;
  ledger->wall += now (CLOCK_MONOTONIC) - wall;
  ledger->cpu += now (CLOCK_PROCESS_CPUTIME_ID) - cpu;
  return note_data (run, error) && write_down (run, progress, error);
}

static bool
stopped (GError **error)
{
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED,
                       "stopped with a checkpoint; `lode resume` goes on from there");
  return false;
}

/* Steps to the stage's end, with checkpoints when they are due and when a signal asks. */
static bool
work (LodeRun *run, GError **error)
{
  const LodeWatch *watch = &run->spec.watch;
  LodeProgress progress = { .size = sizeof progress };

  while (!progress.end) {
    if (*run->spec.stop)
      return checkpoint (run, error) && stopped (error);
    if (!one_step (run, &progress, error))
      return false;
    if (watch->step)
      watch->step (watch->data, &progress, &run->host->ledger);
    if (!beat (run, &progress, error))
      return false;
    if (!progress.end
        && now (CLOCK_MONOTONIC) - run->checkpointed >= run->spec.experiment->conf.checkpoint
        && !checkpoint (run, error))
      return false;
  }
  return true;
}

/* A plugin that cannot begin refuses what it was configured for, whatever it calls its error. */
static void
blame_configuration (const LodeStageSpec *spec, GError **error)
{
  g_prefix_error (error, "stage %s: ", spec->name);
  if (error && *error && (*error)->domain != LODE_RUN_ERROR
      && (*error)->domain != LODE_PLUGIN_ERROR) {
    (*error)->domain = LODE_RUN_ERROR;
    (*error)->code = LODE_RUN_ERROR_CONFIG;
  }
}

static bool
begin_stage (LodeRun *run, const LodeStageSpec *spec, GError **error)
{
  const LodeUse *use = &spec->use[LODE_USE_STAGE];
  const LodeWatch *watch = &run->spec.watch;
  bool resumed = run->saved && run->place.step > 0;

  run->host = lode_host_new (&run->shared, spec);
  run->noted = false;
  run->host->stage =
      ((const LodeStageOps *) use->loaded->ops)->create (&run->host->base, use->conf, error);
  if (!run->host->stage) {
    blame_configuration (spec, error);
    return false;
  }
  if (!(resumed ? lode_checkpoint_load (run->host, run->saved, error)
                : lode_grow_cut (run->host, error))) {
    g_prefix_error (error, "stage %s: ", spec->name);
    return false;
  }
  if (watch->begin)
    watch->begin (watch->data, spec, run->place.stage, run->spec.experiment->stages->len, resumed);
  return true;
}

static bool
end_stage (LodeRun *run, GError **error)
{
  const LodeWatch *watch = &run->spec.watch;

  if (!lode_result_stage (run->host, error))
    return false;
  if (watch->end)
    watch->end (watch->data, run->host->spec, &run->host->ledger);
  g_clear_pointer (&run->host, lode_host_free);
  run->place.stage++;
  run->place.step = 0;
  return checkpoint (run, error);
}

static bool
run_stage (LodeRun *run, GError **error)
{
  const LodeStageSpec *spec = lode_experiment_stage (run->spec.experiment, run->place.stage);

  run->checkpointed = now (CLOCK_MONOTONIC);
  run->beat = 0;
  if (!begin_stage (run, spec, error))
    return false;
  g_clear_pointer (&run->saved, lode_store_free);
  return work (run, error) && end_stage (run, error);
}

static bool
run_stages (LodeRun *run, GError **error)
{
  while (run->place.stage < run->spec.experiment->stages->len)
    if (!run_stage (run, error))
      return false;
  return lode_result_run (&run->shared, error);
}

bool
lode_run_go (LodeRun *run, GError **error)
{
  g_autoptr (GError) failure = NULL;
  const char *stage = run->place.stage < run->spec.experiment->stages->len
                          ? lode_experiment_stage (run->spec.experiment, run->place.stage)->name
                          : "";

  if (!lode_folder_status (run->shared.folder, LODE_STATUS_RUNNING, stage, share (run, NULL), NULL,
                           error))
    return false;
  if (run_stages (run, &failure))
    return lode_folder_status (run->shared.folder, LODE_STATUS_DONE, "", 1, NULL, error);
  if (run->host)
    stage = run->host->spec->name;
  lode_folder_status (run->shared.folder,
                      g_error_matches (failure, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED)
                          ? LODE_STATUS_CHECKPOINTED
                          : LODE_STATUS_FAILED,
                      stage, share (run, NULL), failure->message, NULL);
  g_propagate_error (error, g_steal_pointer (&failure));
  return false;
}

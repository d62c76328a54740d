/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sweep as jobs of an executor. Runs at which other processes work are come back to, until
 * nothing is left that is neither done nor failed.
 */
#include "common.h"
#include "error.h"
#include "run/watch.h"
#include "sweep.h"

#include <lode/executor.h>
#include <signal.h>
#include <string.h>

enum { DEATHS = 3 };                 /* of workers over one run, in a row */
enum { PAUSE = G_USEC_PER_SEC / 4 }; /* between looks at the runs of others */

static SweepBoard *board; /* for the handler */

/* Workers are asked through memory that they share: each makes a checkpoint and ends. */
static void
on_signal (int number)
{
  (void) number;
  board->stop = 1;
}

static void
catch_signals (SweepBoard *shared)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int) SA_RESETHAND };

  board = shared;
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
  signal (SIGXFSZ, SIG_IGN);
  signal (SIGPIPE, SIG_IGN);
}

/* What is left takes as long as what was done. */
static char *
time_left (const Sweep *sweep)
{
  double spent = (double) (g_get_monotonic_time () - sweep->begun) / 1e6;
  guint left = sweep_count (sweep, SWEEP_OPEN) + sweep_count (sweep, SWEEP_HELD);
  g_autofree char *time = NULL;

  if (!left || !sweep->ended || sweep->board->stop)
    return g_strdup ("");
  time = watch_time (spent / sweep->ended * left);
  return g_strdup_printf (", about %s left", time);
}

static void
tell (Sweep *sweep, const SweepPoint *point)
{
  guint done = sweep_count (sweep, SWEEP_DONE), failed = sweep_count (sweep, SWEEP_FAILED);
  g_autofree char *took = watch_time (point->seconds), *left = time_left (sweep);

  if (point->state == SWEEP_FAILED)
    lode_say ("failed: %s: %s (%s)", point->words,
              point->message ? point->message : "for an unknown reason", point->path);
  else if (!sweep->quiet)
    lode_say ("[%u/%u] %s %s in %s%s", done + failed, sweep->points->len, point->words,
              sweep_state_names[point->state], took, left);
}

/* The points of a map: its job i is point at[i]. */
typedef struct Round {
  Sweep *sweep;
  GArray *at; /* guint */
} Round;

static bool
arrived (void *data, uint32_t i, GBytes *result, GError **error)
{
  const Round *round = data;
  guint at = g_array_index (round->at, guint, i);
  SweepPoint *point = sweep_point (round->sweep, at);

  if (!sweep_job_read (round->sweep, at, result)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s: the worker's answer cannot be read", point->words);
    return false;
  }
  if (point->ours && point->seconds >= 0 && point->state != SWEEP_OPEN) {
    round->sweep->ended++;
    tell (round->sweep, point);
  }
  if (!round->sweep->board->stop)
    return true;
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED, "the sweep was stopped");
  return false;
}

/* Runs over which workers died again and again; whether there are any. */
static bool
blame_dead (Sweep *sweep, const char *message)
{
  bool any = false;

  for (guint i = 0; i < sweep->points->len; i++) {
    SweepPoint *point = sweep_point (sweep, i);

    if (g_atomic_int_get (&sweep->board->begun[i]) < DEATHS)
      continue;
    any = true;
    point->state = SWEEP_FAILED;
    point->ours = true;
    point->message = g_strdup (message);
    tell (sweep, point);
  }
  return any;
}

static LodeExecutor *
executor_new (Sweep *sweep, const LodeExecutorOps **ops, GPtrArray *owner, GError **error)
{
  const LodeLoaded *loaded =
      lode_registry_load (sweep->registry, "executor", sweep->executor, error);
  g_autoptr (LodeNode) group = lode_node_new (LODE_VALUE_GROUP, NULL, "--jobs");
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeNode *workers = lode_node_new (LODE_VALUE_INT, "workers", "--jobs");
  void *conf;

  workers->integer = sweep->jobs;
  lode_node_set (group, workers);
  if (!loaded)
    return NULL;
  *ops = loaded->ops;
  conf = g_malloc0 (loaded->table.conf_size + 1);
  g_ptr_array_add (owner, conf);
  if (lode_table_fill (&loaded->table, loaded->table.n ? group : NULL, sweep->executor, NULL, conf,
                       owner, errors))
    return (*ops)->create (NULL, conf, sweep_job, sweep, error);
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, g_ptr_array_index (errors, 0));
  return NULL;
}

/* One map over all that can be begun now. */
static bool
map_round (Sweep *sweep, const LodeExecutorOps *ops, LodeExecutor *executor, GArray *at,
           GError **error)
{
  Round round = { sweep, at };
  g_autofree GBytes **job = g_new0 (GBytes *, at->len + 1);
  g_autofree GBytes **result = g_new0 (GBytes *, at->len + 1);
  bool ok;

  for (guint i = 0; i < at->len; i++)
    job[i] = sweep_job_new (g_array_index (at, guint, i));
  for (guint i = 0; i < sweep->points->len; i++)
    sweep->board->begun[i] = 0;
  ops->watch (executor, arrived, &round);
  ok = ops->map (executor, at->len, job, result, error);
  ops->watch (executor, NULL, NULL);
  for (guint i = 0; i < at->len; i++) {
    g_bytes_unref (job[i]);
    g_clear_pointer (&result[i], g_bytes_unref);
  }
  return ok;
}

static void
gather (const Sweep *sweep, GArray *open)
{
  g_array_set_size (open, 0);
  for (guint i = 0; i < sweep->points->len; i++)
    if (sweep_point (sweep, i)->state == SWEEP_OPEN)
      g_array_append_val (open, i);
}

/* Until all is done or failed. */
static bool
work (Sweep *sweep, const LodeExecutorOps *ops, LodeExecutor *executor, GError **error)
{
  g_autoptr (GArray) open = g_array_new (FALSE, FALSE, sizeof (guint));
  bool told = false;

  for (;;) {
    g_autoptr (GError) failure = NULL;
    guint held;

    gather (sweep, open);
    if (open->len && !map_round (sweep, ops, executor, open, &failure)
        && (sweep->board->stop || !blame_dead (sweep, failure->message))) {
      g_propagate_error (error, g_steal_pointer (&failure));
      return false;
    }
    sweep_look (sweep);
    held = sweep_count (sweep, SWEEP_HELD);
    if (!held && !sweep_count (sweep, SWEEP_OPEN))
      return true;
    if (sweep->board->stop)
      return false;
    if (held && !sweep_count (sweep, SWEEP_OPEN)) {
      if (!told && !sweep->quiet)
        lode_say ("waiting for %u run%s at which other processes work", held, held > 1 ? "s" : "");
      told = true;
      g_usleep (PAUSE);
    }
  }
}

bool
sweep_work (Sweep *sweep, GError **error)
{
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  const LodeExecutorOps *ops = NULL;
  LodeExecutor *executor = executor_new (sweep, &ops, owner, error);
  bool ok;

  if (!executor)
    return false;
  if (!ops->watch) {
    ops->destroy (executor);
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "executor %s cannot run a sweep: it does not tell of results as they arrive",
                 sweep->executor);
    return false;
  }
  catch_signals (sweep->board);
  sweep->begun = g_get_monotonic_time ();
  ok = work (sweep, ops, executor, error);
  ops->destroy (executor);
  return ok;
}

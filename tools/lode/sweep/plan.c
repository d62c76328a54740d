/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cost of a sweep: runs that differ by their seeds alone cost the same, so one of each is
 * measured.
 */
#include "plan.h"

#include "common.h"
#include "run/json-add.h"
#include "run/plan.h"
#include "run/watch.h"

#include <string.h>

/* Seconds that each stage is measured for. */
static const double moment = 1.5;

/* Runs of one configuration. */
typedef struct Kind {
  guint point, runs, open; /* point: the first */
  double seconds;          /* of one, on the threads of one */
} Kind;

/* What two runs that differ by seed alone have in common: the folder, and the hash in the name. */
static char *
kind_of (const SweepPoint *point)
{
  g_autofree char *folder = g_path_get_dirname (point->path);

  return g_strconcat (folder, strrchr (point->path, '-'), NULL);
}

static GArray *
kinds_of (const Sweep *sweep)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GArray *kinds = g_array_new (FALSE, TRUE, sizeof (Kind));

  for (guint i = 0; i < sweep->points->len; i++) {
    char *name = kind_of (sweep_point (sweep, i));
    guint at = GPOINTER_TO_UINT (g_hash_table_lookup (seen, name));

    if (!at) {
      Kind kind = { .point = i };

      g_array_append_val (kinds, kind);
      at = kinds->len;
    }
    g_hash_table_insert (seen, name, GUINT_TO_POINTER (at));
    g_array_index (kinds, Kind, at - 1).runs++;
    g_array_index (kinds, Kind, at - 1).open += sweep_point (sweep, i)->state != SWEEP_DONE;
  }
  return kinds;
}

static bool
measure (const Sweep *sweep, Kind *kind, GError **error)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeExperiment *experiment = sweep_experiment (sweep, kind->point, NULL, errors);
  bool ok = experiment != NULL;

  for (guint i = 0; ok && i < experiment->stages->len; i++) {
    LodePlanStage stage;

    ok = lode_plan_stage (experiment, i, sweep->threads, moment, &stage, error);
    kind->seconds += ok ? stage.ledger.wall : 0;
  }
  lode_experiment_free (experiment);
  return ok;
}

static void
add_row (GPtrArray *cells, const char *words, guint runs, guint open, double one, double all)
{
  g_ptr_array_add (cells, g_strdup (words));
  g_ptr_array_add (cells, g_strdup_printf ("%u", runs));
  g_ptr_array_add (cells, g_strdup_printf ("%u", open));
  g_ptr_array_add (cells, one > 0 ? watch_time (one) : NULL);
  g_ptr_array_add (cells, watch_time (all));
}

static void
print_table (const Sweep *sweep, const GArray *kinds)
{
  static const char *const heads[] = { "first run", "runs", "to do", "each", "together" };
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  double sum = 0, jobs = sweep->jobs;
  g_autofree char *name = g_strdup_printf ("all, %u at a time", sweep->jobs);
  guint open = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (heads); i++)
    g_ptr_array_add (cells, g_strdup (heads[i]));
  for (guint i = 0; i < kinds->len; i++) {
    const Kind *kind = &g_array_index (kinds, Kind, i);

    add_row (cells, sweep_point (sweep, kind->point)->words, kind->runs, kind->open, kind->seconds,
             kind->seconds * kind->open);
    sum += kind->seconds * kind->open;
    open += kind->open;
  }
  add_row (cells, name, sweep->points->len, open, 0, sum / jobs);
  lode_columns_print (G_N_ELEMENTS (heads), cells);
}

static void
print_json (const Sweep *sweep, const GArray *kinds)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (guint i = 0; i < kinds->len; i++) {
    const Kind *kind = &g_array_index (kinds, Kind, i);

    json_builder_begin_object (builder);
    lode_json_text (builder, "first_run", sweep_point (sweep, kind->point)->words);
    lode_json_add_number (builder, "runs", kind->runs);
    lode_json_add_number (builder, "to_do", kind->open);
    lode_json_add_number (builder, "wall_s", kind->seconds);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  lode_json_print (json_builder_get_root (builder));
}

int
sweep_plan (const Sweep *sweep, bool json)
{
  g_autoptr (GArray) kinds = kinds_of (sweep);

  for (guint i = 0; i < kinds->len; i++) {
    Kind *kind = &g_array_index (kinds, Kind, i);
    GError *failure = NULL;

    if (!sweep->quiet)
      lode_say ("measuring %s for a moment", sweep_point (sweep, kind->point)->words);
    if (!measure (sweep, kind, &failure))
      return failure ? lode_fail (failure) : LODE_EXIT_USAGE;
  }
  (json ? print_json : print_table) (sweep, kinds);
  return LODE_EXIT_DONE;
}

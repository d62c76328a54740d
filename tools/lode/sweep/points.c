/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runs of a sweep: checked before any of them begins, looked at whenever asked.
 */
#include "sweep.h"

#include "run/config.h"

#include <string.h>
#include <sys/mman.h>

const char *const sweep_state_names[] = { "open", "held", "done", "failed", "stopped" };

enum { MOST_ERRORS = 20 };

static size_t
board_size (guint points)
{
  return sizeof (SweepBoard) + points * sizeof (gint);
}

static void
point_free (gpointer data)
{
  SweepPoint *point = data;

  g_free (point->words);
  g_free (point->path);
  g_free (point->message);
  g_free (point);
}

void
sweep_free (Sweep *sweep)
{
  if (!sweep)
    return;
  if (sweep->board)
    munmap (sweep->board, board_size (sweep->grid->points));
  g_ptr_array_unref (sweep->points);
  g_free (sweep);
}

LodeExperiment *
sweep_experiment (const Sweep *sweep, guint point, char **origins, GPtrArray *errors)
{
  g_autoptr (LodeNode) root = sweep_grid_tree (sweep->grid, point, errors);
  LodeExperiment *experiment = root ? lode_experiment_new (sweep->registry, root, errors) : NULL;

  if (experiment && origins)
    *origins = lode_config_origins (experiment->resolved);
  return experiment;
}

/* Mistakes of a point with the point's name; most are those of all. */
static void
tell (const Sweep *sweep, guint point, GPtrArray *found, GPtrArray *errors, GHashTable *told)
{
  g_autofree char *words = sweep_grid_words (sweep->grid, point);

  for (guint i = 0; i < found->len; i++) {
    char *text = g_ptr_array_index (found, i);

    if (!g_hash_table_add (told, g_strdup (text)) || errors->len >= MOST_ERRORS)
      continue;
    g_ptr_array_add (errors, g_strdup_printf ("%s: %s", words, text));
  }
}

static void
add_point (Sweep *sweep, guint i, const LodeExperiment *experiment)
{
  const LodeRunSpec spec = { .experiment = experiment, .runs = sweep->runs };
  SweepPoint *point = g_new0 (SweepPoint, 1);

  point->words = sweep_grid_words (sweep->grid, i);
  point->path = lode_run_place (&spec);
  g_ptr_array_add (sweep->points, point);
}

/* Two points that are the same run: the axes do not tell them apart. */
static void
check_twice (const Sweep *sweep, GPtrArray *errors)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < sweep->points->len && errors->len < MOST_ERRORS; i++) {
    const SweepPoint *point = sweep_point (sweep, i), *other;

    other = g_hash_table_lookup (seen, point->path);
    if (other)
      g_ptr_array_add (errors, g_strdup_printf ("%s and %s are the same run: the settings that "
                                                "differ change nothing",
                                                other->words, point->words));
    g_hash_table_insert (seen, point->path, (gpointer) point);
  }
}

static void
add_points (Sweep *sweep, GPtrArray *errors)
{
  g_autoptr (GHashTable) told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < sweep->grid->points; i++) {
    g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
    LodeExperiment *experiment = sweep_experiment (sweep, i, NULL, found);

    if (experiment)
      add_point (sweep, i, experiment);
    lode_experiment_free (experiment);
    tell (sweep, i, found, errors, told);
  }
}

Sweep *
sweep_new (const SweepGrid *grid, LodeRegistry *registry, const char *runs, GPtrArray *errors)
{
  Sweep *sweep = g_new0 (Sweep, 1);
  void *board = mmap (NULL, board_size (grid->points), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  guint before = errors->len;

  sweep->grid = grid;
  sweep->registry = registry;
  sweep->runs = runs;
  sweep->board = board == MAP_FAILED ? NULL : board;
  sweep->points = g_ptr_array_new_with_free_func (point_free);
  if (!sweep->board)
    g_ptr_array_add (errors, g_strdup ("there is no memory to share with workers"));
  add_points (sweep, errors);
  if (errors->len == before)
    check_twice (sweep, errors);
  if (errors->len == before)
    return sweep;
  sweep_free (sweep);
  return NULL;
}

guint
sweep_count (const Sweep *sweep, SweepState state)
{
  guint n = 0;

  for (guint i = 0; i < sweep->points->len; i++)
    n += sweep_point (sweep, i)->state == state;
  return n;
}

SweepState
sweep_state_of (const char *path, char **message)
{
  g_autofree char *report = g_build_filename (path, "report.html", NULL);
  LodeStatusInfo info;

  if (!lode_folder_read_status (path, &info, NULL))
    return SWEEP_OPEN;
  if (info.status == LODE_STATUS_DONE && g_file_test (report, G_FILE_TEST_EXISTS))
    return SWEEP_DONE;
  if (info.held)
    return SWEEP_HELD;
  if (info.status != LODE_STATUS_FAILED)
    return SWEEP_OPEN;
  if (message) {
    g_free (*message);
    *message = g_strdup (info.message);
  }
  return SWEEP_FAILED;
}

/* What failed here, another process may have done since. */
void
sweep_look (Sweep *sweep)
{
  for (guint i = 0; i < sweep->points->len; i++) {
    SweepPoint *point = sweep_point (sweep, i);

    if (!point->ours) {
      point->state = sweep_state_of (point->path, &point->message);
      if (point->state == SWEEP_FAILED && sweep->retry)
        point->state = SWEEP_OPEN;
    } else if (point->state == SWEEP_FAILED && sweep_state_of (point->path, NULL) == SWEEP_DONE)
      point->state = SWEEP_DONE;
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the results of all runs to a benchmark file. Points are data sets, then seeds, then
 * networks.
 */
#include "build-table.h"

#include "error.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

/* Figures of one training, by column of the file. */
typedef struct Column {
  const char *name, *doc, *unit;
  uint32_t use;
  bool test;            /* of the stage that tests, else of the one that trains */
  const char *in, *key; /* where in the stage's part of result.json */
} Column;

static const Column columns[] = {
  { "valid", "validation accuracy", "", LODE_BENCHMARK_VALID, false, "figures", "valid_accuracy" },
  { "test", "test accuracy", "", LODE_BENCHMARK_TEST, true, "figures", "test_accuracy" },
  { "balanced", "test accuracy, mean of classes", "", LODE_BENCHMARK_TEST, true, "figures",
    "test_balanced_accuracy" },
  { "seconds", "of a processor, for the training", "seconds", LODE_BENCHMARK_SECONDS, false, "cost",
    "cpu_s" },
};
enum { COLUMNS = G_N_ELEMENTS (columns) };

static double
number_at (JsonObject *root, const char *stage, const char *in, const char *key)
{
  const char *const path[] = { "stages", stage, in };
  JsonObject *at = root;
  JsonNode *node;

  for (size_t i = 0; i < G_N_ELEMENTS (path); i++) {
    node = at ? json_object_get_member (at, path[i]) : NULL;
    at = node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  }
  node = at ? json_object_get_member (at, key) : NULL;
  return node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_double (node) : NAN;
}

static JsonNode *
read_result (const char *run, GError **error)
{
  g_autofree char *path = g_build_filename (run, "result.json", NULL), *text = NULL;
  g_autoptr (GError) failure = NULL;
  JsonNode *node = NULL;

  if (g_file_get_contents (path, &text, NULL, &failure))
    node = json_from_string (text, &failure);
  if (node && JSON_NODE_HOLDS_OBJECT (node))
    return node;
  g_clear_pointer (&node, json_node_unref);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s: %s", path,
               failure ? failure->message : "is no result");
  return NULL;
}

static guint
point_of (const Collect *collect, guint set, guint seed, guint row)
{
  return (set * (guint) collect->conf->seeds + seed) * collect->cells->text->len + row;
}

/* Sizes come first, then the figures of each set, all seeds of a figure side by side. */
static guint
place_of (const Collect *collect, guint set, guint figure, guint seed)
{
  return 2 + (set * COLUMNS + figure) * (guint) collect->conf->seeds + seed;
}

static bool
read_run (const Collect *collect, guint set, guint seed, guint row, double *value, GError **error)
{
  const SweepPoint *point = sweep_point (collect->sweep, point_of (collect, set, seed, row));
  g_autoptr (JsonNode) node = read_result (point->path, error);
  JsonObject *root = node ? json_node_get_object (node) : NULL;

  if (!root)
    return false;
  value[0] = number_at (root, collect->train, "figures", "params");
  value[1] = number_at (root, collect->train, "figures", "macs");
  for (guint f = 0; f < COLUMNS; f++)
    value[place_of (collect, set, f, seed)] = number_at (
        root, columns[f].test ? collect->test : collect->train, columns[f].in, columns[f].key);
  return true;
}

static bool
add_row (const Collect *collect, LodeBenchmarkWriter *writer, guint row, GError **error)
{
  guint n = place_of (collect, collect->sets->len, 0, 0);
  g_autofree double *value = g_new0 (double, n);

  for (guint set = 0; set < collect->sets->len; set++)
    for (guint seed = 0; seed < collect->conf->seeds; seed++)
      if (!read_run (collect, set, seed, row, value, error))
        return false;
  lode_benchmark_writer_row (writer, value);
  return true;
}

static void
put_column (LodeBenchmarkWriter *writer, const Column *from, const char *set, uint32_t epochs,
            int64_t seed)
{
  g_autofree char *figure = g_strdup_printf ("%s_%s", from->name, set),
                  *name = g_strdup_printf ("%s.%" G_GINT64_FORMAT, figure, seed);
  const LodeBenchmarkColumn column = { .size = sizeof column,
                                       .name = name,
                                       .doc = from->doc,
                                       .unit = from->unit,
                                       .set = set,
                                       .of = figure,
                                       .guard = "",
                                       .use = from->use,
                                       .epochs = epochs,
                                       .seed = seed };

  lode_benchmark_writer_column (writer, &column);
}

static void
put_size (LodeBenchmarkWriter *writer, const char *name, const char *doc, uint32_t use)
{
  const LodeBenchmarkColumn column = { .size = sizeof column,
                                       .name = name,
                                       .doc = doc,
                                       .unit = "",
                                       .set = "",
                                       .of = "",
                                       .guard = "",
                                       .use = use,
                                       .seed = -1 };

  lode_benchmark_writer_column (writer, &column);
}

/* The configuration of the first point is the recipe; the others differ in set, seed and network.
 */
static void
describe (const Collect *collect, LodeBenchmarkWriter *writer)
{
  const SweepPoint *first = sweep_point (collect->sweep, 0);
  g_autofree char *path = g_build_filename (first->path, "config.cfg", NULL), *recipe = NULL,
                  *sets = NULL;

  g_ptr_array_add (collect->sets, NULL);
  sets = g_strjoinv (", ", (char **) collect->sets->pdata);
  g_ptr_array_set_size (collect->sets, (int) collect->sets->len - 1);
  lode_benchmark_writer_text (writer, "title", collect->conf->title);
  lode_benchmark_writer_text (writer, "data", sets);
  if (g_file_get_contents (path, &recipe, NULL, NULL))
    lode_benchmark_writer_text (writer, "recipe", recipe);
}

static bool
put_columns (const Collect *collect, LodeBenchmarkWriter *writer, GError **error)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeExperiment *experiment = sweep_experiment (collect->sweep, 0, NULL, errors);
  uint32_t epochs;

  if (!experiment) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, errors->pdata[0]);
    return false;
  }
  epochs = (uint32_t) lode_experiment_stage (
               experiment, (uint32_t) lode_experiment_find (experiment, collect->train))
               ->fit.epochs;
  lode_benchmark_writer_text (
      writer, "space",
      lode_experiment_stage (experiment, 0)->use[LODE_USE_BACKBONE].loaded->plugin->name);
  lode_experiment_free (experiment);
  put_size (writer, "params", "weights of the network", LODE_BENCHMARK_PARAMS);
  put_size (writer, "macs", "multiply-adds of one example", LODE_BENCHMARK_MACS);
  for (guint set = 0; set < collect->sets->len; set++)
    for (guint f = 0; f < COLUMNS; f++)
      for (int64_t seed = 1; seed <= collect->conf->seeds; seed++)
        put_column (writer, &columns[f], collect->sets->pdata[set], epochs, seed);
  return true;
}

bool
collect_write (const Collect *collect, const char *path, GError **error)
{
  g_autoptr (LodeBenchmarkWriter) writer = lode_benchmark_writer_new ();
  const Cells *cells = collect->cells;
  const LodeSpace *space = lode_arch_space (&cells->family);

  describe (collect, writer);
  for (uint32_t d = 0; d < space->n; d++)
    lode_benchmark_writer_decision (writer, lode_space_at (space, d)->name,
                                    lode_space_at (space, d)->n, lode_space_at (space, d)->option);
  if (!put_columns (collect, writer, error))
    return false;
  for (guint row = 0; row < cells->text->len; row++)
    if (!add_row (collect, writer, row, error))
      return false;
  for (guint i = 0; i < cells->row->len; i++)
    lode_benchmark_writer_arch (writer, cells->arch->data + (gsize) i * cells->decisions,
                                g_array_index (cells->row, uint32_t, i));
  return lode_benchmark_writer_write (writer, path, error);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data build-table`: trains every network of a space, on each of some data sets and with each
 * of some seeds, as a sweep of runs that may be stopped, killed and shared between processes; then
 * writes what came of them as a benchmark file.
 */
#include "build-table.h"

#include "look.h"
#include "run/engine.h"
#include "run/go.h"

#include <string.h>

static gint jobs;
static gboolean retry, quiet, list;
static char *output;

static const GOptionEntry options[] = {
  { "jobs", 'j', 0, G_OPTION_ARG_INT, &jobs,
    "N trainings at a time; without it as many as this process may use processors", "N" },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output,
    "The benchmark file; without it table.file of the configuration", "FILE" },
  { "list", 'l', 0, G_OPTION_ARG_NONE, &list, "Say how much there is to train, begin nothing",
    NULL },
  { "retry", 0, 0, G_OPTION_ARG_NONE, &retry, "Go on with trainings that failed before", NULL },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "Only failures and the summary", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  "CONFIG… [path=value…]",
  "Trains all networks of a small space and writes a benchmark file, which the evaluator `table`\n"
  "and the stage `rank` read. CONFIG is an experiment of a stage `train` and a stage `evaluate`,\n"
  "with a group beside them:\n\n"
  "  table = { file = \"my.bench\"; seeds = 3; sets = { a = { settings }; b = { settings }; }; "
  "};\n\n"
  "Networks with the same canonical key are trained once. The same command again goes on where it\n"
  "was stopped or killed; several may work at once.",
  "Examples:\n"
  "  lode data build-table tables/fm102.cfg --jobs 2\n"
  "  lode data build-table tables/fm102.cfg --list",
  options, true
};

static const LodeOption table_options[] = {
  LODE_OPTION (BuildConf, file, .text = "", .doc = "the benchmark file"),
  LODE_OPTION (BuildConf, title, .text = "", .doc = "what it is called"),
  LODE_OPTION (BuildConf, seeds, .number = 1, .min = 1, .max = 1000,
               .doc = "trainings of each network on each data set"),
};

/* A table being built. */
typedef struct Build {
  LodeRegistry *registry;
  const LodeSite *site;
  SweepGrid *grid;
  BuildConf conf;
  GPtrArray *owner, *sets, *errors;
  char *train, *test; /* stages */
  Cells cells;
  LodeExperiment *experiment; /* of the first set, without an architecture */
  LodeStageHost *host;
  LodeShared shared;
} Build;

static LodeNode *
take (LodeNode *root, const char *name)
{
  LodeNode *child = lode_node_child (root, name), *copy = child ? lode_node_copy (child) : NULL;

  if (child)
    g_ptr_array_remove (root->children, child);
  return copy;
}

static char *
stage_of_type (const LodeNode *root, const char *type)
{
  const LodeNode *stages = lode_node_child (root, "stages");

  for (guint i = 0; stages && i < stages->children->len; i++) {
    const LodeNode *stage = g_ptr_array_index (stages->children, i),
                   *is = stage->type == LODE_VALUE_GROUP ? lode_node_child (stage, "type") : NULL;

    if (is && is->type == LODE_VALUE_TEXT && !strcmp (is->text, type))
      return g_strdup (stage->name);
  }
  return NULL;
}

/* The group `table` as options and as the arms of a sweep. */
static void
read_table (Build *build, LodeNode *root)
{
  static const char *const also[] = { "sets", NULL };
  const LodeTable table = { table_options, G_N_ELEMENTS (table_options), 0, sizeof (BuildConf) };
  g_autoptr (LodeNode) group = take (root, "table");
  LodeNode *sets = group ? lode_node_child (group, "sets") : NULL, *arms;
  g_autoptr (LodeNode) sweep = lode_node_new (LODE_VALUE_GROUP, "sweep", NULL);
  LodeNode *seeds = lode_node_new (LODE_VALUE_TEXT, "seeds", NULL);

  lode_table_fill (&table, group, "table", also, &build->conf, build->owner, build->errors);
  seeds->text = g_strdup_printf ("1..%" G_GINT64_FORMAT, build->conf.seeds);
  lode_node_set (sweep, seeds);
  if (sets && sets->type == LODE_VALUE_GROUP) {
    arms = lode_node_copy (sets);
    g_free (arms->name);
    arms->name = g_strdup ("arms");
    lode_node_set (sweep, arms);
    for (guint i = 0; i < sets->children->len; i++)
      g_ptr_array_add (build->sets,
                       g_strdup (((LodeNode *) g_ptr_array_index (sets->children, i))->name));
  } else
    g_ptr_array_add (build->errors,
                     g_strdup ("table.sets is missing: expected table = { sets = { <name> = { "
                               "settings }; }; };"));
  sweep_axes_from_group (sweep, build->grid->axes, build->errors);
}

static void
load (Build *build, GPtrArray *files, GPtrArray *words)
{
  LodeNode *root;

  g_ptr_array_add (files, NULL);
  root = lode_config_load ((const char *const *) files->pdata, NULL, build->errors);
  if (!root)
    return;
  build->grid->base = root;
  for (guint i = 0; i < words->len; i++)
    lode_config_override (root, g_ptr_array_index (words, i), build->errors);
  read_table (build, root);
  build->train = stage_of_type (root, "train");
  build->test = stage_of_type (root, "evaluate");
  if (!build->train || !build->test)
    g_ptr_array_add (build->errors,
                     g_strdup ("a table needs a stage of type \"train\" and one of type "
                               "\"evaluate\" that tests what it trained"));
}

/* The space, from the first point before it has an architecture. */
static bool
find_cells (Build *build, GError **error)
{
  static const volatile int never = 0;
  g_autoptr (LodeNode) root = NULL;
  int stage;

  build->grid->points = 1;
  root = sweep_grid_tree (build->grid, 0, build->errors);
  build->experiment = root ? lode_experiment_new (build->registry, root, build->errors) : NULL;
  if (!build->experiment)
    return false;
  build->shared = (LodeShared){ .experiment = build->experiment, .stop = &never, .plan = true };
  build->shared.engine = lode_run_engine (build->experiment, 1, error);
  if (!build->shared.engine)
    return false;
  stage = lode_experiment_find (build->experiment, build->train);
  build->host =
      lode_host_new (&build->shared, lode_experiment_stage (build->experiment, (uint32_t) stage));
  return cells_find (&build->cells, build->host, error);
}

/* Every network as one choice of an axis, which varies fastest. */
static void
add_axis (Build *build)
{
  SweepAxis *axis = g_new0 (SweepAxis, 1);

  axis->path = g_strdup_printf ("stages.%s.arch", build->train);
  axis->choices = g_ptr_array_new ();
  for (guint i = 0; i < build->cells.text->len; i++) {
    SweepChoice *choice = g_new0 (SweepChoice, 1);
    const char *text = build->cells.text->pdata[i];

    choice->shown = g_strdup (text);
    choice->word = g_strdup_printf ("%s=\"%s\"", axis->path, text);
    g_ptr_array_add (axis->choices, choice);
  }
  g_ptr_array_add (build->grid->axes, axis);
  build->grid->points = build->sets->len * (guint) build->conf.seeds * build->cells.text->len;
}

static int
write_file (const Build *build, const Sweep *sweep, const char *path)
{
  const Collect collect = { .conf = &build->conf,
                            .cells = &build->cells,
                            .sweep = sweep,
                            .sets = build->sets,
                            .train = build->train,
                            .test = build->test };
  GError *error = NULL;

  if (!collect_write (&collect, path, &error))
    return lode_fail (error);
  printf ("%s: %u networks trained %u times each, answering for %u architectures\n", path,
          build->cells.text->len, build->sets->len * (guint) build->conf.seeds,
          build->cells.row->len);
  printf (
      "evaluator = { type = \"table\"; table = { file = \"%s\"; select = \"valid_%s\"; quote = [ "
      "\"test_%s\" ]; }; };\n",
      path, (const char *) build->sets->pdata[0], (const char *) build->sets->pdata[0]);
  return LODE_EXIT_DONE;
}

static int
work (const Build *build, Sweep *sweep, const char *path)
{
  GError *failure = NULL;
  guint done, failed;

  sweep_look (sweep);
  if (list) {
    printf ("%u architectures, %u networks, %u trainings, %u of them done\n", build->cells.row->len,
            build->cells.text->len, sweep->points->len, sweep_count (sweep, SWEEP_DONE));
    return LODE_EXIT_DONE;
  }
  if (!sweep_manifest_write (sweep, &failure))
    return lode_fail (failure);
  if (!sweep_work (sweep, &failure) && failure && !sweep->board->stop)
    return lode_fail (failure);
  g_clear_error (&failure);
  done = sweep_count (sweep, SWEEP_DONE);
  failed = sweep_count (sweep, SWEEP_FAILED);
  if (done == sweep->points->len)
    return write_file (build, sweep, path);
  lode_say ("%u of %u trainings are done, %u failed; no file is written before all are there. The "
            "same command goes on%s",
            done, sweep->points->len, failed, failed ? ", with --retry" : "");
  return sweep->board->stop ? LODE_EXIT_STOPPED : LODE_EXIT_FAILED;
}

static int
run (Build *build)
{
  uint32_t most = (uint32_t) build->site->threads, available = lode_threads_available ();
  const char *path = output ? output : build->conf.file;
  g_autoptr (Sweep) sweep = NULL;
  GError *error = NULL;

  if (build->errors->len == 0 && !*path)
    return lode_usage_error ("where does the benchmark go? table.file in the configuration, or "
                             "--output FILE");
  if (build->errors->len == 0 && !find_cells (build, &error) && error)
    return lode_fail (error);
  if (build->errors->len == 0) {
    add_axis (build);
    sweep = sweep_new (build->grid, build->registry, build->site->runs, build->errors);
  }
  if (!sweep)
    return run_complain (g_ptr_array_ref (build->errors), build->registry);
  sweep->jobs = jobs ? (guint) jobs : most ? MIN (most, available) : available;
  sweep->threads = 1;
  sweep->executor = "local";
  sweep->retry = retry;
  sweep->quiet = quiet;
  return work (build, sweep, path);
}

static void
build_clear (Build *build)
{
  lode_host_free (build->host);
  lode_engine_free (build->shared.engine);
  lode_experiment_free (build->experiment);
  cells_clear (&build->cells);
  sweep_grid_free (build->grid);
  g_ptr_array_unref (build->owner);
  g_ptr_array_unref (build->sets);
  g_ptr_array_unref (build->errors);
  g_free (build->train);
  g_free (build->test);
}

static int
build_table (GPtrArray *files, GPtrArray *words, const LodeSite *site)
{
  g_autoptr (LodeRegistry) registry = lode_command_registry ();
  Build build = { .registry = registry,
                  .site = site,
                  .grid = g_new0 (SweepGrid, 1),
                  .owner = g_ptr_array_new_with_free_func (g_free),
                  .sets = g_ptr_array_new_with_free_func (g_free),
                  .errors = g_ptr_array_new_with_free_func (g_free) };
  int code;

  build.grid->axes = g_ptr_array_new_with_free_func (sweep_axis_free);
  build.grid->words = g_ptr_array_new ();
  load (&build, files, words);
  code = run (&build);
  build_clear (&build);
  return code;
}

int
data_build_table (int argc, char **argv)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new (), words = g_ptr_array_new ();
  g_autoptr (LodeSite) site = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (jobs < 0 || jobs > 1024)
    return lode_usage_error ("data build-table: --jobs goes from 1 to 1024");
  for (int i = 1; i < argc; i++)
    g_ptr_array_add (strchr (argv[i], '=') ? words : files, argv[i]);
  if (!files->len)
    return lode_usage_error ("which space? lode data build-table CONFIG");
  site = lode_command_site ();
  return site ? build_table (files, words, site) : LODE_EXIT_USAGE;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode sweep: many runs of one experiment, each point of a grid or each arm of a study.
 */
#include "sweep.h"

#include "common.h"
#include "plan.h"
#include "run/go.h"
#include "verbs.h"

#include <string.h>

static gboolean list, plan, json, zip, retry, force, quiet;
static gint jobs, threads = 1;
static char *size, *executor, **files;

static const GOptionEntry options[] = {
  { "jobs", 'j', 0, G_OPTION_ARG_INT, &jobs,
    "N runs at a time; without it as many as this process may use processors", "N" },
  { "size", 's', 0, G_OPTION_ARG_STRING, &size, "The size of a study: smoke, hour, full", "SIZE" },
  { "zip", 0, 0, G_OPTION_ARG_NONE, &zip,
    "Axes of the command line advance together (first values, second values …) but for seeds",
    NULL },
  { "list", 'l', 0, G_OPTION_ARG_NONE, &list, "Name the runs and how they stand, begin none",
    NULL },
  { "plan", 0, 0, G_OPTION_ARG_NONE, &plan,
    "Measure each configuration for a moment, say what the sweep will cost, begin none", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &json, "Say how the runs stand as JSON", NULL },
  { "retry", 0, 0, G_OPTION_ARG_NONE, &retry, "Go on with runs that failed before", NULL },
  { "force", 0, 0, G_OPTION_ARG_NONE, &force,
    "Go on although plugins or the processor differ from those that a run began with", NULL },
  { "threads", 't', 0, G_OPTION_ARG_INT, &threads, "N threads for each run, 1 without it", "N" },
  { "executor", 0, 0, G_OPTION_ARG_STRING, &executor, "Where runs are done, local without it",
    "NAME" },
  { "plugin", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files,
    "Use the plugin in FILE, before any folder; may be repeated", "FILE" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "Only failures and the summary", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "FILE… [path=value…] [path=a,b…] [seed=1..5]",
  .summary =
      "Do every run of a sweep: FILE describes an experiment as for `lode run`, path=a,b and\n"
      "path=1..5 are axes whose combinations are the runs, path=value holds for all of them. A "
      "file\n"
      "may hold axes itself, in a group `sweep` (conf/studies/). The same command again, anywhere, "
      "at\n"
      "any time, goes on where the others are: what is done stays done, what was stopped or killed "
      "is\n"
      "resumed, what another process works on is left to it.",
  .more = "Examples:\n"
          "  lode sweep quickstart.cfg fit.rate=0.05,0.1 seed=1..5 --jobs 2\n"
          "  lode sweep studies/first.cfg --size smoke seed=1\n"
          "  lode sweep --list studies/first.cfg --size hour\n"
          "  lode status; lode compare runs/first\n\n"
          "Ctrl-C, or a TERM signal, stops every run with a checkpoint. What a run says goes to\n"
          "log.txt in its directory.\n\n"
          "Exit codes: 0 all runs are done, 1 some failed, 2 usage or configuration, 75 stopped.",
  .options = options,
  .plugins = true,
};

static void
print_list (const Sweep *sweep)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < sweep->points->len; i++) {
    const SweepPoint *point = sweep_point (sweep, i);

    g_ptr_array_add (cells, g_strdup (sweep_state_names[point->state]));
    g_ptr_array_add (cells, g_strdup (point->words));
    g_ptr_array_add (cells, g_strdup (point->path));
  }
  lode_columns_print (3, cells);
}

static void
print_json (const Sweep *sweep)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (guint i = 0; i < sweep->points->len; i++) {
    const SweepPoint *point = sweep_point (sweep, i);

    json_builder_begin_object (builder);
    lode_json_text (builder, "state", sweep_state_names[point->state]);
    lode_json_text (builder, "words", point->words);
    lode_json_text (builder, "path", point->path);
    lode_json_text (builder, "message", point->message);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  lode_json_print (json_builder_get_root (builder));
}

/* `lode compare` is told what is varied, unless that is arms alone, which their labels tell apart.
 */
static void
print_next (const Sweep *sweep)
{
  g_autofree char *label = g_path_get_dirname (sweep_point (sweep, 0)->path);
  g_autofree char *folder = g_path_get_dirname (label), *quoted = lode_file_word (folder);
  g_autoptr (GString) by = g_string_new (NULL);
  bool arms = false;

  for (guint i = 0; i < sweep->grid->axes->len; i++) {
    const SweepAxis *axis = g_ptr_array_index (sweep->grid->axes, i);

    arms |= axis->arms;
    if (!axis->arms && axis->choices->len > 1 && !g_str_has_suffix (axis->path, "seed"))
      g_string_append_printf (by, " --by %s", axis->path);
  }
  if (by->len && arms)
    g_string_prepend (by, " --by label");
  printf ("\ntry next\n  lode compare%s %s\n", by->str, quoted);
}

/* Failures once more, together, and where to go from here. */
static void
print_summary (const Sweep *sweep)
{
  guint open = sweep_count (sweep, SWEEP_OPEN) + sweep_count (sweep, SWEEP_HELD)
               + sweep_count (sweep, SWEEP_STOPPED),
        now = 0;

  for (guint i = 0; i < sweep->points->len; i++)
    now += sweep_point (sweep, i)->ours && sweep_point (sweep, i)->seconds >= 0
           && sweep_point (sweep, i)->state == SWEEP_DONE;
  printf ("%u runs: %u done (%u now), %u failed", sweep->points->len,
          sweep_count (sweep, SWEEP_DONE), now, sweep_count (sweep, SWEEP_FAILED));
  printf (open ? ", %u to go\n" : "\n", open);
  for (guint i = 0; i < sweep->points->len; i++) {
    const SweepPoint *point = sweep_point (sweep, i);

    if (point->state == SWEEP_FAILED)
      printf ("failed     %s: %s\n           %s\n", point->words,
              point->message ? point->message : "for an unknown reason", point->path);
  }
  if (sweep_count (sweep, SWEEP_DONE))
    print_next (sweep);
}

static int
finish (const Sweep *sweep, GError *failure)
{
  int code = sweep->board->stop                      ? LODE_EXIT_STOPPED
             : sweep_count (sweep, SWEEP_FAILED) > 0 ? LODE_EXIT_FAILED
                                                     : LODE_EXIT_DONE;

  if (failure && !sweep->board->stop)
    code = lode_fail (failure);
  else
    g_clear_error (&failure);
  if (json)
    print_json (sweep);
  else
    print_summary (sweep);
  if (sweep->board->stop)
    lode_say ("stopped with checkpoints; the same command goes on from there");
  return code;
}

static int
go (Sweep *sweep)
{
  GError *failure = NULL;

  sweep_look (sweep);
  if (list) {
    (json ? print_json : print_list) (sweep);
    return LODE_EXIT_DONE;
  }
  if (plan)
    return sweep_plan (sweep, json);
  if (!sweep_manifest_write (sweep, &failure))
    return lode_fail (failure);
  if (!quiet)
    lode_say ("%u runs, %u done, %u failed; %u at a time", sweep->points->len,
              sweep_count (sweep, SWEEP_DONE), sweep_count (sweep, SWEEP_FAILED), sweep->jobs);
  sweep_work (sweep, &failure);
  return finish (sweep, failure);
}

static int
run_grid (const SweepGrid *grid, const LodeSite *site)
{
  g_autoptr (LodeRegistry) registry = lode_command_registry ();
  GPtrArray *errors;
  g_autoptr (Sweep) sweep = NULL;
  uint32_t most = (uint32_t) site->threads, available = lode_threads_available ();
  int code;

  if (!run_add_plugins (registry, files, &code))
    return code;
  errors = g_ptr_array_new_with_free_func (g_free);
  sweep = sweep_new (grid, registry, site->runs, errors);
  if (!sweep)
    return run_complain (errors);
  g_ptr_array_unref (errors);
  sweep->jobs = jobs ? (guint) jobs : most ? MIN (most, available) : available;
  sweep->threads = (uint32_t) threads;
  sweep->executor = executor ? executor : "local";
  sweep->retry = retry;
  sweep->force = force;
  sweep->quiet = quiet;
  return go (sweep);
}

int
lode_verb_sweep (int argc, char **argv)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new (), words = g_ptr_array_new ();
  GPtrArray *errors;
  g_autoptr (LodeSite) site = NULL;
  g_autoptr (SweepGrid) grid = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (jobs < 0 || jobs > 1024 || threads < 1)
    return lode_usage_error ("sweep: --jobs goes from 1 to 1024, --threads from 1 on");
  for (int i = 1; i < argc; i++)
    g_ptr_array_add (strchr (argv[i], '=') ? words : names, argv[i]);
  if (!names->len)
    return lode_usage_error (
        "sweep: no configuration file is named; try: lode sweep quickstart.cfg "
        "seed=1..3");
  site = lode_command_site ();
  if (!site)
    return LODE_EXIT_USAGE;
  errors = g_ptr_array_new_with_free_func (g_free);
  grid = sweep_grid_new (names, words, size, zip, errors);
  if (!grid)
    return run_complain (errors);
  g_ptr_array_unref (errors);
  return run_grid (grid, site);
}

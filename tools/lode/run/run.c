/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode run: an experiment from configuration files and overrides.
 */
#include "go.h"

#include "common.h"
#include "print-plan.h"
#include "run/config.h"
#include "verbs.h"

#include <string.h>

static RunFlags flags;
static gboolean plan, json;
static char **files; /* of --plugin */

static const GOptionEntry options[] = {
  { "plan", 0, 0, G_OPTION_ARG_NONE, &plan,
    "Say what the run will cost (samples, multiply-adds, memory, time) and stop", NULL },
  { "json", 0, 0, G_OPTION_ARG_NONE, &json, "With --plan: as JSON", NULL },
  { "again", 0, 0, G_OPTION_ARG_NONE, &flags.again,
    "Begin another run beside an unfinished one of the same configuration", NULL },
  { "threads", 't', 0, G_OPTION_ARG_INT, &flags.threads, "At most N threads; they change no result",
    "N" },
  { "plugin", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files,
    "Use the plugin in FILE, before any folder; may be repeated", "FILE" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &flags.quiet, "Only errors and the summary", NULL },
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &flags.verbose, "Say more on the way", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "FILE… [path=value…]",
  .summary =
      "Run the experiment that FILE describes. Several files are merged from left to right, then\n"
      "path=value changes single values. A name without a folder is also looked for in the\n"
      "installed conf/.",
  .more = "Examples:\n"
          "  lode run quickstart.cfg\n"
          "  lode run quickstart.cfg search.type=random evaluator.type=train seed=3\n"
          "  lode run base.cfg mine.cfg stages.train.fit.epochs=20\n"
          "  lode run --plan quickstart.cfg\n\n"
          "Ctrl-C, or a TERM signal, stops with a checkpoint (exit code 75); `lode resume RUN`\n"
          "goes on with the same bits.",
  .options = options,
  .plugins = true,
};

/* Words with '=' are overrides, the others are files. */
static void
sort_words (int argc, char **argv, GPtrArray *names, GPtrArray *overrides)
{
  for (int i = 1; i < argc; i++)
    g_ptr_array_add (strchr (argv[i], '=') ? overrides : names, argv[i]);
  g_ptr_array_add (names, NULL);
  g_ptr_array_add (overrides, NULL);
}

static int
run_experiment (LodeRegistry *registry, LodeNode *root)
{
  g_autofree char *origins = NULL;
  GPtrArray *errors = g_ptr_array_new_with_free_func (g_free);
  LodeExperiment *experiment = lode_experiment_new (registry, root, errors);
  int code;

  if (!experiment)
    return run_complain (errors, registry);
  g_ptr_array_unref (errors);
  origins = lode_config_origins (experiment->resolved);
  code = plan ? plan_print (experiment, &flags, json) : run_go (experiment, NULL, origins, &flags);
  lode_experiment_free (experiment);
  return code;
}

int
lode_verb_run (int argc, char **argv)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new (), overrides = g_ptr_array_new ();
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (LodeSite) site = NULL;
  g_autoptr (LodeNode) root = NULL;
  GPtrArray *errors;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code) || !run_check_flags ("run", &flags, &code))
    return code;
  if (json && !plan)
    return lode_usage_error (
        "run: --json goes with --plan; a run's figures are in its result.json");
  sort_words (argc, argv, names, overrides);
  if (names->len < 2)
    return lode_usage_error ("run: no configuration file is named; try: lode run quickstart.cfg");
  flags.site = site = lode_command_site ();
  if (!site)
    return LODE_EXIT_USAGE;
  registry = lode_command_registry ();
  if (!run_add_plugins (registry, files, &code))
    return code;
  errors = g_ptr_array_new_with_free_func (g_free);
  root = lode_config_load ((const char *const *) names->pdata,
                           (const char *const *) overrides->pdata, errors);
  if (!root)
    return run_complain (errors, NULL);
  g_ptr_array_unref (errors);
  if (lode_node_child (root, "sweep"))
    return lode_usage_error (
        "run: %s describes a sweep, which is many runs; do them by: lode sweep "
        "%s",
        (char *) names->pdata[0], (char *) names->pdata[0]);
  return run_experiment (registry, root);
}

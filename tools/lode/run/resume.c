/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode resume: a run that was stopped or killed, from its last checkpoint.
 */
#include "go.h"

#include "common.h"
#include "run/config.h"
#include "verbs.h"

static RunFlags flags;
static char **files; /* of --plugin */

static const GOptionEntry options[] = {
  { "force", 0, 0, G_OPTION_ARG_NONE, &flags.force,
    "Although plugins or the processor differ from those it began with", NULL },
  { "threads", 't', 0, G_OPTION_ARG_INT, &flags.threads, "At most N threads; they change no result",
    "N" },
  { "plugin", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files,
    "Use the plugin in FILE, as the run began with it; may be repeated", "FILE" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &flags.quiet, "Only errors and the summary", NULL },
  { "verbose", 'v', 0, G_OPTION_ARG_NONE, &flags.verbose, "Say more on the way", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "RUN",
  .summary = "Go on with a run that was stopped or killed. RUN is its directory, which holds the\n"
             "configuration; the result is the same, bit for bit, as without the interruption.",
  .more = "Example:\n  lode resume runs/quickstart/main/s1-1a2b3c4d",
  .options = options,
  .plugins = true,
};

int
lode_verb_resume (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (LodeSite) site = NULL;
  g_autoptr (LodeNode) root = NULL;
  GPtrArray *errors;
  LodeExperiment *experiment = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code) || !run_check_flags ("resume", &flags, &code))
    return code;
  if (argc != 2)
    return lode_usage_error ("resume: expected one run directory, found %d", argc - 1);
  path = g_build_filename (argv[1], "config.cfg", NULL);
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return lode_usage_error ("resume: %s is no run directory: it holds no config.cfg", argv[1]);
  flags.site = site = lode_command_site ();
  if (!site)
    return LODE_EXIT_USAGE;
  registry = lode_command_registry ();
  if (!run_add_plugins (registry, files, &code))
    return code;
  errors = g_ptr_array_new_with_free_func (g_free);
  root = lode_config_parse (path, errors);
  if (root)
    experiment = lode_experiment_new (registry, root, errors);
  if (!experiment)
    return run_complain (errors, registry);
  g_ptr_array_unref (errors);
  code = run_go (experiment, argv[1], NULL, &flags);
  lode_experiment_free (experiment);
  return code;
}

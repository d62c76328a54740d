/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode bench: how long training steps take on this machine. A workload is an experiment called
 * bench-<name>.cfg.
 */
#include "bench.h"

#include "common.h"
#include "run/config.h"
#include "verbs.h"

#include <string.h>

#define PREFIX "bench-"

static gint threads, steps = 6;
static gboolean json, explain, paths, profile, kernels, lewis;

static const GOptionEntry options[] = {
  { "threads", 't', 0, G_OPTION_ARG_INT, &threads, "With N threads (all that are there)", "N" },
  { "steps", 's', 0, G_OPTION_ARG_INT, &steps, "Timed steps (6), behind two that warm up", "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &json, "One JSON object a line", NULL },
  { "explain", 0, 0, G_OPTION_ARG_NONE, &explain,
    "Print the program: its passes, what is fused into each, shapes, bytes", NULL },
  { "paths", 0, 0, G_OPTION_ARG_NONE, &paths,
    "Each step takes another random path of the super-network", NULL },
  { "profile", 0, 0, G_OPTION_ARG_NONE, &profile,
    "Print the share of the program's time that each kind of step takes", NULL },
  { "kernels", 0, 0, G_OPTION_ARG_NONE, &kernels,
    "Print what each kernel achieves beside what this machine can do, and no workload", NULL },
  { "lewis", 0, 0, G_OPTION_ARG_NONE, &lewis,
    "Time Lewis weights of random features in memory, or of the .npy files that are named", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "[WORKLOAD…] [KEY=VALUE…]",
  .summary = "Time training steps: forward, backward, clipping, update. A WORKLOAD is an\n"
             "experiment called bench-WORKLOAD.cfg; without one, all that come with lode.\n"
             "KEY=VALUE changes their configuration.",
  .more = "Examples:\n"
          "  lode bench resnet20 --threads 1\n"
          "  lode bench --json\n"
          "  lode bench nb201 winograd=false\n"
          "  lode bench --kernels\n"
          "  lode bench nb201 --explain --steps 1\n"
          "  lode bench nb201 --paths --profile\n"
          "  lode bench --lewis features.npy --threads 2\n\n"
          "tools/bench/compare of the source tree times the same workloads in PyTorch beside it.",
  .options = options,
  .plugins = true,
};

static void
print_json (const char *name, const Timing *timing)
{
  printf ("{\"workload\": \"%s\", \"threads\": %u, \"batch\": %u, \"params\": %" G_GUINT64_FORMAT
          ", \"min_s\": %.6f, \"median_s\": %.6f, \"arena_bytes\": %" G_GUINT64_FORMAT "}\n",
          name, timing->threads, timing->batch, timing->params, timing->low, timing->median,
          timing->bytes);
  fflush (stdout);
}

static void
print_line (const char *name, const Timing *timing)
{
  printf ("%-10s %u thread%s  batch %-4u %9" G_GUINT64_FORMAT
          " weights  min %9.4f s  median %9.4f s  arena %7.1f MB\n",
          name, timing->threads, timing->threads == 1 ? " " : "s", timing->batch, timing->params,
          timing->low, timing->median, (double) timing->bytes / 1e6);
  fflush (stdout);
}

static LodeExperiment *
load (LodeRegistry *registry, const char *name, const char *const *overrides, GPtrArray *errors)
{
  g_autofree char *file = g_strdup_printf (PREFIX "%s.cfg", name);
  const char *files[] = { file, NULL };
  g_autoptr (LodeNode) root = lode_config_load (files, overrides, errors);

  return root ? lode_experiment_new (registry, root, errors) : NULL;
}

static int
bench (LodeRegistry *registry, const char *name, const char *const *overrides)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeExperiment *experiment = load (registry, name, overrides, errors);
  g_autoptr (GString) program = explain ? g_string_new (NULL) : NULL;
  g_autoptr (GString) shares = profile ? g_string_new (NULL) : NULL;
  Timing timing = { .paths = paths, .program = program, .shares = shares };
  GError *failure = NULL;
  bool ok;

  if (!experiment) {
    for (guint i = 0; i < errors->len; i++)
      lode_say ("%s", (const char *) g_ptr_array_index (errors, i));
    return lode_registry_has_refused (registry) ? LODE_EXIT_PLUGIN : LODE_EXIT_USAGE;
  }
  ok = bench_time (experiment, (uint32_t) threads, (uint32_t) steps, &timing, &failure);
  lode_experiment_free (experiment);
  if (!ok)
    return lode_fail (failure);
  (json ? print_json : print_line) (name, &timing);
  if (program)
    fputs (program->str, stdout);
  if (shares)
    fputs (shares->str, stdout);
  return LODE_EXIT_DONE;
}

/* Workloads by the names of their files: bench-<name>.cfg. Transfer full. */
static char **
all_workloads (void)
{
  char **names = lode_config_names (PREFIX);

  for (char **name = names; *name; name++) {
    char *file = *name;

    *name = g_strndup (file + strlen (PREFIX), strlen (file) - strlen (PREFIX ".cfg"));
    g_free (file);
  }
  return names;
}

/* Splits the words: workloads to the front of argv (NULL behind them), changes to overrides. */
static void
split_words (char **argv, GPtrArray *overrides)
{
  char **name = argv;

  for (; *argv; argv++)
    if (strchr (*argv, '='))
      g_ptr_array_add (overrides, *argv);
    else
      *name++ = *argv;
  *name = NULL;
  g_ptr_array_add (overrides, NULL);
}

int
lode_verb_bench (int argc, char **argv)
{
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (GPtrArray) overrides = g_ptr_array_new ();
  g_auto (GStrv) all = NULL;
  char **name;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (threads < 0 || steps < 1)
    return lode_usage_error ("bench: --threads and --steps are at least 1");
  if (kernels)
    return bench_kernels ();
  if (lewis)
    return bench_lewis (argv + 1, (uint32_t) threads, json);
  registry = lode_command_registry ();
  split_words (argv + 1, overrides);
  name = argv[1] ? argv + 1 : (all = all_workloads ());
  for (code = LODE_EXIT_DONE; *name && code == LODE_EXIT_DONE; name++)
    code = bench (registry, *name, (const char *const *) overrides->pdata);
  return code;
}

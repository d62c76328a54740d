/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode status: what runs, waits, failed and is done below the folder of runs.
 */
#include "status.h"

#include "common.h"
#include "run/json-add.h"
#include "run/watch.h"
#include "verbs.h"

#include <math.h>
#include <string.h>

static gboolean json, all;

static const GOptionEntry options[] = {
  { "all", 'a', 0, G_OPTION_ARG_NONE, &all, "Name every run, also those that are done or queued",
    NULL },
  { "json", 'j', 0, G_OPTION_ARG_NONE, &json, "Every run as JSON", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "[FOLDER…]",
  .summary =
      "Say how the runs below FOLDER stand, the folder of all runs without it: how many of each\n"
      "experiment and label run, are queued by a sweep, stopped, stale, failed or done; which run "
      "now,\n"
      "with the time that each has left; which failed, and why. Nothing is written.",
  .more = "A run is stale if its process died: `lode sweep` or `lode resume` goes on with it. The "
          "time\n"
          "that is left is that of finished runs which differ by the seed alone, else a guess from "
          "the\n"
          "share that is done.\n\n"
          "Examples:\n"
          "  lode status\n"
          "  lode status --all runs/first\n"
          "  lode status --json | jq '.[] | select(.state == \"failed\").path'\n\n"
          "Exit codes: 0, 2 where FOLDER is no folder.",
  .options = options,
};

/* Runs of one experiment and label. */
typedef struct Tally {
  const char *group;
  guint count[STATUS_STATES];
  double left; /* of those that run and wait, one after the other */
  bool known;
} Tally;

static void
count (Tally *tally, const StatusRun *run)
{
  tally->count[run->state]++;
  if (run->state == STATUS_DONE || run->state == STATUS_FAILED)
    return;
  if (isnan (run->left))
    tally->known = false;
  else
    tally->left += run->left;
}

static GArray *
tally_up (GPtrArray *runs)
{
  GArray *tallies = g_array_new (FALSE, TRUE, sizeof (Tally));

  for (guint i = 0; i < runs->len; i++) {
    const StatusRun *run = g_ptr_array_index (runs, i);
    Tally fresh = { .group = run->group, .known = true };

    if (!tallies->len
        || strcmp (g_array_index (tallies, Tally, tallies->len - 1).group, run->group))
      g_array_append_val (tallies, fresh);
    count (&g_array_index (tallies, Tally, tallies->len - 1), run);
  }
  return tallies;
}

/* Side by side, as many as run now. */
static char *
left_of (const Tally *tally)
{
  guint open = tally->count[STATUS_RUNNING] + tally->count[STATUS_QUEUED]
               + tally->count[STATUS_STOPPED] + tally->count[STATUS_STALE];

  if (!open)
    return NULL;
  return tally->known ? watch_time (tally->left / MAX (tally->count[STATUS_RUNNING], 1))
                      : g_strdup ("?");
}

static void
print_tallies (GPtrArray *runs)
{
  g_autoptr (GArray) tallies = tally_up (runs);
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);

  g_ptr_array_add (cells, g_strdup ("runs"));
  for (int state = 0; state < STATUS_STATES; state++)
    g_ptr_array_add (cells, g_strdup (status_names[state]));
  g_ptr_array_add (cells, g_strdup ("time left"));
  for (guint i = 0; i < tallies->len; i++) {
    const Tally *tally = &g_array_index (tallies, Tally, i);

    g_ptr_array_add (cells, g_strdup (tally->group));
    for (int state = 0; state < STATUS_STATES; state++)
      g_ptr_array_add (cells, tally->count[state] ? g_strdup_printf ("%u", tally->count[state])
                                                  : g_strdup ("–"));
    g_ptr_array_add (cells, left_of (tally));
  }
  lode_columns_print (STATUS_STATES + 2, cells);
}

/* What a run is doing, or what became of it. */
static char *
doing (const StatusRun *run)
{
  g_autofree char *left = isnan (run->left) ? g_strdup ("?") : watch_time (run->left);
  g_autofree char *spent = isnan (run->spent) ? g_strdup ("?") : watch_time (run->spent);

  switch (run->state) {
  case STATUS_RUNNING:
    return g_strdup_printf ("%.0f %%, %s, %s left, on %s", 100 * run->info.done, run->info.stage,
                            left, run->info.host);
  case STATUS_DONE:
    return g_strdup_printf ("in %s", spent);
  case STATUS_STALE:
  case STATUS_STOPPED:
    return g_strdup_printf ("at %.0f %%", 100 * run->info.done);
  default:
    return g_strdup (run->info.message);
  }
}

static void
print_runs (GPtrArray *runs)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < runs->len; i++) {
    const StatusRun *run = g_ptr_array_index (runs, i);

    if (!all && (run->state == STATUS_DONE || run->state == STATUS_QUEUED))
      continue;
    g_ptr_array_add (cells, g_strdup (status_names[run->state]));
    g_ptr_array_add (cells, g_strdup (run->path));
    g_ptr_array_add (cells, g_strdup (run->words));
    g_ptr_array_add (cells, doing (run));
  }
  if (cells->len)
    putchar ('\n');
  lode_columns_print (4, cells);
}

static void
put_run (JsonBuilder *builder, const StatusRun *run)
{
  json_builder_begin_object (builder);
  lode_json_text (builder, "path", run->path);
  lode_json_text (builder, "group", run->group);
  lode_json_text (builder, "words", run->words);
  lode_json_text (builder, "state", status_names[run->state]);
  lode_json_text (builder, "stage", run->info.stage);
  lode_json_text (builder, "message", run->info.message);
  lode_json_text (builder, "host", run->info.host);
  lode_json_add_number (builder, "pid", (double) run->info.pid);
  lode_json_add_number (builder, "updated", (double) run->info.updated);
  lode_json_add_number (builder, "done", run->state == STATUS_DONE ? 1 : run->info.done);
  lode_json_add_number (builder, "seconds_left", run->left);
  lode_json_add_number (builder, "seconds", run->spent);
  json_builder_end_object (builder);
}

static void
print_json (GPtrArray *runs)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_array (builder);
  for (guint i = 0; i < runs->len; i++)
    put_run (builder, g_ptr_array_index (runs, i));
  json_builder_end_array (builder);
  lode_json_print (json_builder_get_root (builder));
}

static int
print_folder (const char *folder)
{
  g_autoptr (GPtrArray) runs = NULL;

  if (!g_file_test (folder, G_FILE_TEST_IS_DIR))
    return lode_usage_error ("status: there is no folder %s", folder);
  runs = status_gather (folder);
  if (json)
    print_json (runs);
  else if (!runs->len)
    lode_say ("there are no runs below %s", folder);
  else {
    print_tallies (runs);
    print_runs (runs);
  }
  return LODE_EXIT_DONE;
}

int
lode_verb_status (int argc, char **argv)
{
  g_autoptr (LodeSite) site = NULL;
  g_autofree char *root = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  site = lode_command_site ();
  if (!site)
    return LODE_EXIT_USAGE;
  if (argc < 2) {
    root = lode_folder_root (NULL, site->runs);
    return print_folder (root);
  }
  if (json && argc > 2)
    return lode_usage_error ("status: --json takes one folder");
  for (int i = 1; i < argc && code == LODE_EXIT_DONE; i++)
    code = print_folder (argv[i]);
  return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode list`: every plugin that is found, each tried in a child process; and, with --matrix, which
 * of them go together.
 */
#include "list.h"

#include "verbs.h"

#include <string.h>

static gboolean as_json, as_matrix;
static char *stage;

static const GOptionEntry options[] = {
  { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json, "Print JSON instead of a table", NULL },
  { "matrix", 'm', 0, G_OPTION_ARG_NONE, &as_matrix,
    "Print which searches go with which backbones, losses, samplers and evaluators", NULL },
  { "stage", 's', 0, G_OPTION_ARG_STRING, &stage,
    "With --matrix: what the stage STAGE gives counts (default: search)", "STAGE" },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  "[KIND]",
  "Names the plugins that are found: kind/name, version, what it is, file. KIND (backbone,\n"
  "dataset, evaluator, executor, loss, sampler, search, stage) leaves only those of a kind.\n"
  "A plugin that does not load is listed too, with the reason. Of two files of one name the first\n"
  "that is found counts.",
  "--json prints an array of objects with kind, name, version, summary and path, and, where a\n"
  "plugin does not load, error (code, message) with version and summary null.\n\n"
  "Exit codes: 0, or 4 where a plugin does not load.\n\n"
  "Examples:\n"
  "  lode list                    all of them\n"
  "  lode list search             only the searches\n"
  "  lode list --matrix           what can be combined\n"
  "  lode list -P build/plugins   with those of a folder in front",
  options, true
};

static GPtrArray *
row_ids (LodeRegistry *registry, const char *kind)
{
  GPtrArray *ids = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) names = lode_registry_names (registry, kind);

  for (char **name = names; *name; name++)
    g_ptr_array_add (ids, kind ? g_strdup_printf ("%s/%s", kind, *name) : g_strdup (*name));
  g_ptr_array_add (ids, NULL);
  return ids;
}

static void
add_object (JsonBuilder *json, const LodeProbed *probed)
{
  json_builder_begin_object (json);
  lode_json_text (json, "kind", probed->kind);
  lode_json_text (json, "name", probed->name);
  lode_json_text (json, "version", probed->version);
  lode_json_text (json, "summary", probed->summary);
  lode_json_text (json, "path", probed->path);
  if (probed->error) {
    json_builder_set_member_name (json, "error");
    json_builder_begin_object (json);
    lode_json_text (json, "code", lode_plugin_error_word (probed->error->code));
    lode_json_text (json, "message", probed->error->message);
    json_builder_end_object (json);
  }
  json_builder_end_object (json);
}

static void
print_json (GPtrArray *all)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_array (json);
  for (guint i = 0; i < all->len; i++)
    add_object (json, all->pdata[i]);
  json_builder_end_array (json);
  lode_json_print (json_builder_get_root (json));
}

static void
print_table (GPtrArray *all)
{
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < all->len; i++) {
    const LodeProbed *probed = all->pdata[i];
    g_autofree char *id = g_strdup_printf ("%s/%s", probed->kind, probed->name);

    g_ptr_array_add (cells, lode_paint (stdout, probed->error ? 31 : 1, id));
    g_ptr_array_add (cells, g_strdup (probed->version ? probed->version : "-"));
    g_ptr_array_add (cells, probed->error ? lode_paint (stdout, 31, "does not load")
                                          : g_strdup (probed->summary));
    g_ptr_array_add (cells, lode_paint (stdout, 2, probed->path ? probed->path : ""));
  }
  lode_columns_print (4, cells);
}

static int
complain (GPtrArray *all)
{
  int code = LODE_EXIT_DONE;

  for (guint i = 0; i < all->len; i++) {
    const LodeProbed *probed = all->pdata[i];

    if (!probed->error)
      continue;
    lode_say ("%s", probed->error->message);
    code = LODE_EXIT_PLUGIN;
  }
  return code;
}

static void
say_none (LodeRegistry *registry, const char *kind)
{
  g_autofree char *folders = g_strjoinv (", ", (char **) lode_registry_folders (registry));

  lode_say ("no %s%splugin in %s; LODE_PLUGIN_PATH names further folders", kind ? kind : "",
            kind ? " " : "", folders);
}

/* Of two files of one name the first counts, which may surprise whoever built the second. */
static void
say_hidden (LodeRegistry *registry, GPtrArray *all)
{
  for (guint i = 0; i < all->len; i++) {
    const LodeProbed *probed = all->pdata[i];
    g_auto (GStrv) hidden = lode_registry_hidden (registry, probed->kind, probed->name);

    for (char **path = hidden; *path; path++)
      lode_say ("%s/%s is %s; %s is hidden by it", probed->kind, probed->name, probed->path, *path);
  }
}

static int
check_words (int argc, char **argv)
{
  const char *near;

  if (as_matrix && argc > 1)
    return lode_usage_error ("--matrix is of all kinds; leave \"%s\" out", argv[1]);
  if (stage && !as_matrix)
    return lode_usage_error ("--stage goes with --matrix alone");
  if (argc > 2)
    return lode_usage_error ("one KIND at most, found %d words; `lode list --help` tells more",
                             argc - 1);
  if (argc < 2 || lode_kind_ops_size (argv[1]))
    return LODE_EXIT_DONE;
  near = lode_nearest (argv[1], lode_kinds);

  g_autofree char *all = g_strjoinv (", ", (char **) lode_kinds);

  return lode_usage_error ("there is no kind \"%s\"; %s%s%sthere are %s", argv[1],
                           near ? "did you mean \"" : "", near ? near : "", near ? "\"? " : "",
                           all);
}

int
lode_verb_list (int argc, char **argv)
{
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (GPtrArray) all = NULL, ids = NULL;
  GError *error = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if ((code = check_words (argc, argv)))
    return code;
  registry = lode_command_registry ();
  ids = row_ids (registry, as_matrix ? NULL : argv[1]);
  all = lode_registry_probe (registry, (const char *const *) ids->pdata, &error);
  if (!all)
    return lode_fail (error);
  if (all->len == 0)
    say_none (registry, argv[1]);
  say_hidden (registry, all);
  if (as_matrix && (code = lode_list_matrix (registry, all, stage ? stage : "search", as_json)))
    return code;
  if (as_matrix)
    return complain (all);
  if (as_json)
    print_json (all);
  else
    print_table (all);
  return complain (all);
}

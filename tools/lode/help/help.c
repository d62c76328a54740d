/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode help`: one verb's help, all of them as JSON, and names for completion. Manual pages and
 * completion are made from the JSON, which is made from the tables that the verbs themselves parse
 * their command lines by.
 */
#include "help.h"

#include "run/config.h"

#include <string.h>

const char help_about[] =
    "Data-efficient neural architecture search: experiments, the plugins they are made of,\n"
    "and what came out.";
const char help_exits[] =
    "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 data, 4 plugin,\n"
    "75 stopped with a checkpoint, run again.";

/* What the environment changes; a test holds this against what the sources ask for. */
static const struct {
  const char *name, *doc;
} environment[] = {
  { "LODE_PLUGIN_PATH", "folders with plugins, looked in before the user's own and the installed "
                        "one; ':' between them" },
  { "LODE_CONF_PATH", "folders with configuration files, looked in before the installed conf/" },
  { "LODE_DATA_PATH", "folders with data, looked in before all others" },
  { "LODE_RUNS", "the folder below which runs go, unless the configuration names one" },
  { "LODE_CACHE", "the folder of what is computed once and kept, instead of the site's or the "
                  "user's" },
  { "LODE_SITE", "the site's configuration file, instead of etc/lode/site.cfg" },
  { "LODE_NO_SITE", "1: no site's configuration is read" },
  { "LODE_ISA", "a lower level of the processor: portable, x86-64-v3, x86-64-v4, reference" },
  { "NO_COLOR", "any text: no colours" },
};

static gboolean as_json;
static char *names;

static const GOptionEntry options[] = {
  { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json,
    "Print everything that there is to know about the verbs and their options as JSON", NULL },
  { "names", 'n', 0, G_OPTION_ARG_STRING, &names,
    "Print names, one a line, for completion: verbs, kinds, plugins, configurations, or a kind",
    "WHAT" },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "[VERB]",
  .summary = "Tells about VERB, or about all verbs in a line each.",
  .more = "Exit codes: 0; 2 for a verb or a kind that there is not.\n\n"
          "Examples:\n"
          "  lode help sweep\n"
          "  lode help --names search",
  .options = options,
  .plugins = true,
};

void
help_print (const Verb *verbs, FILE *to)
{
  fprintf (to, "Usage:\n  lode VERB [OPTION…] …\n\n%s\n\nVerbs:\n", help_about);
  for (; verbs->name; verbs++)
    fprintf (to, "  %-10s %s\n", verbs->name, verbs->summary);
  fprintf (to,
           "\nOptions:\n"
           "  -h, --help     this text; `lode VERB --help` tells about one verb\n"
           "  --version      the version of the command and of its plugin interface\n\n%s\n",
           help_exits);
}

/* An option as `--help` has it. */
static void
add_option (JsonBuilder *json, const GOptionEntry *option)
{
  bool many =
      option->arg == G_OPTION_ARG_FILENAME_ARRAY || option->arg == G_OPTION_ARG_STRING_ARRAY;
  char letter[2] = { option->short_name, '\0' };

  if (option->flags & G_OPTION_FLAG_HIDDEN)
    return;
  json_builder_begin_object (json);
  lode_json_text (json, "long", option->long_name);
  lode_json_text (json, "short", *letter ? letter : NULL);
  lode_json_text (json, "value",
                  option->arg == G_OPTION_ARG_NONE ? NULL
                  : option->arg_description        ? option->arg_description
                                                   : "VALUE");
  json_builder_set_member_name (json, "many");
  json_builder_add_boolean_value (json, many);
  lode_json_text (json, "doc", option->description);
  json_builder_end_object (json);
}

/* What a verb's own parser tells, in the object of that verb; of a verb with words of its own, one
 * object each in "verbs". */
typedef struct Telling {
  JsonBuilder *json;
  const char *name; /* of the verb */
  bool within;      /* the array of words is open */
} Telling;

static void
tell_usage (void *data, const char *name, const LodeUsage *about, const GOptionEntry *plugins)
{
  Telling *telling = data;
  JsonBuilder *json = telling->json;
  bool word = strcmp (name, telling->name) != 0;

  if (word && !telling->within) {
    json_builder_set_member_name (json, "verbs");
    json_builder_begin_array (json);
    telling->within = true;
  }
  if (word) {
    json_builder_begin_object (json);
    lode_json_text (json, "name", strchr (name, ' ') ? strchr (name, ' ') + 1 : name);
  }
  lode_json_text (json, "words", about->words);
  lode_json_text (json, "text", about->summary);
  lode_json_text (json, "more", about->more);
  json_builder_set_member_name (json, "options");
  json_builder_begin_array (json);
  for (const GOptionEntry *option = about->options; option && option->long_name; option++)
    add_option (json, option);
  for (const GOptionEntry *option = plugins; option && option->long_name; option++)
    add_option (json, option);
  json_builder_end_array (json);
  if (word)
    json_builder_end_object (json);
}

static void
tell_verb (JsonBuilder *json, const Verb *verb)
{
  char *words[] = { (char *) verb->name, (char *) "--help", NULL };
  Telling telling = { json, verb->name, false };

  json_builder_begin_object (json);
  lode_json_text (json, "name", verb->name);
  lode_json_text (json, "summary", verb->summary);
  lode_usage_tell (tell_usage, &telling);
  if (verb->run)
    verb->run (2, words);
  else
    tell_usage (&telling, verb->name, &usage, lode_usage_plugins ());
  lode_usage_tell (NULL, NULL);
  if (telling.within)
    json_builder_end_array (json);
  json_builder_end_object (json);
}

static void
tell_environment (JsonBuilder *json)
{
  json_builder_set_member_name (json, "environment");
  json_builder_begin_array (json);
  for (size_t i = 0; i < G_N_ELEMENTS (environment); i++) {
    json_builder_begin_object (json);
    lode_json_text (json, "name", environment[i].name);
    lode_json_text (json, "doc", environment[i].doc);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
tell_site (JsonBuilder *json)
{
  json_builder_set_member_name (json, "site");
  json_builder_begin_array (json);
  for (uint32_t i = 0; i < lode_site_table.n; i++) {
    const LodeOption *option = lode_table_at (&lode_site_table, i);

    json_builder_begin_object (json);
    lode_json_text (json, "name", option->name);
    lode_json_text (json, "doc", option->doc);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static int
print_json (const Verb *verbs)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autofree char *interface = g_strdup_printf ("%d.%d", LODE_ABI_MAJOR, LODE_ABI_MINOR);

  json_builder_begin_object (json);
  lode_json_text (json, "version", LODE_VERSION);
  lode_json_text (json, "plugin_interface", interface);
  lode_json_text (json, "text", help_about);
  lode_json_text (json, "more", help_exits);
  json_builder_set_member_name (json, "verbs");
  json_builder_begin_array (json);
  for (; verbs->name; verbs++)
    tell_verb (json, verbs);
  json_builder_end_array (json);
  tell_environment (json);
  tell_site (json);
  json_builder_end_object (json);
  lode_json_print (json_builder_get_root (json));
  return LODE_EXIT_DONE;
}

/* Names of the configuration files of one folder, as `lode run` would take them. */
static void
add_configurations (GTree *all, const char *folder, const char *below)
{
  g_autofree char *path = g_build_filename (folder, below, NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *file;

  while (dir && (file = g_dir_read_name (dir)))
    if (g_str_has_suffix (file, ".cfg"))
      g_tree_insert (all, *below ? g_build_filename (below, file, NULL) : g_strdup (file), NULL);
}

static gint
compare (gconstpointer a, gconstpointer b, gpointer data)
{
  (void) data;
  return strcmp (a, b);
}

static gboolean
print_key (gpointer key, gpointer value, gpointer data)
{
  (void) value;
  (void) data;
  puts (key);
  return FALSE;
}

static void
print_configurations (void)
{
  g_autoptr (GPtrArray) folders = lode_config_folders ();
  g_autoptr (GTree) all = g_tree_new_full (compare, NULL, g_free, NULL);

  for (guint i = 0; i < folders->len; i++) {
    add_configurations (all, folders->pdata[i], "");
    add_configurations (all, folders->pdata[i], "studies");
  }
  g_tree_foreach (all, print_key, NULL);
}

static int
print_plugins (const char *kind)
{
  g_autoptr (LodeRegistry) registry = lode_command_registry ();
  g_auto (GStrv) all = lode_registry_names (registry, kind);

  for (char **name = all; *name; name++)
    puts (*name);
  return LODE_EXIT_DONE;
}

static int
print_names (const Verb *verbs)
{
  if (!strcmp (names, "plugins"))
    return print_plugins (NULL);
  if (lode_kind_ops_size (names))
    return print_plugins (names);
  if (!strcmp (names, "configurations"))
    print_configurations ();
  else if (!strcmp (names, "kinds"))
    for (const char *const *kind = lode_kinds; *kind; kind++)
      puts (*kind);
  else if (!strcmp (names, "verbs"))
    for (; verbs->name; verbs++)
      puts (verbs->name);
  else
    return lode_usage_error ("help: there are no names of \"%s\"; expected verbs, kinds, plugins, "
                             "configurations, or a kind of plugin",
                             names);
  return LODE_EXIT_DONE;
}

static int
help_about_verb (const Verb *verbs, const char *name)
{
  char *words[] = { (char *) name, (char *) "--help", NULL };
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  const char *near;

  for (const Verb *verb = verbs; verb->name; verb++) {
    if (!strcmp (verb->name, name))
      return verb->run ? verb->run (2, words) : help_verb (verbs, 2, words);
    g_ptr_array_add (all, (gpointer) verb->name);
  }
  g_ptr_array_add (all, NULL);
  near = lode_nearest (name, (const char *const *) all->pdata);
  return lode_usage_error ("there is no verb \"%s\"; %s%s%s", name, near ? "did you mean \"" : "",
                           near ? near : "`lode --help` names them", near ? "\"?" : "");
}

int
help_verb (const Verb *verbs, int argc, char **argv)
{
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc > 2 || (argc > 1 && (as_json || names)) || (as_json && names))
    return lode_usage_error ("help: expected one VERB, --json or --names WHAT; `lode help --help` "
                             "tells more");
  if (as_json)
    return print_json (verbs);
  if (names)
    return print_names (verbs);
  if (argc > 1)
    return help_about_verb (verbs, argv[1]);
  help_print (verbs, stdout);
  return LODE_EXIT_DONE;
}

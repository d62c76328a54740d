/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data list`: what lies in the folders where data are looked for.
 */
#include "look.h"

#include "data/find.h"

#include <string.h>

static gboolean as_json;

static const GOptionEntry options[] = { { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json,
                                          "Print JSON instead of a table", NULL },
                                        G_OPTION_ENTRY_NULL };

static const LodeUsage usage = {
  "",
  "Names the data sets that are found in LODE_DATA_PATH, the user's, the site's and the system's\n"
  "folders: name, plugin that reads it, folder, and what a configuration says to use it.",
  "--json prints an array of objects with name, type, path and configuration.", options, false
};

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static GPtrArray *
names_in (const char *folder)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    if (*name != '.' && g_utf8_validate (name, -1, NULL))
      g_ptr_array_add (names, g_strdup (name));
  if (dir)
    g_dir_close (dir);
  g_ptr_array_sort (names, compare_names);
  return names;
}

static void
add (const char *folder, const char *name, GHashTable *seen, GPtrArray *cells, JsonBuilder *json)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *setting = NULL;
  Guess guess = data_guess (path);

  if (!guess.type || !g_hash_table_add (seen, g_strdup (name)))
    return;
  setting = g_strdup_printf ("data = { type = \"%s\"; %s = { %s = \"%s\"; }; };", guess.type,
                             guess.type, guess.option, name);
  g_ptr_array_add (cells, g_strdup (name));
  g_ptr_array_add (cells, g_strdup (guess.type));
  g_ptr_array_add (cells, g_strdup (folder));
  g_ptr_array_add (cells, g_strdup (setting));
  json_builder_begin_object (json);
  lode_json_text (json, "name", name);
  lode_json_text (json, "type", guess.type);
  lode_json_text (json, "path", path);
  lode_json_text (json, "configuration", setting);
  json_builder_end_object (json);
}

int
data_list (int argc, char **argv)
{
  g_autoptr (LodeSite) site = NULL;
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_auto (GStrv) folders = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc > 1)
    return lode_usage_error ("data list takes no words; lode data check PATH looks at one");
  site = lode_command_site ();
  if (!site)
    return LODE_EXIT_USAGE;
  folders = lode_data_folders ();
  json_builder_begin_array (json);
  for (char **folder = folders; *folder; folder++) {
    g_autoptr (GPtrArray) names = names_in (*folder);

    for (guint i = 0; i < names->len; i++)
      add (*folder, names->pdata[i], seen, cells, json);
  }
  json_builder_end_array (json);
  if (as_json)
    lode_json_print (json_builder_get_root (json));
  else if (cells->len)
    lode_columns_print (4, cells);
  else {
    g_autofree char *looked = g_strjoinv (", ", folders);

    lode_say ("there are no data in %s", looked);
  }
  return LODE_EXIT_DONE;
}

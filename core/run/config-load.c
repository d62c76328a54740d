/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several files and overrides as one tree, and where files are found by name.
 */
#include "error.h"
#include "installed.h"
#include "plugin/option.h"
#include "run/config.h"

#include <string.h>

GPtrArray *
lode_config_folders (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (g_free);
  const char *path = g_getenv ("LODE_CONF_PATH");
  g_auto (GStrv) part = g_strsplit (path ? path : "", ":", -1);
  char *installed = lode_installed_or_built (LODE_CONFDIR, "conf");

  for (char **folder = part; *folder; folder++)
    if (**folder)
      g_ptr_array_add (list, g_strdup (*folder));
  if (installed)
    g_ptr_array_add (list, installed);
  return list;
}

static bool
is_file (const char *path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_DIR);
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char **
lode_config_names (const char *prefix)
{
  g_autoptr (GPtrArray) list = lode_config_folders ();
  GPtrArray *names = g_ptr_array_new ();

  for (guint i = 0; i < list->len; i++) {
    g_autoptr (GDir) dir = g_dir_open (list->pdata[i], 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name (dir)))
      if (g_str_has_prefix (file, prefix) && g_str_has_suffix (file, ".cfg")
          && !g_ptr_array_find_with_equal_func (names, file, g_str_equal, NULL))
        g_ptr_array_add (names, g_strdup (file));
  }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

static void
not_found (const char *name, GPtrArray *list, GError **error)
{
  g_auto (GStrv) names = lode_config_names ("");
  const char *near = lode_nearest (name, (const char *const *) names);
  g_autofree char *looked = NULL;

  g_ptr_array_add (list, NULL);
  looked = g_strjoinv (", ", (char **) list->pdata);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "no configuration file \"%s\" in the current folder, %s%s%s%s", name, looked,
               near ? "; did you mean \"" : "; check the name, or set LODE_CONF_PATH",
               near ? near : "", near ? "\"?" : "");
}

/* Whether a path may stand below the folders that are looked in: "studies/first.cfg". */
static bool
is_below (const char *name)
{
  return *name && *name != '/' && *name != '.' && !strstr (name, "/.");
}

static char *
find_below (GPtrArray *list, const char *name)
{
  for (guint i = 0; i < list->len; i++) {
    g_autofree char *path = g_build_filename (list->pdata[i], name, NULL);

    if (is_file (path))
      return g_steal_pointer (&path);
  }
  return NULL;
}

char *
lode_config_find (const char *name, GError **error)
{
  g_autoptr (GPtrArray) list = NULL;
  char *found;

  if (*name && is_file (name))
    return g_strdup (name);
  list = lode_config_folders ();
  if (is_below (name) && (found = find_below (list, name)))
    return found;
  if (strchr (name, '/') || !*name || g_file_test (name, G_FILE_TEST_IS_DIR)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "no configuration file \"%s\"; %s",
                 name,
                 g_file_test (name, G_FILE_TEST_IS_DIR) ? "this is a folder, name a file in it"
                                                        : "check the path");
    return NULL;
  }
  not_found (name, list, error);
  return NULL;
}

static void
load_file (LodeNode *root, const char *name, GPtrArray *errors)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *path = lode_config_find (name, &error);
  g_autoptr (LodeNode) tree = path ? lode_config_parse (path, errors) : NULL;

  if (!path)
    g_ptr_array_add (errors, g_strdup (error->message));
  if (tree)
    lode_node_merge (root, tree);
}

LodeNode *
lode_config_load (const char *const *files, const char *const *overrides, GPtrArray *errors)
{
  g_autoptr (LodeNode) root = lode_node_new (LODE_VALUE_GROUP, NULL, NULL);
  guint before = errors->len;

  for (; files && *files; files++)
    load_file (root, *files, errors);
  for (; overrides && *overrides; overrides++)
    lode_config_override (root, *overrides, errors);
  return errors->len == before ? g_steal_pointer (&root) : NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where data lie: LODE_DATA_PATH, the user's XDG folder, the site's folders, the system's XDG
 * folders, /usr/share/datasets. A name means the same from whatever folder a run is started, so the
 * current one counts only where it is written ("./x").
 */
#include "data/find.h"

#include "error.h"

#define SYSTEM_FOLDER "/usr/share/datasets"

static char **site;

void
lode_data_site_folders (const char *const *folders)
{
  g_strfreev (site);
  site = g_strdupv ((char **) folders);
}

char **
lode_data_folders (void)
{
  GPtrArray *list = g_ptr_array_new ();
  const char *path = g_getenv ("LODE_DATA_PATH");
  g_auto (GStrv) part = g_strsplit (path ? path : "", ":", -1);
  const char *const *shared = g_get_system_data_dirs ();

  for (char **folder = part; *folder; folder++)
    if (**folder)
      g_ptr_array_add (list, g_strdup (*folder));
  g_ptr_array_add (list, g_build_filename (g_get_user_data_dir (), "lode", "data", NULL));
  for (char **folder = site; folder && *folder; folder++)
    g_ptr_array_add (list, g_strdup (*folder));
  for (; *shared; shared++)
    g_ptr_array_add (list, g_build_filename (*shared, "lode", "data", NULL));
  g_ptr_array_add (list, g_strdup (SYSTEM_FOLDER));
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_free (list, FALSE);
}

static void
not_found (const char *name, char **list, GError **error)
{
  g_autofree char *looked = NULL, *hint = NULL;

  if (g_str_has_prefix (name, "fashion-mnist"))
    hint = g_strdup ("on Debian: apt-get install dataset-fashion-mnist");
  else if (g_file_test (name, G_FILE_TEST_EXISTS))
    hint = g_strdup_printf ("for the one in the current folder write \"./%s\"", name);
  else
    hint = g_strdup ("set LODE_DATA_PATH to the folder that holds it");
  looked = g_strjoinv (", ", list);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "no data called \"%s\" in %s; %s", name,
               looked, hint);
}

char *
lode_data_find (const char *name, GError **error)
{
  g_auto (GStrv) list = NULL;

  if (!*name) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                         "the name of the data is empty; name a file or folder");
    return NULL;
  }
  if (g_path_is_absolute (name) || g_str_has_prefix (name, "./")
      || g_str_has_prefix (name, "../")) {
    if (g_file_test (name, G_FILE_TEST_EXISTS))
      return g_canonicalize_filename (name, NULL);
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "no file or folder \"%s\"; check the path", name);
    return NULL;
  }
  list = lode_data_folders ();
  for (char **folder = list; *folder; folder++) {
    g_autofree char *path = g_build_filename (*folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return g_canonicalize_filename (path, NULL);
  }
  not_found (name, list, error);
  return NULL;
}

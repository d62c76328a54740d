/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include "installed.h"
#include "plugin/load.h"

#include <string.h>

struct LodeRegistry {
  GPtrArray *folders; /* char *, NULL-ended */
  GHashTable *files;  /* "kind/name" → path, named explicitly */
  GHashTable *loaded; /* "kind/name" → LodeLoaded * */
};

LodeRegistry *
lode_registry_new (const char *const *folders)
{
  LodeRegistry *registry = g_new0 (LodeRegistry, 1);

  registry->folders = g_ptr_array_new_with_free_func (g_free);
  for (; folders && *folders; folders++)
    g_ptr_array_add (registry->folders, g_strdup (*folders));
  g_ptr_array_add (registry->folders, NULL);
  registry->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  registry->loaded =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) lode_loaded_free);
  return registry;
}

LodeRegistry *
lode_registry_default (const char *const *extra)
{
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) listed =
      g_strsplit (g_getenv ("LODE_PLUGIN_PATH") ? g_getenv ("LODE_PLUGIN_PATH") : "", ":", -1);
  g_autofree char *version = g_strdup_printf ("lode-%d", LODE_ABI_MAJOR);
  char *installed = lode_installed (LODE_PLUGINDIR);

  for (; extra && *extra; extra++)
    g_ptr_array_add (folders, g_strdup (*extra));
  for (char **folder = listed; *folder; folder++)
    if (**folder)
      g_ptr_array_add (folders, g_strdup (*folder));
  g_ptr_array_add (folders, g_build_filename (g_get_user_data_dir (), version, "plugins", NULL));
  if (installed)
    g_ptr_array_add (folders, installed);
  g_ptr_array_add (folders, NULL);
  return lode_registry_new ((const char *const *) folders->pdata);
}

void
lode_registry_free (LodeRegistry *registry)
{
  if (!registry)
    return;
  g_ptr_array_unref (registry->folders);
  g_hash_table_unref (registry->files);
  g_hash_table_unref (registry->loaded);
  g_free (registry);
}

const char *const *
lode_registry_folders (const LodeRegistry *registry)
{
  return (const char *const *) registry->folders->pdata;
}

const LodeLoaded *
lode_registry_add_file (LodeRegistry *registry, const char *path, GError **error)
{
  g_autofree char *file = g_path_get_basename (path), *kind = NULL, *name = NULL;

  if (!lode_plugin_split (file, &kind, &name)) {
    g_set_error (
        error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NAME,
        "%s is not a plugin's file name; expected <kind>_<name>.so, for example search_mine.so",
        file);
    return NULL;
  }
  g_hash_table_insert (registry->files, g_strdup_printf ("%s/%s", kind, name),
                       g_canonicalize_filename (path, NULL));
  return lode_registry_load (registry, kind, name, error);
}

static char *
find_file (LodeRegistry *registry, const char *kind, const char *name)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", kind, name),
                  *file = g_strdup_printf ("%s_%s.so", kind, name);
  const char *explicit_ = g_hash_table_lookup (registry->files, id);

  if (explicit_)
    return g_strdup (explicit_);
  for (const char *const *folder = lode_registry_folders (registry); *folder; folder++) {
    g_autofree char *path = g_build_filename (*folder, file, NULL);

    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&path);
  }
  return NULL;
}

static void
not_found (LodeRegistry *registry, const char *kind, const char *name, GError **error)
{
  g_auto (GStrv) names = lode_registry_names (registry, kind);
  g_autofree char *looked = g_strjoinv (", ", (char **) lode_registry_folders (registry));
  const char *near = lode_nearest (name, (const char *const *) names);

  if (!lode_kind_ops_size (kind))
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no kind of plugin called \"%s\"", kind);
  else if (near)
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no %s called \"%s\"; did you mean \"%s\"? (looked in: %s)", kind, name,
                 near, looked);
  else
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no %s called \"%s\"; `lode list %s` names them all (looked in: %s)",
                 kind, name, kind, looked);
}

const LodeLoaded *
lode_registry_load (LodeRegistry *registry, const char *kind, const char *name, GError **error)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", kind, name);
  LodeLoaded *loaded = g_hash_table_lookup (registry->loaded, id);
  g_autofree char *path = NULL;

  if (loaded)
    return loaded;
  path = find_file (registry, kind, name);
  if (!path) {
    not_found (registry, kind, name, error);
    return NULL;
  }
  loaded = lode_plugin_load (path, kind, name, error);
  if (loaded)
    g_hash_table_insert (registry->loaded, g_steal_pointer (&id), loaded);
  return loaded;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

static void
add_name (GHashTable *seen, GPtrArray *names, const char *file, const char *wanted)
{
  g_autofree char *kind = NULL, *name = NULL, *id = NULL;

  if (!lode_plugin_split (file, &kind, &name) || (wanted && strcmp (kind, wanted)))
    return;
  id = wanted ? g_strdup (name) : g_strdup_printf ("%s/%s", kind, name);
  if (g_hash_table_add (seen, g_strdup (id)))
    g_ptr_array_add (names, g_steal_pointer (&id));
}

char **
lode_registry_names (const LodeRegistry *registry, const char *kind)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *names = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer path;

  g_hash_table_iter_init (&iter, registry->files);
  while (g_hash_table_iter_next (&iter, NULL, &path)) {
    g_autofree char *file = g_path_get_basename (path);

    add_name (seen, names, file, kind);
  }
  for (const char *const *folder = lode_registry_folders (registry); *folder; folder++) {
    g_autoptr (GDir) dir = g_dir_open (*folder, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name (dir)))
      add_name (seen, names, file, kind);
  }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (char **) g_ptr_array_free (names, FALSE);
}

char *
lode_file_sha256 (const char *path, GError **error)
{
  g_autoptr (GMappedFile) map = g_mapped_file_new (path, FALSE, error);

  if (!map)
    return NULL;
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256,
                                      (const guchar *) g_mapped_file_get_contents (map),
                                      g_mapped_file_get_length (map));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include "installed.h"
#include "plugin/load.h"
#include "plugin/pin.h"

#include <grp.h>
#include <string.h>

struct LodeRegistry {
  GPtrArray *folders; /* char *, NULL-ended */
  char *system;       /* the last of them, where files are everybody's; or NULL */
  GArray *trusted;    /* gid_t */
  GHashTable *pins;   /* "kind/name" → LodePin * */
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
  registry->trusted = g_array_new (FALSE, FALSE, sizeof (gid_t));
  registry->pins =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) lode_pin_free);
  registry->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  registry->loaded =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) lode_loaded_free);
  return registry;
}

static void
add_folder (LodeRegistry *registry, const char *folder)
{
  g_ptr_array_insert (registry->folders, (gint) registry->folders->len - 1, g_strdup (folder));
}

void
lode_registry_add_system (LodeRegistry *registry, const char *folder)
{
  add_folder (registry, folder);
  g_free (registry->system);
  registry->system = g_strdup (folder);
}

void
lode_registry_trust (LodeRegistry *registry, const char *const *groups)
{
  for (; groups && *groups; groups++) {
    const struct group *entry = getgrnam (*groups);

    if (entry)
      g_array_append_val (registry->trusted, entry->gr_gid);
  }
}

void
lode_registry_pin (LodeRegistry *registry, const char *kind, const char *name, const char *version,
                   const char *sha256)
{
  g_hash_table_insert (registry->pins, g_strdup_printf ("%s/%s", kind, name),
                       lode_pin_new (version, sha256));
}

/* <prefix>/bin/lode → <prefix>/<libdir>/lode-0/plugins; <build>/tools/lode → <build>/plugins. */
static void
add_installed (LodeRegistry *registry)
{
  g_autofree char *plain = lode_installed (LODE_PLUGINDIR), *built = lode_installed ("plugins"),
                  *ninja = lode_installed ("build.ninja");

  if (ninja && g_file_test (ninja, G_FILE_TEST_EXISTS))
    add_folder (registry, built);
  else if (plain)
    lode_registry_add_system (registry, plain);
}

LodeRegistry *
lode_registry_default (const char *const *extra)
{
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) listed =
      g_strsplit (g_getenv ("LODE_PLUGIN_PATH") ? g_getenv ("LODE_PLUGIN_PATH") : "", ":", -1);
  g_autofree char *version = g_strdup_printf ("lode-%d", LODE_ABI_MAJOR);
  LodeRegistry *registry;

  for (; extra && *extra; extra++)
    g_ptr_array_add (folders, g_strdup (*extra));
  for (char **folder = listed; *folder; folder++)
    if (**folder)
      g_ptr_array_add (folders, g_strdup (*folder));
  g_ptr_array_add (folders, g_build_filename (g_get_user_data_dir (), version, "plugins", NULL));
  g_ptr_array_add (folders, NULL);
  registry = lode_registry_new ((const char *const *) folders->pdata);
  add_installed (registry);
  return registry;
}

void
lode_registry_free (LodeRegistry *registry)
{
  if (!registry)
    return;
  g_ptr_array_unref (registry->folders);
  g_free (registry->system);
  g_array_unref (registry->trusted);
  g_hash_table_unref (registry->pins);
  g_hash_table_unref (registry->files);
  g_hash_table_unref (registry->loaded);
  g_free (registry);
}

const char *const *
lode_registry_folders (const LodeRegistry *registry)
{
  return (const char *const *) registry->folders->pdata;
}

char *
lode_registry_name_file (LodeRegistry *registry, const char *path, GError **error)
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
  return g_strdup_printf ("%s/%s", kind, name);
}

const LodeLoaded *
lode_registry_add_file (LodeRegistry *registry, const char *path, GError **error)
{
  g_autofree char *id = lode_registry_name_file (registry, path, error);
  g_auto (GStrv) part = id ? g_strsplit (id, "/", 2) : NULL;

  return id ? lode_registry_load (registry, part[0], part[1], error) : NULL;
}

char *
lode_registry_path (const LodeRegistry *registry, const char *kind, const char *name)
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
no_kind (const char *kind, GError **error)
{
  const char *near = lode_nearest (kind, lode_kinds);
  g_autofree char *all = g_strjoinv (", ", (char **) lode_kinds);

  g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
               "there is no kind of plugin called \"%s\"; %s%s%sthere are %s", kind,
               near ? "did you mean \"" : "", near ? near : "", near ? "\"? " : "", all);
}

static void
not_found (LodeRegistry *registry, const char *kind, const char *name, GError **error)
{
  g_auto (GStrv) names = lode_registry_names (registry, kind);
  g_autofree char *looked = g_strjoinv (", ", (char **) lode_registry_folders (registry));
  const char *near = lode_nearest (name, (const char *const *) names);

  if (near)
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no %s called \"%s\"; did you mean \"%s\"? (looked in: %s)", kind, name,
                 near, looked);
  else
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no %s called \"%s\"; `lode list %s` names them all (looked in: %s)",
                 kind, name, kind, looked);
}

/* What the registry knows beside the file itself: whose folder it lies in, and what was pinned. */
static LodeLoaded *
load_checked (LodeRegistry *registry, const char *path, const char *kind, const char *name,
              const LodePin *pin, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  LodeLoaded *loaded;

  if (!g_strcmp0 (folder, registry->system)
      && !lode_plugin_check_owner (path, (const gid_t *) (void *) registry->trusted->data,
                                   registry->trusted->len, error))
    return NULL;
  if (!lode_pin_check_file (pin, path, error))
    return NULL;
  loaded = lode_plugin_load (path, kind, name, error);
  if (!loaded || lode_pin_check_version (pin, loaded, error))
    return loaded;
  lode_loaded_free (loaded);
  return NULL;
}

const LodeLoaded *
lode_registry_load (LodeRegistry *registry, const char *kind, const char *name, GError **error)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", kind, name);
  LodeLoaded *loaded = g_hash_table_lookup (registry->loaded, id);
  g_autofree char *path = NULL;

  if (loaded)
    return loaded;
  if (!lode_kind_ops_size (kind)) {
    no_kind (kind, error);
    return NULL;
  }
  path = lode_registry_path (registry, kind, name);
  if (!path) {
    not_found (registry, kind, name, error);
    return NULL;
  }
  loaded =
      load_checked (registry, path, kind, name, g_hash_table_lookup (registry->pins, id), error);
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

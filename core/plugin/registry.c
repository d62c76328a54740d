/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include "installed.h"
#include "plugin/load.h"
#include "plugin/pin.h"

#include <grp.h>
#include <string.h>

/* Whose a folder is. */
typedef enum { FROM_PATH, FROM_USER, FROM_INSTALLED, FROM_BUILD, FROM_FILE } From;
static const char *const from_words[] = { "path", "user", "installed", "build", "file" };

struct LodeRegistry {
  GPtrArray *folders; /* char *, NULL-ended */
  GArray *from;       /* From of each */
  GArray *trusted;    /* gid_t */
  bool refused;       /* something did not load */
  GHashTable *pins;   /* "kind/name" → LodePin * */
  GHashTable *files;  /* "kind/name" → path, named explicitly */
  GHashTable *loaded; /* "kind/name" → LodeLoaded * */
};

/* The build that the program is part of (transfer full), or NULL: it is an installed one. */
static char *
build_root (void)
{
  static const char *const ups[] = { ".", ".." };

  for (guint i = 0; i < G_N_ELEMENTS (ups); i++) {
    g_autofree char *above = lode_installed (ups[i]),
                    *ninja = above ? g_build_filename (above, "build.ninja", NULL) : NULL;

    if (ninja && g_file_test (ninja, G_FILE_TEST_EXISTS))
      return g_canonicalize_filename (above, NULL);
  }
  return NULL;
}

/* What was just built is as good as the program, which was built beside it. */
static bool
is_built (const char *folder)
{
  g_autofree char *root = build_root (), *plain = g_canonicalize_filename (folder, NULL);

  return root && g_str_has_prefix (plain, root) && plain[strlen (root)] == '/';
}

static void
add_folder (LodeRegistry *registry, const char *folder, From from)
{
  if (from == FROM_PATH && is_built (folder))
    from = FROM_BUILD;
  g_ptr_array_insert (registry->folders, (gint) registry->folders->len - 1, g_strdup (folder));
  g_array_append_val (registry->from, from);
}

LodeRegistry *
lode_registry_new (const char *const *folders)
{
  LodeRegistry *registry = g_new0 (LodeRegistry, 1);

  registry->folders = g_ptr_array_new_with_free_func (g_free);
  registry->from = g_array_new (FALSE, FALSE, sizeof (From));
  g_ptr_array_add (registry->folders, NULL);
  for (; folders && *folders; folders++)
    add_folder (registry, *folders, FROM_PATH);
  registry->trusted = g_array_new (FALSE, FALSE, sizeof (gid_t));
  registry->pins =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) lode_pin_free);
  registry->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  registry->loaded =
      g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) lode_loaded_free);
  return registry;
}

void
lode_registry_add_system (LodeRegistry *registry, const char *folder)
{
  add_folder (registry, folder, FROM_INSTALLED);
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

void
lode_registry_unpin (LodeRegistry *registry)
{
  g_hash_table_remove_all (registry->pins);
}

/* <prefix>/bin/lode → <prefix>/<libdir>/lode-0/plugins; <build>/tools/lode → <build>/plugins. */
static void
add_installed (LodeRegistry *registry)
{
  g_autofree char *plain = lode_installed (LODE_PLUGINDIR), *built = lode_installed ("plugins"),
                  *ninja = lode_installed ("build.ninja");

  if (ninja && g_file_test (ninja, G_FILE_TEST_EXISTS))
    add_folder (registry, built, FROM_BUILD);
  else if (plain)
    lode_registry_add_system (registry, plain);
}

LodeRegistry *
lode_registry_default (const char *const *extra)
{
  g_auto (GStrv) listed =
      g_strsplit (g_getenv ("LODE_PLUGIN_PATH") ? g_getenv ("LODE_PLUGIN_PATH") : "", ":", -1);
  g_autofree char *version = g_strdup_printf ("lode-%d", LODE_ABI_MAJOR),
                  *own = g_build_filename (g_get_user_data_dir (), version, "plugins", NULL);
  LodeRegistry *registry = lode_registry_new (extra);

  for (char **folder = listed; *folder; folder++)
    if (**folder)
      add_folder (registry, *folder, FROM_PATH);
  add_folder (registry, own, FROM_USER);
  add_installed (registry);
  return registry;
}

void
lode_registry_free (LodeRegistry *registry)
{
  if (!registry)
    return;
  g_ptr_array_unref (registry->folders);
  g_array_unref (registry->from);
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

/* A name is no path: with a slash in it, it would lead out of the folders. */
static char *
find (const LodeRegistry *registry, const char *kind, const char *name, From *from)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", kind, name),
                  *file = g_strdup_printf ("%s_%s.so", kind, name);
  const char *explicit_ = g_hash_table_lookup (registry->files, id);

  if (strchr (name, '/'))
    return NULL;
  *from = FROM_FILE;
  if (explicit_)
    return g_strdup (explicit_);
  for (guint i = 0; i < registry->from->len; i++) {
    g_autofree char *path = g_build_filename (registry->folders->pdata[i], file, NULL);

    *from = g_array_index (registry->from, From, i);
    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&path);
  }
  return NULL;
}

char *
lode_registry_path (const LodeRegistry *registry, const char *kind, const char *name)
{
  From from;

  return find (registry, kind, name, &from);
}

char **
lode_registry_hidden (const LodeRegistry *registry, const char *kind, const char *name)
{
  g_autofree char *first = lode_registry_path (registry, kind, name),
                  *file = g_strdup_printf ("%s_%s.so", kind, name);
  GPtrArray *hidden = g_ptr_array_new ();

  for (const char *const *folder = lode_registry_folders (registry); first && *folder; folder++) {
    g_autofree char *path = g_build_filename (*folder, file, NULL);

    if (strcmp (path, first) && g_file_test (path, G_FILE_TEST_EXISTS))
      g_ptr_array_add (hidden, g_steal_pointer (&path));
  }
  g_ptr_array_add (hidden, NULL);
  return (char **) g_ptr_array_free (hidden, FALSE);
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

  if (strchr (name, '/'))
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "\"%s\" is a path, expected the name of a %s (`lode list %s` names them); a file "
                 "is given on the command line: --plugin FILE",
                 name, kind, kind);
  else if (near)
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no %s called \"%s\"; did you mean \"%s\"? (looked in: %s)", kind, name,
                 near, looked);
  else
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_NOT_FOUND,
                 "there is no %s called \"%s\"; `lode list %s` names them all (looked in: %s)",
                 kind, name, kind, looked);
}

/* Whether others could have put other code there; what that was a matter of goes to *trusted, and
 * of a file that the user named himself to *unsafe. */
static bool
check_trust (LodeRegistry *registry, const char *path, From from, char **trusted, char **unsafe,
             GError **error)
{
  const LodeTrust trust = { (const gid_t *) (void *) registry->trusted->data,
                            registry->trusted->len, from == FROM_PATH };
  g_autofree char *why = from == FROM_BUILD ? NULL : lode_plugin_distrust (path, &trust, trusted);

  if (why && from != FROM_FILE) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_UNSAFE, path, "%s", why);
    return false;
  }
  *unsafe = g_steal_pointer (&why);
  return true;
}

/* What the registry knows beside the file itself: whose folder it lies in, and what was pinned. */
static LodeLoaded *
load_checked (LodeRegistry *registry, const char *path, const char *kind, const char *name,
              From from, const LodePin *pin, GError **error)
{
  g_autofree char *trusted = NULL, *unsafe = NULL;
  LodeLoaded *loaded;

  if (!check_trust (registry, path, from, &trusted, &unsafe, error)
      || !lode_pin_check_file (pin, path, error))
    return NULL;
  loaded = lode_plugin_load (path, kind, name, error);
  if (!loaded)
    return NULL;
  loaded->from = from_words[from];
  loaded->trusted = g_steal_pointer (&trusted);
  loaded->unsafe = g_steal_pointer (&unsafe);
  if (lode_pin_check_version (pin, loaded, error))
    return loaded;
  lode_loaded_free (loaded);
  return NULL;
}

/* Pins may have come since it was loaded. */
static bool
check_pin (const LodePin *pin, const LodeLoaded *loaded, GError **error)
{
  return lode_pin_check_file (pin, loaded->path, error)
         && lode_pin_check_version (pin, loaded, error);
}

const LodeLoaded *
lode_registry_load (LodeRegistry *registry, const char *kind, const char *name, GError **error)
{
  g_autofree char *id = g_strdup_printf ("%s/%s", kind, name);
  LodeLoaded *loaded = g_hash_table_lookup (registry->loaded, id);
  const LodePin *pin = g_hash_table_lookup (registry->pins, id);
  g_autofree char *path = NULL;
  From from;

  if (loaded && check_pin (pin, loaded, error))
    return loaded;
  if (loaded) {
    registry->refused = true;
    return NULL;
  }
  if (!lode_kind_ops_size (kind)) {
    no_kind (kind, error);
    return NULL;
  }
  path = find (registry, kind, name, &from);
  if (!path) {
    not_found (registry, kind, name, error);
    return NULL;
  }
  loaded = load_checked (registry, path, kind, name, from, pin, error);
  if (loaded)
    g_hash_table_insert (registry->loaded, g_steal_pointer (&id), loaded);
  else
    registry->refused = true;
  return loaded;
}

bool
lode_registry_has_refused (const LodeRegistry *registry)
{
  return registry->refused;
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

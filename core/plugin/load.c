/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/load.h"

#include "plugin/elf.h"
#include "plugin/kinds.h"
#include <lode/state.h>

#include <dlfcn.h>
#include <fenv.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void
lode_plugin_refuse (GError **error, LodePluginError code, const char *path, const char *format, ...)
{
  g_autofree char *file = g_path_get_basename (path), *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, LODE_PLUGIN_ERROR, (gint) code, "cannot load plugin %s (%s): %s", file, path,
               text);
}

bool
lode_plugin_split (const char *file, char **kind, char **name)
{
  const char *bar = strchr (file, '_');

  if (!bar || !g_str_has_suffix (file, ".so") || strlen (bar) <= 4)
    return false;
  *kind = g_strndup (file, (gsize) (bar - file));
  if (!lode_kind_find (*kind)) {
    g_clear_pointer (kind, g_free);
    return false;
  }
  *name = g_strndup (bar + 1, strlen (bar) - 4);
  return true;
}

static bool
check_file (const char *path, GError **error)
{
  struct stat file;

  if (stat (path, &file) != 0 || !S_ISREG (file.st_mode) || access (path, R_OK) != 0) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_OPEN, path, "it is not a readable file");
    return false;
  }
  return true;
}

/* Before anything is opened: what is no name leads nowhere. */
static bool
check_spelling (const char *name, const char *path, GError **error)
{
  if (strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen (name))
    return true;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_NAME, path,
                      "its name \"%s\" must be of lower case, digits and '-'; rename it and its "
                      "file",
                      name);
  return false;
}

static bool
has_sanitizer (char **needed, const char *library)
{
  for (; *needed; needed++)
    if (g_str_has_prefix (*needed, library))
      return true;
  return false;
}

static bool
check_needed (const char *path, GError **error)
{
  const char *why = NULL;
  g_auto (GStrv) needed = lode_elf_needed (path, &why);
  bool asan, tsan;

  if (!needed) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_OPEN, path, "%s; rebuild it", why);
    return false;
  }
  asan = has_sanitizer (needed, "libasan.");
  tsan = has_sanitizer (needed, "libtsan.");
  if ((asan && !(LODE_BUILD_SANITIZER & LODE_BUILD_ASAN))
      || (tsan && !(LODE_BUILD_SANITIZER & LODE_BUILD_TSAN))) {
    lode_plugin_refuse (
        error, LODE_PLUGIN_ERROR_SANITIZER, path,
        "it was built with -fsanitize=%s, which this lode was not; rebuild it without",
        asan ? "address" : "thread");
    return false;
  }
  return true;
}

static bool
check_head (const LodePlugin *plugin, const char *path, GError **error)
{
  if (plugin->magic != LODE_PLUGIN_MAGIC) {
    lode_plugin_refuse (
        error, LODE_PLUGIN_ERROR_MAGIC, path,
        "its lode_plugin does not begin with Lode's magic number; expected %#x, found %#x; "
        "begin it with "
        "LODE_PLUGIN_HEAD",
        LODE_PLUGIN_MAGIC, plugin->magic);
    return false;
  }
  if (plugin->abi_major != LODE_ABI_MAJOR || plugin->abi_minor != LODE_ABI_MINOR) {
    lode_plugin_refuse (
        error, LODE_PLUGIN_ERROR_ABI, path,
        "it was built for plugin ABI %u.%u, this lode has %u.%u; rebuild it against this "
        "lode's headers",
        plugin->abi_major, plugin->abi_minor, LODE_ABI_MAJOR, LODE_ABI_MINOR);
    return false;
  }
  if (plugin->size < offsetof (LodePlugin, query)) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_ABI, path,
                        "its descriptor has %u bytes, too few for ABI %u.%u; rebuild it",
                        plugin->size, LODE_ABI_MAJOR, LODE_ABI_MINOR);
    return false;
  }
  if (plugin->build & LODE_BUILD_FAST_MATH) {
    lode_plugin_refuse (
        error, LODE_PLUGIN_ERROR_BUILD, path,
        "it was built with -ffast-math, which changes the arithmetic of the whole process; "
        "rebuild it without");
    return false;
  }
  return true;
}

static bool
check_names (const LodePlugin *plugin, const char *path, const char *kind, const char *name,
             GError **error)
{
  if (g_strcmp0 (plugin->kind, kind) || g_strcmp0 (plugin->name, name)) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_NAME, path,
                        "its file name promises %s/%s, its descriptor says %s/%s; make them agree",
                        kind, name, plugin->kind ? plugin->kind : "(null)",
                        plugin->name ? plugin->name : "(null)");
    return false;
  }
  if (!plugin->version || !plugin->summary || !plugin->license) {
    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_NAME, path, "its descriptor lacks %s; fill it in",
                        !plugin->version   ? "a version"
                        : !plugin->summary ? "a summary"
                                           : "a license");
    return false;
  }
  return true;
}

/* A copy of a sized vtable in the size that this core knows; what the plugin lacks is zero. */
static void *
copy_table (const void *from, size_t size)
{
  size_t theirs;
  void *copy = g_malloc0 (size);

  memcpy (&theirs, from, sizeof theirs);
  memcpy (copy, from, MIN (theirs, size));
  return copy;
}

static bool
check_ops (LodeLoaded *loaded, const char *path, GError **error)
{
  const LodeKind *kind = lode_kind_find (loaded->plugin->kind);
  g_autoptr (GString) missing = g_string_new (NULL);

  if (loaded->plugin->ops)
    loaded->ops = copy_table (loaded->plugin->ops, kind->ops_size);
  for (const LodeMember *member = kind->required; member->name; member++) {
    void (*function) (void) = NULL;

    if (loaded->ops)
      memcpy (&function, (const char *) loaded->ops + member->offset, sizeof function);
    if (!function)
      g_string_append_printf (missing, "%s%s", missing->len ? ", " : "", member->name);
  }
  if (missing->len == 0)
    return true;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_OPS, path,
                      "its vtable lacks required members of kind %s: %s; fill them in "
                      "(lode/%s.h tells what each does)",
                      loaded->plugin->kind, missing->str, loaded->plugin->kind);
  return false;
}

/* Entries in the size that this core knows; members that the plugin's lack are zero. */
static LodeOption *
copy_options (const LodeTable *table)
{
  LodeOption *copy = g_new0 (LodeOption, table->n + 1);

  for (uint32_t i = 0; i < table->n; i++)
    memcpy (&copy[i], lode_table_at (table, i), MIN (table->stride, sizeof *copy));
  return copy;
}

static bool
check_options (LodeLoaded *loaded, const char *path, GError **error)
{
  const LodePlugin *plugin = loaded->plugin;
  g_autofree char *wrong = NULL;

  if (plugin->n_options
      && (!plugin->options || plugin->option_size < offsetof (LodeOption, required)))
    wrong = g_strdup ("it has no entries, or no size of one (LODE_PLUGIN_OPTIONS fills both in)");
  else {
    LodeTable theirs = { plugin->options, plugin->n_options, plugin->option_size, 0 };

    loaded->table = (LodeTable){ copy_options (&theirs), plugin->n_options, sizeof (LodeOption),
                                 plugin->conf_size };
    wrong = lode_table_check (&loaded->table);
  }
  if (!wrong)
    return true;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_OPTIONS, path,
                      "its option table is wrong: %s; correct it "
                      "(lode/option.h)",
                      wrong);
  return false;
}

/* The one further vtable that the host itself asks for. */
static bool
check_state (LodeLoaded *loaded, GError **error)
{
  const LodePlugin *plugin = loaded->plugin;
  const void *state = plugin->query ? plugin->query (LODE_STATE_ID) : NULL;
  const LodeStateOps *ops;

  if (!state)
    return true;
  loaded->state = ops = copy_table (state, sizeof (LodeStateOps));
  if (ops->save && ops->load)
    return true;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_OPS, loaded->path,
                      "its " LODE_STATE_ID " lacks required members: %s; fill them in "
                      "(lode/state.h tells what each does)",
                      ops->save   ? "load"
                      : ops->load ? "save"
                                  : "save, load");
  return false;
}

static bool
accept (LodeLoaded *loaded, const LodePlugin *found, const char *kind, const char *name,
        GError **error)
{
  LodePlugin *plugin;

  if (!check_head (found, loaded->path, error))
    return false;
  plugin = g_malloc0 (sizeof *plugin);
  memcpy (plugin, found, MIN (found->size, sizeof *plugin));
  loaded->plugin = plugin;
  return check_names (plugin, loaded->path, kind, name, error)
         && check_ops (loaded, loaded->path, error) && check_options (loaded, loaded->path, error)
         && check_state (loaded, error);
}

/* Rounding, and what becomes of denormal numbers. */
static unsigned long
float_mode (void)
{
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr () & ~0x3fu; /* without the flags of what has happened */
#elif defined(__aarch64__)
  return __builtin_aarch64_get_fpcr ();
#else
  return (unsigned long) fegetround ();
#endif
}

/* A file is mapped for good, so its constructor runs but once: what it did has to be remembered. */
static bool
has_changed_mode (const char *path, bool now)
{
  static GHashTable *all;

  if (!all)
    all = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (now)
    g_hash_table_add (all, g_canonicalize_filename (path, NULL));

  g_autofree char *plain = g_canonicalize_filename (path, NULL);

  return g_hash_table_contains (all, plain);
}

/* dlopen with the floating-point environment watched: -ffast-math sets it from a constructor. */
static void *
open_watched (const char *path, GError **error)
{
  fenv_t before;
  void *handle;
  unsigned long mode = float_mode ();
  bool changed;

  fegetenv (&before);
  handle = dlopen (path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  changed = float_mode () != mode;
  if (changed)
    fesetenv (&before);
  if (!handle) {
    const char *why = dlerror ();

    lode_plugin_refuse (error, LODE_PLUGIN_ERROR_OPEN, path, "%s; %s", why,
                        strstr (why, "GLIBC")
                            ? "it was built on a newer system: rebuild it here"
                            : "link it with all that it uses (-Wl,-z,defs finds what is missing)");
    return NULL;
  }
  if (!has_changed_mode (path, changed))
    return handle;
  lode_plugin_refuse (error, LODE_PLUGIN_ERROR_FPENV, path,
                      "loading it changed the processor's floating-point mode; it was probably "
                      "linked with -ffast-math: rebuild it without");
  return NULL;
}

LodeLoaded *
lode_plugin_load (const char *path, const char *kind, const char *name, GError **error)
{
  LodeLoaded *loaded;
  const LodePlugin *found;
  void *handle;

  if (!check_file (path, error) || !check_spelling (name, path, error)
      || !check_needed (path, error))
    return NULL;
  handle = open_watched (path, error);
  if (!handle)
    return NULL;
  found = dlsym (handle, "lode_plugin");
  if (!found) {
    lode_plugin_refuse (
        error, LODE_PLUGIN_ERROR_NO_ENTRY, path,
        "it exports no symbol lode_plugin; define LODE_EXPORT const LodePlugin lode_plugin");
    return NULL;
  }
  loaded = g_new0 (LodeLoaded, 1);
  loaded->path = g_strdup (path);
  if (accept (loaded, found, kind, name, error))
    return loaded;
  lode_loaded_free (loaded);
  return NULL;
}

void
lode_loaded_free (LodeLoaded *loaded)
{
  if (!loaded)
    return;
  g_free ((void *) loaded->plugin);
  g_free ((void *) loaded->ops);
  g_free ((void *) loaded->state);
  g_free ((void *) loaded->table.at);
  g_free (loaded->path);
  g_free (loaded->trusted);
  g_free (loaded->unsafe);
  g_free (loaded);
}

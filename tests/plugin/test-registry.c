/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding plugins: the order of folders, names that there are not, whom a shared folder trusts, and
 * pins.
 */
#include "fixture.h"
#include "installed.h"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

static LodeRegistry *
registry_of (const char *folder)
{
  return lode_registry_new ((const char *const[]){ folder, NULL });
}

static void
test_once (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeRegistry) registry = registry_of (g_getenv ("LODE_BROKEN"));
  const LodeLoaded *first = lode_registry_load (registry, "loss", "sound", &error);

  g_assert_no_error (error);
  g_assert_true (first == lode_registry_load (registry, "loss", "sound", &error));
}

static void
test_order (void)
{
  char *one = scratch_new (), *two = scratch_new ();
  g_autofree char *in_one = scratch_copy (one, "loss_sound.so", 0),
                  *in_two = scratch_copy (two, "loss_sound.so", 0),
                  *more = scratch_copy (two, "sampler_more.so", 0),
                  *noise = scratch_copy (two, "libhelper.so", 0);
  g_autoptr (LodeRegistry) registry =
      lode_registry_new ((const char *const[]){ "/nowhere", one, two, NULL });
  g_auto (GStrv) all = lode_registry_names (registry, NULL),
                 samplers = lode_registry_names (registry, "sampler");
  g_auto (GStrv) hidden = lode_registry_hidden (registry, "loss", "sound"),
                 none = lode_registry_hidden (registry, "sampler", "more");
  g_autofree char *found = lode_registry_path (registry, "loss", "sound"), *id = NULL,
                  *again = NULL;
  g_autofree char *names = g_strjoinv (" ", all), *names_of = g_strjoinv (" ", samplers);

  g_assert_cmpstr (found, ==, in_one);
  g_assert_cmpstr (hidden[0], ==, in_two);
  g_assert_true (!hidden[1] && !none[0]);
  g_assert_cmpstr (names, ==, "loss/sound sampler/more");
  g_assert_cmpstr (names_of, ==, "more");
  id = lode_registry_name_file (registry, in_two, NULL);
  again = lode_registry_path (registry, "loss", "sound");
  g_assert_cmpstr (id, ==, "loss/sound");
  g_assert_cmpstr (again, ==, in_two);
  scratch_remove (one);
  scratch_remove (two);
}

/* Folders named on the command line, then LODE_PLUGIN_PATH, the user's, the installed one. */
static void
test_default (void)
{
  g_autofree char *was = g_strdup (g_getenv ("LODE_PLUGIN_PATH"));
  g_autofree char *user = NULL, *all = NULL;
  g_autoptr (LodeRegistry) registry = NULL;
  const char *const *folders;

  g_setenv ("LODE_PLUGIN_PATH", ":/b::/c", TRUE);
  registry = lode_registry_default ((const char *const[]){ "/a", NULL });
  g_setenv ("LODE_PLUGIN_PATH", was, TRUE);
  folders = lode_registry_folders (registry);
  all = g_strjoinv (" ", (char **) folders);
  user = g_build_filename (g_get_user_data_dir (), "lode-0", "plugins", NULL);
  g_assert_true (g_str_has_prefix (all, "/a /b /c "));
  g_assert_cmpstr (folders[3], ==, user);
  g_assert_true (g_str_has_suffix (folders[4], "/plugins"));
  g_assert_null (folders[5]);
}

static void
test_prefix (void)
{
  g_autofree char *above = lode_installed ("share/x"), *full = lode_installed ("/opt/x"),
                  *program = g_file_read_link ("/proc/self/exe", NULL);
  g_autofree char *bin = g_path_get_dirname (program), *prefix = g_path_get_dirname (bin),
                  *expected = g_build_filename (prefix, "share/x", NULL);

  g_assert_cmpstr (above, ==, expected);
  g_assert_cmpstr (full, ==, "/opt/x");
}

static void
test_not_found (void)
{
  g_autoptr (GError) near = NULL, far = NULL, kind = NULL, file = NULL;
  g_autoptr (LodeRegistry) registry = registry_of (g_getenv ("LODE_BROKEN"));

  g_assert_null (lode_registry_load (registry, "loss", "souund", &near));
  assert_refused (near, LODE_PLUGIN_ERROR_NOT_FOUND, "no loss called \"souund\"",
                  "did you mean \"sound\"?", g_getenv ("LODE_BROKEN"));
  g_assert_null (lode_registry_load (registry, "loss", "entirely-else", &far));
  assert_refused (far, LODE_PLUGIN_ERROR_NOT_FOUND, "no loss called", "`lode list loss`",
                  g_getenv ("LODE_BROKEN"));
  g_assert_null (lode_registry_load (registry, "losses", "ce", &kind));
  assert_refused (kind, LODE_PLUGIN_ERROR_NOT_FOUND, "no kind of plugin called \"losses\"",
                  "did you mean \"loss\"?");
  g_assert_null (lode_registry_add_file (registry, "/x/mine.so", &file));
  assert_refused (file, LODE_PLUGIN_ERROR_NAME, "mine.so", "expected <kind>_<name>.so", "example");
}

static void
test_words (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (int code = LODE_PLUGIN_ERROR_NOT_FOUND; code <= LODE_PLUGIN_ERROR_PINNED; code++)
    g_assert_true (g_hash_table_add (seen, (gpointer) lode_plugin_error_word (code)));
  g_assert_false (g_hash_table_contains (seen, "unknown"));
  g_assert_cmpstr (lode_plugin_error_word (-1), ==, "unknown");
  g_assert_cmpstr (lode_plugin_error_word (LODE_PLUGIN_ERROR_PINNED + 1), ==, "unknown");
}

/* Loads the sound plugin from a folder that counts as the system's. */
static bool
load_shared (const char *folder, const char *const *trusted, GError **error)
{
  g_autoptr (LodeRegistry) registry = lode_registry_new (NULL);

  lode_registry_add_system (registry, folder);
  lode_registry_trust (registry, trusted);
  return lode_registry_load (registry, "loss", "sound", error) != NULL;
}

static void
test_shared (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_sound.so", 0);

  g_assert_true (load_shared (folder, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (g_chmod (folder, 0777), ==, 0);
  g_assert_false (load_shared (folder, NULL, &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, path, "every user", "its folder", "chmod o-w");
  g_clear_error (&error);
  g_assert_cmpint (g_chmod (folder, 01777), ==, 0);
  g_assert_true (load_shared (folder, NULL, &error));
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  g_assert_cmpint (g_chmod (path, 0646), ==, 0);
  g_assert_false (load_shared (folder, NULL, &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, path, "every user", "chmod o-w");
  scratch_remove (folder);
}

static void
test_shared_group (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_sound.so", 0);
  gid_t group = geteuid () == 0 ? 1 : getegid ();
  const struct group *entry = getgrgid (group);
  g_autofree char *name = entry ? g_strdup (entry->gr_name) : NULL;

  g_assert_cmpint (chown (path, (uid_t) -1, group), ==, 0);
  g_assert_cmpint (g_chmod (path, 0664), ==, 0);
  if (!name || group == 0) {
    g_test_skip ("there is no group but root's");
    scratch_remove (folder);
    return;
  }
  g_assert_false (load_shared (folder, NULL, &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, path, name, "chmod g-w", "trusted_groups");
  g_clear_error (&error);
  g_assert_true (
      load_shared (folder, (const char *const[]){ "no-such-group", name, NULL }, &error));
  g_assert_no_error (error);
  scratch_remove (folder);
}

static void
test_shared_owner (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_sound.so", 0);

  if (chown (path, 12345, (gid_t) -1) != 0) {
    g_test_skip ("only root can give a file away");
    scratch_remove (folder);
    return;
  }
  g_assert_false (load_shared (folder, NULL, &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, path, "belongs to 12345", "expected root, you",
                  "chown it");
  scratch_remove (folder);
}

/* A folder that the user named may be anybody's, but nobody else may write there. */
static void
test_own_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_sound.so", 0);
  g_autoptr (LodeRegistry) registry = registry_of (folder);

  if (geteuid () == 0)
    g_assert_cmpint (chown (path, 12345, 0), ==, 0);
  g_assert_cmpint (g_chmod (path, 0666), ==, 0);
  g_assert_null (lode_registry_load (registry, "loss", "sound", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, path, "every user", "chmod o-w");
  g_clear_error (&error);
  g_assert_true (lode_registry_has_refused (registry));
  g_assert_cmpint (g_chmod (path, 0644), ==, 0);
  g_assert_nonnull (lode_registry_load (registry, "loss", "sound", &error));
  g_assert_no_error (error);
  scratch_remove (folder);
}

/* A file that is named itself is loaded, and what spoke against it is kept. */
static void
test_own_file (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *path = scratch_copy (folder, "loss_sound.so", 0);
  g_autoptr (LodeRegistry) registry = registry_of (NULL);
  const LodeLoaded *loaded;

  g_assert_cmpint (g_chmod (path, 0666), ==, 0);
  loaded = lode_registry_add_file (registry, path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (loaded->from, ==, "file");
  g_assert_nonnull (strstr (loaded->unsafe, "every user"));
  scratch_remove (folder);
}

/* Every folder on the way counts, and those that links lead through. */
static void
test_way (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *above = g_build_filename (folder, "above", NULL),
                  *inner = g_build_filename (above, "inner", NULL),
                  *aside = g_build_filename (folder, "aside", NULL),
                  *link = g_build_filename (folder, "link", NULL),
                  *file = g_build_filename (inner, "loss_sound.so", NULL), *path = NULL;

  g_assert_cmpint (g_mkdir_with_parents (inner, 0755), ==, 0);
  g_assert_cmpint (g_mkdir (aside, 0755), ==, 0);
  path = scratch_copy (inner, "loss_sound.so", 0);
  g_assert_true (load_shared (inner, NULL, &error));
  g_assert_cmpint (g_chmod (above, 0777), ==, 0);
  g_assert_false (load_shared (inner, NULL, &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, path, above, "every user");
  g_clear_error (&error);

  /* link → aside/step → above/inner: the folder of the middle one is on no path that is named. */
  g_assert_cmpint (g_chmod (above, 0755), ==, 0);
  {
    g_autofree char *step = g_build_filename (aside, "step", NULL);

    g_assert_cmpint (symlink ("../above/inner", step), ==, 0);
    g_assert_cmpint (symlink ("aside/step", link), ==, 0);
  }
  g_assert_true (load_shared (link, NULL, &error));
  g_assert_cmpint (g_chmod (aside, 0777), ==, 0);
  g_assert_false (load_shared (link, NULL, &error));
  assert_refused (error, LODE_PLUGIN_ERROR_UNSAFE, aside, "every user");
  scratch_remove (folder);
}

static void
test_pins (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeRegistry) registry = registry_of (g_getenv ("LODE_BROKEN"));
  g_autofree char *path = broken_path ("loss_sound.so"), *digest = lode_file_sha256 (path, &error);
  g_autofree char *upper = g_ascii_strup (digest, -1);

  g_assert_cmpuint (strlen (digest), ==, 64);
  lode_registry_pin (registry, "loss", "sound", "2.0", NULL);
  g_assert_null (lode_registry_load (registry, "loss", "sound", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_PINNED, path, "version to 2.0", "found 1.0", "pin");
  g_clear_error (&error);
  lode_registry_pin (registry, "loss", "sound", "1.0", "00ff");
  g_assert_null (lode_registry_load (registry, "loss", "sound", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_PINNED, path, "sha256 to 00ff", digest, "pin");
  g_clear_error (&error);
  lode_registry_pin (registry, "loss", "sound", "1.0", upper);
  g_assert_nonnull (lode_registry_load (registry, "loss", "sound", &error));
  g_assert_no_error (error);
}

/* What is pinned is checked before any of it runs: this one would end the process. */
static void
test_pin_first (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeRegistry) registry = registry_of (g_getenv ("LODE_BROKEN"));

  lode_registry_pin (registry, "loss", "exit", NULL, "00ff");
  g_assert_null (lode_registry_load (registry, "loss", "exit", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_PINNED, "loss_exit.so");
}

/* … and once more where it had been loaded before it was pinned. */
static void
test_pin_late (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeRegistry) registry = registry_of (g_getenv ("LODE_BROKEN"));

  g_assert_nonnull (lode_registry_load (registry, "loss", "sound", &error));
  lode_registry_pin (registry, "loss", "sound", "2.0", NULL);
  g_assert_null (lode_registry_load (registry, "loss", "sound", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_PINNED, "version to 2.0");
  g_clear_error (&error);
  lode_registry_unpin (registry);
  g_assert_nonnull (lode_registry_load (registry, "loss", "sound", &error));
}

/* A name that is a path leads nowhere, even if there is a plugin at its end. */
static void
test_path (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = scratch_new ();
  g_autofree char *bait = g_build_filename (folder, "loss_x", NULL), *path = NULL;
  g_autoptr (LodeRegistry) registry = registry_of (folder);

  path = scratch_copy (folder, "loss_exit.so", 0);
  g_assert_cmpint (g_mkdir (bait, 0755), ==, 0);
  g_assert_null (lode_registry_load (registry, "loss", "x/../loss_exit", &error));
  assert_refused (error, LODE_PLUGIN_ERROR_NOT_FOUND, "is a path", "--plugin FILE");
  scratch_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/registry/once", test_once);
  g_test_add_func ("/registry/order", test_order);
  g_test_add_func ("/registry/default", test_default);
  g_test_add_func ("/registry/prefix", test_prefix);
  g_test_add_func ("/registry/not-found", test_not_found);
  g_test_add_func ("/registry/words", test_words);
  g_test_add_func ("/registry/shared", test_shared);
  g_test_add_func ("/registry/shared-group", test_shared_group);
  g_test_add_func ("/registry/shared-owner", test_shared_owner);
  g_test_add_func ("/registry/own-folder", test_own_folder);
  g_test_add_func ("/registry/own-file", test_own_file);
  g_test_add_func ("/registry/way", test_way);
  g_test_add_func ("/registry/pins", test_pins);
  g_test_add_func ("/registry/pin-first", test_pin_first);
  g_test_add_func ("/registry/pin-late", test_pin_late);
  g_test_add_func ("/registry/path", test_path);
  return g_test_run ();
}

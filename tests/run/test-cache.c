/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache: entries come back bit for bit, damaged ones are made again, and users share them
 * whatever their umask. Two users are played by children with two user ids, which needs root.
 */
#include "run/cache.h"

#include "scratch.h"

#include <grp.h>
#include <sys/wait.h>

/* Ids that nobody has; the group is the one that both users are in. */
enum { FIRST = 61001, SECOND = 61002, GROUP = 61003, STRANGER = 61004 };

typedef struct Maker {
  const char *text;
  guint made;
} Maker;

static GBytes *
make (void *data, GError **error)
{
  Maker *maker = data;

  maker->made++;
  if (maker->text)
    return g_bytes_new (maker->text, strlen (maker->text));
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "no text");
  return NULL;
}

static const char *
scratch_new (void)
{
  scratch_make ();
  return scratch;
}

static LodeCache *
open_cache (const char *folder)
{
  g_autoptr (GError) error = NULL;
  LodeCache *cache = lode_cache_open_folder (folder, &error);

  g_assert_no_error (error);
  return cache;
}

/* Whether the entry under "key" was made for this call. */
static bool
was_made (LodeCache *cache, const char *text)
{
  Maker maker = { text, 0 };
  g_autoptr (GBytes) bytes = lode_cache_get (cache, "features", "key", make, &maker, NULL, NULL);

  g_assert_nonnull (bytes);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), text, strlen (text));
  return maker.made;
}

/* All files below a folder, NULL-ended. */
static void
gather (const char *folder, GPtrArray *files)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR))
      gather (path, files);
    else
      g_ptr_array_add (files, g_steal_pointer (&path));
  }
}

static GPtrArray *
files_of (const char *folder)
{
  GPtrArray *files = g_ptr_array_new_with_free_func (g_free);

  gather (folder, files);
  return files;
}

static void
test_again (void)
{
  const char *folder = scratch_new ();
  g_autoptr (LodeCache) cache = open_cache (folder);
  g_autoptr (GPtrArray) files = NULL;

  g_assert_null (lode_cache_find (cache, "features", "key"));
  g_assert_true (was_made (cache, "first"));
  g_assert_false (was_made (cache, "first"));
  files = files_of (folder);
  g_assert_cmpuint (files->len, ==, 1);
  scratch_remove ();
}

/* Keys of any length and letters, bytes of any number: each its own. */
static void
test_keys (void)
{
  static const char *const keys[] = { "", "a", "a\nb", "../../a", "é", "lode-cache 1 x 0 0\n" };
  const char *folder = scratch_new ();
  g_autoptr (LodeCache) cache = open_cache (folder);

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree guint8 *data = g_malloc0 (i * 1000 + 1);
    g_autoptr (GBytes) bytes = NULL;

    memset (data, (int) i, i * 1000);
    bytes = g_bytes_new (data, i * 1000);
    g_assert_true (lode_cache_put (cache, "x", keys[i], bytes, NULL));
  }
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autoptr (GBytes) found = lode_cache_find (cache, "x", keys[i]);

    g_assert_nonnull (found);
    g_assert_cmpuint (g_bytes_get_size (found), ==, i * 1000);
    if (i)
      g_assert_cmpint (((const guint8 *) g_bytes_get_data (found, NULL))[i * 1000 - 1], ==,
                       (int) i);
    g_assert_null (lode_cache_find (cache, "y", keys[i]));
  }
  scratch_remove ();
}

static void
overwrite (const char *path, const char *text, size_t n)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chmod (path, 0600), ==, 0);
  g_file_set_contents (path, text, (gssize) n, &error);
  g_assert_no_error (error);
}

/* Every single byte that changes, and every end that is cut off, is seen. */
static void
test_damaged (void)
{
  const char *folder = scratch_new ();
  g_autofree char *sound = NULL;
  g_autoptr (LodeCache) cache = open_cache (folder);
  g_autoptr (GPtrArray) files = NULL;
  gsize n;

  g_assert_true (was_made (cache, "first"));
  files = files_of (folder);
  g_assert_true (g_file_get_contents (files->pdata[0], &sound, &n, NULL));
  for (gsize i = 0; i < n; i++) {
    g_autofree char *bad = g_memdup2 (sound, n);

    bad[i] ^= 1;
    overwrite (files->pdata[0], bad, n);
    g_assert_null (lode_cache_find (cache, "features", "key"));
    overwrite (files->pdata[0], sound, i);
    g_assert_null (lode_cache_find (cache, "features", "key"));
  }
  g_assert_true (was_made (cache, "first"));
  g_assert_false (was_made (cache, "first"));
  scratch_remove ();
}

static void
test_failure (void)
{
  const char *folder = scratch_new ();
  g_autoptr (LodeCache) cache = open_cache (folder);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) files = NULL;
  Maker maker = { NULL, 0 };
  bool kept = true;

  g_assert_null (lode_cache_get (cache, "features", "key", make, &maker, &kept, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  g_assert_false (kept);
  files = files_of (folder);
  g_assert_cmpuint (files->len, ==, 0);
  scratch_remove ();
}

/* A folder that cannot be made is told; one that a site names has to be there. */
static void
test_open (void)
{
  const char *folder = scratch_new ();
  g_autofree char *none = scratch_path ("none"), *file = scratch_path ("file");
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeCache) own = NULL;

  g_assert_null (lode_cache_open (none, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "install -d -m 2770"));
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (file, "", 0, NULL));
  g_assert_null (lode_cache_open_folder (file, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_clear_error (&error);
  g_setenv ("LODE_CACHE", none, TRUE);
  own = lode_cache_open (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (lode_cache_folder (own), ==, none);
  g_unsetenv ("LODE_CACHE");
  scratch_remove ();
}

/* Becomes a user with that umask and calls the function; what it returns. */
static int
as_user (uid_t user, gid_t also, mode_t mask, int (*call) (const char *), const char *folder)
{
  pid_t child = fork ();
  int status = -1;

  if (child == 0) {
    umask (mask);
    if (setgroups (1, &also) != 0 || setgid (user) != 0 || setuid (user) != 0)
      _exit (99);
    _exit (call (folder));
  }
  g_assert_cmpint (child, >, 0);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  return WEXITSTATUS (status);
}

enum { MADE = 1, FOUND = 2, LOST = 3, CLOSED = 4 };

static int
use (const char *folder)
{
  g_autoptr (LodeCache) cache = lode_cache_open (folder, NULL);
  Maker maker = { "shared", 0 };
  g_autoptr (GBytes) bytes = NULL;
  bool kept;

  if (!cache)
    return CLOSED;
  bytes = lode_cache_get (cache, "features", "key", make, &maker, &kept, NULL);
  if (!bytes || g_bytes_get_size (bytes) != 6)
    return CLOSED;
  return !maker.made ? FOUND : kept ? MADE : LOST;
}

static bool
is_root (void)
{
  if (geteuid () == 0)
    return true;
  g_test_skip ("other users can be played by root alone");
  return false;
}

/* A folder that root made for those who share it. */
static char *
shared_folder (gid_t group, mode_t mode)
{
  char *folder = scratch_path ("shared");

  g_assert_cmpint (mkdir (folder, 0700), ==, 0);
  g_assert_cmpint (chown (folder, 0, group), ==, 0);
  g_assert_cmpint (chmod (folder, mode), ==, 0);
  return folder;
}

static void
damage (const char *folder, uid_t owner)
{
  g_autoptr (GPtrArray) files = files_of (folder);

  g_assert_cmpuint (files->len, ==, 1);
  overwrite (files->pdata[0], "nonsense", 8);
  g_assert_cmpint (chown (files->pdata[0], owner, GROUP), ==, 0);
  g_assert_cmpint (chmod (files->pdata[0], 0444), ==, 0);
}

/* Entries are read-only, of the folder's group, and open to whom the folder is open, under 077. */
static void
check_rights (const char *folder, gid_t group, mode_t file_mode, mode_t folder_mode)
{
  g_autoptr (GPtrArray) files = files_of (folder);
  g_autofree char *above = NULL;
  struct stat info;

  g_assert_cmpuint (files->len, ==, 1);
  g_assert_cmpint (stat (files->pdata[0], &info), ==, 0);
  g_assert_cmphex (info.st_mode & 07777, ==, file_mode);
  g_assert_cmpuint (info.st_gid, ==, group);
  above = g_path_get_dirname (files->pdata[0]);
  g_assert_cmpint (stat (above, &info), ==, 0);
  g_assert_cmphex (info.st_mode & 07777, ==, folder_mode);
}

static void
test_group (void)
{
  g_autofree char *folder = NULL;

  scratch_make ();
  if (is_root ()) {
    folder = shared_folder (GROUP, 02770);
    g_assert_cmpint (as_user (FIRST, GROUP, 0077, use, folder), ==, MADE);
    check_rights (folder, GROUP, 0440, 02770);
    g_assert_cmpint (as_user (SECOND, GROUP, 0077, use, folder), ==, FOUND);
    g_assert_cmpint (as_user (STRANGER, STRANGER, 0022, use, folder), ==, LOST);
    damage (folder, FIRST);
    g_assert_cmpint (as_user (SECOND, GROUP, 0077, use, folder), ==, MADE);
    check_rights (folder, GROUP, 0440, 02770);
    g_assert_cmpint (as_user (FIRST, GROUP, 0077, use, folder), ==, FOUND);
  }
  scratch_remove ();
}

/* For everybody, sticky: nobody can replace another's damaged entry, so a second one is made. */
static void
test_sticky (void)
{
  g_autofree char *folder = NULL;

  scratch_make ();
  if (is_root ()) {
    folder = shared_folder (0, 01777);
    g_assert_cmpint (as_user (FIRST, FIRST, 0077, use, folder), ==, MADE);
    check_rights (folder, FIRST, 0444, 01777);
    g_assert_cmpint (as_user (SECOND, SECOND, 0077, use, folder), ==, FOUND);
    damage (folder, FIRST);
    g_assert_cmpint (as_user (SECOND, SECOND, 0077, use, folder), ==, MADE);
    g_assert_cmpint (as_user (FIRST, FIRST, 0077, use, folder), ==, FOUND);
  }
  scratch_remove ();
}

/* One that may be read alone serves readers; what it lacks is made and not kept. */
static void
test_read_only (void)
{
  g_autofree char *folder = NULL;

  scratch_make ();
  if (is_root ()) {
    folder = shared_folder (0, 0755);
    g_assert_cmpint (as_user (FIRST, FIRST, 0077, use, folder), ==, LOST);
    g_assert_cmpint (use (folder), ==, MADE);
    g_assert_cmpint (as_user (FIRST, FIRST, 0077, use, folder), ==, FOUND);
  }
  scratch_remove ();
}

/* Many at once: all get the bytes, one file stays, and nothing beside it. */
static void
test_at_once (void)
{
  enum { CHILDREN = 8 };
  const char *folder = scratch_new ();
  g_autoptr (GPtrArray) files = NULL;
  pid_t child[CHILDREN];

  for (int i = 0; i < CHILDREN; i++) {
    child[i] = fork ();
    if (child[i] == 0)
      _exit (use (folder));
  }
  for (int i = 0; i < CHILDREN; i++) {
    int status;

    g_assert_cmpint (waitpid (child[i], &status, 0), ==, child[i]);
    g_assert_true (WEXITSTATUS (status) == MADE || WEXITSTATUS (status) == FOUND);
  }
  files = files_of (folder);
  g_assert_cmpuint (files->len, ==, 1);
  scratch_remove ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cache/again", test_again);
  g_test_add_func ("/cache/keys", test_keys);
  g_test_add_func ("/cache/damaged", test_damaged);
  g_test_add_func ("/cache/failure", test_failure);
  g_test_add_func ("/cache/open", test_open);
  g_test_add_func ("/cache/shared/group", test_group);
  g_test_add_func ("/cache/shared/sticky", test_sticky);
  g_test_add_func ("/cache/shared/read-only", test_read_only);
  g_test_add_func ("/cache/at-once", test_at_once);
  return g_test_run ();
}

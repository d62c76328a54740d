/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run directory: where it is, taking it, and paths below it.
 */
#include "run/folder.h"

#include "error.h"
#include "run/folder-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SWEEP_DEPTH 3 /* <run>/<stage>/<folder>/ */

char *
lode_folder_root (const char *path, const char *site)
{
  const char *choice[] = { path, g_getenv ("LODE_RUNS"), site };

  for (size_t i = 0; i < G_N_ELEMENTS (choice); i++)
    if (choice[i] && *choice[i])
      return g_strdup (choice[i]);
  return g_build_filename (".", "runs", NULL);
}

char *
lode_folder_hash (const char *text)
{
  g_autofree char *sum = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);

  return g_strndup (sum, 8);
}

/* A half written file's name: <name>.<6 characters>.new */
static bool
is_left_over (const char *name)
{
  size_t n = strlen (name), tail = strlen (".XXXXXX" LODE_FILE_NEW);

  return n > tail && name[n - tail] == '.' && g_str_has_suffix (name, LODE_FILE_NEW);
}

/* Half written files of a process that was killed; claims of one that wanted this run (hold.c). */
static void
sweep (const char *path, int depth)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *full = g_build_filename (path, name, NULL);

    if (is_left_over (name) || (!depth && g_str_has_prefix (name, LODE_HOLD_NAME ".")))
      unlink (full);
    else if (depth < SWEEP_DEPTH && !g_file_test (full, G_FILE_TEST_IS_SYMLINK)
             && g_file_test (full, G_FILE_TEST_IS_DIR))
      sweep (full, depth + 1);
  }
}

static bool
make_folders (const char *path, GError **error)
{
  if (!g_mkdir_with_parents (path, 0777))
    return true;
  lode_file_fail ("make the folder", path, errno, error);
  return false;
}

LodeFolder *
lode_folder_take (const char *path, GError **error)
{
  LodeFolder *folder;
  LodeHold *hold;

  if (!make_folders (path, error))
    return NULL;
  hold = lode_hold_take (path, LODE_HOLD_BEAT, error);
  if (!hold)
    return NULL;
  sweep (path, 0);
  folder = g_new0 (LodeFolder, 1);
  folder->path = g_strdup (path);
  folder->hold = hold;
  return folder;
}

void
lode_folder_release (LodeFolder *folder)
{
  if (!folder)
    return;
  lode_hold_release (folder->hold);
  g_free (folder->path);
  g_free (folder);
}

const char *
lode_folder_path (const LodeFolder *folder)
{
  return folder->path;
}

static bool
leads_out (const char *name)
{
  g_auto (GStrv) part = g_strsplit (name, "/", -1);

  return !*name || *name == '/' || g_str_has_suffix (name, "/")
         || g_strv_contains ((const char *const *) part, "..");
}

char *
lode_folder_file (LodeFolder *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder->path, name, NULL), *parent = NULL;

  if (leads_out (name)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "\"%s\" does not name a file below %s; give a relative name without \"..\"", name,
                 folder->path);
    return NULL;
  }
  parent = g_path_get_dirname (path);
  if (!lode_hold_renew (folder->hold, error) || !make_folders (parent, error))
    return NULL;
  return g_steal_pointer (&path);
}

bool
lode_folder_write (LodeFolder *folder, const char *name, const void *data, size_t n, GError **error)
{
  g_autofree char *path = lode_folder_file (folder, name, error);

  return path && lode_file_write (path, data, n, error);
}

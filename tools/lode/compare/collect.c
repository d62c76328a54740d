/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The runs below some folders.
 */
#include "runs.h"

#include "error.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 5 };

static bool
has (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return access (path, F_OK) == 0;
}

static void
walk (const char *folder, int depth, GHashTable *found, guint *unfinished)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (has (folder, "config.cfg")) {
    if (!has (folder, "result.json"))
      ++*unfinished;
    else
      g_hash_table_add (found, g_strdup (folder));
    return;
  }
  dir = depth < DEPTH ? g_dir_open (folder, 0, NULL) : NULL;
  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    struct stat info;

    if (*name != '.' && !lstat (path, &info) && S_ISDIR (info.st_mode))
      walk (path, depth + 1, found, unfinished);
  }
}

static gint
by_path (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Sorted; the same folder given twice counts once. Transfer full. */
static GPtrArray *
paths_of (char **folders, guint *unfinished, GError **error)
{
  g_autoptr (GHashTable) found = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  GPtrArray *paths;
  GHashTableIter iter;
  gpointer path;

  for (; *folders; folders++) {
    g_autofree char *bare = g_strdup (*folders);

    if (!g_file_test (bare, G_FILE_TEST_IS_DIR)) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "there is no folder %s", bare);
      return NULL;
    }
    for (size_t n = strlen (bare); n > 1 && bare[n - 1] == '/'; n--)
      bare[n - 1] = 0;
    walk (bare, 0, found, unfinished);
  }
  paths = g_ptr_array_new_with_free_func (g_free);
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    g_ptr_array_add (paths, g_strdup (path));
  g_ptr_array_sort (paths, by_path);
  return paths;
}

static void
keep_kinds (CompareRuns *runs, GHashTable *table)
{
  GHashTableIter iter;
  gpointer kind;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, NULL, &kind))
    g_ptr_array_add (runs->kinds, kind);
}

CompareRuns *
compare_runs_read (char **folders, GError **error)
{
  CompareRuns *runs = g_new0 (CompareRuns, 1);
  g_autoptr (GHashTable) kinds = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) paths = paths_of (folders, &runs->unfinished, error);

  runs->runs = g_ptr_array_new_with_free_func (compare_run_free);
  runs->kinds = g_ptr_array_new_with_free_func (compare_kind_free);
  runs->notes = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; paths && i < paths->len; i++) {
    g_autoptr (GError) failure = NULL;
    CompareRun *run = compare_run_read (g_ptr_array_index (paths, i), kinds, &failure);

    if (run)
      g_ptr_array_add (runs->runs, run);
    else
      g_ptr_array_add (runs->notes, g_strdup_printf ("left out: %s", failure->message));
  }
  keep_kinds (runs, kinds);
  if (paths)
    return runs;
  compare_runs_free (runs);
  return NULL;
}

void
compare_runs_free (CompareRuns *runs)
{
  if (!runs)
    return;
  g_ptr_array_unref (runs->runs);
  g_ptr_array_unref (runs->kinds);
  g_ptr_array_unref (runs->notes);
  g_free (runs);
}

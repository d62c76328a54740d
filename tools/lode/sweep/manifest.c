/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest.h"

#include "error.h"
#include "run/json.h"
#include "sweep.h"

#include <glib/gstdio.h>
#include <string.h>

#define BYTES_MAX (64 << 20)
#define OLD 600 /* seconds */

bool
sweep_is_manifest (const char *name)
{
  return g_str_has_prefix (name, SWEEP_MANIFEST_PREFIX) && g_str_has_suffix (name, ".json");
}

/* <experiment>/<label>/<run>, the end of a run's path. */
static char *
tail_of (const char *path)
{
  g_autofree char *label = g_path_get_dirname (path), *experiment = g_path_get_dirname (label);
  g_autofree char *a = g_path_get_basename (experiment), *b = g_path_get_basename (label),
                  *c = g_path_get_basename (path);

  return g_build_filename (a, b, c, NULL);
}

static GString *
format (const Sweep *sweep)
{
  GString *text = g_string_new ("{ \"format\": 1, \"runs\": [");

  for (guint i = 0; i < sweep->points->len; i++) {
    const SweepPoint *point = sweep_point (sweep, i);
    g_autofree char *tail = tail_of (point->path);

    g_string_append (text, i ? ",\n  { \"path\": " : "\n  { \"path\": ");
    lode_json_put_text (text, tail);
    g_string_append (text, ", \"words\": ");
    lode_json_put_text (text, point->words);
    g_string_append (text, " }");
  }
  g_string_append (text, "\n] }\n");
  return text;
}

/* Half written ones, of processes that were killed in the midst of it a while ago. */
static void
clear_old (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    GStatBuf info;

    if (g_str_has_prefix (name, SWEEP_MANIFEST_PREFIX) && g_str_has_suffix (name, LODE_FILE_NEW)
        && g_stat (path, &info) == 0 && now - info.st_mtime > OLD)
      g_unlink (path);
  }
}

bool
sweep_manifest_write (const Sweep *sweep, GError **error)
{
  g_autoptr (GString) text = format (sweep);
  g_autofree char *hash = lode_folder_hash (text->str), *path = NULL;
  g_autofree char *label = g_path_get_dirname (sweep_point (sweep, 0)->path);
  g_autofree char *folder = g_path_get_dirname (label);
  g_autofree char *name = g_strdup_printf (SWEEP_MANIFEST_PREFIX "%s.json", hash);

  path = g_build_filename (folder, name, NULL);
  clear_old (folder);
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return lode_file_write (path, text->str, text->len, error);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
               "cannot make the folder %s: is it writable?", folder);
  return false;
}

static void
read_run (LodeScan *scan, SweepManifest *manifest)
{
  g_autofree char *path = NULL, *words = NULL;
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    char **to = !strcmp (name, "path") ? &path : !strcmp (name, "words") ? &words : NULL;

    if (to && !*to)
      *to = lode_scan_text (scan);
    else
      lode_scan_skip (scan);
    g_free (name);
  }
  if (!path || strstr (path, "..") || *path == '/') {
    lode_scan_wrong (scan, "a run without a path below the folder of runs");
    return;
  }
  g_ptr_array_add (manifest->path, g_steal_pointer (&path));
  g_ptr_array_add (manifest->words, words ? g_steal_pointer (&words) : g_strdup (""));
}

static void
read_all (LodeScan *scan, SweepManifest *manifest)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    if (strcmp (name, "runs"))
      lode_scan_skip (scan);
    else if (lode_scan_enter (scan, '['))
      while (lode_scan_element (scan))
        read_run (scan, manifest);
    g_free (name);
  }
  lode_scan_end (scan);
}

SweepManifest *
sweep_manifest_read (const char *path, GError **error)
{
  g_autoptr (SweepManifest) manifest = g_new0 (SweepManifest, 1);
  size_t n;
  g_autofree char *text = lode_file_read (path, BYTES_MAX, &n, error);
  LodeScan scan;

  manifest->path = g_ptr_array_new_with_free_func (g_free);
  manifest->words = g_ptr_array_new_with_free_func (g_free);
  if (!text)
    return NULL;
  scan = lode_scan_begin (text, n);
  read_all (&scan, manifest);
  if (!scan.wrong)
    return g_steal_pointer (&manifest);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s: %s at byte %td; remove the file",
               path, scan.wrong, scan.at - scan.begin);
  return NULL;
}

void
sweep_manifest_free (SweepManifest *manifest)
{
  if (!manifest)
    return;
  g_ptr_array_unref (manifest->path);
  g_ptr_array_unref (manifest->words);
  g_free (manifest);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "run/json.h"
#include "sweep/manifest.h"

#include <math.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH = 4 };

const char *const status_names[] = { "running", "queued", "stopped", "stale", "failed", "done" };

static void
run_free (gpointer data)
{
  StatusRun *run = data;

  g_free (run->path);
  g_free (run->words);
  g_free (run->group);
  g_free (run);
}

/* What a run has left at the pace of its present process; stages count alike, so it is a guess. */
static double
guess_left (const LodeStatusInfo *info)
{
  double spent = (double) (g_get_real_time () / G_USEC_PER_SEC - info->begun),
         made = info->done - info->first;

  return info->begun && made > 0.01 && spent > 0 ? spent / made * (1 - info->done) : NAN;
}

static void
read_stages (LodeScan *scan, double *sum)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    double value = 0;

    if (!strcmp (name, "wall_s"))
      lode_scan_number (scan, &value);
    else if (scan->at < scan->end && !strcmp (name, "cost"))
      read_stages (scan, sum);
    else
      lode_scan_skip (scan);
    *sum += isfinite (value) ? value : 0;
    g_free (name);
  }
}

/* Seconds of all stages, from result.json. */
static double
spent_of (const char *path)
{
  g_autofree char *file = g_build_filename (path, "result.json", NULL), *text = NULL;
  double sum = 0;
  char *name, *stage;
  LodeScan scan;
  gsize n;

  if (!g_file_get_contents (file, &text, &n, NULL))
    return NAN;
  scan = lode_scan_begin (text, n);
  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    if (strcmp (name, "stages"))
      lode_scan_skip (&scan);
    else if (lode_scan_enter (&scan, '{'))
      while (lode_scan_member (&scan, &stage)) {
        read_stages (&scan, &sum);
        g_free (stage);
      }
    g_free (name);
  }
  return lode_scan_end (&scan) ? sum : NAN;
}

static StatusState
state_of (const LodeStatusInfo *info)
{
  if (info->status == LODE_STATUS_DONE)
    return STATUS_DONE;
  if (info->held)
    return STATUS_RUNNING;
  if (info->status == LODE_STATUS_RUNNING)
    return STATUS_STALE;
  return info->status == LODE_STATUS_FAILED         ? STATUS_FAILED
         : info->status == LODE_STATUS_CHECKPOINTED ? STATUS_STOPPED
                                                    : STATUS_QUEUED;
}

static char *
group_of (const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  g_autofree char *label = g_path_get_dirname (whole), *experiment = g_path_get_dirname (label);
  g_autofree char *a = g_path_get_basename (experiment), *b = g_path_get_basename (label);

  return g_build_filename (a, b, NULL);
}

/* Half made runs, of which a process died before the first status, are stale too. */
static StatusRun *
look (const char *path)
{
  StatusRun *run = g_new0 (StatusRun, 1);
  g_autoptr (GError) failure = NULL;

  run->path = g_strdup (path);
  run->group = group_of (path);
  run->left = run->spent = NAN;
  if (lode_folder_read_status (path, &run->info, &failure))
    run->state = state_of (&run->info);
  else {
    run->state = STATUS_STALE;
    g_strlcpy (run->info.message, failure ? failure->message : "killed before it began",
               sizeof run->info.message);
  }
  if (run->state == STATUS_DONE)
    run->spent = spent_of (path);
  if (run->state == STATUS_RUNNING)
    run->left = guess_left (&run->info);
  return run;
}

typedef struct Gathered {
  GPtrArray *runs;
  GHashTable *known; /* path → StatusRun */
} Gathered;

static void
add (Gathered *gathered, StatusRun *run)
{
  g_ptr_array_add (gathered->runs, run);
  g_hash_table_insert (gathered->known, run->path, run);
}

static bool
is_run (const char *path)
{
  static const char *const names[] = { "config.cfg", "status.json", "env.json" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *file = g_build_filename (path, names[i], NULL);

    if (g_file_test (file, G_FILE_TEST_EXISTS))
      return true;
  }
  return false;
}

static void
walk (Gathered *gathered, const char *path, int depth, GPtrArray *manifests)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (is_run (path)) {
    add (gathered, look (path));
    return;
  }
  dir = depth < DEPTH ? g_dir_open (path, 0, NULL) : NULL;
  while (dir && (name = g_dir_read_name (dir))) {
    char *full = g_build_filename (path, name, NULL);
    struct stat info;

    if (sweep_is_manifest (name))
      g_ptr_array_add (manifests, g_strdup (full));
    else if (*name != '.' && !lstat (full, &info) && S_ISDIR (info.st_mode))
      walk (gathered, full, depth + 1, manifests);
    g_free (full);
  }
}

static void
add_queued (Gathered *gathered, const char *path, const char *words)
{
  StatusRun *run = g_hash_table_lookup (gathered->known, path);

  if (!run) {
    run = g_new0 (StatusRun, 1);
    run->path = g_strdup (path);
    run->group = group_of (path);
    run->state = STATUS_QUEUED;
    run->left = run->spent = NAN;
    add (gathered, run);
  }
  if (!run->words)
    run->words = g_strdup (words);
}

/* A manifest lies in <runs>/<experiment>/ and names runs below <runs>. */
static void
add_manifest (Gathered *gathered, const char *file)
{
  g_autofree char *experiment = g_path_get_dirname (file), *root = g_path_get_dirname (experiment);
  g_autoptr (SweepManifest) manifest = sweep_manifest_read (file, NULL);

  for (guint i = 0; manifest && i < manifest->path->len; i++) {
    g_autofree char *path = g_build_filename (root, g_ptr_array_index (manifest->path, i), NULL);

    add_queued (gathered, path, g_ptr_array_index (manifest->words, i));
  }
}

static gint
by_path (gconstpointer a, gconstpointer b)
{
  const StatusRun *x = *(const StatusRun *const *) a, *y = *(const StatusRun *const *) b;
  int order = strcmp (x->group, y->group);

  return order ? order : strcmp (x->path, y->path);
}

/* The hash in a run's name: runs that have it in common differ by their seeds alone. */
static const char *
hash_of (const StatusRun *run)
{
  const char *dash = strrchr (run->path, '-');

  return dash ? dash : "";
}

typedef struct Mean {
  double sum, n;
} Mean;

/* What a run takes is known better from those that differ by the seed alone and are done. */
static void
improve (GPtrArray *runs)
{
  g_autoptr (GHashTable) means = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, g_free);

  for (guint i = 0; i < runs->len; i++) {
    const StatusRun *run = g_ptr_array_index (runs, i);
    Mean *mean = g_hash_table_lookup (means, hash_of (run));

    if (run->state != STATUS_DONE || isnan (run->spent))
      continue;
    if (!mean)
      g_hash_table_insert (means, (gpointer) hash_of (run), mean = g_new0 (Mean, 1));
    mean->sum += run->spent;
    mean->n++;
  }
  for (guint i = 0; i < runs->len; i++) {
    StatusRun *run = g_ptr_array_index (runs, i);
    const Mean *mean = g_hash_table_lookup (means, hash_of (run));

    if (!mean || run->state == STATUS_DONE || run->state == STATUS_FAILED)
      continue;
    run->left = mean->sum / mean->n;
    if (run->state == STATUS_RUNNING && run->info.first <= 0 && run->info.begun)
      run->left =
          MAX (0, run->left - (double) (g_get_real_time () / G_USEC_PER_SEC - run->info.begun));
    else
      run->left *= 1 - run->info.done;
  }
}

GPtrArray *
status_gather (const char *folder)
{
  GPtrArray *runs = g_ptr_array_new_with_free_func (run_free);
  g_autoptr (GHashTable) known = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) manifests = g_ptr_array_new_with_free_func (g_free);
  Gathered gathered = { runs, known };

  walk (&gathered, folder, 0, manifests);
  for (guint i = 0; i < manifests->len; i++)
    add_manifest (&gathered, g_ptr_array_index (manifests, i));
  g_ptr_array_sort (runs, by_path);
  improve (runs);
  return runs;
}

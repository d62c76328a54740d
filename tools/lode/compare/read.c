/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run's result.json and config.cfg.
 */
#include "runs.h"

#include "error.h"
#include "run/json.h"

#include <math.h>
#include <string.h>

const RunColumn run_columns[RUN_COLUMNS] = {
  [RUN_ACCURACY] = { "test_accuracy", "accuracy %", 100, 2, true },
  [RUN_BALANCED] = { "test_balanced_accuracy", "balanced %", 100, 2, true },
  [RUN_SEARCH_CPU] = { "search_cpu_s", "search CPU s", 1, 1, false },
  [RUN_SEARCH_MACS] = { "search_macs", "search TMAC", 1e-12, 3, false },
  [RUN_FINAL_CPU] = { "final_cpu_s", "final CPU s", 1, 1, false },
  [RUN_FINAL_MACS] = { "final_macs", "final TMAC", 1e-12, 3, false },
  [RUN_LABELS] = { "labels", "labels", 1, 0, false },
  [RUN_DISTINCT] = { "distinct", "samples", 1, 0, false },
  [RUN_PARAMS] = { "params", "kparams", 1e-3, 1, false },
  [RUN_MACS] = { "macs", "MMAC", 1e-6, 2, false },
  [RUN_MEMORY] = { "peak_memory_bytes", "memory MB", 1e-6, 0, false },
};

/* What a stage's part of result.json says. */
typedef struct Stage {
  const char *name;
  bool searches, evaluates;
  double cpu, macs, labels, distinct, peak;
} Stage;

static void
read_plugins (LodeScan *scan, Stage *stage)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    g_autofree char *value = lode_scan_text (scan);

    if (!strcmp (name, "search"))
      stage->searches = true;
    if (!strcmp (name, "stage") && value)
      stage->evaluates = !strcmp (value, "evaluate");
    g_free (name);
  }
}

static bool
is_text_next (const LodeScan *scan)
{
  const char *at = scan->at;

  while (at < scan->end && g_ascii_isspace (*at))
    at++;
  return at < scan->end && *at == '"';
}

/* Members of data or space, as texts. */
static void
read_facts (LodeScan *scan, CompareRun *run, const char *stage, const char *group)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    g_autofree char *key = g_strconcat (stage, ".", group, ".", name, NULL), *text = NULL;
    double number = 0;

    if (is_text_next (scan))
      text = lode_scan_text (scan);
    else if (lode_scan_number (scan, &number))
      text = g_strdup_printf ("%.10g", number);
    if (text)
      g_hash_table_insert (run->facts, (gpointer) g_intern_string (key),
                           (gpointer) g_intern_string (text));
    g_free (name);
  }
}

static void
read_figures (LodeScan *scan, CompareRun *run, const char *stage)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    RunFigure figure = { stage, g_intern_string (name), NAN };

    lode_scan_number (scan, &figure.value);
    g_array_append_val (run->figures, figure);
    g_free (name);
  }
}

static void
read_cost (LodeScan *scan, Stage *stage)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    double *to = !strcmp (name, "cpu_s")      ? &stage->cpu
                 : !strcmp (name, "macs")     ? &stage->macs
                 : !strcmp (name, "labels")   ? &stage->labels
                 : !strcmp (name, "distinct") ? &stage->distinct
                                              : NULL;

    if (to)
      lode_scan_number (scan, to);
    else
      lode_scan_skip (scan);
    g_free (name);
  }
}

static double
plus (double sum, double value)
{
  return isnan (sum) ? value : isnan (value) ? sum : sum + value;
}

static double
most (double one, double value)
{
  return isnan (one) || value > one ? value : one;
}

/* A search's labels and samples are those that count; before there is one, the largest of all. */
static void
add_stage (CompareRun *run, const Stage *stage)
{
  double *v = run->value;

  v[RUN_MEMORY] = most (v[RUN_MEMORY], stage->peak);
  if (stage->evaluates)
    return;
  v[stage->searches ? RUN_SEARCH_CPU : RUN_FINAL_CPU] =
      plus (v[stage->searches ? RUN_SEARCH_CPU : RUN_FINAL_CPU], stage->cpu);
  v[stage->searches ? RUN_SEARCH_MACS : RUN_FINAL_MACS] =
      plus (v[stage->searches ? RUN_SEARCH_MACS : RUN_FINAL_MACS], stage->macs);
  if (stage->searches && !run->searches)
    v[RUN_LABELS] = v[RUN_DISTINCT] = NAN;
  if (stage->searches || !run->searches) {
    v[RUN_LABELS] = most (v[RUN_LABELS], stage->labels);
    v[RUN_DISTINCT] = most (v[RUN_DISTINCT], stage->distinct);
  }
  run->searches = run->searches || stage->searches;
}

static void
read_stage (LodeScan *scan, CompareRun *run, const char *stage_name)
{
  Stage stage = { g_intern_string (stage_name), false, false, NAN, NAN, NAN, NAN, NAN };
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    if (!strcmp (name, "plugins"))
      read_plugins (scan, &stage);
    else if (!strcmp (name, "data") || !strcmp (name, "space"))
      read_facts (scan, run, stage.name, name);
    else if (!strcmp (name, "figures"))
      read_figures (scan, run, stage.name);
    else if (!strcmp (name, "cost"))
      read_cost (scan, &stage);
    else if (!strcmp (name, "peak_memory_bytes"))
      lode_scan_number (scan, &stage.peak);
    else
      lode_scan_skip (scan);
    g_free (name);
  }
  add_stage (run, &stage);
}

static void
read_stages (LodeScan *scan, CompareRun *run)
{
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    read_stage (scan, run, name);
    g_free (name);
  }
}

/* Runs of before there were seeds apart have one for all. */
static void
read_all (LodeScan *scan, CompareRun *run)
{
  bool search = false, train = false;
  char *name;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    if (!strcmp (name, "label")) {
      g_free (run->label);
      run->label = lode_scan_text (scan);
    } else if (!strcmp (name, "seed"))
      lode_scan_natural (scan, &run->seed);
    else if (!strcmp (name, "search_seed"))
      search = lode_scan_natural (scan, &run->search_seed);
    else if (!strcmp (name, "train_seed"))
      train = lode_scan_natural (scan, &run->train_seed);
    else if (!strcmp (name, "stages"))
      read_stages (scan, run);
    else
      lode_scan_skip (scan);
    g_free (name);
  }
  run->search_seed = search ? run->search_seed : run->seed;
  run->train_seed = train ? run->train_seed : run->seed;
}

double
compare_run_figure (const CompareRun *run, const char *name)
{
  const char *dot = strchr (name, '.');

  for (guint i = run->figures->len; i-- > 0;) {
    const RunFigure *figure = &g_array_index (run->figures, RunFigure, i);

    if (!strcmp (figure->name, dot ? dot + 1 : name)
        && (!dot || !strncmp (figure->stage, name, (size_t) (dot - name))))
      return figure->value;
  }
  for (int i = 0; i < RUN_COLUMNS; i++)
    if (!strcmp (run_columns[i].key, name))
      return run->value[i];
  return NAN;
}

static bool
read_result (CompareRun *run, GError **error)
{
  g_autofree char *path = g_build_filename (run->path, "result.json", NULL), *text = NULL;
  LodeScan scan;
  gsize n;

  if (!g_file_get_contents (path, &text, &n, error))
    return false;
  scan = lode_scan_begin (text, n);
  read_all (&scan, run);
  if (lode_scan_end (&scan))
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s: %s at byte %td", path, scan.wrong,
               scan.at - scan.begin);
  return false;
}

CompareRun *
compare_run_read (const char *path, GHashTable *kinds, GError **error)
{
  CompareRun *run = g_new0 (CompareRun, 1);
  g_autofree char *file = g_build_filename (path, "config.cfg", NULL), *text = NULL;

  run->path = g_strdup (path);
  run->figures = g_array_new (FALSE, FALSE, sizeof (RunFigure));
  run->facts = g_hash_table_new (g_str_hash, g_str_equal);
  for (int i = 0; i < RUN_COLUMNS; i++)
    run->value[i] = NAN;
  if (read_result (run, error) && g_file_get_contents (file, &text, NULL, error)
      && (run->kind = compare_kind_of (kinds, text, error))) {
    static const int from_figures[] = { RUN_ACCURACY, RUN_BALANCED, RUN_PARAMS, RUN_MACS };

    for (size_t i = 0; i < G_N_ELEMENTS (from_figures); i++)
      run->value[from_figures[i]] = compare_run_figure (run, run_columns[from_figures[i]].key);
    return run;
  }
  g_prefix_error (error, "%s: ", path);
  compare_run_free (run);
  return NULL;
}

void
compare_run_free (void *data)
{
  CompareRun *run = data;

  g_array_unref (run->figures);
  g_hash_table_unref (run->facts);
  g_free (run->label);
  g_free (run->path);
  g_free (run);
}

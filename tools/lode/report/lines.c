/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of lines: the ledger and the series of metrics.jsonl, scores.jsonl, trajectory.csv. Half a
 * last line is left out.
 */
#include "gather.h"

#include "run/json.h"
#include "run/lines.h"

#include <math.h>
#include <string.h>

typedef void (*LineFunc) (void *data, const char *text, size_t n);

static void
each_line (const char *text, size_t n, LineFunc take, void *data)
{
  const char *at = text, *line;
  size_t length;

  while (text && lode_lines_next (&at, text + n, &line, &length))
    take (data, line, length);
}

static double *
cost_member (ReportCost *cost, const char *name)
{
  const struct {
    const char *name;
    double *value;
  } members[] = {
    { "samples", &cost->samples }, { "distinct", &cost->distinct }, { "labels", &cost->labels },
    { "macs", &cost->macs },       { "scores", &cost->scores },     { "cpu_s", &cost->cpu },
    { "wall_s", &cost->wall },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (members); i++)
    if (!strcmp (members[i].name, name))
      return members[i].value;
  return NULL;
}

/* What had been spent when a line was written: the last one of a stage holds. */
static void
take_ledger (void *data, const char *text, size_t n)
{
  ReportCost cost = { NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
  LodeScan scan = lode_scan_begin (text, n);
  g_autofree char *stage = NULL, *phase = NULL;
  ReportStage *of;
  char *name;

  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    double *value = cost_member (&cost, name);
    char **word = !strcmp (name, "stage") ? &stage : !strcmp (name, "phase") ? &phase : NULL;

    if (value)
      lode_scan_number (&scan, value);
    else if (word && !*word)
      *word = lode_scan_text (&scan);
    else
      lode_scan_skip (&scan);
    g_free (name);
  }
  if (!lode_scan_end (&scan) || !stage)
    return;
  of = report_stage (data, stage);
  of->cost = cost;
  g_free (of->phase);
  of->phase = g_steal_pointer (&phase);
}

void
report_read_metrics (Report *report)
{
  gsize n;
  g_autofree char *path = g_build_filename (report->path, "metrics.jsonl", NULL);
  g_autofree char *text = report_read (report, NULL, "metrics.jsonl", &n);
  g_autoptr (GError) failure = NULL;

  if (!text)
    return;
  each_line (text, n, take_ledger, report);
  report->series = lode_journal_read (path, &failure);
  if (failure)
    g_ptr_array_add (report->notes, g_strdup (failure->message));
  for (guint i = 0; report->series && i < report->series->len; i++) {
    LodeSeries *series = g_ptr_array_index (report->series, i);

    g_ptr_array_add (report_stage (report, series->stage)->series, series);
  }
}

static void
take_score (void *data, const char *text, size_t n)
{
  ReportScore score = { NAN, NAN };
  double failed = 0;
  LodeScan scan = lode_scan_begin (text, n);
  char *name;

  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    if (!strcmp (name, "fidelity"))
      lode_scan_number (&scan, &score.fidelity);
    else if (!strcmp (name, "value"))
      lode_scan_number (&scan, &score.value);
    else if (!strcmp (name, "failed"))
      lode_scan_number (&scan, &failed);
    else
      lode_scan_skip (&scan);
    g_free (name);
  }
  if (!lode_scan_end (&scan) || isnan (score.fidelity))
    return;
  if (failed != 0)
    score.value = NAN;
  g_array_append_val (((ReportStage *) data)->scores, score);
}

/* Four numbers, then the architecture in quotes, which may hold commas. */
static void
take_change (void *data, const char *text, size_t n)
{
  g_autofree char *line = g_strndup (text, n);
  g_auto (GStrv) part = g_strsplit (line, ",", 5);
  double number[4];

  if (g_strv_length (part) != 5)
    return;
  for (int i = 0; i < 4; i++) {
    char *end;

    number[i] = g_ascii_strtod (part[i], &end);
    if (end == part[i] || *end)
      return;
  }
  n = strlen (part[4]);

  bool quoted = n >= 2 && part[4][0] == '"' && part[4][n - 1] == '"';
  ReportChange change = { number[0], number[1], number[2], number[3],
                          quoted ? g_strndup (part[4] + 1, n - 2) : g_strdup (part[4]) };

  g_array_append_val (((ReportStage *) data)->changes, change);
}

void
report_read_search (Report *report, ReportStage *stage)
{
  gsize n_scores = 0, n_changes = 0;
  g_autofree char *scores = report_read (report, stage->name, "scores.jsonl", &n_scores);
  g_autofree char *changes = report_read (report, stage->name, "trajectory.csv", &n_changes);

  each_line (scores, n_scores, take_score, stage);
  each_line (changes, n_changes, take_change, stage);
}

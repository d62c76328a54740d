/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Curves of a report: what belongs together in one picture, scores with the best so far, and their
 * figures as tables.
 */
#include "format.h"
#include "page.h"
#include "plot.h"

#include <math.h>
#include <string.h>

enum { PLOTS_MAX = 48, CHANGES_MAX = 50, FIDELITIES_MAX = 6 };

/* Series in one picture. */
typedef struct Group {
  const char *title;
  GPtrArray *series; /* const LodeSeries * */
  bool share;        /* between 0 and 1: no logarithms */
} Group;

static void
group_free (void *data)
{
  g_ptr_array_unref (((Group *) data)->series);
  g_free (data);
}

/* A name's last word where series of that word are compared with each other, else all of it. */
static const char *
title_of (const char *name, bool *share)
{
  static const char *const words[] = { "loss", "accuracy", "error" };
  const char *last = strrchr (name, '_');

  last = last ? last + 1 : name;
  *share = !strcmp (last, "accuracy") || !strcmp (last, "error");
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (!strcmp (last, words[i]))
      return words[i];
  return name;
}

static GPtrArray *
groups_of (const ReportStage *stage)
{
  GPtrArray *groups = g_ptr_array_new_with_free_func (group_free);

  for (guint i = 0; i < stage->series->len; i++) {
    LodeSeries *series = g_ptr_array_index (stage->series, i);
    Group *group = NULL;
    bool share;
    const char *title = title_of (series->name, &share);

    for (guint g = 0; g < groups->len && !group; g++) {
      Group *other = g_ptr_array_index (groups, g);

      group = !strcmp (other->title, title) ? other : NULL;
    }
    if (!group) {
      group = g_new0 (Group, 1);
      *group = (Group){ title, g_ptr_array_new (), share };
      g_ptr_array_add (groups, group);
    }
    g_ptr_array_add (group->series, series);
  }
  return groups;
}

/* Whether epochs tell the points of all series apart: they grow, and never go back. */
static bool
epochs_move (const Group *group)
{
  for (guint i = 0; i < group->series->len; i++) {
    const LodeSeries *series = g_ptr_array_index (group->series, i);

    for (uint32_t k = 0; k < series->n; k++)
      if (!isfinite (series->epoch[k]) || (k > 0 && !(series->epoch[k] >= series->epoch[k - 1])))
        return false;
    if (series->n > 1 && !(series->epoch[series->n - 1] > series->epoch[0]))
      return false;
  }
  return true;
}

static void
put_plot (Page *page, const Plot *plot)
{
  report_html (page->out, "<figure>\n<figcaption>$</figcaption>\n", plot->title);
  plot_svg (page->out, plot);
  g_string_append (page->out, "</figure>\n");
}

static void
put_group (Page *page, const Group *group)
{
  g_autofree PlotLine *line = g_new0 (PlotLine, group->series->len);
  g_autofree char *id = g_strdup_printf ("plot%u", ++page->plots);
  bool epochs = epochs_move (group);
  Plot plot = { .id = id,
                .title = group->title,
                .x_name = epochs ? "epoch" : "step",
                .n = group->series->len,
                .line = line,
                .room = page->room,
                .whole = !epochs,
                .may_log = !group->share };

  for (guint i = 0; i < group->series->len; i++) {
    const LodeSeries *series = g_ptr_array_index (group->series, i);

    line[i] = (PlotLine){ series->name, series->n, epochs ? series->epoch : series->step,
                          series->value, false };
  }
  put_plot (page, &plot);
}

static void
put_numbers (Page *page, const LodeSeries *series)
{
  double least = NAN, most = NAN, first = NAN, last = NAN;
  uint32_t finite = 0;

  for (uint32_t i = 0; i < series->n; i++) {
    double value = series->value[i];

    if (!isfinite (value))
      continue;
    first = finite++ ? first : value;
    last = value;
    least = fmin (least, value);
    most = fmax (most, value);
  }
  report_html (page->out, "<tr><th scope=\"row\">$</th><td>$</td><td>$</td>", series->name,
               report_count (series->n).text, report_count (series->n - finite).text);
  report_html (page->out, "<td>$</td><td>$</td><td>$</td><td>$</td></tr>\n",
               report_number (first).text, report_number (last).text, report_number (least).text,
               report_number (most).text);
}

static void
put_series (Page *page, const ReportStage *stage)
{
  g_autoptr (GPtrArray) groups = groups_of (stage);

  g_string_append (page->out, "<div class=\"plots\">\n");
  for (guint i = 0; i < groups->len && i < PLOTS_MAX; i++)
    put_group (page, g_ptr_array_index (groups, i));
  g_string_append (page->out, "</div>\n");
  if (groups->len > PLOTS_MAX)
    report_html (page->out, "<p>$ more are not drawn; the table below has them all.</p>\n",
                 report_count (groups->len - PLOTS_MAX).text);
  g_string_append (page->out, "<details>\n<summary>The curves in figures</summary>\n");
  page_table (page, NULL, "Series|>Values|>Not finite|>First|>Last|>Least|>Greatest");
  for (guint i = 0; i < stage->series->len; i++)
    put_numbers (page, g_ptr_array_index (stage->series, i));
  page_table_end (page);
  g_string_append (page->out, "</details>\n");
}

/* The fidelities that were scored at, greatest first. */
static GArray *
fidelities_of (const ReportStage *stage)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (double));

  for (guint i = 0; i < stage->scores->len; i++) {
    double fidelity = g_array_index (stage->scores, ReportScore, i).fidelity;
    guint at = 0;

    while (at < all->len && g_array_index (all, double, at) > fidelity)
      at++;
    if (at == all->len || g_array_index (all, double, at) != fidelity)
      g_array_insert_val (all, at, fidelity);
  }
  return all;
}

/* Scores of one fidelity as dots, and the best of them so far as stairs. */
typedef struct Climb {
  GArray *x, *y;         /* double */
  GArray *best_x, *best; /* double */
} Climb;

static void
climb (Climb *of, const ReportStage *stage, double fidelity)
{
  double best = NAN;

  for (GArray **array = &of->x; array <= &of->best; array++)
    *array = g_array_new (FALSE, FALSE, sizeof (double));
  for (guint i = 0; i < stage->scores->len; i++) {
    const ReportScore *score = &g_array_index (stage->scores, ReportScore, i);
    double at = i + 1, before = best;

    if (score->fidelity != fidelity)
      continue;
    best = fmax (best, score->value);
    g_array_append_val (of->x, at);
    g_array_append_val (of->y, score->value);
    if (before < best) {
      g_array_append_val (of->best_x, at);
      g_array_append_val (of->best, before);
    }
    g_array_append_val (of->best_x, at);
    g_array_append_val (of->best, best);
  }
}

static void
climb_clear (Climb *of)
{
  for (GArray **array = &of->x; array <= &of->best; array++)
    g_array_unref (*array);
}

static void
put_climb (Page *page, const ReportStage *stage, double fidelity)
{
  g_autofree char *id = g_strdup_printf ("plot%u", ++page->plots);
  g_autofree char *title = g_strdup_printf ("scores at fidelity %s", report_number (fidelity).text);
  Climb of;

  climb (&of, stage, fidelity);

  const PlotLine line[] = {
    { "best so far", of.best->len, (double *) of.best_x->data, (double *) of.best->data, false },
    { "scored", of.y->len, (double *) of.x->data, (double *) of.y->data, true },
  };
  const Plot plot = { .id = id,
                      .title = title,
                      .x_name = "architectures scored",
                      .n = 2,
                      .whole = true,
                      .line = line,
                      .room = page->room };

  put_plot (page, &plot);
  climb_clear (&of);
}

static void
put_scores (Page *page, const ReportStage *stage)
{
  g_autoptr (GArray) fidelities = fidelities_of (stage);
  guint failed = 0;

  for (guint i = 0; i < stage->scores->len; i++)
    failed += isnan (g_array_index (stage->scores, ReportScore, i).value);
  report_html (page->out, "<p>$ scores", report_count (stage->scores->len).text);
  if (failed)
    report_html (page->out, ", of which $ failed", report_count (failed).text);
  g_string_append (page->out, ".</p>\n<div class=\"plots\">\n");
  for (guint i = 0; i < fidelities->len && i < FIDELITIES_MAX; i++)
    put_climb (page, stage, g_array_index (fidelities, double, i));
  g_string_append (page->out, "</div>\n");
}

/* The last changes, for there may be thousands. */
static void
put_changes (Page *page, const ReportStage *stage)
{
  guint n = stage->changes->len, first = n > CHANGES_MAX ? n - CHANGES_MAX : 0;

  report_html (page->out, "<details>\n<summary>The best architecture changed $ times$</summary>\n",
               report_count (n).text, first ? "; the last changes" : "");
  page_table (page, NULL, ">Step|>Samples|>Multiply-adds|>Scores|Best from there on");
  for (guint i = first; i < n; i++) {
    const ReportChange *change = &g_array_index (stage->changes, ReportChange, i);

    report_html (page->out, "<tr><td>$</td><td>$</td><td>$</td><td>$</td>",
                 report_count (change->step).text, report_count (change->samples).text,
                 report_short (change->macs).text, report_count (change->scores).text);
    report_html (page->out, "<td class=\"text long\"><code>$</code></td></tr>\n", change->arch);
  }
  page_table_end (page);
  g_string_append (page->out, "</details>\n");
}

void
page_curves (Page *page)
{
  guint all = page->report->series ? page->report->series->len : 0;
  bool begun = false;

  page->room = CLAMP (40000 / MAX (all, 1), 40, 600);
  for (guint i = 0; i < page->report->stages->len; i++) {
    const ReportStage *stage = g_ptr_array_index (page->report->stages, i);

    if (!stage->series->len && !stage->scores->len && !stage->changes->len)
      continue;
    report_html (page->out, "$<h3>$</h3>\n", "", stage->name);
    if (stage->series->len)
      put_series (page, stage);
    if (stage->scores->len)
      put_scores (page, stage);
    if (stage->changes->len)
      put_changes (page, stage);
    begun = true;
  }
  if (!begun)
    g_string_append (page->out, "<p>Nothing was measured yet.</p>\n");
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "format.h"

#include <math.h>
#include <string.h>

void
page_table (Page *page, const char *caption, const char *columns)
{
  g_auto (GStrv) column = g_strsplit (columns, "|", -1);

  /* What scrolls must be within reach of the keyboard. */
  report_html (page->out,
               "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"$\">\n<table>\n",
               caption ? caption : "table");
  if (caption)
    report_html (page->out, "<caption>$</caption>\n", caption);
  g_string_append (page->out, "<thead><tr>");
  for (char **name = column; *name; name++)
    if (**name == '>')
      report_html (page->out, "<th scope=\"col\">$</th>", *name + 1);
    else
      report_html (page->out, "<th scope=\"col\" class=\"text\">$</th>", *name);
  g_string_append (page->out, "</tr></thead>\n<tbody>\n");
}

void
page_table_end (Page *page)
{
  g_string_append (page->out, "</tbody>\n</table>\n</div>\n");
}

/* One word for how a run is; "killed" where it says that it runs and nobody holds it. */
static const char *
state_of (const Report *report)
{
  if (!report->has_status)
    return "unknown";
  if (report->status.status == LODE_STATUS_RUNNING && !report->status.held)
    return "killed";
  return lode_status_name (report->status.status);
}

static void
put_head (Page *page)
{
  const Report *report = page->report;

  report_html (page->out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width, "
                          "initial-scale=1\">\n"
                          "<meta name=\"color-scheme\" content=\"light dark\">\n");
  report_html (page->out, "<title>$ $ seed $ – $</title>\n<style>\n", report->experiment,
               report->label, report->seed, state_of (report));
  g_string_append (page->out, report_style);
  g_string_append (page->out, "</style>\n</head>\n<body>\n");
}

static void
put_title (Page *page)
{
  const Report *report = page->report;
  const char *state = state_of (report);

  report_html (page->out, "<header>\n<h1>$</h1>\n<p class=\"about\">",
               *report->experiment ? report->experiment : "An experiment without a name");
  if (*report->label)
    report_html (page->out, "$ · ", report->label);
  if (*report->seed)
    report_html (page->out, "seed $ · ", report->seed);
  report_html (page->out, "<span class=\"state $\">$</span>", state, state);
  if (report->has_status && report->status.status != LODE_STATUS_DONE)
    report_html (page->out, " at $%", report_word ("%.0f", 100 * report->status.done).text);
  if (report->has_status && report->status.updated > 0)
    report_html (page->out, " · $", report_moment (report->status.updated).text);
  report_html (page->out, "</p>\n<p class=\"about\"><code>$</code></p>\n</header>\n<main>\n",
               report->path);
}

static const char *
sentence_of (const char *state)
{
  static const struct {
    const char *state, *sentence;
  } all[] = {
    { "failed", "The run failed" },
    { "killed", "The run was killed, or its machine went down" },
    { "checkpointed", "The run was stopped with a checkpoint" },
    { "running", "The run is under way" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    if (!strcmp (all[i].state, state))
      return all[i].sentence;
  return "The run has not begun";
}

/* Why a run that is not done is not, and how to go on. */
static void
put_alert (Page *page)
{
  const Report *report = page->report;
  const LodeStatusInfo *status = &report->status;
  const char *state = state_of (report);
  bool bad = !strcmp (state, "failed") || !strcmp (state, "killed");

  if (!report->has_status || status->status == LODE_STATUS_DONE)
    return;
  report_html (page->out, "<div class=\"alert$\" role=\"note\">\n<p>$", bad ? "" : " wait",
               sentence_of (state));
  if (*status->stage)
    report_html (page->out, ", in the stage $", status->stage);
  g_string_append (page->out, ".</p>\n");
  if (*status->message)
    report_html (page->out, "<p>$</p>\n", status->message);
  if (bad || status->status == LODE_STATUS_CHECKPOINTED)
    report_html (page->out,
                 "<p>To go on from the last checkpoint: <code>lode resume $</code></p>\n",
                 report->path);
  g_string_append (page->out, "</div>\n");
}

static void
put_figures (Page *page)
{
  bool begun = false;

  for (guint i = 0; i < page->report->stages->len; i++) {
    const ReportStage *stage = g_ptr_array_index (page->report->stages, i);
    JsonObject *figures = report_member_object (stage->result, "figures");
    g_autoptr (GList) names = figures ? json_object_get_members (figures) : NULL;

    if (names && !begun)
      page_table (page, NULL, "Stage|Figure|>Value");
    for (GList *name = names; name; name = name->next, begun = true)
      report_html (page->out,
                   "<tr><th scope=\"row\">$</th><td class=\"text\">$</td><td>$</td></tr>\n",
                   stage->name, (const char *) name->data,
                   report_number (report_member_number (figures, name->data)).text);
  }
  if (begun)
    page_table_end (page);
  else
    g_string_append (page->out, "<p>There are no final figures yet.</p>\n");
}

static void
put_notes (Page *page)
{
  if (!page->report->notes->len)
    return;
  g_string_append (page->out, "<h2>What could not be read</h2>\n<ul>\n");
  for (guint i = 0; i < page->report->notes->len; i++)
    report_html (page->out, "<li>$</li>\n",
                 (const char *) g_ptr_array_index (page->report->notes, i));
  g_string_append (page->out, "</ul>\n");
}

char *
report_page (const Report *report)
{
  Page page = { .out = g_string_new (NULL), .report = report };

  put_head (&page);
  put_title (&page);
  put_alert (&page);
  g_string_append (page.out, "<h2>Results</h2>\n");
  put_figures (&page);
  g_string_append (page.out, "<h2>Stages</h2>\n");
  page_stages (&page);
  page_networks (&page);
  g_string_append (page.out, "<h2>Curves</h2>\n");
  page_curves (&page);
  page_environment (&page);
  put_notes (&page);
  g_string_append (page.out, "</main>\n</body>\n</html>\n");
  return g_string_free (page.out, FALSE);
}

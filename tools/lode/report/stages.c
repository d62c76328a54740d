/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages of a run worked with, what they cost, and the architectures that they found.
 */
#include "format.h"
#include "page.h"

#include <math.h>
#include <string.h>

static const char *
state_of (const Report *report, const ReportStage *stage)
{
  if (stage->result)
    return "done";
  if (report->has_status && report->status.status != LODE_STATUS_DONE
      && !strcmp (report->status.stage, stage->name))
    return report->status.status == LODE_STATUS_RUNNING && !report->status.held
               ? "killed"
               : lode_status_name (report->status.status);
  return isfinite (stage->cost.samples) ? "begun" : "not begun";
}

static double
sum (double a, double b)
{
  return isnan (a) ? b : isnan (b) ? a : a + b;
}

static void
put_cost (Page *page, const ReportCost *cost)
{
  report_html (page->out, "<td>$</td><td>$</td><td>$</td><td>$</td>", report_time (cost->wall).text,
               report_time (cost->cpu).text, report_count (cost->samples).text,
               report_count (cost->distinct).text);
  report_html (page->out, "<td>$</td><td title=\"$\">$</td><td>$</td><td>$</td></tr>\n",
               report_count (cost->labels).text, report_count (cost->macs).text,
               report_short (cost->macs).text, report_count (cost->scores).text,
               report_bytes (cost->peak).text);
}

/* Distinct samples and labels of different stages may be the same ones: they have no sum. */
static void
put_costs (Page *page)
{
  ReportCost total = { NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };

  page_table (page, "Cost; the time is measured, everything else counted",
              "Stage|State|>Time|>CPU time|>Samples|>Distinct|>Labels|>Multiply-adds|>Scores|"
              ">Peak memory");
  for (guint i = 0; i < page->report->stages->len; i++) {
    const ReportStage *stage = g_ptr_array_index (page->report->stages, i);
    const char *state = state_of (page->report, stage);

    report_html (
        page->out,
        "<tr><th scope=\"row\">$</th><td class=\"text\"><span class=\"state $\">$</span>$</td>",
        stage->name, state, state, "");
    put_cost (page, &stage->cost);
    total.wall = sum (total.wall, stage->cost.wall);
    total.cpu = sum (total.cpu, stage->cost.cpu);
    total.samples = sum (total.samples, stage->cost.samples);
    total.macs = sum (total.macs, stage->cost.macs);
    total.scores = sum (total.scores, stage->cost.scores);
    total.peak = fmax (total.peak, stage->cost.peak);
  }
  g_string_append (page->out, "</tbody>\n<tfoot>\n<tr><th scope=\"row\">all</th><td></td>");
  put_cost (page, &total);
  g_string_append (page->out, "</tfoot>\n</table>\n</div>\n");
}

static void
put_plugins (Page *page, const ReportStage *stage)
{
  JsonObject *plugins = report_member_object (stage->result, "plugins");
  g_autoptr (GList) kinds = plugins ? json_object_get_members (plugins) : NULL;

  if (!plugins)
    report_text (page->out, stage->type ? stage->type : "–");
  for (GList *kind = kinds; kind; kind = kind->next)
    report_html (page->out, "$$ <b>$</b>", kind == kinds ? "" : ", ", (const char *) kind->data,
                 report_member_text (plugins, kind->data));
}

static void
put_data (Page *page, const ReportStage *stage)
{
  static const char *const roles[] = { "train", "arch", "valid", "test" };
  JsonObject *data = report_member_object (stage->result, "data");
  const char *digest = report_member_text (data, "sha256");
  g_autofree char *start = digest ? g_strndup (digest, 12) : NULL;

  if (!data)
    return;
  report_html (page->out, "$, $ × $ × $, $ classes", report_member_text (data, "type"),
               report_count (report_member_number (data, "height")).text,
               report_count (report_member_number (data, "width")).text,
               report_count (report_member_number (data, "channels")).text,
               report_count (report_member_number (data, "classes")).text);
  for (size_t i = 0; i < G_N_ELEMENTS (roles); i++) {
    double n = report_member_number (data, roles[i]);

    if (n > 0)
      report_html (page->out, ", $ $", roles[i], report_count (n).text);
  }
  if (start)
    report_html (page->out, ", <code title=\"sha256 $\">$…</code>", digest, start);
}

static void
put_space (Page *page, const ReportStage *stage)
{
  JsonObject *space = report_member_object (stage->result, "space");

  if (space)
    report_html (page->out, "$ decisions, 10<sup>$</sup> architectures",
                 report_count (report_member_number (space, "decisions")).text,
                 report_word ("%.1f", report_member_number (space, "log10_architectures")).text);
}

void
page_stages (Page *page)
{
  if (!page->report->stages->len) {
    g_string_append (page->out, "<p>No stage is known.</p>\n");
    return;
  }
  put_costs (page);
  page_table (page, "What each stage worked with", "Stage|Plugins|Data|Space");
  for (guint i = 0; i < page->report->stages->len; i++) {
    const ReportStage *stage = g_ptr_array_index (page->report->stages, i);

    report_html (page->out, "<tr><th scope=\"row\">$</th><td class=\"text long\">", stage->name);
    put_plugins (page, stage);
    g_string_append (page->out, "</td><td class=\"text long\">");
    put_data (page, stage);
    g_string_append (page->out, "</td><td class=\"text long\">");
    put_space (page, stage);
    g_string_append (page->out, "</td></tr>\n");
  }
  page_table_end (page);
}

static void
put_drawing (Page *page, const ReportStage *stage)
{
  if (!stage->drawing) {
    g_string_append (page->out, "<p class=\"none\">There is no drawing of it: arch.svg is written "
                                "where Graphviz is installed.</p>\n");
    return;
  }
  report_html (page->out,
               "<div class=\"drawing\" role=\"img\" tabindex=\"0\" aria-label=\"The architecture "
               "that $ found; its text follows\">\n",
               stage->name);
  g_string_append (page->out, stage->drawing);
  g_string_append (page->out, "\n</div>\n");
}

static void
put_decisions (Page *page, JsonObject *decisions)
{
  g_autoptr (GList) names = decisions ? json_object_get_members (decisions) : NULL;

  if (!names)
    return;
  g_string_append (page->out, "<details>\n<summary>Decision by decision</summary>\n");
  page_table (page, NULL, "Decision|Taken");
  for (GList *name = names; name; name = name->next)
    report_html (page->out, "<tr><th scope=\"row\">$</th><td class=\"text\">$</td></tr>\n",
                 (const char *) name->data, report_member_text (decisions, name->data));
  page_table_end (page);
  g_string_append (page->out, "</details>\n");
}

static void
put_network (Page *page, const ReportStage *stage)
{
  const char *text = report_member_text (stage->arch, "text");
  double params = report_member_number (stage->arch, "params");
  double macs = report_member_number (stage->arch, "macs");

  report_html (page->out, "<h3>Found by $</h3>\n", stage->name);
  if (isfinite (params) && isfinite (macs))
    report_html (page->out,
                 "<p>$ parameters, <span title=\"$\">$</span> multiply-adds a sample.</p>\n",
                 report_count (params).text, report_count (macs).text, report_short (macs).text);
  put_drawing (page, stage);
  if (stage->arch_text || text)
    report_html (page->out, "<pre class=\"wrap\">$</pre>\n",
                 stage->arch_text ? stage->arch_text : text);
  put_decisions (page, report_member_object (stage->arch, "decisions"));
}

void
page_networks (Page *page)
{
  bool begun = false;

  for (guint i = 0; i < page->report->stages->len; i++) {
    const ReportStage *stage = g_ptr_array_index (page->report->stages, i);

    if (!stage->arch && !stage->arch_text && !stage->drawing)
      continue;
    if (!begun)
      g_string_append (page->out, "<h2>Architectures</h2>\n");
    begun = true;
    put_network (page, stage);
  }
}

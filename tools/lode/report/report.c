/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode report`: a page about a run, from the files of its directory alone.
 */
#include "report.h"

#include "common.h"
#include "page.h"
#include "run/file.h"
#include "verbs.h"

#include <string.h>

static gboolean as_json;

static const GOptionEntry options[] = { { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json,
                                          "Print the data behind the pages instead of writing them",
                                          NULL },
                                        G_OPTION_ENTRY_NULL };

static const LodeUsage usage = {
  "RUN…",
  "Writes RUN/report.html: what was searched and found, what it cost, all curves, the\n"
  "architectures, the configuration, the environment. RUN is a run's directory; the run may be\n"
  "under way, stopped or failed. Nothing but its files is needed, and the page needs nothing but\n"
  "itself. The pages' paths are printed.",
  "--json prints an array with an object for each RUN: path, experiment, label, seed, status, "
  "env,\n"
  "stages (name, type, phase, result, cost, architecture, arch, series, scores, trajectory), and\n"
  "notes on what could not be read.\n\n"
  "Exit codes: 0, 1 where a page cannot be written, 2 where RUN is no run directory.\n\n"
  "Examples:\n"
  "  lode report runs/quickstart/default/s1-3f2a9c01\n"
  "  lode report --json RUN | jq '.[].stages[].result.figures'",
  options, false
};

bool
lode_report_write (const char *run, GError **error)
{
  g_autoptr (Report) report = report_gather (run, error);
  g_autofree char *page = NULL, *path = NULL;

  if (!report)
    return false;
  page = report_page (report);
  path = g_build_filename (run, "report.html", NULL);
  return lode_file_write (path, page, strlen (page), error);
}

static int
print_json (char **runs)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  int code = LODE_EXIT_DONE;

  json_builder_begin_array (json);
  for (; *runs; runs++) {
    GError *error = NULL;
    g_autoptr (Report) report = report_gather (*runs, &error);
    int failed = report ? LODE_EXIT_DONE : lode_fail (error);

    if (report)
      report_json (json, report);
    code = code ? code : failed;
  }
  json_builder_end_array (json);
  lode_json_print (json_builder_get_root (json));
  return code;
}

static int
write_pages (char **runs)
{
  int code = LODE_EXIT_DONE;

  for (; *runs; runs++) {
    GError *error = NULL;

    if (lode_report_write (*runs, &error)) {
      g_autofree char *path = g_build_filename (*runs, "report.html", NULL);

      puts (path);
    } else {
      int failed = lode_fail (error);

      code = code ? code : failed;
    }
  }
  return code;
}

int
lode_verb_report (int argc, char **argv)
{
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc < 2)
    return lode_usage_error ("name a run's directory: lode report RUN…");
  return as_json ? print_json (argv + 1) : write_pages (argv + 1);
}

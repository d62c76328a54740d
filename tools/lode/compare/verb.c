/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode compare: what finished runs say about what differs between them.
 */
#include "common.h"
#include "print.h"
#include "verbs.h"

#include <string.h>

static char **by, *metric, *baseline, *test, *format;
static gboolean force, smaller, json;

static const GOptionEntry options[] = {
  { "by", 'b', 0, G_OPTION_ARG_STRING_ARRAY, &by,
    "Groups are what differs in PATH (an end of it does, also \"label\"); what else differs is\n"
    "                           paired; may be repeated. Without it, groups are all that differs",
    "PATH" },
  { "metric", 'm', 0, G_OPTION_ARG_STRING, &metric,
    "The figure that is compared: test_accuracy, or what a stage reports, or a column", "NAME" },
  { "baseline", 0, 0, G_OPTION_ARG_STRING, &baseline, "Compare each group with this one alone",
    "GROUP" },
  { "test", 0, 0, G_OPTION_ARG_STRING, &test, "permutation (without it) or wilcoxon", "TEST" },
  { "smaller", 0, 0, G_OPTION_ARG_NONE, &smaller,
    "Less is better; so it is anyway but for accuracies and scores", NULL },
  { "force", 0, 0, G_OPTION_ARG_NONE, &force, "Mix runs of other data, split, space or recipe",
    NULL },
  { "format", 'f', 0, G_OPTION_ARG_STRING, &format, "text, csv, markdown, latex or json",
    "FORMAT" },
  { "json", 'j', 0, G_OPTION_ARG_NONE, &json, "The same as --format json", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "RUN…",
  .summary = "Compare finished runs, RUN being their directories or folders above them: mean and "
             "standard\n"
             "deviation of each group, and for each two groups the differences of runs that have "
             "everything\n"
             "else in common, seeds above all, with an interval, a test, an effect and a verdict "
             "that never\n"
             "says more than the runs do. How: docs/compare.md.",
  .more = "Examples:\n"
          "  lode compare runs/first\n"
          "  lode compare --by search.type --metric valid_accuracy runs/mine runs/theirs\n"
          "  lode compare --format latex runs/first > table.tex\n\n"
          "Exit codes: 0, 2 where runs are not of one benchmark, or there are none.",
  .options = options,
};

static const char *const formats[] = { "text", "markdown", "latex", "csv", "json", NULL };

/* The position of the format's name, −1 with a message where there is none. */
static int
format_of (void)
{
  if (json || !format)
    return json ? 4 : 0;
  for (int i = 0; formats[i]; i++)
    if (!strcmp (formats[i], format) || (i == 1 && !strcmp (format, "md")))
      return i;
  lode_usage_error ("compare: --format %s: expected text, csv, markdown, latex or json", format);
  return -1;
}

int
lode_verb_compare (int argc, char **argv)
{
  g_autoptr (CompareRuns) runs = NULL;
  g_autoptr (Comparison) comparison = NULL;
  GError *failure = NULL;
  int code, form;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  form = format_of ();
  if (form < 0)
    return LODE_EXIT_USAGE;
  if (test && strcmp (test, "permutation") && strcmp (test, "wilcoxon"))
    return lode_usage_error ("compare: --test %s: expected permutation or wilcoxon", test);
  if (argc < 2)
    return lode_usage_error ("compare: name runs, or a folder of runs: lode compare runs/first");
  runs = compare_runs_read (argv + 1, &failure);
  if (runs) {
    const CompareWish wish = { by, metric, baseline, force, test && *test == 'w', smaller };

    comparison = compare_new (runs, &wish, &failure);
  }
  if (!comparison)
    return lode_fail (failure);
  if (form == 4)
    compare_print_json (comparison);
  else if (form == 3)
    compare_print_csv (comparison);
  else
    compare_print (comparison, (TableForm) form);
  return LODE_EXIT_DONE;
}

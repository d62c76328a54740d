/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data`: finds the word and hands over.
 */
#include "look.h"

#include "verbs.h"

#include <string.h>

typedef struct Word {
  const char *name, *summary;
  int (*run) (int argc, char **argv);
} Word;

static const Word words[] = {
  { "list", "data sets that are found, and how a configuration names them", data_list },
  { "check", "what is in a folder or file, what is wrong with it; writes an experiment",
    data_check },
  { "stats", "examples by class and split, values by channel", data_stats },
  { "sheet", "a picture of some examples of each class", data_sheet },
  { "import", "a copy as arrays, which opens at once; a published benchmark", data_import },
  { "build-table", "trains all networks of a small space, as a benchmark", data_build_table },
};

static const LodeUsage usage = {
  .words = "WORD …",
  .summary =
      "Looks at data before anything is trained on them. Folders of PNG and JPEG, CSV manifests\n"
      "of pictures, tables (CSV, ARFF, libsvm), NumPy arrays, IDX, CIFAR and Omniglot are told\n"
      "apart by what is in them.",
  .more = "Examples:\n"
          "  lode data check pictures     then the `lode run` line that it prints\n"
          "  lode data sheet pictures -o sheet.png",
};

static void
print_help (FILE *to)
{
  fprintf (to, "Usage:\n  lode data WORD [OPTION…] …\n\n%s\n\nWords:\n", usage.summary);
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    fprintf (to, "  %-11s %s\n", words[i].name, words[i].summary);
  fprintf (to, "\n`lode data WORD --help` tells about one of them.\n\n%s\n", usage.more);
}

/* To whoever asks what there is, the words are verbs of their own. */
static int
tell_words (int argc, char **argv)
{
  int code;

  lode_usage_parse (&usage, &argc, &argv, &code);
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autofree char *both = g_strconcat ("data ", words[i].name, NULL);
    char *line[] = { both, (char *) "--help", NULL };

    words[i].run (2, line);
  }
  return code;
}

int
lode_verb_data (int argc, char **argv)
{
  const char *name = argc > 1 ? argv[1] : NULL, *names[G_N_ELEMENTS (words) + 1] = { NULL };
  const char *near;

  if (lode_usage_is_told ())
    return tell_words (argc, argv);
  if (!name) {
    print_help (stderr);
    return LODE_EXIT_USAGE;
  }
  if (!strcmp (name, "--help") || !strcmp (name, "-h")) {
    print_help (stdout);
    return LODE_EXIT_DONE;
  }
  for (size_t i = 0; i < G_N_ELEMENTS (words); i++) {
    g_autofree char *both = g_strconcat ("data ", words[i].name, NULL);

    names[i] = words[i].name;
    if (strcmp (name, words[i].name))
      continue;
    argv[1] = both;
    return words[i].run (argc - 1, argv + 1);
  }
  near = lode_nearest (name, names);
  return lode_usage_error ("there is no word \"%s\" of data%s%s%s; `lode data --help` names them",
                           name, near ? "; did you mean \"" : "", near ? near : "",
                           near ? "\"?" : "");
}

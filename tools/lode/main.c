/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command: finds the verb and hands over. A new verb is a folder with its .c
 * (tools/meson.build), a prototype in verbs.h and a line in the table below.
 */
#include "common.h"
#include "verbs.h"

#include <errno.h>
#include <locale.h>
#include <string.h>

typedef struct Verb {
  const char *name, *summary;
  int (*run) (int argc, char **argv);
} Verb;

static const Verb verbs[] = {
  { "run", "run an experiment, or say what it will cost", lode_verb_run },
  { "resume", "go on with a run that was stopped or killed", lode_verb_resume },
  { "sweep", "do many runs: the points of a grid, the arms of a study", lode_verb_sweep },
  { "status", "say which runs go on, wait, failed or are done", lode_verb_status },
  { "compare", "compare finished runs: means, paired differences, verdicts", lode_verb_compare },
  { "bench", "time training steps on this machine", lode_verb_bench },
  { "check", "hold plugins against their contract, each test in a process of its own",
    lode_verb_check },
  { "data", "look at data: what is in a folder, what is wrong with it, how to train on it",
    lode_verb_data },
  { "select", "choose examples to label, from feature files alone", lode_verb_select },
  { "list", "name the plugins that are found, and which of them go together", lode_verb_list },
  { "show", "describe a plugin: options, needs, source", lode_verb_show },
  { "report", "write a page about a run: what it found and cost, curves, configuration",
    lode_verb_report },
  { "doctor", "look at this machine and this installation, and say what is missing",
    lode_verb_doctor },
};

static const Verb *
find_verb (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (verbs); i++)
    if (!strcmp (verbs[i].name, name))
      return &verbs[i];
  return NULL;
}

static void
print_help (FILE *to)
{
  fputs ("Usage:\n  lode VERB [OPTION…] …\n\n"
         "Data-efficient neural architecture search: experiments, the plugins they are made of,\n"
         "and what came out.\n\nVerbs:\n",
         to);
  for (size_t i = 0; i < G_N_ELEMENTS (verbs); i++)
    fprintf (to, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
  fputs ("\nOptions:\n"
         "  -h, --help     this text; `lode VERB --help` tells about one verb\n"
         "  --version      the version of the command and of its plugin interface\n\n"
         "Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 data, 4 plugin,\n"
         "75 stopped with a checkpoint, run again.\n",
         to);
}

static int
unknown_verb (const char *name)
{
  const char *names[G_N_ELEMENTS (verbs) + 1] = { NULL };
  const char *near;

  for (size_t i = 0; i < G_N_ELEMENTS (verbs); i++)
    names[i] = verbs[i].name;
  near = lode_nearest (name, names);
  if (near)
    return lode_usage_error ("there is no verb \"%s\"; did you mean \"%s\"?", name, near);
  return lode_usage_error ("there is no verb \"%s\"; `lode --help` names them", name);
}

static int
run_verb (int argc, char **argv)
{
  const Verb *verb = find_verb (argv[0]);

  return verb ? verb->run (argc, argv) : unknown_verb (argv[0]);
}

static int
help (const char *about)
{
  char *words[] = { (char *) about, (char *) "--help", NULL };

  if (about)
    return run_verb (2, words);
  print_help (stdout);
  return LODE_EXIT_DONE;
}

static int
dispatch (int argc, char **argv)
{
  const char *word = argc > 1 ? argv[1] : NULL;

  if (!word) {
    print_help (stderr);
    return LODE_EXIT_USAGE;
  }
  if (!strcmp (word, "--help") || !strcmp (word, "-h"))
    return help (NULL);
  if (!strcmp (word, "help"))
    return help (argv[2]);
  if (!strcmp (word, "--version")) {
    printf ("lode %s, plugin interface %d.%d\n", LODE_VERSION, LODE_ABI_MAJOR, LODE_ABI_MINOR);
    return LODE_EXIT_DONE;
  }
  if (*word == '-')
    return lode_usage_error ("there is no option %s here; `lode --help` names what there is", word);
  return run_verb (argc - 1, argv + 1);
}

/* Letters are the user's, numbers are everybody's: "0.5" in every locale. */
static void
set_locale (void)
{
  setlocale (LC_ALL, "");
  setlocale (LC_NUMERIC, "C");
}

int
main (int argc, char **argv)
{
  int code;

  set_locale ();
  code = dispatch (argc, argv);
  if (fflush (stdout) != 0 || ferror (stdout)) {
    lode_say ("cannot write the output: %s", g_strerror (errno));
    return LODE_EXIT_FAILED;
  }
  return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command: finds the verb and hands over. A new verb is a folder with its .c
 * (tools/meson.build), a prototype in verbs.h and a line in the table below.
 */
#include "commit.h"
#include "common.h"
#include "help/help.h"
#include "run/environment.h"
#include "verbs.h"

#include <errno.h>
#include <locale.h>
#include <string.h>

static const Verb verbs[] = {
  { "run", "run an experiment, or say what it will cost", lode_verb_run },
  { "resume", "go on with a run that was stopped or killed", lode_verb_resume },
  { "sweep", "do many runs: the points of a grid, the arms of a study", lode_verb_sweep },
  { "status", "say which runs go on, wait, failed or are done", lode_verb_status },
  { "compare", "compare finished runs: means, paired differences, verdicts", lode_verb_compare },
  { "bench", "time training steps on this machine", lode_verb_bench },
  { "check", "hold plugins against their contract, each test in a process of its own",
    lode_verb_check },
  { "new", "write a project for a plugin of one's own, that builds and runs", lode_verb_new },
  { "data", "look at data: what is in a folder, what is wrong with it, how to train on it",
    lode_verb_data },
  { "select", "choose examples to label, from feature files alone", lode_verb_select },
  { "list", "name the plugins that are found, and which of them go together", lode_verb_list },
  { "show", "describe a plugin: options, needs, source", lode_verb_show },
  { "report", "write a page about a run: what it found and cost, curves, configuration",
    lode_verb_report },
  { "doctor", "look at this machine and this installation, and say what is missing",
    lode_verb_doctor },
  { "help", "tell about a verb, or about all of them",
    NULL }, /* help_verb, which wants this table */
  { NULL, NULL, NULL },
};

static int
unknown_verb (const char *name)
{
  const char *names[G_N_ELEMENTS (verbs)] = { NULL };
  const char *near;

  for (size_t i = 0; verbs[i].name; i++)
    names[i] = verbs[i].name;
  near = lode_nearest (name, names);
  if (near)
    return lode_usage_error ("there is no verb \"%s\"; did you mean \"%s\"?", name, near);
  return lode_usage_error ("there is no verb \"%s\"; `lode --help` names them", name);
}

static int
run_verb (int argc, char **argv)
{
  for (const Verb *verb = verbs; verb->name; verb++)
    if (!strcmp (verb->name, argv[0]))
      return verb->run ? verb->run (argc, argv) : help_verb (verbs, argc, argv);
  return unknown_verb (argv[0]);
}

static int
dispatch (int argc, char **argv)
{
  const char *word = argc > 1 ? argv[1] : NULL;

  if (!word) {
    help_print (verbs, stderr);
    return LODE_EXIT_USAGE;
  }
  if (!strcmp (word, "--help") || !strcmp (word, "-h")) {
    help_print (verbs, stdout);
    return LODE_EXIT_DONE;
  }
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
  lode_environment_commit (LODE_COMMIT);
  code = dispatch (argc, argv);
  if (fflush (stdout) != 0 || ferror (stdout)) {
    lode_say ("cannot write the output: %s", g_strerror (errno));
    return LODE_EXIT_FAILED;
  }
  return code;
}

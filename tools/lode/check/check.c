/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode check`: holds plugins against their contract, test by test.
 */
#include "check.h"

#include "common.h"
#include "plugin/probe.h"
#include "verbs.h"

#include <string.h>
#include <unistd.h>

static gchar *only, **sets;
static gboolean list, as_json, as_tap, in_process;
static gint64 seed = 1;
static gdouble patience = 120;

static const GOptionEntry options[] = {
  { "only", 'o', 0, G_OPTION_ARG_STRING, &only,
    "Only tests of this name or group, or that match this pattern", "PATTERN" },
  { "list", 'l', 0, G_OPTION_ARG_NONE, &list, "Name the tests instead of running them", NULL },
  { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &sets,
    "Set an option of the plugin (a folder of its data); may be repeated", "OPTION=VALUE" },
  { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Seed of all random numbers (1)", "N" },
  { "timeout", 't', 0, G_OPTION_ARG_DOUBLE, &patience, "What a test may take (120)", "SECONDS" },
  { "in-process", 0, 0, G_OPTION_ARG_NONE, &in_process,
    "Run the tests in this process, for a debugger", NULL },
  { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json, "Print JSON instead of text", NULL },
  { "tap", 0, 0, G_OPTION_ARG_NONE, &as_tap, "Print TAP instead of text, for meson test", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "FILE.so… | KIND/NAME…",
  .summary =
      "Holds plugins against their contract: file, descriptor, options, life, gradients,\n"
      "determinism, state, and what their kind promises. Every test runs in a process of its\n"
      "own and passes, fails, is skipped for a reason, ends by an error, or by its timeout.",
  .more = "Exit codes: 0; 1 where anything failed; 2 for a wrong command line; 4 for what is no\n"
          "plugin or does not load.\n\n"
          "Examples:\n"
          "  lode check ./loss_mine.so\n"
          "  lode check loss/mine --only gradients\n"
          "  lode check dataset/idx --set folder=fashion-mnist\n"
          "  gdb --args lode check ./search_mine.so --only search/steps --in-process",
  .options = options,
  .plugins = true,
};

/* A plugin of the command line. */
typedef struct Subject {
  char *id, *kind, *path;
  const char *name; /* in id */
  GPtrArray *tests; /* const CheckTest * */
} Subject;

static void
subject_free (gpointer data)
{
  Subject *subject = data;

  g_free (subject->id);
  g_free (subject->kind);
  g_free (subject->path);
  g_clear_pointer (&subject->tests, g_ptr_array_unref);
  g_free (subject);
}

/* "kind/name" (transfer full) of a word; a file becomes the registry's. */
static char *
id_of (LodeRegistry *registry, const char *word, int *code)
{
  const char *slash = strchr (word, '/');
  GError *error = NULL;
  char *id;

  if (!g_str_has_suffix (word, ".so") && slash && slash != word && slash[1]
      && !strchr (slash + 1, '/'))
    return g_strdup (word);
  id = lode_registry_name_file (registry, word, &error);
  if (!id)
    *code = lode_fail (error);
  return id;
}

/* Tried in a child first, so that nothing of it is in this process when the tests fork. */
static bool
is_plugin (LodeRegistry *registry, const Subject *subject, int *code)
{
  GError *error = NULL;
  g_autoptr (GPtrArray) probed =
      lode_registry_probe (registry, (const char *[]){ subject->id, NULL }, &error);
  LodeProbed *one = probed ? probed->pdata[0] : NULL;

  if (one && !one->error)
    return true;
  *code = lode_fail (one ? g_steal_pointer (&one->error) : error);
  return false;
}

static Subject *
subject_new (LodeRegistry *registry, const char *word, int *code)
{
  Subject *subject = g_new0 (Subject, 1);

  subject->id = id_of (registry, word, code);
  if (subject->id && is_plugin (registry, subject, code)) {
    subject->name = strchr (subject->id, '/') + 1;
    subject->kind = g_strndup (subject->id, (gsize) (subject->name - subject->id - 1));
    subject->path = lode_registry_path (registry, subject->kind, subject->name);
    subject->tests = check_catalogue (subject->kind, only);
    return subject;
  }
  subject_free (subject);
  return NULL;
}

static void
print_tests (const char *kind)
{
  g_autoptr (GPtrArray) tests = check_catalogue (kind, only), cells = g_ptr_array_new ();

  for (guint i = 0; i < tests->len; i++) {
    const CheckTest *test = tests->pdata[i];

    g_ptr_array_add (cells, (gpointer) test->id);
    g_ptr_array_add (cells, (gpointer) (test->kinds ? test->kinds : "all"));
    g_ptr_array_add (cells, (gpointer) test->doc);
  }
  lode_columns_print (3, cells);
}

static void
list_json (const char *kind)
{
  g_autoptr (GPtrArray) tests = check_catalogue (kind, only);
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_array (json);
  for (guint i = 0; i < tests->len; i++) {
    const CheckTest *test = tests->pdata[i];

    json_builder_begin_object (json);
    lode_json_text (json, "test", test->id);
    lode_json_text (json, "kinds", test->kinds);
    lode_json_text (json, "doc", test->doc);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  lode_json_print (json_builder_get_root (json));
}

static void
run_subject (LodeRegistry *registry, const Subject *subject, CheckReport *report)
{
  const CheckSpec spec = { .registry = registry,
                           .kind = subject->kind,
                           .name = subject->name,
                           .set = (const char *const *) sets,
                           .seed = seed,
                           .patience = patience,
                           .in_process = in_process };

  check_report_plugin (report, subject->id, subject->path);
  for (guint i = 0; i < subject->tests->len; i++) {
    CheckResult result;

    check_run (&spec, subject->tests->pdata[i], &result);
    check_report_add (report, &result);
    g_free (result.text);
  }
}

static guint
count_tests (const GPtrArray *subjects)
{
  guint n = 0;

  for (guint i = 0; i < subjects->len; i++)
    n += ((const Subject *) subjects->pdata[i])->tests->len;
  return n;
}

static int
run_all (LodeRegistry *registry, const GPtrArray *subjects)
{
  guint tests = count_tests (subjects);
  CheckReport *report;

  if (tests == 0)
    return lode_usage_error ("no test is called \"%s\"; `lode check --list` names them", only);
  report = check_report_new (as_json  ? CHECK_AS_JSON
                             : as_tap ? CHECK_AS_TAP
                                      : CHECK_AS_TEXT,
                             tests);
  for (guint i = 0; i < subjects->len; i++)
    run_subject (registry, subjects->pdata[i], report);
  return check_report_end (report) ? LODE_EXIT_DONE : LODE_EXIT_FAILED;
}

/* What is no plugin is told, the others are checked all the same. */
static int
check_words (LodeRegistry *registry, char **words)
{
  g_autoptr (GPtrArray) subjects = g_ptr_array_new_with_free_func (subject_free);
  int refused = LODE_EXIT_DONE, code = LODE_EXIT_DONE;

  for (; *words; words++) {
    Subject *subject = subject_new (registry, *words, &refused);

    if (subject)
      g_ptr_array_add (subjects, subject);
  }
  if (list)
    for (guint i = 0; i < subjects->len; i++)
      (as_json ? list_json : print_tests) (((const Subject *) subjects->pdata[i])->kind);
  else if (subjects->len > 0)
    code = run_all (registry, subjects);
  return refused ? refused : code;
}

/* Again with every allocation in the one heap that memory.c counts in: GLib before 2.76 keeps small
 * pieces in caches of its own, and malloc some of each size, by thread, unless the environment they
 * start in says otherwise. */
static void
start_again (char *const *words)
{
  g_autoptr (GPtrArray) all = g_ptr_array_new ();
  const char *others = g_getenv ("GLIBC_TUNABLES");
  g_autofree char *tunables = NULL;

  if (in_process || g_getenv ("LODE_CHECK_AGAIN"))
    return;
  g_setenv ("LODE_CHECK_AGAIN", "1", TRUE);
  g_setenv ("G_SLICE", "always-malloc", TRUE);
  tunables =
      g_strconcat (others ? others : "", others ? ":" : "", "glibc.malloc.tcache_count=0", NULL);
  g_setenv ("GLIBC_TUNABLES", tunables, TRUE);
  g_ptr_array_add (all, (gpointer) "lode");
  for (; *words; words++)
    g_ptr_array_add (all, *words);
  g_ptr_array_add (all, NULL);
  execv ("/proc/self/exe", (char *const *) all->pdata);
}

int
lode_verb_check (int argc, char **argv)
{
  g_autofree char **words = g_memdup2 (argv, sizeof *argv * (gsize) (argc + 1));
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (LodeSite) site = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (seed < 0 || !(patience > 0))
    return lode_usage_error ("check: --seed is at least 0, --timeout above 0");
  if (argc < 2 && list) {
    (as_json ? list_json : print_tests) (NULL);
    return LODE_EXIT_DONE;
  }
  start_again (words);
  if (argc < 2)
    return lode_usage_error ("check wants a FILE.so or KIND/NAME; `lode list` names plugins");
  site = lode_command_site ();
  if (!site)
    return LODE_EXIT_USAGE;
  registry = lode_command_registry ();
  return check_words (registry, argv + 1);
}

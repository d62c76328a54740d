/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode new`: says what is wrong with the words, or writes the project and names the next commands.
 */
#include "new.h"

#include "common.h"
#include "error.h"
#include "verbs.h"

#include <string.h>

enum { LONGEST = 40 };

static const LodeUsage usage = {
  .words = "KIND NAME [FOLDER]",
  .summary =
      "Writes a project of its own for a plugin: KIND-NAME/ (or FOLDER) with the source of one\n"
      "that works, meson.build with its tests, an example to run and a README. It builds\n"
      "against this installation and gives KIND_NAME.so.",
  .more =
      "KIND is backbone, dataset, evaluator, executor, loss, sampler, search or stage. NAME is of\n"
      "lower-case letters, digits and '-'.\n\n"
      "Examples:\n"
      "  lode new loss mine\n"
      "  lode new search hill-climb ~/src/hill-climb\n\n"
      "Then, in the folder: meson setup build && meson test -C build",
};

/* What is wrong with it, or NULL. */
static const char *
name_mistake (const char *name)
{
  size_t n = strlen (name);

  if (n == 0 || n > LONGEST)
    return "it has 1 to 40 letters";
  if (!g_ascii_islower (*name))
    return "it begins with a lower-case letter";
  if (strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789-") < n)
    return "it is of lower-case letters, digits and '-'";
  if (name[n - 1] == '-' || strstr (name, "--"))
    return "'-' stands alone, between letters or digits";
  if (!strcmp (name, "lode"))
    return "functions of that name are Lode's own";
  return NULL;
}

static int
check_kind (const char *kind)
{
  const char *near = lode_nearest (kind, lode_kinds);
  g_autofree char *all = g_strjoinv (", ", (char **) (uintptr_t) lode_kinds);

  if (g_strv_contains (lode_kinds, kind))
    return LODE_EXIT_DONE;
  if (near)
    return lode_usage_error ("there is no kind \"%s\"; did you mean \"%s\"?", kind, near);
  return lode_usage_error ("there is no kind \"%s\"; expected one of %s", kind, all);
}

static int
check_words (const NewProject *project)
{
  const char *mistake = name_mistake (project->name);
  g_autofree char *parent = g_path_get_dirname (project->folder);
  int code = check_kind (project->kind);

  if (code != LODE_EXIT_DONE)
    return code;
  if (mistake)
    return lode_usage_error ("\"%s\" is no name for a plugin: %s; for example hill-climb",
                             project->name, mistake);
  if (g_file_test (project->folder, G_FILE_TEST_EXISTS | G_FILE_TEST_IS_SYMLINK))
    return lode_usage_error (
        "%s is there already; remove it, or name another folder behind the name", project->folder);
  if (!g_file_test (parent, G_FILE_TEST_IS_DIR))
    return lode_usage_error ("there is no folder %s to make %s in; make it first", parent,
                             project->folder);
  return LODE_EXIT_DONE;
}

/* A plugin of that name elsewhere will be hidden by this one, or hide it. */
static void
say_namesake (const NewProject *project)
{
  g_autoptr (LodeRegistry) registry = lode_registry_default (NULL);
  g_autofree char *path = lode_registry_path (registry, project->kind, project->name);

  if (path)
    lode_say ("there is a %s %s already: %s; of two of one name the first that is found counts",
              project->kind, project->name, path);
}

static int
write_project (const NewProject *project)
{
  GError *error = NULL;

  if (!new_write (project, &error))
    return lode_fail (error);
  say_namesake (project);
  printf ("%s: %s.c, %s.cfg, meson.build, README.md\n", project->folder, project->name,
          project->name);
  printf ("next: cd %s && meson setup build && meson test -C build\n", project->folder);
  return LODE_EXIT_DONE;
}

int
lode_verb_new (int argc, char **argv)
{
  g_autofree char *folder = NULL;
  NewProject project;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc < 3 || argc > 4)
    return lode_usage_error ("new wants KIND NAME [FOLDER]; `lode new --help` tells more");
  folder = argc > 3 ? g_canonicalize_filename (argv[3], NULL)
                    : g_strdup_printf ("%s-%s", argv[1], argv[2]);
  project = (NewProject){ argv[1], argv[2], folder };
  code = check_words (&project);
  return code == LODE_EXIT_DONE ? write_project (&project) : code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of a new project: templates with words between '@' replaced.
 */
#include "new.h"

#include "installed.h"
#include <lode/abi.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

/* A file of the project, and its template; %s: the kind, the name. */
typedef struct Sheet {
  const char *from, *to;
} Sheet;

static const Sheet sheets[] = {
  { "%s.c.in", "%s.c" },
  { "%s.cfg.in", "%s.cfg" },
  { "meson.build.in", "meson.build" },
  { "README.md.in", "README.md" },
  { "gitignore.in", ".gitignore" },
};

/* Words in the order in which they are replaced: a value may hold words further down. */
typedef struct Word {
  const char *word;
  char *value;
} Word;

enum { WORDS = 8 };

/* Where lode.pc is, for a shell that has to be told. */
static char *
setup_line (void)
{
  g_autofree char *folder = lode_installed_or_built (LODE_PKGCONFIGDIR, "meson-uninstalled");
  g_autofree char *quoted = g_shell_quote (folder ? folder : "");

  if (!folder || g_str_has_prefix (folder, "/usr/lib/") || g_str_has_prefix (folder, "/usr/local/"))
    return g_strdup ("");
  return g_strdup_printf ("export PKG_CONFIG_PATH=%s\n    ", quoted);
}

static bool
fill_words (const NewProject *project, const char *templates, Word words[WORDS], GError **error)
{
  g_autofree char *path = g_build_filename (templates, "kinds.ini", NULL);
  g_autoptr (GKeyFile) kinds = g_key_file_new ();
  uint32_t n = 0;

  if (!g_key_file_load_from_file (kinds, path, G_KEY_FILE_NONE, error)) {
    g_prefix_error (error, "what a new %s is made from: %s: ", project->kind, path);
    return false;
  }
  for (const char *const *key = (const char *const[]){ "about", "example", "tiny", NULL }; *key;
       key++, n++) {
    words[n] = (Word){ *key, g_key_file_get_string (kinds, project->kind, *key, error) };
    if (!words[n].value)
      return false;
  }
  words[n++] = (Word){ "setup", setup_line () };
  words[n++] = (Word){ "major", g_strdup_printf ("%d", LODE_ABI_MAJOR) };
  words[n++] = (Word){ "kind", g_strdup (project->kind) };
  words[n++] = (Word){ "name", g_strdup (project->name) };
  words[n++] = (Word){ "ident", g_strdelimit (g_strdup (project->name), "-", '_') };
  return true;
}

/* Transfer full. */
static char *
named (const char *format, const char *name)
{
  g_auto (GStrv) parts = g_strsplit (format, "%s", 2);

  return g_strjoinv (name, parts);
}

static bool
write_sheet (const NewProject *project, const char *templates, const char *folder,
             const Sheet *sheet, const Word words[WORDS], GError **error)
{
  g_autofree char *from = named (sheet->from, project->kind);
  g_autofree char *to = named (sheet->to, project->name);
  g_autofree char *source = g_build_filename (templates, from, NULL);
  g_autofree char *target = g_build_filename (folder, to, NULL);
  g_autofree char *text = NULL;
  g_autoptr (GString) filled = NULL;

  if (!g_file_get_contents (source, &text, NULL, error))
    return false;
  filled = g_string_new (text);
  for (uint32_t i = 0; i < WORDS; i++) {
    g_autofree char *word = g_strdup_printf ("@%s@", words[i].word);

    g_string_replace (filled, word, words[i].value, 0);
  }
  return g_file_set_contents_full (target, filled->str, (gssize) filled->len,
                                   G_FILE_SET_CONTENTS_NONE, 0666, error);
}

static bool
write_all (const NewProject *project, const char *templates, const char *folder, GError **error)
{
  Word words[WORDS] = { { NULL } };
  bool ok = fill_words (project, templates, words, error);

  for (size_t i = 0; ok && i < G_N_ELEMENTS (sheets); i++)
    ok = write_sheet (project, templates, folder, &sheets[i], words, error);
  for (uint32_t i = 0; i < WORDS; i++)
    g_free (words[i].value);
  return ok;
}

static void
remove_all (const NewProject *project, const char *folder)
{
  for (size_t i = 0; i < G_N_ELEMENTS (sheets); i++) {
    g_autofree char *name = named (sheets[i].to, project->name);
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
}

bool
new_write (const NewProject *project, GError **error)
{
  g_autofree char *templates = lode_installed_or_built (LODE_NEWDIR, "tools/templates");
  g_autofree char *beside = g_strdup_printf ("%s.XXXXXX", project->folder);
  int failure;

  if (!g_mkdtemp_full (beside, 0777)) {
    failure = errno;
    g_set_error (error, G_FILE_ERROR, (gint) g_file_error_from_errno (failure),
                 "cannot make %s: %s", project->folder, g_strerror (failure));
    return false;
  }
  if (!write_all (project, templates ? templates : "", beside, error)) {
    remove_all (project, beside);
    return false;
  }
  if (g_rename (beside, project->folder) == 0)
    return true;
  failure = errno;
  remove_all (project, beside);
  g_set_error (error, G_FILE_ERROR, (gint) g_file_error_from_errno (failure), "cannot make %s: %s",
               project->folder, g_strerror (failure));
  return false;
}

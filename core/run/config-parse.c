/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to a tree: reading it, and what it includes.
 */
#include "error.h"
#include "run/config-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LARGEST ((size_t) 4 << 20) /* of a file with all it includes; nobody writes more */
#define DEEPEST 16                 /* files that include each other */

typedef struct Reader {
  GArray *tokens; /* LodeToken */
  GStringChunk *strings;
  GPtrArray *open; /* char *: files being read, outermost first, links resolved */
  size_t bytes;
} Reader;

static char *
read_stream (FILE *file, size_t limit, size_t *n)
{
  GString *text = g_string_new (NULL);
  char block[8192];

  while (text->len <= limit && (*n = fread (block, 1, sizeof block, file)) > 0)
    g_string_append_len (text, block, (gssize) *n);
  *n = text->len;
  return g_string_free (text, FALSE);
}

/* Bytes that a text of UTF-8 cannot have, and what they may be instead; NULL: all is well. */
static const char *
not_text (const char *text, size_t n)
{
  if (n >= 2 && (!memcmp (text, "\xff\xfe", 2) || !memcmp (text, "\xfe\xff", 2)))
    return "is UTF-16; save it as UTF-8";
  if (strlen (text) != n)
    return "is not a text; expected a configuration file";
  if (!g_utf8_validate_len (text, n, NULL))
    return "is not UTF-8; save it as UTF-8";
  return NULL;
}

static char *
read_text (Reader *reader, const char *path, GError **error)
{
  FILE *file = fopen (path, "rbe");
  g_autofree char *text = NULL;
  size_t n = 0;
  struct stat info;
  const char *wrong;

  if (!file || fstat (fileno (file), &info) || (S_ISDIR (info.st_mode) && (errno = EISDIR))) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "cannot be read: %s",
                 g_strerror (errno));
    if (file)
      fclose (file);
    return NULL;
  }
  text = read_stream (file, LARGEST - reader->bytes, &n);
  wrong = ferror (file) ? "cannot be read to its end" : not_text (text, n);
  fclose (file);
  reader->bytes += n;
  if (reader->bytes > LARGEST)
    wrong = "is larger than 4 MB with all it includes; expected a configuration file";
  if (wrong) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, wrong);
    reader->bytes = MIN (reader->bytes, LARGEST);
    return NULL;
  }
  return g_steal_pointer (&text);
}

static void scan_text (Reader *, const char *name, const char *text);

/* The chain of files that leads back to one that is still being read, or NULL. */
static char *
cycle (const Reader *reader, const char *real)
{
  GString *chain = NULL;

  for (guint i = 0; i < reader->open->len; i++) {
    const char *file = g_ptr_array_index (reader->open, i);

    if (!chain && !strcmp (file, real))
      chain = g_string_new (NULL);
    if (chain)
      g_string_append_printf (chain, "%s, ", file);
  }
  if (chain)
    g_string_append (chain, real);
  return chain ? g_string_free (chain, FALSE) : NULL;
}

/* Puts a file's tokens in the place of where it is named; an error says why it cannot. */
static void
scan_file (Reader *reader, const char *path, GError **error)
{
  char *real = realpath (path, NULL);
  g_autofree char *chain = real ? cycle (reader, real) : NULL, *text = NULL;

  if (chain)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "includes itself: %s", chain);
  else if (reader->open->len == DEEPEST)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "is included more than %d files deep", DEEPEST);
  else
    text = read_text (reader, path, error);
  if (text) {
    g_ptr_array_add (reader->open, real ? g_strdup (real) : g_strdup (path));
    scan_text (reader, path, text);
    g_ptr_array_remove_index (reader->open, reader->open->len - 1);
  }
  free (real);
}

static void
include (Reader *reader, const LodeToken *token)
{
  g_autofree char *folder = g_path_get_dirname (token->file),
                  *path = g_path_is_absolute (token->text) || !strcmp (folder, ".")
                              ? g_strdup (token->text)
                              : g_build_filename (folder, token->text, NULL);
  g_autoptr (GError) error = NULL;
  LodeToken wrong = *token;
  g_autofree char *text = NULL;

  scan_file (reader, path, &error);
  if (!error)
    return;
  text = g_strdup_printf ("@include \"%s\": %s %s", token->text, path, error->message);
  wrong.kind = LODE_TOKEN_MISTAKE;
  wrong.text = g_string_chunk_insert (reader->strings, text);
  g_array_append_val (reader->tokens, wrong);
}

static void
scan_text (Reader *reader, const char *name, const char *text)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (LodeToken));

  lode_config_scan (tokens, reader->strings, name, 1, text);
  for (guint i = 0; i < tokens->len; i++) {
    const LodeToken *token = &g_array_index (tokens, LodeToken, i);

    if (token->kind == LODE_TOKEN_INCLUDE)
      include (reader, token);
    else
      g_array_append_val (reader->tokens, *token);
  }
}

static LodeNode *
tree_of (Reader *reader, const char *name, GPtrArray *errors)
{
  LodeToken end = { .file = name, .line = 1 };
  const LodeToken *tokens;

  g_array_append_val (reader->tokens, end);
  tokens = (const LodeToken *) (const void *) reader->tokens->data;
  return lode_config_check (tokens, errors) ? lode_config_build (tokens, errors) : NULL;
}

static Reader
reader_new (void)
{
  return (Reader){ g_array_new (FALSE, FALSE, sizeof (LodeToken)), g_string_chunk_new (4096),
                   g_ptr_array_new_with_free_func (g_free), 0 };
}

static void
reader_clear (Reader *reader)
{
  g_array_unref (reader->tokens);
  g_string_chunk_free (reader->strings);
  g_ptr_array_unref (reader->open);
}

LodeNode *
lode_config_parse (const char *path, GPtrArray *errors)
{
  Reader reader = reader_new ();
  g_autoptr (GError) error = NULL;
  LodeNode *root = NULL;

  scan_file (&reader, path, &error);
  if (error)
    g_ptr_array_add (errors, g_strdup_printf ("%s: %s", path, error->message));
  else
    root = tree_of (&reader, path, errors);
  reader_clear (&reader);
  return root;
}

LodeNode *
lode_config_parse_text (const char *name, const char *text, GPtrArray *errors)
{
  Reader reader = reader_new ();
  const char *wrong = not_text (text, strlen (text));
  LodeNode *root = NULL;

  if (wrong)
    g_ptr_array_add (errors, g_strdup_printf ("%s: %s", name, wrong));
  else {
    scan_text (&reader, name, text);
    root = tree_of (&reader, name, errors);
  }
  reader_clear (&reader);
  return root;
}

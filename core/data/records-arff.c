/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ARFF, the format of Weka: @attribute lines, then @data with a row a line. Values may stand in
 * single or double quotes with backslashes; % begins a comment.
 */
#include "data/records.h"

#include <string.h>

typedef struct Reader {
  LodeCells *cells;
  char *at;
  uint32_t line;
} Reader;

static bool
fail (const Reader *reader, GError **error, const char *what)
{
  return lode_cells_fail (reader->cells, reader->line, error, "%s", what);
}

static void
skip_blanks (Reader *reader)
{
  while (*reader->at == ' ' || *reader->at == '\t')
    reader->at++;
}

/* One line, ended by 0 in place; NULL: the end of the file. */
static char *
next_line (char **rest)
{
  char *begin = *rest, *end = begin + strcspn (begin, "\r\n");

  if (!*begin)
    return NULL;
  *rest = end;
  if (*end == '\r' && end[1] == '\n')
    *(*rest)++ = 0;
  if (**rest)
    *(*rest)++ = 0;
  return begin;
}

/* A name or value up to a character of `stop`; unquoted in place and ended by 0. *behind: what
 * ended it. NULL: a quote does not end. */
static char *
read_word (Reader *reader, const char *stop, char *behind)
{
  char *in, *out, *begin, quote;

  skip_blanks (reader);
  in = out = begin = reader->at;
  quote = *in == '\'' || *in == '"' ? *in : 0;
  if (quote) {
    for (in++; *in && *in != quote; in++) {
      in += *in == '\\' && in[1];
      *out++ = *in;
    }
    if (*in++ != quote)
      return NULL;
    reader->at = in;
    skip_blanks (reader);
  } else {
    reader->at = in + strcspn (in, stop);
    out = reader->at;
    while (out > begin && (out[-1] == ' ' || out[-1] == '\t'))
      out--;
  }
  *behind = *reader->at;
  if (*behind && strchr (stop, *behind))
    reader->at++;
  *out = 0;
  return begin;
}

/* { a, b, c } */
static bool
read_values (Reader *reader, GPtrArray *values, GError **error)
{
  char behind = ',';

  reader->at++;
  while (behind == ',') {
    char *word = read_word (reader, ",}", &behind);

    if (!word || (behind != ',' && behind != '}'))
      return fail (reader, error, "expected values in { }, separated by commas");
    if (*word)
      g_ptr_array_add (values, g_strdup (word));
  }
  return true;
}

static bool
read_attribute (Reader *reader, GError **error)
{
  static const char *const types[] = { "numeric", "real", "integer", "string", "date" };
  LodeCells *cells = reader->cells;
  GPtrArray *values = NULL;
  char behind, *name = read_word (reader, " \t{", &behind);

  if (!name || !*name)
    return fail (reader, error, "expected a name behind @attribute");
  g_ptr_array_add (cells->name, g_strdup (name));
  if (behind == '{')
    *--reader->at = '{';
  skip_blanks (reader);
  if (*reader->at == '{') {
    values = g_ptr_array_new_with_free_func (g_free);
    g_ptr_array_add (cells->known, values);
    return read_values (reader, values, error);
  }
  g_ptr_array_add (cells->known, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (types); i++)
    if (!g_ascii_strncasecmp (reader->at, types[i], strlen (types[i])))
      return true;
  return fail (
      reader, error,
      "expected the type of the attribute: numeric, real, integer, string, or values in { }");
}

static bool
is_known (const GPtrArray *values, const char *text)
{
  for (guint i = 0; i < values->len; i++)
    if (!strcmp (values->pdata[i], text))
      return true;
  return false;
}

static bool
read_row (Reader *reader, GError **error)
{
  LodeCells *cells = reader->cells;
  char behind = ',';
  guint n = 0;

  if (*reader->at == '{')
    return fail (reader, error, "a sparse row, which is not read; write all values of a row");
  for (; behind == ','; n++) {
    char *word = read_word (reader, ",", &behind);
    const GPtrArray *known = n < cells->known->len ? cells->known->pdata[n] : NULL;
    bool missing = word && lode_cell_missing (word) && !(known && *word && is_known (known, word));

    if (!word)
      return fail (reader, error, "a quote begins here and does not end");
    if (behind && behind != ',')
      return fail (reader, error, "text behind a closing quote; expected a comma");
    if (n < cells->name->len && known && !missing && !is_known (known, word))
      return lode_cells_fail (cells, reader->line, error,
                              "\"%s\" is none of the %u values declared for attribute \"%s\"", word,
                              known->len, (const char *) cells->name->pdata[n]);
    g_ptr_array_add (cells->cell, missing ? NULL : word);
  }
  g_array_append_val (cells->line, reader->line);
  return n == cells->name->len
         || lode_cells_fail (cells, reader->line, error,
                             "%u values; expected %u, one an @attribute", n, cells->name->len);
}

static bool
read_header (Reader *reader, bool *data, GError **error)
{
  if (!g_ascii_strncasecmp (reader->at, "@attribute", 10)) {
    reader->at += 10;
    return read_attribute (reader, error);
  }
  *data = !g_ascii_strncasecmp (reader->at, "@data", 5);
  if (*data && !reader->cells->name->len)
    return fail (reader, error, "@data without an @attribute before it");
  return *data || !g_ascii_strncasecmp (reader->at, "@relation", 9)
         || fail (reader, error, "expected @relation, @attribute or @data");
}

bool
lode_cells_arff (LodeCells *cells, GError **error)
{
  Reader reader = { .cells = cells };
  char *rest = cells->text;
  bool data = false;

  while ((reader.at = next_line (&rest))) {
    reader.line++;
    skip_blanks (&reader);
    if (!*reader.at || *reader.at == '%')
      continue;
    if (!(data ? read_row (&reader, error) : read_header (&reader, &data, error)))
      return false;
  }
  return data || fail (&reader, error, "there is no @data; expected an ARFF file");
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV as RFC 4180 has it, and as programs write it: separated by commas, semicolons or tabs,
 * whichever the first line has most of; a cell in single quotes loses them.
 */
#include "data/records.h"

#include <string.h>

typedef struct Reader {
  LodeCells *cells;
  char *at;
  char separator;
  uint32_t line;
  GPtrArray *row; /* cells of the current one */
} Reader;

static char
guess_separator (const char *text)
{
  const char *candidate = ",;\t";
  uint32_t best = 0;
  char separator = ',';

  for (const char *c = candidate; *c; c++) {
    bool quoted = false;
    uint32_t n = 0;

    for (const char *at = text; *at && (quoted || (*at != '\n' && *at != '\r')); at++) {
      quoted = quoted != (*at == '"');
      n += !quoted && *at == *c;
    }
    if (n > best) {
      best = n;
      separator = *c;
    }
  }
  return separator;
}

/* A cell in double quotes, unescaped in place; reader->at is behind it. NULL: it does not end. */
static char *
quoted_cell (Reader *reader)
{
  char *in = reader->at + 1, *out = in, *begin = in;

  for (; *in; in++) {
    if (*in == '"' && in[1] != '"') {
      reader->at = in + 1;
      *out = 0;
      return begin;
    }
    reader->line += *in == '\n';
    in += *in == '"';
    *out++ = *in;
  }
  return NULL;
}

static bool
ends_cell (const Reader *reader, char c)
{
  return c == reader->separator || c == '\n' || c == '\r' || c == 0;
}

/* A cell without blanks around it, or single quotes; ended by the caller. */
static char *
plain_cell (Reader *reader, char **end)
{
  char *begin = reader->at, *last;

  while (!ends_cell (reader, *reader->at))
    reader->at++;
  last = reader->at;
  while (begin < last && (*begin == ' ' || *begin == '\t'))
    begin++;
  while (last > begin && (last[-1] == ' ' || last[-1] == '\t'))
    last--;
  if (last - begin >= 2 && *begin == '\'' && last[-1] == '\'') {
    begin++;
    last--;
  }
  *end = last;
  return begin;
}

/* Adds a cell; *more: another follows in the row. */
static bool
read_cell (Reader *reader, bool *more, GError **error)
{
  uint32_t line = reader->line;
  char *cell, *end = NULL;

  if (*reader->at == '"') {
    cell = quoted_cell (reader);
    if (!cell)
      return lode_cells_fail (reader->cells, line, error,
                              "a quote begins here and does not end; close it, or remove it");
    if (!ends_cell (reader, *reader->at))
      return lode_cells_fail (reader->cells, reader->line, error,
                              "text behind a closing quote; expected the separator '%c': a quote "
                              "inside a quoted cell is written twice",
                              reader->separator);
  } else
    cell = plain_cell (reader, &end);
  *more = *reader->at == reader->separator;
  if (*reader->at == '\r' && reader->at[1] == '\n')
    *reader->at++ = 0;
  reader->line += *reader->at == '\n' || *reader->at == '\r';
  if (*reader->at)
    *reader->at++ = 0;
  if (end)
    *end = 0;
  g_ptr_array_add (reader->row, cell);
  return true;
}

/* The next row that is not empty; an empty one: the end. */
static bool
read_row (Reader *reader, uint32_t *line, GError **error)
{
  do {
    bool more = *reader->at != 0;

    g_ptr_array_set_size (reader->row, 0);
    *line = reader->line;
    while (more)
      if (!read_cell (reader, &more, error))
        return false;
  } while (reader->row->len == 1 && !*(char *) reader->row->pdata[0] && *reader->at);
  if (reader->row->len == 1 && !*(char *) reader->row->pdata[0])
    g_ptr_array_set_size (reader->row, 0);
  return true;
}

static bool
keep_row (Reader *reader, uint32_t line, GError **error)
{
  LodeCells *cells = reader->cells;

  if (reader->row->len != cells->name->len)
    return lode_cells_fail (cells, line, error,
                            "%u cell%s; expected %u, as in the first line, separated by '%s'",
                            reader->row->len, reader->row->len == 1 ? "" : "s", cells->name->len,
                            reader->separator == '\t' ? "tab" : (char[]){ reader->separator, 0 });
  for (guint i = 0; i < reader->row->len; i++) {
    const char *text = reader->row->pdata[i];

    g_ptr_array_add (cells->cell, lode_cell_missing (text) ? NULL : (void *) text);
  }
  g_array_append_val (cells->line, line);
  return true;
}

/* No cell of the first row is missing or a number, and none occurs again below. */
static bool
looks_like_header (const LodeCells *cells)
{
  guint columns = cells->name->len, rows = cells->line->len;

  for (guint i = 0; i < columns; i++) {
    const char *first = cells->cell->pdata[i];
    double value;

    if (!first || lode_cell_number (first, &value))
      return false;
    for (guint row = 1; row < rows; row++) {
      const char *text = cells->cell->pdata[(size_t) row * columns + i];

      if (text && !strcmp (text, first))
        return false;
    }
  }
  return true;
}

static bool
take_header (LodeCells *cells, GError **error)
{
  guint columns = cells->name->len;
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < columns; i++) {
    const char *text = cells->cell->pdata[i];

    if (!text)
      continue;
    if (!g_hash_table_add (seen, (void *) text))
      return lode_cells_fail (cells, g_array_index (cells->line, uint32_t, 0), error,
                              "two columns are called \"%s\"; rename one", text);
    g_free (cells->name->pdata[i]);
    cells->name->pdata[i] = g_strdup (text);
  }
  g_ptr_array_remove_range (cells->cell, 0, columns);
  g_array_remove_index (cells->line, 0);
  return true;
}

static bool
read_rows (Reader *reader, uint32_t header, GError **error)
{
  LodeCells *cells = reader->cells;
  uint32_t line;

  if (!read_row (reader, &line, error))
    return false;
  for (guint i = 0; i < reader->row->len; i++)
    g_ptr_array_add (cells->name, g_strdup_printf ("%u", i + 1));
  while (reader->row->len)
    if (!keep_row (reader, line, error) || !read_row (reader, &line, error))
      return false;
  if (cells->line->len && header == LODE_HEADER_AUTO && cells->line->len > 1
      && looks_like_header (cells))
    header = LODE_HEADER_YES;
  return header != LODE_HEADER_YES || cells->line->len == 0 || take_header (cells, error);
}

bool
lode_cells_csv (LodeCells *cells, uint32_t header, GError **error)
{
  Reader reader = { .cells = cells, .at = cells->text, .line = 1, .row = g_ptr_array_new () };
  bool ok;

  reader.separator = guess_separator (cells->text);
  ok = read_rows (&reader, header, error);
  g_ptr_array_unref (reader.row);
  return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a file to typed columns: text in UTF-8 (UTF-16 and what Windows calls ANSI are converted),
 * cells by the format's reader, then numbers where a whole column can be read as such, else codes.
 */
#include "data/records.h"

#include "error.h"

#include <errno.h>
#include <math.h>
#include <string.h>

bool
lode_cells_fail (const LodeCells *cells, uint32_t line, GError **error, const char *format, ...)
{
  g_autofree char *text = NULL, *valid = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  valid = g_utf8_make_valid (text, -1);
  for (char *at = valid; *at; at++)
    *at = g_ascii_iscntrl (*at) ? ' ' : *at;
  if (line)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s, line %u: %s", cells->path, line,
                 valid);
  else
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s: %s", cells->path, valid);
  return false;
}

bool
lode_cell_missing (const char *text)
{
  static const char *const words[] = { "", "?", "na", "n/a", "nan", "null" };

  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (!g_ascii_strcasecmp (text, words[i]))
      return true;
  return false;
}

bool
lode_cell_number (const char *text, double *value)
{
  char *end;

  if (!(g_ascii_isdigit (*text) || strchr ("+-.", *text)) || !*text)
    return false;
  *value = g_ascii_strtod (text, &end);
  return *end == 0 && end != text && isfinite (*value) && !strpbrk (text, "xX");
}

static int
compare_texts (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Distinct values, as declared or sorted by bytes, and the code of each row. */
static void
make_codes (LodeField *field, const LodeCells *cells, guint column)
{
  guint columns = cells->name->len, rows = cells->line->len;
  const GPtrArray *known = cells->known->len ? cells->known->pdata[column] : NULL;
  g_autoptr (GHashTable) codes = g_hash_table_new (g_str_hash, g_str_equal);

  field->value = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; known && i < known->len; i++)
    if (g_hash_table_add (codes, known->pdata[i]))
      g_ptr_array_add (field->value, g_strdup (known->pdata[i]));
  for (guint row = 0; !known && row < rows; row++) {
    char *text = cells->cell->pdata[(size_t) row * columns + column];

    if (text && g_hash_table_add (codes, text))
      g_ptr_array_add (field->value, g_strdup (text));
  }
  if (!known)
    g_ptr_array_sort (field->value, compare_texts);
  g_hash_table_remove_all (codes);
  for (guint i = 0; i < field->value->len; i++)
    g_hash_table_insert (codes, field->value->pdata[i], GINT_TO_POINTER (i + 1));
  field->code = g_new (int32_t, (size_t) rows + 1);
  for (guint row = 0; row < rows; row++) {
    const char *text = cells->cell->pdata[(size_t) row * columns + column];

    field->code[row] = text ? GPOINTER_TO_INT (g_hash_table_lookup (codes, text)) - 1 : -1;
  }
  g_ptr_array_add (field->value, NULL);
}

/* A column of nothing but missing cells is of numbers; declared values make it text. */
static bool
make_numbers (LodeField *field, const LodeCells *cells, guint column)
{
  guint columns = cells->name->len, rows = cells->line->len;
  g_autofree double *number = g_new (double, (size_t) rows + 1);

  if (cells->known->len && cells->known->pdata[column])
    return false;
  for (guint row = 0; row < rows; row++) {
    const char *text = cells->cell->pdata[(size_t) row * columns + column];

    number[row] = NAN;
    if (text && !lode_cell_number (text, &number[row]))
      return false;
  }
  field->number = g_steal_pointer (&number);
  return true;
}

static void
type_columns (LodeRecordsOf *records, const LodeCells *cells)
{
  records->rows = cells->line->len;
  records->columns = cells->name->len;
  records->line = g_memdup2 (cells->line->data, (records->rows + 1) * sizeof (uint32_t));
  records->field = g_new0 (LodeField, (size_t) records->columns + 1);
  for (uint32_t i = 0; i < records->columns; i++) {
    records->field[i].name = g_strdup (cells->name->pdata[i]);
    if (!make_numbers (&records->field[i], cells, i))
      make_codes (&records->field[i], cells, i);
  }
}

static void
values_free (void *values)
{
  if (values)
    g_ptr_array_unref (values);
}

static bool
read_cells (LodeRecordsOf *records, char *text, uint32_t format, uint32_t header, GError **error)
{
  LodeCells cells = { .path = records->path, .text = text };
  bool ok;

  cells.name = g_ptr_array_new_with_free_func (g_free);
  cells.known = g_ptr_array_new_with_free_func (values_free);
  cells.cell = g_ptr_array_new ();
  cells.line = g_array_new (TRUE, FALSE, sizeof (uint32_t));
  ok = format == LODE_RECORDS_ARFF ? lode_cells_arff (&cells, error)
                                   : lode_cells_csv (&cells, header, error);
  if (ok)
    type_columns (records, &cells);
  g_ptr_array_unref (cells.name);
  g_ptr_array_unref (cells.known);
  g_ptr_array_unref (cells.cell);
  g_array_unref (cells.line);
  return ok;
}

/* UTF-8 ended by 0 (transfer full), whatever the bytes are in; NULL with an error. */
static char *
to_text (const char *path, const char *bytes, size_t n, GError **error)
{
  LodeCells cells = { .path = path };
  char *text = NULL;

  if (n >= 2 && (!memcmp (bytes, "\xff\xfe", 2) || !memcmp (bytes, "\xfe\xff", 2)))
    text = g_convert (bytes, (gssize) n, "UTF-8", "UTF-16", NULL, &n, NULL);
  else if (memchr (bytes, 0, n)) {
    lode_cells_fail (&cells, 0, error, "there are bytes of 0 in it; expected a file of text");
    return NULL;
  } else if (g_utf8_validate (bytes, (gssize) n, NULL)) {
    size_t mark = n >= 3 && !memcmp (bytes, "\xef\xbb\xbf", 3) ? 3 : 0;

    text = g_strndup (bytes + mark, n - mark);
  } else
    text = g_convert (bytes, (gssize) n, "UTF-8", "WINDOWS-1252", NULL, &n, NULL);
  if (!text || (n && strlen (text) == 0) || !g_utf8_validate (text, -1, NULL)) {
    g_free (text);
    lode_cells_fail (&cells, 0, error, "neither UTF-8, UTF-16 nor Windows-1252; save it as UTF-8");
    return NULL;
  }
  return text;
}

static bool
ends_with (const char *path, const char *ending)
{
  size_t n = strlen (path), m = strlen (ending);

  return n >= m && !g_ascii_strcasecmp (path + n - m, ending);
}

/* By the name, else by the first line: "@relation" or "number index:value". */
static uint32_t
guess_format (const char *path, const char *text)
{
  const char *colon = strchr (text, ':'), *line = strpbrk (text, "\r\n");

  if (ends_with (path, ".arff"))
    return LODE_RECORDS_ARFF;
  if (ends_with (path, ".libsvm") || ends_with (path, ".svm") || ends_with (path, ".svmlight"))
    return LODE_RECORDS_LIBSVM;
  if (ends_with (path, ".csv") || ends_with (path, ".tsv"))
    return LODE_RECORDS_CSV;
  if (*text == '@' || *text == '%')
    return LODE_RECORDS_ARFF;
  return colon && (!line || colon < line) && !strchr (text, ',') && !strchr (text, ';')
             ? LODE_RECORDS_LIBSVM
             : LODE_RECORDS_CSV;
}

static uint32_t
records_rows (const LodeRecords *base)
{
  return ((const LodeRecordsOf *) base)->rows;
}

static uint32_t
records_columns (const LodeRecords *base)
{
  return ((const LodeRecordsOf *) base)->columns;
}

static void
records_column (const LodeRecords *base, uint32_t i, LodeColumn *column)
{
  const LodeRecordsOf *records = (const LodeRecordsOf *) base;
  const LodeField *field = &records->field[i];

  *column = (LodeColumn){ .name = field->name,
                          .kind = field->number ? LODE_COLUMN_NUMBER : LODE_COLUMN_TEXT,
                          .number = field->number,
                          .code = field->code };
  if (!field->value)
    return;
  column->values = field->value->len - 1;
  column->value = (const char *const *) field->value->pdata;
}

static uint32_t
records_line (const LodeRecords *base, uint32_t row)
{
  const LodeRecordsOf *records = (const LodeRecordsOf *) base;

  return row < records->rows ? records->line[row] : 0;
}

static void
records_free (LodeRecords *base)
{
  LodeRecordsOf *records = (LodeRecordsOf *) base;

  for (uint32_t i = 0; records->field && i < records->columns; i++) {
    LodeField *field = &records->field[i];

    g_free (field->name);
    g_free (field->number);
    g_free (field->code);
    if (field->value)
      g_ptr_array_unref (field->value);
  }
  g_free (records->field);
  g_free (records->line);
  g_free (records->path);
  g_ptr_array_unref (records->memory);
  g_free (records);
}

static const LodeRecordsCalls calls = { .size = sizeof (LodeRecordsCalls),
                                        .rows = records_rows,
                                        .columns = records_columns,
                                        .column = records_column,
                                        .line = records_line,
                                        .find = lode_records_column_of,
                                        .targets = lode_records_assign,
                                        .free = records_free };

static bool
parse (LodeRecordsOf *records, const LodeRecordsIn *in, const char *bytes, size_t n, GError **error)
{
  g_autofree char *text = to_text (records->path, bytes, n, error);
  LodeCells cells = { .path = records->path };
  uint32_t format = in->format;

  if (!text)
    return false;
  if (format == LODE_RECORDS_AUTO)
    format = guess_format (in->path, text);
  if (!(format == LODE_RECORDS_LIBSVM ? lode_records_libsvm (records, text, error)
                                      : read_cells (records, text, format, in->header, error)))
    return false;
  return records->rows > 0
         || lode_cells_fail (&cells, 0, error, "there is no row in it; expected one an example");
}

LodeRecords *
lode_records_parse (const LodeRecordsIn *in, const char *bytes, size_t n, GError **error)
{
  LodeRecordsOf *records = g_new0 (LodeRecordsOf, 1);

  records->base.calls = &calls;
  records->path = g_utf8_make_valid (in->path, -1);
  records->memory = g_ptr_array_new_with_free_func (g_free);
  if (parse (records, in, bytes, n, error))
    return &records->base;
  records_free (&records->base);
  return NULL;
}

LodeRecords *
lode_records_read (const LodeRecordsIn *in, GError **error)
{
  LodeCells cells = { .path = in->path };
  g_autofree char *bytes = NULL;
  g_autoptr (GError) failure = NULL;
  gsize n;

  if (!g_file_test (in->path, G_FILE_TEST_EXISTS)
      || g_file_test (in->path, G_FILE_TEST_IS_REGULAR)) {
    if (g_file_get_contents (in->path, &bytes, &n, &failure))
      return lode_records_parse (in, bytes, n, error);
    lode_cells_fail (&cells, 0, error, "cannot be read: %s", g_strerror (errno));
  } else
    lode_cells_fail (&cells, 0, error, "not a regular file; expected CSV, ARFF or libsvm");
  return NULL;
}

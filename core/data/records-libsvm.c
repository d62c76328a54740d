/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libsvm's format: a line is a target, then index:value of what is not zero, indices rising from 1.
 * Column "target" comes first, then one an index up to the largest.
 */
#include "data/records.h"

#include <math.h>
#include <string.h>

enum { MOST_INDEX = 1 << 20, MOST_VALUES = 1 << 28 };

typedef struct Reader {
  LodeCells cells;             /* for messages */
  GArray *target;              /* double */
  GArray *line;                /* uint32_t */
  GArray *row, *index, *value; /* of what is not zero */
  uint32_t most;               /* largest index */
} Reader;

static bool
read_pair (Reader *reader, uint32_t line, char *word, uint32_t *last, GError **error)
{
  char *end;
  uint64_t index = g_ascii_strtoull (word, &end, 10);
  uint32_t row = reader->target->len - 1, at;
  double value;

  if (g_str_has_prefix (word, "qid:"))
    return true;
  if (end == word || *end != ':' || !lode_cell_number (end + 1, &value) || !isfinite (value))
    return lode_cells_fail (&reader->cells, line, error, "\"%.40s\"; expected index:value", word);
  if (index <= *last || index > MOST_INDEX)
    return lode_cells_fail (&reader->cells, line, error,
                            "index %" G_GUINT64_FORMAT "; expected rising indices from 1 to %d",
                            index, MOST_INDEX);
  at = *last = (uint32_t) index;
  reader->most = MAX (reader->most, at);
  g_array_append_val (reader->row, row);
  g_array_append_val (reader->index, at);
  g_array_append_val (reader->value, value);
  return true;
}

static bool
read_line (Reader *reader, uint32_t line, char *text, GError **error)
{
  g_auto (GStrv) word = NULL;
  uint32_t last = 0;
  double target;

  text[strcspn (text, "#\r")] = 0;
  g_strstrip (text);
  if (!*text)
    return true;
  word = g_strsplit_set (text, " \t", -1);
  if (!lode_cell_number (word[0], &target) || !isfinite (target))
    return lode_cells_fail (&reader->cells, line, error, "\"%.40s\"; expected a number, the target",
                            word[0]);
  g_array_append_val (reader->target, target);
  g_array_append_val (reader->line, line);
  for (char **at = word + 1; *at; at++)
    if (**at && !read_pair (reader, line, *at, &last, error))
      return false;
  return true;
}

static void
fill (LodeRecordsOf *records, const Reader *reader)
{
  uint32_t rows = records->rows = reader->target->len;

  records->columns = reader->most + 1;
  records->field = g_new0 (LodeField, records->columns);
  for (uint32_t i = 0; i < records->columns; i++) {
    records->field[i].name = i ? g_strdup_printf ("%u", i) : g_strdup ("target");
    records->field[i].number = g_new0 (double, (size_t) rows + 1);
  }
  memcpy (records->field[0].number, reader->target->data, rows * sizeof (double));
  for (guint i = 0; i < reader->row->len; i++)
    records->field[g_array_index (reader->index, uint32_t, i)]
        .number[g_array_index (reader->row, uint32_t, i)] =
        g_array_index (reader->value, double, i);
  records->line = g_memdup2 (reader->line->data, (rows + 1) * sizeof (uint32_t));
}

static bool
read_lines (Reader *reader, char *text, GError **error)
{
  uint32_t line = 0;

  while (*text) {
    char *end = text + strcspn (text, "\n"), *next = *end ? end + 1 : end;

    *end = 0;
    if (!read_line (reader, ++line, text, error))
      return false;
    text = next;
  }
  if ((uint64_t) reader->target->len * (reader->most + 1) <= MOST_VALUES)
    return true;
  return lode_cells_fail (&reader->cells, line, error,
                          "%u rows of %u values, most of them zero, do not fit as they would be "
                          "kept (at most %d values); reduce the indices",
                          reader->target->len, reader->most, MOST_VALUES);
}

bool
lode_records_libsvm (LodeRecordsOf *records, char *text, GError **error)
{
  Reader reader = { .cells = { .path = records->path } };
  GArray **array[] = { &reader.target, &reader.line, &reader.row, &reader.index, &reader.value };
  bool ok;

  for (size_t i = 0; i < G_N_ELEMENTS (array); i++)
    *array[i] = g_array_new (TRUE, FALSE, i == 0 || i == 4 ? sizeof (double) : sizeof (uint32_t));
  ok = read_lines (&reader, text, error);
  if (ok)
    fill (records, &reader);
  for (size_t i = 0; i < G_N_ELEMENTS (array); i++)
    g_array_unref (*array[i]);
  return ok;
}

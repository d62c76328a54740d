/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing benchmark files.
 */
#include "run/benchmark.h"

#include "error.h"
#include "run/file.h"
#include "run/json.h"

#include <stdlib.h>
#include <string.h>

enum { ORDER = 0x01020304 };

typedef struct Known {
  uint64_t code;
  uint32_t row;
} Known;

struct LodeBenchmarkWriter {
  GString *texts, *decisions, *columns; /* members and elements of the description */
  GArray *options;                      /* uint32_t, of each decision */
  GArray *arch;                         /* Known, its code not yet known: the place in `choice` */
  GByteArray *choice;                   /* [archs][decisions] */
  GArray *value;                        /* double [rows][columns] */
  uint32_t n_columns, n_rows;
};

LodeBenchmarkWriter *
lode_benchmark_writer_new (void)
{
  LodeBenchmarkWriter *writer = g_new0 (LodeBenchmarkWriter, 1);

  writer->texts = g_string_new (NULL);
  writer->decisions = g_string_new (NULL);
  writer->columns = g_string_new (NULL);
  writer->options = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  writer->arch = g_array_new (FALSE, FALSE, sizeof (Known));
  writer->choice = g_byte_array_new ();
  writer->value = g_array_new (FALSE, FALSE, sizeof (double));
  return writer;
}

void
lode_benchmark_writer_free (LodeBenchmarkWriter *writer)
{
  if (!writer)
    return;
  g_string_free (writer->texts, TRUE);
  g_string_free (writer->decisions, TRUE);
  g_string_free (writer->columns, TRUE);
  g_array_unref (writer->options);
  g_array_unref (writer->arch);
  g_byte_array_unref (writer->choice);
  g_array_unref (writer->value);
  g_free (writer);
}

/* "name": "text" behind what is there. */
static void
put (GString *to, const char *name, const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text ? text : "", -1);

  g_string_append (to, to->len && to->str[to->len - 1] != '{' ? "," : "");
  g_string_append_printf (to, "\"%s\":", name);
  lode_json_put_text (to, valid);
}

void
lode_benchmark_writer_text (LodeBenchmarkWriter *writer, const char *name, const char *text)
{
  put (writer->texts, name, text);
}

void
lode_benchmark_writer_decision (LodeBenchmarkWriter *writer, const char *name, uint32_t n,
                                const char *const *option)
{
  GString *to = writer->decisions;

  g_string_append (to, to->len ? ",\n{" : "{");
  put (to, "name", name);
  g_string_append (to, ",\"options\":[");
  for (uint32_t i = 0; i < n; i++) {
    g_string_append (to, i ? "," : "");
    lode_json_put_text (to, option[i]);
  }
  g_string_append (to, "]}");
  g_array_append_val (writer->options, n);
}

void
lode_benchmark_writer_column (LodeBenchmarkWriter *writer, const LodeBenchmarkColumn *column)
{
  GString *to = writer->columns;

  g_string_append (to, to->len ? ",\n{" : "{");
  put (to, "name", column->name);
  put (to, "doc", column->doc);
  put (to, "unit", column->unit);
  put (to, "set", column->set);
  put (to, "of", column->of);
  put (to, "guard", column->guard);
  put (to, "use", lode_benchmark_uses[column->use]);
  g_string_append_printf (to, ",\"epochs\":%u,\"seed\":%" G_GINT64_FORMAT "}", column->epochs,
                          column->seed);
  writer->n_columns++;
}

uint32_t
lode_benchmark_writer_row (LodeBenchmarkWriter *writer, const double *values)
{
  g_array_append_vals (writer->value, values, writer->n_columns);
  return writer->n_rows++;
}

void
lode_benchmark_writer_arch (LodeBenchmarkWriter *writer, const uint8_t *arch, uint32_t row)
{
  Known known = { 0, row };

  g_array_append_val (writer->arch, known);
  g_byte_array_append (writer->choice, arch, writer->options->len);
}

/* Numbers of the architectures in the space, the last decision varying fastest. */
static bool
number (LodeBenchmarkWriter *writer, GError **error)
{
  uint32_t n = writer->options->len;
  uint64_t space = 1;

  for (uint32_t d = 0; d < n; d++)
    if (__builtin_mul_overflow (space, g_array_index (writer->options, uint32_t, d), &space)) {
      g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                           "the space has more than 2^64 architectures, expected one that a "
                           "benchmark can number");
      return false;
    }
  for (uint32_t i = 0; i < writer->arch->len; i++) {
    Known *known = &g_array_index (writer->arch, Known, i);

    for (uint32_t d = 0; d < n; d++) {
      uint32_t options = g_array_index (writer->options, uint32_t, d);
      uint8_t option = writer->choice->data[(size_t) i * n + d];

      if (option >= options) {
        g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                     "architecture %u has option %u at its decision %u, expected less than %u", i,
                     option, d, options);
        return false;
      }
      known->code = d ? known->code * options + option : option;
    }
  }
  return true;
}

static int
by_code (const void *a, const void *b)
{
  uint64_t x = ((const Known *) a)->code, y = ((const Known *) b)->code;

  return (x > y) - (x < y);
}

static bool
sort (LodeBenchmarkWriter *writer, GError **error)
{
  Known *known = (Known *) (void *) writer->arch->data;

  if (!number (writer, error))
    return false;
  if (writer->arch->len)
    qsort (known, writer->arch->len, sizeof *known, by_code);
  for (uint32_t i = 1; i < writer->arch->len; i++)
    if (known[i].code == known[i - 1].code) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                   "an architecture stands in the benchmark twice, in rows %u and %u",
                   known[i - 1].row, known[i].row);
      return false;
    }
  return true;
}

static void
pad (GByteArray *file)
{
  static const guint8 none[LODE_BENCHMARK_ALIGN];

  g_byte_array_append (file, none, -file->len % LODE_BENCHMARK_ALIGN);
}

static void
put_archs (const LodeBenchmarkWriter *writer, GByteArray *file)
{
  const Known *known = (const Known *) (void *) writer->arch->data;

  pad (file);
  for (uint32_t i = 0; i < writer->arch->len; i++)
    g_byte_array_append (file, (const guint8 *) &known[i].code, sizeof known[i].code);
  pad (file);
  for (uint32_t i = 0; i < writer->arch->len; i++)
    g_byte_array_append (file, (const guint8 *) &known[i].row, sizeof known[i].row);
  pad (file);
}

/* Column by column. */
static void
put_values (const LodeBenchmarkWriter *writer, GByteArray *file)
{
  for (uint32_t c = 0; c < writer->n_columns; c++)
    for (uint32_t r = 0; r < writer->n_rows; r++)
      g_byte_array_append (file,
                           (const guint8 *) &g_array_index (writer->value, double,
                                                            (guint) r * writer->n_columns + c),
                           sizeof (double));
  pad (file);
}

static GByteArray *
lay_out (const LodeBenchmarkWriter *writer)
{
  GByteArray *file = g_byte_array_new ();
  g_autofree char *text =
      g_strdup_printf ("{\"texts\":{%s},\n\"decisions\":[%s],\n\"columns\":[%s]}\n",
                       writer->texts->str, writer->decisions->str, writer->columns->str);
  LodeBenchmarkHead head = { .magic = LODE_BENCHMARK_MAGIC,
                             .version = LODE_BENCHMARK_VERSION,
                             .order = ORDER,
                             .text = (uint32_t) strlen (text),
                             .decisions = writer->options->len,
                             .archs = writer->arch->len,
                             .rows = writer->n_rows,
                             .columns = writer->n_columns };

  g_byte_array_append (file, (const guint8 *) &head, sizeof head);
  g_byte_array_append (file, (const guint8 *) text, head.text);
  put_archs (writer, file);
  put_values (writer, file);
  head.size = file->len;
  head.sum = lode_benchmark_sum (file->data + sizeof head, file->len - sizeof head);
  head.head_sum = lode_benchmark_sum (&head, offsetof (LodeBenchmarkHead, head_sum));
  memcpy (file->data, &head, sizeof head);
  return file;
}

bool
lode_benchmark_writer_write (LodeBenchmarkWriter *writer, const char *path, GError **error)
{
  g_autoptr (GByteArray) file = NULL;
  double cells = (double) writer->n_columns * writer->n_rows;

  if (G_BYTE_ORDER != G_LITTLE_ENDIAN || cells > 1 << 28) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s: a benchmark is written on a little-endian machine, of at most %d values (it "
                 "has %.0f)",
                 path, 1 << 28, cells);
    return false;
  }
  if (!sort (writer, error)) {
    g_prefix_error (error, "%s: ", path);
    return false;
  }
  file = lay_out (writer);
  return lode_file_write (path, file->data, file->len, error);
}

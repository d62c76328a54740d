/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A published benchmark from a table of text, tab-separated with a line of names, to a benchmark
 * file. Every cell must be a number; columns that nobody knows are left out.
 */
#include "benchmark.h"

#include "error.h"
#include "run/file.h"

#include <math.h>
#include <string.h>

enum { MOST_BYTES = 1 << 30, MOST_DECISIONS = 64 };

typedef struct Import {
  const Published *what;
  const char *path;
  LodeBenchmarkWriter *writer;
  uint32_t decisions, options, columns;
  int arch;             /* column of the text */
  int *at;              /* [columns] of the text */
  double *value;        /* [columns] */
  uint32_t line, found; /* line in hand; columns of the text */
} Import;

static bool G_GNUC_PRINTF (3, 4)
    wrong (GError **error, const Import *import, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s:%u: %s", import->path, import->line,
               text);
  return false;
}

static int
place (char **name, const char *wanted)
{
  for (int i = 0; name[i]; i++)
    if (!strcmp (name[i], wanted))
      return i;
  return -1;
}

/* The line of names: where each column of the benchmark stands. */
static bool
read_names (Import *import, char **name, GError **error)
{
  const Published *what = import->what;

  import->found = g_strv_length (name);
  import->arch = place (name, what->arch);
  if (import->arch < 0)
    return wrong (error, import,
                  "no column \"%s\"; expected the table that docs/benchmarks.md "
                  "describes",
                  what->arch);
  for (const PublishedColumn *column = what->column; column->from; column++) {
    int at = place (name, column->from);

    if (at < 0)
      return wrong (error, import,
                    "no column \"%s\"; expected the table that docs/benchmarks.md "
                    "describes",
                    column->from);
    import->at[import->columns++] = at;
  }
  return true;
}

static void
describe (Import *import)
{
  const Published *what = import->what;

  for (const char *const *text = what->text; *text; text += 2)
    lode_benchmark_writer_text (import->writer, text[0], text[1]);
  for (uint32_t i = 0; i < import->decisions; i++)
    lode_benchmark_writer_decision (import->writer, what->decision[i], import->options,
                                    what->option);
  for (const PublishedColumn *from = what->column; from->from; from++) {
    const LodeBenchmarkColumn column = { .size = sizeof column,
                                         .name = from->name ? from->name : from->from,
                                         .doc = from->doc,
                                         .unit = from->unit,
                                         .set = from->set,
                                         .of = from->of ? from->of : "",
                                         .guard = from->guard ? from->guard : "",
                                         .use = from->use,
                                         .epochs = from->epochs,
                                         .seed = from->of ? from->seed : -1 };

    lode_benchmark_writer_column (import->writer, &column);
  }
}

static bool
read_arch (const Import *import, const char *text, uint8_t *arch, GError **error)
{
  for (uint32_t i = 0; i < import->decisions; i++) {
    uint32_t option = (uint32_t) (text[i] - '0');

    if (text[i] < '0' || option >= import->options)
      return wrong (error, import, "%s = \"%s\", expected %u digits below %u", import->what->arch,
                    text, import->decisions, import->options);
    arch[i] = (uint8_t) option;
  }
  return !text[import->decisions]
         || wrong (error, import, "%s = \"%s\", expected %u digits", import->what->arch, text,
                   import->decisions);
}

static bool
read_line (Import *import, char **cell, GError **error)
{
  uint8_t arch[MOST_DECISIONS];

  if (g_strv_length (cell) != import->found)
    return wrong (error, import, "%u columns, expected %u", g_strv_length (cell), import->found);
  if (!read_arch (import, cell[import->arch], arch, error))
    return false;
  for (uint32_t i = 0; i < import->columns; i++) {
    const char *text = cell[import->at[i]];
    char *end;

    import->value[i] = g_ascii_strtod (text, &end);
    if (end == text || *end || !isfinite (import->value[i]))
      return wrong (error, import, "%s is \"%s\", expected a number", import->what->column[i].from,
                    text);
  }
  lode_benchmark_writer_arch (import->writer, arch,
                              lode_benchmark_writer_row (import->writer, import->value));
  return true;
}

static bool
read_lines (Import *import, char *text, GError **error)
{
  for (char *line = text, *end; *line; line = end) {
    g_auto (GStrv) cell = NULL;

    end = line + strcspn (line, "\n");
    if (*end)
      *end++ = 0;
    g_strchomp (line);
    import->line++;
    if (!*line)
      continue;
    cell = g_strsplit (line, "\t", -1);
    if (!(import->line == 1 ? read_names : read_line) (import, cell, error))
      return false;
    if (import->line == 1)
      describe (import);
  }
  return import->line > 1
         || wrong (error, import, "there are no lines, expected names and then a line a network");
}

bool
published_import (const Published *what, const char *from, const char *to, GError **error)
{
  size_t n, columns = 0;
  g_autofree char *text = lode_file_read (from, MOST_BYTES, &n, error);
  g_autoptr (LodeBenchmarkWriter) writer = lode_benchmark_writer_new ();
  g_autofree int *at = NULL;
  g_autofree double *value = NULL;
  Import import = { .what = what, .path = from, .writer = writer };

  while (what->column[columns].from)
    columns++;
  import.at = at = g_new0 (int, columns);
  import.value = value = g_new0 (double, columns);
  import.decisions = g_strv_length ((char **) what->decision);
  import.options = g_strv_length ((char **) what->option);
  return text && read_lines (&import, text, error)
         && lode_benchmark_writer_write (writer, to, error);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "table.h"

#include "common.h"

#include <string.h>

Table *
table_new (void)
{
  Table *table = g_new0 (Table, 1);

  table->cells = g_ptr_array_new_with_free_func (g_free);
  return table;
}

void
table_free (Table *table)
{
  if (!table)
    return;
  g_ptr_array_unref (table->cells);
  g_free (table);
}

void
table_head (Table *table, const char *head)
{
  table->columns++;
  table_cell (table, head);
}

void
table_take (Table *table, char *cell)
{
  g_ptr_array_add (table->cells, cell);
}

void
table_cell (Table *table, const char *cell)
{
  table_take (table, g_strdup (cell));
}

void
table_format (Table *table, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  table_take (table, g_strdup_vprintf (format, args));
  va_end (args);
}

static guint
rows_of (const Table *table)
{
  return table->columns ? table->cells->len / table->columns : 0;
}

static const char *
cell_at (const Table *table, guint row, guint column)
{
  const char *cell = g_ptr_array_index (table->cells, row * table->columns + column);

  return cell ? cell : "";
}

static bool
is_empty (const Table *table, guint column)
{
  for (guint row = 1; row < rows_of (table); row++)
    if (*cell_at (table, row, column))
      return false;
  return true;
}

void
table_drop_empty (Table *table)
{
  GPtrArray *kept = g_ptr_array_new_with_free_func (g_free);
  guint columns = 0;
  g_autofree bool *empty = g_new0 (bool, table->columns + 1);

  for (guint column = 0; column < table->columns; column++) {
    empty[column] = is_empty (table, column);
    columns += !empty[column];
  }
  for (guint row = 0; row < rows_of (table); row++)
    for (guint column = 0; column < table->columns; column++)
      if (!empty[column])
        g_ptr_array_add (kept, g_strdup (cell_at (table, row, column)));
  g_ptr_array_unref (table->cells);
  table->cells = kept;
  table->columns = columns;
}

/* Columns that a terminal uses for a text. */
static int
width_of (const char *text)
{
  return (int) g_utf8_strlen (text, -1);
}

static void
print_text (const Table *table)
{
  for (guint row = 0; row < rows_of (table); row++) {
    for (guint column = 0; column < table->columns; column++) {
      const char *cell = cell_at (table, row, column);
      int width = 0;

      for (guint other = 0; other < rows_of (table); other++)
        width = MAX (width, width_of (cell_at (table, other, column)));
      if (column == 0)
        printf ("%s%*s", cell, table->columns > 1 ? width - width_of (cell) : 0, "");
      else if (column + 1 == table->columns && !g_ascii_isdigit (*cell) && row > 0)
        printf ("  %s", cell);
      else
        printf ("  %*s%s", width - width_of (cell), "", cell);
    }
    putchar ('\n');
  }
}

static void
print_markdown (const Table *table)
{
  for (guint row = 0; row < rows_of (table); row++) {
    for (guint column = 0; column < table->columns; column++) {
      g_auto (GStrv) part = g_strsplit (cell_at (table, row, column), "|", -1);
      g_autofree char *cell = g_strjoinv ("\\|", part);

      printf ("%s %s ", "|", cell);
    }
    puts ("|");
    for (guint column = 0; row == 0 && column < table->columns; column++)
      fputs (column ? "|---:" : "|---", stdout);
    if (row == 0)
      puts ("|");
  }
}

/* What LaTeX would take for more than a letter. */
static void
print_latex_cell (const char *cell)
{
  static const struct {
    const char *from, *to;
  } special[] = { { "±", "$\\pm$" },
                  { "−", "$-$" },
                  { "–", "--" },
                  { "%", "\\%" },
                  { "_", "\\_" },
                  { "&", "\\&" },
                  { "#", "\\#" },
                  { "$", "\\$" },
                  { "{", "\\{" },
                  { "}", "\\}" },
                  { "~", "\\textasciitilde{}" },
                  { "^", "\\textasciicircum{}" },
                  { "\\", "\\textbackslash{}" },
                  { "×", "$\\times$" },
                  { "∞", "$\\infty$" } };

  while (*cell) {
    size_t i;

    for (i = 0; i < G_N_ELEMENTS (special); i++)
      if (g_str_has_prefix (cell, special[i].from))
        break;
    if (i < G_N_ELEMENTS (special)) {
      fputs (special[i].to, stdout);
      cell += strlen (special[i].from);
    } else
      putchar (*cell++);
  }
}

/* With the rules of package booktabs. */
static void
print_latex (const Table *table)
{
  fputs ("\\begin{tabular}{l", stdout);
  for (guint column = 1; column < table->columns; column++)
    putchar ('r');
  puts ("}\n\\toprule");
  for (guint row = 0; row < rows_of (table); row++) {
    for (guint column = 0; column < table->columns; column++) {
      if (column)
        fputs (" & ", stdout);
      print_latex_cell (cell_at (table, row, column));
    }
    puts (" \\\\");
    if (row == 0)
      puts ("\\midrule");
  }
  puts ("\\bottomrule\n\\end{tabular}");
}

/* RFC 4180, but for the line's end. */
static void
print_csv (const Table *table)
{
  for (guint row = 0; row < rows_of (table); row++) {
    for (guint column = 0; column < table->columns; column++) {
      const char *cell = cell_at (table, row, column);

      if (column)
        putchar (',');
      if (strpbrk (cell, ",\"\n")) {
        g_auto (GStrv) part = g_strsplit (cell, "\"", -1);
        g_autofree char *doubled = g_strjoinv ("\"\"", part);

        printf ("\"%s\"", doubled);
      } else
        fputs (cell, stdout);
    }
    putchar ('\n');
  }
}

void
table_print (const Table *table, TableForm form)
{
  switch (form) {
  case TABLE_MARKDOWN:
    print_markdown (table);
    break;
  case TABLE_LATEX:
    print_latex (table);
    break;
  case TABLE_CSV:
    print_csv (table);
    break;
  default:
    print_text (table);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading metrics.jsonl: lines of values become series.
 */
#include "error.h"
#include "run/file.h"
#include "run/journal.h"
#include "run/json.h"
#include "run/lines.h"

#include <math.h>
#include <string.h>

/* A line while it is read. */
typedef struct Line {
  char *stage;
  double step, epoch;
  GPtrArray *names; /* char * */
  GArray *values;   /* double */
} Line;

typedef struct Reading {
  GPtrArray *series;
  GHashTable *index; /* stage and name → LodeSeries */
  Line line;
} Reading;

static void
series_free (void *data)
{
  LodeSeries *series = data;

  g_free (series->stage);
  g_free (series->name);
  g_free (series->step);
  g_free (series->epoch);
  g_free (series->value);
  g_free (series);
}

/* Of one stage and name, made when they first appear. */
static LodeSeries *
find (Reading *reading, const char *stage, const char *name)
{
  g_autofree char *key = g_strdup_printf ("%zu %s%s", strlen (stage), stage, name);
  LodeSeries *series = g_hash_table_lookup (reading->index, key);

  if (series)
    return series;
  series = g_new0 (LodeSeries, 1);
  series->stage = g_strdup (stage);
  series->name = g_strdup (name);
  g_hash_table_insert (reading->index, g_steal_pointer (&key), series);
  g_ptr_array_add (reading->series, series);
  return series;
}

static void
append (LodeSeries *series, double step, double epoch, double value)
{
  uint32_t n = series->n;

  if (!(n & (n - 1))) { /* room is a power of two */
    uint32_t room = MAX (2 * n, 1);

    series->step = g_renew (double, series->step, room);
    series->epoch = g_renew (double, series->epoch, room);
    series->value = g_renew (double, series->value, room);
  }
  series->step[n] = step;
  series->epoch[n] = epoch;
  series->value[n] = value;
  series->n++;
}

static void
read_values (LodeScan *scan, Line *line)
{
  char *name;
  double value;

  lode_scan_enter (scan, '{');
  while (lode_scan_member (scan, &name)) {
    g_ptr_array_add (line->names, name);
    lode_scan_number (scan, &value);
    g_array_append_val (line->values, value);
  }
}

static void
read_member (LodeScan *scan, const char *name, Line *line)
{
  if (!strcmp (name, "stage")) {
    g_free (line->stage);
    line->stage = lode_scan_text (scan);
  } else if (!strcmp (name, "step"))
    lode_scan_number (scan, &line->step);
  else if (!strcmp (name, "epoch"))
    lode_scan_number (scan, &line->epoch);
  else if (!strcmp (name, "values"))
    read_values (scan, line);
  else
    lode_scan_skip (scan);
}

/* What is wrong with a line, or NULL. */
static const char *
read_line (Reading *reading, const char *text, size_t n)
{
  LodeScan scan = lode_scan_begin (text, n);
  Line *line = &reading->line;
  char *name;

  line->step = line->epoch = NAN;
  g_clear_pointer (&line->stage, g_free);
  g_ptr_array_set_size (line->names, 0);
  g_array_set_size (line->values, 0);
  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    read_member (&scan, name, line);
    g_free (name);
  }
  if (!lode_scan_end (&scan))
    return scan.wrong;
  if (!line->stage)
    return "no stage";
  for (guint i = 0; i < line->names->len; i++)
    append (find (reading, line->stage, line->names->pdata[i]), line->step, line->epoch,
            g_array_index (line->values, double, i));
  return NULL;
}

static bool
read_lines (Reading *reading, const char *path, const char *at, size_t n, GError **error)
{
  const char *end = at + n, *line, *wrong;
  size_t length, number = 0;

  while (lode_lines_next (&at, end, &line, &length)) {
    number++;
    wrong = read_line (reading, line, length);
    if (wrong) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                   "%s:%zu: %s; the file was changed, remove the line", path, number, wrong);
      return false;
    }
  }
  return true;
}

GPtrArray *
lode_journal_read (const char *path, GError **error)
{
  size_t n;
  g_autofree char *text = lode_file_read (path, INT64_MAX, &n, error);
  g_autoptr (GPtrArray) series = g_ptr_array_new_with_free_func (series_free);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GHashTable) index = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Reading reading = { series, index, { .names = names, .values = values } };
  bool ok = text && read_lines (&reading, path, text, n, error);

  g_free (reading.line.stage);
  return ok ? g_steal_pointer (&series) : NULL;
}

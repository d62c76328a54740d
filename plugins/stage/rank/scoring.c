/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architectures come from the benchmark file, from the saved scores, or are drawn; each scoring
 * then says what it knows of them.
 */
#include "scoring.h"

#include <string.h>

enum {
  TRIES = 1000
}; /* draws in a row that bring nothing new: the space is exhausted, or nearly so */

static bool G_GNUC_PRINTF (2, 3) refuse (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, g_quark_from_static_string ("lode-rank"), 0, "stage rank: %s", text);
  return false;
}

static void
scoring_clear (Scoring *scoring)
{
  for (uint32_t s = 0; s < scoring->seeds; s++)
    g_free (scoring->seed[s]);
  g_free (scoring->seed);
  g_free (scoring->value);
}

void
rank_subject_clear (Subject *subject)
{
  scoring_clear (&subject->x);
  scoring_clear (&subject->y);
  g_clear_pointer (&subject->archs, g_byte_array_unref);
  lode_benchmark_free (subject->table);
  subject->table = NULL;
}

/* saved scores: "key" or "architecture" of each line, and a value */
typedef struct Saved {
  GHashTable *value; /* key → double * */
  GPtrArray *text;   /* of architectures, where the file has them */
} Saved;

static void
saved_clear (Saved *saved)
{
  g_clear_pointer (&saved->value, g_hash_table_unref);
  g_clear_pointer (&saved->text, g_ptr_array_unref);
}

/* The column of a name in a line of names; −1: none. */
static int
column_of (const LodeRecords *records, const char *name)
{
  for (uint32_t i = 0; i < lode_records_columns (records); i++)
    if (!strcmp (lode_records_column (records, i).name, name))
      return (int) i;
  return -1;
}

/* "scores:COLUMN" of the CSV file at the port `scores`. */
static bool
read_saved (const Subject *subject, const char *name, Saved *saved, GError **error)
{
  g_autofree char *path = lode_art_path (subject->host, "scores", 0, error);
  LodeRecordsIn in = {
    .size = sizeof in, .path = path, .format = LODE_RECORDS_CSV, .header = LODE_HEADER_YES
  };
  LodeRecords *records = NULL;
  int key, value;
  LodeColumn keys, values;

  saved->value = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (!path)
    return error && *error ? false
                           : refuse (error, "%s: nothing is connected to the port scores", name);
  records = lode_records_new (subject->host, &in, error);
  if (!records)
    return false;
  key = column_of (records, "key");
  value = column_of (records, strchr (name, ':') + 1);
  if (key >= 0)
    keys = lode_records_column (records, (uint32_t) key);
  if (value >= 0)
    values = lode_records_column (records, (uint32_t) value);
  if (key < 0 || value < 0 || !keys.code || !values.number) {
    lode_records_free (records);
    return refuse (error, "%s has no column \"%s\" of text and \"%s\" of numbers", path, "key",
                   strchr (name, ':') + 1);
  }
  for (uint32_t i = 0; i < lode_records_rows (records); i++)
    if (keys.code[i] >= 0)
      g_hash_table_replace (saved->value, g_strdup (keys.value[keys.code[i]]),
                            g_memdup2 (&values.number[i], sizeof (double)));
  lode_records_free (records);
  return true;
}

static const uint8_t *
arch_at (const Subject *subject, uint32_t i)
{
  return subject->archs->data + (gsize) i * subject->decisions;
}

static double *
new_values (const Subject *subject, Scoring *scoring)
{
  double *value = g_new (double, (gsize) subject->n + 1);

  scoring->seed = g_renew (double *, scoring->seed, scoring->seeds + 1);
  scoring->seed[scoring->seeds++] = value;
  for (uint32_t i = 0; i < subject->n; i++)
    value[i] = NAN;
  return value;
}

static void
fill_column (const Subject *subject, Scoring *scoring, uint32_t column, const double *guard)
{
  const double *from = lode_benchmark_values (subject->table, column);
  double *value = new_values (subject, scoring);

  for (uint32_t i = 0; i < subject->n; i++) {
    int64_t row = lode_benchmark_row (subject->table, arch_at (subject, i));

    if (row >= 0 && !(guard && guard[row] == 0))
      value[i] = from[row];
  }
}

/* A column of the table, or all seeds of a figure. */
static bool
fill_table (const Subject *subject, Scoring *scoring, GError **error)
{
  bool exact = lode_benchmark_find (subject->table, scoring->name) >= 0;

  for (uint32_t i = 0; i < lode_benchmark_columns (subject->table); i++) {
    LodeBenchmarkColumn column = lode_benchmark_column (subject->table, i);
    int32_t guard = *column.guard ? lode_benchmark_find (subject->table, column.guard) : -1;

    if (!strcmp (exact ? column.name : column.of, scoring->name))
      fill_column (subject, scoring, i,
                   guard >= 0 ? lode_benchmark_values (subject->table, (uint32_t) guard) : NULL);
  }
  return scoring->seeds > 0
         || refuse (error, "%s has no column and no figure \"%s\"", subject->conf->table,
                    scoring->name);
}

static bool
fill_saved (const Subject *subject, Scoring *scoring, GError **error)
{
  Saved saved = { 0 };
  bool ok = read_saved (subject, scoring->name, &saved, error);
  double *value = ok ? new_values (subject, scoring) : NULL;

  for (uint32_t i = 0; ok && i < subject->n; i++) {
    g_autofree char *key = lode_arch_key (subject->host, arch_at (subject, i));
    const double *found = g_hash_table_lookup (saved.value, key);

    value[i] = found ? *found : NAN;
  }
  saved_clear (&saved);
  return ok;
}

static bool
fill (const Subject *subject, Scoring *scoring, GError **error)
{
  if (!strcmp (scoring->name, "evaluator")) {
    scoring->evaluator = true;
    new_values (subject, scoring);
    return true;
  }
  if (g_str_has_prefix (scoring->name, "scores:"))
    return fill_saved (subject, scoring, error);
  if (!subject->table)
    return refuse (error, "\"%s\" is a column of a benchmark file; name the file: table = \"…\"",
                   scoring->name);
  return fill_table (subject, scoring, error);
}

/* Every network once, in the order of the file; of more than `sample` a part drawn at random. */
static void
take_table (Subject *subject)
{
  uint32_t archs = lode_benchmark_archs (subject->table), row, kept = 0;
  g_autofree uint8_t *arch = g_new0 (uint8_t, (gsize) subject->decisions + 1);
  g_autofree bool *seen = g_new0 (bool, (gsize) lode_benchmark_rows (subject->table) + 1);
  LodeRng rng = lode_rng (subject->host, "rank", 0, 0);
  uint64_t want = (uint64_t) subject->conf->sample;

  for (uint32_t i = 0; i < archs; i++) {
    uint32_t at;

    if (!lode_benchmark_arch (subject->table, i, arch, &row) || seen[row])
      continue;
    seen[row] = true;
    kept++;
    if (want == 0 || subject->n < want) {
      g_byte_array_append (subject->archs, arch, subject->decisions);
      subject->n++;
      continue;
    }
    at = lode_rng_below (&rng, kept); /* a reservoir: each of them equally likely */
    if (at < want)
      memcpy (subject->archs->data + (gsize) at * subject->decisions, arch, subject->decisions);
  }
}

/* Different networks, drawn from the space. */
static void
draw (Subject *subject)
{
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autofree uint8_t *arch = g_new0 (uint8_t, (gsize) subject->decisions + 1);
  uint64_t want = (uint64_t) subject->conf->sample, last = 0;

  for (uint64_t i = 0; subject->n < want && i - last < TRIES; i++) {
    LodeRng rng = lode_rng (subject->host, "rank", i, 1);

    lode_sample (subject->host, arch, &rng);
    if (!g_hash_table_add (known, lode_arch_key (subject->host, arch)))
      continue;
    last = i;
    g_byte_array_append (subject->archs, arch, subject->decisions);
    subject->n++;
  }
}

bool
rank_subject_open (Subject *subject, GError **error)
{
  const Conf *conf = subject->conf;
  const LodeSpace *space = lode_stage_space (subject->host);

  subject->decisions = space->n;
  subject->archs = g_byte_array_new ();
  subject->x.name = conf->x;
  subject->y.name = conf->y;
  if (*conf->table) {
    subject->table = lode_benchmark_open (subject->host, conf->table, error);
    if (!subject->table || !lode_benchmark_bind (subject->table, space, error))
      return false;
    take_table (subject);
  } else if (conf->sample == 0)
    return refuse (error, "there is no benchmark file, so architectures are drawn; say how many: "
                          "sample = 100;");
  else
    draw (subject);
  if (subject->n < 2)
    return refuse (error, "%u architectures are too few to be ranked", subject->n);
  return fill (subject, &subject->x, error) && fill (subject, &subject->y, error);
}

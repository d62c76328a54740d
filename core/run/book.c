/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book of scores: a file of lines, and all of them in memory to be found.
 */
#include "error.h"
#include "run/file.h"
#include "run/journal.h"
#include "run/json.h"
#include "run/lines.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct LodeBook {
  LodeLines lines;
  GHashTable *scores; /* Entry → itself */
};

typedef struct Entry {
  char *key; /* of the architecture */
  double fidelity;
  LodeScore score;
} Entry;

static void
entry_free (void *data)
{
  g_free (((Entry *) data)->key);
  g_free (data);
}

static guint
entry_hash (const void *data)
{
  const Entry *entry = data;

  return g_str_hash (entry->key) ^ g_double_hash (&entry->fidelity);
}

static gboolean
entry_equal (const void *a, const void *b)
{
  const Entry *x = a, *y = b;

  return x->fidelity == y->fidelity && !strcmp (x->key, y->key);
}

/* Takes the key. */
static void
keep (LodeBook *book, char *key, double fidelity, const LodeScore *score)
{
  Entry *entry = g_new0 (Entry, 1);

  *entry = (Entry){ key, fidelity, *score };
  entry->score.size = sizeof entry->score;
  g_hash_table_replace (book->scores, entry, entry);
}

/* What JSON cannot say is said by "failed", so that memory and file hold the same. */
static LodeScore
settle (LodeScore score)
{
  if (score.failed || !isfinite (score.value)) {
    score.failed = score.failed ? score.failed : 1;
    score.value = -INFINITY;
  }
  if (!isfinite (score.seconds))
    score.seconds = 0;
  return score;
}

static void
read_failed (LodeScan *scan, int32_t *failed)
{
  double value = 0;

  if (lode_scan_number (scan, &value) && !(value >= INT32_MIN && value <= INT32_MAX))
    lode_scan_wrong (scan, "\"failed\" is out of range");
  else
    *failed = (int32_t) value;
}

static void
read_member (LodeScan *scan, const char *name, Entry *entry)
{
  LodeScore *score = &entry->score;

  if (!strcmp (name, "key")) {
    g_free (entry->key);
    entry->key = lode_scan_text (scan);
  } else if (!strcmp (name, "fidelity"))
    lode_scan_number (scan, &entry->fidelity);
  else if (!strcmp (name, "value"))
    lode_scan_number (scan, &score->value);
  else if (!strcmp (name, "seconds"))
    lode_scan_number (scan, &score->seconds);
  else if (!strcmp (name, "macs"))
    lode_scan_natural (scan, &score->macs);
  else if (!strcmp (name, "params"))
    lode_scan_natural (scan, &score->params);
  else if (!strcmp (name, "failed"))
    read_failed (scan, &score->failed);
  else
    lode_scan_skip (scan);
}

/* What is wrong with a line, or NULL. */
static const char *
read_line (LodeBook *book, const char *text, size_t n)
{
  LodeScan scan = lode_scan_begin (text, n);
  Entry entry = { .fidelity = NAN, .score.value = NAN };
  LodeScore score;
  char *name;

  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    read_member (&scan, name, &entry);
    g_free (name);
  }
  if (lode_scan_end (&scan) && (!entry.key || isnan (entry.fidelity)))
    lode_scan_wrong (&scan, "no key or no fidelity");
  if (scan.wrong) {
    g_free (entry.key);
    return scan.wrong;
  }
  score = settle (entry.score);
  keep (book, entry.key, entry.fidelity, &score);
  return NULL;
}

/* All whole lines; what follows the last of them is cut off. */
static bool
read_lines (LodeBook *book, const char *text, size_t n, GError **error)
{
  const char *at = text, *line, *wrong;
  size_t length, number = 0;

  while (lode_lines_next (&at, text + n, &line, &length)) {
    number++;
    wrong = read_line (book, line, length);
    if (wrong) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                   "%s:%zu: %s; the file was changed, remove the line: its score is found again",
                   book->lines.path, number, wrong);
      return false;
    }
  }
  return lode_lines_cut (&book->lines, (uint64_t) (at - text), error);
}

LodeBook *
lode_book_open (const char *path, GError **error)
{
  LodeBook *book = g_new0 (LodeBook, 1);
  g_autofree char *text = NULL;
  size_t n;

  book->scores = g_hash_table_new_full (entry_hash, entry_equal, entry_free, NULL);
  if (lode_lines_open (&book->lines, path, error)
      && (text = lode_file_read (path, INT64_MAX, &n, error)) && read_lines (book, text, n, error))
    return book;
  lode_book_close (book);
  return NULL;
}

void
lode_book_close (LodeBook *book)
{
  if (!book)
    return;
  lode_lines_close (&book->lines);
  g_hash_table_unref (book->scores);
  g_free (book);
}

static bool
book_find (void *data, const char *key, double fidelity, LodeScore *score)
{
  LodeBook *book = data;
  Entry wanted = { .key = (char *) (uintptr_t) key, .fidelity = fidelity };
  const Entry *entry = g_hash_table_lookup (book->scores, &wanted);

  if (entry)
    *score = entry->score;
  return entry != NULL;
}

static GString *
format (const char *key, double fidelity, uint64_t id, const LodeScore *score)
{
  GString *line = g_string_new ("{\"key\":");

  lode_json_put_text (line, key);
  g_string_append (line, ",\"fidelity\":");
  lode_json_put_number (line, fidelity);
  g_string_append_printf (line, ",\"id\":%" PRIu64 ",\"value\":", id);
  lode_json_put_number (line, score->value);
  g_string_append (line, ",\"seconds\":");
  lode_json_put_number (line, score->seconds);
  g_string_append_printf (line, ",\"macs\":%" PRIu64 ",\"params\":%" PRIu64 ",\"failed\":%d}\n",
                          score->macs, score->params, score->failed);
  return line;
}

static bool
book_note (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
           GError **error)
{
  LodeBook *book = data;
  LodeScore settled = settle (*score);
  g_autoptr (GString) line = NULL;

  if (!isfinite (fidelity) || !g_utf8_validate (key, -1, NULL)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s: a score's key must be UTF-8 and its fidelity finite", book->lines.path);
    return false;
  }
  line = format (key, fidelity, id, &settled);
  if (!lode_lines_add (&book->lines, line->str, line->len, error)
      || !lode_lines_sync (&book->lines, error))
    return false;
  keep (book, g_strdup (key), fidelity, &settled);
  return true;
}

LodeScoreBook
lode_book_view (LodeBook *book)
{
  return (LodeScoreBook){ book, book_find, book_note };
}

uint32_t
lode_book_count (const LodeBook *book)
{
  return g_hash_table_size (book->scores);
}

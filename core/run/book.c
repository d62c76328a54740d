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
  bool relaxed;       /* synced when asked */
  uint64_t count;     /* of lines */
  GHashTable *scores; /* Entry → itself */
};

typedef struct Entry {
  char *key; /* of the architecture */
  double fidelity;
  LodeScore score;
  uint64_t line; /* from 0 */
  bool owed, paid;
  LodeScoreCost cost;
} Entry;

static void
entry_clear (Entry *entry)
{
  g_free (entry->key);
  g_clear_pointer (&entry->cost.seen, g_bytes_unref);
}

static void
entry_free (void *data)
{
  entry_clear (data);
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

/* Takes what the entry owns. */
static void
keep (LodeBook *book, const Entry *from)
{
  Entry *entry = g_memdup2 (from, sizeof *from);

  entry->score.size = sizeof entry->score;
  entry->line = book->count++;
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
read_seen (LodeScan *scan, LodeScoreCost *cost)
{
  g_autofree char *text = lode_scan_text (scan);
  guchar *bits;
  gsize n;

  if (!text)
    return;
  bits = g_base64_decode (text, &n);
  g_clear_pointer (&cost->seen, g_bytes_unref);
  cost->seen = g_bytes_new_take (bits, n);
}

static void
read_cost (LodeScan *scan, const char *name, LodeScoreCost *cost)
{
  uint64_t roles = 0;

  if (!strcmp (name, "cost_samples"))
    lode_scan_natural (scan, &cost->samples);
  else if (!strcmp (name, "cost_macs"))
    lode_scan_natural (scan, &cost->macs);
  else if (!strcmp (name, "cost_labels"))
    lode_scan_natural (scan, &cost->labels);
  else if (!strcmp (name, "cost_cpu_s"))
    lode_scan_number (scan, &cost->cpu);
  else if (!strcmp (name, "cost_seen"))
    read_seen (scan, cost);
  else if (strcmp (name, "cost_roles"))
    lode_scan_skip (scan);
  else if (lode_scan_natural (scan, &roles))
    cost->roles = (uint32_t) roles;
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
    read_cost (scan, name, &entry->cost);
}

/* What is wrong with a line, or NULL. */
static const char *
read_line (LodeBook *book, const char *text, size_t n)
{
  LodeScan scan = lode_scan_begin (text, n);
  Entry entry = { .fidelity = NAN, .score.value = NAN };
  char *name;

  lode_scan_enter (&scan, '{');
  while (lode_scan_member (&scan, &name)) {
    read_member (&scan, name, &entry);
    g_free (name);
  }
  if (lode_scan_end (&scan) && (!entry.key || isnan (entry.fidelity)))
    lode_scan_wrong (&scan, "no key or no fidelity");
  if (scan.wrong) {
    entry_clear (&entry);
    return scan.wrong;
  }
  entry.score = settle (entry.score);
  if (!isfinite (entry.cost.cpu))
    entry.cost.cpu = 0;
  keep (book, &entry);
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

static Entry *
find (const LodeBook *book, const char *key, double fidelity)
{
  Entry wanted = { .key = (char *) (uintptr_t) key, .fidelity = fidelity };

  return g_hash_table_lookup (book->scores, &wanted);
}

static bool
book_find (void *data, const char *key, double fidelity, LodeScore *score)
{
  const Entry *entry = find (data, key, fidelity);

  if (entry)
    *score = entry->score;
  return entry != NULL;
}

static void
put_cost (GString *line, const LodeScoreCost *cost)
{
  g_string_append_printf (line,
                          ",\"cost_samples\":%" PRIu64 ",\"cost_macs\":%" PRIu64
                          ",\"cost_labels\":%" PRIu64 ",\"cost_roles\":%" PRIu32,
                          cost->samples, cost->macs, cost->labels, cost->roles);
  g_string_append (line, ",\"cost_cpu_s\":");
  lode_json_put_number (line, cost->cpu);
  if (cost->seen) {
    gsize n;
    const guchar *bits = g_bytes_get_data (cost->seen, &n);
    g_autofree char *text = g_base64_encode (bits, n);

    g_string_append_printf (line, ",\"cost_seen\":\"%s\"", text);
  }
}

static GString *
format (const char *key, double fidelity, uint64_t id, const LodeScore *score,
        const LodeScoreCost *cost)
{
  GString *line = g_string_new ("{\"key\":");

  lode_json_put_text (line, key);
  g_string_append (line, ",\"fidelity\":");
  lode_json_put_number (line, fidelity);
  g_string_append_printf (line, ",\"id\":%" PRIu64 ",\"value\":", id);
  lode_json_put_number (line, score->value);
  g_string_append (line, ",\"seconds\":");
  lode_json_put_number (line, score->seconds);
  g_string_append_printf (line, ",\"macs\":%" PRIu64 ",\"params\":%" PRIu64 ",\"failed\":%d",
                          score->macs, score->params, score->failed);
  if (cost)
    put_cost (line, cost);
  g_string_append (line, "}\n");
  return line;
}

bool
lode_book_note (LodeBook *book, const char *key, double fidelity, uint64_t id,
                const LodeScore *score, const LodeScoreCost *cost, GError **error)
{
  Entry entry = { .fidelity = fidelity, .score = settle (*score) };
  g_autoptr (GString) line = NULL;

  if (!isfinite (fidelity) || !g_utf8_validate (key, -1, NULL)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s: a score's key must be UTF-8 and its fidelity finite", book->lines.path);
    return false;
  }
  line = format (key, fidelity, id, &entry.score, cost);
  if (!lode_lines_add (&book->lines, line->str, line->len, error)
      || (!book->relaxed && !lode_lines_sync (&book->lines, error)))
    return false;
  entry.key = g_strdup (key);
  keep (book, &entry);
  return true;
}

static bool
book_note (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
           GBytes *result, GError **error)
{
  (void) result;
  return lode_book_note (data, key, fidelity, id, score, NULL, error);
}

void
lode_book_owe (LodeBook *book, uint64_t lines)
{
  GHashTableIter iter;
  void *entry;

  g_hash_table_iter_init (&iter, book->scores);
  while (g_hash_table_iter_next (&iter, &entry, NULL)) {
    ((Entry *) entry)->owed = ((Entry *) entry)->line >= lines;
    ((Entry *) entry)->paid = ((Entry *) entry)->line < lines;
  }
}

const LodeScoreCost *
lode_book_settle (LodeBook *book, const char *key, double fidelity)
{
  Entry *entry = find (book, key, fidelity);

  if (!entry || !entry->owed)
    return NULL;
  entry->owed = false;
  return &entry->cost;
}

bool
lode_book_known (const LodeBook *book, const char *key, double fidelity, LodeScore *score)
{
  const Entry *entry = find (book, key, fidelity);

  if (!entry || entry->owed)
    return false;
  if (score)
    *score = entry->score;
  return true;
}

void
lode_book_relax (LodeBook *book)
{
  book->relaxed = true;
}

bool
lode_book_sync (LodeBook *book, GError **error)
{
  return lode_lines_sync (&book->lines, error);
}

bool
lode_book_unpaid (const LodeBook *book, const char *key, double fidelity)
{
  const Entry *entry = find (book, key, fidelity);

  return entry && !entry->paid;
}

void
lode_book_pay (LodeBook *book, const char *key, double fidelity)
{
  Entry *entry = find (book, key, fidelity);

  if (entry)
    entry->paid = true;
}

uint64_t
lode_book_settled (const LodeBook *book)
{
  uint64_t lines = book->count;
  GHashTableIter iter;
  void *entry;

  g_hash_table_iter_init (&iter, book->scores);
  while (g_hash_table_iter_next (&iter, &entry, NULL))
    if (((Entry *) entry)->owed)
      lines = MIN (lines, ((Entry *) entry)->line);
  return lines;
}

LodeScoreBook
lode_book_view (LodeBook *book)
{
  return (LodeScoreBook){ .data = book, .find = book_find, .note = book_note };
}

uint32_t
lode_book_count (const LodeBook *book)
{
  return g_hash_table_size (book->scores);
}

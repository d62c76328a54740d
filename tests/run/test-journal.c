/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journals come back digit for digit, are cut where a checkpoint was, and keep whole lines whatever
 * happens.
 */
#include "doubles.h"
#include "run/journal.h"
#include "scratch.h"

#include <locale.h>
#include <math.h>

static const LodeLedger spent = { 1, 2, 3, 4, UINT64_MAX, 0.5, 3600.25 };

static LodeJournal *
journal_at (const char *path, uint64_t position)
{
  g_autoptr (GError) error = NULL;
  LodeJournal *journal = lode_journal_open (path, position, &error);

  g_assert_no_error (error);
  return journal;
}

static void
write_line (LodeJournal *journal, uint64_t step)
{
  g_autoptr (GError) error = NULL;

  lode_journal_value (journal, "loss", 1.0 / (double) (step + 1));
  g_assert_true (
      lode_journal_line (journal, "train", step, (double) step / 3, "main", &spent, &error));
  g_assert_no_error (error);
}

static void
test_line (void)
{
  g_autofree char *path = scratch_path ("line.jsonl");
  LodeJournal *journal = journal_at (path, 0);

  g_assert_true (lode_journal_line (journal, "train", 1, 0, NULL, &spent, NULL)); /* of nothing */
  assert_text (path, "");
  lode_journal_value (journal, "a\"\n", 0.1);
  lode_journal_value (journal, "b", NAN);
  lode_journal_value (journal, "c", 3);
  lode_journal_value (journal, "c", -INFINITY);
  lode_journal_value (journal, "d", 7);
  lode_journal_value (journal, "d", -0.0);
  g_assert_true (lode_journal_line (journal, "train", 7, 1.5, NULL, &spent, NULL));
  g_assert_true (lode_journal_line (journal, "train", 8, 0, NULL, &spent, NULL)); /* all written */
  lode_journal_close (journal);
  assert_text (path, "{\"stage\":\"train\",\"step\":7,\"epoch\":1.5,\"phase\":\"\",\"samples\":1,"
                     "\"distinct\":2,\"labels\":3,\"macs\":4,\"scores\":18446744073709551615,"
                     "\"cpu_s\":       0.500,\"wall_s\":    3600.250,\"values\":{\"a\\\"\\u000a\":"
                     "0.10000000000000001,\"b\":null,\"c\":null,\"d\":-0}}\n");
}

static void
assert_double (double found, double wanted)
{
  if (isfinite (wanted))
    g_assert_cmpmem (&found, sizeof found, &wanted, sizeof wanted);
  else
    g_assert_true (isnan (found));
}

static void
test_series (void)
{
  enum { LINES = 300 };
  static const char *const stage[] = { "search", "s" }, *const name[] = { "x", "earchx", "" };
  g_autofree char *path = scratch_path ("series.jsonl");
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  g_autoptr (LodeJournal) journal = journal_at (path, 0);
  g_autoptr (GPtrArray) series = NULL;
  g_autoptr (GError) error = NULL;
  double value[2][3][LINES];
  uint32_t seen[2] = { 0 };

  for (uint32_t i = 0; i < LINES; i++) {
    uint32_t s = i % 3 == 2;

    for (int j = 0; j < 3; j++) {
      value[s][j][seen[s]] = any_double (rand);
      lode_journal_value (journal, name[j], value[s][j][seen[s]]);
    }
    seen[s]++;
    g_assert_true (lode_journal_line (journal, stage[s], i, 0.5 * i, "p", &spent, &error));
  }
  series = lode_journal_read (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (series->len, ==, 6);
  for (guint k = 0; k < 6; k++) {
    const LodeSeries *one = series->pdata[k];

    g_assert_cmpstr (one->stage, ==, stage[k / 3]);
    g_assert_cmpstr (one->name, ==, name[k % 3]);
    g_assert_cmpuint (one->n, ==, seen[k / 3]);
    for (uint32_t i = 0; i < one->n; i++) {
      double step = k / 3 ? 3 * i + 2 : i / 2 * 3 + i % 2;

      assert_double (one->value[i], value[k / 3][k % 3][i]);
      g_assert_cmpfloat (one->step[i], ==, step);
      g_assert_cmpfloat (one->epoch[i], ==, 0.5 * step);
    }
  }
}

/* Killed behind a checkpoint, perhaps in a line: the same lines again. */
static void
test_cut (void)
{
  static const char *const more[] = { "", "{\"stage\":\"tra", "\n", "{}\n{}\n{", "\0\0\0\0\0" };
  g_autofree char *path = scratch_path ("cut.jsonl");
  g_autoptr (GBytes) wanted = NULL;
  LodeJournal *journal = journal_at (path, 0);
  uint64_t position;

  for (uint64_t i = 0; i < 5; i++)
    write_line (journal, i);
  g_assert_true (lode_journal_sync (journal, &position, NULL));
  for (uint64_t i = 5; i < 9; i++)
    write_line (journal, i);
  lode_journal_close (journal);
  wanted = scratch_bytes (path);
  g_assert_cmpuint (g_bytes_get_size (wanted), >, position);
  for (size_t k = 0; k < G_N_ELEMENTS (more); k++) {
    g_autoptr (GBytes) found = NULL;
    FILE *file = fopen (path, "ab");

    fwrite (more[k], 1, k == 4 ? 5 : strlen (more[k]), file);
    fclose (file);
    journal = journal_at (path, position);
    for (uint64_t i = 5; i < 9; i++)
      write_line (journal, i);
    lode_journal_close (journal);
    found = scratch_bytes (path);
    g_assert_true (g_bytes_equal (wanted, found));
  }
}

static void
test_not_the_file (void)
{
  g_autofree char *path = scratch_path ("other.jsonl");
  g_autoptr (GError) error = NULL;

  scratch_put (path, "{}\n{}\n", 6);
  g_assert_null (lode_journal_open (path, 7, &error));
  assert_says (&error, "has 6 bytes, the checkpoint was written at 7");
  g_assert_null (lode_journal_open (path, UINT64_MAX, &error));
  assert_says (&error, "has 6 bytes");
  g_assert_null (lode_journal_open (path, 2, &error));
  assert_says (&error, "does not end a line");
  assert_text (path, "{}\n{}\n"); /* an error changes nothing */
  lode_journal_close (journal_at (path, 3));
  assert_text (path, "{}\n");
  g_assert_null (lode_journal_open (scratch, 0, &error));
  assert_says (&error, scratch);
  g_assert_null (lode_journal_open ("/dev/full", 0, &error));
  assert_says (&error, "not a file");
  g_assert_cmpint (chmod (path, 0444), ==, 0);
  g_assert_null (lode_journal_open (path, 0, &error));
  assert_says (&error, path);
  g_assert_null (lode_book_open (path, &error));
  assert_says (&error, path);
  assert_text (path, "{}\n");
}

static void
test_read_torn (void)
{
  g_autofree char *path = scratch_path ("torn.jsonl");
  LodeJournal *journal = journal_at (path, 0);
  g_autoptr (GBytes) whole = NULL;
  gsize n;
  const char *text;

  write_line (journal, 0);
  write_line (journal, 1);
  lode_journal_close (journal);
  whole = scratch_bytes (path);
  text = g_bytes_get_data (whole, &n);
  for (gsize i = 0; i <= n; i++) {
    g_autoptr (GPtrArray) series = NULL;
    const char *first = memchr (text, '\n', n);
    guint lines = (i > (gsize) (first - text)) + (i == n);

    scratch_put (path, text, i);
    series = lode_journal_read (path, NULL);
    g_assert_cmpuint (series->len, ==, lines > 0);
    g_assert_true (!lines || ((LodeSeries *) series->pdata[0])->n == lines);
  }
}

static void
test_read_bad (void)
{
  static const char *const bad[] = { "x\n",
                                     "\n",
                                     "{\"step\":1,\"values\":{}}\n",
                                     "{\"stage\":\"s\",\"values\":{\"a\":1e999}}\n",
                                     "{\"stage\":\"s\",\"values\":{\"a\":0x10}}\n",
                                     "{\"stage\":\"s\",\"values\":{\"a\":\"1\"}}\n",
                                     "{\"stage\":\"s\",\"values\":[1]}\n" };
  g_autofree char *path = scratch_path ("bad.jsonl"), *place = g_strdup_printf ("%s:2: ", path);
  g_autofree char *deep = g_strnfill (1000000, '[');
  g_autoptr (GError) error = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *text = g_strconcat ("{\"stage\":\"s\"}\n", bad[i], NULL);

    scratch_put (path, text, strlen (text));
    g_assert_null (lode_journal_read (path, &error));
    assert_says (&error, place);
  }
  memcpy (deep, "{\"a\":", 5);
  deep[999999] = '\n';
  scratch_put (path, deep, 1000000);
  g_assert_null (lode_journal_read (path, &error));
  assert_says (&error, "nested too deeply");
  g_assert_cmpint (unlink (path), ==, 0);
  g_assert_null (lode_journal_read (path, &error));
  assert_says (&error, "No such file");
}

/* The line in which the disk fills up is not there, not even half. */
static void
test_full_disk (void)
{
  g_autofree char *path = scratch_path ("full.jsonl");
  LodeJournal *journal = journal_at (path, 0);
  g_autoptr (GBytes) before = NULL, after = NULL, more = NULL;
  g_autoptr (GError) error = NULL;
  uint64_t position;
  bool ok;

  write_line (journal, 0);
  before = scratch_bytes (path);
  disk_full (g_bytes_get_size (before) + 10);
  lode_journal_value (journal, "loss", 1);
  ok = lode_journal_line (journal, "train", 1, 0, NULL, &spent, &error);
  after = scratch_bytes (path);
  disk_empty ();
  g_assert_false (ok);
  assert_says (&error, path);
  g_assert_true (g_bytes_equal (before, after));
  write_line (journal, 1);
  g_assert_true (lode_journal_sync (journal, &position, NULL));
  more = scratch_bytes (path);
  g_assert_cmpuint (g_bytes_get_size (more), ==, position);
  g_assert_cmpmem (g_bytes_get_data (more, NULL), g_bytes_get_size (before),
                   g_bytes_get_data (before, NULL), g_bytes_get_size (before));
  lode_journal_close (journal);
}

/* A decimal comma must not come into the file, nor be wanted from it. */
static void
test_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8",
                                       "nl_NL.UTF-8" };
  g_autofree char *path = scratch_path ("locale.jsonl"), *text = NULL;
  LodeJournal *journal = journal_at (path, 0);
  g_autoptr (GPtrArray) series = NULL;
  const char *set = NULL;

  for (size_t i = 0; !set && i < G_N_ELEMENTS (names); i++)
    set = setlocale (LC_ALL, names[i]);
  write_line (journal, 1);
  lode_journal_close (journal);
  series = lode_journal_read (path, NULL);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  setlocale (LC_ALL, "C");
  g_assert_nonnull (strstr (text, "\"values\":{\"loss\":0.5}"));
  g_assert_cmpfloat (((LodeSeries *) series->pdata[0])->value[0], ==, 0.5);
  if (!set)
    g_test_skip ("no locale with a decimal comma is installed");
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  scratch_make ();
  g_test_add_func ("/journal/line", test_line);
  g_test_add_func ("/journal/series", test_series);
  g_test_add_func ("/journal/cut", test_cut);
  g_test_add_func ("/journal/not-the-file", test_not_the_file);
  g_test_add_func ("/journal/read-torn", test_read_torn);
  g_test_add_func ("/journal/read-bad", test_read_bad);
  g_test_add_func ("/journal/full-disk", test_full_disk);
  g_test_add_func ("/journal/locale", test_locale);
  result = g_test_run ();
  scratch_remove ();
  return result;
}

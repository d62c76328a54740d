/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Journals come back digit for digit, are cut where a checkpoint was, and keep whole lines whatever
 * happens; the book of scores forgets nothing that was noted.
 */
#include "run/journal.h"
#include "scratch.h"

#include <locale.h>
#include <math.h>
#include <sys/wait.h>

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
assert_text (const char *path, const char *wanted)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, wanted);
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

/* Any number that a double can hold. */
static double
any_double (GRand *rand)
{
  union {
    uint64_t bits;
    double value;
  } any = { .bits = (uint64_t) g_rand_int (rand) << 32 | g_rand_int (rand) };

  if (!g_rand_int_range (rand, 0, 8))
    any.bits &= UINT64_C (0x800fffffffffffff); /* denormal */
  return any.value;
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

static LodeBook *
book_at (const char *path)
{
  g_autoptr (GError) error = NULL;
  LodeBook *book = lode_book_open (path, &error);

  g_assert_no_error (error);
  return book;
}

static bool
note (LodeBook *book, const char *key, double fidelity, LodeScore score, GError **error)
{
  LodeScoreBook view = lode_book_view (book);

  score.size = sizeof score;
  return view.note (view.data, key, fidelity, lode_key_id (key), &score, NULL, error);
}

static bool
find (LodeBook *book, const char *key, double fidelity, LodeScore *score)
{
  LodeScoreBook view = lode_book_view (book);

  return view.find (view.data, key, fidelity, score);
}

static void
assert_score (LodeBook *book, const char *key, double fidelity, LodeScore wanted)
{
  LodeScore found;

  g_assert_true (find (book, key, fidelity, &found));
  g_assert_cmpuint (found.size, ==, sizeof found);
  g_assert_cmpmem (&found.value, sizeof (double), &wanted.value, sizeof (double));
  g_assert_cmpmem (&found.seconds, sizeof (double), &wanted.seconds, sizeof (double));
  g_assert_cmpuint (found.macs, ==, wanted.macs);
  g_assert_cmpuint (found.params, ==, wanted.params);
  g_assert_cmpint (found.failed, ==, wanted.failed);
}

static LodeScore
any_score (GRand *rand)
{
  LodeScore score = { .value = any_double (rand), .seconds = any_double (rand) };

  score.macs = (uint64_t) g_rand_int (rand) << 32 | g_rand_int (rand);
  score.params = g_rand_int (rand);
  score.failed = g_rand_boolean (rand) ? 0 : (int32_t) g_rand_int (rand);
  if (!isfinite (score.value) || score.failed) {
    score.failed = score.failed ? score.failed : 1;
    score.value = -INFINITY;
  }
  if (!isfinite (score.seconds))
    score.seconds = 0;
  return score;
}

static void
test_book (void)
{
  enum { N = 30 };
  g_autofree char *path = scratch_path ("scores.jsonl");
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  LodeBook *book = book_at (path);
  LodeScore score[N], none;
  double fidelity[N];

  for (int again = 0; again < 2; again++) {
    for (int i = 0; i < N; i++) {
      g_autofree char *key = g_strdup_printf ("|a \"%d\"~ä\\|", i / 2);

      if (!again) {
        fidelity[i] = i % 2 ? 1 : g_rand_double (rand);
        score[i] = any_score (rand);
        g_assert_true (note (book, key, fidelity[i], score[i], NULL));
      }
      assert_score (book, key, fidelity[i], score[i]);
      g_assert_false (find (book, key, nextafter (fidelity[i], 2), &none));
    }
    g_assert_false (find (book, "other", 1, &none));
    g_assert_cmpuint (lode_book_count (book), ==, N);
    lode_book_close (book);
    book = book_at (path);
  }
  lode_book_close (book);
}

static void
test_book_twice (void)
{
  g_autofree char *path = scratch_path ("twice.jsonl");
  LodeBook *book = book_at (path);
  LodeScore failed = { .failed = 1, .value = -INFINITY }, nan = { .value = NAN },
            fine = { .value = 0.5, .seconds = 2 };

  g_assert_true (note (book, "k", 1, nan, NULL));
  assert_score (book, "k", 1, failed);
  g_assert_true (note (book, "k", 1, fine, NULL));
  assert_score (book, "k", 1, fine);
  lode_book_close (book);
  book = book_at (path);
  assert_score (book, "k", 1, fine);
  g_assert_cmpuint (lode_book_count (book), ==, 1);
  lode_book_close (book);
}

/* Costs come back bit for bit; those behind a checkpoint are owed, each once, in their order. */
static void
test_book_owed (void)
{
  g_autofree char *path = scratch_path ("book-owed.jsonl");
  const uint8_t bits[] = { 0x81, 0, 0xff };
  g_autoptr (GBytes) seen = g_bytes_new_static (bits, sizeof bits);
  LodeScoreCost costs[] = { { 1, 2, 3, 0.25, 0, NULL },
                            { UINT64_C (1) << 53, 5, 6, 0.1, 7, seen },
                            { 8, 9, 10, 0, 4, NULL } };
  const char *const keys[] = { "a", "b", "c" };
  LodeScore score = { .size = sizeof score, .value = 0.5 };
  LodeBook *book = book_at (path);
  const LodeScoreCost *cost;

  for (int i = 0; i < 3; i++)
    g_assert_true (lode_book_note (book, keys[i], 1, 0, &score, &costs[i], NULL));
  g_assert_cmpuint (lode_book_settled (book), ==, 3);
  g_assert_null (lode_book_settle (book, "a", 1));
  lode_book_close (book);
  book = book_at (path);
  lode_book_owe (book, 1);
  g_assert_cmpuint (lode_book_settled (book), ==, 1);
  g_assert_null (lode_book_settle (book, "a", 1));
  g_assert_null (lode_book_settle (book, "none", 1));
  cost = lode_book_settle (book, "b", 1);
  g_assert_nonnull (cost);
  g_assert_cmpuint (cost->samples, ==, UINT64_C (1) << 53);
  g_assert_cmpuint (cost->macs, ==, 5);
  g_assert_cmpuint (cost->labels, ==, 6);
  g_assert_cmpuint (cost->roles, ==, 7);
  g_assert_cmpfloat (cost->cpu, ==, 0.1);
  g_assert_true (g_bytes_equal (cost->seen, seen));
  g_assert_null (lode_book_settle (book, "b", 1));
  g_assert_cmpuint (lode_book_settled (book), ==, 2);
  g_assert_null (lode_book_settle (book, "c", 1)->seen);
  g_assert_cmpuint (lode_book_settled (book), ==, 3);
  lode_book_close (book);
}

/* Whatever end of the file is lost, whole lines stay and new ones follow them. */
static void
test_book_torn (void)
{
  g_autofree char *path = scratch_path ("book-torn.jsonl");
  LodeBook *book = book_at (path);
  g_autoptr (GBytes) whole = NULL;
  const char *text;
  gsize n, first;

  g_assert_true (note (book, "a", 1, (LodeScore){ .value = 1 }, NULL));
  g_assert_true (note (book, "b", 1, (LodeScore){ .value = 2 }, NULL));
  lode_book_close (book);
  whole = scratch_bytes (path);
  text = g_bytes_get_data (whole, &n);
  first = (gsize) ((const char *) memchr (text, '\n', n) - text) + 1;
  for (gsize i = first; i < n; i += 5) {
    g_autofree char *zeros = g_malloc0 (n + 10);
    LodeScore score;

    memcpy (zeros, text, i);
    scratch_put (path, zeros, i % 2 ? i : n + 10); /* torn, or a file that grew without its bytes */
    book = book_at (path);
    g_assert_cmpuint (lode_book_count (book), ==, 1);
    g_assert_false (find (book, "b", 1, &score));
    g_assert_true (note (book, "b", 1, (LodeScore){ .value = 2 }, NULL));
    lode_book_close (book);
    assert_text (path, text);
  }
}

static void
test_book_bad (void)
{
  static const char *const bad[] = { "{}\n",
                                     "{\"key\":\"a\"}\n",
                                     "{\"key\":\"a\",\"fidelity\":null}\n",
                                     "{\"key\":\"a\",\"fidelity\":1,\"macs\":-1}\n",
                                     "{\"key\":\"a\",\"fidelity\":1,\"failed\":1e10}\n",
                                     "{\"key\":1,\"fidelity\":1}\n",
                                     "{\"key\":\"a\",\"key\":\"b\",\"fidelity\":1,}\n" };
  g_autofree char *path = scratch_path ("book-bad.jsonl");
  g_autofree char *place = g_strdup_printf ("%s:2: ", path);
  g_autoptr (LodeBook) book = NULL;
  g_autoptr (GError) error = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autofree char *text =
        g_strconcat ("{\"key\":\"k\",\"fidelity\":1,\"value\":1}\n", bad[i], NULL);

    scratch_put (path, text, strlen (text));
    g_assert_null (lode_book_open (path, &error));
    assert_says (&error, place);
    assert_text (path, text);
  }
  g_assert_cmpint (unlink (path), ==, 0);
  book = book_at (path);
  g_assert_false (note (book, "\xff", 1, (LodeScore){ 0 }, &error));
  assert_says (&error, "UTF-8");
  g_assert_false (note (book, "k", NAN, (LodeScore){ 0 }, &error));
  assert_says (&error, "finite");
  assert_text (path, "");
}

static void
test_book_full_disk (void)
{
  g_autofree char *path = scratch_path ("book-full.jsonl");
  LodeBook *book = book_at (path);
  g_autoptr (GError) error = NULL;
  LodeScore score;
  bool ok;

  disk_full (10);
  ok = note (book, "a", 1, (LodeScore){ .value = 1 }, &error);
  disk_empty ();
  g_assert_false (ok);
  assert_says (&error, path);
  assert_text (path, "");
  g_assert_false (find (book, "a", 1, &score)); /* not noted, not known */
  lode_book_close (book);
}

/* Every score that note() answered for is there after kill -9. */
static void
test_book_killed (void)
{
  g_autofree char *path = scratch_path ("book-killed.jsonl");
  int said[2];
  uint32_t noted = 0, seen;
  LodeBook *book;
  pid_t pid;

  g_assert_cmpint (pipe (said), ==, 0);
  pid = fork ();
  if (!pid) {
    book = lode_book_open (path, NULL);
    for (uint32_t i = 0;; i++) {
      g_autofree char *key = g_strdup_printf ("key %u", i);

      if (!note (book, key, 1, (LodeScore){ .value = i }, NULL)
          || write (said[1], &i, sizeof i) != sizeof i)
        _exit (1);
    }
  }
  close (said[1]);
  while (noted < 20 && read (said[0], &seen, sizeof seen) == sizeof seen)
    noted = seen + 1;
  kill (pid, SIGKILL);
  waitpid (pid, NULL, 0);
  while (read (said[0], &seen, sizeof seen) == sizeof seen)
    noted = seen + 1;
  close (said[0]);
  g_assert_cmpuint (noted, >=, 20);
  book = book_at (path);
  g_assert_cmpuint (lode_book_count (book), >=, noted);
  g_assert_cmpuint (lode_book_count (book), <=, noted + 1);
  for (uint32_t i = 0; i < noted; i++) {
    g_autofree char *key = g_strdup_printf ("key %u", i);

    assert_score (book, key, 1, (LodeScore){ .value = i });
  }
  lode_book_close (book);
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
  g_test_add_func ("/book/notes", test_book);
  g_test_add_func ("/book/twice", test_book_twice);
  g_test_add_func ("/book/owed", test_book_owed);
  g_test_add_func ("/book/torn", test_book_torn);
  g_test_add_func ("/book/bad", test_book_bad);
  g_test_add_func ("/book/full-disk", test_book_full_disk);
  g_test_add_func ("/book/killed", test_book_killed);
  result = g_test_run ();
  scratch_remove ();
  return result;
}

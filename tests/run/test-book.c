/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The book of scores forgets nothing that was noted: scores and costs come back bit for bit,
 * whatever end of the file is lost and however its writer died.
 */
#include "doubles.h"
#include "run/journal.h"
#include "scratch.h"

#include <math.h>
#include <sys/wait.h>

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

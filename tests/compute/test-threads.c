/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool: each chunk once, floating-point mode, and what the machine leaves to a process.
 */
#include "compute/threads.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNKS = 1000 };

typedef struct Marks {
  gint count[CHUNKS];
  uint32_t threads;
} Marks;

static void
mark (void *data, uint32_t chunk, uint32_t worker)
{
  Marks *marks = data;

  g_assert_cmpuint (worker, <, marks->threads);
  g_atomic_int_inc (&marks->count[chunk]);
}

/* Every chunk runs exactly once, round after round, with fewer, as many and more chunks than
 * threads. */
static void
test_each_once (void)
{
  static const uint32_t counts[] = { 1, 2, 4, 7 };

  for (size_t t = 0; t < G_N_ELEMENTS (counts); t++) {
    LodeThreads *threads = lode_threads_new (counts[t]);
    Marks *marks = g_new0 (Marks, 1);
    uint32_t expected[CHUNKS] = { 0 };

    marks->threads = lode_threads_count (threads);
    g_assert_cmpuint (marks->threads, ==, counts[t]);
    for (uint32_t round = 0; round < 300; round++) {
      uint32_t n = round * 7 % 23;

      if (round % 50 == 0)
        n = CHUNKS;
      lode_threads_run (threads, n, mark, marks);
      for (uint32_t i = 0; i < n; i++)
        expected[i]++;
    }
    for (uint32_t i = 0; i < CHUNKS; i++)
      g_assert_cmpint (marks->count[i], ==, expected[i]);
    lode_threads_free (threads);
    g_free (marks);
  }
}

/* Whoever comes late must not be handed a later round's work twice, nor be missed. */
static void
test_stress (void)
{
  LodeThreads *threads = lode_threads_new (4);
  Marks *marks = g_new0 (Marks, 1);

  marks->threads = 4;
  for (int round = 1; round <= 3000; round++) {
    lode_threads_run (threads, 2 + (uint32_t) round % 3, mark, marks);
    if (round % 500 == 0)
      g_usleep (200);
    g_assert_cmpint (marks->count[0], ==, round);
    g_assert_cmpint (marks->count[1], ==, round);
  }
  g_assert_cmpint (marks->count[2], ==, 2000);
  g_assert_cmpint (marks->count[3], ==, 1000);
  lode_threads_free (threads);
  g_free (marks);
}

static void
test_many_pools (void)
{
  Marks *marks = g_new0 (Marks, 1);

  marks->threads = 3;
  for (int i = 1; i <= 50; i++) {
    LodeThreads *threads = lode_threads_new (3);

    if (i % 2)
      lode_threads_run (threads, 5, mark, marks);
    lode_threads_free (threads);
  }
  g_assert_cmpint (marks->count[4], ==, 25);
  g_free (marks);
}

static void
halve (void *data, uint32_t chunk, uint32_t worker)
{
  volatile float tiny = 1.5e-38f;

  (void) worker;
  ((float *) data)[chunk] = tiny * 0.25f;
}

/* Denormals vanish within chunks, in whatever thread, or in none; never outside. */
static void
test_denormals (void)
{
  for (uint32_t count = 1; count <= 4; count *= 2) {
    LodeThreads *threads = lode_threads_new (count);
    float first[64], one, after;

    lode_threads_run (threads, 64, halve, first);
    lode_threads_run (threads, 1, halve, &one);
    for (int i = 0; i < 64; i++)
      g_assert_true (first[i] == one);
    halve (&after, 0, 0);
    g_assert_cmpfloat (after, >, 0);
    lode_threads_free (threads);
  }
}

static void
put (const char *root, const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (root, folder, NULL);
  g_autofree char *file = g_build_filename (path, name, NULL);

  g_assert_cmpint (g_mkdir_with_parents (path, 0700), ==, 0);
  g_assert_true (g_file_set_contents (file, text, -1, NULL));
}

static void
drop (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR))
      drop (path);
    else
      g_remove (path);
  }
  g_clear_pointer (&dir, g_dir_close);
  g_rmdir (folder);
}

static void
test_quota (void)
{
  g_autofree char *root = g_dir_make_tmp ("lode-cgroup-XXXXXX", NULL);
  static const char old[] = "4:memory:/a\n3:cpu,cpuacct:/job\n0::/\n";

  g_assert_cmpuint (lode_threads_quota (root, "0::/a/b\n"), ==, G_MAXUINT32);
  g_assert_cmpuint (lode_threads_quota (root, "rubbish"), ==, G_MAXUINT32);
  put (root, "a/b", "cpu.max", "max 100000\n");
  g_assert_cmpuint (lode_threads_quota (root, "0::/a/b\n"), ==, G_MAXUINT32);
  put (root, "a/b", "cpu.max", "250000 100000\n");
  g_assert_cmpuint (lode_threads_quota (root, "0::/a/b\n"), ==, 3);
  put (root, "a", "cpu.max", "150000 100000\n");
  g_assert_cmpuint (lode_threads_quota (root, "0::/a/b\n"), ==, 2);
  put (root, ".", "cpu.max", "1000 100000\n");
  g_assert_cmpuint (lode_threads_quota (root, "0::/a/b\n"), ==, 1);
  put (root, ".", "cpu.max", "max 100000\n");
  put (root, "cpu,cpuacct/job", "cpu.cfs_quota_us", "-1\n");
  put (root, "cpu,cpuacct/job", "cpu.cfs_period_us", "100000\n");
  g_assert_cmpuint (lode_threads_quota (root, old), ==, G_MAXUINT32);
  put (root, "cpu,cpuacct/job", "cpu.cfs_quota_us", "400000\n");
  g_assert_cmpuint (lode_threads_quota (root, old), ==, 4);
  drop (root);
}

/* A process that was forked does all chunks of a pool made before by itself, in a pool of its own
 * with others. */
static void
test_forked (void)
{
  LodeThreads *threads = lode_threads_new (4);
  int status = -1;
  pid_t child = fork ();

  if (child == 0) {
    LodeThreads *own = lode_threads_new (2);
    g_autofree Marks *marks = g_new0 (Marks, 1);
    int wrong = 0;

    marks->threads = 1; /* the first alone */
    lode_threads_run (threads, CHUNKS, mark, marks);
    marks->threads = 2;
    lode_threads_run (own, CHUNKS, mark, marks);
    for (int i = 0; i < CHUNKS; i++)
      wrong |= marks->count[i] != 2;
    lode_threads_free (threads);
    lode_threads_free (own);
    _exit (wrong);
  }
  g_assert_cmpint (child, >, 0);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (status, ==, 0);
  lode_threads_free (threads);
}

static void
test_available (void)
{
  g_assert_cmpuint (lode_threads_available (), >=, 1);
  g_assert_cmpuint (lode_threads_available (), <=, g_get_num_processors ());
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/threads/each-once", test_each_once);
  g_test_add_func ("/threads/stress", test_stress);
  g_test_add_func ("/threads/many-pools", test_many_pools);
  g_test_add_func ("/threads/denormals", test_denormals);
  g_test_add_func ("/threads/forked", test_forked);
  g_test_add_func ("/threads/quota", test_quota);
  g_test_add_func ("/threads/available", test_available);
  return g_test_run ();
}

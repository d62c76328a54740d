/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/threads.h"

#include <glib.h>

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
  g_test_add_func ("/threads/available", test_available);
  return g_test_run ();
}

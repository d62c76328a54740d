/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executor local: results in order from several processes, workers that die, jobs that fail.
 */
#include "family.h"
#include "run/config.h"
#include "toy-host.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS = 40, NOBODY = 1000 };

/* What jobs do; shared with the workers. */
typedef struct World {
  gint runs;   /* jobs begun, in all processes */
  gint deaths; /* times that the fatal job still ends its worker */
  gint process[JOBS];
  uint32_t fatal, unlucky, large;
} World;

static World *world;

static GBytes *
run_job (void *data, GBytes *job, GError **error)
{
  uint32_t x = *(const uint32_t *) g_bytes_get_data (job, NULL);

  (void) data;
  g_atomic_int_inc (&world->runs);
  g_atomic_int_set (&world->process[x], getpid ());
  if (x == world->fatal && g_atomic_int_add (&world->deaths, -1) > 0)
    raise (SIGKILL);
  if (x >= world->unlucky && x % 2) {
    g_set_error (error, g_quark_from_static_string ("toy"), (int) x, "job %u is unlucky", x);
    return NULL;
  }
  if (x == world->large)
    return g_bytes_new_take (g_malloc0 (3 << 20), 3 << 20);
  x *= x;
  return g_bytes_new (&x, sizeof x);
}

/* What a watcher heard. */
typedef struct Heard {
  uint32_t n, count[JOBS], refuse; /* refuse: the job whose result is not wanted */
} Heard;

static bool
hear (void *data, uint32_t i, GBytes *result, GError **error)
{
  Heard *heard = data;

  g_assert_nonnull (result);
  heard->n++;
  heard->count[i]++;
  if (i == heard->refuse)
    g_set_error (error, g_quark_from_static_string ("toy"), 7, "not wanted");
  return i != heard->refuse;
}

typedef struct Fixture {
  Toy *toy;
  const LodeExecutorOps *ops;
  LodeExecutor *executor;
  GPtrArray *owner;
  GBytes *job[JOBS], *result[JOBS];
  Heard heard;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer settings)
{
  const LodeLoaded *loaded = test_load ("executor", "local");
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeNode *group = settings ? lode_config_parse_text ("test", settings, errors) : NULL;

  world = mmap (NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  *world = (World){ .fatal = NOBODY, .unlucky = NOBODY, .large = NOBODY };
  fixture->owner = g_ptr_array_new_with_free_func (g_free);
  fixture->toy = toy_new ();
  fixture->ops = loaded->ops;
  fixture->executor = fixture->ops->create (
      &fixture->toy->host, test_conf (loaded, group, fixture->owner), run_job, NULL, NULL);
  fixture->heard.refuse = NOBODY;
  fixture->ops->watch (fixture->executor, hear, &fixture->heard);
  for (uint32_t i = 0; i < JOBS; i++)
    fixture->job[i] = g_bytes_new (&i, sizeof i);
}

/* No child of this process is left. */
static void
tear_down (Fixture *fixture, gconstpointer settings)
{
  (void) settings;
  g_assert_cmpint (waitpid (-1, NULL, WNOHANG), ==, -1);
  for (uint32_t i = 0; i < JOBS; i++) {
    g_bytes_unref (fixture->job[i]);
    g_clear_pointer (&fixture->result[i], g_bytes_unref);
  }
  fixture->ops->destroy (fixture->executor);
  toy_free (fixture->toy);
  g_ptr_array_unref (fixture->owner);
  munmap (world, sizeof *world);
}

static bool
map (Fixture *fixture, GError **error)
{
  return fixture->ops->map (fixture->executor, JOBS, fixture->job, fixture->result, error);
}

static void
check_results (Fixture *fixture)
{
  for (uint32_t i = 0; i < JOBS; i++) {
    gsize n;
    const uint32_t *y = g_bytes_get_data (fixture->result[i], &n);

    if (i == world->large)
      g_assert_cmpuint (n, ==, 3 << 20);
    else
      g_assert_true (n == sizeof *y && *y == i * i);
    g_assert_cmpuint (fixture->heard.count[i], ==, 1);
  }
}

static guint
processes (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (int i = 0; i < JOBS; i++) {
    g_assert_cmpint (world->process[i], !=, getpid ());
    g_hash_table_add (seen, GINT_TO_POINTER (world->process[i]));
  }
  return g_hash_table_size (seen);
}

static void
test_map (Fixture *fixture, gconstpointer settings)
{
  g_autoptr (GError) error = NULL;

  (void) settings;
  world->large = 5;
  g_assert_true (fixture->ops->share (fixture->executor, "w", fixture->job[0], &error));
  g_assert_true (fixture->ops->map (fixture->executor, 0, NULL, NULL, &error));
  g_assert_true (map (fixture, &error));
  g_assert_no_error (error);
  check_results (fixture);
  g_assert_cmpint (world->runs, ==, JOBS);
  g_assert_cmpuint (processes (), <=, 3);
  g_assert_cmpuint (processes (), >=, 1);
}

/* A worker dies twice over a job, which is given again. */
static void
test_lost (Fixture *fixture, gconstpointer settings)
{
  g_autoptr (GError) error = NULL;

  (void) settings;
  world->fatal = 17;
  world->deaths = 2;
  g_assert_true (map (fixture, &error));
  check_results (fixture);
  g_assert_cmpint (world->runs, ==, JOBS + 2);
}

static void
check_nothing (const Fixture *fixture)
{
  for (uint32_t i = 0; i < JOBS; i++)
    g_assert_null (fixture->result[i]);
}

static void
test_deadly (Fixture *fixture, gconstpointer settings)
{
  g_autoptr (GError) error = NULL;

  (void) settings;
  world->fatal = 17;
  world->deaths = 100;
  g_assert_false (map (fixture, &error));
  g_assert_nonnull (strstr (error->message, "job 18 of 40 was lost 3 times"));
  g_assert_nonnull (strstr (error->message, "signal 9"));
  check_nothing (fixture);
}

/* The error of the first job that fails, with domain and code; jobs behind are not begun. */
static void
test_failure (Fixture *fixture, gconstpointer settings)
{
  (void) settings;
  world->unlucky = 13;
  for (int round = 0; round < 20; round++) {
    g_autoptr (GError) error = NULL;

    world->runs = 0;
    g_assert_false (map (fixture, &error));
    g_assert_error (error, g_quark_from_static_string ("toy"), 13);
    g_assert_cmpstr (error->message, ==, "job 13 is unlucky");
    check_nothing (fixture);
    g_assert_cmpint (world->runs, >=, 14);
    g_assert_cmpint (world->runs, <, 14 + 6);
  }
}

static void
test_refused (Fixture *fixture, gconstpointer settings)
{
  g_autoptr (GError) error = NULL;

  (void) settings;
  fixture->heard.refuse = 6;
  g_assert_false (map (fixture, &error));
  g_assert_cmpstr (error->message, ==, "not wanted");
  check_nothing (fixture);
  g_assert_cmpuint (fixture->heard.n, >=, 7);
  g_assert_cmpuint (fixture->heard.n, <, 7 + 6);
}

static void
add (const char *path, const char *settings, void (*test) (Fixture *, gconstpointer))
{
  g_test_add (path, Fixture, settings, set_up, test, tear_down);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/local/map", "workers = 3;", test_map);
  add ("/local/map-default", NULL, test_map);
  add ("/local/map-alone", "workers = 1;", test_map);
  add ("/local/lost", "workers = 3;", test_lost);
  add ("/local/lost-alone", "workers = 1;", test_lost);
  add ("/local/deadly", "workers = 2;", test_deadly);
  add ("/local/failure", "workers = 3;", test_failure);
  add ("/local/refused", "workers = 3;", test_refused);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `executor`: jobs that square a number, one of which fails.
 */
#include "world.h"

enum { JOBS = 40, UNLUCKY = 13 };

static GBytes *
square (void *data, GBytes *job, GError **error)
{
  uint32_t x, y;

  (void) data;
  memcpy (&x, g_bytes_get_data (job, NULL), sizeof x);
  if (x == UNLUCKY) {
    world_wrong (error, "job %u is made to fail", x);
    return NULL;
  }
  y = x * x;
  return g_bytes_new (&y, sizeof y);
}

static void *
executor_create (World *world, const void *conf, GError **error)
{
  return ((const LodeExecutorOps *) world->ops)
      ->create (&world->host->base, conf, square, world, error);
}

static void
executor_destroy (const void *ops, void *instance)
{
  ((const LodeExecutorOps *) ops)->destroy (instance);
}

/* Jobs `first` … first + n − 1; results (transfer full) go to result: [JOBS]. */
static bool
map (World *world, uint32_t first, uint32_t n, GBytes *result[JOBS], GError **error)
{
  GBytes *job[JOBS] = { NULL };
  bool ok;

  memset (result, 0, JOBS * sizeof *result);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t x = first + i;

    job[i] = g_bytes_new (&x, sizeof x);
  }
  ok = ((const LodeExecutorOps *) world->ops)->map (world->instance, n, job, result, error);
  for (uint32_t i = 0; i < n; i++)
    g_bytes_unref (job[i]);
  return ok;
}

static bool
check_results (World *world, uint32_t first, uint32_t n, GBytes *result[JOBS], GError **error)
{
  for (uint32_t i = 0; i < n; i++) {
    uint32_t x = first + i, y = 0;
    gsize size = 0;
    const void *data = result[i] ? g_bytes_get_data (result[i], &size) : NULL;

    if (size == sizeof y)
      memcpy (&y, data, sizeof y);
    if (size != sizeof y || y != x * x)
      return world_wrong (error, "expected result %u to be that of job %u, found another", i, i);
    trace_add (world->trace, LODE_TYPE_U32, 1, &y, "result of job %u", x);
  }
  return true;
}

static void
drop (GBytes *result[JOBS])
{
  for (uint32_t i = 0; i < JOBS; i++)
    g_clear_pointer (&result[i], g_bytes_unref);
}

static bool
executor_work (World *world, uint64_t unit, GError **error)
{
  uint32_t first = 100 * (uint32_t) (unit + 1), n = unit % 3 ? JOBS : 1;
  GBytes *result[JOBS];
  bool ok = map (world, first, n, result, error) && check_results (world, first, n, result, error);

  drop (result);
  return ok;
}

const Driver check_executor_driver = { "executor",       LODE_USE_EXECUTOR, executor_create,
                                       executor_destroy, executor_work,     4 };

static void
test_map (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  const LodeExecutorOps *ops = check->loaded->ops;
  g_autoptr (GBytes) shared = g_bytes_new_static ("shared", 6);
  GError *error = NULL;
  GBytes *result[JOBS];

  if (!world)
    return;
  if (!ops->share (world->instance, "check", shared, &error))
    check_fail_error (check, "share", error);
  else if (!map (world, 0, 0, result, &error))
    check_fail_error (check, "map of no jobs", error);
  else if (!world_work (world, 6, NULL, &error))
    check_fail_error (check, "map", error);
}

/* A job's error is the map's, and no result of the others is left behind. */
static void
test_failure (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;
  GBytes *result[JOBS];

  if (!world)
    return;
  if (map (world, 0, JOBS, result, &error))
    check_fail (check, "expected map to fail with job %u of %u, found success", UNLUCKY, JOBS);
  else if (check_refusal (check, "map with a job that fails", error))
    for (uint32_t i = 0; i < JOBS; i++)
      if (result[i])
        check_fail (check, "expected no result where map fails, found one of job %u", i);
}

const CheckTest check_executor_tests[] = {
  { "executor/map", "executor", "gives each job its result, in order", test_map },
  { "executor/failure", "executor", "hands on the error of a job", test_failure },
  { NULL },
};

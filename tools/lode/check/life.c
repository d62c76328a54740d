/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `life`: instances come and go and leave nothing behind.
 */
#include "memory.h"
#include "world.h"

/* Rounds, in windows; seconds that a window may take. */
enum { WARM = 100, WINDOWS = 4, TIMES = 250, FEW = 4, PATIENCE = 1 };

static void
test_null (Check *check)
{
  world_driver (check->kind)->destroy (check->loaded->ops, NULL);
}

/* Up to n rounds; some are left out where each takes its time (a data set of gigabytes). 0: the
 * test has failed. */
static uint32_t
again (World *world, uint32_t n)
{
  gint64 end = g_get_monotonic_time () + PATIENCE * G_USEC_PER_SEC;
  uint32_t i;

  for (i = 0; i < n && (i < FEW || g_get_monotonic_time () < end); i++) {
    GError *error = NULL;

    if (!world_create (world, NULL, &error)) {
      check_fail_error (world->check, "create again", error);
      return 0;
    }
    world_destroy (world);
  }
  return i;
}

/* The least that a window of rounds added, a round; files and threads are counted over all. */
static double
growth_of (World *world, uint32_t *rounds)
{
  double least = INFINITY;

  *rounds = 0;
  for (int w = 0; w < WINDOWS; w++) {
    size_t before = memory_held ().bytes;
    uint32_t n = again (world, TIMES);

    if (n == 0)
      return 0;
    least = MIN (least, ((double) memory_held ().bytes - (double) before) / n);
    *rounds += n;
  }
  return least;
}

/* What is made once and kept (quarks, tables) is made in the first rounds; behind them caches grow
 * now and then, a leak in every window, and by 16 bytes a round at least. */
static void
test_growth (Check *check)
{
  g_autoptr (World) world = NULL;
  Held before, after;
  uint32_t rounds;
  double growth;

  memory_gather ();
  world = world_ready (check, 1);
  if (!world)
    return;
  world_destroy (world);
  if (!again (world, WARM))
    return;
  before = memory_held ();
  growth = growth_of (world, &rounds);
  after = memory_held ();
  if (growth > 8)
    check_fail (check,
                "expected no growth over %u rounds of create and destroy, found %.0f bytes a round",
                rounds, growth);
  if (after.files > before.files)
    check_fail (check, "expected no file left open by destroy, found %u after %u rounds",
                after.files - before.files, rounds);
  if (after.threads > before.threads)
    check_fail (check, "expected no thread left behind, found %u after %u rounds",
                after.threads - before.threads, rounds);
}

/* The older of two goes first; the younger still works. */
static void
test_two (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;
  void *older;

  if (!world)
    return;
  older = world->instance;
  if (!world_create (world, NULL, &error)) {
    world->instance = older;
    check_fail_error (check, "create of a second instance", error);
    return;
  }
  world->driver->destroy (world->ops, older);
  if (!world_work (world, world->driver->units, NULL, &error))
    check_fail_error (check, "work of a second instance after the first is gone", error);
}

/* Destroyed in the middle of its work, and once more made. */
static void
test_midway (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  for (uint32_t units = 1; world && units < 3; units++) {
    if (!world_work (world, units, NULL, &error)) {
      check_fail_error (check, "work", error);
      return;
    }
    world_destroy (world);
    if (!world_create (world, NULL, &error)) {
      check_fail_error (check, "create after work and destroy", error);
      return;
    }
  }
}

const CheckTest check_life_tests[] = {
  { "life/null", NULL, "destroy accepts NULL", test_null },
  { "life/growth", NULL, "a thousand rounds of create and destroy leave nothing behind",
    test_growth },
  { "life/two", NULL, "two instances live side by side", test_two },
  { "life/midway", NULL, "destroy comes at any moment", test_midway },
  { NULL },
};

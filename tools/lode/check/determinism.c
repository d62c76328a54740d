/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `determinism`: the same seed gives the same bits, whatever else differs.
 */
#include "memory.h"
#include "world.h"

/* All of an instance's work in a new world, which stays alive so that the next one lies elsewhere
 * in memory. */
static bool
follow (Check *check, uint32_t threads, World **world, Trace *trace)
{
  GError *error = NULL;

  *world = world_ready (check, threads);
  if (!*world)
    return false;
  return world_work (*world, (*world)->driver->units, trace, &error)
         || check_fail_error (check, "work", error);
}

static void
compare (Check *check, const Trace *first, const Trace *then, const char *when)
{
  g_autofree char *text = trace_compare (first, then);

  if (text)
    check_fail (check, "expected the same bits %s, found %s", when, text);
}

static void
follow_twice (Check *check, uint32_t threads, void (*between) (Check *), const char *when)
{
  g_autoptr (Trace) first = trace_new ();
  g_autoptr (Trace) then = trace_new ();
  g_autoptr (World) one = NULL;
  g_autoptr (World) other = NULL;

  if (!follow (check, 1, &one, first))
    return;
  if (between)
    between (check);
  if (follow (check, threads, &other, then))
    compare (check, first, then, when);
}

/* Memory that nobody has written differs from run to run. */
static void
soil (Check *check)
{
  (void) check;
  memory_soil (0x5a);
}

static void
test_twice (Check *check)
{
  memory_soil (0xc3);
  follow_twice (check, 1, soil, "from the same seed");
}

static void
test_threads (Check *check)
{
  follow_twice (check, 4, NULL, "with 4 threads as with 1");
}

/* Ones that do not load are theirs to explain. */
static void
load_all (Check *check)
{
  g_auto (GStrv) ids = lode_registry_names (check->registry, NULL);

  for (char **id = ids; *id; id++) {
    g_auto (GStrv) part = g_strsplit (*id, "/", 2);

    lode_registry_load (check->registry, part[0], part[1], NULL);
  }
}

static void
test_neighbours (Check *check)
{
  follow_twice (check, 1, load_all, "after all other plugins were loaded");
}

const CheckTest check_determinism_tests[] = {
  { "determinism/twice", NULL, "gives the same bits from the same seed", test_twice },
  { "determinism/threads", NULL, "gives the same bits with 1 and 4 threads", test_threads },
  { "determinism/neighbours", NULL, "gives the same bits after other plugins were loaded",
    test_neighbours },
  { NULL },
};

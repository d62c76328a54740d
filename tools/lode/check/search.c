/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `search`: steps in a small space, with the best architecture asked for after each.
 */
#include "world.h"

static void *
search_create (World *world, const void *conf, GError **error)
{
  LodeArchFamily family;

  if (!lode_host_backbone (world->host, &family, error))
    return NULL;
  return world->host->search =
             ((const LodeSearchOps *) world->ops)
                 ->create (&world->host->base, conf, lode_arch_space (&family), error);
}

static void
search_destroy (const void *ops, void *instance)
{
  ((const LodeSearchOps *) ops)->destroy (instance);
}

static bool
check_best (World *world, GError **error)
{
  const LodeSpace *space = lode_host_space (&world->host->base);
  g_autofree uint8_t *arch = g_new (uint8_t, space->n + 1);
  g_autoptr (GError) failure = NULL;

  memset (arch, 0xff, space->n + 1);
  ((const LodeSearchOps *) world->ops)->best (world->instance, arch);
  if (arch[space->n] != 0xff)
    return world_wrong (error, "expected best to write %u decisions, found more", space->n);
  if (!lode_arch_check (space, arch, &failure))
    return world_wrong (error,
                        "expected a legal architecture from best after %" G_GUINT64_FORMAT
                        " steps, found: %s",
                        world->unit, failure->message);
  trace_add (world->trace, LODE_TYPE_U8, space->n, arch, "best after step %" G_GUINT64_FORMAT,
             world->unit);
  return true;
}

/* mask: [space.n], gate, drop: [options] */
static bool
check_stand (World *world, GError **error)
{
  const LodeSearchOps *ops = world->ops;
  const LodeSpace *space = lode_host_space (&world->host->base);
  LodeChoice choice = { .size = sizeof choice };

  if (!ops->stand)
    return true;
  ops->stand (world->instance, &choice);
  for (uint32_t o = 0; o < space->options; o++)
    if ((choice.gate && !isfinite (choice.gate[o]))
        || (choice.drop && !(choice.drop[o] >= 0 && choice.drop[o] < 1)))
      return world_wrong (
          error, "expected finite gates and rates in [0, 1) from stand, found %g, %g at option %u",
          choice.gate ? (double) choice.gate[o] : 1, choice.drop ? (double) choice.drop[o] : 0, o);
  for (uint32_t i = 0; choice.mask && i < space->n; i++)
    if (choice.mask[i] == 0 || (choice.mask[i] >> 1) >> (lode_space_at (space, i)->n - 1))
      return world_wrong (
          error,
          "expected a mask of options that exist from stand, found %#" G_GINT64_MODIFIER
          "x at decision %u",
          choice.mask[i], i);
  if (choice.gate)
    trace_add (world->trace, LODE_TYPE_F32, space->options, choice.gate,
               "gates after step %" G_GUINT64_FORMAT, world->unit);
  return true;
}

static bool
search_work (World *world, uint64_t unit, GError **error)
{
  LodeProgress progress = { .size = sizeof progress };
  GError *failure = NULL;

  (void) unit;
  if (!((const LodeSearchOps *) world->ops)->step (world->instance, &progress, &failure)) {
    if (!failure)
      return world_wrong (error, "step failed: expected an error that says why, found none set");
    g_propagate_error (error, failure);
    return false;
  }
  return world_progress (world, &progress, error) && check_best (world, error)
         && check_stand (world, error);
}

const Driver check_search_driver = { "search",       LODE_USE_SEARCH, search_create,
                                     search_destroy, search_work,     8 };

static void
test_steps (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  if (world && !(check_best (world, &error) && check_stand (world, &error)))
    check_fail_error (check, "before the first step", error);
  else if (world && !world_work (world, 24, NULL, &error))
    check_fail_error (check, "a step", error);
}

const CheckTest check_search_tests[] = {
  { "search/steps", "search",
    "takes steps, proposes legal architectures alone, and knows a best one at any time",
    test_steps },
  { NULL },
};

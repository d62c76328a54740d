/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `stage`: run to its end behind a search and a training, with what it leaves at its outputs.
 */
#include "world.h"

static void *
stage_create (World *world, const void *conf, GError **error)
{
  LodeArchFamily family;

  if (!lode_host_backbone (world->host, &family, error))
    return NULL;
  return ((const LodeStageOps *) world->ops)->create (&world->host->base, conf, error);
}

static void
stage_destroy (const void *ops, void *instance)
{
  ((const LodeStageOps *) ops)->destroy (instance);
}

/* The bytes at an output port; a required one has some when the stage has ended. */
static bool
trace_output (World *world, const LodePort *port, GError **error)
{
  g_autofree char *path = lode_art_path (&world->host->base, port->name, 0, error), *data = NULL;
  gsize n;

  if (!path)
    return false;
  if (g_file_get_contents (path, &data, &n, NULL))
    trace_add (world->trace, LODE_TYPE_U8, n, data, "output %s", port->name);
  else if (port->required)
    return world_wrong (error, "expected an artefact at output %s, found none at its end",
                        port->name);
  return true;
}

static bool
trace_end (World *world, GError **error)
{
  const GArray *figures = world->host->figures;

  for (guint i = 0; i < figures->len; i++) {
    const LodeFigure *figure = &g_array_index (figures, LodeFigure, i);

    trace_add (world->trace, LODE_TYPE_F64, 1, &figure->value, "figure %s", figure->name);
  }
  for (const LodePort *port = ((const LodeStageOps *) world->ops)->out; port && port->name; port++)
    if (!trace_output (world, port, error))
      return false;
  return true;
}

static bool
stage_work (World *world, uint64_t unit, GError **error)
{
  LodeProgress progress = { .size = sizeof progress };
  GError *failure = NULL;

  (void) unit;
  if (!((const LodeStageOps *) world->ops)->step (world->instance, &progress, &failure)) {
    if (!failure)
      return world_wrong (error, "step failed: expected an error that says why, found none set");
    g_propagate_error (error, failure);
    return false;
  }
  return world_progress (world, &progress, error) && (!world->ended || trace_end (world, error));
}

const Driver check_stage_driver = { "stage",       LODE_USE_STAGE, stage_create,
                                    stage_destroy, stage_work,     12 };

static void
test_end (Check *check)
{
  enum { MOST = 10000 };
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  if (!world)
    return;
  if (!world_work (world, MOST, NULL, &error))
    check_fail_error (check, "a step", error);
  else if (!world->ended)
    check_fail (check, "expected it to end on a small experiment, found it going on after %d steps",
                MOST);
}

const CheckTest check_stage_tests[] = {
  { "stage/end", "stage", "runs to its end and leaves what its ports promise", test_end },
  { NULL },
};

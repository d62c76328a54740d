/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `evaluator`: scores of architectures drawn from a small space.
 */
#include "world.h"

/* One that scores by shared weights finds a fresh super-network. */
static bool
open_net (World *world, GError **error)
{
  const LodeNetIn in = { .size = sizeof in, .shared = true };
  const LodeEvaluatorOps *ops = world->ops;

  return !(ops->needs & LODE_SHARE) || lode_net_current (&world->host->base)
         || lode_net_new (&world->host->base, &in, error);
}

static void *
evaluator_create (World *world, const void *conf, GError **error)
{
  LodeArchFamily family;

  if (!lode_host_backbone (world->host, &family, error) || !open_net (world, error))
    return NULL;
  return ((const LodeEvaluatorOps *) world->ops)->create (&world->host->base, conf, error);
}

static void
evaluator_destroy (const void *ops, void *instance)
{
  ((const LodeEvaluatorOps *) ops)->destroy (instance);
}

static bool
score_once (World *world, uint64_t id, double fidelity, LodeScore *score, GError **error)
{
  const LodeHost *host = &world->host->base;
  g_autofree uint8_t *arch = g_new0 (uint8_t, lode_host_space (host)->n + 1);
  LodeRng rng = check_rng (world->check, "arch", id);
  GError *failure = NULL;

  *score = (LodeScore){ .size = sizeof *score };
  lode_sample (host, arch, &rng);
  if (((const LodeEvaluatorOps *) world->ops)
          ->score (world->instance, arch, id, fidelity, score, &failure))
    return !failure
           || world_wrong (error, "score succeeded: expected no error, found: %s",
                           failure->message);
  if (!failure)
    return world_wrong (error, "score failed: expected an error that says why, found none set");
  g_propagate_error (error, failure);
  return false;
}

static bool
evaluator_work (World *world, uint64_t unit, GError **error)
{
  double fidelity = unit % 2 ? 0.5 : 1;
  LodeScore score;

  if (!score_once (world, unit, fidelity, &score, error))
    return false;
  if (!score.failed && !isfinite (score.value))
    return world_wrong (error, "expected a finite score or .failed, found %g", score.value);
  if (!(score.seconds >= 0))
    return world_wrong (error, "expected seconds of at least 0, found %g", score.seconds);
  if (!score.failed && (score.macs == 0 || score.params == 0))
    return world_wrong (
        error,
        "expected the architecture's macs and params in the score, found %" G_GUINT64_FORMAT
        " and %" G_GUINT64_FORMAT,
        score.macs, score.params);
  trace_add (world->trace, LODE_TYPE_F64, 1, &score.value, "score %" G_GUINT64_FORMAT, unit);
  trace_add (world->trace, LODE_TYPE_U64, 1, &score.macs, "macs of score %" G_GUINT64_FORMAT, unit);
  trace_add (world->trace, LODE_TYPE_U64, 1, &score.params, "params of score %" G_GUINT64_FORMAT,
             unit);
  return true;
}

const Driver check_evaluator_driver = { "evaluator",       LODE_USE_EVALUATOR, evaluator_create,
                                        evaluator_destroy, evaluator_work,     6 };

static void
test_scores (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  if (world && !world_work (world, 8, NULL, &error))
    check_fail_error (check, "a score", error);
}

/* The host asks in any order and any process. */
static void
test_order (Check *check)
{
  enum { N = 5 };
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;
  LodeScore there[N], back[N];

  if (!world)
    return;
  for (int i = 0; i < N && !error; i++)
    score_once (world, (uint64_t) i, 1, &there[i], &error);
  for (int i = N; i-- > 0 && !error;)
    score_once (world, (uint64_t) i, 1, &back[i], &error);
  if (error) {
    check_fail_error (check, "a score", error);
    return;
  }
  for (int i = 0; i < N; i++)
    if (memcmp (&there[i].value, &back[i].value, sizeof back[i].value))
      check_fail (check,
                  "expected the same score whatever was scored before, found %.17g, then %.17g",
                  there[i].value, back[i].value);
}

const CheckTest check_evaluator_tests[] = {
  { "evaluator/scores", "evaluator", "gives finite scores, or says that they failed", test_scores },
  { "evaluator/order", "evaluator", "gives the same score whatever was scored before", test_order },
  { NULL },
};

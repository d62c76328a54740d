/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `sampler`: selections of a pool of 48 examples, epoch after epoch, and rows seen in between.
 */
#include "world.h"

enum { GUARD = 64 };
#define FILL UINT32_C (0xdeadbeef)

static void *
sampler_create (World *world, const void *conf, GError **error)
{
  const LodeSamplerOps *ops = world->ops;
  LodeData *data = lode_host_data (world->host, error);

  if (!data)
    return NULL;
  lode_data_show_labels (data, (ops->needs & LODE_LABELS) != 0);
  return ops->create (&world->host->base, conf, lode_data_pool (data), error);
}

static void
sampler_destroy (const void *ops, void *instance)
{
  ((const LodeSamplerOps *) ops)->destroy (instance);
}

/* The host's arrays, with room behind them that must stay as it is. */
typedef struct Picked {
  LodePicks picks;
  uint32_t *index, *times; /* [room + GUARD] */
  float *weight;
} Picked;

static Picked
picked_new (uint32_t room)
{
  Picked p = { .index = g_new (uint32_t, room + GUARD),
               .times = g_new (uint32_t, room + GUARD),
               .weight = g_new (float, room + GUARD) };

  for (uint32_t i = 0; i < room + GUARD; i++) {
    p.index[i] = FILL;
    p.times[i] = i < room ? 1 : FILL;
    p.weight[i] = i < room ? 1 : -7;
  }
  p.picks = (LodePicks){ .size = sizeof (LodePicks), .room = room };
  p.picks.index = p.index;
  p.picks.times = p.times;
  p.picks.weight = p.weight;
  return p;
}

static void
picked_clear (Picked *p)
{
  g_free (p->index);
  g_free (p->times);
  g_free (p->weight);
}

static bool
check_guards (const Picked *p, GError **error)
{
  uint32_t room = p->picks.room;

  for (uint32_t i = room; i < room + GUARD; i++)
    if (p->index[i] != FILL || p->times[i] != FILL || p->weight[i] > -7 || p->weight[i] < -7)
      return world_wrong (
          error, "expected it to write within its room of %u, found entry %u changed", room, i);
  return true;
}

static bool
check_picks (const LodePicks *picks, uint32_t count, GError **error)
{
  g_autofree bool *seen = g_new0 (bool, count);
  double sum = 0;

  if (picks->n == 0 || picks->n > picks->room)
    return world_wrong (error, "expected 1 … %u picks, found %u", picks->room, picks->n);
  for (uint32_t i = 0; i < picks->n; i++) {
    uint32_t index = picks->index[i];

    if (index >= count)
      return world_wrong (error, "expected indices below %u, found %u at pick %u", count, index, i);
    if (seen[index])
      return world_wrong (error,
                          "expected each example once (times says how often), found %u again at "
                          "pick %u",
                          index, i);
    seen[index] = true;
    if (picks->times[i] == 0)
      return world_wrong (error, "expected times of at least 1, found 0 at pick %u", i);
    if (!isfinite (picks->weight[i]) || picks->weight[i] < 0)
      return world_wrong (error, "expected finite weights of at least 0, found %g at pick %u",
                          (double) picks->weight[i], i);
    sum += (double) picks->weight[i];
  }
  return sum > 0
         || world_wrong (error, "expected a weight above 0, found none in %u picks", picks->n);
}

/* What a pass over the first picks would report: probabilities that differ from row to row. */
static void
observe (World *world, const LodePicks *picks, uint64_t unit)
{
  const LodeSamplerOps *ops = world->ops;
  uint32_t k = lode_data_classes (world->host->data), n = MIN (picks->n, 16);
  g_autofree float *prob = g_new0 (float, (size_t) n *k), *loss = g_new0 (float, n);
  g_autofree int32_t *label = g_new0 (int32_t, n);
  LodeRng rng = check_rng (world->check, "seen", unit);
  LodeSeen seen = { sizeof seen, n, k, picks->index, label, prob, loss };

  if (!ops->observe)
    return;
  for (uint32_t i = 0; i < n; i++) {
    double sum = 0, p[64] = { 0 };

    label[i] = (int32_t) (picks->index[i] % k);
    for (uint32_t c = 0; c < k; c++)
      sum += p[c] = exp (lode_rng_normal (&rng));
    for (uint32_t c = 0; c < k; c++)
      prob[i * k + c] = (float) (p[c] / sum);
    loss[i] = (float) -log (p[label[i]] / sum);
  }
  ops->observe (world->instance, &seen);
}

static bool
select_once (World *world, const LodeAsk *ask, Picked *p, GError **error)
{
  const LodeSamplerOps *ops = world->ops;
  GError *failure = NULL;

  if (!ops->select (world->instance, ask, &p->picks, &failure)) {
    if (!failure)
      return world_wrong (error, "select failed: expected an error that says why, found none set");
    g_propagate_error (error, failure);
    return false;
  }
  if (failure) {
    world_wrong (error, "select succeeded: expected no error, found: %s", failure->message);
    g_error_free (failure);
    return false;
  }
  return check_guards (p, error) && check_picks (&p->picks, p->picks.room, error);
}

static bool
sampler_work (World *world, uint64_t unit, GError **error)
{
  uint32_t count = lode_data_count (world->host->data, LODE_ROLE_WEIGHTS);
  const LodeSamplerOps *ops = world->ops;
  LodeAsk ask = { .size = sizeof ask, .epoch = (uint32_t) unit, .phase = "search" };
  Picked p = picked_new (count);
  bool ok;

  ask.valid = unit ? 0.25 + 0.05 * (double) unit : NAN;
  if (ops->when == LODE_WHEN_ROUND)
    ask.round = ask.epoch;
  ok = select_once (world, &ask, &p, error);
  if (ok) {
    trace_add (world->trace, LODE_TYPE_U32, p.picks.n, p.index, "index of selection %u", ask.epoch);
    trace_add (world->trace, LODE_TYPE_U32, p.picks.n, p.times, "times of selection %u", ask.epoch);
    trace_add (world->trace, LODE_TYPE_F32, p.picks.n, p.weight, "weight of selection %u",
               ask.epoch);
    observe (world, &p.picks, unit);
  }
  world->ended = ops->when == LODE_WHEN_ONCE;
  picked_clear (&p);
  return ok;
}

const Driver check_sampler_driver = { "sampler",       LODE_USE_SAMPLER, sampler_create,
                                      sampler_destroy, sampler_work,     6 };

static void
test_select (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  if (world && !world_work (world, 12, NULL, &error))
    check_fail_error (check, "a selection", error);
}

/* Budgets from one to all: that many, or a refusal. */
static void
test_budget (Check *check)
{
  static const uint32_t budgets[] = { 1, 2, 7, 47, 48 };
  g_autoptr (World) world = world_ready (check, 1);
  uint32_t count = world ? lode_data_count (world->host->data, LODE_ROLE_WEIGHTS) : 0;

  for (size_t i = 0; world && i < G_N_ELEMENTS (budgets); i++) {
    LodeAsk ask = { .size = sizeof ask, .budget = budgets[i], .phase = "search", .valid = NAN };
    g_autofree char *what = g_strdup_printf ("a budget of %u of %u examples", budgets[i], count);
    Picked p = picked_new (count);
    GError *error = NULL;
    bool ok = select_once (world, &ask, &p, &error);
    uint32_t n = p.picks.n;

    picked_clear (&p);
    if (!ok && error->domain == WORLD_ERROR)
      check_fail_error (check, what, error);
    else if (!ok)
      check_refusal (check, what, error);
    else if (n != budgets[i])
      check_fail (check, "%s: expected as many picks or a refusal, found %u", what, n);
  }
}

const CheckTest check_sampler_tests[] = {
  { "sampler/select", "sampler",
    "selects examples of the pool, each once, with finite weights, within its room", test_select },
  { "sampler/budget", "sampler", "selects as many as are asked for, or refuses with a reason",
    test_budget },
  { NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `gradients` for backbones: of a net's weights and gates, and of the expected cost, against
 * central differences. Operations that a backbone brings have theirs in op.c.
 */
#include "backbone.h"
#include "compute/params.h"
#include "slope.h"

enum { MOST = 16 }; /* weights of a net that are looked at */

/* The loss of a batch along a direction in some weights, or in one gate. */
typedef struct Line {
  Small *small;
  LodeChoice *choice;
  LodeParams *at;
  float *x;           /* n values of `at`, or of the gates */
  const float *start; /* [n] */
  const double *d;    /* [n] */
  size_t n;
  GError *error;
} Line;

static void
loss_along (void *data, double t, double *y)
{
  Line *line = data;
  LodePass pass = { .size = sizeof pass, .at = line->at };

  for (size_t i = 0; i < line->n; i++)
    line->x[i] = (float) ((double) line->start[i] + t * line->d[i]);
  if (!line->error
      && lode_net_pass (line->small->net, line->small->batch, line->choice, &pass, &line->error))
    *y = pass.loss;
  else
    *y = NAN;
  memcpy (line->x, line->start, line->n * sizeof *line->x);
}

/* Counts, and fails where what was found is not the slope. */
typedef struct Tally {
  uint32_t known, all;
} Tally;

static bool
judge (Check *check, Tally *tally, const Slope *slope, double found, double scale, const char *what)
{
  tally->all++;
  if (!slope_is_known (slope, scale))
    return true;
  tally->known++;
  return slope_agrees (slope, found, scale)
         || check_fail (check,
                        "expected the gradient %.6g of %s (central differences), found %.6g, a "
                        "factor of %.5g",
                        slope->value, what, found, found / slope->value);
}

static void
conclude (Check *check, const Tally *tally)
{
  if (tally->known == 0)
    check_skip (check, "none of %u slopes is known: too many kinks, or too little slope",
                tally->all);
}

/* One weight along its own gradient, the direction in which it shows most. */
static bool
check_slot (Check *check, Tally *tally, Line *line, const LodeSlot *slot, const float *grad)
{
  size_t n = lode_slot_size (slot);
  g_autofree float *start = g_memdup2 (line->x, n * sizeof *line->x);
  g_autofree double *d = g_new (double, n);
  double square = 0, size = 0, step;
  Slope slope;

  for (size_t i = 0; i < n; i++) {
    square += (double) grad[i] * (double) grad[i];
    size += (double) start[i] * (double) start[i];
  }
  if (square <= 0)
    return true;
  for (size_t i = 0; i < n; i++)
    d[i] = (double) grad[i] / sqrt (square);
  line->start = start;
  line->d = d;
  line->n = n;
  step = 0.1 * fmax (sqrt (size), 0.1);
  slope_take (loss_along, line, 1, step, &slope);
  if (line->error)
    return check_fail_error (check, "a pass", g_steal_pointer (&line->error));
  return judge (check, tally, &slope, sqrt (square), sqrt (square), slot->name);
}

static void
check_weights (Check *check, Small *small, LodeChoice *choice)
{
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS };
  LodeParamSet *at =
      (LodeParamSet *) lode_params_dup (lode_net_params (small->net), small->net, NULL);
  LodeParamSet *grad =
      (LodeParamSet *) lode_params_dup (lode_net_params (small->net), small->net, NULL);
  Line line = { .small = small, .choice = choice, .at = &at->base };
  LodeRng rng = check_rng (check, "slots", 0);
  uint32_t some = MIN (at->slots, MOST);
  Tally tally = { 0 };
  GError *error = NULL;
  bool ok;

  pass.at = &at->base;
  pass.grad = &grad->base;
  ok = lode_net_pass (small->net, small->batch, choice, &pass, &error)
       || check_fail_error (check, "a pass", error);
  for (uint32_t i = 0; ok && i < some; i++) {
    uint32_t s = at->slots > MOST ? lode_rng_below (&rng, at->slots) : i;

    line.x = at->at[s];
    ok = check_slot (check, &tally, &line, lode_layout_slot (at->layout, s), grad->at[s]);
  }
  if (ok)
    conclude (check, &tally);
  lode_params_free (&at->base);
  lode_params_free (&grad->base);
}

static void
test_weights (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  g_autofree uint8_t *arch = world ? small_arch (world, 0) : NULL;
  LodeArchFamily family = world ? small_family (world) : (LodeArchFamily){ 0 };
  g_autofree uint64_t *mask = NULL;
  LodeChoice choice = { .size = sizeof choice };
  GError *error = NULL;
  Small small;

  if (!world)
    return;
  choice.mask = mask = g_new0 (uint64_t, lode_arch_space (&family)->n + 1);
  lode_space_one (lode_arch_space (&family), arch, mask);
  if (small_open (&small, world, false, lode_arch_space (&family)->n ? &choice : NULL, &error))
    check_weights (check, &small, NULL);
  else
    check_fail_error (check, "a net", error);
  small_close (&small);
}

static bool
check_gate (Check *check, Tally *tally, Line *line, uint32_t o, double found, double most)
{
  static const double one[] = { 1 };
  const float start = *line->x;
  g_autofree char *what = g_strdup_printf ("gate %u", o);
  Slope slope;

  line->start = &start;
  line->d = one;
  line->n = 1;
  slope_take (loss_along, line, 1, 0.25, &slope);
  if (line->error)
    return check_fail_error (check, "a pass", g_steal_pointer (&line->error));
  return judge (check, tally, &slope, found, fmax (fabs (slope.value), 0.2 * most), what);
}

static void
check_gates (Check *check, Small *small)
{
  const LodeSpace *space = lode_net_space (small->net);
  g_autofree float *gate = g_new0 (float, space->options), *dgate = g_new0 (float, space->options);
  LodePass pass = { .size = sizeof pass, .want = LODE_GATES, .dgate = dgate };
  LodeChoice choice = { .size = sizeof choice, .gate = gate };
  Line line = { .small = small, .choice = &choice };
  LodeRng rng = check_rng (check, "gates", 0);
  Tally tally = { 0 };
  GError *error = NULL;
  double most = 0;
  bool ok;

  for (uint32_t o = 0; o < space->options; o++)
    gate[o] = (float) (0.1 + 0.4 * lode_rng_uniform (&rng));
  ok = lode_net_pass (small->net, small->batch, &choice, &pass, &error)
       || check_fail_error (check, "a pass", error);
  for (uint32_t o = 0; o < space->options; o++)
    most = fmax (most, fabs ((double) dgate[o]));
  for (uint32_t i = 0; ok && i < MOST; i++) {
    uint32_t o = lode_rng_below (&rng, space->options);

    line.x = &gate[o];
    ok = check_gate (check, &tally, &line, o, (double) dgate[o], most);
  }
  if (ok)
    conclude (check, &tally);
}

static void
test_gates (Check *check)
{
  g_autoptr (World) world = NULL;
  GError *error = NULL;
  Small small;

  if (!(((const LodeBackboneOps *) check->loaded->ops)->can & LODE_MIX)) {
    check_skip (check, "it does not mix options");
    return;
  }
  world = world_ready (check, 1);
  if (!world)
    return;
  if (small_open (&small, world, true, NULL, &error))
    check_gates (check, &small);
  else
    check_fail_error (check, "the super-network", error);
  small_close (&small);
}

/* The expected cost along one probability. */
typedef struct Cost {
  const LodeBackboneOps *ops;
  const LodeBackbone *backbone;
  float *prob; /* [options] */
  uint32_t o;
} Cost;

static void
cost_along (void *data, double t, double *y)
{
  const Cost *cost = data;
  float keep = cost->prob[cost->o];

  cost->prob[cost->o] = (float) ((double) keep + t);
  *y = cost->ops->expect (cost->backbone, cost->prob, NULL);
  cost->prob[cost->o] = keep;
}

static void
test_cost (Check *check)
{
  g_autoptr (World) world = NULL;
  Cost cost = { .ops = check->loaded->ops };
  LodeRng rng = check_rng (check, "prob", 0);
  g_autofree float *prob = NULL, *dprob = NULL;
  const LodeSpace *space;
  Tally tally = { 0 };
  double most = 0;

  if (!cost.ops->expect) {
    check_skip (check, "it leaves the expected cost to the host");
    return;
  }
  world = world_ready (check, 1);
  if (!world)
    return;
  cost.backbone = world->instance;
  space = cost.ops->space (cost.backbone);
  cost.prob = prob = g_new0 (float, space->options + 1);
  dprob = g_new0 (float, space->options + 1);
  for (uint32_t o = 0; o < space->options; o++)
    prob[o] = (float) (0.1 + 0.4 * lode_rng_uniform (&rng));
  cost.ops->expect (cost.backbone, prob, dprob);
  for (uint32_t o = 0; o < space->options; o++)
    most = fmax (most, fabs ((double) dprob[o]));
  for (; cost.o < space->options; cost.o++) {
    g_autofree char *what = g_strdup_printf ("probability %u", cost.o);
    Slope slope;

    slope_take (cost_along, &cost, 1, 0.0625, &slope);
    if (!judge (check, &tally, &slope, (double) dprob[cost.o],
                fmax (fabs (slope.value), 0.01 * most), what))
      return;
  }
}

const CheckTest check_gradient_tests[] = {
  { "gradients/weights", "backbone", "a net's gradient agrees with central differences",
    test_weights },
  { "gradients/gates", "backbone", "the super-network's gates have the gradient of their mixture",
    test_gates },
  { "gradients/cost", "backbone", "the expected cost has the gradient that it gives", test_cost },
  { NULL },
};

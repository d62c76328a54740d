/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `gradients` for backbones: of a net's weights and gates, and of the expected cost, against
 * central differences. Operations that a backbone brings have theirs in op.c.
 */
#include "backbone.h"
#include "compute/params.h"
#include "slope.h"

/*
 * A net of ReLUs has kinks everywhere, and now and then differences agree with each other on a
 * wrong slope. So a slope that differs is taken again at other points nearby: a gradient counts as
 * wrong where enough points say so and none says that it is right.
 */
enum {
  ROWS = 4, /* of the batch: the fewer, the fewer kinks; norms want more than two */
  SOME = 16,
  MOST = 64,
  ENOUGH = 4, /* at least SOME slopes are taken, up to MOST until ENOUGH are known */
  POINTS = 12,
  PROOF = 3
};
#define LEAST 1e-4 /* of a gradient whose slope can be told from rounding */

/* A net's loss as a function of its weights or gates. */
typedef struct Point {
  Check *check;
  Small *small;
  LodeBatch batch;         /* ROWS of the small net's */
  LodeChoice choice;       /* gate: this one's */
  LodeParamSet *at, *grad; /* or NULL */
  float *gate, *dgate;     /* [options], or NULL */
  uint32_t known, all;     /* slopes */
  GError *error;
} Point;

static bool
point_pass (Point *point, uint32_t want, double *loss)
{
  LodePass pass = { .size = sizeof pass, .want = want, .dgate = point->dgate };

  pass.at = point->at ? &point->at->base : NULL;
  pass.grad = point->grad ? &point->grad->base : NULL;
  if (point->error
      || !lode_net_pass (point->small->net, &point->batch, point->gate ? &point->choice : NULL,
                         &pass, &point->error))
    return false;
  *loss = pass.loss;
  return true;
}

/* n values x of the point along a direction. */
typedef struct Line {
  Point *point;
  float *x;
  const float *start; /* [n] */
  const double *d;    /* [n] */
  size_t n;
} Line;

static void
loss_along (void *data, double t, double *y)
{
  Line *line = data;

  for (size_t i = 0; i < line->n; i++)
    line->x[i] = (float) ((double) line->start[i] + t * line->d[i]);
  if (!point_pass (line->point, 0, y))
    *y = NAN;
  memcpy (line->x, line->start, line->n * sizeof *line->x);
}

static bool
fail_slope (Check *check, const Slope *slope, double found, const char *what)
{
  return check_fail (check,
                     "expected the gradient %.6g of %s (central differences), found %.6g, a factor "
                     "of %.5g",
                     slope->value, what, found, found / slope->value);
}

/* One weight along its own gradient, the direction in which it shows most. x, grad: [n] */
static Verdict
judge_slot (Point *point, float *x, const float *grad, size_t n, Slope *slope, double *found)
{
  g_autofree float *start = g_memdup2 (x, n * sizeof *x);
  g_autofree double *d = g_new (double, n);
  Line line = { point, x, start, d, n };
  double square = 0, size = 0;

  for (size_t i = 0; i < n; i++) {
    square += (double) grad[i] * (double) grad[i];
    size += (double) start[i] * (double) start[i];
  }
  *found = sqrt (square);
  if (*found < LEAST)
    return SLOPE_UNKNOWN;
  for (size_t i = 0; i < n; i++)
    d[i] = (double) grad[i] / *found;
  slope_take (loss_along, &line, 1, 0.1 * fmax (sqrt (size), 0.1), slope);
  return slope_judge (slope, *found, *found);
}

/* One gate, on the scale of the largest gradient of any. */
static Verdict
judge_gate (Point *point, uint32_t o, uint32_t options, Slope *slope, double *found)
{
  static const double one[] = { 1 };
  const float start = point->gate[o];
  Line line = { point, &point->gate[o], &start, one, 1 };
  double most = 0;

  *found = (double) point->dgate[o];
  for (uint32_t i = 0; i < options; i++)
    most = fmax (most, fabs ((double) point->dgate[i]));
  if (most < LEAST)
    return SLOPE_UNKNOWN;
  slope_take (loss_along, &line, 1, 0.25, slope);
  return slope_judge (slope, *found, fmax (fabs (slope->value), 0.2 * most));
}

static void
jitter (float *x, size_t n, LodeRng *rng)
{
  for (size_t i = 0; i < n; i++)
    x[i] += (0.05f * fabsf (x[i]) + 0.01f) * (float) lode_rng_normal (rng);
}

/* Whether to look at yet another. */
static bool
wants_more (const Point *point)
{
  return point->all < SOME || (point->all < MOST && point->known < ENOUGH);
}

/* What the points say of one gradient. */
typedef struct Votes {
  uint32_t differ, loosely;
  Slope slope; /* of the last that differs */
  double found;
} Votes;

/* Whether another point must be asked. */
static bool
vote (Point *point, Votes *votes, Verdict verdict, const Slope *slope, double found)
{
  point->known += verdict == SLOPE_AGREES;
  if (verdict == SLOPE_AGREES)
    votes->differ = 0;
  votes->loosely += verdict == SLOPE_LOOSELY;
  if (verdict == SLOPE_DIFFERS) {
    votes->differ++;
    votes->slope = *slope;
    votes->found = found;
  }
  return votes->differ > 0;
}

static bool
conclude_votes (Point *point, const Votes *votes, const char *what)
{
  point->all++;
  if (point->error)
    return false;
  if (votes->differ < PROOF || votes->differ <= votes->loosely)
    return true;
  return fail_slope (point->check, &votes->slope, votes->found, what);
}

static bool
check_slot (Point *point, uint32_t s, LodeRng *rng)
{
  const LodeSlot *slot = lode_layout_slot (point->at->layout, s);
  size_t n = lode_slot_size (slot);
  Votes votes = { 0 };
  bool more = true;

  for (int round = 0; more && round < POINTS; round++) {
    Verdict verdict;
    double found, loss;
    Slope slope;

    if (round > 0)
      jitter (point->at->at[s], n, rng);
    if (!point_pass (point, LODE_WEIGHTS, &loss))
      return false;
    verdict = judge_slot (point, point->at->at[s], point->grad->at[s], n, &slope, &found);
    more = vote (point, &votes, verdict, &slope, found);
  }
  return conclude_votes (point, &votes, slot->name);
}

static bool
check_gate (Point *point, uint32_t o, uint32_t options, LodeRng *rng)
{
  g_autofree char *what = g_strdup_printf ("gate %u", o);
  Votes votes = { 0 };
  bool more = true;

  for (int round = 0; more && round < POINTS; round++) {
    Verdict verdict;
    double found, loss;
    Slope slope;

    if (round > 0)
      jitter (point->gate, options, rng);
    if (!point_pass (point, LODE_GATES, &loss))
      return false;
    verdict = judge_gate (point, o, options, &slope, &found);
    more = vote (point, &votes, verdict, &slope, found);
  }
  return conclude_votes (point, &votes, what);
}

static void
conclude (Point *point)
{
  if (point->error)
    check_fail_error (point->check, "a pass", g_steal_pointer (&point->error));
  else if (point->known == 0)
    check_skip (point->check, "none of %u slopes is known: too many kinks, or too little slope",
                point->all);
}

static LodeBatch
some_rows (const Small *small)
{
  LodeBatch batch = *small->batch;

  batch.n = MIN (batch.n, ROWS);
  return batch;
}

static LodeParamSet *
copy_of (const Small *small)
{
  return (LodeParamSet *) lode_params_dup (lode_net_params (small->net), small->net, NULL);
}

static void
check_weights (Check *check, Small *small)
{
  Point point = { .check = check, .small = small, .at = copy_of (small), .grad = copy_of (small) };
  LodeRng rng = check_rng (check, "slots", 0);
  uint32_t slots = point.at->slots;
  bool ok = true;

  point.batch = some_rows (small);
  for (uint32_t i = 0; ok && (slots > SOME ? wants_more (&point) : i < slots); i++)
    ok = check_slot (&point, slots > SOME ? lode_rng_below (&rng, slots) : i, &rng);
  conclude (&point);
  lode_params_free (&point.at->base);
  lode_params_free (&point.grad->base);
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
    check_weights (check, &small);
  else
    check_fail_error (check, "a net", error);
  small_close (&small);
}

static void
check_gates (Check *check, Small *small)
{
  const LodeSpace *space = lode_net_space (small->net);
  g_autofree float *gate = g_new0 (float, space->options), *dgate = g_new0 (float, space->options);
  LodeRng rng = check_rng (check, "gates", 0);
  Point point = { .check = check, .small = small, .gate = gate, .dgate = dgate };
  bool ok = true;

  point.batch = some_rows (small);
  point.choice = (LodeChoice){ .size = sizeof (LodeChoice), .gate = gate };
  for (uint32_t o = 0; o < space->options; o++)
    gate[o] = (float) (0.1 + 0.4 * lode_rng_uniform (&rng));
  while (ok && wants_more (&point))
    ok = check_gate (&point, lode_rng_below (&rng, space->options), space->options, &rng);
  conclude (&point);
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

enum { HEAD = 10 }; /* outputs of the head that an expected cost counts */

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
  *y = cost->ops->expect (cost->backbone, HEAD, cost->prob, NULL);
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
  cost.ops->expect (cost.backbone, HEAD, prob, dprob);
  for (uint32_t o = 0; o < space->options; o++)
    most = fmax (most, fabs ((double) dprob[o]));
  for (; cost.o < space->options; cost.o++) {
    g_autofree char *what = g_strdup_printf ("probability %u", cost.o);
    Slope slope;

    slope_take (cost_along, &cost, 1, 0.0625, &slope);
    if (slope_judge (&slope, (double) dprob[cost.o], fmax (fabs (slope.value), 0.01 * most))
        == SLOPE_DIFFERS) {
      fail_slope (check, &slope, (double) dprob[cost.o], what);
      return;
    }
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

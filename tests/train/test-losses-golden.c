/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Class tables and smoothing against printed values.
 */
#include "fake-loss.h"

/* The example of the printed values: four classes, 1360 examples. */
static const double counts[] = { 1000, 300, 50, 10 };
static const float logits[] = { 1.2f, -0.4f, 0.7f, 0.1f };

/* Loss and gradient of one row are the printed ones: weights stand in the sum, which the batch's
 * own gradient is divided by. */
static void
assert_golden (const LodeLoss *loss, int32_t label, double value, const double *gradient)
{
  LodeLoss copy = *loss;
  LodeCriterion criterion = prepare (&copy, &table_ops, 4);
  LodeBatch batch = { .size = sizeof batch, .n = 1, .label = &label };
  float own, grad[4];
  LodeReduced reduced =
      lode_criterion_run (&criterion, one_thread (), &batch, logits, NULL, 0, &own, grad);

  assert_near (reduced.sum, value, 1e-6);
  assert_near (lode_reduced_mean (reduced), (double) own, 1e-12);
  for (uint32_t c = 0; c < 4; c++)
    assert_near ((double) grad[c] * reduced.weight, gradient[c], 1e-6);
  lode_criterion_clear (&criterion);
}

#define GOLDEN(loss, label, value, ...)                                                            \
  assert_golden (loss, label, value, (const double[]){ __VA_ARGS__ })

/* Effective numbers (1 − β) / (1 − βⁿ), or 1/n for β = 1, with mean 1. */
static void
fill_weights (LodeLoss *loss, double beta)
{
  double w[4], sum = 0;

  for (int c = 0; c < 4; c++)
    sum += w[c] = beta < 1 ? (1 - beta) / (1 - pow (beta, counts[c])) : 1 / counts[c];
  for (int c = 0; c < 4; c++)
    loss->weight[c] = (float) (4 * w[c] / sum);
}

static void
fill_scales (LodeLoss *loss, double gamma)
{
  for (int c = 0; c < 4; c++)
    loss->scale[c] = (float) pow (counts[c] / counts[0], gamma);
}

static void
fill_shifts (LodeLoss *loss, double tau)
{
  for (int c = 0; c < 4; c++)
    loss->shift[c] = (float) (tau * log (counts[c] / 1360));
}

static void
test_golden_plain (void)
{
  LodeLoss loss = loss_new (4);

  GOLDEN (&loss, 0, 0.7614123093, -0.5329935964, 0.0942869668, 0.2832537020, 0.1554529276);
  GOLDEN (&loss, 3, 1.8614123093, 0.4670064036, 0.0942869668, 0.2832537020, -0.8445470724);
}

static void
test_golden_weight (void)
{
  LodeLoss loss = loss_new (4);

  fill_weights (&loss, 1);
  GOLDEN (&loss, 3, 5.9884578315, 1.5024334699, 0.3033360861, 0.9112719637, -2.7170415196);
  fill_weights (&loss, 0.9999);
  GOLDEN (&loss, 0, 0.0256995273, -0.0179898372, 0.0031824157, 0.0095605051, 0.0052469164);
  GOLDEN (&loss, 3, 5.9817755449, 1.5007569630, 0.3029976052, 0.9102551108, -2.7140096789);
}

static void
test_golden_margin (void)
{
  LodeLoss loss = loss_new (4);

  for (int c = 0; c < 4; c++)
    loss.margin[c] = (float) (0.5 * pow (counts[3] / counts[c], 0.25));
  GOLDEN (&loss, 0, 0.8487834017, -0.5720647593, 0.1011986848, 0.3040176504, 0.1668484241);
  GOLDEN (&loss, 3, 2.2982957517, 0.4974323300, 0.1004298554, 0.3017079593, -0.8995701446);
  for (int c = 0; c < 4; c++) { /* scale 30, the margin within */
    loss.scale[c] = 30;
    loss.margin[c] *= 30;
  }
  GOLDEN (&loss, 3, 48.0000003059, 29.9999908229, 0, 9.1771e-6, -30.0);
}

static void
test_golden_shift (void)
{
  LodeLoss loss = loss_new (4);

  fill_shifts (&loss, 1);
  GOLDEN (&loss, 0, 0.0900456183, -0.0861105058, 0.0553533320, 0.0277150999, 0.0030420739);
  GOLDEN (&loss, 3, 5.7952158043, 0.9138894942, 0.0553533320, 0.0277150999, -0.9969579261);
}

static void
test_golden_scale (void)
{
  LodeLoss loss = loss_new (4);

  fill_scales (&loss, 0.2);
  GOLDEN (&loss, 0, 0.6809648080, -0.4938715600, 0.0874961398, 0.1229945698, 0.0631534293);
  GOLDEN (&loss, 3, 1.8411540910, 0.5061284400, 0.0874961398, 0.1229945698, -0.3349537413);
  fill_scales (&loss, 0.5);
  loss.by_label = true;
  GOLDEN (&loss, 3, 1.4181185666, 0.0270328183, 0.0230358482, 0.0257144122, -0.0757830786);
}

static void
test_golden_all (void)
{
  LodeLoss loss = loss_new (4);

  fill_scales (&loss, 0.2);
  fill_shifts (&loss, 1.25);
  GOLDEN (&loss, 0, 0.0585363627, -0.0568560555, 0.0361999275, 0.0054189567, 0.0003721467);
  GOLDEN (&loss, 3, 6.9751883781, 0.9431439445, 0.0361999275, 0.0054189567, -0.3977350238);
  fill_weights (&loss, 0.9999);
  GOLDEN (&loss, 3, 22.4152440880, 3.0308574594, 0.1163309386, 0.0174141874, -1.2781486547);
}

/* Smoothing by hand, from the definition; targets that spell it out give the same. */
static void
test_smoothing (void)
{
  const double lse = 1.8614123093 + 0.1; /* of the printed example: L for y = 3, plus z_3 */
  int32_t label = 0;
  float own, same, grad[4], other[4], target[4];
  LodeLoss loss = loss_new (4);
  LodeCriterion criterion = prepare (&loss, &table_ops, 4);
  LodeBatch batch = { .size = sizeof batch, .n = 1, .label = &label };
  double expected = 0;

  for (uint32_t c = 0; c < 4; c++) {
    target[c] = (float) ((c == 0 ? 0.9 : 0) + 0.1 / 4);
    expected += (double) target[c] * (lse - (double) logits[c]);
  }
  lode_criterion_run (&criterion, one_thread (), &batch, logits, NULL, 0.1, &own, grad);
  assert_near ((double) own, expected, 1e-6);
  batch = (LodeBatch){ .size = sizeof batch, .n = 1, .target = target };
  lode_criterion_run (&criterion, one_thread (), &batch, logits, NULL, 0, &same, other);
  assert_near ((double) own, (double) same, 1e-6);
  for (uint32_t c = 0; c < 4; c++)
    assert_near ((double) grad[c], (double) other[c], 1e-6);
  lode_criterion_clear (&criterion);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/golden/plain", test_golden_plain);
  g_test_add_func ("/losses/golden/weight", test_golden_weight);
  g_test_add_func ("/losses/golden/margin", test_golden_margin);
  g_test_add_func ("/losses/golden/shift", test_golden_shift);
  g_test_add_func ("/losses/golden/scale", test_golden_scale);
  g_test_add_func ("/losses/golden/all", test_golden_all);
  g_test_add_func ("/losses/smoothing", test_smoothing);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses for unequal classes: printed values and gradients, and the constants of a class profile.
 */
#include "ready-loss.h"

#include <lode/classes.h>

/* printed values */
static const struct Golden {
  const char *loss, *options;
  int32_t label;
  double value, gradient[K];
  double factor; /* the printed gradient is in logits that the head multiplies by this */
} golden[] = {
  { "ce", "", 0, 0.7614123093, { -0.5329935964, 0.0942869668, 0.2832537020, 0.1554529276 }, 1 },
  { "ce", "", 3, 1.8614123093, { 0.4670064036, 0.0942869668, 0.2832537020, -0.8445470724 }, 1 },
  { "wce", "", 3, 5.9884578315, { 1.5024334699, 0.3033360861, 0.9112719637, -2.7170415196 }, 1 },
  { "cb", "", 0, 0.0256995273, { -0.0179898372, 0.0031824157, 0.0095605051, 0.0052469164 }, 1 },
  { "cb", "", 3, 5.9817755449, { 1.5007569630, 0.3029976052, 0.9102551108, -2.7140096789 }, 1 },
  { "focal", "", 0, 0.2163036640, { -0.3534443719, 0.0625245744, 0.1878342019, 0.1030855957 }, 1 },
  { "focal", "", 3, 1.3276704922, { 0.5613507596, 0.1133347637, 0.3404764465, -1.0151619699 }, 1 },
  { "focal",
    "gamma = 1;",
    3,
    1.5720503163,
    { 0.5295427946, 0.1069128464, 0.3211839405, -0.9576395815 },
    1 },
  { "focal",
    "form = \"sigmoid\";",
    0,
    0.7944317451,
    { -0.0340855937, 0.1635614451, 0.6251938956, 0.3395946153 },
    1 },
  { "focal",
    "form = \"sigmoid\"; gamma = 0;",
    3,
    3.7238804287,
    { 0.7685247835, 0.4013123399, 0.6681877722, -0.4750208125 },
    1 },
  { "ldam",
    "scale = 1; cosine = false;",
    0,
    0.8487834017,
    { -0.5720647593, 0.1011986848, 0.3040176504, 0.1668484241 },
    1 },
  { "ldam",
    "scale = 1; cosine = false;",
    3,
    2.2982957517,
    { 0.4974323300, 0.1004298554, 0.3017079593, -0.8995701446 },
    1 },
  { "ldam", "cosine = false;", 3, 48.0000003059, { 29.9999908229, 0, 9.1771e-6, -30.0 }, 1 },
  { "ldam", "", 3, 48.0000003059, { 29.9999908229, 0, 9.1771e-6, -30.0 }, 30 },
  { "la", "", 0, 0.0900456183, { -0.0861105058, 0.0553533320, 0.0277150999, 0.0030420739 }, 1 },
  { "la", "", 3, 5.7952158043, { 0.9138894942, 0.0553533320, 0.0277150999, -0.9969579261 }, 1 },
  { "balanced-softmax",
    "",
    0,
    0.0900456183,
    { -0.0861105058, 0.0553533320, 0.0277150999, 0.0030420739 },
    1 },
  { "balanced-softmax",
    "",
    3,
    5.7952158043,
    { 0.9138894942, 0.0553533320, 0.0277150999, -0.9969579261 },
    1 },
  { "cdt", "", 0, 0.6809648080, { -0.4938715600, 0.0874961398, 0.1229945698, 0.0631534293 }, 1 },
  { "cdt", "", 3, 1.8411540910, { 0.5061284400, 0.0874961398, 0.1229945698, -0.3349537413 }, 1 },
  { "ldt", "", 3, 1.4181185666, { 0.0270328183, 0.0230358482, 0.0257144122, -0.0757830786 }, 1 },
  { "vs",
    "tau = 1.25;",
    0,
    0.0585363627,
    { -0.0568560555, 0.0361999275, 0.0054189567, 0.0003721467 },
    1 },
  { "vs",
    "tau = 1.25;",
    3,
    6.9751883781,
    { 0.9431439445, 0.0361999275, 0.0054189567, -0.3977350238 },
    1 },
  { "seql",
    "share = 0.04; chance = 1;",
    0,
    0.1839007409,
    { -0.1679816149, 0.1679816149, 0, 0 },
    1 },
  { "seql",
    "share = 0.04; chance = 1;",
    3,
    1.5283789700,
    { 0.6515644446, 0.1315485926, 0, -0.7831130372 },
    1 },
};

/* Of one row alone: weights stand in the sum, which the batch's own gradient is divided by. */
static void
assert_golden (const LodeCriterion *criterion, const struct Golden *row)
{
  LodeBatch batch = { .size = sizeof batch, .n = 1, .label = &row->label };
  float own, grad[K], logit[K];
  LodeReduced reduced;

  for (int c = 0; c < K; c++)
    logit[c] = (float) row->factor * logits[c];
  reduced = lode_criterion_run (criterion, one_thread (), &batch, logit, NULL, 0, &own, grad);
  assert_near (reduced.sum, row->value, 1e-6);
  for (int c = 0; c < K; c++)
    assert_near ((double) grad[c] * reduced.weight * row->factor, row->gradient[c], 1e-6);
}

static void
test_golden (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    Ready ready = ready_for (golden[i].loss, golden[i].options, K, counts);

    g_test_message ("%s { %s }, label %d", golden[i].loss, golden[i].options, golden[i].label);
    assert_golden (&ready.criterion, &golden[i]);
    g_assert_true ((ready.criterion.table.cosine > 0) == (golden[i].factor > 1));
    ready_clear (&ready);
  }
}

/* Effective numbers beside the loss's own table: weights of the fit. */
static void
test_golden_reweighted (void)
{
  const struct Golden row = { "vs",
                              "tau = 1.25;",
                              3,
                              22.4152440880,
                              { 3.0308574594, 0.1163309386, 0.0174141874, -1.2781486547 },
                              1 };
  const LodeReweight by = { LODE_REWEIGHT_EFFECTIVE, 1, 0.9999 };
  Ready ready = ready_for (row.loss, row.options, K, counts);

  lode_criterion_reweight (&ready.criterion, &by, counts);
  assert_golden (&ready.criterion, &row);
  ready_clear (&ready);
}

/* the exponential profile of ten classes, ratio 100, 12406 examples */
static const double profile[] = { 5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50 };

static void
assert_row (const char *loss, const char *options, size_t row, const double *expected)
{
  Ready ready = ready_for (loss, options, 10, profile);
  const float *found = *(float *const *) ((const char *) &ready.criterion.table + row);

  for (int c = 0; c < 10; c++)
    g_assert_cmpfloat_with_epsilon ((double) found[c], expected[c], 1e-6);
  ready_clear (&ready);
}

static void
test_profile (void)
{
  static const double weight[] = { .050611, .076900, .121134,  .195037,  .318805,
                                   .524590, .868349, 1.442627, 2.409223, 3.992724 },
                      margin[] = { .158114, .179697, .204238, .232091, .263829,
                                   .299768, .340675, .387221, .440497, .5 },
                      prior[] = { -.908742,  -1.420568, -1.932618, -2.444001, -2.956685,
                                  -3.467511, -3.979198, -4.491462, -5.007095, -5.513913 },
                      scale[] = { 1,       .902700, .814830, .735613, .663923,
                                  .599443, .541132, .488437, .440577, .398107 };

  assert_row ("cb", "", offsetof (LodeClassTable, weight), weight);
  assert_row ("ldam", "scale = 1;", offsetof (LodeClassTable, margin), margin);
  assert_row ("la", "", offsetof (LodeClassTable, shift), prior);
  assert_row ("cdt", "", offsetof (LodeClassTable, scale), scale);
  assert_row ("vs", "", offsetof (LodeClassTable, scale), scale);
}

/* E_n = 1 + β E_{n−1}; the ends of β; no digits lost close to 1. */
static void
test_effective (void)
{
  double e = 0;

  for (int n = 1; n <= 200; n++) {
    e = 1 + 0.99 * e;
    assert_near (lode_class_effective (n, 0.99), e, 1e-12);
    assert_near (lode_class_effective (n, 0), 1, 0);
    assert_near (lode_class_effective (n, 1), n, 0);
    assert_near (lode_class_effective (n, 1 - 1e-12), n, 1e-9);
  }
}

/* A class without examples counts as the rarest that has some. */
static void
test_empty_class (void)
{
  static const double with[K] = { 90, 0, 9, 0 }, like[K] = { 90, 9, 9, 9 };
  static const char *const losses[] = { "wce", "cb",  "la", "balanced-softmax",
                                        "cdt", "ldt", "vs", "ldam" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++) {
    Ready a = ready_for (losses[i], "", K, with), b = ready_for (losses[i], "", K, like);

    g_assert_cmpmem (a.criterion.memory, 4 * K * sizeof (float), b.criterion.memory,
                     4 * K * sizeof (float));
    ready_clear (&a);
    ready_clear (&b);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/golden", test_golden);
  g_test_add_func ("/losses/golden/reweighted", test_golden_reweighted);
  g_test_add_func ("/losses/profile", test_profile);
  g_test_add_func ("/losses/effective", test_effective);
  g_test_add_func ("/losses/empty-class", test_empty_class);
  return g_test_run ();
}

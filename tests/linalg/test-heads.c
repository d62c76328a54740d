/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear heads against values of NumPy and SciPy.
 */
#include "error.h"
#include "golden.h"
#include "linalg/heads.h"

#include <math.h>
#include <string.h>

#define NEAR(a, b, by) g_assert_cmpfloat (fabs ((a) - (b)), <=, by)

static const double target[ROWS] = { 1, -1, 2, 0, 3, 1, -2, 4 };
static const double weight[ROWS] = { 1, 2, 1, .5, 1, 3, 1, 1.5 };
static const int32_t label[ROWS] = { 0, 1, 2, 0, 1, 2, 1, 0 };

static LodeHeadOut
regress (const LodeHeadIn *in, double *theta)
{
  LodeHeadOut out;
  GError *error = NULL;
  bool ok = lode_head_regress (in, theta, &out, &error);

  g_assert_no_error (error);
  g_assert_true (ok);
  return out;
}

static LodeHeadIn
small (double p)
{
  return (LodeHeadIn){ .n = ROWS, .d = WIDTH, .k = 1, .x = golden_a[0], .target = target, .p = p };
}

static void
test_plain (void)
{
  static const struct {
    double p, theta[WIDTH], loss;
  } golden[] = {
    { 1.5, { 1.28500122, -.56614310, 1.20835415 }, 9.6006728412 },
    { 2, { 1.24330900, -.57080292, 1.18929440 }, 12.5688564477 },
    { 3, { 1.00694294, -.48150394, 1.06385321 }, 22.5043127743 },
    { 4, { .84957210, -.43922994, .99918021 }, 39.9673655046 },
    { 6, { .71393568, -.40731324, .94690360 }, 125.2294812876 },
  };
  double theta[WIDTH];

  for (size_t g = 0; g < G_N_ELEMENTS (golden); g++) {
    LodeHeadIn in = small (golden[g].p);
    LodeHeadOut out = regress (&in, theta);

    g_test_message ("p %g: loss %.10f in %u rounds", in.p, out.loss, out.rounds);
    NEAR (out.loss, golden[g].loss, 2e-10 * golden[g].loss);
    for (uint32_t j = 0; j < WIDTH; j++)
      NEAR (theta[j], golden[g].theta[j], 2e-8);
  }
}

/* Least absolute deviations: the solution is not unique, its loss is. */
static void
test_absolute (void)
{
  LodeHeadIn in = small (1);
  double theta[WIDTH];
  LodeHeadOut out = regress (&in, theta);

  g_test_message ("loss %.10f in %u rounds", out.loss, out.rounds);
  g_assert_cmpfloat (out.loss, >=, 7.6666666666);
  g_assert_cmpfloat (out.loss, <=, 7.6666667);
}

static void
test_weighted (void)
{
  static const struct {
    double p, theta[WIDTH + 1], loss;
  } golden[] = {
    { 1.5, { 1.917809728, -0.301105135, 1.735858967, -0.807207729 }, 6.879765695511015 },
    { 3, { 2.342955864, -0.317293242, 1.823182385, -1.404726965 }, 14.111115950325836 },
    { 4, { 2.51923487, -0.2106929, 1.859723201, -1.729507008 }, 21.976563266550336 },
    { 6, { 2.687527334, -0.125166658, 1.90357826, -2.018569496 }, 50.98500106568321 },
  };
  double theta[WIDTH + 1];

  for (size_t g = 0; g < G_N_ELEMENTS (golden); g++) {
    LodeHeadIn in = small (golden[g].p);
    LodeHeadOut out;

    in.weight = weight;
    in.intercept = true;
    out = regress (&in, theta);
    NEAR (out.loss, golden[g].loss, 1e-9 * golden[g].loss);
    for (uint32_t j = 0; j <= WIDTH; j++)
      NEAR (theta[j], golden[g].theta[j], 2e-7);
  }
}

static void
test_ridge (void)
{
  static const double some[] = { 1.21883892, -.55968839, 1.17451905 };
  static const double more[] = { 1.03322259, -.47434478, 1.05980066 };
  double theta[WIDTH];

  for (uint32_t j = 0; j < WIDTH; j++) {
    LodeHeadIn in = small (2);

    in.ridge = 0.1;
    regress (&in, theta);
    NEAR (theta[j], some[j], 1e-8);
    in.ridge = 1;
    regress (&in, theta);
    NEAR (theta[j], more[j], 1e-8);
  }
}

/* The forced draws 5, 1, 5, 3, 2 of two models, weighted as sampling says. */
static void
test_sampled (void)
{
  static const double c[6] = { 0, 2.01148649, 2.67896513, .75011024, 0, 1.56994067 };
  static const double y[6] = { 1, 2, 2, 0, 5, 4 };
  static const float *const x[] = { golden_one[0], golden_two[0] };
  static const double golden[2][2] = { { .62799603, 1.64059865 }, { .89276876, 1.62083617 } };
  static const double loss[] = { .50198335, 10.12863982 };

  for (int model = 0; model < 2; model++) {
    LodeHeadIn in = { .n = 6, .d = 2, .k = 1, .x = x[model], .target = y, .weight = c, .p = 2 };
    double theta[2], sum = 0;

    regress (&in, theta);
    for (int i = 0; i < 6; i++)
      sum += pow (x[model][2 * i] * theta[0] + x[model][2 * i + 1] * theta[1] - y[i], 2);
    NEAR (theta[0], golden[model][0], 2e-8);
    NEAR (theta[1], golden[model][1], 2e-8);
    NEAR (sum, loss[model], 1e-7);
  }
}

/* One-hot targets are real ones of 0 and 1; each is fitted by itself. */
static void
test_one_hot (void)
{
  double hot[ROWS][3] = { { 0 } }, a[3 * (WIDTH + 1)], b[3 * (WIDTH + 1)];

  for (uint32_t i = 0; i < ROWS; i++)
    hot[i][label[i]] = 1;
  for (int p = 1; p <= 6; p++) {
    LodeHeadIn in = { .n = ROWS,
                      .d = WIDTH,
                      .k = 3,
                      .x = golden_a[0],
                      .label = label,
                      .intercept = true,
                      .p = p,
                      .ridge = 0.01 };
    double loss = regress (&in, a).loss;

    in.target = hot[0];
    NEAR (regress (&in, b).loss, loss, 1e-12);
    g_assert_cmpmem (a, sizeof a, b, sizeof b);
  }
}

static void
test_softmax (void)
{
  static const double golden[WIDTH + 1][3] = { { -0.393563789, -1.178049882, 1.571613671 },
                                               { -0.408647653, -0.223593525, 0.632241178 },
                                               { 1.160998376, -0.090490667, -1.07050771 },
                                               { -0.086482179, 1.721946294, -1.635464114 } };
  LodeHeadIn in = { .n = ROWS,
                    .d = WIDTH,
                    .k = 3,
                    .x = golden_a[0],
                    .label = label,
                    .weight = weight,
                    .intercept = true,
                    .ridge = 0.1 };
  double theta[3 * (WIDTH + 1)];
  LodeHeadOut out;
  GError *error = NULL;

  g_assert_true (lode_head_softmax (&in, theta, &out, &error));
  g_test_message ("loss %.12f in %u rounds", out.loss, out.rounds);
  NEAR (out.loss, 4.573911805687793, 1e-7);
  for (uint32_t j = 0; j < 3 * (WIDTH + 1); j++)
    NEAR (theta[j], golden[j / 3][j % 3], 1e-6);
}

/* A row of weight 2 is a row twice, a row of weight 0 none. */
static void
test_weights (void)
{
  float x[ROWS + 1][WIDTH];
  double y[ROWS + 1], c[ROWS], once[3 * WIDTH], twice[3 * WIDTH];
  int32_t l[ROWS + 1];

  memcpy (x, golden_a, sizeof x);
  memcpy (x[ROWS], x[2], sizeof x[2]);
  for (uint32_t i = 0; i <= ROWS; i++) {
    y[i] = target[i == ROWS ? 2 : i];
    l[i] = label[i == ROWS ? 2 : i];
    if (i < ROWS)
      c[i] = i == 2 ? 2 : 1;
  }
  for (int p = 1; p <= 6; p++) {
    LodeHeadIn in = { .n = ROWS, .d = WIDTH, .k = 1, .x = x[0], .target = y, .weight = c, .p = p };
    double loss = regress (&in, once).loss;

    in.n++;
    in.weight = NULL;
    NEAR (regress (&in, twice).loss, loss, 1e-7);
  }
  {
    LodeHeadIn in = {
      .n = ROWS, .d = WIDTH, .k = 3, .x = x[0], .label = l, .weight = c, .ridge = 1
    };

    g_assert_true (lode_head_softmax (&in, once, NULL, NULL));
    in.n++;
    in.weight = NULL;
    g_assert_true (lode_head_softmax (&in, twice, NULL, NULL));
    for (uint32_t j = 0; j < 3 * WIDTH; j++)
      NEAR (once[j], twice[j], 1e-7);
  }
}

static void
refuse (const LodeHeadIn *in, bool softmax, const char *words)
{
  g_autoptr (GError) error = NULL;
  double theta[3 * (WIDTH + 1)];

  g_assert_false (softmax ? lode_head_softmax (in, theta, NULL, &error)
                          : lode_head_regress (in, theta, NULL, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
test_refusals (void)
{
  LodeHeadIn in = small (0.5), few = small (2), bad = small (2), wrong = small (2);
  float x[ROWS][WIDTH];
  static const int32_t labels[ROWS] = { 0, 1, 2, 3 };
  static const double below[ROWS] = { 1, -1 };

  refuse (&in, false, "expected at least 1");
  few.n = 2;
  refuse (&few, false, "use a ridge");
  memcpy (x, golden_a, sizeof x);
  x[3][1] = (float) NAN;
  bad.x = x[0];
  refuse (&bad, false, "row 3, column 1");
  refuse (&bad, true, "no labels");
  wrong.target = NULL;
  wrong.label = labels;
  wrong.k = 3;
  refuse (&wrong, true, "label of row 3");
  wrong.target = target;
  wrong.k = 1;
  wrong.weight = below;
  refuse (&wrong, false, "weight of row 1");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/heads/plain", test_plain);
  g_test_add_func ("/heads/absolute", test_absolute);
  g_test_add_func ("/heads/weighted", test_weighted);
  g_test_add_func ("/heads/ridge", test_ridge);
  g_test_add_func ("/heads/sampled", test_sampled);
  g_test_add_func ("/heads/one-hot", test_one_hot);
  g_test_add_func ("/heads/softmax", test_softmax);
  g_test_add_func ("/heads/weights", test_weights);
  g_test_add_func ("/heads/refusals", test_refusals);
  return g_test_run ();
}

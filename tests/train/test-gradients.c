/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gradients of whole nets, weights and gates, against central differences; the same bits for any
 * number of threads.
 */
#include "train/fixture.h"

/* A net in a fixed situation: the loss as a function of weights and gates. */
typedef struct Point {
  Bench *bench;
  LodeStream *stream;
  const LodeBatch *batch;
  LodeChoice choice;
  LodeParams *at, *grad;
  float *gate, *dgate;
  uint32_t want; /* besides gradients */
} Point;

static Point
point_new (Bench *bench, uint32_t want)
{
  const LodeSpace *space = lode_net_space (bench->net);
  Point point = { .bench = bench, .stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 24) };

  point.batch = next_of (point.stream);
  point.gate = some_gates (space, 4);
  point.dgate = g_new0 (float, space->options + 1);
  point.choice = (LodeChoice){ .size = sizeof (LodeChoice), .gate = point.gate };
  point.at = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);
  point.grad = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);
  point.want = want;
  return point;
}

static void
point_clear (Point *point)
{
  lode_stream_release (point->stream, point->batch);
  lode_stream_close (point->stream);
  lode_params_free (point->at);
  lode_params_free (point->grad);
  g_free (point->gate);
  g_free (point->dgate);
  bench_free (point->bench);
}

static double
point_loss (Point *point)
{
  LodePass pass = { .size = sizeof pass, .want = point->want, .at = point->at, .aux_weight = 0.4f };

  pass_of (point->bench->net, point->batch, &point->choice, &pass);
  return pass.loss;
}

static double
point_gradient (Point *point, uint32_t want)
{
  LodePass pass = { .size = sizeof pass,
                    .want = point->want | want,
                    .at = point->at,
                    .grad = point->grad,
                    .dgate = point->dgate,
                    .aux_weight = 0.4f };

  pass_of (point->bench->net, point->batch, &point->choice, &pass);
  return pass.loss;
}

/* The slope along d. A step may cross a kink: of ever smaller steps the first whose slope is within
 * `near` of what was found, else the nearest. */
static double
nearest_slope (Point *point, float *x, const float *d, size_t n, double found, double step,
               double near)
{
  g_autofree float *keep = g_memdup2 (x, n * sizeof *x);
  double best = INFINITY;

  for (int k = 0; k < 4 && !(fabs (best - found) <= near); k++, step /= 4) {
    double side[2], slope;

    for (int s = 0; s < 2; s++) {
      for (size_t j = 0; j < n; j++)
        x[j] = (float) (keep[j] + (s ? -step : step) * d[j]);
      side[s] = point_loss (point);
    }
    slope = (side[0] - side[1]) / (2 * step);
    best = fabs (slope - found) < fabs (best - found) ? slope : best;
  }
  memcpy (x, keep, n * sizeof *x);
  return best;
}

/* Each slot along a random direction of length 1: every value of its gradient takes part. */
static void
check_weights (Point *point)
{
  LodeParamSet *w = (LodeParamSet *) point->at, *g = (LodeParamSet *) point->grad;

  point_gradient (point, LODE_WEIGHTS);
  for (uint32_t i = 0; i < w->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (w->layout, i);
    size_t n = lode_slot_size (slot);
    g_autofree float *d = g_new (float, n);
    double length = 0, norm = 0, found = 0, near, slope;
    LodeRng rng = { .key = 100 + i };

    for (size_t j = 0; j < n; j++) {
      norm += (double) g->at[i][j] * g->at[i][j];
      d[j] = (float) lode_rng_normal (&rng);
      length += (double) d[j] * d[j];
    }
    for (size_t j = 0; j < n; j++) {
      d[j] /= (float) sqrt (length);
      found += (double) g->at[i][j] * d[j];
    }
    near = 0.01 * sqrt (norm) + 2e-4;
    slope = nearest_slope (point, w->at[i], d, n, found, 0.02, near);
    if (!(fabs (slope - found) <= near))
      g_error ("%s: gradient %g along a direction, central difference %g (norm %g)", slot->name,
               found, slope, sqrt (norm));
  }
}

/* Loss is float32 and full of kinks, so gates are compared on the scale of the largest. */
static void
check_gates (Point *point)
{
  const LodeSpace *space = lode_net_space (point->bench->net);
  static const float one[] = { 1 };
  double most = 0;

  point_gradient (point, LODE_GATES);
  for (uint32_t o = 0; o < space->options; o++)
    most = fmax (most, fabs ((double) point->dgate[o]));
  g_assert_cmpfloat (most, >, 0.01);
  for (uint32_t o = 0; o < space->options; o++) {
    double found = (double) point->dgate[o];
    double slope = nearest_slope (point, &point->gate[o], one, 1, found, 0.01, 0.02 * most);

    if (!(fabs (slope - found) <= 0.02 * most))
      g_error ("gate %u: gradient %g, central difference %g", o, found, slope);
  }
}

static void
test_supernet (void)
{
  Bench *bench = cells_bench (1);
  Point point;

  bench_make (bench, (LodeNetIn){ .shared = true });
  point = point_new (bench, 0);
  check_weights (&point);
  check_gates (&point);
  point_clear (&point);
}

/* One network with affine norms, the auxiliary head and label smoothing off. */
static void
test_auxiliary (void)
{
  Bench *bench = cells_bench (1);
  g_autofree uint64_t *mask = g_new0 (uint64_t, bench->family->space->n + 1);
  g_autofree uint8_t *arch = g_new0 (uint8_t, bench->family->space->n + 1);
  LodeChoice one = { .size = sizeof one, .mask = mask };
  LodeRng rng = { .key = 8 };
  Point point;

  bench->family->ops->sample (bench->family->backbone, arch, &rng);
  lode_space_one (bench->family->space, arch, mask);
  bench_make (bench, (LodeNetIn){ .aux = true, .choice = &one });
  point = point_new (bench, LODE_AUX);
  check_weights (&point);
  point_clear (&point);
}

static void
test_resnet (void)
{
  LodeNode *group = test_group ();
  Fake fake = small_images ();
  LodeDataConf conf = small_conf ();
  Bench *bench;
  Point point;

  test_set (group, "depth", 8);
  test_set (group, "width", 4);
  test_set_text (group, "shortcut", "B");
  bench = bench_new ("resnet", group, "ce", &fake, &conf, 1);
  bench_make (bench, (LodeNetIn){ 0 });
  point = point_new (bench, 0);
  check_weights (&point);
  point_clear (&point);
}

/* With the statistics as stored, where a norm is a fixed affine map. */
static void
test_stored (void)
{
  Bench *bench = cells_bench (1);
  GError *error = NULL;
  Point point;

  bench_make (bench, (LodeNetIn){ .shared = true });
  lode_net_recalibrate (bench->net, NULL, 2, lode_net_stats (bench->net), &error);
  g_assert_no_error (error);
  point = point_new (bench, LODE_STORED);
  check_weights (&point);
  check_gates (&point);
  point_clear (&point);
}

/* Gradients of both kinds in one pass are those of two passes. */
static void
test_both (void)
{
  Bench *bench = cells_bench (1);
  g_autofree float *alone = NULL;
  uint64_t weights;
  Point point;
  uint32_t options;

  bench_make (bench, (LodeNetIn){ .shared = true });
  options = lode_net_space (bench->net)->options;
  point = point_new (bench, 0);
  point_gradient (&point, LODE_WEIGHTS);
  weights = params_hash (point.grad);
  point_gradient (&point, LODE_GATES);
  alone = g_memdup2 (point.dgate, options * sizeof (float));
  point_gradient (&point, LODE_WEIGHTS | LODE_GATES);
  g_assert_cmpuint (params_hash (point.grad), ==, weights);
  g_assert_cmpmem (point.dgate, options * sizeof (float), alone, options * sizeof (float));
  point_clear (&point);
}

/* Loss, both gradients and tracked statistics as one number, after two steps. */
static uint64_t
threads_hash (uint32_t threads, const char *backbone, LodeNode *group)
{
  Fake fake = small_images ();
  LodeDataConf conf = small_conf ();
  Bench *bench = bench_new (backbone, group, "ce", &fake, &conf, threads);
  uint64_t hash = 7;
  Point point;

  bench->spec.label_smoothing = 0.1;
  bench_make (bench, (LodeNetIn){ .shared = true, .drop_path = true });
  point = point_new (bench, LODE_TRACK | LODE_OBSERVE);
  for (int i = 0; i < 2; i++) {
    double loss = point_gradient (&point, LODE_WEIGHTS | LODE_GATES), valid[2];
    GError *error = NULL;

    hash = hash_on (hash, &loss, sizeof loss) + params_hash (point.grad) + net_hash (bench->net);
    hash = hash_on (hash, point.dgate, lode_net_space (bench->net)->options * sizeof (float));
    lode_params_axpy (lode_net_params (bench->net), -0.1, point.grad);
    lode_net_measure_both (bench->net, NULL, NULL, &valid[0], &valid[1], &error);
    g_assert_no_error (error);
    hash = hash_on (hash, valid, sizeof valid);
  }
  point_clear (&point);
  return hash;
}

static void
test_threads (void)
{
  uint64_t first = threads_hash (1, "darts", cells_group (4, 3, 2));
  uint64_t mlp = threads_hash (1, "mlp", NULL);

  g_assert_cmpuint (threads_hash (2, "darts", cells_group (4, 3, 2)), ==, first);
  g_assert_cmpuint (threads_hash (4, "darts", cells_group (4, 3, 2)), ==, first);
  g_assert_cmpuint (threads_hash (4, "mlp", NULL), ==, mlp);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gradients/supernet", test_supernet);
  g_test_add_func ("/gradients/auxiliary", test_auxiliary);
  g_test_add_func ("/gradients/resnet", test_resnet);
  g_test_add_func ("/gradients/stored", test_stored);
  g_test_add_func ("/gradients/both", test_both);
  g_test_add_func ("/gradients/threads", test_threads);
  return g_test_run ();
}

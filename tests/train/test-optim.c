/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optimisers beside a net that has nothing but weights: trajectories against formulas in float64,
 * clipping, previews, and the same bits for any number of threads.
 */
#include "fake-net.h"

#include <math.h>

/* The same optimiser in float64, one value of a slot at a time. */
typedef struct Reference {
  const LodeFitConf *conf;
  double *w, *m, *v; /* [n] */
  size_t n;
  double decay;
  uint32_t steps;
} Reference;

static Reference
reference_new (const LodeFitConf *conf, const FakeNet *net, uint32_t slot, bool small)
{
  size_t n = size_of (net, slot);
  Reference ref = { .conf = conf,
                    .w = g_new (double, n),
                    .m = g_new0 (double, n),
                    .v = g_new0 (double, n),
                    .n = n,
                    .decay = small && !conf->decay_norm ? 0 : conf->decay };

  for (size_t j = 0; j < n; j++)
    ref.w[j] = (double) set_of (net->own)->at[slot][j];
  return ref;
}

static void
reference_clear (Reference *ref)
{
  g_free (ref->w);
  g_free (ref->m);
  g_free (ref->v);
}

static double
adam_move (Reference *ref, size_t j, double g)
{
  double b1 = ref->conf->beta1, b2 = ref->conf->beta2;

  ref->m[j] = b1 * ref->m[j] + (1 - b1) * g;
  ref->v[j] = b2 * ref->v[j] + (1 - b2) * g * g;
  return ref->m[j] / (1 - pow (b1, ref->steps))
         / (sqrt (ref->v[j] / (1 - pow (b2, ref->steps))) + 1e-8);
}

static void
reference_step (Reference *ref, const float *grad, double scale, double rate)
{
  double mu = ref->conf->momentum;

  ref->steps++;
  for (size_t j = 0; j < ref->n; j++) {
    double g = scale * (double) grad[j] + ref->decay * ref->w[j], move;

    if (ref->conf->optimiser == LODE_OPTIM_ADAM) {
      move = adam_move (ref, j, g);
    } else {
      ref->v[j] = mu * ref->v[j] + g;
      move = ref->conf->nesterov ? g + mu * ref->v[j] : ref->v[j];
    }
    ref->w[j] -= rate * move;
  }
}

static double
norm_of (LodeParams *grad, uint32_t slots)
{
  double sum = 0;

  for (uint32_t i = 0; i < SLOTS; i++)
    for (size_t j = 0;
         slots >> i & 1 && j < lode_slot_size (lode_layout_slot (set_of (grad)->layout, i)); j++)
      sum += pow ((double) set_of (grad)->at[i][j], 2);
  return sqrt (sum);
}

static void
assert_close (const FakeNet *net, uint32_t slot, const Reference *ref)
{
  for (size_t j = 0; j < ref->n; j++) {
    double found = (double) set_of (net->own)->at[slot][j];

    if (!(fabs (found - ref->w[j]) <= 2e-6 * fmax (1, fabs (ref->w[j]))))
      g_error ("slot %u value %zu: found %.9g, expected %.9g", slot, j, found, ref->w[j]);
  }
}

/* Eight steps over a schedule, every slot against the reference. */
static void
check_course (const LodeFitConf *conf, uint32_t flags)
{
  FakeNet net = net_new (1);
  LodeOptim *optim = lode_optim_make (conf, &net.base);
  Reference ref[SLOTS];

  for (uint32_t i = 0; i < SLOTS; i++)
    ref[i] = reference_new (conf, &net, i, i == NORM_SCALE || i == NORM_SHIFT || i == HEAD_BIAS);
  for (uint32_t t = 0; t < 8; t++) {
    LodeParams *grad = gradient_new (&net, t, 63);
    double scale = 1;

    lode_optim_epoch (optim, t);
    g_assert_cmpfloat (lode_optim_rate (optim), ==, lode_fit_rate (conf, t));
    if (flags & LODE_CLIP && conf->clip > 0)
      scale = fmin (1, conf->clip / (norm_of (grad, 63) + 1e-6));
    lode_optim_step (optim, net.own, grad, flags);
    for (uint32_t i = 0; i < SLOTS; i++) {
      reference_step (&ref[i], set_of (grad)->at[i], scale, lode_optim_rate (optim));
      assert_close (&net, i, &ref[i]);
    }
    lode_params_free (grad);
  }
  for (uint32_t i = 0; i < SLOTS; i++)
    reference_clear (&ref[i]);
  lode_optim_free (optim);
  net_clear (&net);
}

static void
test_sgd (void)
{
  LodeFitConf conf = conf_new ();

  check_course (&conf, 0);
  check_course (&conf, LODE_CLIP);
  conf.clip = 1e6; /* reaches nothing */
  check_course (&conf, LODE_CLIP);
  conf.clip = 0; /* none */
  check_course (&conf, LODE_CLIP);
  conf.momentum = 0;
  check_course (&conf, 0);
}

static void
test_nesterov (void)
{
  LodeFitConf conf = conf_new ();

  conf.nesterov = true;
  check_course (&conf, 0);
  check_course (&conf, LODE_CLIP);
}

static void
test_adam (void)
{
  LodeFitConf conf = conf_new ();

  conf.optimiser = LODE_OPTIM_ADAM;
  conf.rate = 0.01;
  check_course (&conf, 0);
  check_course (&conf, LODE_CLIP);
  conf.beta1 = 0.5;
  conf.beta2 = 0.9;
  conf.decay = 0;
  check_course (&conf, 0);
}

static void
test_decay_norm (void)
{
  LodeFitConf conf = conf_new ();

  conf.decay = 0.5;
  conf.decay_norm = false;
  check_course (&conf, 0);
  conf.optimiser = LODE_OPTIM_ADAM;
  conf.rate = 0.01;
  check_course (&conf, 0);
}

/* By hand: w 1, g 0.5, rate 0.1, decay 0.2, momentum 0.5, twice. First v = 0.7, w = 0.93; then
 * v = 0.35 + 0.686 = 1.036, w = 0.8264. With Nesterov first g' + v/2 = 1.05, w = 0.895; then
 * g' = 0.679, v = 1.029, w = 0.895 − 0.1 (0.679 + 0.5145) = 0.77565. */
static void
check_by_hand (bool nesterov, double first, double second)
{
  FakeNet net = net_new (1);
  LodeFitConf conf = { .epochs = 1,
                       .rate = 0.1,
                       .momentum = 0.5,
                       .nesterov = nesterov,
                       .decay = 0.2,
                       .decay_norm = true,
                       .schedule = LODE_SCHEDULE_CONSTANT };
  LodeOptim *optim = lode_optim_make (&conf, &net.base);
  LodeParams *grad = gradient_new (&net, 0, 1 << NORM_SCALE);
  float *w = set_of (net.own)->at[NORM_SCALE];

  set_of (grad)->at[NORM_SCALE][3] = 0.5f;
  g_assert_cmpuint (lode_optim_epochs (optim), ==, 1);
  lode_optim_step (optim, net.own, grad, 0);
  g_assert_cmpfloat_with_epsilon ((double) w[3], first, 1e-6);
  lode_optim_step (optim, net.own, grad, 0);
  g_assert_cmpfloat_with_epsilon ((double) w[3], second, 1e-6);
  lode_params_free (grad);
  lode_optim_free (optim);
  net_clear (&net);
}

static void
test_by_hand (void)
{
  check_by_hand (false, 0.93, 0.8264);
  check_by_hand (true, 0.895, 0.77565);
}

/* A frozen slot's gradient, should one be there, does not shorten the others. */
static void
test_clip_frozen (void)
{
  LodeFitConf conf = conf_new ();
  FakeNet net = net_new (1);
  LodeOptim *optim;
  LodeParams *grad = gradient_new (&net, 1, 63);
  Reference ref;

  conf.clip = 0.25;
  optim = lode_optim_make (&conf, &net.base);
  ref = reference_new (&conf, &net, HEAD_WEIGHT, false);
  lode_layout_freeze (layout_of (&net), "backbone.", true);
  lode_optim_step (optim, net.own, grad, LODE_CLIP);
  reference_step (&ref, set_of (grad)->at[HEAD_WEIGHT],
                  0.25 / (norm_of (grad, 1 << HEAD_WEIGHT | 1 << HEAD_BIAS) + 1e-6), conf.rate);
  assert_close (&net, HEAD_WEIGHT, &ref);
  reference_clear (&ref);
  lode_params_free (grad);
  lode_optim_free (optim);
  net_clear (&net);
}

/* The preview is where the step then goes, and changes nothing else. */
static void
check_preview (const LodeFitConf *conf)
{
  FakeNet net = net_new (1);
  LodeOptim *optim = lode_optim_make (conf, &net.base);
  LodeParams *out = lode_params_new (layout_of (&net), NULL);

  lode_layout_freeze (layout_of (&net), "backbone.norm.weight", true);
  for (uint32_t t = 0; t < 4; t++) {
    LodeParams *grad = gradient_new (&net, t, t % 2 ? 63 : 1 << CONV);
    GBytes *state[SLOTS];

    for (uint32_t i = 0; i < SLOTS; i++)
      state[i] = state_of (&net, optim, i);
    lode_optim_preview (optim, net.own, grad, out);
    for (uint32_t i = 0; i < SLOTS; i++) {
      g_autoptr (GBytes) after = state_of (&net, optim, i);

      g_assert_true (g_bytes_equal (state[i], after));
      g_assert_true (set_of (out)->touched[i]);
      g_bytes_unref (state[i]);
    }
    lode_optim_step (optim, net.own, grad, 0);
    for (uint32_t i = 0; i < SLOTS; i++)
      g_assert_cmpmem (set_of (out)->at[i], size_of (&net, i) * sizeof (float),
                       set_of (net.own)->at[i], size_of (&net, i) * sizeof (float));
    lode_params_free (grad);
  }
  lode_params_free (out);
  lode_optim_free (optim);
  net_clear (&net);
}

static void
test_preview (void)
{
  LodeFitConf conf = conf_new ();

  check_preview (&conf);
  conf.nesterov = true;
  check_preview (&conf);
  conf.nesterov = false;
  conf.momentum = 0;
  check_preview (&conf);
  conf.optimiser = LODE_OPTIM_ADAM;
  check_preview (&conf);
}

/* w' = w − ξ (μ v + g + λ w) with v of one step before; not clipped. */
static void
test_preview_formula (void)
{
  FakeNet net = net_new (1);
  LodeFitConf conf = conf_new ();
  LodeOptim *optim;
  LodeParams *first = gradient_new (&net, 1, 63), *grad = gradient_new (&net, 2, 63);
  LodeParams *out = lode_params_new (layout_of (&net), NULL);
  float start, *w = set_of (net.own)->at[BIG];

  conf.clip = 0.01;
  optim = lode_optim_make (&conf, &net.base);
  start = w[17];
  lode_optim_step (optim, net.own, first, 0);
  lode_optim_preview (optim, net.own, grad, out);

  double v = (double) set_of (first)->at[BIG][17] + 0.01 * (double) start;
  double move = 0.9 * v + (double) set_of (grad)->at[BIG][17] + 0.01 * (double) w[17];

  g_assert_cmpfloat_with_epsilon ((double) set_of (out)->at[BIG][17], (double) w[17] - 0.05 * move,
                                  1e-6);
  lode_params_free (first);
  lode_params_free (grad);
  lode_params_free (out);
  lode_optim_free (optim);
  net_clear (&net);
}

/* Five clipped steps and the sum of squares: 1, 2 and 4 threads. */
static GBytes *
course_bytes (const LodeFitConf *conf, uint32_t threads, double *square)
{
  FakeNet net = net_new (threads);
  LodeOptim *optim = lode_optim_make (conf, &net.base);
  GByteArray *all = g_byte_array_new ();

  for (uint32_t t = 0; t < 5; t++) {
    LodeParams *grad = gradient_new (&net, t, 63);

    *square = lode_params_square (net.engine, grad, NULL);
    lode_optim_epoch (optim, t + 0.5);
    lode_optim_step (optim, net.own, grad, LODE_CLIP);
    lode_params_free (grad);
  }
  for (uint32_t i = 0; i < SLOTS; i++) {
    g_autoptr (GBytes) state = state_of (&net, optim, i);

    g_byte_array_append (all, g_bytes_get_data (state, NULL), (guint) g_bytes_get_size (state));
  }
  lode_optim_free (optim);
  net_clear (&net);
  return g_byte_array_free_to_bytes (all);
}

static void
test_threads (void)
{
  LodeFitConf conf = conf_new ();

  for (int kind = 0; kind < 2; kind++) {
    double square, other;
    g_autoptr (GBytes) one = NULL;

    conf.optimiser = kind;
    one = course_bytes (&conf, 1, &square);
    for (uint32_t threads = 2; threads <= 4; threads += 2) {
      g_autoptr (GBytes) more = course_bytes (&conf, threads, &other);

      g_assert_true (g_bytes_equal (one, more));
      g_assert_cmpmem (&square, sizeof square, &other, sizeof other);
    }
  }
}

static void
test_square (void)
{
  FakeNet net = net_new (2);
  LodeParams *grad = gradient_new (&net, 3, 63);
  int32_t bad = 7;
  double expected = pow (norm_of (grad, 63), 2);

  g_assert_cmpfloat_with_epsilon (lode_params_square (net.engine, grad, &bad), expected,
                                  1e-9 * expected);
  g_assert_cmpint (bad, ==, -1);
  set_of (grad)->at[HEAD_BIAS][1] = INFINITY;
  set_of (grad)->at[BIG][70000] = NAN;
  g_assert_false (isfinite (lode_params_square (net.engine, grad, &bad)));
  g_assert_cmpint (bad, ==, BIG);
  lode_params_square (net.engine, grad, NULL);
  lode_params_free (grad);
  net_clear (&net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/optim/sgd", test_sgd);
  g_test_add_func ("/optim/nesterov", test_nesterov);
  g_test_add_func ("/optim/adam", test_adam);
  g_test_add_func ("/optim/decay-norm", test_decay_norm);
  g_test_add_func ("/optim/by-hand", test_by_hand);
  g_test_add_func ("/optim/clip-frozen", test_clip_frozen);
  g_test_add_func ("/optim/preview", test_preview);
  g_test_add_func ("/optim/preview-formula", test_preview_formula);
  g_test_add_func ("/optim/threads", test_threads);
  g_test_add_func ("/optim/square", test_square);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optimisers beside a net that has nothing but weights: trajectories against formulas in float64,
 * what must stay as it is bit for bit, threads, and a checkpoint in mid-course.
 */
#include "data/fixture.h"
#include "train/optim.h"

#include <math.h>

/* A net of weights alone, on threads of its own. */
typedef struct FakeNet {
  LodeNet base; /* first */
  LodeEngine *engine;
  LodeParams *own;
} FakeNet;

LodeEngine *
lode_net_engine (const LodeNet *net)
{
  return ((const FakeNet *) net)->engine;
}

static LodeParams *
fake_params (LodeNet *net)
{
  return ((FakeNet *) net)->own;
}

static const LodeNetCalls fake_calls = { .size = sizeof fake_calls, .params = fake_params };

enum { CONV, NORM_SCALE, NORM_SHIFT, BIG, HEAD_WEIGHT, HEAD_BIAS, SLOTS };

static LodeLayout *
layout_new (uint32_t classes)
{
  static const uint32_t small[4] = { 1, 1, 1, 5 };
  LodeLayout *layout = lode_layout_new ();

  lode_layout_add (layout, "backbone.conv.weight", (uint32_t[]){ 3, 3, 4, 5 }, 36,
                   LODE_INIT_UNIFORM);
  lode_layout_add (layout, "backbone.norm.weight", small, 0, LODE_INIT_ONE);
  lode_layout_add (layout, "backbone.norm.bias", small, 0, LODE_INIT_ZERO);
  lode_layout_add (layout, "backbone.big.weight", (uint32_t[]){ 1, 1, 701, 101 }, 701,
                   LODE_INIT_UNIFORM);
  lode_layout_add (layout, "head.weight", (uint32_t[]){ 1, 1, 5, classes }, 5, LODE_INIT_UNIFORM);
  lode_layout_add (layout, "head.bias", (uint32_t[]){ 1, 1, 1, classes }, 5, LODE_INIT_UNIFORM);
  return layout;
}

static FakeNet
net_on (LodeLayout *layout, uint32_t threads)
{
  FakeNet net = { .base = { &fake_calls },
                  .engine = lode_engine_new (threads, NULL),
                  .own = lode_params_new (layout, NULL) };

  lode_params_init (net.own, 1, 0);
  lode_layout_unref (layout);
  return net;
}

static FakeNet
net_new (uint32_t threads)
{
  return net_on (layout_new (3), threads);
}

static void
net_clear (FakeNet *net)
{
  lode_params_free (net->own);
  lode_engine_free (net->engine);
}

static LodeParamSet *
set_of (LodeParams *params)
{
  return (LodeParamSet *) params;
}

static LodeLayout *
layout_of (const FakeNet *net)
{
  return set_of (net->own)->layout;
}

static size_t
size_of (const FakeNet *net, uint32_t slot)
{
  return lode_slot_size (lode_layout_slot (layout_of (net), slot));
}

/* A gradient of step t, of all slots in `slots` (bits). */
static LodeParams *
gradient_new (const FakeNet *net, uint32_t t, uint32_t slots)
{
  LodeParams *grad = lode_params_new (layout_of (net), NULL);

  for (uint32_t i = 0; i < SLOTS; i++) {
    LodeRng rng = { .key = 1000 * t + i };

    set_of (grad)->touched[i] = slots >> i & 1;
    for (size_t j = 0; slots >> i & 1 && j < size_of (net, i); j++)
      set_of (grad)->at[i][j] = (float) (0.5 * lode_rng_normal (&rng));
  }
  return grad;
}

static LodeFitConf
conf_new (void)
{
  return (LodeFitConf){ .epochs = 8,
                        .batch = 1,
                        .rate = 0.05,
                        .momentum = 0.9,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .decay = 0.01,
                        .decay_norm = true,
                        .clip = 5 };
}

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

/* Weights and moments as bytes. */
static GBytes *
state_of (const FakeNet *net, const LodeOptim *optim, uint32_t slot)
{
  Memory memory = memory_new ();
  GByteArray *out = g_byte_array_new ();
  size_t bytes = size_of (net, slot) * sizeof (float);
  static const char *const parts[] = { "o.first.", "o.second.", "o.steps." };

  lode_optim_store (optim, "o.", &memory.base);
  g_byte_array_append (out, (const uint8_t *) set_of (net->own)->at[slot], (guint) bytes);
  for (int p = 0; p < 3; p++) {
    g_autofree char *name =
        g_strconcat (parts[p], lode_layout_slot (layout_of (net), slot)->name, NULL);
    const Array *array = g_hash_table_lookup (memory.at, name);

    if (array)
      g_byte_array_append (out, g_bytes_get_data (array->bytes, NULL),
                           (guint) g_bytes_get_size (array->bytes));
  }
  memory_clear (&memory);
  return g_byte_array_free_to_bytes (out);
}

/* One step that some slots must not notice. */
static void
check_untouched (LodeFitConf *conf, uint32_t flags, uint32_t slots, uint32_t still)
{
  FakeNet net = net_new (1);
  LodeOptim *optim = lode_optim_make (conf, &net.base);
  LodeParams *before = gradient_new (&net, 1, 63), *grad = gradient_new (&net, 2, slots);
  GBytes *state[SLOTS];

  lode_optim_step (optim, net.own, before, 0);
  for (uint32_t i = 0; i < SLOTS; i++) {
    lode_layout_freeze (layout_of (&net), lode_layout_slot (layout_of (&net), i)->name,
                        !(flags & LODE_TOUCHED) && still >> i & 1);
    state[i] = state_of (&net, optim, i);
  }
  lode_optim_step (optim, net.own, grad, flags);
  for (uint32_t i = 0; i < SLOTS; i++) {
    g_autoptr (GBytes) after = state_of (&net, optim, i);

    g_assert_cmpint (g_bytes_equal (state[i], after), ==, still >> i & 1);
    g_bytes_unref (state[i]);
  }
  lode_params_free (before);
  lode_params_free (grad);
  lode_optim_free (optim);
  net_clear (&net);
}

static void
test_touched (void)
{
  LodeFitConf conf = conf_new ();

  for (int kind = 0; kind < 2; kind++) {
    conf.optimiser = kind;
    check_untouched (&conf, LODE_TOUCHED, 1 << CONV | 1 << HEAD_BIAS,
                     63 & ~(1 << CONV | 1 << HEAD_BIAS));
    check_untouched (&conf, LODE_TOUCHED | LODE_CLIP, 1 << BIG, 63 & ~(1 << BIG));
    check_untouched (&conf, 0, 1 << BIG, 0); /* momentum and decay go on elsewhere */
  }
}

static void
test_frozen (void)
{
  LodeFitConf conf = conf_new ();

  for (int kind = 0; kind < 2; kind++) {
    conf.optimiser = kind;
    check_untouched (&conf, 0, 63, 1 << CONV | 1 << BIG);
    check_untouched (&conf, LODE_CLIP, 63, 15);
  }
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

/* Adam's correction counts a slot's own steps: one touched late begins like one at the start. */
static void
test_adam_steps (void)
{
  LodeFitConf conf = conf_new ();
  FakeNet late = net_new (1), fresh = net_new (1);
  LodeOptim *a, *b;
  LodeParams *first = gradient_new (&late, 1, 1 << CONV);
  LodeParams *second = gradient_new (&late, 2, 1 << BIG), *same;

  conf.optimiser = LODE_OPTIM_ADAM;
  a = lode_optim_make (&conf, &late.base);
  b = lode_optim_make (&conf, &fresh.base);
  same = gradient_new (&fresh, 2, 1 << BIG);
  for (int t = 0; t < 5; t++)
    lode_optim_step (a, late.own, first, LODE_TOUCHED);
  lode_optim_step (a, late.own, second, LODE_TOUCHED);
  lode_optim_step (b, fresh.own, same, LODE_TOUCHED);
  g_assert_cmpmem (set_of (late.own)->at[BIG], size_of (&late, BIG) * sizeof (float),
                   set_of (fresh.own)->at[BIG], size_of (&fresh, BIG) * sizeof (float));
  lode_params_free (first);
  lode_params_free (second);
  lode_params_free (same);
  lode_optim_free (a);
  lode_optim_free (b);
  net_clear (&late);
  net_clear (&fresh);
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

/* A set of one path: only what it holds moves, by the moments of the whole. */
static void
test_partial (void)
{
  FakeNet net = net_new (1);
  LodeFitConf conf = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base);
  const bool want[SLOTS] = { [CONV] = true };
  LodeParams *part = lode_params_new (layout_of (&net), want), *grad = gradient_new (&net, 1, 63);
  g_autoptr (GBytes) before = state_of (&net, optim, BIG), after = NULL;

  lode_params_copy (part, net.own);
  lode_optim_step (optim, part, grad, LODE_CLIP);
  after = state_of (&net, optim, BIG);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpfloat ((double) set_of (part)->at[CONV][0], !=,
                     (double) set_of (net.own)->at[CONV][0]);
  lode_params_free (part);
  lode_params_free (grad);
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

/* Four steps at once, or two, a store, and two more in a fresh net and optimiser. */
static void
check_resume (const LodeFitConf *conf)
{
  FakeNet whole = net_new (1), half = net_new (1), rest = net_new (1);
  LodeOptim *a = lode_optim_make (conf, &whole.base), *b = lode_optim_make (conf, &half.base);
  LodeOptim *c = lode_optim_make (conf, &rest.base);
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;

  for (uint32_t t = 0; t < 4; t++) {
    LodeParams *grad = gradient_new (&whole, t, t % 2 ? 63 : 1 << CONV | 1 << BIG);
    LodeParams *other = gradient_new (t < 2 ? &half : &rest, t, t % 2 ? 63 : 1 << CONV | 1 << BIG);

    if (t == 2) {
      lode_optim_store (b, "x.", &memory.base);
      g_assert_true (lode_optim_restore (c, "x.", &memory.base, &error));
      g_assert_no_error (error);
      g_assert_cmpfloat (lode_optim_rate (c), ==, lode_optim_rate (b));
      for (uint32_t i = 0; i < SLOTS; i++)
        memcpy (set_of (rest.own)->at[i], set_of (half.own)->at[i],
                size_of (&half, i) * sizeof (float));
    } else {
      lode_optim_epoch (a, t / 2.0);
      lode_optim_epoch (t < 2 ? b : c, t / 2.0);
    }
    lode_optim_step (a, whole.own, grad, LODE_TOUCHED | LODE_CLIP);
    lode_optim_step (t < 2 ? b : c, t < 2 ? half.own : rest.own, other, LODE_TOUCHED | LODE_CLIP);
    lode_params_free (grad);
    lode_params_free (other);
  }
  for (uint32_t i = 0; i < SLOTS; i++)
    g_assert_cmpmem (set_of (whole.own)->at[i], size_of (&whole, i) * sizeof (float),
                     set_of (rest.own)->at[i], size_of (&rest, i) * sizeof (float));
  memory_clear (&memory);
  lode_optim_free (a);
  lode_optim_free (b);
  lode_optim_free (c);
  net_clear (&whole);
  net_clear (&half);
  net_clear (&rest);
}

static void
test_resume (void)
{
  LodeFitConf conf = conf_new ();

  check_resume (&conf);
  conf.optimiser = LODE_OPTIM_ADAM;
  check_resume (&conf);
  conf.optimiser = LODE_OPTIM_SGD;
  conf.momentum = 0;
  check_resume (&conf);
}

static void
assert_not_restored (const FakeNet *net, LodeOptim *optim, Memory *memory, const char *text)
{
  g_autoptr (GError) error = NULL;
  double rate = lode_optim_rate (optim);
  g_autoptr (GBytes) before = state_of (net, optim, CONV), after = NULL;

  g_assert_false (lode_optim_restore (optim, "x.", &memory->base, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  if (!strstr (error->message, text))
    g_error ("\"%s\" does not mention \"%s\"", error->message, text);
  after = state_of (net, optim, CONV);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpfloat (lode_optim_rate (optim), ==, rate);
}

/* A short, foreign or damaged checkpoint leaves everything as it was. */
static void
test_bad_restore (void)
{
  FakeNet net = net_new (1);
  LodeFitConf conf = conf_new (), adam = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base), *other, *saved;
  LodeParams *grad = gradient_new (&net, 1, 63);
  Memory memory = memory_new ();
  const double nowhere = -NAN;

  adam.optimiser = LODE_OPTIM_ADAM;
  other = lode_optim_make (&adam, &net.base);
  saved = lode_optim_make (&conf, &net.base);
  assert_not_restored (&net, optim, &memory, "x.kind");
  lode_optim_epoch (saved, 5);
  lode_optim_step (saved, net.own, grad, 0);
  lode_optim_store (saved, "x.", &memory.base);
  assert_not_restored (&net, other, &memory, "is sgd, this one adam");
  lode_store_put (&memory.base, "x.first.head.bias", LODE_TYPE_F32, 2, &nowhere);
  assert_not_restored (&net, optim, &memory, "x.first.head.bias");
  lode_optim_store (saved, "x.", &memory.base);
  g_hash_table_remove (memory.at, "x.steps.head.bias");
  assert_not_restored (&net, optim, &memory, "x.steps.head.bias");
  lode_optim_store (saved, "x.", &memory.base);
  lode_store_put (&memory.base, "x.epoch", LODE_TYPE_F64, 1, &nowhere);
  assert_not_restored (&net, optim, &memory, "epoch");
  memory_clear (&memory);
  lode_params_free (grad);
  lode_optim_free (optim);
  lode_optim_free (other);
  lode_optim_free (saved);
  net_clear (&net);
}

/* After a new head, of the same size or another, the backbone goes on with its momentum and the
 * head starts without; what is stored then fits the new net. */
static void
check_new_head (uint32_t classes)
{
  FakeNet net = net_new (1), fresh;
  LodeFitConf conf = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base), *again;
  LodeParams *grad = gradient_new (&net, 1, 63), *old = net.own;
  LodeLayout *layout = layout_new (classes);
  Memory memory = memory_new ();
  g_autoptr (GBytes) before = NULL, after = NULL, head = NULL, zero = NULL;
  g_autoptr (GError) error = NULL;

  lode_optim_step (optim, net.own, grad, 0);
  lode_params_free (grad);
  before = state_of (&net, optim, BIG);
  net.own = lode_params_new (layout, NULL);
  lode_layout_unref (layout);
  lode_params_init (net.own, 2, 0);
  memcpy (set_of (net.own)->at[BIG], set_of (old)->at[BIG], size_of (&net, BIG) * sizeof (float));
  lode_params_free (old);
  after = state_of (&net, optim, BIG);
  g_assert_true (g_bytes_equal (before, after));

  fresh = net_on (lode_layout_ref (layout_of (&net)), 1);
  lode_params_copy (fresh.own, net.own);
  again = lode_optim_make (&conf, &fresh.base);
  head = state_of (&net, optim, HEAD_WEIGHT);
  zero = state_of (&fresh, again, HEAD_WEIGHT);
  g_assert_true (g_bytes_equal (head, zero));
  lode_optim_store (optim, "x.", &memory.base);
  g_assert_true (lode_optim_restore (again, "x.", &memory.base, &error));
  g_assert_no_error (error);

  grad = gradient_new (&net, 2, 63);
  lode_optim_step (optim, net.own, grad, LODE_CLIP);
  lode_optim_step (again, fresh.own, grad, LODE_CLIP);
  for (uint32_t i = 0; i < SLOTS; i++)
    g_assert_cmpmem (set_of (net.own)->at[i], size_of (&net, i) * sizeof (float),
                     set_of (fresh.own)->at[i], size_of (&net, i) * sizeof (float));
  lode_params_free (grad);
  memory_clear (&memory);
  lode_optim_free (optim);
  lode_optim_free (again);
  net_clear (&net);
  net_clear (&fresh);
}

static void
test_new_head (void)
{
  check_new_head (3);
  check_new_head (7);
}

/* A layout that grows keeps all moments, the head's too. */
static void
test_growth (void)
{
  LodeLayout *layout = layout_new (3);
  FakeNet net = net_on (lode_layout_ref (layout), 1);
  LodeFitConf conf = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base);
  LodeParams *grad = gradient_new (&net, 1, 63);
  g_autoptr (GBytes) before = NULL, after = NULL;

  lode_optim_step (optim, net.own, grad, 0);
  before = state_of (&net, optim, HEAD_WEIGHT);
  lode_layout_add (layout, "backbone.late.weight", (uint32_t[]){ 1, 1, 3, 3 }, 3, LODE_INIT_ZERO);
  after = state_of (&net, optim, HEAD_WEIGHT);
  g_assert_true (g_bytes_equal (before, after));
  lode_optim_step (optim, net.own, grad, 0); /* shorter sets than the layout */
  lode_params_free (grad);
  lode_layout_unref (layout);
  lode_optim_free (optim);
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
  g_test_add_func ("/optim/touched", test_touched);
  g_test_add_func ("/optim/frozen", test_frozen);
  g_test_add_func ("/optim/clip-frozen", test_clip_frozen);
  g_test_add_func ("/optim/adam-steps", test_adam_steps);
  g_test_add_func ("/optim/preview", test_preview);
  g_test_add_func ("/optim/preview-formula", test_preview_formula);
  g_test_add_func ("/optim/partial", test_partial);
  g_test_add_func ("/optim/threads", test_threads);
  g_test_add_func ("/optim/square", test_square);
  g_test_add_func ("/optim/resume", test_resume);
  g_test_add_func ("/optim/bad-restore", test_bad_restore);
  g_test_add_func ("/optim/new-head", test_new_head);
  g_test_add_func ("/optim/growth", test_growth);
  return g_test_run ();
}

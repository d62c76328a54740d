/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of backbone tas-resnet, run by the engine: against an evaluation by hand of what Dong &
 * Yang 2019 prescribe (§3.2), gradients against differences of that, and what a narrow choice
 * leaves alone in the weights of a super-network.
 */
#include "family.h"
#include "lend.h"

enum { LAYERS = 13, STAGES = 3, DECISIONS = LAYERS + STAGES, BATCH = 4, MOST = 64 };

static const uint32_t width[STAGES][3] = { { 3, 4, 6 }, { 6, 9, 12 }, { 12, 18, 24 } };

/* What a recording was made for: bits and gates of every option. */
typedef struct Made {
  uint64_t mask[DECISIONS];
  float gate[MOST];
  bool shared;
} Made;

static Family *
space_new (void)
{
  LodeNode *group = test_group (), *list = lode_node_new (LODE_VALUE_LIST, "fractions", "test");
  static const double fraction[] = { 0.5, 0.75, 1 };

  for (int i = 0; i < 3; i++) {
    LodeNode *node = lode_node_new (LODE_VALUE_REAL, NULL, "test");

    node->real = fraction[i];
    g_ptr_array_add (list->children, node);
  }
  lode_node_set (group, list);
  test_set (group, "depth", 14);
  test_set (group, "width", 6);
  return family_new ("tas-resnet", group);
}

static bool
wants (const Made *made, uint32_t decision, uint32_t option)
{
  return made->mask[decision] >> option & 1;
}

static float
gate_of (const Made *made, uint32_t decision, uint32_t option)
{
  uint32_t first = decision < LAYERS ? 3 * decision : 3 * LAYERS + 2 * (decision - LAYERS);

  return made->shared ? made->gate[first + option] : 1;
}

static uint32_t
stage_of (uint32_t layer)
{
  return layer ? (layer - 1) / 4 : 0;
}

static uint32_t
widest (const Made *made, uint32_t layer)
{
  uint32_t most = 0;

  for (uint32_t i = 0; i < 3; i++)
    if (wants (made, layer, i))
      most = width[stage_of (layer)][i];
  return most;
}

static Map
hand_leading (Hand *hand, Map x, uint32_t c)
{
  Map y = hand_map (hand, x.n, x.h, x.w, c);

  for (size_t i = 0; i < map_size (&y); i++)
    y.at[i] = x.at[i / c * x.c + i % c];
  return y;
}

/* Channel k is the mean of channels ⌊k c / C⌋ … ⌈(k + 1) c / C⌉ − 1. */
static Map
hand_widen (Hand *hand, Map x, uint32_t wide)
{
  Map y = hand_map (hand, x.n, x.h, x.w, wide);

  for (size_t i = 0; i < map_size (&y); i++) {
    double k = (double) (i % wide), a = floor (k * x.c / wide), b = ceil ((k + 1) * x.c / wide);

    for (double j = a; j < b; j++)
      y.at[i] += x.at[i / wide * x.c + (size_t) j] / (b - a);
  }
  return y;
}

/* A norm a width, Σ gate · CWI. y: at the widest */
static Map
hand_norms (Hand *hand, const Made *made, uint32_t layer, const char *prefix, Map y)
{
  Map sum = hand_map (hand, y.n, y.h, y.w, y.c);

  for (uint32_t i = 0; i < 3; i++) {
    uint32_t c = width[stage_of (layer)][i];
    g_autofree char *name = g_strdup_printf ("%s.norm.%u", prefix, c);
    Map x;

    if (!wants (made, layer, i))
      continue;
    x = hand_norm (hand, name, hand_leading (hand, y, c), true);
    hand_add (&sum, (double) gate_of (made, layer, i), hand_widen (hand, x, y.c));
  }
  return sum;
}

static Map
hand_layer (Hand *hand, const Made *made, uint32_t layer, const char *prefix, Map x,
            uint32_t stride)
{
  g_autofree char *name = g_strconcat (prefix, ".conv", NULL);
  Map y = hand_conv (hand, name, x, widest (made, layer), 3, stride);

  return hand_norms (hand, made, layer, prefix, y);
}

static Map
hand_shortcut (Hand *hand, const Made *made, uint32_t layer, const char *prefix, Map x,
               uint32_t stride)
{
  g_autofree char *name = g_strconcat (prefix, ".conv", NULL);
  bool odd = x.h % 2 || x.w % 2;

  if (stride == 1 && (made->shared || x.c == widest (made, layer)))
    return x;
  if (stride == 2)
    x = hand_pool (hand, x, odd ? 3 : 2, 2, odd, false);
  x = hand_conv (hand, name, x, widest (made, layer), 1, 1);
  return made->shared || stride == 1 ? hand_norms (hand, made, layer, prefix, x) : x;
}

/* On the channels that both have; the wider one keeps the rest. */
static Map
hand_sum (Hand *hand, Map x, Map y)
{
  Map sum = hand_map (hand, x.n, x.h, x.w, MAX (x.c, y.c));

  for (size_t i = 0; i < map_size (&sum); i++) {
    uint32_t c = (uint32_t) (i % sum.c);

    sum.at[i] += c < x.c ? x.at[i / sum.c * x.c + c] : 0;
    sum.at[i] += c < y.c ? y.at[i / sum.c * y.c + c] : 0;
  }
  return sum;
}

static Map
hand_block (Hand *hand, const Made *made, uint32_t stage, uint32_t block, Map x)
{
  uint32_t stride = stage && !block ? 2 : 1, layer = 1 + 4 * stage + 2 * block;
  g_autofree char *first = g_strdup_printf ("stage.%u.%u.0", stage, block),
                  *second = g_strdup_printf ("stage.%u.%u.1", stage, block),
                  *pass = g_strdup_printf ("stage.%u.%u.short", stage, block);
  Map y = hand_relu (hand, hand_layer (hand, made, layer, first, x, stride));

  y = hand_layer (hand, made, layer + 1, second, y, 1);
  x = hand_shortcut (hand, made, layer + 1, pass, x, stride);
  return hand_relu (hand, hand_sum (hand, x, y));
}

static Map
hand_stage (Hand *hand, const Made *made, uint32_t stage, Map x)
{
  uint32_t decision = LAYERS + stage;
  Map at[2], sum;

  at[0] = at[1] = hand_block (hand, made, stage, 0, x);
  if (wants (made, decision, 1))
    at[1] = hand_block (hand, made, stage, 1, at[0]);
  if (!made->shared)
    return at[1];
  sum = hand_map (hand, x.n, at[0].h, at[0].w, 0);
  for (uint32_t k = 0; k < 2; k++)
    if (wants (made, decision, k))
      sum.c = MAX (sum.c, at[k].c);
  sum = hand_map (hand, x.n, at[0].h, at[0].w, sum.c);
  for (uint32_t k = 0; k < 2; k++)
    if (wants (made, decision, k))
      hand_add (&sum, (double) gate_of (made, decision, k), hand_widen (hand, at[k], sum.c));
  return sum;
}

static Map
by_hand (Hand *hand, const Made *made)
{
  Map x = hand_relu (hand, hand_layer (hand, made, 0, "stem", hand_image (hand), 1));

  for (uint32_t stage = 0; stage < STAGES; stage++)
    x = hand_stage (hand, made, stage, x);
  return hand_mean (hand, x);
}

/* Some options of every decision at random, some gates: `bits` widths each, any depths. */
static Made
random_made (uint32_t bits, LodeRng *rng)
{
  Made made = { .shared = true };

  for (uint32_t d = 0; d < DECISIONS; d++) {
    uint32_t n = d < LAYERS ? 3 : 2, want = d < LAYERS ? bits : 1 + lode_rng_below (rng, 2);

    while ((uint32_t) __builtin_popcountll (made.mask[d]) < MIN (want, n))
      made.mask[d] |= UINT64_C (1) << lode_rng_below (rng, n);
  }
  for (uint32_t i = 0; i < MOST; i++)
    made.gate[i] = (float) (0.2 + 0.6 * lode_rng_uniform (rng));
  return made;
}

/* Records on the layouts that the net has already, if it has. */
static void
record_into (Net *net, const Family *family, const Made *made)
{
  LodeBuild build = { .size = sizeof build, .image = net->x, .index = -1, .shared = made->shared };
  g_autoptr (GError) error = NULL;

  family->ops->build (family->backbone, net->graph, &build, &error);
  g_assert_no_error (error);
  lode_record_output (net->record, build.features);
  lode_record_check (net->record, &error);
  g_assert_no_error (error);
}

static Net *
record (const Family *family, LodeShape shape, const Made *made, uint32_t threads)
{
  Net *net = net_new (shape, BATCH, family->space, made->mask);

  record_into (net, family, made);
  net_ready (net, threads, lode_kernels_at (0));
  hand_shake_norms (net);
  net->bind.gate = made->gate;
  return net;
}

static void
test_hand (void)
{
  Family *family = space_new ();
  static const LodeShape shape[] = { { 8, 8, 3 }, { 7, 9, 1 }, { 10, 6, 2 } };
  LodeRng rng = { .key = 5 };

  for (uint32_t i = 0; i < 18; i++) {
    Made made = random_made (1 + i % 3, &rng);
    Net *net = record (family, shape[i / 3 % 3], &made, 1);
    Hand hand = hand_new (net);

    hand_compare (&hand, by_hand (&hand, &made), 5e-4);
    net_free (net);
  }
  family_free (family);
}

/* Networks of their own: every decision at one option. */
static void
test_derived (void)
{
  Family *family = space_new ();
  LodeRng rng = { .key = 6 };

  for (uint32_t i = 0; i < 12; i++) {
    Made made = random_made (1, &rng);
    Hand hand;
    Net *net;

    for (uint32_t s = 0; s < STAGES; s++)
      made.mask[LAYERS + s] = UINT64_C (1) << lode_rng_below (&rng, 2);
    made.shared = false;
    net = record (family, (LodeShape){ 8, 8, 3 }, &made, 1);
    hand = hand_new (net);
    hand_compare (&hand, by_hand (&hand, &made), 5e-4);
    net_free (net);
  }
  family_free (family);
}

static double
hand_loss (Net *net, const Made *made)
{
  Hand hand = hand_new (net);
  Map y = by_hand (&hand, made);
  double loss = 0;

  for (size_t i = 0; i < map_size (&y); i++)
    loss += loss_weight (0, i) * y.at[i];
  g_ptr_array_unref (hand.owner);
  return loss;
}

/* Whether a gradient is the central difference of the loss by hand; a few kinks may be crossed. */
static bool
is_slope (Net *net, const Made *made, float *at, double found, double most)
{
  double error = INFINITY;

  for (float step = 1e-3f; step > 2e-5f && error > 3e-3 * most; step /= 5) {
    float keep = *at, high = keep + step, low = keep - step;
    double up, down;

    *at = high;
    up = hand_loss (net, made);
    *at = low;
    down = hand_loss (net, made);
    *at = keep;
    error = fabs ((up - down) / ((double) high - (double) low) - found);
  }
  return error <= 3e-3 * most;
}

static void
test_gates (void)
{
  Family *family = space_new ();
  LodeRng rng = { .key = 7 };
  Made made = random_made (2, &rng);
  float dgate[MOST] = { 0 };
  double most;
  Net *net;

  for (uint32_t s = 0; s < STAGES; s++)
    made.mask[LAYERS + s] = 3;
  net = record (family, (LodeShape){ 8, 7, 3 }, &made, 1);
  net->bind.dgate = dgate;
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  most = largest (dgate, family->space->options);
  g_assert_cmpfloat (most, >, 0.1);
  for (uint32_t d = 0, i = 0; d < DECISIONS; d++)
    for (uint32_t o = 0; o < (d < LAYERS ? 3 : 2); o++, i++) {
      if (!wants (&made, d, o))
        g_assert_true (fabsf (dgate[i]) <= 0);
      else if (!is_slope (net, &made, &made.gate[i], (double) dgate[i], most))
        g_error ("gate %u: gradient %g is no slope", i, (double) dgate[i]);
    }
  net_free (net);
  family_free (family);
}

static void
test_weights (void)
{
  Family *family = space_new ();
  LodeRng rng = { .key = 9 };
  Made made = random_made (2, &rng);
  float dgate[MOST];
  LodeParamSet *w, *g;
  Net *net;

  for (uint32_t s = 0; s < STAGES; s++)
    made.mask[LAYERS + s] = 3;
  net = record (family, (LodeShape){ 6, 8, 3 }, &made, 1);
  net->bind.dgate = dgate;
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  w = (LodeParamSet *) net->w;
  g = (LodeParamSet *) net->g;
  for (uint32_t i = 0; i < w->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    size_t size = lode_slot_size (slot);
    double most = MAX (largest (g->at[i], size), 1e-2);

    for (size_t j = 0; j < size; j += MAX (size / 2, 1))
      if (!is_slope (net, &made, &w->at[i][j], (double) g->at[i][j], most))
        g_error ("%s[%zu]: gradient %g is no slope", slot->name, j, (double) g->at[i][j]);
  }
  net_free (net);
  family_free (family);
}

/* A narrow choice in the super-network's weights computes what it computes in its own. */
static void
test_leading (void)
{
  Family *family = space_new ();
  LodeRng rng = { .key = 11 };
  Made all = { .shared = true };

  lode_space_all (family->space, all.mask);
  for (int i = 0; i < 6; i++) {
    Made made = random_made (1 + i % 2, &rng);
    Net *alone = record (family, (LodeShape){ 8, 8, 3 }, &made, 1);
    Net *whole = net_new ((LodeShape){ 8, 8, 3 }, BATCH, family->space, all.mask);
    LodeShape shape = { 8, 8, 3 };

    record_into (whole, family, &all);
    lode_record_reset (whole->record, family->space, made.mask);
    whole->x = lode_record_image (whole->record, &shape);
    record_into (whole, family, &made);
    net_ready (whole, 1, lode_kernels_at (0));
    hand_shake_norms (whole);
    whole->bind.gate = made.gate;
    copy_weights (whole, alone);
    g_assert_cmpfloat_with_epsilon (net_pass (whole, LODE_GRAD_WEIGHTS, 1), net_pass (alone, 0, 1),
                                    1e-3);
    check_untouched (whole, alone);
    net_free (alone);
    net_free (whole);
  }
  family_free (family);
}

static void
test_threads (void)
{
  Family *family = space_new ();
  LodeRng rng = { .key = 13 };
  Made made = random_made (2, &rng);
  float dgate[3][MOST] = { { 0 } };

  for (int i = 0; i < 3; i++) {
    Net *net = record (family, (LodeShape){ 9, 9, 3 }, &made, 1u << i);

    net->bind.dgate = dgate[i];
    net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
    g_assert_cmpmem (dgate[0], sizeof dgate[0], dgate[i], sizeof dgate[i]);
    net_free (net);
  }
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tas-resnet-net/hand", test_hand);
  g_test_add_func ("/tas-resnet-net/derived", test_derived);
  g_test_add_func ("/tas-resnet-net/gates", test_gates);
  g_test_add_func ("/tas-resnet-net/weights", test_weights);
  g_test_add_func ("/tas-resnet-net/leading", test_leading);
  g_test_add_func ("/tas-resnet-net/threads", test_threads);
  return g_test_run ();
}

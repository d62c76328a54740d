/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks of backbone nb201, run by the engine: against an evaluation by hand of what Dong & Yang
 * 2020 prescribe, gradients against central differences, and what cells with no path or the same
 * key have in common.
 */
#include "family.h"
#include "hand.h"

enum { EDGES = 6, OPS = 5, OPTIONS = EDGES * OPS, NONE = 0, SKIP = 1, POOL = 4, BATCH = 4 };

typedef struct Made {
  uint32_t channels, cells, stride;
} Made;

static const Made small = { .channels = 3, .cells = 1, .stride = 1 };
static const char *const op_name[OPS] = { "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                          "avg_pool_3x3" };

static Family *
space_new (Made made)
{
  LodeNode *group = test_group ();

  test_set (group, "channels", made.channels);
  test_set (group, "cells", made.cells);
  test_set (group, "stem_stride", made.stride);
  return family_new ("nb201", group);
}

/* Features are the one output. mask: [EDGES] */
static Net *
record (const Family *family, LodeShape shape, bool shared, const uint64_t *mask, const float *gate,
        uint32_t threads)
{
  Net *net = net_new (shape, BATCH, family->space, mask);
  LodeBuild build = { .size = sizeof build, .image = net->x, .index = -1, .shared = shared };
  g_autoptr (GError) error = NULL;

  family->ops->build (family->backbone, net->graph, &build, &error);
  g_assert_no_error (error);
  lode_record_output (net->record, build.features);
  lode_record_check (net->record, &error);
  g_assert_no_error (error);
  net_ready (net, threads, lode_kernels_at (0));
  net->bind.gate = gate;
  return net;
}

static Net *
record_arch (const Family *family, LodeShape shape, bool shared, const uint8_t *arch)
{
  uint64_t mask[EDGES];

  lode_space_one (family->space, arch, mask);
  return record (family, shape, shared, mask, NULL, 1);
}

static void
soft_gates (float *gate)
{
  LodeRng rng = { .key = 5 };

  for (int e = 0; e < EDGES; e++) {
    double sum = 0, p[OPS];

    for (int o = 0; o < OPS; o++)
      sum += p[o] = exp (0.5 * lode_rng_normal (&rng));
    for (int o = 0; o < OPS; o++)
      gate[e * OPS + o] = (float) (p[o] / sum);
  }
}

static Map
hand_op (Hand *hand, const char *prefix, uint32_t op, Map x, bool affine)
{
  g_autofree char *conv = g_strdup_printf ("%s.%s.conv", prefix, op_name[op]);
  g_autofree char *norm = g_strdup_printf ("%s.%s.norm", prefix, op_name[op]);

  if (op == SKIP)
    return x;
  if (op == POOL)
    return hand_pool (hand, x, 3, 1, 1, false);
  x = hand_conv (hand, conv, hand_relu (hand, x), x.c, op == 3 ? 3 : 1, 1);
  return hand_norm (hand, norm, x, affine);
}

/* Node j = Σ_{i < j} Σ_op gate · op (node i), edges in the order (1, 0), (2, 0), (2, 1) …
 * gate: [EDGES][OPS], an option at 0 is not there */
static Map
hand_cell (Hand *hand, const char *prefix, Map x, const float *gate, bool affine)
{
  Map node[4] = { x };
  uint32_t edge = 0;

  for (uint32_t j = 1; j < 4; j++) {
    node[j] = hand_map (hand, x.n, x.h, x.w, x.c);
    for (uint32_t i = 0; i < j; i++, edge++)
      for (uint32_t op = 1; op < OPS; op++) {
        g_autofree char *name = g_strdup_printf ("%s.%u.%u", prefix, j, i);
        float factor = gate[edge * OPS + op];

        if (fabsf (factor) > 0)
          hand_add (&node[j], (double) factor, hand_op (hand, name, op, node[i], affine));
      }
  }
  return node[3];
}

static Map
hand_halving (Hand *hand, const char *prefix, Map x, uint32_t channels)
{
  g_autofree char *project = g_strconcat (prefix, ".short", NULL);
  bool odd = x.h % 2 || x.w % 2;
  Map y = x, z;

  for (uint32_t i = 0; i < 2; i++) {
    g_autofree char *conv = g_strdup_printf ("%s.%u.conv", prefix, i);
    g_autofree char *norm = g_strdup_printf ("%s.%u.norm", prefix, i);

    y = hand_conv (hand, conv, hand_relu (hand, y), channels, 3, i ? 1 : 2);
    y = hand_norm (hand, norm, y, true);
  }
  z = odd ? hand_pool (hand, x, 3, 2, 1, false) : hand_pool (hand, x, 2, 2, 0, false);
  hand_add (&y, 1, hand_conv (hand, project, z, channels, 1, 1));
  return y;
}

static Map
by_hand (Hand *hand, Made made, const float *gate, bool affine)
{
  Map x = hand_conv (hand, "stem.conv", hand_image (hand), made.channels, 3, made.stride);

  x = hand_norm (hand, "stem.norm", x, true);
  for (uint32_t stage = 0; stage < 3; stage++) {
    g_autofree char *halving = g_strdup_printf ("halving.%u", stage);

    if (stage)
      x = hand_halving (hand, halving, x, made.channels << stage);
    for (uint32_t cell = 0; cell < made.cells; cell++) {
      g_autofree char *name = g_strdup_printf ("stage.%u.%u", stage, cell);

      x = hand_cell (hand, name, x, gate, affine);
    }
  }
  return hand_mean (hand, hand_relu (hand, hand_norm (hand, "last.norm", x, true)));
}

static void
compare_path (Made made, LodeShape shape, const char *text)
{
  Family *family = space_new (made);
  float gate[OPTIONS] = { 0 };
  uint8_t arch[EDGES];
  g_autoptr (GError) error = NULL;
  Hand hand;
  Net *net;

  family->ops->read (family->backbone, text, arch, &error);
  g_assert_no_error (error);
  for (int e = 0; e < EDGES; e++)
    gate[e * OPS + arch[e]] = 1;
  net = record_arch (family, shape, false, arch);
  hand_shake_norms (net);
  hand = hand_new (net);
  hand_compare (&hand, by_hand (&hand, made, gate, true), 5e-4);
  net_free (net);
  family_free (family);
}

static void
test_path (void)
{
  static const char *const cell[] = {
    "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|avg_pool_3x3~1|nor_conv_3x3~"
    "2|",
    "|avg_pool_3x3~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|",
    "|none~0|+|skip_connect~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|skip_connect~0|skip_connect~1|none~2|",
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cell); i++) {
    compare_path (small, (LodeShape){ 8, 8, 3 }, cell[i]);
    compare_path ((Made){ 4, 2, 1 }, (LodeShape){ 12, 16, 1 }, cell[i]);
    compare_path ((Made){ 4, 1, 2 }, (LodeShape){ 28, 28, 1 }, cell[i]); /* 14, 7, 4 */
    compare_path ((Made){ 3, 1, 1 }, (LodeShape){ 9, 14, 3 }, cell[i]);
  }
}

static void
test_mixed (void)
{
  Family *family = space_new (small);
  float gate[OPTIONS];
  uint64_t mask[EDGES];
  Hand hand;
  Net *net;

  lode_space_all (family->space, mask);
  soft_gates (gate);
  net = record (family, (LodeShape){ 10, 9, 3 }, true, mask, gate, 1);
  hand_shake_norms (net);
  hand = hand_new (net);
  hand_compare (&hand, by_hand (&hand, small, gate, false), 5e-4);
  net_free (net);
  family_free (family);
}

/* The tests' loss of what is computed by hand, where float32 leaves no noise in differences. */
static double
hand_loss (Net *net, const float *gate)
{
  Hand hand = hand_new (net);
  Map y = by_hand (&hand, small, gate, false);
  double loss = 0;

  for (size_t i = 0; i < map_size (&y); i++)
    loss += loss_weight (0, i) * y.at[i];
  g_ptr_array_unref (hand.owner);
  return loss;
}

/* Whether a gradient is the central difference of the loss by hand; a few kinks may be crossed.
 * at: a gate or a weight */
static bool
is_slope (Net *net, const float *gate, float *at, double found, double most)
{
  double error = INFINITY;

  for (float step = 1e-3f; step > 2e-5f && error > 2e-3 * most; step /= 5) {
    float keep = *at, high = keep + step, low = keep - step;
    double up, down;

    *at = high;
    up = hand_loss (net, gate);
    *at = low;
    down = hand_loss (net, gate);
    *at = keep;
    error = fabs ((up - down) / ((double) high - (double) low) - found);
  }
  return error <= 2e-3 * most;
}

/* The whole super-network under soft gates. dgate: [OPTIONS] */
static Net *
record_soft (const Family *family, float *gate, float *dgate)
{
  uint64_t mask[EDGES];
  Net *net;

  lode_space_all (family->space, mask);
  soft_gates (gate);
  net = record (family, (LodeShape){ 9, 8, 3 }, true, mask, gate, 1);
  hand_shake_norms (net);
  net->bind.dgate = dgate;
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  return net;
}

static double
largest (const float *x, size_t n)
{
  double most = 0;

  for (size_t i = 0; i < n; i++)
    most = MAX (most, fabs ((double) x[i]));
  return most;
}

static void
test_gates (void)
{
  Family *family = space_new (small);
  float gate[OPTIONS], dgate[OPTIONS];
  Net *net = record_soft (family, gate, dgate);
  double most = largest (dgate, OPTIONS);

  g_assert_cmpfloat (most, >, 0.1);
  for (int i = 0; i < OPTIONS; i++) {
    g_assert_true (is_slope (net, gate, &gate[i], (double) dgate[i], most));
    g_assert_true (i % OPS != NONE || fabs ((double) dgate[i]) <= 0);
  }
  net_free (net);
  family_free (family);
}

static void
test_weights (void)
{
  Family *family = space_new (small);
  float gate[OPTIONS], dgate[OPTIONS];
  Net *net = record_soft (family, gate, dgate);
  LodeParamSet *w = (LodeParamSet *) net->w, *g = (LodeParamSet *) net->g;

  for (uint32_t i = 0; i < w->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    size_t size = lode_slot_size (slot);
    double most = MAX (largest (g->at[i], size), 1e-2);

    for (size_t j = 0; j < size; j += MAX (size / 2, 1))
      if (!is_slope (net, gate, &w->at[i][j], (double) g->at[i][j], most))
        g_error ("%s[%zu]: gradient %g is no slope", slot->name, j, (double) g->at[i][j]);
  }
  net_free (net);
  family_free (family);
}

/* Transfer full: [BATCH · width] */
static float *
features (Net *net, uint32_t *width)
{
  LodeProgram *program = net_program (net, 0);
  const float *x;

  lode_program_forward (program, &net->bind);
  x = lode_program_output (program, 0, width);
  return g_memdup2 (x, BATCH * *width * sizeof (float));
}

static void
assert_near (const float *x, const float *y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (x[i], y[i], 2e-4f);
}

/* Gates of one bit each are the network of that path; weights have the same names and values in
 * both. */
static void
test_one_hot (void)
{
  Family *family = space_new (small);
  LodeShape shape = { 8, 8, 3 };
  LodeRng rng = { .key = 21 };
  uint64_t all[EDGES];

  lode_space_all (family->space, all);
  for (int trial = 0; trial < 12; trial++) {
    g_autofree float *x = NULL, *y = NULL;
    float gate[OPTIONS] = { 0 };
    uint8_t arch[EDGES];
    uint32_t wide, narrow;
    Net *whole, *path;

    family->ops->sample (family->backbone, arch, &rng);
    for (int e = 0; e < EDGES; e++)
      gate[e * OPS + arch[e]] = 1;
    whole = record (family, shape, true, all, gate, 1);
    path = record_arch (family, shape, true, arch);
    x = features (whole, &wide);
    y = features (path, &narrow);
    g_assert_cmpuint (wide, ==, narrow);
    assert_near (x, y, BATCH * wide);
    net_free (whole);
    net_free (path);
  }
  family_free (family);
}

/* A cell without a path makes a network that does not see its input. */
static void
test_blind (void)
{
  static const uint8_t cell[][EDGES] = {
    { 0, 0, 0, 0, 0, 0 }, { 3, 2, 1, 0, 0, 0 }, { 0, 0, 3, 0, 4, 2 }, { 0, 3, 0, 0, 3, 0 }
  };
  Family *family = space_new (small);

  for (size_t i = 0; i < G_N_ELEMENTS (cell); i++)
    for (int shared = 0; shared < 2; shared++) {
      Net *net = record_arch (family, (LodeShape){ 8, 8, 3 }, shared, cell[i]);
      g_autofree float *x = NULL;
      uint32_t width;

      hand_shake_norms (net);
      x = features (net, &width);
      g_assert_cmpuint (width, ==, 4 * small.channels);
      for (uint32_t j = 0; j < BATCH * width; j++)
        g_assert_false (fabsf (x[j] - x[j % width]) > 1e-6f);
      net_free (net);
    }
  family_free (family);
}

/* Cells of none, skip and pool have no weights to tell them apart: equal keys, equal networks. */
static void
test_key (void)
{
  static const uint8_t op[] = { NONE, SKIP, POOL };
  Family *family = space_new (small);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  uint32_t width, alike = 0;

  for (uint32_t code = 0; code < 729; code++) {
    g_autofree float *x = NULL;
    const float *before;
    uint8_t arch[EDGES];
    char *key;
    Net *net;

    for (uint32_t e = 0, rest = code; e < EDGES; e++, rest /= 3)
      arch[e] = op[rest % 3];
    key = family->ops->key (family->backbone, arch);
    net = record_arch (family, (LodeShape){ 8, 8, 1 }, false, arch);
    x = features (net, &width);
    net_free (net);
    before = g_hash_table_lookup (seen, key);
    if (before) {
      assert_near (before, x, BATCH * width);
      alike++;
      g_free (key);
    } else
      g_hash_table_insert (seen, key, g_steal_pointer (&x));
  }
  g_assert_cmpuint (alike, ==, 729 - 78);
  family_free (family);
}

static void
test_threads (void)
{
  Family *family = space_new (small);
  uint64_t mask[EDGES];
  float gate[OPTIONS], dgate[3][OPTIONS];

  lode_space_all (family->space, mask);
  soft_gates (gate);
  for (int i = 0; i < 3; i++) {
    Net *net = record (family, (LodeShape){ 9, 9, 3 }, true, mask, gate, 1u << i);

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
  g_test_add_func ("/nb201-net/path", test_path);
  g_test_add_func ("/nb201-net/mixed", test_mixed);
  g_test_add_func ("/nb201-net/gates", test_gates);
  g_test_add_func ("/nb201-net/weights", test_weights);
  g_test_add_func ("/nb201-net/one-hot", test_one_hot);
  g_test_add_func ("/nb201-net/blind", test_blind);
  g_test_add_func ("/nb201-net/key", test_key);
  g_test_add_func ("/nb201-net/threads", test_threads);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Backbone conv4: the sizes that Finn et al. 2017 report, evaluation by hand, gradients, and the
 * sides of an image that it takes.
 */
#include "family.h"
#include "hand.h"

static const LodeBuild fresh = { .size = sizeof (LodeBuild) };

static Family *
blocks_new (int64_t filters, const char *halve, const char *features)
{
  LodeNode *group = test_group ();

  test_set (group, "filters", filters);
  test_set_text (group, "halve", halve);
  test_set_text (group, "features", features);
  return family_new ("conv4", group);
}

static Count
cost (const Family *family, uint32_t h, uint32_t w, uint32_t channels, uint32_t classes)
{
  g_autoptr (GError) error = NULL;
  Count count;

  family_count (family, fresh, (LodeShape){ h, w, channels }, classes, NULL, &count, &error);
  g_assert_no_error (error);
  return count;
}

static void
test_sizes (void)
{
  Family *mini = family_new ("conv4", NULL), *omniglot = blocks_new (64, "stride", "mean");
  Count count = cost (mini, 84, 84, 3, 5);

  g_assert_cmpuint (count.params, ==, 32901);
  g_assert_cmpuint (count.macs, ==, 27343264);
  count = cost (omniglot, 28, 28, 1, 5);
  g_assert_cmpuint (count.params, ==, 112261);
  g_assert_cmpuint (count.macs, ==, 2656832);
  g_assert_cmpuint (cost (mini, 28, 28, 1, 5).params, ==, 28485); /* 32 features */
  g_assert_cmpuint (mini->space->n, ==, 0);
  g_assert_cmpuint (mini->ops->can, ==, LODE_SHARE);
  family_free (mini);
  family_free (omniglot);
}

static Net *
record (const Family *family, LodeShape shape, uint32_t batch, uint32_t threads)
{
  Net *net = net_new (shape, batch, family->space, NULL);
  LodeBuild build = { .size = sizeof build, .image = net->x, .index = -1, .shared = true };
  g_autoptr (GError) error = NULL;
  LodeShape features;

  family->ops->build (family->backbone, net->graph, &build, &error);
  g_assert_no_error (error);
  g_assert_true (lode_graph_shape (net->graph, build.features, &features));
  g_assert_cmpuint (features.h * features.w, ==, 1);
  lode_record_output (net->record, build.features);
  lode_record_check (net->record, &error);
  g_assert_no_error (error);
  net_ready (net, threads, lode_kernels_at (0));
  return net;
}

static Map
by_hand (Hand *hand, uint32_t filters, bool stride, bool mean)
{
  Map x = hand_image (hand);

  for (uint32_t block = 0; block < 4; block++) {
    g_autofree char *conv = g_strdup_printf ("block.%u.conv", block);
    g_autofree char *norm = g_strdup_printf ("block.%u.norm", block);

    x = hand_conv (hand, conv, x, filters, 3, stride ? 2 : 1);
    x = hand_relu (hand, hand_norm (hand, norm, x, true));
    if (!stride && x.h > 1 && x.w > 1)
      x = hand_pool (hand, x, 2, 2, 0, true);
  }
  return mean ? hand_mean (hand, x) : x;
}

static void
compare (LodeShape shape, const char *halve, const char *features)
{
  Family *family = blocks_new (5, halve, features);
  Net *net = record (family, shape, 3, 2);
  Hand hand = hand_new (net);

  hand_shake_norms (net);
  hand_compare (&hand, by_hand (&hand, 5, !strcmp (halve, "stride"), !strcmp (features, "mean")),
                2e-4);
  net_free (net);
  family_free (family);
}

static void
test_hand (void)
{
  compare ((LodeShape){ 28, 28, 1 }, "pool", "flat");
  compare ((LodeShape){ 33, 34, 3 }, "pool", "flat"); /* 2 × 2 at the end */
  compare ((LodeShape){ 33, 48, 3 }, "pool", "mean");
  compare ((LodeShape){ 28, 19, 1 }, "stride", "mean");
  compare ((LodeShape){ 20, 28, 1 }, "stride", "flat");
  compare ((LodeShape){ 8, 8, 3 }, "pool", "flat"); /* the last pool is left out */
  compare ((LodeShape){ 11, 9, 1 }, "pool", "mean");
}

/* Central differences at some places of every weight. A bias in front of a norm changes nothing:
 * what is measured there is rounding. */
static void
check_weights (Net *net)
{
  LodeParamSet *w = (LodeParamSet *) net->w, *g = (LodeParamSet *) net->g;
  double largest = 0;

  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  for (uint32_t i = 0; i < w->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    bool idle = g_str_has_suffix (slot->name, "conv.bias");
    size_t size = lode_slot_size (slot);
    double most = 0;

    for (size_t j = 0; j < size; j++)
      most = MAX (most, fabs ((double) g->at[i][j]));
    if (idle && most > 1e-4)
      g_error ("%s has a gradient of %g", slot->name, most);
    for (size_t j = 0; j < size; j += MAX (size / 5, 1)) {
      double found = (double) g->at[i][j], slope = net_nearest (net, &w->at[i][j], found, 4e-3, 1);

      if (fabs (slope - found) > 0.05 * MAX (most, 0.05))
        g_error ("%s[%zu]: gradient %g, central difference %g", slot->name, j, found, slope);
    }
    largest = MAX (largest, most);
  }
  g_assert_cmpfloat (largest, >, 0.5);
}

static void
test_gradients (void)
{
  const LodeShape shapes[] = { { 32, 33, 1 }, { 9, 8, 3 } };

  for (int trial = 0; trial < 4; trial++) {
    Family *family = blocks_new (3, trial & 1 ? "stride" : "pool", "flat");
    Net *net = record (family, shapes[trial / 2], 4, 1);

    hand_shake_norms (net);
    check_weights (net);
    net_free (net);
    family_free (family);
  }
}

/* The same bits for any number of threads, flattened features included. */
static void
test_threads (void)
{
  Family *family = blocks_new (8, "pool", "flat");
  g_autofree float *first = NULL;

  for (uint32_t threads = 1; threads <= 4; threads *= 2) {
    Net *net = record (family, (LodeShape){ 32, 32, 3 }, 5, threads);
    LodeParamSet *grad = (LodeParamSet *) net->g;
    size_t size = lode_slot_size (lode_layout_slot (net->weights, 0));

    net_pass (net, LODE_GRAD_WEIGHTS, 1);
    if (!first)
      first = g_memdup2 (grad->at[0], size * sizeof (float));
    g_assert_cmpmem (first, size * sizeof (float), grad->at[0], size * sizeof (float));
    net_free (net);
  }
  family_free (family);
}

static void
test_sides (void)
{
  for (int kind = 0; kind < 2; kind++) {
    Family *family = blocks_new (4, kind ? "stride" : "pool", "flat");

    for (uint32_t side = 8; side < 40; side++)
      for (uint32_t channels = 1; channels <= 3; channels += 2) {
        uint32_t last = kind ? (side + 15) / 16 : MAX (side / 16, 1);
        Count count = cost (family, side, side, channels, 7);

        g_assert_cmpuint (count.params, ==,
                          4 * (9 * channels + 1) + 3 * 4 * 37 + 32 + 7 * (last * last * 4 + 1));
      }
    family_free (family);
  }
}

static void
test_small (void)
{
  const LodeLoaded *loaded = test_load ("backbone", "conv4");
  const LodeBackboneOps *ops = loaded->ops;
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  const void *conf = test_conf (loaded, NULL, owner);
  g_autoptr (GError) error = NULL, other = NULL;
  LodeShape low = { 7, 28, 1 }, enough = { 8, 8, 3 };
  LodeBackbone *conv4;

  g_assert_null (ops->create (NULL, conf, &low, &error));
  g_assert_nonnull (strstr (error->message, "conv4: the input has 7 x 28 pixels"));
  g_assert_nonnull (strstr (error->message, "at least 8 x 8"));
  conv4 = ops->create (NULL, conf, &enough, &other);
  g_assert_no_error (other);
  ops->destroy (conv4);
  ops->destroy (NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/conv4/sizes", test_sizes);
  g_test_add_func ("/conv4/hand", test_hand);
  g_test_add_func ("/conv4/gradients", test_gradients);
  g_test_add_func ("/conv4/threads", test_threads);
  g_test_add_func ("/conv4/sides", test_sides);
  g_test_add_func ("/conv4/small", test_small);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiply-adds and weights, heads included, against published and hand-counted figures; expected
 * multiply-adds against enumeration.
 */
#include "error.h"
#include "plugins/family.h"
#include "space/cost.h"

static const char v1[] = "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
                         "('skip_connect', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), "
                         "('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)], "
                         "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
                         "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
                         "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
                         "('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, 5])";
static const char v2[] = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
                         "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), "
                         "('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], "
                         "normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
                         "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
                         "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
                         "('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])";

static Family *
cells_family (int64_t channels, int64_t cells)
{
  LodeNode *group = test_group ();

  test_set (group, "channels", channels);
  test_set (group, "cells", cells);
  return family_new ("darts", group);
}

static LodeCost *
cost_new (const Family *family, bool shared, uint32_t classes)
{
  LodeAssembly assembly = { .family = { family->ops, family->backbone },
                            .input = { 32, 32, 3 },
                            .outputs = classes,
                            .shared = shared };

  return lode_cost_new (&assembly);
}

static void
assert_cost (LodeCost *cost, const uint8_t *arch, uint64_t macs, uint64_t params)
{
  g_autoptr (GError) error = NULL;
  uint64_t found[2] = { 0, 0 }, alone = 0;

  g_assert_true (lode_cost_of (cost, arch, &found[0], &found[1], &error));
  g_assert_no_error (error);
  if (macs)
    g_assert_cmpuint (found[0], ==, macs);
  g_assert_cmpuint (found[1], ==, params);
  g_assert_true (lode_cost_of (cost, arch, NULL, &alone, &error));
  g_assert_cmpuint (alone, ==, found[1]);
  g_assert_true (lode_cost_of (cost, arch, &alone, NULL, &error));
  g_assert_cmpuint (alone, ==, found[0]);
}

static void
test_supernet (void)
{
  Family *family = cells_family (16, 8);
  g_autoptr (LodeCost) cost = cost_new (family, true, 10);

  assert_cost (cost, NULL, 300255744, 1930618);
  g_clear_pointer (&cost, lode_cost_free);
  family_free (family);
}

/* One object counts all of them, in any order. */
static void
test_published (void)
{
  Family *family = cells_family (36, 20);
  g_autoptr (LodeCost) ten = cost_new (family, false, 10), hundred = cost_new (family, false, 100);
  uint8_t arch[2][28];

  g_assert_true (family->ops->read (family->backbone, v1, arch[0], NULL));
  g_assert_true (family->ops->read (family->backbone, v2, arch[1], NULL));
  for (int i = 0; i < 2; i++) {
    assert_cost (ten, arch[0], 0, 3169414);
    assert_cost (ten, arch[1], 528359040, 3349342);
    assert_cost (hundred, arch[1], 528359040 + 576 * 90, 3401272);
  }
  g_clear_pointer (&ten, lode_cost_free);
  g_clear_pointer (&hundred, lode_cost_free);
  family_free (family);
}

static void
test_resnet (void)
{
  LodeNode *group = test_group ();
  Family *family;
  g_autoptr (LodeCost) cost = NULL;

  test_set (group, "depth", 20);
  test_set_text (group, "shortcut", "B");
  family = family_new ("resnet", group);
  cost = cost_new (family, false, 10);
  assert_cost (cost, NULL, 0, 272474);
  g_clear_pointer (&cost, lode_cost_free);
  family_free (family);
}

static void
test_mlp (void)
{
  Family *family = family_new ("mlp", NULL);
  g_autoptr (LodeCost) cost = cost_new (family, false, 7);
  uint64_t weights = 3072 * 128 + 128 * 64 + 64 * 7;

  assert_cost (cost, NULL, weights, weights + 128 + 64 + 7);
  g_clear_pointer (&cost, lode_cost_free);
  family_free (family);
}

/* Options of a decision are linear layers of 1, 2, 3 … units on the same vector, added up behind
 * another of 4, under one name whatever their width; the last option of the second cannot be built.
 */
static const char *const units[] = { "one", "two", "three" };
static const LodeDecision two[] = {
  { .name = "first", .n = 3, .option = units, .from = -1, .to = -1 },
  { .name = "second", .n = 3, .option = units, .from = -1, .to = -1 },
};
static const LodeSpace two_space = { sizeof (LodeSpace), sizeof (LodeDecision), 2, 6, two };
static uint32_t builds;

static const LodeSpace *
units_space (const LodeBackbone *backbone)
{
  (void) backbone;
  return &two_space;
}

static bool
units_build (const LodeBackbone *backbone, LodeGraph *graph, LodeBuild *build, GError **error)
{
  static const char *const name[] = { "a", "b" };
  LodeValue part[2] = { -1, -1 };

  (void) error;
  builds++;
  for (uint32_t d = 0; d < 2; d++)
    for (uint32_t o = 0; o < 3; o++)
      if (lode_graph_wants (graph, d, o))
        part[d] = lode_linear (graph, name[d], build->image, o + 1, false);
  if (backbone && lode_graph_wants (graph, 1, 2))
    lode_graph_fail (graph, "three is too wide");
  part[0] = lode_linear (graph, "up.a", part[0], 4, false);
  part[1] = lode_linear (graph, "up.b", part[1], 4, false);
  build->features = lode_add (graph, 2, part);
  return true;
}

static const LodeBackboneOps units_ops = { .size = sizeof (LodeBackboneOps),
                                           .space = units_space,
                                           .build = units_build };

static LodeCost *
units_cost (bool fails)
{
  LodeAssembly assembly = { .family = { &units_ops, NULL }, .input = { 1, 1, 5 }, .outputs = 2 };
  static char flag;

  assembly.family.backbone = fails ? (const LodeBackbone *) (const void *) &flag : NULL;
  return lode_cost_new (&assembly);
}

static uint64_t
units_macs (uint32_t a, uint32_t b)
{
  return (a + 1) * (5 + 4) + (b + 1) * (5 + 4) + 4 * 2;
}

/* The same names at other widths, wide and narrow in turn. */
static void
test_widths (void)
{
  g_autoptr (LodeCost) cost = units_cost (false);

  for (uint8_t i = 0; i < 18; i++) {
    uint8_t arch[2] = { (uint8_t) (i * 7 % 3), (uint8_t) (i * 5 % 9 / 3) };

    assert_cost (cost, arch, units_macs (arch[0], arch[1]), units_macs (arch[0], arch[1]) + 2);
  }
}

static void
test_masks (void)
{
  Family *family = cells_family (4, 3);
  g_autoptr (LodeCost) cost = cost_new (family, true, 10);
  g_autofree uint64_t *mask = g_new0 (uint64_t, 28);
  g_autoptr (GError) error = NULL;
  uint64_t all[2], masked[2], part[2];

  g_assert_true (lode_cost_mask (cost, NULL, &all[0], &all[1], &error));
  lode_space_all (family->space, mask);
  g_assert_true (lode_cost_mask (cost, mask, &masked[0], &masked[1], &error));
  g_assert_cmpmem (all, sizeof all, masked, sizeof masked);
  mask[3] &= ~(UINT64_C (1) << 5); /* without one separable 5 × 5 of the normal cell */
  g_assert_true (lode_cost_mask (cost, mask, &part[0], &part[1], &error));
  g_assert_cmpuint (part[1], <, all[1]);
  /* Two times depthwise and pointwise; the one normal cell of three has 4 channels at 32 × 32. */
  g_assert_cmpuint (all[1] - part[1], ==, 2 * (25 * 4 + 4 * 4));
  g_assert_cmpuint (all[0] - part[0], ==, UINT64_C (32) * 32 * 2 * (25 * 4 + 4 * 4));
  g_clear_pointer (&cost, lode_cost_free);
  family_free (family);
}

static void
test_refused (void)
{
  g_autoptr (LodeCost) cost = units_cost (true);
  g_autoptr (GError) error = NULL;
  uint8_t wrong[2] = { 0, 3 }, unbuildable[2] = { 0, 2 }, fine[2] = { 0, 1 };
  uint64_t macs = 77, params = 78;

  g_assert_false (lode_cost_of (cost, unbuildable, &macs, &params, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "three is too wide"));
  g_clear_error (&error);
  g_assert_false (lode_cost_of (cost, wrong, &macs, &params, &error));
  g_assert_nonnull (error);
  g_assert_cmpuint (macs, ==, 77);
  g_assert_cmpuint (params, ==, 78);
  assert_cost (cost, fine, units_macs (0, 1), units_macs (0, 1) + 2);
}

/* Where every architecture can be built and costs add up, the expectation is the mean over all. */
static void
test_expect (void)
{
  g_autoptr (LodeCost) cost = units_cost (false);
  const float prob[] = { 0.2f, 0.5f, 0.3f, 0.1f, 0.1f, 0.8f };
  float dprob[6];
  double mean = 0, found;
  uint32_t before;

  for (uint32_t a = 0; a < 3; a++)
    for (uint32_t b = 0; b < 3; b++)
      mean += (double) prob[a] * (double) prob[3 + b] * (double) units_macs (a, b);
  builds = 0;
  found = lode_cost_expect (cost, prob, dprob);
  g_assert_cmpfloat_with_epsilon (found, mean, 1e-4 * mean);
  g_assert_cmpfloat (dprob[2] - dprob[0], ==, 18);
  g_assert_cmpfloat (dprob[5] - dprob[4], ==, 9);
  before = builds;
  g_assert_cmpuint (before, >, 0);
  g_assert_cmpuint (before, <=, 7);
  g_assert_cmpfloat (lode_cost_expect (cost, prob, NULL), ==, found);
  g_assert_cmpuint (builds, ==, before);
}

/* An architecture of 20 cells, in no more time than a search may spend on one; the best of many. */
static void
test_speed (void)
{
  Family *family = cells_family (16, 8);
  g_autoptr (LodeCost) cost = cost_new (family, false, 10);
  gint64 best = G_MAXINT64;
  uint8_t arch[28];
  LodeRng rng = { .key = 2 };
  uint64_t macs;

  for (int i = 0; i < 300; i++) {
    gint64 start;

    family->ops->sample (family->backbone, arch, &rng);
    start = g_get_monotonic_time ();
    g_assert_true (lode_cost_of (cost, arch, &macs, NULL, NULL));
    best = MIN (best, g_get_monotonic_time () - start);
  }
  g_test_message ("an architecture of 8 cells is counted in %d µs", (int) best);
  if (g_test_perf ())
    g_assert_cmpint (best, <, 100);
  g_clear_pointer (&cost, lode_cost_free);
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/cost/supernet", test_supernet);
  g_test_add_func ("/cost/published", test_published);
  g_test_add_func ("/cost/resnet", test_resnet);
  g_test_add_func ("/cost/mlp", test_mlp);
  g_test_add_func ("/cost/widths", test_widths);
  g_test_add_func ("/cost/masks", test_masks);
  g_test_add_func ("/cost/refused", test_refused);
  g_test_add_func ("/cost/expect", test_expect);
  g_test_add_func ("/cost/speed", test_speed);
  return g_test_run ();
}

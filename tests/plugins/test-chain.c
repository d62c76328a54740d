/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The space of backbone chain: published sizes, the expected cost, texts, legal chains, and nets of
 * it run by the engine.
 */
#include "family.h"
#include "lend.h"

enum { BATCH = 4, MOST = 64 };

static const LodeBuild derived = { .size = sizeof (LodeBuild) };

static void
set_texts (LodeNode *group, const char *name, const char *words)
{
  LodeNode *list = lode_node_new (LODE_VALUE_LIST, name, "test");
  g_auto (GStrv) word = g_strsplit (words, " ", -1);

  for (char **at = word; *at; at++) {
    LodeNode *node = lode_node_new (LODE_VALUE_TEXT, NULL, "test");

    node->text = g_strdup (*at);
    g_ptr_array_add (list->children, node);
  }
  lode_node_set (group, list);
}

static void
set_reals (LodeNode *group, const char *name, const char *numbers)
{
  LodeNode *list = lode_node_new (LODE_VALUE_LIST, name, "test");
  g_auto (GStrv) word = g_strsplit (numbers, " ", -1);

  for (char **at = word; *at && **at; at++) {
    LodeNode *node = lode_node_new (LODE_VALUE_REAL, NULL, "test");

    node->real = g_ascii_strtod (*at, NULL);
    g_ptr_array_add (list->children, node);
  }
  lode_node_set (group, list);
}

static void
set_flag (LodeNode *group, const char *name)
{
  LodeNode *node = lode_node_new (LODE_VALUE_BOOL, name, "test");

  node->flag = true;
  lode_node_set (group, node);
}

/* The space of NAS-Bench-Macro (Su et al. 2021): eight slots, three of which halve the image. */
static Family *
macro_new (void)
{
  LodeNode *group = test_group ();

  test_set (group, "slots", 8);
  set_texts (group, "kinds", "skip mb3_3 mb6_5");
  set_reals (group, "widths", "64");
  set_reals (group, "growth", "1 1 2 2 2 4 4 4");
  set_reals (group, "halve_at", "0 2 5");
  test_set_text (group, "halve", "stride");
  test_set (group, "stem", 32);
  test_set (group, "last", 1280);
  return family_new ("chain", group);
}

/* Its table gives weights and multiply-adds of every network. */
static void
test_published (void)
{
  static const struct {
    const char *digits;
    uint64_t params, macs;
  } golden[] = {
    { "00000000", 387882, 7713280 },   { "01110120", 1500970, 42711552 },
    { "02200012", 1760170, 51880448 }, { "11011020", 1462090, 45085184 },
    { "12022211", 1986826, 76816896 }, { "20010010", 917098, 30769664 },
    { "20122210", 1567402, 65405440 }, { "20210020", 1421546, 47092224 },
    { "21000211", 1528874, 46612992 }, { "22222222", 2932586, 105660928 },
  };
  Family *family = macro_new ();

  g_assert_cmpuint (family->space->n, ==, 8);
  g_assert_cmpuint (family->space->options, ==, 24);
  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    uint8_t arch[8];
    Count count;

    for (int s = 0; s < 8; s++)
      arch[s] = (uint8_t) (golden[i].digits[s] - '0');
    count = family_cost (family, derived, 32, arch);
    g_assert_cmpuint (count.params, ==, golden[i].params);
    g_assert_cmpuint (count.macs, ==, golden[i].macs);
  }
  family_free (family);
}

/* Four slots of one kind are the network of few-shot learning, less the biases that its norms make
 * superfluous: 32 901 weights on 84 × 84 pixels, 5 ways. */
static void
test_few_shot (void)
{
  LodeNode *group = test_group ();
  Family *family;
  g_autoptr (GError) error = NULL;
  Count count;

  set_texts (group, "kinds", "conv3");
  set_reals (group, "widths", "32");
  test_set_text (group, "features", "flat");
  family = family_new ("chain", group);
  g_assert_cmpuint (family->space->n, ==, 0);
  family_count (family, derived, (LodeShape){ 84, 84, 3 }, 5, NULL, &count, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count.params, ==, 32901 - 4 * 32);
  g_assert_cmpuint (count.macs, ==,
                    84 * 84 * 27 * 32 + (42 * 42 + 21 * 21 + 10 * 10) * 9 * 32 * 32 + 800 * 5);
  family_free (family);
}

static Family *
wide_new (bool passes, const char *halve, const char *skip, const char *feature)
{
  LodeNode *group = test_group ();

  test_set (group, "slots", 5);
  set_texts (group, "kinds", "conv3 conv5 sep3 dil5 mb3_3 skip");
  set_reals (group, "widths", "2 4 5");
  set_reals (group, "growth", "1 1 2");
  set_reals (group, "halve_at", "1 3");
  test_set_text (group, "halve", halve);
  test_set_text (group, "skip", skip);
  test_set_text (group, "features", feature);
  test_set (group, "stem", feature[0] == 'm' ? 3 : 0);
  test_set (group, "stem_stride", 2);
  test_set (group, "last", feature[0] == 'm' ? 7 : 0);
  if (passes)
    set_flag (group, "passes");
  return family_new ("chain", group);
}

static void
test_space (void)
{
  Family *family = wide_new (true, "pool", "project", "mean");
  const LodeDecision *kind = lode_space_at (family->space, 0);
  const LodeDecision *width = lode_space_at (family->space, 7);

  g_assert_cmpuint (family->ops->can, ==, LODE_SHARE | LODE_MIX);
  g_assert_cmpuint (family->space->n, ==, 15);
  g_assert_cmpuint (family->space->options, ==, 5 * (6 + 3 + 2));
  g_assert_cmpstr (kind->name, ==, "kind.0");
  g_assert_cmpstr (kind->option[3], ==, "dil5");
  g_assert_cmpuint (lode_space_trait (kind, 5), ==, LODE_TRAIT_SKIP);
  g_assert_cmpuint (lode_space_trait (kind, 4), ==, LODE_TRAIT_PLAIN);
  g_assert_cmpstr (width->name, ==, "width.2");
  g_assert_cmpstr (width->option[2], ==, "10");
  g_assert_cmpstr (lode_space_at (family->space, 14)->name, ==, "pass.4");
  family_free (family);
}

static void
random_arch (const Family *family, LodeRng *rng, uint8_t *arch)
{
  for (uint32_t d = 0; d < family->space->n; d++)
    arch[d] = (uint8_t) lode_rng_below (rng, lode_space_at (family->space, d)->n);
  family->ops->repair (family->backbone, arch, rng);
}

/* prob: [options] one bit a decision */
static void
one_hot (const Family *family, const uint8_t *arch, float *prob)
{
  memset (prob, 0, family->space->options * sizeof *prob);
  for (uint32_t d = 0; d < family->space->n; d++)
    prob[lode_space_first (family->space, d) + arch[d]] = 1;
}

/* Exact at one bit a decision; affine in each decision; the gradient is the difference of bits. */
static void
check_expect (Family *family, LodeRng *rng)
{
  float prob[MOST], slope[MOST];
  uint8_t arch[MOST];
  double whole, sum = 0, first = 0;
  uint32_t d = lode_rng_below (rng, family->space->n), at = lode_space_first (family->space, d);
  uint32_t n = lode_space_at (family->space, d)->n;

  random_arch (family, rng, arch);
  one_hot (family, arch, prob);
  g_assert_cmpfloat (family->ops->expect (family->backbone, 10, prob, NULL), ==,
                     (double) family_cost (family, derived, 32, arch).macs);
  for (uint32_t e = 0, i = 0; e < family->space->n; e++)
    for (uint32_t m = lode_space_at (family->space, e)->n, o = 0; o < m; o++)
      prob[i++] = (float) (2 * (o + 1)) / (float) (m * (m + 1));
  whole = family->ops->expect (family->backbone, 10, prob, slope);
  for (uint32_t o = 0; o < n; o++) {
    float bit[MOST];
    double found;

    memcpy (bit, prob, sizeof bit);
    memset (bit + at, 0, n * sizeof *bit);
    bit[at + o] = 1;
    found = family->ops->expect (family->backbone, 10, bit, NULL);
    sum += (double) prob[at + o] * found;
    first = o ? first : found;
    g_assert_cmpfloat_with_epsilon ((double) slope[at + o] - (double) slope[at], found - first,
                                    1e-6 * whole);
  }
  g_assert_cmpfloat_with_epsilon (sum, whole, 1e-6 * whole);
}

static void
test_expect (void)
{
  LodeRng rng = { .key = 3 };

  for (int i = 0; i < 8; i++) {
    Family *family = wide_new (i & 1, i & 2 ? "pool" : "stride", i & 4 ? "pad" : "project",
                               i & 1 ? "flat" : "mean");

    for (int trial = 0; trial < 30; trial++)
      check_expect (family, &rng);
    family_free (family);
  }
}

static void
test_text (void)
{
  Family *family = wide_new (true, "pool", "project", "mean"), *macro = macro_new ();
  LodeRng rng = { .key = 4 };
  uint8_t arch[MOST], back[MOST];
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  for (int i = 0; i < 200; i++) {
    g_autofree char *written = NULL;

    random_arch (family, &rng, arch);
    written = family->ops->write (family->backbone, arch);
    g_assert_true (family->ops->read (family->backbone, written, back, &error));
    g_assert_cmpmem (arch, family->space->n, back, family->space->n);
  }
  g_assert_true (family->ops->read (
      family->backbone, " conv3@2 mb3_3@5+pass\nskip@10  dil5@4 sep3@8 ", arch, &error));
  text = family->ops->write (family->backbone, arch);
  g_assert_cmpstr (text, ==, "conv3@2 mb3_3@5+pass skip@10 dil5@4 sep3@8");
  g_free (text);
  memset (arch, 1, 8);
  text = macro->ops->write (macro->backbone, arch);
  g_assert_cmpstr (text, ==, "mb3_3 mb3_3 mb3_3 mb3_3 mb3_3 mb3_3 mb3_3 mb3_3");
  family_free (family);
  family_free (macro);
}

static void
refuse (const Family *family, const char *text, const char *reason)
{
  uint8_t arch[MOST], before[MOST];
  g_autoptr (GError) error = NULL;

  memset (arch, 1, sizeof arch);
  memcpy (before, arch, sizeof arch);
  g_assert_false (family->ops->read (family->backbone, text, arch, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, reason))
    g_error ("\"%s\" is refused with \"%s\", expected \"%s\"", text, error->message, reason);
  g_assert_cmpmem (arch, sizeof arch, before, sizeof arch);
}

static void
test_bad_text (void)
{
  Family *family = wide_new (true, "pool", "project", "mean");

  refuse (family, "", "slot 0: expected a word for each slot, found \"(the end)\"");
  refuse (family, "conv3@2", "slot 1: expected a word for each slot");
  refuse (family, "conv3@2 conv7@2", "slot 1: expected one of conv3, conv5, sep3, dil5, mb3_3");
  refuse (family, "conv3", "\"@\" and a width");
  refuse (family, "conv3@3", "slot 0: expected one of 2, 4, 5, found \"3\"");
  refuse (family, "conv3@", "expected one of 2, 4, 5");
  refuse (family, "skip@2+pass", "found \"+pass\"");
  refuse (family, "conv3@2+", "the end of the slot's word");
  refuse (family, "conv3@2 conv3@2 conv3@4 conv3@4 conv3@4 conv3@4", "slot 5: expected the end");
  family_free (family);
}

static void
refuse_options (const char *name, const char *list, bool texts, const char *reason)
{
  LodeNode *group = test_group ();
  g_autoptr (GError) error = NULL;

  if (texts)
    set_texts (group, name, list);
  else
    set_reals (group, name, list);
  g_assert_null (family_try ("chain", group, &error));
  if (!strstr (error->message, reason))
    g_error ("%s = %s is refused with \"%s\", expected \"%s\"", name, list, error->message, reason);
}

static void
test_refused (void)
{
  refuse_options ("kinds", "conv3 conv4", true, "kinds has \"conv4\"");
  refuse_options ("kinds", "conv", true, "kinds has \"conv\"");
  refuse_options ("kinds", "mb6", true, "kinds has \"mb6\"");
  refuse_options ("kinds", "mb0_3", true, "kinds has \"mb0_3\"");
  refuse_options ("kinds", "sep3x", true, "kinds has \"sep3x\"");
  refuse_options ("kinds", "conv17", true, "kinds has \"conv17\"");
  refuse_options ("kinds", "sep3 skip sep3", true, "\"sep3\" twice");
  refuse_options ("widths", "16 8", false, "they have to rise");
  refuse_options ("widths", "", false, "widths has 0 entries");
  refuse_options ("growth", "", false, "growth 0");
  refuse_options ("halve_at", "4", false, "halve_at names slot 4 of 4");
  refuse_options ("halve_at", "0.5", false, "halve_at names slot 0.5");
}

/* No identity around a skip, whatever the weights say. */
static void
test_legal (void)
{
  Family *family = wide_new (true, "pool", "project", "mean");
  LodeRng rng = { .key = 5 };
  float mix[MOST];
  uint8_t arch[MOST], again[MOST];

  for (int i = 0; i < 100; i++) {
    for (uint32_t o = 0; o < family->space->options; o++)
      mix[o] = (float) lode_rng_uniform (&rng);
    family->ops->derive (family->backbone, mix, NULL, arch);
    memcpy (again, arch, sizeof arch);
    family->ops->repair (family->backbone, again, &rng);
    g_assert_cmpmem (arch, family->space->n, again, family->space->n);
    for (uint32_t s = 0; s < 5; s++)
      for (uint32_t o = 0; o < 6; o++)
        g_assert_true (mix[11 * s + o] <= mix[11 * s + arch[3 * s]]);
    for (uint32_t s = 0; s < 5; s++)
      g_assert_false (arch[3 * s] == 5 && arch[3 * s + 2]);
  }
  family_free (family);
}

/* Records on the layouts that the net has already, if it has. */
static void
record_into (Net *net, const Family *family, bool shared)
{
  LodeBuild build = { .size = sizeof build, .image = net->x, .index = -1, .shared = shared };
  g_autoptr (GError) error = NULL;

  family->ops->build (family->backbone, net->graph, &build, &error);
  g_assert_no_error (error);
  lode_record_output (net->record, build.features);
  lode_record_check (net->record, &error);
  g_assert_no_error (error);
}

static Net *
record (const Family *family, LodeShape shape, const uint64_t *mask, const float *gate)
{
  Net *net = net_new (shape, BATCH, family->space, mask);

  record_into (net, family, true);
  net_ready (net, 1, lode_kernels_at (0));
  hand_shake_norms (net);
  net->bind.gate = gate;
  return net;
}

static Family *
small_new (bool passes, const char *kinds)
{
  LodeNode *group = test_group ();

  test_set (group, "slots", 3);
  set_texts (group, "kinds", kinds);
  set_reals (group, "widths", "3 4");
  set_reals (group, "halve_at", "1");
  if (passes)
    set_flag (group, "passes");
  return family_new ("chain", group);
}

static void
test_gradients (void)
{
  Family *family = small_new (true, "conv3 mb2_3 skip dil3");
  LodeRng rng = { .key = 6 };
  uint64_t mask[MOST];
  float gate[MOST], dgate[MOST];
  Net *net;

  lode_space_all (family->space, mask);
  for (int i = 0; i < MOST; i++)
    gate[i] = (float) (0.2 + 0.5 * lode_rng_uniform (&rng));
  net = record (family, (LodeShape){ 7, 6, 3 }, mask, gate);
  net->bind.dgate = dgate;
  net_check (net, 1, 2, 4e-3, 0.05);
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  for (uint32_t i = 0; i < family->space->options; i++) {
    double most = largest (dgate, family->space->options), slope;
    float keep[MOST];

    memcpy (keep, dgate, sizeof keep);
    slope = net_nearest (net, &gate[i], (double) dgate[i], 4e-3, 1);
    g_assert_cmpfloat (fabs (slope - (double) keep[i]), <=, 2e-2 * most);
  }
  net_free (net);
  family_free (family);
}

/* A path in the super-network's weights computes what it computes in its own, as shared and as a
 * network of its own, and leaves everything else alone. */
static void
test_path (void)
{
  LodeRng rng = { .key = 7 };
  LodeShape shape = { 8, 8, 3 };

  for (int i = 0; i < 24; i++) {
    Family *family = wide_new (i & 1, i & 2 ? "pool" : "stride", i & 4 ? "pad" : "project", "mean");
    uint64_t all[MOST], mask[MOST];
    uint8_t arch[MOST];
    Net *whole, *alone;

    random_arch (family, &rng, arch);
    lode_space_one (family->space, arch, mask);
    lode_space_all (family->space, all);
    whole = net_new (shape, BATCH, family->space, all);
    record_into (whole, family, true);
    lode_record_reset (whole->record, family->space, mask);
    whole->x = lode_record_image (whole->record, &shape);
    record_into (whole, family, true);
    net_ready (whole, 1, lode_kernels_at (0));
    hand_shake_norms (whole);
    alone = net_new (shape, BATCH, family->space, mask);
    record_into (alone, family, false);
    net_ready (alone, 1, lode_kernels_at (0));
    copy_weights (whole, alone);
    g_assert_cmpfloat_with_epsilon (net_pass (whole, LODE_GRAD_WEIGHTS, 1), net_pass (alone, 0, 1),
                                    1e-3);
    check_untouched (whole, alone);
    net_free (whole);
    net_free (alone);
    family_free (family);
  }
}

static void
test_draw (void)
{
  Family *family = wide_new (true, "pool", "project", "mean");
  uint8_t arch[MOST] = { 0 };
  g_autofree char *dot = NULL;

  arch[2] = 1;
  dot = family->ops->draw (family->backbone, arch);
  g_assert_true (g_str_has_prefix (dot, "digraph"));
  g_assert_nonnull (strstr (dot, "slot_1 [label=\"conv3\\n2 channels\""));
  g_assert_nonnull (strstr (dot, "2×2 maximum"));
  g_assert_nonnull (strstr (dot, "slot_0:s -> slot_1:s [label=\"+\""));
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/chain/published", test_published);
  g_test_add_func ("/chain/few-shot", test_few_shot);
  g_test_add_func ("/chain/space", test_space);
  g_test_add_func ("/chain/expect", test_expect);
  g_test_add_func ("/chain/text", test_text);
  g_test_add_func ("/chain/bad-text", test_bad_text);
  g_test_add_func ("/chain/refused", test_refused);
  g_test_add_func ("/chain/legal", test_legal);
  g_test_add_func ("/chain/gradients", test_gradients);
  g_test_add_func ("/chain/path", test_path);
  g_test_add_func ("/chain/draw", test_draw);
  return g_test_run ();
}

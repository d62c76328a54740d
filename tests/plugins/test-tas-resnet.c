/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The space of backbone tas-resnet: candidates, published networks and estimates, the expected cost
 * and its gradient, texts and keys.
 */
#include "family.h"
#include "released.h"
#include "space/cost.h"

#include <math.h>

static const LodeBuild derived = { .size = sizeof (LodeBuild) };

static Family *
space_new (int64_t depth, bool bottleneck, const char *search, const char *handed)
{
  LodeNode *group = test_group ();

  test_set (group, "depth", depth);
  test_set_text (group, "block", bottleneck ? "bottleneck" : "basic");
  test_set_text (group, "search", search);
  test_set_text (group, "handed", handed);
  return family_new ("tas-resnet", group);
}

static Family *
both_new (int64_t depth, bool bottleneck)
{
  return space_new (depth, bottleneck, "both", "kept");
}

/* Transfer full. */
static uint8_t *
read_arch (const Family *family, const char *text)
{
  uint8_t *arch = g_new0 (uint8_t, family->space->n + 1);
  g_autoptr (GError) error = NULL;

  family->ops->read (family->backbone, text, arch, &error);
  g_assert_no_error (error);
  return arch;
}

static void
assert_options (const Family *family, const char *name, const char *expected)
{
  GString *text = g_string_new (NULL);

  for (uint32_t d = 0; d < family->space->n; d++) {
    const LodeDecision *decision = lode_space_at (family->space, d);

    for (uint32_t o = 0; !strcmp (decision->name, name) && o < decision->n; o++)
      g_string_append_printf (text, "%s%s", o ? " " : "", decision->option[o]);
  }
  g_assert_cmpstr (text->str, ==, expected);
  g_string_free (text, TRUE);
}

/* The candidates of the paper's §4. */
static void
test_space (void)
{
  Family *family = both_new (20, false);

  g_assert_cmpuint (family->ops->can, ==, LODE_SHARE | LODE_MIX);
  g_assert_cmpuint (family->space->n, ==, 19 + 3);
  g_assert_cmpuint (family->space->options, ==, 19 * 8 + 9);
  assert_options (family, "width.stem", "4 6 8 9 11 12 14 16");
  assert_options (family, "width.0.2.1", "4 6 8 9 11 12 14 16");
  assert_options (family, "width.1.0.0", "9 12 16 19 22 25 28 32");
  assert_options (family, "width.2.2.1", "19 25 32 38 44 51 57 64");
  assert_options (family, "depth.0", "1 2 3");
  g_assert_cmpstr (lode_space_at (family->space, 19)->group, ==, "depth");
  family_free (family);

  family = both_new (56, false);
  g_assert_cmpuint (family->space->n, ==, 55 + 3);
  assert_options (family, "depth.1", "1 3 5 7 9");
  family_free (family);
  family = both_new (164, true);
  g_assert_cmpuint (family->space->n, ==, 163 + 3);
  assert_options (family, "width.1.3.2", "38 51 64 76 89 102 115 128");
  assert_options (family, "depth.2", "1 3 5 7 9 11 13 15 17 18");
  family_free (family);
}

/* One of the two alone; widths that fall together are one. */
static void
test_parts (void)
{
  Family *family = space_new (32, false, "width", "kept");
  LodeNode *group = test_group ();

  g_assert_cmpuint (family->space->n, ==, 31);
  family_free (family);
  family = space_new (32, false, "depth", "kept");
  g_assert_cmpuint (family->space->n, ==, 3);
  assert_options (family, "depth.2", "1 3 5");
  family_free (family);
  test_set (group, "width", 2);
  test_set (group, "depth", 8);
  family = family_new ("tas-resnet", group);
  assert_options (family, "width.stem", "1 2");
  assert_options (family, "width.1.0.0", "1 2 3 4");
  assert_options (family, "depth.0", "1");
  family_free (family);
}

static void
test_full (void)
{
  static const struct {
    int64_t depth;
    uint64_t macs, params;
  } golden[] = { { 20, 40813184, 272282 },
                 { 32, 69124736, 466714 },
                 { 56, 125747840, 855578 },
                 { 110, 253149824, 1730522 },
                 { 164, 247646720, 1703386 } };

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    Family *family = both_new (golden[i].depth, golden[i].depth == 164);
    g_autofree uint8_t *arch = read_arch (family, "full");
    Count count = family_cost (family, derived, 32, arch);

    g_assert_cmpuint (count.macs, ==, golden[i].macs);
    g_assert_cmpuint (count.params, ==, golden[i].params);
    family_free (family);
  }
}

/* prob: [options] one bit a decision */
static void
one_hot (const Family *family, const uint8_t *arch, float *prob)
{
  memset (prob, 0, family->space->options * sizeof *prob);
  for (uint32_t d = 0, at = 0; d < family->space->n; d++) {
    prob[at + arch[d]] = 1;
    at += lode_space_at (family->space, d)->n;
  }
}

static double
expect_arch (const Family *family, uint32_t classes, const uint8_t *arch)
{
  g_autofree float *prob = g_new (float, family->space->options);

  one_hot (family, arch, prob);
  return family->ops->expect (family->backbone, classes, prob, NULL);
}

/* The published estimates to the last digit, and the networks as they are built. */
static void
test_released (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (released); i++) {
    const Released *net = &released[i];
    Family *family = both_new (net->depth, net->depth == 164);
    Family *last = space_new (net->depth, net->depth == 164, "both", "last");
    g_autofree uint8_t *arch = read_arch (family, net->text);
    g_autofree uint64_t *mask = g_new0 (uint64_t, family->space->n);
    g_autofree char *text = family->ops->write (family->backbone, arch);
    g_autoptr (GError) error = NULL;
    Count count;

    g_assert_cmpstr (text, ==, net->text);
    lode_space_one (family->space, arch, mask);
    family_count (family, derived, (LodeShape){ 32, 32, 3 }, net->classes, mask, &count, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (count.macs, ==, net->macs);
    g_assert_cmpuint (count.params, ==, net->params);
    g_assert_cmpfloat (expect_arch (last, net->classes, arch), ==, (double) net->estimate);
    g_assert_cmpfloat (expect_arch (family, net->classes, arch), ==, (double) net->macs);
    family_free (family);
    family_free (last);
  }
}

static void
soft (const Family *family, LodeRng *rng, float *prob)
{
  for (uint32_t d = 0, at = 0; d < family->space->n; d++) {
    uint32_t n = lode_space_at (family->space, d)->n;
    double sum = 0, p[64];

    for (uint32_t o = 0; o < n; o++)
      sum += p[o] = exp (lode_rng_normal (rng));
    for (uint32_t o = 0; o < n; o++)
      prob[at++] = (float) (p[o] / sum);
  }
}

/* Any architecture is expected at what it records. */
static void
check_recorded (Family *family, uint32_t side, LodeRng *rng)
{
  for (int i = 0; i < 40; i++) {
    g_autofree uint8_t *arch = g_new0 (uint8_t, family->space->n);

    for (uint32_t d = 0; d < family->space->n; d++)
      arch[d] = (uint8_t) lode_rng_below (rng, lode_space_at (family->space, d)->n);
    g_assert_cmpfloat (expect_arch (family, 10, arch), ==,
                       (double) family_cost (family, derived, side, arch).macs);
  }
}

/* The expectation is affine in the probabilities of each decision, so that with one bit a decision
 * it is right everywhere; the gradient is the difference between bits. */
static void
check_affine (Family *family, LodeRng *rng)
{
  uint32_t options = family->space->options;
  g_autofree float *prob = g_new (float, options), *slope = g_new (float, options);
  double whole;

  soft (family, rng, prob);
  whole = family->ops->expect (family->backbone, 10, prob, slope);
  for (uint32_t d = 0, at = 0; d < family->space->n;
       at += lode_space_at (family->space, d)->n, d++) {
    uint32_t n = lode_space_at (family->space, d)->n;
    double sum = 0, bit[64], most = 0;
    float keep[64];

    memcpy (keep, prob + at, n * sizeof *keep);
    for (uint32_t o = 0; o < n; o++) {
      memset (prob + at, 0, n * sizeof *prob);
      prob[at + o] = 1;
      bit[o] = family->ops->expect (family->backbone, 10, prob, NULL);
      sum += (double) keep[o] * bit[o];
      most = fmax (most, fabs (bit[o] - bit[0]));
    }
    memcpy (prob + at, keep, n * sizeof *keep);
    g_assert_cmpfloat_with_epsilon (sum, whole, 1e-6 * whole);
    for (uint32_t o = 0; o < n; o++)
      g_assert_cmpfloat_with_epsilon ((double) slope[at + o] - (double) slope[at], bit[o] - bit[0],
                                      1e-5 * most + 1);
  }
}

static void
test_expect (void)
{
  static const char *const search[] = { "both", "width", "depth" };
  LodeRng rng = { .key = 12 };

  for (int i = 0; i < 3; i++)
    for (int bottleneck = 0; bottleneck < 2; bottleneck++) {
      Family *family = space_new (bottleneck ? 38 : 26, bottleneck, search[i], "kept");

      check_recorded (family, 32, &rng);
      check_affine (family, &rng);
      family_free (family);
      family = space_new (bottleneck ? 38 : 26, bottleneck, search[i], "last");
      check_affine (family, &rng);
      family_free (family);
    }
}

/* All logits alike: the mean of everything; at the largest choice: the full network. */
static void
test_uniform (void)
{
  Family *family = both_new (32, false);
  g_autofree uint8_t *full = read_arch (family, "full");
  g_autofree float *prob = g_new (float, family->space->options);
  uint32_t at = 0;

  for (uint32_t d = 0; d < family->space->n; d++)
    for (uint32_t n = lode_space_at (family->space, d)->n, o = 0; o < n; o++)
      prob[at++] = 1.0f / (float) n;
  g_assert_cmpfloat_with_epsilon (family->ops->expect (family->backbone, 10, NULL, NULL),
                                  family->ops->expect (family->backbone, 10, prob, NULL), 10);
  g_assert_cmpfloat (expect_arch (family, 10, full), ==, 69124736);
  family_free (family);
}

/* The host's expectation counts its own head, and its count of an architecture agrees. */
static void
test_host (void)
{
  Family *family = both_new (20, false);
  LodeAssembly assembly = { .family = { family->ops, family->backbone },
                            .input = { 32, 32, 3 },
                            .outputs = 37 };
  g_autoptr (LodeCost) cost = lode_cost_new (&assembly);
  g_autofree uint8_t *arch = read_arch (family, released[0].text);
  g_autofree float *prob = g_new (float, family->space->options);
  uint64_t macs, params;

  one_hot (family, arch, prob);
  g_assert_true (lode_cost_of (cost, arch, &macs, &params, NULL));
  g_assert_cmpfloat (lode_cost_expect (cost, prob, NULL), ==, (double) macs);
  g_assert_cmpuint (macs, ==, 22444472 + 44 * 27);
  g_clear_pointer (&cost, lode_cost_free);
  family_free (family);
}

static void
test_text (void)
{
  Family *family = both_new (20, false);
  LodeRng rng = { .key = 8 };
  g_autofree uint8_t *arch = g_new0 (uint8_t, family->space->n), *back = NULL;
  g_autofree char *first = NULL;

  for (int i = 0; i < 200; i++) {
    g_autofree char *text = NULL;

    for (uint32_t d = 0; d < family->space->n; d++)
      arch[d] = (uint8_t) lode_rng_below (&rng, lode_space_at (family->space, d)->n);
    text = family->ops->write (family->backbone, arch);
    g_free (back);
    back = read_arch (family, text);
    g_assert_cmpmem (arch, family->space->n, back, family->space->n);
  }
  g_free (back);
  back = read_arch (family, " channels=16,6,4,4,4,4,4,32,32,12,19,32,28,64,64,64,64,64,44\n"
                            "blocks=3,3,3 ");
  first = family->ops->write (family->backbone, back);
  g_assert_cmpstr (first, ==, released[0].text);
  family_free (family);
}

/* Every width at one fraction, as §4.2 thins a network for comparison. */
static void
test_fraction (void)
{
  Family *family = both_new (20, false);
  g_autofree uint8_t *arch = read_arch (family, "fraction=0.7");
  g_autofree char *text = family->ops->write (family->backbone, arch);

  g_assert_cmpstr (text, ==,
                   "blocks=3,3,3 channels=11,11,11,11,11,11,11,22,22,22,22,22,22,44,44,44,44,44,"
                   "44");
  family_free (family);
  family = both_new (29, true);
  g_free (arch);
  g_free (text);
  arch = read_arch (family, "fraction=0.3");
  text = family->ops->write (family->backbone, arch);
  g_assert_cmpstr (text, ==,
                   "blocks=3,3,3 channels=4,4,4,19,4,4,19,4,4,19,9,9,38,9,9,38,9,9,38,19,19,76,19,"
                   "19,76,19,19,76");
  family_free (family);
}

static void
refuse (const Family *family, const char *text, const char *reason)
{
  g_autofree uint8_t *arch = g_malloc0 (family->space->n), *before = NULL;
  g_autoptr (GError) error = NULL;

  memset (arch, 1, family->space->n);
  before = g_memdup2 (arch, family->space->n);
  g_assert_false (family->ops->read (family->backbone, text, arch, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, reason))
    g_error ("\"%s\" is refused with \"%s\", expected \"%s\"", text, error->message, reason);
  g_assert_cmpmem (arch, family->space->n, before, family->space->n);
}

static void
test_bad_text (void)
{
  Family *family = both_new (20, false);

  refuse (family, "", "expected \"blocks=…\" and \"channels=…\", \"full\", or \"fraction=…\"");
  refuse (family, "blocks=3,3,3", "found \"(the end)\"");
  refuse (family, "blocks=3,3", "blocks of stage 1: network: expected a comma and more numbers");
  refuse (family, "blocks=3,4,3", "blocks of stage 1: network: expected 1, 2, 3, found \"4,3\"");
  refuse (family, "blocks=3,3,3,3", "expected a blank or the end");
  refuse (family, "blocks=3,3,3 channels=16,5", "convolution 2 of 19: network: expected 4, 6, 8");
  refuse (family, "blocks=3,3,3 channels=16,6,", "convolution 3 of 19");
  refuse (family, "full fraction=0.7", "found \"fraction=0.7\"");
  refuse (family, "fully", "found \"y\"");
  refuse (family, "fraction=0.55", "expected one of the option `fractions`");
  refuse (family, "fraction=", "expected one of the option");
  refuse (family, "fraction=0.7x", "expected one of the option");
  refuse (family, "blocks=99999999999999999999,1,1", "blocks of stage 0");
  family_free (family);
}

/* What is cut off does not tell networks apart, everything else does. */
static void
test_key (void)
{
  Family *family = both_new (20, false);
  g_autofree uint8_t *arch = read_arch (family, released[0].text);
  g_autofree char *whole = family->ops->key (family->backbone, arch), *cut = NULL;

  arch[family->space->n - 2] = 1; /* two blocks in stage 1 */
  cut = family->ops->key (family->backbone, arch);
  g_assert_cmpstr (cut, !=, whole);
  for (uint32_t layer = 0; layer < 19; layer++) {
    g_autofree char *key = NULL;
    bool dead = layer == 1 + 6 + 4 || layer == 1 + 6 + 5;

    arch[layer] ^= 1;
    key = family->ops->key (family->backbone, arch);
    g_assert_cmpint (!strcmp (key, cut), ==, dead);
    arch[layer] ^= 1;
  }
  family_free (family);
}

static void
refuse_option (const char *name, int64_t value, const char *text, const char *reason)
{
  LodeNode *group = test_group ();
  g_autoptr (GError) error = NULL;

  if (text)
    test_set_text (group, name, text);
  else
    test_set (group, name, value);
  if (text)
    test_set (group, "depth", value);
  g_assert_null (family_try ("tas-resnet", group, &error));
  g_assert_nonnull (strstr (error->message, reason));
}

static void
test_refused (void)
{
  refuse_option ("depth", 21, NULL, "depth = 21; with basic blocks a depth is 6 n + 2");
  refuse_option ("depth", 386, NULL, "n = 1 … 63");
  refuse_option ("block", 32, "bottleneck", "with bottleneck blocks a depth is 9 n + 2");
}

static void
test_draw (void)
{
  Family *family = both_new (32, false);
  g_autofree uint8_t *arch = read_arch (family, released[1].text);
  g_autofree char *dot = NULL;

  arch[family->space->n - 1] = 1;
  dot = family->ops->draw (family->backbone, arch);
  g_assert_true (g_str_has_prefix (dot, "digraph"));
  g_assert_nonnull (strstr (dot, "stage 2: 3 of 5 blocks, at most 64 channels"));
  g_assert_nonnull (strstr (dot, ">19</td>"));
  g_assert_nonnull (strstr (dot, "stem -> stage_0 -> stage_1 -> stage_2 -> features"));
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tas-resnet/space", test_space);
  g_test_add_func ("/tas-resnet/parts", test_parts);
  g_test_add_func ("/tas-resnet/full", test_full);
  g_test_add_func ("/tas-resnet/released", test_released);
  g_test_add_func ("/tas-resnet/expect", test_expect);
  g_test_add_func ("/tas-resnet/uniform", test_uniform);
  g_test_add_func ("/tas-resnet/host", test_host);
  g_test_add_func ("/tas-resnet/text", test_text);
  g_test_add_func ("/tas-resnet/fraction", test_fraction);
  g_test_add_func ("/tas-resnet/bad-text", test_bad_text);
  g_test_add_func ("/tas-resnet/key", test_key);
  g_test_add_func ("/tas-resnet/refused", test_refused);
  g_test_add_func ("/tas-resnet/draw", test_draw);
  return g_test_run ();
}

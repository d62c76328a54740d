/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The space of DARTS: published sizes, derivation, repair, genotypes. Numbers are those of Liu et
 * al. 2019 and of their released networks.
 */
#include "family.h"

static const char v1[] = "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
                         "('skip_connect', 0), ('sep_conv_3x3', 1), "
                         "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
                         "('skip_connect', 2)], normal_concat=[2, 3, 4, "
                         "5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', "
                         "2), ('max_pool_3x3', 0), "
                         "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
                         "('avg_pool_3x3', 0)], reduce_concat=[2, 3, 4, "
                         "5])";
static const char v2[] = "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
                         "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
                         "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
                         "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, "
                         "5], reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', "
                         "2), ('max_pool_3x3', 1), "
                         "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
                         "('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, "
                         "5])";
/* Of Chen et al. 2019, and of Xu et al. 2020 */
static const char progressive[] =
    "Genotype(normal=[('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0),"
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3',0), "
    "('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('avg_pool_3x3', 0), "
    "('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0), "
    "('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))";
static const char partial_cifar[] =
    "Genotype(normal=[('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), "
    "('dil_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), "
    "('dil_conv_3x3', 1)], normal_concat=range(2, 6), reduce=[('sep_conv_5x5', 1), "
    "('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)], reduce_concat=range(2, 6))";
static const char partial_image[] =
    "Genotype(normal=[('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), "
    "('skip_connect', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), "
    "('dil_conv_5x5', 4)], normal_concat=range(2, 6), reduce=[('sep_conv_3x3', 0), "
    "('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1), ('sep_conv_3x3', 2), "
    "('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)], reduce_concat=range(2, 6))";
static const LodeBuild derived = { .size = sizeof (LodeBuild) };
static const LodeBuild supernet = { .size = sizeof (LodeBuild), .shared = true };

enum { EDGES = 14, OPS = 8, NONE = 0, SKIP = 3 };

static Family *
space_new (int64_t channels, int64_t cells, int64_t nodes)
{
  LodeNode *group = test_group ();

  test_set (group, "channels", channels);
  test_set (group, "cells", cells);
  test_set (group, "nodes", nodes);
  return family_new ("darts", group);
}

static void
read_arch (const Family *family, const char *text, uint8_t *arch)
{
  g_autoptr (GError) error = NULL;

  family->ops->read (family->backbone, text, arch, &error);
  g_assert_no_error (error);
}

static void
test_supernet (void)
{
  Family *family = space_new (16, 8, 4);
  Count count = family_cost (family, supernet, 32, NULL), small, wide;
  LodeBuild scaled = { .size = sizeof scaled, .shared = true, .depth = 5, .width = 24 };

  g_assert_cmpuint (family->space->n, ==, 2 * EDGES);
  g_assert_cmpuint (family->space->options, ==, 2 * EDGES * OPS);
  g_assert_cmpuint (count.params, ==, 1930618);
  g_assert_cmpuint (count.macs, ==, 300255744);
  small = family_cost (family, scaled, 32, NULL);
  family_free (family);
  family = space_new (24, 5, 4);
  wide = family_cost (family, supernet, 32, NULL);
  g_assert_cmpuint (small.params, ==, wide.params);
  g_assert_cmpuint (small.macs, ==, wide.macs);
  family_free (family);
}

static void
test_published (void)
{
  Family *family = space_new (36, 20, 4);
  LodeBuild aux = { .size = sizeof aux, .aux = true };
  LodeBuild dropping = { .size = sizeof dropping, .drop_path = true };
  uint8_t arch[2 * EDGES];
  Count count;

  read_arch (family, v1, arch);
  g_assert_cmpuint (family_cost (family, derived, 32, arch).params, ==, 3169414);
  g_assert_cmpuint (family_cost (family, aux, 32, arch).params, ==, 3169414 + 476426);
  read_arch (family, v2, arch);
  count = family_cost (family, derived, 32, arch);
  g_assert_cmpuint (count.params, ==, 3349342);
  g_assert_cmpuint (count.macs, ==, 528359040);
  g_assert_cmpuint (family_cost (family, aux, 32, arch).params, ==, 3349342 + 476426);
  g_assert_cmpuint (family_cost (family, dropping, 32, arch).params, ==, 3349342);
  g_assert_cmpuint (family_cost (family, dropping, 32, arch).ops, >, count.ops);
  family_free (family);
}

/* A name stands for what its authors published. */
static void
test_names (void)
{
  static const struct {
    const char *name, *text;
  } golden[] = { { "DARTS_V1", v1 },
                 { "DARTS_V2", v2 },
                 { "PDARTS", progressive },
                 { "cells=PDARTS", progressive },
                 { "PC_DARTS_cifar", partial_cifar },
                 { " PC_DARTS_image\n", partial_image } };
  Family *family = space_new (16, 8, 4), *small = space_new (16, 8, 3);
  uint8_t arch[2 * EDGES], named[2 * EDGES];
  g_autoptr (GError) error = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    read_arch (family, golden[i].text, arch);
    read_arch (family, golden[i].name, named);
    g_assert_cmpmem (arch, sizeof arch, named, sizeof named);
  }
  g_assert_false (small->ops->read (small->backbone, "PDARTS", arch, &error));
  g_assert_nonnull (error);
  family_free (family);
  family_free (small);
}

/* Chen et al. 2019: the released cell, and super-networks of 5, 11 and 17 cells; operations that a
 * mask leaves out have no weights. */
static void
test_progressive (void)
{
  static const struct {
    uint32_t depth;
    uint64_t params, macs;
  } golden[] = { { 5, 1275834, 186.7e6 }, { 11, 2585146, 413.6e6 }, { 17, 3894202, 640.1e6 } };
  Family *family = space_new (36, 20, 4);
  LodeBuild stage = { .size = sizeof stage, .shared = true, .width = 16 };
  uint8_t arch[2 * EDGES];
  uint64_t mask[2 * EDGES];
  g_autoptr (GError) error = NULL;
  Count count, half;

  read_arch (family, progressive, arch);
  count = family_cost (family, derived, 32, arch);
  g_assert_cmpuint (count.params, ==, 3433798);
  g_assert_cmpuint (count.macs, ==, 532174464);
  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    stage.depth = golden[i].depth;
    count = family_cost (family, stage, 32, NULL);
    g_assert_cmpuint (count.params, ==, golden[i].params);
    g_assert_cmpfloat_with_epsilon ((double) count.macs, (double) golden[i].macs, 0.05e6);
  }
  for (uint32_t e = 0; e < 2 * EDGES; e++)
    mask[e] = 0x3f; /* without dilated convolutions */
  family_count (family, stage, (LodeShape){ 32, 32, 3 }, 10, mask, &half, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (half.params, <, count.params);
  g_assert_cmpuint (half.macs, <, count.macs);
  family_free (family);
}

/* 224 × 224 pixels, 1000 classes. */
static void
test_large (void)
{
  static const struct {
    const char *name;
    uint64_t params;
  } golden[] = { { "DARTS_V1", 4510432 }, { "DARTS_V2", 4718752 }, { "PDARTS", 4944352 } };
  LodeNode *group = test_group ();
  LodeBuild aux = { .size = sizeof aux, .aux = true };
  LodeShape shape = { 224, 224, 3 };
  g_autoptr (GError) error = NULL;
  uint64_t mask[2 * EDGES];
  uint8_t arch[2 * EDGES];
  Family *family;
  Count count, both;

  test_set (group, "channels", 48);
  test_set (group, "cells", 14);
  test_set_text (group, "stem", "imagenet");
  family = family_new ("darts", group);
  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    read_arch (family, golden[i].name, arch);
    lode_space_one (family->space, arch, mask);
    family_count (family, derived, shape, 1000, mask, &count, &error);
    g_assert_no_error (error);
    g_assert_cmpuint (count.params, ==, golden[i].params);
    family_count (family, aux, shape, 1000, mask, &both, &error);
    g_assert_no_error (error);
    /* 768 channels, 128 with a norm, 768 without, 1000 classes */
    g_assert_cmpuint (both.params - count.params, ==,
                      768 * 128 + 2 * 128 + 4 * 128 * 768 + 769 * 1000);
    if (i == 1)
      g_assert_cmpfloat_with_epsilon ((double) count.macs, 529.9e6, 0.05e6);
  }
  family_free (family);
}

/* CIFAR-100: the same network with a head for 100 classes. */
static void
test_hundred (void)
{
  Family *family = space_new (36, 20, 4);
  uint8_t arch[2 * EDGES];
  uint64_t mask[2 * EDGES];
  g_autoptr (GError) error = NULL;
  Count count;

  read_arch (family, v2, arch);
  lode_space_one (family->space, arch, mask);
  family_count (family, derived, (LodeShape){ 32, 32, 3 }, 100, mask, &count, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count.params, ==, 3401272);
  read_arch (family, progressive, arch);
  lode_space_one (family->space, arch, mask);
  family_count (family, derived, (LodeShape){ 32, 32, 3 }, 100, mask, &count, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count.params, ==, 3485728);
  family_free (family);
}

/* Every side down to one pixel records, as super-network and derived, with and without the second
 * head. */
static void
test_sides (void)
{
  Family *family = space_new (4, 3, 4);
  LodeBuild aux = { .size = sizeof aux, .aux = true };
  uint8_t arch[2 * EDGES];

  read_arch (family, v2, arch);
  for (uint32_t side = 1; side < 35; side += side < 9 ? 1 : 5) {
    g_assert_cmpuint (family_cost (family, supernet, side, NULL).params, ==,
                      family_cost (family, supernet, 32, NULL).params);
    g_assert_cmpuint (family_cost (family, derived, side, arch).params, ==,
                      family_cost (family, derived, 32, arch).params);
    g_assert_cmpuint (family_cost (family, aux, side, arch).params, >,
                      family_cost (family, derived, side, arch).params);
  }
  family_free (family);
}

/* One bit an edge records that operation only, in a super-network too; none records nothing. */
static void
test_one_path (void)
{
  Family *family = space_new (8, 3, 4);
  uint8_t arch[2 * EDGES], empty[2 * EDGES] = { 0 };
  Count whole = family_cost (family, supernet, 16, NULL), path, nothing;

  read_arch (family, v2, arch);
  path = family_cost (family, supernet, 16, arch);
  nothing = family_cost (family, supernet, 16, empty);
  g_assert_cmpuint (path.params, <, whole.params / 3);
  g_assert_cmpuint (path.macs, <, whole.macs / 3);
  g_assert_cmpuint (nothing.params, <, path.params);
  g_assert_cmpuint (nothing.slots, >, 0);
  family_free (family);
}

static void
test_odd_width (void)
{
  LodeNode *group = test_group ();
  Family *family = space_new (8, 3, 4);
  LodeBuild odd = { .size = sizeof odd, .shared = true, .width = 7 };
  g_autoptr (GError) error = NULL;
  uint64_t mask[2 * EDGES];
  Count count;

  lode_space_all (family->space, mask);
  g_assert_false (family_count (family, odd, (LodeShape){ 8, 8, 3 }, 10, mask, &count, &error));
  g_assert_nonnull (strstr (error->message, "even"));
  g_clear_error (&error);
  test_set (group, "channels", 15);
  g_assert_null (family_try ("darts", group, &error));
  g_assert_nonnull (strstr (error->message, "channels = 15"));
  family_free (family);
}

static void
test_space (void)
{
  Family *family = space_new (16, 8, 4);
  const LodeDecision *last = lode_space_at (family->space, 2 * EDGES - 1);
  const LodeDecision *first = lode_space_at (family->space, 0);
  const LodeDecision *strided = lode_space_at (family->space, EDGES);

  g_assert_cmpstr (first->name, ==, "normal.2.0");
  g_assert_cmpstr (first->group, ==, "normal");
  g_assert_cmpstr (last->name, ==, "reduce.5.4");
  g_assert_cmpint (last->from, ==, 4);
  g_assert_cmpint (last->to, ==, 5);
  g_assert_cmpuint (lode_space_trait (first, NONE), ==, LODE_TRAIT_NONE);
  g_assert_cmpuint (lode_space_trait (first, SKIP), ==, LODE_TRAIT_SKIP);
  g_assert_cmpuint (lode_space_trait (last, SKIP), ==, LODE_TRAIT_SKIP);
  g_assert_cmpuint (lode_space_trait (strided, SKIP), ==, LODE_TRAIT_PLAIN);
  family_free (family);
}

/* Two inputs of different index a node, no none among them: what repair leaves alone. */
static bool
is_legal (const Family *family, const uint8_t *arch)
{
  uint8_t copy[2 * EDGES];
  LodeRng rng = { .key = 3 };

  memcpy (copy, arch, family->space->n);
  family->ops->repair (family->backbone, copy, &rng);
  return rng.n == 0 && !memcmp (copy, arch, family->space->n);
}

/* Legal settings of the edges into the last node of the normal cell, all others being legal. */
static uint64_t
count_last_node (uint32_t nodes)
{
  Family *family = space_new (4, 3, nodes);
  uint32_t inputs = nodes + 1, end = family->space->n / 2;
  uint8_t arch[2 * EDGES];
  LodeRng rng = { .key = 1 };
  uint64_t legal = 0;

  family->ops->sample (family->backbone, arch, &rng);
  for (uint32_t code = 0; code < 1u << (3 * inputs); code++) {
    for (uint32_t i = 0; i < inputs; i++)
      arch[end - inputs + i] = code >> (3 * i) & 7;
    legal += is_legal (family, arch);
  }
  family_free (family);
  return legal;
}

static void
test_distinct (void)
{
  uint64_t cells = 1;

  for (uint32_t nodes = 1; nodes <= 4; nodes++)
    cells *= count_last_node (nodes);
  g_assert_cmpuint (cells, ==, 1037664180);
}

/* mix of one edge; everything else is skip at 0.1, so lower edges win ties. */
static void
test_derive (void)
{
  Family *family = space_new (16, 8, 4);
  float mix[2 * EDGES * OPS];
  uint8_t arch[2 * EDGES];
  uint64_t mask[2 * EDGES];

  for (int i = 0; i < 2 * EDGES * OPS; i++)
    mix[i] = i % OPS == SKIP ? 0.1f : 0.05f;
  mix[4 * OPS + NONE] = 9;  /* none is never chosen … */
  mix[4 * OPS + 6] = 0.5f;  /* (3, 2): dil_conv_3x3 */
  mix[13 * OPS + 4] = 0.3f; /* (5, 4): a tie of two operations, the lower wins */
  mix[13 * OPS + 5] = 0.3f;
  mix[9 * OPS + NONE] = -1;
  family->ops->derive (family->backbone, mix, NULL, arch);
  g_assert_true (is_legal (family, arch));
  g_assert_cmpuint (arch[2], ==, SKIP);
  g_assert_cmpuint (arch[3], ==, NONE);
  g_assert_cmpuint (arch[4], ==, 6);
  g_assert_cmpuint (arch[5] * 1000 + arch[6] * 100 + arch[7] * 10 + arch[8], ==, SKIP * 1100);
  g_assert_cmpuint (arch[9], ==, SKIP);
  g_assert_cmpuint (arch[10] + arch[11] + arch[12], ==, 0);
  g_assert_cmpuint (arch[13], ==, 4);
  lode_space_all (family->space, mask);
  mask[4] = 1; /* … and an option outside the mask neither */
  mask[13] &= ~(UINT64_C (1) << 4);
  family->ops->derive (family->backbone, mix, mask, arch);
  g_assert_cmpuint (arch[3], ==, SKIP);
  g_assert_cmpuint (arch[4], ==, NONE);
  g_assert_cmpuint (arch[13], ==, 5);
  family_free (family);
}

static void
test_sample (void)
{
  Family *family = space_new (16, 8, 4);
  uint32_t seen[EDGES][OPS] = { 0 };
  uint8_t arch[2 * EDGES], broken[2 * EDGES];
  LodeRng rng = { .key = 7 };

  for (int trial = 0; trial < 7000; trial++) {
    family->ops->sample (family->backbone, arch, &rng);
    g_assert_true (is_legal (family, arch));
    for (int e = 0; e < EDGES; e++)
      seen[e][arch[e]]++;
    for (int e = 0; e < 2 * EDGES; e++)
      broken[e] = (uint8_t) lode_rng_below (&rng, OPS);
    family->ops->repair (family->backbone, broken, &rng);
    g_assert_true (is_legal (family, broken));
  }
  for (int op = 1; op < OPS; op++) { /* 7000 · 2/5 · 1/7 = 400, six deviations either way */
    g_assert_cmpuint (seen[13][op], >, 285);
    g_assert_cmpuint (seen[13][op], <, 515);
  }
  family_free (family);
}

static void
test_text (void)
{
  Family *family = space_new (16, 8, 4);
  LodeRng rng = { .key = 11 };
  uint8_t arch[2 * EDGES], again[2 * EDGES];

  for (int trial = 0; trial < 200; trial++) {
    g_autofree char *text = NULL, *second = NULL;

    family->ops->sample (family->backbone, arch, &rng);
    text = family->ops->write (family->backbone, arch);
    read_arch (family, text, again);
    second = family->ops->write (family->backbone, again);
    g_assert_cmpmem (arch, sizeof arch, again, sizeof again);
    g_assert_cmpstr (text, ==, second);
  }
  read_arch (family, v2, arch);
  read_arch (
      family,
      " Genotype ( normal = [\n( \"sep_conv_3x3\" ,1),('sep_conv_3x3',0),('sep_conv_3x3', 1), "
      "('sep_conv_3x3', "
      "0), ('skip_connect', 0), ('sep_conv_3x3', 1), ('dil_conv_3x3', 2), ('skip_connect', 0),], "
      "normal_concat=range(2, 6), reduce=[('max_pool_3x3', 1), ('max_pool_3x3', 0), "
      "('skip_connect', 2), "
      "('max_pool_3x3', 1), ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), "
      "('max_pool_3x3', "
      "1)], reduce_concat=[2,3,4,5,],)\n",
      again);
  g_assert_cmpmem (arch, sizeof arch, again, sizeof again);
  family_free (family);
}

/* Every prefix of a genotype and every changed character: read, or refused with a reason; arch
 * stays. */
static void
test_bad_text (void)
{
  Family *family = space_new (16, 8, 4);
  uint8_t arch[2 * EDGES], before[2 * EDGES];

  memset (arch, 77, sizeof arch);
  memcpy (before, arch, sizeof arch);
  for (size_t i = 0; i < strlen (v1); i++) {
    g_autofree char *cut = g_strndup (v1, i);
    g_autofree char *bent = g_strdup (v1);
    g_autoptr (GError) error = NULL, other = NULL;
    uint8_t spare[2 * EDGES];

    g_assert_false (family->ops->read (family->backbone, cut, arch, &error));
    g_assert_nonnull (strstr (error->message, "expected"));
    g_assert_cmpmem (arch, sizeof arch, before, sizeof before);
    bent[i] = '@';
    g_assert_true (family->ops->read (family->backbone, bent, spare, &other) == (other == NULL));
    g_assert_true (other || g_ascii_isspace (v1[i]) == FALSE);
  }
  family_free (family);
}

static void
refuse (const Family *family, const char *text, const char *why)
{
  g_autoptr (GError) error = NULL;
  uint8_t arch[2 * EDGES];

  g_assert_false (family->ops->read (family->backbone, text, arch, &error));
  if (!strstr (error->message, why))
    g_error ("\"%s\" does not say \"%s\"", error->message, why);
}

static void
test_reasons (void)
{
  Family *family = space_new (16, 8, 4), *small = space_new (16, 8, 3);
  g_autofree char *longer = g_strconcat (v1, " and more", NULL);

  refuse (family, "", "expected \"Genotype\"");
  refuse (family, "Genotype(normal=[('none', 0)", "one of 'max_pool_3x3'");
  refuse (family, "Genotype(normal=[('sep_conv_7x7', 0)", "character 19");
  refuse (family, "Genotype(normal=[('skip_connect', 2)", "a node, 0 … 1");
  refuse (family, "Genotype(normal=[('skip_connect', 99999999999999999999)", "a node, 0 … 1");
  refuse (family, "Genotype(normal=[('skip_connect', 0), ('skip_connect', 0)", "does not have yet");
  refuse (family, longer, "the end of the text");
  refuse (small, v1, "does option `nodes` fit");
  family_free (family);
  family_free (small);
}

static void
test_draw (void)
{
  Family *family = space_new (16, 8, 4);
  uint8_t arch[2 * EDGES];
  g_autofree char *dot = NULL;

  read_arch (family, v2, arch);
  dot = family->ops->draw (family->backbone, arch);
  g_assert_true (g_str_has_prefix (dot, "digraph"));
  g_assert_nonnull (strstr (dot, "normal_2 -> normal_5 [label=\"dil_conv_3x3\"]"));
  g_assert_nonnull (strstr (dot, "reduce_1 -> reduce_5 [label=\"max_pool_3x3\"]"));
  g_assert_null (strstr (dot, "\"none\""));
  family_free (family);
}

static void
test_nodes (void)
{
  for (uint32_t nodes = 1; nodes <= 8; nodes++) {
    Family *family = space_new (4, 3, nodes);
    g_autofree uint8_t *arch = g_new0 (uint8_t, family->space->n),
                       *again = g_new0 (uint8_t, family->space->n);
    g_autofree char *text = NULL;
    LodeRng rng = { .key = nodes };

    family->ops->sample (family->backbone, arch, &rng);
    text = family->ops->write (family->backbone, arch);
    read_arch (family, text, again);
    g_assert_cmpmem (arch, family->space->n, again, family->space->n);
    g_assert_cmpuint (family_cost (family, derived, 8, arch).params, >, 0);
    g_assert_cmpuint (family_cost (family, supernet, 8, NULL).params, >, 0);
    family_free (family);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/darts-space/names", test_names);
  g_test_add_func ("/darts-space/progressive", test_progressive);
  g_test_add_func ("/darts-space/large", test_large);
  g_test_add_func ("/darts-space/supernet", test_supernet);
  g_test_add_func ("/darts-space/published", test_published);
  g_test_add_func ("/darts-space/hundred", test_hundred);
  g_test_add_func ("/darts-space/sides", test_sides);
  g_test_add_func ("/darts-space/one-path", test_one_path);
  g_test_add_func ("/darts-space/odd-width", test_odd_width);
  g_test_add_func ("/darts-space/space", test_space);
  g_test_add_func ("/darts-space/distinct", test_distinct);
  g_test_add_func ("/darts-space/derive", test_derive);
  g_test_add_func ("/darts-space/sample", test_sample);
  g_test_add_func ("/darts-space/text", test_text);
  g_test_add_func ("/darts-space/bad-text", test_bad_text);
  g_test_add_func ("/darts-space/reasons", test_reasons);
  g_test_add_func ("/darts-space/draw", test_draw);
  g_test_add_func ("/darts-space/nodes", test_nodes);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The space of NAS-Bench-201: published sizes, texts, legal cells.
 * Numbers are those of Dong & Yang 2020 and of the released table, or counted here by another way.
 */
#include "nb201-cells.h"
#include <math.h>

static uint32_t
count_op (const uint8_t *arch, uint8_t op)
{
  uint32_t n = 0;

  for (int e = 0; e < EDGES; e++)
    n += arch[e] == op;
  return n;
}

static void
test_space (void)
{
  Family *family = family_new ("nb201", NULL);
  const LodeDecision *last = lode_space_at (family->space, EDGES - 1);
  const uint32_t trait[OPS] = { LODE_TRAIT_NONE, LODE_TRAIT_SKIP, LODE_TRAIT_PLAIN,
                                LODE_TRAIT_PLAIN, LODE_TRAIT_POOL };

  g_assert_cmpuint (family->space->n, ==, EDGES);
  g_assert_cmpuint (family->space->options, ==, EDGES * OPS);
  g_assert_cmpuint (family->ops->can, ==, LODE_SHARE | LODE_MIX | LODE_SCALE);
  g_assert_cmpstr (lode_space_at (family->space, 0)->name, ==, "cell.1.0");
  g_assert_cmpstr (last->name, ==, "cell.3.2");
  g_assert_cmpstr (last->group, ==, "cell");
  g_assert_cmpstr (last->option[CONV_3], ==, "nor_conv_3x3");
  g_assert_cmpint (last->from, ==, 2);
  g_assert_cmpint (last->to, ==, 3);
  for (uint32_t op = 0; op < OPS; op++)
    g_assert_cmpuint (lode_space_trait (last, op), ==, trait[op]);
  family_free (family);
}

/* Sizes of the published networks: weights and multiply-adds per convolution on an edge. */
static void
test_published (void)
{
  Family *family = family_new ("nb201", NULL);
  LodeRng rng = { .key = 4 };
  uint8_t arch[EDGES] = { 0 };

  for (int trial = 0; trial < 60; trial++) {
    Count count = family_cost (family, derived, 32, arch);
    uint32_t n1 = count_op (arch, CONV_1), n3 = count_op (arch, CONV_3);

    g_assert_cmpuint (count.params, ==, 73306 + 243040 * n3 + 28000 * n1);
    g_assert_cmpuint (count.macs, ==, 7783040 + UINT64_C (35389440) * n3 + 3932160 * n1);
    if (trial < 2)
      memset (arch, trial ? CONV_1 : CONV_3, EDGES);
    else
      family->ops->sample (family->backbone, arch, &rng);
  }
  read_arch (family, best, arch);
  g_assert_cmpuint (family_cost (family, derived, 32, arch).params, ==, 1073466);
  g_assert_cmpuint (family_cost (family, derived, 32, arch).macs, ==, 153272970 - 10); /* biases */
  family_free (family);
}

static void
test_hundred (void)
{
  Family *family = family_new ("nb201", NULL);
  uint8_t arch[EDGES] = { CONV_3, CONV_3, CONV_3, CONV_3, CONV_3, CONV_3 };
  uint64_t mask[EDGES];
  g_autoptr (GError) error = NULL;
  Count count;

  lode_space_one (family->space, arch, mask);
  family_count (family, derived, (LodeShape){ 32, 32, 3 }, 100, mask, &count, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count.params, ==, 1537396);
  family_free (family);
}

static void
test_small (void)
{
  Family *family = space_new (8, 1, 1, false);
  uint8_t none[EDGES] = { 0 }, conv[EDGES] = { CONV_3, CONV_3, CONV_3, CONV_3, CONV_3, CONV_3 };

  g_assert_cmpuint (family_cost (family, derived, 32, none).params, ==, 18738);
  g_assert_cmpuint (family_cost (family, derived, 32, conv).params, ==, 91986);
  g_assert_cmpuint (family_cost (family, derived, 32, none).macs, ==, 2056512);
  g_assert_cmpuint (family_cost (family, derived, 32, conv).macs, ==, 12673344);
  family_free (family);
}

/* Every operation on every edge, without scale and offset in the norms of cells; the net that is
 * asked for at build time is that of the options. */
static void
test_supernet (void)
{
  Family *family = family_new ("nb201", NULL), *wide = space_new (24, 2, 1, false);
  Count count = family_cost (family, supernet, 32, NULL);
  LodeBuild scaled = { .size = sizeof scaled, .shared = true, .depth = 2, .width = 24 };
  const uint32_t affine = 2 * 5 * (16 + 32 + 64);

  g_assert_cmpuint (count.params, ==, 73306 + EDGES * (243040 + 28000 - 2 * affine));
  g_assert_cmpuint (count.macs, ==, 7783040 + UINT64_C (6) * (35389440 + 3932160));
  count = family_cost (wide, supernet, 32, NULL);
  g_assert_cmpuint (family_cost (family, scaled, 32, NULL).params, ==, count.params);
  g_assert_cmpuint (family_cost (family, scaled, 32, NULL).macs, ==, count.macs);
  family_free (family);
  family_free (wide);
}

static void
test_sides (void)
{
  for (int64_t stride = 1; stride <= 2; stride++) {
    Family *family = space_new (4, 1, stride, false);
    uint8_t arch[EDGES];
    uint64_t mask[EDGES];

    read_arch (family, best, arch);
    lode_space_one (family->space, arch, mask);
    for (uint32_t side = 8; side < 36; side++)
      for (uint32_t channels = 1; channels <= 3; channels += 2) {
        LodeShape shape = { side, side + side % 3, channels };
        g_autoptr (GError) error = NULL;
        Count count;

        family_count (family, derived, shape, 10, mask, &count, &error);
        g_assert_no_error (error);
        g_assert_cmpuint (family_cost (family, derived, 32, arch).params - count.params, ==,
                          (3 - channels) * 9 * 4);
        g_assert_cmpuint (family_cost (family, supernet, side, NULL).params, ==,
                          family_cost (family, supernet, 32, NULL).params);
      }
    family_free (family);
  }
}

static LodeBackbone *
create_at (LodeShape shape, int64_t stride, GError **error)
{
  const LodeLoaded *loaded = test_load ("backbone", "nb201");
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  LodeNode *group = test_group ();

  test_set (group, "stem_stride", stride);
  return ((const LodeBackboneOps *) loaded->ops)
      ->create (NULL, test_conf (loaded, group, owner), &shape, error);
}

static void
test_refused (void)
{
  const LodeBackboneOps *ops = test_load ("backbone", "nb201")->ops;
  g_autoptr (GError) error = NULL;
  LodeBackbone *nb201;

  for (uint32_t h = 8; h < 12; h++) {
    nb201 = create_at ((LodeShape){ h, 8, 1 }, 1 + h % 2, &error);
    g_assert_no_error (error);
    ops->destroy (nb201);
  }
  g_assert_null (create_at ((LodeShape){ 28, 15, 1 }, 4, &error));
  g_assert_nonnull (strstr (error->message, "28 x 15 pixels"));
  g_assert_nonnull (strstr (error->message, "at least 16 x 16, or a smaller stem_stride"));
  g_clear_error (&error);
  g_assert_null (create_at ((LodeShape){ 1, 1, 784 }, 1, &error));
  g_assert_nonnull (strstr (error->message, "at least 4 x 4"));
  ops->destroy (NULL);
}

static void
test_text (void)
{
  Family *family = family_new ("nb201", NULL);
  uint8_t arch[EDGES], again[EDGES];
  const uint8_t expected[EDGES] = { CONV_3, CONV_3, CONV_3, SKIP, CONV_3, CONV_1 };

  for (uint32_t code = 0; code < CELLS; code++) {
    g_autofree char *text = NULL;

    cell_at (code, all_ops, OPS, arch);
    text = family->ops->write (family->backbone, arch);
    memset (again, 77, sizeof again);
    read_arch (family, text, again);
    g_assert_cmpmem (arch, sizeof arch, again, sizeof again);
  }
  read_arch (family, best, arch);
  g_assert_cmpmem (arch, sizeof arch, expected, sizeof expected);
  read_arch (family,
             " | nor_conv_3x3 ~ 0 |\n+ |nor_conv_3x3~1|nor_conv_3x3~0| + "
             "|nor_conv_1x1~2|skip_connect~0|nor_conv_3x3~1| ",
             again);
  g_assert_cmpmem (arch, sizeof arch, again, sizeof again);
  family_free (family);
}

/* Every prefix of a text and every changed character is refused with a reason; arch stays. */
static void
test_bad_text (void)
{
  Family *family = family_new ("nb201", NULL);
  uint8_t arch[EDGES], before[EDGES];

  memset (arch, 77, sizeof arch);
  memcpy (before, arch, sizeof arch);
  for (size_t i = 0; i < strlen (best); i++) {
    g_autofree char *cut = g_strndup (best, i), *bent = g_strdup (best);
    g_autoptr (GError) error = NULL, other = NULL;

    g_assert_false (family->ops->read (family->backbone, cut, arch, &error));
    g_assert_nonnull (strstr (error->message, "expected"));
    bent[i] = '@';
    g_assert_false (family->ops->read (family->backbone, bent, arch, &other));
    g_assert_nonnull (strstr (other->message, "@"));
    g_assert_cmpmem (arch, sizeof arch, before, sizeof before);
  }
  family_free (family);
}

static void
test_reasons (void)
{
  Family *family = family_new ("nb201", NULL);
  g_autofree char *longer = g_strconcat (best, "+|none~0|", NULL);

  refuse (family, "", "character 1: expected \"|\", found \"(the end)\"");
  refuse (family, "nor_conv_3x3~0", "character 1: expected \"|\"");
  refuse (family, "|nor_conv_5x5~0|", "character 2: expected none, skip_connect, nor_conv_1x1");
  refuse (family, "|nor_conv_3x3_2~0|", "or avg_pool_3x3, found \"nor_conv_3x3_2~0|\"");
  refuse (family, "|none~1|", "expected node 0, found \"1|\"");
  refuse (family, "|none~0|+|none~0|none~2|", "an earlier node, 0 … 1, found \"2|\"");
  refuse (family, "|none~0|+|none~0|none~00|", "an earlier node");
  refuse (family, "|none~0|+|none~0|none~0|", "an input that this node does not have yet");
  refuse (family, "|none~0|+|none~1|+|none~0|", "found \"+|none~0|\"");
  refuse (family, "|none~0|\a\xff", "found \"\\007\\377\"");
  refuse (family, longer, "expected the end of the text, found \"+|none~0|\"");
  family_free (family);
}

/* A cell is legal, and stays, unless only joined ones are. */
static void
test_repair (void)
{
  Family *any = family_new ("nb201", NULL), *joined = space_new (16, 5, 1, true);
  uint32_t legal = 0;

  for (uint32_t code = 0; code < CELLS; code++) {
    uint8_t arch[EDGES], before[EDGES];
    LodeRng rng = { .key = code }, idle = { .key = code };
    g_autofree char *key = NULL, *mended = NULL;
    bool blind;

    cell_at (code, all_ops, OPS, arch);
    memcpy (before, arch, sizeof arch);
    any->ops->repair (any->backbone, arch, &idle);
    g_assert_cmpmem (arch, sizeof arch, before, sizeof before);
    key = any->ops->key (any->backbone, arch);
    blind = !strcmp (key, "0");
    joined->ops->repair (joined->backbone, arch, &rng);
    mended = any->ops->key (any->backbone, arch);
    g_assert_cmpstr (mended, !=, "0");
    g_assert_cmpuint (rng.n + idle.n > 0, ==, blind);
    for (int e = 0; e < EDGES; e++)
      g_assert_true (arch[e] == before[e] || (blind && before[e] == NONE));
    legal += !blind;
  }
  g_assert_cmpuint (legal, ==, 15284);
  family_free (any);
  family_free (joined);
}

static void
test_sample (void)
{
  Family *any = family_new ("nb201", NULL), *joined = space_new (16, 5, 1, true);
  g_autofree uint32_t *hits = g_new0 (uint32_t, CELLS);
  uint32_t seen[EDGES][OPS] = { 0 }, cells = 0;
  LodeRng rng = { .key = 7 };
  uint8_t arch[EDGES];

  for (int trial = 0; trial < 10000; trial++) {
    any->ops->sample (any->backbone, arch, &rng);
    for (int e = 0; e < EDGES; e++)
      seen[e][arch[e]]++;
  }
  for (int e = 0; e < EDGES; e++)
    for (int op = 0; op < OPS; op++) { /* 2000, four deviations of 40 either way */
      g_assert_cmpuint (seen[e][op], >, 1840);
      g_assert_cmpuint (seen[e][op], <, 2160);
    }
  for (uint32_t trial = 0; trial < 8 * CELLS; trial++) {
    uint32_t code = 0;

    joined->ops->sample (joined->backbone, arch, &rng);
    for (int e = EDGES; e-- > 0;)
      code = code * OPS + arch[e];
    hits[code]++;
  }
  for (uint32_t code = 0; code < CELLS; code++)
    cells += hits[code] > 0;
  g_assert_cmpuint (cells, >, 15284 - 30); /* all but 4 of them, on average */
  g_assert_cmpuint (cells, <=, 15284);
  family_free (any);
  family_free (joined);
}

/* The heaviest option of an edge; where a path is needed, the cheapest one is opened. */
static void
test_derive (void)
{
  Family *any = family_new ("nb201", NULL), *joined = space_new (16, 5, 1, true);
  const uint8_t lone[EDGES] = { NONE, NONE, NONE, NONE, CONV_1, NONE };
  const uint8_t opened[EDGES] = { POOL, NONE, NONE, NONE, CONV_1, NONE };
  const uint8_t direct[EDGES] = { NONE, NONE, NONE, SKIP, CONV_1, NONE };
  float mix[EDGES * OPS];
  uint64_t mask[EDGES];
  uint8_t arch[EDGES];

  for (int i = 0; i < EDGES * OPS; i++)
    mix[i] = i % OPS == NONE ? 0.6f : 0.1f;
  mix[4 * OPS + CONV_1] = mix[4 * OPS + CONV_3] = 0.7f; /* a tie */
  mix[4 * OPS + POOL] = NAN;
  mix[0 * OPS + POOL] = 0.5f;
  any->ops->derive (any->backbone, mix, NULL, arch);
  g_assert_cmpmem (arch, sizeof arch, lone, sizeof lone);
  joined->ops->derive (joined->backbone, mix, NULL, arch);
  g_assert_cmpmem (arch, sizeof arch, opened, sizeof opened);
  lode_space_all (any->space, mask);
  mask[0] = 1; /* none alone */
  joined->ops->derive (joined->backbone, mix, mask, arch);
  g_assert_cmpmem (arch, sizeof arch, direct, sizeof direct);
  mask[3] = mask[1] = 1; /* no way is left */
  joined->ops->derive (joined->backbone, mix, mask, arch);
  g_assert_cmpmem (arch, sizeof arch, lone, sizeof lone);
  mask[4] = 1 << SKIP | 1 << POOL;
  any->ops->derive (any->backbone, mix, mask, arch);
  g_assert_cmpuint (arch[4], ==, SKIP);
  family_free (any);
  family_free (joined);
}

static void
test_draw (void)
{
  Family *family = family_new ("nb201", NULL);
  uint8_t arch[EDGES];
  g_autofree char *dot = NULL;

  read_arch (family, best, arch);
  arch[1] = NONE;
  dot = family->ops->draw (family->backbone, arch);
  g_assert_true (g_str_has_prefix (dot, "digraph"));
  g_assert_nonnull (strstr (dot, "node_0 -> node_1 [label=\"nor_conv_3x3\"]"));
  g_assert_nonnull (strstr (dot, "node_2 -> node_3 [label=\"nor_conv_1x1\"]"));
  g_assert_null (strstr (dot, "node_0 -> node_2"));
  g_assert_null (strstr (dot, "none"));
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nb201/space", test_space);
  g_test_add_func ("/nb201/published", test_published);
  g_test_add_func ("/nb201/hundred", test_hundred);
  g_test_add_func ("/nb201/small", test_small);
  g_test_add_func ("/nb201/supernet", test_supernet);
  g_test_add_func ("/nb201/sides", test_sides);
  g_test_add_func ("/nb201/refused", test_refused);
  g_test_add_func ("/nb201/text", test_text);
  g_test_add_func ("/nb201/bad-text", test_bad_text);
  g_test_add_func ("/nb201/reasons", test_reasons);
  g_test_add_func ("/nb201/repair", test_repair);
  g_test_add_func ("/nb201/sample", test_sample);
  g_test_add_func ("/nb201/derive", test_derive);
  g_test_add_func ("/nb201/draw", test_draw);
  return g_test_run ();
}

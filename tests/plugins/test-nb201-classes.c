/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which cells of NAS-Bench-201 are one network: keys and classes, of all operations and of some.
 * Numbers are those of Dong & Yang 2020, or counted here by another way.
 */
#include "nb201-cells.h"
#include <math.h>

static int
by_text (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The identity of the released benchmark: terms of a node are put in order and joined;
 * a skip is replaced by its source's text, none and what follows from a lone none by a mark. */
static char *
published_class (const uint8_t *arch)
{
  static const char *const name[OPS] = { "none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3",
                                         "avg_pool_3x3" };
  char *node[4] = { g_strdup ("0") };

  for (uint32_t to = 1, edge = 0; to < 4; to++) {
    g_autoptr (GPtrArray) term = g_ptr_array_new_with_free_func (g_free);

    for (uint32_t from = 0; from < to; from++, edge++)
      g_ptr_array_add (term, arch[edge] == NONE || !strcmp (node[from], "#") ? g_strdup ("#")
                             : arch[edge] == SKIP
                                 ? g_strdup (node[from])
                                 : g_strdup_printf ("(%s)@%s", node[from], name[arch[edge]]));
    g_ptr_array_sort (term, by_text);
    g_ptr_array_add (term, NULL);
    node[to] = g_strjoinv ("+", (char **) term->pdata);
  }
  for (int i = 0; i < 3; i++)
    g_free (node[i]);
  return node[3];
}

/* The same with zeros dropped, and a sum kept as one term of another. */
static char *
kept_class (const uint8_t *arch)
{
  char *node[4] = { g_strdup ("x") };

  for (uint32_t to = 1, edge = 0; to < 4; to++) {
    g_autoptr (GPtrArray) term = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *sum = NULL;

    for (uint32_t from = 0; from < to; from++, edge++)
      if (arch[edge] != NONE && *node[from])
        g_ptr_array_add (term, arch[edge] == SKIP
                                   ? g_strdup (node[from])
                                   : g_strdup_printf ("%u(%s)", arch[edge], node[from]));
    g_ptr_array_sort (term, by_text);
    g_ptr_array_add (term, NULL);
    sum = g_strjoinv ("+", (char **) term->pdata);
    node[to] = term->len > 2 ? g_strdup_printf ("[%s]", sum) : g_steal_pointer (&sum);
  }
  for (int i = 0; i < 3; i++)
    g_free (node[i]);
  return node[3];
}

/* Classes by the key and by a finer identity, which must never join what the key tells apart. */
static void
count_classes (const uint8_t *op, uint32_t n, char *(*finer) (const uint8_t *), guint keys,
               guint classes, uint32_t blind)
{
  Family *family = family_new ("nb201", NULL);
  g_autoptr (GHashTable) key_of = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  uint32_t cells = (uint32_t) (pow (n, EDGES) + 0.5), unjoined = 0;

  for (uint32_t code = 0; code < cells; code++) {
    g_autofree char *key = NULL;
    uint8_t arch[EDGES];
    char *class, *other;

    cell_at (code, op, n, arch);
    class = finer (arch);
    key = family->ops->key (family->backbone, arch);
    unjoined += !strcmp (key, "0");
    other = g_hash_table_lookup (key_of, class);
    if (other)
      g_assert_cmpstr (other, ==, key);
    if (!g_hash_table_contains (seen, key))
      g_hash_table_add (seen, g_strdup (key));
    g_hash_table_insert (key_of, class, g_hash_table_lookup (seen, key));
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, keys);
  g_assert_cmpuint (g_hash_table_size (key_of), ==, classes);
  g_assert_cmpuint (unjoined, ==, blind);
  family_free (family);
}

static void
test_classes (void)
{
  const uint8_t three[] = { NONE, SKIP, CONV_3 };

  count_classes (all_ops, OPS, published_class, 4930, 6466, CELLS - 15284);
  count_classes (all_ops, OPS, kept_class, 4930, 5773, CELLS - 15284);
  count_classes (three, 3, kept_class, 78, 102, 67);
}

static void
set_operations (LodeNode *group, const char *words)
{
  LodeNode *list = lode_node_new (LODE_VALUE_LIST, "operations", "test");
  g_auto (GStrv) word = g_strsplit (words, " ", -1);

  for (char **at = word; *at && **at; at++) {
    LodeNode *node = lode_node_new (LODE_VALUE_TEXT, NULL, "test");

    node->text = g_strdup (*at);
    g_ptr_array_add (list->children, node);
  }
  lode_node_set (group, list);
}

/* A restricted space has the same cells under other numbers: 729 of them, of 78 keys. */
static void
test_operations (void)
{
  LodeNode *group = test_group ();
  Family *full = family_new ("nb201", NULL), *three;
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  LodeBuild shared = supernet;
  Count all, some;

  set_operations (group, "conv3x3 none skip_connect");
  three = family_new ("nb201", group);
  g_assert_cmpuint (three->space->options, ==, 18);
  g_assert_cmpstr (lode_space_at (three->space, 5)->option[2], ==, "nor_conv_3x3");
  g_assert_cmpuint (lode_space_trait (lode_space_at (three->space, 5), 1), ==, LODE_TRAIT_SKIP);
  for (uint32_t code = 0; code < 729; code++) {
    const uint8_t index[] = { 0, 1, 2 }, op[] = { NONE, SKIP, CONV_3 };
    uint8_t arch[EDGES], same[EDGES], back[EDGES];
    g_autofree char *text = NULL, *twin = NULL, *other = NULL;
    char *key;

    cell_at (code, index, 3, arch);
    cell_at (code, op, 3, same);
    text = three->ops->write (three->backbone, arch);
    twin = full->ops->write (full->backbone, same);
    g_assert_cmpstr (text, ==, twin);
    read_arch (three, text, back);
    g_assert_cmpmem (arch, EDGES, back, EDGES);
    key = three->ops->key (three->backbone, arch);
    other = full->ops->key (full->backbone, same);
    g_assert_cmpstr (key, ==, other);
    g_hash_table_add (seen, key);
    if (code % 9 == 0) {
      all = family_cost (full, derived, 32, same);
      some = family_cost (three, derived, 32, arch);
      g_assert_cmpmem (&all, sizeof all, &some, sizeof some);
    }
  }
  g_assert_cmpuint (g_hash_table_size (seen), ==, 78);
  all = family_cost (full, shared, 32, NULL);
  some = family_cost (three, shared, 32, NULL);
  /* 1 × 1 convolutions of 6 edges in 5 cells of each stage; no affine norms. */
  g_assert_cmpuint (all.params - some.params, ==, 6 * 5 * (16 * 16 + 32 * 32 + 64 * 64));
  family_free (full);
  family_free (three);
}

/* Every restriction derives, samples and repairs within itself. */
static void
test_restricted (void)
{
  static const char *const lists[] = { "none conv3x3", "skip avgpool", "none skip avgpool",
                                       "nor_conv_1x1", "none avg_pool_3x3 conv1x1 conv3x3" };
  LodeRng rng = { .key = 15 };

  for (size_t i = 0; i < G_N_ELEMENTS (lists); i++) {
    LodeNode *group = test_group (), *node = lode_node_new (LODE_VALUE_BOOL, "joined", "test");
    Family *family;
    float mix[EDGES * OPS];

    node->flag = true;
    lode_node_set (group, node);
    set_operations (group, lists[i]);
    family = family_new ("nb201", group);
    for (int trial = 0; trial < 100; trial++) {
      uint32_t n = lode_space_at (family->space, 0)->n;
      uint8_t arch[3][EDGES];

      for (uint32_t o = 0; o < EDGES * n; o++)
        mix[o] = (float) lode_rng_uniform (&rng) + (o % n ? 0 : 0.6f);
      for (int e = 0; e < EDGES; e++)
        arch[1][e] = (uint8_t) (lode_rng_below (&rng, 4) ? 0 : lode_rng_below (&rng, n));
      family->ops->derive (family->backbone, mix, NULL, arch[0]);
      family->ops->repair (family->backbone, arch[1], &rng);
      family->ops->sample (family->backbone, arch[2], &rng);
      for (int a = 0; a < 3; a++) {
        g_autofree char *key = NULL;

        for (int e = 0; e < EDGES; e++)
          g_assert_cmpuint (arch[a][e], <, n);
        key = family->ops->key (family->backbone, arch[a]);
        g_assert_cmpstr (key, !=, "0");
      }
    }
    family_free (family);
  }
}

static void
refuse_operations (const char *words, const char *reason)
{
  LodeNode *group = test_group ();
  g_autoptr (GError) error = NULL;

  set_operations (group, words);
  g_assert_null (family_try ("nb201", group, &error));
  g_assert_nonnull (strstr (error->message, reason));
}

static void
test_bad_operations (void)
{
  LodeNode *group = test_group ();
  Family *family;

  refuse_operations ("none sep3x3", "operations has \"sep3x3\"; there are none, skip");
  refuse_operations ("skip skip_connect", "\"skip_connect\" twice");
  refuse_operations ("none", "nothing but none");
  refuse_operations ("", "nothing but none");
  set_operations (group, "none skip conv3x3");
  family = family_new ("nb201", group);
  refuse (family, best, "edge 2 to 3: nor_conv_1x1 is not among the option `operations`");
  family_free (family);
}

/* The benchmark's table writes a digit an edge. */
static void
test_digits (void)
{
  LodeNode *group = test_group ();
  Family *family, *plain = family_new ("nb201", NULL);
  uint8_t arch[EDGES], again[EDGES];
  g_autofree char *digits = NULL, *text = NULL;

  test_set_text (group, "text", "digits");
  family = family_new ("nb201", group);
  read_arch (plain, " 421211\n", arch);
  text = plain->ops->write (plain->backbone, arch);
  g_assert_cmpstr (text, ==,
                   "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~"
                   "1|skip_connect~2|");
  read_arch (plain, "ops=421211", again);
  g_assert_cmpmem (arch, sizeof arch, again, sizeof again);
  read_arch (family, text, again);
  digits = family->ops->write (family->backbone, again);
  g_assert_cmpstr (digits, ==, "421211");
  refuse (plain, "42121", "character 6: expected a digit, 0 to 4, for each of six edges");
  refuse (plain, "421215", "character 6: expected a digit");
  refuse (plain, "ops=", "character 5: expected a digit");
  refuse (plain, "ops=|none~0|", "character 5: expected a digit");
  refuse (plain, "4212110", "expected the end of the text, found \"0\"");
  family_free (family);
  family_free (plain);
}

static void
assert_key (const Family *family, const char *text, const char *key)
{
  g_autofree char *found = NULL;
  uint8_t arch[EDGES];

  read_arch (family, text, arch);
  found = family->ops->key (family->backbone, arch);
  g_assert_cmpstr (found, ==, key);
}

static void
test_key (void)
{
  Family *family = family_new ("nb201", NULL);

  assert_key (family, "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", "0");
  assert_key (family, "|none~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_1x1~2|", "0");
  assert_key (family, "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|skip_connect~2|",
              "x");
  assert_key (family, "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|none~1|none~2|",
              "avg_pool_3x3 (x)");
  assert_key (family,
              "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|skip_connect~1|"
              "skip_connect~2|",
              "nor_conv_1x1 (nor_conv_3x3 (x)) + nor_conv_3x3 (x) + x");
  assert_key (family,
              "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|"
              "skip_connect~2|",
              "x + x + x + x");
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/nb201-classes/classes", test_classes);
  g_test_add_func ("/nb201-classes/operations", test_operations);
  g_test_add_func ("/nb201-classes/restricted", test_restricted);
  g_test_add_func ("/nb201-classes/bad-operations", test_bad_operations);
  g_test_add_func ("/nb201-classes/digits", test_digits);
  g_test_add_func ("/nb201-classes/key", test_key);
  return g_test_run ();
}

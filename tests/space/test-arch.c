/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architectures over a small space: what a space must be, texts, defaults, and a backbone's own
 * answers in their place.
 */
#include "error.h"
#include "space/arch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const operations[] = { "none", "skip", "conv_3x3" };
static const char *const widths[] = { "16", "32", "48", "64" };
static const LodeDecision decisions[] = {
  { "edge.0", "edges", 3, operations, NULL, 0, 1 },
  { "edge.1", "edges", 3, operations, NULL, 0, 2 },
  { "width<1>", "widths", 4, widths, NULL, -1, -1 },
};
static const LodeSpace space = { sizeof space, sizeof (LodeDecision), 3, 10, decisions };

static const LodeSpace *
plain_space (const LodeBackbone *backbone)
{
  (void) backbone;
  return &space;
}

static const LodeBackboneOps plain_ops = { .size = sizeof plain_ops, .space = plain_space };
static const LodeArchFamily plain = { &plain_ops, NULL };

/* A space with one thing wrong is refused in words that hold `text`. */
static void
assert_wrong (const LodeSpace *wrong, const char *text)
{
  g_autofree char *message = lode_space_check (wrong);

  g_assert_nonnull (message);
  if (!strstr (message, text))
    g_error ("\"%s\" does not mention \"%s\"", message, text);
}

static void
test_space (void)
{
  static const LodeSpace empty = { sizeof empty, sizeof (LodeDecision), 0, 0, NULL };
  LodeDecision at[3];
  LodeSpace bad = space;
  const char *many[65], *twice[] = { "a", "b", "a" }, *blank[] = { "a", "b c" }, *hole[] = { NULL };

  g_assert_null (lode_space_check (&space));
  g_assert_null (lode_space_check (&empty));
  bad.at = at;
  for (int i = 0; i < 65; i++)
    many[i] = operations[0];
#define WITH(i, member, value, text)                                                               \
  G_STMT_START                                                                                     \
  {                                                                                                \
    memcpy (at, decisions, sizeof decisions);                                                      \
    at[i].member = value;                                                                          \
    assert_wrong (&bad, text);                                                                     \
  }                                                                                                \
  G_STMT_END
  WITH (1, name, "edge.0", "two decisions");
  WITH (1, name, NULL, "decision 1 has no name");
  WITH (1, name, "", "decision 1 has no name");
  WITH (2, name, "width 1", "blank");
  WITH (2, name, "width=1", "'='");
  WITH (2, name, "width\xff", "UTF-8");
  WITH (0, n, 0, "0 options");
  WITH (0, n, 2, "9 options in all, the space says 10");
  WITH (0, option, NULL, "name its options");
  WITH (0, option, twice, "two options \"a\"");
  memcpy (at, decisions, sizeof decisions);
  at[1].n = 65;
  at[1].option = many;
  assert_wrong (&bad, "65 options");
  at[1] = (LodeDecision){ "x", "y", 2, blank, NULL, -1, -1 };
  assert_wrong (&bad, "\"b c\"");
  at[1] = (LodeDecision){ "x", "y", 1, hole, NULL, -1, -1 };
  assert_wrong (&bad, "option 0 of decision \"x\"");
  bad.at = NULL;
  assert_wrong (&bad, "no list");
#undef WITH
}

static void
test_check (void)
{
  g_autoptr (GError) error = NULL;
  const uint8_t good[] = { 2, 0, 3 }, bad[] = { 2, 3, 3 };

  g_assert_true (lode_arch_check (&space, good, &error));
  g_assert_no_error (error);
  g_assert_false (lode_arch_check (&space, bad, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "edge.1"));
}

static void
assert_derived (const float *mix, const uint64_t *mask, uint8_t a, uint8_t b, uint8_t c)
{
  const uint8_t expected[] = { a, b, c };
  uint8_t arch[3] = { 99, 99, 99 };

  lode_arch_derive (&plain, mix, mask, arch);
  g_assert_cmpmem (arch, 3, expected, 3);
}

static void
test_derive (void)
{
  const float mix[] = { 1, 3, 3, -1, -3, -2, 0.1f, 0.2f, 0.4f, 0.3f };
  const float holes[] = { NAN, 3, NAN, NAN, NAN, NAN, NAN, -INFINITY, NAN, -INFINITY };
  const uint64_t mask[] = { 5, 6, 11 }, one[] = { 1, 4, 8 };

  assert_derived (mix, NULL, 1, 0, 2);
  assert_derived (mix, mask, 2, 2, 3);
  assert_derived (mix, one, 0, 2, 3);
  assert_derived (holes, NULL, 1, 0, 1);
  assert_derived (holes, mask, 0, 1, 1);
}

/* Every architecture comes back from its text, and from it in another order. */
static void
test_text (void)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (uint32_t code = 0; code < 36; code++) {
    const uint8_t arch[] = { (uint8_t) (code % 3), (uint8_t) (code / 3 % 3), (uint8_t) (code / 9) };
    g_autoptr (GError) error = NULL;
    char *text = lode_arch_text (&plain, arch);
    g_autofree char *key = lode_arch_canonical (&plain, arch);
    g_auto (GStrv) word = g_strsplit (text, " ", 3);
    g_autofree char *turned = g_strdup_printf ("  %s\n%s\t%s ", word[2], word[0], word[1]);
    uint8_t back[3] = { 9, 9, 9 };

    g_assert_cmpstr (text, ==, key);
    g_assert_true (lode_arch_parse (&plain, text, back, &error));
    g_assert_no_error (error);
    g_assert_cmpmem (back, 3, arch, 3);
    memset (back, 9, 3);
    g_assert_true (lode_arch_parse (&plain, turned, back, &error));
    g_assert_cmpmem (back, 3, arch, 3);
    g_assert_true (g_hash_table_add (seen, text));
  }
  g_assert_true (g_hash_table_contains (seen, "edge.0=conv_3x3 edge.1=none width<1>=48"));
}

static void
test_parse_errors (void)
{
  static const char *const bad[][2] = {
    { "", "\"edge.0\" is missing" },
    { "edge.0=none edge.1=skip", "\"width<1>\" is missing" },
    { "edge.0=none edge.1 width<1>=16", "\"edge.1\" is not of the form" },
    { "edge.0=none edge.2=none width<1>=16", "no decision \"edge.2\"" },
    { "edge.0=none edge.0=none width<1>=16", "stands twice" },
    { "edge.0=conv edge.1=none width<1>=16", "none, skip, conv_3x3" },
    { "edge.0=none edge.1=none width<1>=16 more=1", "no decision \"more\"" },
    { "edge.0= edge.1=none width<1>=16", "no option \"\"" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;
    uint8_t arch[3] = { 7, 7, 7 };

    g_assert_false (lode_arch_parse (&plain, bad[i][0], arch, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
    if (!strstr (error->message, bad[i][1]))
      g_error ("\"%s\" does not mention \"%s\"", error->message, bad[i][1]);
    g_assert_cmpmem (arch, 3, ((uint8_t[]){ 7, 7, 7 }), 3);
  }
}

/* A χ² over 36 architectures from 7200 draws: 35 degrees of freedom, the 99.99 % point is 76. */
static void
test_sample (void)
{
  LodeRng rng = { .key = 5 }, again = { .key = 5 };
  uint32_t count[36] = { 0 };
  double chi = 0;

  for (uint32_t i = 0; i < 7200; i++) {
    uint8_t arch[3], same[3];

    lode_arch_sample (&plain, arch, &rng);
    lode_arch_sample (&plain, same, &again);
    g_assert_cmpmem (arch, 3, same, 3);
    g_assert_true (lode_arch_check (&space, arch, NULL));
    count[arch[0] + 3 * arch[1] + 9 * arch[2]]++;
  }
  for (uint32_t i = 0; i < 36; i++)
    chi += (count[i] - 200.) * (count[i] - 200.) / 200;
  g_assert_cmpfloat (chi, <, 76);
}

static void
test_picture (void)
{
  const uint8_t arch[] = { 2, 1, 3 };
  g_autofree char *dot = lode_arch_picture (&plain, arch);

  g_assert_true (g_str_has_prefix (dot, "digraph"));
  g_assert_nonnull (strstr (dot, ">edge.0</td><td align=\"left\">conv_3x3<"));
  g_assert_nonnull (strstr (dot, ">width&lt;1&gt;</td><td align=\"left\">64<"));
  g_assert_null (strstr (dot, "width<1>"));
}

static const LodeSpace *
single_space (const LodeBackbone *backbone)
{
  static const LodeSpace empty = { sizeof empty, sizeof (LodeDecision), 0, 0, NULL };

  (void) backbone;
  return &empty;
}

static bool
fixed_cost (void *data, const uint8_t *arch, uint64_t *macs)
{
  (void) arch;
  *macs = *(const uint64_t *) data;
  return true;
}

/* A family of one: nothing to decide, everything works. */
static void
test_single (void)
{
  static const LodeBackboneOps ops = { .size = sizeof ops, .space = single_space };
  const LodeArchFamily family = { &ops, NULL };
  LodeRng rng = { 1, 0 };
  uint64_t macs = 12345;
  uint8_t arch[1] = { 42 };
  g_autofree char *text = lode_arch_text (&family, arch);
  g_autofree char *dot = lode_arch_picture (&family, arch);

  lode_arch_sample (&family, arch, &rng);
  lode_arch_derive (&family, NULL, NULL, arch);
  g_assert_cmpstr (text, ==, "");
  g_assert_true (lode_arch_parse (&family, text, arch, NULL));
  g_assert_false (lode_arch_parse (&family, "edge=1", arch, NULL));
  g_assert_cmpuint (arch[0], ==, 42);
  g_assert_nonnull (strstr (dot, "no decisions"));
  g_assert_cmpfloat (lode_arch_expect (&family, 5, NULL, NULL, fixed_cost, &macs), ==, 12345);
}

/* Costs for the tests of expectations; `kind` says what cannot be built. */
typedef struct Cost {
  enum { COST_ADDITIVE, COST_HOLES, COST_NEVER } kind;
  uint32_t asked;
} Cost;

static const uint64_t cost_table[] = { 0, 5, 900, 10, 20, 30, 1000, 4000, 9000, 16000 };

static bool
table_cost (void *data, const uint8_t *arch, uint64_t *macs)
{
  Cost *cost = data;

  cost->asked++;
  if (cost->kind == COST_NEVER || (cost->kind == COST_HOLES && arch[0] == 0 && arch[1] == 0))
    return false;
  *macs = 7 + cost_table[arch[0]] + cost_table[3 + arch[1]] + cost_table[6 + arch[2]];
  return true;
}

/* Where decisions do not change each other's cost the default is the mean over all architectures,
 * and its gradient that of the mean. */
static void
test_expect (void)
{
  const float prob[] = { 0.5f, 0.25f, 0.25f, 0, 1, 0, 0.125f, 0.125f, 0.25f, 0.5f };
  Cost cost = { COST_ADDITIVE, 0 };
  float gradient[10];
  double mean = 0, found;

  for (uint32_t a = 0; a < 3; a++)
    for (uint32_t b = 0; b < 3; b++)
      for (uint32_t c = 0; c < 4; c++) {
        uint64_t macs = 0;

        table_cost (&cost, (uint8_t[]){ (uint8_t) a, (uint8_t) b, (uint8_t) c }, &macs);
        mean += (double) prob[a] * (double) prob[3 + b] * (double) prob[6 + c] * (double) macs;
      }
  cost.asked = 0;
  found = lode_arch_expect (&plain, 5, prob, gradient, table_cost, &cost);
  g_assert_cmpfloat_with_epsilon (found, mean, 1e-9);
  g_assert_cmpuint (cost.asked, <=, 1 + space.options);
  for (uint32_t o = 0; o < 10; o++) {
    uint32_t first = o < 3 ? 0 : o < 6 ? 3 : 6;

    g_assert_cmpfloat ((double) (gradient[o] - gradient[first]), ==,
                       (double) cost_table[o] - (double) cost_table[first]);
  }
  g_assert_cmpfloat (lode_arch_expect (&plain, 5, prob, NULL, table_cost, &cost), ==, found);
}

/* A base that can be built is found; an option that cannot stand beside it is left out. */
static void
test_expect_holes (void)
{
  const float prob[] = { 0, 0, 1, 0, 0, 1, 0, 0, 0, 1 };
  Cost cost = { COST_HOLES, 0 }, never = { COST_NEVER, 0 };
  float gradient[10], other[10];

  g_assert_cmpfloat (lode_arch_expect (&plain, 5, prob, gradient, table_cost, &cost), ==,
                     7 + 900 + 30 + 16000);
  lode_arch_expect (&plain, 5, NULL, other, table_cost, &cost);
  g_assert_cmpmem (gradient, sizeof gradient, other, sizeof other);
  memset (gradient, 0x7f, sizeof gradient);
  g_assert_cmpfloat (lode_arch_expect (&plain, 5, prob, gradient, table_cost, &never), ==, 0);
  for (int o = 0; o < 10; o++)
    g_assert_cmpfloat ((double) gradient[o], ==, 0);
}

/* A backbone with answers of its own. */
static void
own_derive (const LodeBackbone *backbone, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  (void) backbone, (void) mix, (void) mask;
  memset (arch, 2, 3);
}

static void
own_repair (const LodeBackbone *backbone, uint8_t *arch, LodeRng *rng)
{
  (void) backbone, (void) rng;
  arch[0] = arch[0] == 0 ? 1 : arch[0];
}

static char *
own_write (const LodeBackbone *backbone, const uint8_t *arch)
{
  (void) backbone;
  return g_strdup_printf ("%u|%u|%u", arch[0], arch[1], arch[2]);
}

static bool
own_read (const LodeBackbone *backbone, const char *text, uint8_t *arch, GError **error)
{
  unsigned a, b, c;

  (void) backbone, (void) error;
  memset (arch, 1, 3);
  if (sscanf (text, "%u|%u|%u", &a, &b, &c) != 3)
    return false; /* says nothing */
  arch[0] = (uint8_t) a;
  arch[1] = (uint8_t) b;
  arch[2] = (uint8_t) c;
  return true;
}

static char *
own_key (const LodeBackbone *backbone, const uint8_t *arch)
{
  (void) backbone;
  return g_strdup_printf ("#%u", arch[0]);
}

static double
own_expect (const LodeBackbone *backbone, uint32_t outputs, const float *prob, float *dprob)
{
  (void) backbone, (void) prob;
  dprob[0] = 3;
  return 16 + outputs;
}

static void
test_own (void)
{
  static const LodeBackboneOps ops = {
    .size = sizeof ops,
    .space = plain_space,
    .derive = own_derive,
    .repair = own_repair,
    .write = own_write,
    .read = own_read,
    .key = own_key,
    .expect = own_expect,
    .draw = own_key,
  };
  const LodeArchFamily family = { &ops, NULL };
  uint8_t arch[3];
  LodeRng rng = { .key = 2 };
  float mix[10] = { 0 };
  g_autoptr (GError) error = NULL;

  lode_arch_derive (&family, mix, NULL, arch);
  g_assert_cmpmem (arch, 3, ((uint8_t[]){ 2, 2, 2 }), 3);
  for (int i = 0; i < 100; i++) {
    lode_arch_sample (&family, arch, &rng);
    g_assert_cmpuint (arch[0], >, 0);
  }
  g_assert_true (lode_arch_parse (&family, "1|0|3", arch, &error));

  g_autofree char *text = lode_arch_text (&family, arch);
  g_autofree char *key = lode_arch_canonical (&family, arch);
  g_autofree char *dot = lode_arch_picture (&family, arch);

  g_assert_cmpstr (text, ==, "1|0|3");
  g_assert_cmpstr (key, ==, "#1");
  g_assert_cmpstr (dot, ==, "#1");
  g_assert_cmpfloat (lode_arch_expect (&family, 5, mix, mix, NULL, NULL), ==, 21);
  g_assert_cmpfloat ((double) mix[0], ==, 3);

  g_assert_false (lode_arch_parse (&family, "junk", arch, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_clear_error (&error);
  g_assert_false (lode_arch_parse (&family, "1|3|0", arch, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_cmpmem (arch, 3, ((uint8_t[]){ 1, 0, 3 }), 3);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/arch/space", test_space);
  g_test_add_func ("/arch/check", test_check);
  g_test_add_func ("/arch/derive", test_derive);
  g_test_add_func ("/arch/text", test_text);
  g_test_add_func ("/arch/parse-errors", test_parse_errors);
  g_test_add_func ("/arch/sample", test_sample);
  g_test_add_func ("/arch/picture", test_picture);
  g_test_add_func ("/arch/single", test_single);
  g_test_add_func ("/arch/expect", test_expect);
  g_test_add_func ("/arch/expect-holes", test_expect_holes);
  g_test_add_func ("/arch/own", test_own);
  return g_test_run ();
}

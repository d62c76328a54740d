/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations: what is read is what was written, bit for bit, and every usual slip gets its
 * hint.
 */
#include "error.h"
#include "tree.h"

#include <libconfig.h>
#include <locale.h>
#include <math.h>

static void
test_values (void)
{
  g_autoptr (LodeNode) root =
      parse ("a = 1; b : -2L\n c = 0xFF, d = +3; e = .5; f = 1.; g = 1e-3; h = -2.5E+2;"
             "i = 4000000000; j = 0xFFFFFFFF; k = -9223372036854775808; l = True; m = FALSE;\n"
             "n = \"a\" \"b\"\n \"c\"; o = \"\\x41\\n\\t\\\"\\\\ \\q é\"; p = -0.0;\n"
             "q = { }; r = [ ]; s = ( ); t = ( 1, \"x\", [ 2, 3.5 ], { u = true; } );\n"
             "# a comment; v = 1\n// another\n/* w = 2;\n */ x-y_z*2 = 9e99 // the last\n");

  g_assert_cmpint (integer_at (root, "a"), ==, 1);
  g_assert_cmpint (integer_at (root, "b"), ==, -2);
  g_assert_cmpint (integer_at (root, "c"), ==, 255);
  g_assert_cmpint (integer_at (root, "d"), ==, 3);
  g_assert_cmpfloat (real_at (root, "e"), ==, 0.5);
  g_assert_cmpfloat (real_at (root, "f"), ==, 1);
  g_assert_cmpfloat (real_at (root, "g"), ==, 1e-3);
  g_assert_cmpfloat (real_at (root, "h"), ==, -250);
  g_assert_cmpint (integer_at (root, "i"), ==, 4000000000);
  g_assert_cmpint (integer_at (root, "j"), ==, 0xFFFFFFFF);
  g_assert_cmpint (integer_at (root, "k"), ==, INT64_MIN);
  g_assert_true (lode_node_find (root, "l")->flag);
  g_assert_false (lode_node_find (root, "m")->flag);
  g_assert_cmpstr (text_at (root, "n"), ==, "abc");
  g_assert_cmpstr (text_at (root, "o"), ==, "A\n\t\"\\ \\q é");
  g_assert_true (signbit (real_at (root, "p")));
  g_assert_cmpint (lode_node_find (root, "q")->type, ==, LODE_VALUE_GROUP);
  g_assert_cmpuint (lode_node_find (root, "r")->children->len, ==, 0);
  g_assert_cmpint (lode_node_find (root, "s")->type, ==, LODE_VALUE_LIST);
  g_assert_cmpuint (lode_node_find (root, "t")->children->len, ==, 4);
  g_assert_cmpfloat (real_at (root, "x-y_z*2"), ==, 9e99);
  g_assert_cmpuint (root->children->len, ==, 21);
}

static void
test_origins (void)
{
  g_autoptr (LodeNode) root =
      parse ("\n\na = 1;\nb =\n{\n  c = \"x\" d = \"y\"\n  e = [ 1,\n\n 2 ];\n}\n"
             "f = ( \"p\",\n  \"q\",\n  { g = 1; },\n  [ 3 ] )\nh = true;\n"
             "i = {};");
  const LodeNode *list = lode_node_find (root, "f"), *array = lode_node_find (root, "b.e");
  g_autofree char *text = lode_config_origins (root);

  check_origin (lode_node_find (root, "a"), "x.cfg:3");
  check_origin (lode_node_find (root, "b"), "x.cfg:4");
  check_origin (lode_node_find (root, "b.c"), "x.cfg:6");
  check_origin (lode_node_find (root, "b.d"), "x.cfg:6");
  check_origin (array, "x.cfg:7");
  check_origin (g_ptr_array_index (array->children, 0), "x.cfg:7");
  check_origin (g_ptr_array_index (array->children, 1), "x.cfg:9");
  check_origin (list, "x.cfg:11");
  check_origin (g_ptr_array_index (list->children, 0), "x.cfg:11");
  check_origin (g_ptr_array_index (list->children, 1), "x.cfg:12");
  check_origin (g_ptr_array_index (list->children, 2), "x.cfg:13");
  check_origin (lode_node_child (g_ptr_array_index (list->children, 2), "g"), "x.cfg:13");
  check_origin (g_ptr_array_index (list->children, 3), "x.cfg:14");
  check_origin (lode_node_find (root, "h"), "x.cfg:15");
  g_assert_cmpstr (text, ==,
                   "a = 1    x.cfg:3\n"
                   "b.c = \"x\"    x.cfg:6\n"
                   "b.d = \"y\"    x.cfg:6\n"
                   "b.e = [ 1, 2 ]    x.cfg:7\n"
                   "f = ( \"p\", \"q\", { g = 1; }, [ 3 ] )    x.cfg:11\n"
                   "h = true    x.cfg:15\n"
                   "i = { }    x.cfg:16\n");
}

/* Doubles of all magnitudes: the bits of a random number, those that are finite. */
static double
random_real (GRand *random)
{
  static const double edges[] = { 0.,
                                  -0.,
                                  1.,
                                  0.1,
                                  1e15,
                                  1e16,
                                  1e17,
                                  123456789012345678.,
                                  5e-324,
                                  -2.2250738585072014e-308,
                                  1.7976931348623157e308,
                                  1e22,
                                  1e23 };
  uint64_t bits = ((uint64_t) g_rand_int (random) << 32) | g_rand_int (random);
  double value;

  if (g_rand_boolean (random))
    return edges[g_rand_int_range (random, 0, G_N_ELEMENTS (edges))];
  memcpy (&value, &bits, sizeof value);
  return isfinite (value) ? value : 1;
}

static int64_t
random_integer (GRand *random)
{
  static const int64_t edges[] = {
    0,         1,         -1,         INT32_MAX,       INT32_MIN,
    INT64_MAX, INT64_MIN, UINT32_MAX, INT32_MAX + 1LL, INT32_MIN - 1LL
  };

  if (g_rand_boolean (random))
    return edges[g_rand_int_range (random, 0, G_N_ELEMENTS (edges))];
  return (int64_t) (((uint64_t) g_rand_int (random) << 32) | g_rand_int (random));
}

static char *
random_text (GRand *random)
{
  static const char *const pieces[] = { "a",   "x41",  "\\",   "\"",  "\n", "\r", "\t",
                                        "\f",  "\x01", "\x7f", " ",   "é",  "中", "😀",
                                        "//",  "#",    "/*",   "*/",  ";",  "}",  "@include \"x\"",
                                        "\\n", "'",    "“",    "%d",  "0",  "=",  "\\x",
                                        "\v",  "L",    "[",    "true" };
  GString *text = g_string_new (NULL);

  for (int n = g_rand_int_range (random, 0, 12); n > 0; n--)
    g_string_append (text, pieces[g_rand_int_range (random, 0, G_N_ELEMENTS (pieces))]);
  return g_string_free (text, FALSE);
}

static LodeNode *random_node (GRand *random, const char *name, int depth);

static void
fill_node (GRand *random, LodeNode *node, int depth)
{
  LodeValueType one = LODE_VALUE_BOOL + (unsigned) g_rand_int_range (random, 0, 4);
  bool array = g_rand_boolean (random);

  for (int i = g_rand_int_range (random, 0, 10); i > 0; i--) {
    g_autofree char *name = g_strdup_printf ("%s%d", i % 2 ? "n" : "Name_of-*", i);
    LodeNode *child = random_node (random, node->type == LODE_VALUE_GROUP ? name : NULL, depth + 1);

    if (node->type == LODE_VALUE_LIST && array && child->type != one) {
      lode_node_free (child);
      continue;
    }
    g_ptr_array_add (node->children, child);
  }
}

static LodeNode *
random_node (GRand *random, const char *name, int depth)
{
  LodeValueType type = (LodeValueType) g_rand_int_range (random, depth > 4 ? 2 : 0, 6);
  LodeNode *node = lode_node_new (depth ? type : LODE_VALUE_GROUP, name, NULL);

  if (node->children)
    fill_node (random, node, depth);
  else if (node->type == LODE_VALUE_BOOL)
    node->flag = g_rand_boolean (random);
  else if (node->type == LODE_VALUE_INT)
    node->integer = random_integer (random);
  else if (node->type == LODE_VALUE_REAL)
    node->real = random_real (random);
  else
    node->text = random_text (random);
  return node;
}

/* What libconfig itself makes of a text of ours: the same values. */
static bool
same_setting (const LodeNode *node, const config_setting_t *setting)
{
  int type = config_setting_type (setting);
  double real = type == CONFIG_TYPE_FLOAT ? config_setting_get_float (setting) : 0;

  if (g_strcmp0 (node->name, config_setting_name (setting)))
    return false;
  switch (node->type) {
  case LODE_VALUE_BOOL:
    return type == CONFIG_TYPE_BOOL && node->flag == config_setting_get_bool (setting);
  case LODE_VALUE_INT:
    return type == CONFIG_TYPE_INT ? node->integer == config_setting_get_int (setting)
                                   : node->integer == config_setting_get_int64 (setting);
  case LODE_VALUE_REAL:
    return type == CONFIG_TYPE_FLOAT && !memcmp (&real, &node->real, sizeof real);
  case LODE_VALUE_TEXT:
    return type == CONFIG_TYPE_STRING && !strcmp (node->text, config_setting_get_string (setting));
  default:
    if ((node->type == LODE_VALUE_GROUP) != (type == CONFIG_TYPE_GROUP)
        || (guint) config_setting_length (setting) != node->children->len)
      return false;
  }
  for (guint i = 0; i < node->children->len; i++)
    if (!same_setting (g_ptr_array_index (node->children, i), config_setting_get_elem (setting, i)))
      return false;
  return true;
}

static void
check_round_trip (const LodeNode *root)
{
  g_autofree char *text = lode_config_write (root), *again = NULL;
  g_autoptr (LodeNode) read = parse (text);
  config_t config;

  g_assert_true (same_tree (root, read));
  again = lode_config_write (read);
  g_assert_cmpstr (text, ==, again);
  config_init (&config);
  if (!config_read_string (&config, text))
    g_error ("%d: %s in\n%s", config_error_line (&config), config_error_text (&config), text);
  g_assert_true (same_setting (root, config_root_setting (&config)));
  config_destroy (&config);
}

static void
test_round_trip (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (1);

  for (int i = 0; i < 400; i++) {
    g_autoptr (LodeNode) root = random_node (random, NULL, 0);

    check_round_trip (root);
  }
}

/* Every number of the writer on its own, many of them. */
static void
test_digits (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (2);

  for (int i = 0; i < 100; i++) {
    g_autoptr (LodeNode) root = lode_node_new (LODE_VALUE_GROUP, NULL, NULL);
    LodeNode *list = lode_node_new (LODE_VALUE_LIST, "x", NULL);

    g_ptr_array_add (root->children, list);
    for (int k = 0; k < 200; k++) {
      LodeNode *node = lode_node_new (LODE_VALUE_REAL, NULL, NULL);

      node->real = random_real (random);
      g_ptr_array_add (list->children, node);
    }
    check_round_trip (root);
  }
}

static void
test_layout (void)
{
  const char *text = "seed = 1;\n"
                     "rate = 0.1;\n"
                     "big = 3000000000L;\n"
                     "wide = [ 1L, 3000000000L ];\n"
                     "data = {\n"
                     "  type = \"idx\";\n"
                     "  idx = { folder = \"x\"; };\n"
                     "};\n"
                     "list = ( 1, 2.5, \"x\" );\n"
                     "none = { };\n"
                     "long = [\n"
                     "  1000000, 2000000, 3000000, 4000000, 5000000, 6000000, 7000000, 8000000, "
                     "9000000, 10000000,\n"
                     "  11000000\n"
                     "];\n"
                     "wrapped = {\n"
                     "  first = \"a text of some length, so that the line is full\";\n"
                     "  second = \"another text of some length, so that the line is full\";\n"
                     "};\n"
                     "groups = (\n"
                     "  { a = 1; },\n"
                     "  {\n"
                     "    b = { c = 2; };\n"
                     "  }\n"
                     ");\n";
  g_autoptr (LodeNode) root = parse (text);
  g_autofree char *written = lode_config_write (root);
  g_auto (GStrv) line = g_strsplit (written, "\n", -1);

  for (char **at = line; *at; at++)
    g_assert_cmpuint (strlen (*at), <=, 100);
  g_assert_cmpstr (written, ==, text);
}

static void
test_conf_files (void)
{
  const char *path = g_getenv ("LODE_CONF_PATH");
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *file;
  guint n = 0;

  g_assert_nonnull (dir);
  while ((file = g_dir_read_name (dir))) {
    const char *files[] = { file, NULL };
    g_autoptr (GPtrArray) errors = errors_new ();
    g_autoptr (LodeNode) root = NULL;

    if (!g_str_has_suffix (file, ".cfg"))
      continue;
    root = lode_config_load (files, NULL, errors);
    no_errors (errors);
    g_assert_nonnull (root);
    g_assert_nonnull (lode_node_find (root, "experiment"));
    check_round_trip (root);
    n++;
  }
  g_assert_cmpuint (n, >=, 6);
}

static void
test_merge (void)
{
  const char *both[] = { "./a.cfg", "./b.cfg", NULL }, *twice[] = { "./a.cfg", "./a.cfg", NULL },
             *again[] = { "./a.cfg", "./b.cfg", "./b.cfg", NULL };
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (LodeNode) a = NULL, ab = NULL, aa = NULL, abb = NULL;

  write_text ("a.cfg", "x = 1; g = { y = 2; h = { z = 3; }; l = [1, 2]; }; k = { m = 1; };");
  write_text ("b.cfg", "g = { h = { z = 4; w = 5; }; l = [3]; }; x = \"one\"; k = 7;");
  a = lode_config_parse ("./a.cfg", errors);
  aa = lode_config_load (twice, NULL, errors);
  ab = lode_config_load (both, NULL, errors);
  abb = lode_config_load (again, NULL, errors);
  no_errors (errors);
  g_assert_true (same_tree (a, aa));
  g_assert_true (same_tree (ab, abb));
  g_assert_cmpstr (text_at (ab, "x"), ==, "one");
  check_origin (lode_node_find (ab, "x"), "./b.cfg:1");
  g_assert_cmpint (integer_at (ab, "g.y"), ==, 2);
  check_origin (lode_node_find (ab, "g.y"), "./a.cfg:1");
  g_assert_cmpint (integer_at (ab, "g.h.z"), ==, 4);
  g_assert_cmpint (integer_at (ab, "g.h.w"), ==, 5);
  g_assert_cmpuint (lode_node_find (ab, "g.l")->children->len, ==, 1);
  g_assert_cmpint (integer_at (ab, "k"), ==, 7);
}

typedef struct Override {
  const char *assignment, *path, *written; /* written: the value, or the message */
} Override;

static const Override good_overrides[] = {
  { "seed=3", "seed", "3" },
  { "seed=0x10", "seed", "16" },
  { "fit.rate=1e-3", "fit.rate", "0.001" },
  { "fit.rate=.5", "fit.rate", "0.5" },
  { "search.type=ea", "search.type", "\"ea\"" },
  { "search.type=\"a b\"", "search.type", "\"a b\"" },
  { "search.type=", "search.type", "\"\"" },
  { "search.type=a=b", "search.type", "\"a=b\"" },
  { "folder=/data/x y", "folder", "\"/data/x y\"" },
  { "folder=don't", "folder", "\"don't\"" },
  { "folder=3d", "folder", "\"3d\"" },
  { "folder=1,2,3", "folder", "\"1,2,3\"" },
  { "flag=true", "flag", "true" },
  { "flag=False", "flag", "false" },
  { "flag=yes", "flag", "\"yes\"" },
  { "list=[1, 2.5]", "list", "( 1, 2.5 )" },
  { "list=( [1], { a = 2 } )", "list", "(\n  [ 1 ],\n  { a = 2; }\n)" },
  { "new.way.to=7", "new.way.to", "7" },
  { "fit={ clip = 5; }", "fit.epochs", "8" }, /* a group merges */
  { "fit={ clip = 5; }", "fit.clip", "5" },
  { "big=9223372036854775807", "big", "9223372036854775807L" },
};

static const Override bad_overrides[] = {
  { "seed", NULL, "expected path.to.value=…" },
  { "=3", NULL, "expected path.to.value=…" },
  { "a..b=3", NULL, "\"\" is no name; expected path.to.value=…" },
  { "a b=3", NULL, "\"a b\" is no name; expected path.to.value=…" },
  { "layers.0=3", NULL, "\"0\" is no name; expected path.to.value=…" },
  { "a.True=3", NULL, "\"True\" is no name; expected path.to.value=…" },
  { "a={ b = 1; } } c={", NULL,
    "this '}' closes nothing; remove it, or one before it is too many" },
  { "fit.a={ b = 1; }; } c={ d = 1; ", NULL, "expected one value after the =" },
  { "seed.x=3", NULL, "seed is not a group (x.cfg:1), so nothing can be set in it" },
  { "rate=0,025", NULL,
    "0,025 is no number; expected a decimal point (0.025) or a list ([ 0,025 ])" },
  { "rate=1e999", NULL,
    "1e999 is larger than a number can be; expected at most 1.7976931348623157e308" },
  { "list=[1, 2", NULL, "this '[' is never closed; expected ']'" },
  { "list=[1, 2,]", NULL, "expected a value after this comma, found ']' (remove the comma)" },
  { "text=\"x", NULL,
    "a text is not closed on its line; expected \"text\" (a line break in it is written \\n)" },
  { "text='x'", NULL, "' is not the quote of a text; expected \"x\"" },
  { "g={ a = 1 } h=2", NULL, "expected one value after the =" },
  { "g={ @include \"x\" }", NULL, "@include stands in files only" },
};

/* The value is set, and told to come from the command line. */
static void
check_override (const Override *one)
{
  g_autoptr (LodeNode) root = parse ("seed = 1;\nfit = { epochs = 8; };"), wrapped = NULL;
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autofree char *text = NULL, *expected = g_strdup_printf ("v = %s;\n", one->written);
  LodeNode *node;

  g_assert_true (lode_config_override (root, one->assignment, errors));
  no_errors (errors);
  node = lode_node_find (root, one->path);
  g_assert_nonnull (node);
  if (strcmp (one->path, "fit.epochs"))
    g_assert_true (g_str_has_prefix (node->origin, "command line: "));
  wrapped = lode_node_new (LODE_VALUE_GROUP, NULL, NULL);
  node = lode_node_copy (node);
  g_free (node->name);
  node->name = g_strdup ("v");
  g_ptr_array_add (wrapped->children, node);
  text = lode_config_write (wrapped);
  g_assert_cmpstr (text, ==, expected);
}

/* One error with its message, and nothing is set. */
static void
check_bad_override (const Override *one)
{
  g_autoptr (LodeNode) root = parse ("seed = 1;\nfit = { epochs = 8; };"),
                       before = lode_node_copy (root);
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autofree char *expected =
      g_strdup_printf ("command line: %s: %s", one->assignment, one->written);

  g_assert_false (lode_config_override (root, one->assignment, errors));
  g_assert_cmpuint (errors->len, ==, 1);
  g_assert_cmpstr (errors->pdata[0], ==, expected);
  g_assert_true (same_tree (root, before));
}

static void
test_override (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (good_overrides); i++)
    check_override (&good_overrides[i]);
  for (guint i = 0; i < G_N_ELEMENTS (bad_overrides); i++)
    check_bad_override (&bad_overrides[i]);
}

/* The same override twice, or after another of the same path: the last one holds, alone. */
static void
test_override_order (void)
{
  const char *files[] = { "./o.cfg", NULL },
             *overrides[] = { "a.b=1", "a.b=2", "a.c=3", "a.b=4", NULL };
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (LodeNode) root = NULL;
  g_autofree char *text = NULL;

  write_text ("o.cfg", "a = { c = 0; };\n");
  root = lode_config_load (files, overrides, errors);
  no_errors (errors);
  text = lode_config_origins (root);
  g_assert_cmpstr (text, ==, "a.c = 3    command line: a.c=3\na.b = 4    command line: a.b=4\n");
}

static void
test_find (void)
{
  g_autoptr (GError) slip = NULL, none = NULL, path = NULL, dir = NULL;
  g_autofree char *before = g_strdup (g_getenv ("LODE_CONF_PATH")), *found = NULL,
                  *here = g_get_current_dir (), *folders = NULL, *second = NULL, *local = NULL;

  g_mkdir_with_parents ("conf1", 0755);
  g_mkdir_with_parents ("conf2", 0755);
  write_text ("conf1/one.cfg", "a = 1;");
  write_text ("conf2/one.cfg", "a = 2;");
  write_text ("conf2/second.cfg", "a = 3;");
  folders = g_strdup_printf (":%s/conf1:%s/conf2:/does/not/exist", here, here);
  g_setenv ("LODE_CONF_PATH", folders, TRUE);
  found = lode_config_find ("one.cfg", NULL);
  g_assert_true (g_str_has_suffix (found, "/conf1/one.cfg"));
  second = lode_config_find ("second.cfg", NULL);
  g_assert_true (g_str_has_suffix (second, "/conf2/second.cfg"));
  g_assert_null (lode_config_find ("secnd.cfg", &slip));
  g_assert_error (slip, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (slip->message, "/conf1, "));
  g_assert_nonnull (strstr (slip->message, "did you mean \"second.cfg\"?"));
  g_assert_null (lode_config_find ("zzzzzzzzz", &none));
  g_assert_nonnull (strstr (none->message, "check the name, or set LODE_CONF_PATH"));
  g_assert_null (lode_config_find ("./one.cfg", &path));
  g_assert_cmpstr (path->message, ==, "no configuration file \"./one.cfg\"; check the path");
  g_assert_null (lode_config_find ("conf1", &dir));
  g_assert_cmpstr (dir->message, ==,
                   "no configuration file \"conf1\"; this is a folder, name a file in it");
  write_text ("second.cfg", "a = 4;");
  local = lode_config_find ("second.cfg", NULL);
  g_assert_cmpstr (local, ==, "second.cfg");
  g_unlink ("second.cfg");
  g_setenv ("LODE_CONF_PATH", before, TRUE);
}

static void
check_numbers (void)
{
  g_autoptr (LodeNode) root = parse ("a = 0.025; b = 1234567.5; c = [ 1.5, 2.25 ];");
  g_autofree char *text = lode_config_write (root);
  g_autoptr (GPtrArray) errors = errors_new ();

  g_assert_cmpfloat (real_at (root, "a"), ==, 0.025);
  g_assert_cmpstr (text, ==, "a = 0.025;\nb = 1234567.5;\nc = [ 1.5, 2.25 ];\n");
  g_assert_true (lode_config_override (root, "a=1.5", errors));
  g_assert_cmpfloat (real_at (root, "a"), ==, 1.5);
}

/* Makes a locale with a decimal comma below the current folder; false: no tool for it. */
static bool
make_locale (void)
{
  const char *arguments[] = {
    "localedef", "-c", "-f", "UTF-8", "-i", "./comma.src", "./de_XX", NULL
  };

  g_autofree char *here = g_get_current_dir ();

  write_text ("comma.src", "LC_NUMERIC\ndecimal_point \"<U002C>\"\nthousands_sep \"<U002E>\"\n"
                           "grouping 3;3\nEND LC_NUMERIC\n");
  if (!g_spawn_sync (NULL, (char **) arguments, NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL, NULL, NULL, NULL, NULL, NULL))
    return false;
  g_setenv ("LOCPATH", here, TRUE);
  return g_file_test ("de_XX/LC_NUMERIC", G_FILE_TEST_EXISTS);
}

static void
test_locale (void)
{
  static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8" };
  const char *name = NULL;
  locale_t comma;
  char number[16];

  for (guint i = 0; i < G_N_ELEMENTS (names) && !name; i++)
    name = setlocale (LC_NUMERIC, names[i]) ? names[i] : NULL;
  if (!name && make_locale ())
    name = setlocale (LC_NUMERIC, "de_XX") ? "de_XX" : NULL;
  if (!name) {
    g_test_skip ("no locale with a decimal comma, and no localedef to make one");
    return;
  }
  snprintf (number, sizeof number, "%.1f", 0.5);
  g_assert_cmpstr (number, ==, "0,5");
  check_numbers ();
  comma = duplocale (LC_GLOBAL_LOCALE);
  setlocale (LC_NUMERIC, "C");
  g_assert_true (comma != (locale_t) 0);
  uselocale (comma);
  check_numbers ();
  g_assert_true (uselocale ((locale_t) 0) == comma); /* left as it was found */
  uselocale (LC_GLOBAL_LOCALE);
  freelocale (comma);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/config/values", test_values);
  g_test_add_func ("/config/origins", test_origins);
  g_test_add_func ("/config/round-trip", test_round_trip);
  g_test_add_func ("/config/digits", test_digits);
  g_test_add_func ("/config/layout", test_layout);
  g_test_add_func ("/config/conf-files", test_conf_files);
  g_test_add_func ("/config/merge", test_merge);
  g_test_add_func ("/config/override", test_override);
  g_test_add_func ("/config/override-order", test_override_order);
  g_test_add_func ("/config/find", test_find);
  g_test_add_func ("/config/locale", test_locale);
  return run_in_folder ();
}

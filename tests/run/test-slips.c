/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slips in configurations: each has its one message, with file, line and what to do.
 */
#include "tree.h"

/* All messages of a text, one a line. */
static char *
messages_of (const char *text)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  LodeNode *root = lode_config_parse_text ("x.cfg", text, errors);

  g_assert_true (root == NULL ? errors->len > 0 : errors->len == 0);
  lode_node_free (root);
  g_ptr_array_add (errors, NULL);
  return g_strjoinv ("\n", (char **) errors->pdata);
}

static char *
messages_of_file (const char *path)
{
  g_autoptr (GPtrArray) errors = errors_new ();

  g_assert_null (lode_config_parse (path, errors));
  g_ptr_array_add (errors, NULL);
  return g_strjoinv ("\n", (char **) errors->pdata);
}

typedef struct Case {
  const char *text, *expected;
} Case;

/* A slip, and all that is said of it. */
static const Case slips[] = {
  { "type = \"darts;\nseed = 1;",
    "x.cfg:1: a text is not closed on its line; expected \"text\" (a line break in it is written "
    "\\n)" },
  { "a = { type = \"darts; };\nseed = 1;",
    "x.cfg:1: a text is not closed on its line; expected \"text\" (a line break in it is written "
    "\\n)" },
  { "a = { type = darts\"; };\nseed = 1;",
    "x.cfg:1: darts is no value; a text needs quotes: \"darts\"" },
  { "type = darts;", "x.cfg:1: darts is no value; a text needs quotes: \"darts\"" },
  { "f = /data/x.bin;", "x.cfg:1: /data/x.bin is no value; a text needs quotes: \"/data/x.bin\"" },
  { "a = yes;\nb = Off;\nc = True;\nd = none;\ne = nan;\nf = -inf;",
    "x.cfg:1: yes is no value; expected true or false\n"
    "x.cfg:2: Off is no value; expected true or false\n"
    "x.cfg:4: none is no value; leave the setting out for its default\n"
    "x.cfg:5: nan is no value; expected a finite number\n"
    "x.cfg:6: -inf is no value; expected a finite number" },
  { "a = 5%;\nb = 1_000;\nc = 1-2;", "x.cfg:1: 5% is no number; a text needs quotes: \"5%\"\n"
                                     "x.cfg:2: 1_000 is no number; a text needs quotes: \"1_000\"\n"
                                     "x.cfg:3: 1-2 is no number; a text needs quotes: \"1-2\"" },
  { "a = [1, 2, ];\nb = (1,);\nc = [,1];\nd = [1,,2];",
    "x.cfg:1: expected a value after this comma, found ']' (remove the comma)\n"
    "x.cfg:2: expected a value after this comma, found ')' (remove the comma)\n"
    "x.cfg:3: expected a value, found ','\n"
    "x.cfg:4: expected a value after this comma, found ',' (remove the comma)" },
  { "a = [[1, 2], [3]];", "x.cfg:1: [ ] holds numbers, texts, or true and false; a list of lists "
                          "or groups is written ( [ "
                          "… ], … )" },
  { "a = [{ x = 1; }];", "x.cfg:1: [ ] holds numbers, texts, or true and false; a list of lists or "
                         "groups is written ( { "
                         "… }, … )" },
  { "a = [1, \"x\"];\nb = [true, 1.5];\nc = [1, 2.5];",
    "x.cfg:1: [ ] holds values of one kind, found \"x\" beside 1; expected ( … )\n"
    "x.cfg:2: [ ] holds values of one kind, found 1.5 beside true; expected ( … )" },
  { "a = [1 2];\nb = [\"x\" \"y\"];",
    "x.cfg:1: expected ',' or ']', found 2\nx.cfg:2: expected ',' or ']', found \"y\"" },
  { "rate = 0,025;\nx = 1;", "x.cfg:1: 0,025 is no number; expected a decimal point: 0.025" },
  { "search.type = \"ea\";\nx = 1;",
    "x.cfg:1: search.type is no name; what lies in a group is written a = { b = …; }; (only the "
    "command line knows a.b=…)" },
  { "2nd = 1;", "x.cfg:1: expected the name of a setting (letters, digits, - and _, a letter "
                "first), found 2nd" },
  { "seed 3;\nsearch { type = \"x\"; };\nb = 2;\nc",
    "x.cfg:1: expected seed = …, found 3\nx.cfg:2: expected search = …, found '{'\n"
    "x.cfg:4: expected c = …, found the end" },
  { "seed\nb = 2;", "x.cfg:1: expected seed = …, found b" },
  { "a = ;\nb =\nc = 1;\nd =",
    "x.cfg:1: expected a = a value, found ';'\nx.cfg:3: expected b = a value, found c\n"
    "x.cfg:4: expected d = a value, found the end" },
  { "a = 1;;\nb = = 2;", "x.cfg:1: there is no setting before this ';'; remove it\n"
                         "x.cfg:2: expected b = a value, found '='" },
  { "a = { b = 1;\n\n", "x.cfg:1: this '{' is never closed; expected '}'" },
  { "a = {\n  b = { c = 1;\n  d = 2;\n};\ne = { f = 1; };\n",
    "x.cfg:2: this '{' is not closed before the '}' of line 4, which by its place closes another" },
  { "a = 1; };\nb = 2;",
    "x.cfg:1: this '}' closes nothing; remove it, or one before it is too many" },
  { "a = [1, 2;\nb = 3;",
    "x.cfg:1: expected ',' or ']', found ';' (the '[' of line 1 is still open)" },
  { "a = [1, 2\nb = 3;",
    "x.cfg:2: expected ',' or ']', found b (the '[' of line 1 is still open)" },
  { "x = { a = [1, 2 };\nb = 3;",
    "x.cfg:1: expected ']', found '}' (the '[' of line 1 is still open)" },
  { "a = (1, 2];", "x.cfg:1: expected ')', found ']' (the '(' of line 1 is still open)" },
  { "a = (1, 2", "x.cfg:1: this '(' is never closed; expected ')'" },
  { "a = “x”;\nb = 'q';\nc = «y»;\nd = “x;\ne = \"don’t\";",
    "x.cfg:1: “ is not the quote of a text; expected \"x\"\n"
    "x.cfg:2: ' is not the quote of a text; expected \"q\"\n"
    "x.cfg:3: « is not the quote of a text; expected \"y\"\n"
    "x.cfg:4: “ is not the quote of a text; expected \"x\"" },
  { "{ \"seed\": 1 }",
    "x.cfg:1: this looks like JSON or TOML; a configuration is libconfig's: name = value; name = { "
    "… };" },
  { "[search]\ntype = \"ea\"",
    "x.cfg:1: this looks like JSON or TOML; a configuration is libconfig's: name = value; name = { "
    "… };" },
  { "\"seed\": 1,",
    "x.cfg:1: expected the name of a setting, found \"seed\"; names have no quotes" },
  { "a = 1;\n[search]\ntype = \"ea\";",
    "x.cfg:2: expected the name of a setting, found '['; a group is written name = { … };" },
  { "seed = 1;\nb = { seed = 2; };\nc = ( { seed = 1; }, { seed = 2; seed = 3; } );\nseed = 3;",
    "x.cfg:3: seed is set twice, first at x.cfg:3; remove one (to change what another file sets, "
    "name both on the command line)\n"
    "x.cfg:4: seed is set twice, first at x.cfg:1; remove one (to change what another file sets, "
    "name both on the command line)" },
  { "a = 99999999999999999999;\nb = 1e400;\nc = -1e400;\nd = 1e-400;\ne = 0xFFFFFFFFFFFFFFFF;\n"
    "f = -9223372036854775809L;\ng = 0.0e-999;\nh = 4.9e-324;",
    "x.cfg:1: 99999999999999999999 does not fit into 64 bits; expected -9223372036854775808 … "
    "9223372036854775807, or a real number (1e20)\n"
    "x.cfg:2: 1e400 is larger than a number can be; expected at most 1.7976931348623157e308\n"
    "x.cfg:3: -1e400 is larger than a number can be; expected at most 1.7976931348623157e308\n"
    "x.cfg:4: 1e-400 is smaller than a number can be; expected 4.9406564584124654e-324 or more, or "
    "0.0\n"
    "x.cfg:5: 0xFFFFFFFFFFFFFFFF does not fit into 64 bits; expected -9223372036854775808 … "
    "9223372036854775807, or a real number (1e20)\n"
    "x.cfg:6: -9223372036854775809L does not fit into 64 bits; expected -9223372036854775808 … "
    "9223372036854775807, or a real number (1e20)" },
  { "a = \"\\xff\";\nb = \"\\x00\";",
    "x.cfg:1: a text is not UTF-8 or holds \\x00; write the bytes of UTF-8, or the character "
    "itself\n"
    "x.cfg:2: a text is not UTF-8 or holds \\x00; write the bytes of UTF-8, or the character "
    "itself" },
  { "a = 1; /* b = 2;", "x.cfg:1: the comment that begins here has no end; expected */" },
  { "a = 1;\n@import \"x\"\nb = 2;", "x.cfg:2: @ begins only @include \"file\"" },
  { "@include \"a\\nb\"\nc = d;",
    "x.cfg:1: the name of an included file holds a control character\n"
    "x.cfg:2: d is no value; a text needs quotes: \"d\"" },
  { "a = \x01;", "x.cfg:1: <U+0001> is no value; a text needs quotes: \"<U+0001>\"" },
  { "true = 1;", "x.cfg:1: expected the name of a setting (letters, digits, - and _, a letter "
                 "first), found true" },
};

static void
test_slips (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (slips); i++) {
    g_autofree char *said = messages_of (slips[i].text);

    if (strcmp (said, slips[i].expected))
      g_test_message ("in: %s", slips[i].text);
    g_assert_cmpstr (said, ==, slips[i].expected);
  }
}

/* A missing terminator, tabs, CRLF and a byte order mark are no slips. */
static void
test_accepted (void)
{
  g_autoptr (LodeNode) root = parse ("\ufeffa = 1\r\n\tb = \"x\"\r\nc = { d = 1 e = 2 }\r\n");
  g_autoptr (LodeNode) empty = parse ("\ufeff\r\n# nothing\n");

  g_assert_cmpint (integer_at (root, "a"), ==, 1);
  g_assert_cmpstr (text_at (root, "b"), ==, "x");
  g_assert_cmpint (integer_at (root, "c.e"), ==, 2);
  check_origin (lode_node_find (root, "c.e"), "x.cfg:3");
  g_assert_cmpuint (empty->children->len, ==, 0);
}

/* A tree of another language entirely is not answered with a thousand lines. */
static void
test_limits (void)
{
  GString *many = g_string_new (NULL), *deep = g_string_new ("a = "), *ok = g_string_new ("a = ");
  g_autofree char *said = NULL, *depth = NULL;
  g_auto (GStrv) line = NULL;

  for (int i = 0; i < 1000; i++)
    g_string_append_printf (many, "a%d = b;\n", i);
  for (int i = 0; i < 65; i++)
    g_string_append (deep, "{ a = ");
  for (int i = 0; i < 64; i++)
    g_string_append_c (ok, '(');
  for (int i = 0; i < 64; i++)
    g_string_append_c (ok, ')');
  said = messages_of (many->str);
  line = g_strsplit (said, "\n", -1);
  g_assert_cmpuint (g_strv_length (line), ==, 21);
  g_assert_cmpstr (line[20], ==, "x.cfg:21: and more; these are left out");
  depth = messages_of (deep->str);
  g_assert_cmpstr (depth, ==, "x.cfg:1: groups and lists stand in each other more than 64 deep");
  lode_node_free (parse (ok->str));
  g_string_free (many, TRUE);
  g_string_free (deep, TRUE);
  g_string_free (ok, TRUE);
}

static void
test_all_at_once (void)
{
  const char *files[] = { "./bad1.cfg", "./missing.cfg", "./bad2.cfg", NULL },
             *overrides[] = { "x", "y=1e400", "z=1", NULL };
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autofree char *said = NULL;

  write_text ("bad1.cfg", "a = b;\nc = d;\n");
  write_text ("bad2.cfg", "a = [1,];\n");
  g_assert_null (lode_config_load (files, overrides, errors));
  g_ptr_array_add (errors, NULL);
  said = g_strjoinv ("\n", (char **) errors->pdata);
  g_assert_cmpstr (said, ==,
                   "./bad1.cfg:1: b is no value; a text needs quotes: \"b\"\n"
                   "./bad1.cfg:2: d is no value; a text needs quotes: \"d\"\n"
                   "no configuration file \"./missing.cfg\"; check the path\n"
                   "./bad2.cfg:1: expected a value after this comma, found ']' (remove the comma)\n"
                   "command line: x: expected path.to.value=…\n"
                   "command line: y=1e400: 1e400 is larger than a number can be; expected at most "
                   "1.7976931348623157e308");
}

static void
test_files (void)
{
  static const struct {
    const char *bytes;
    gssize n;
    const char *expected;
  } files[] = {
    { "\xff\xfe\x61\x00", 4, "./f.cfg: is UTF-16; save it as UTF-8" },
    { "a = 1;\0b = 2;", 13, "./f.cfg: is not a text; expected a configuration file" },
    { "# caf\xe9\n", 7, "./f.cfg: is not UTF-8; save it as UTF-8" },
  };
  g_autofree char *big = g_strnfill (5 << 20, ' '), *said = NULL, *dir = NULL, *none = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *message = NULL;

    write_bytes ("f.cfg", files[i].bytes, files[i].n);
    message = messages_of_file ("./f.cfg");
    g_assert_cmpstr (message, ==, files[i].expected);
  }
  write_text ("f.cfg", big);
  said = messages_of_file ("./f.cfg");
  g_assert_cmpstr (said, ==,
                   "./f.cfg: is larger than 4 MB with all it includes; expected a configuration "
                   "file");
  dir = messages_of_file (".");
  g_assert_cmpstr (dir, ==, ".: cannot be read: Is a directory");
  none = messages_of_file ("none.cfg");
  g_assert_cmpstr (none, ==, "none.cfg: cannot be read: No such file or directory");
}

static void
test_include (void)
{
  g_autoptr (GPtrArray) errors = errors_new ();
  g_autoptr (LodeNode) root = NULL;

  g_mkdir_with_parents ("sub/deeper", 0755);
  write_text (
      "sub/top.cfg",
      "a = 1;\n@include \"part.cfg\"\nb = {\n  @include \"deeper/group.cfg\"\n};\nc = 3;\n");
  write_text ("sub/part.cfg", "# from here\nd = 4\n");
  write_text ("sub/deeper/group.cfg", "e = 5;\n@include \"../last.cfg\"\n");
  write_text ("sub/last.cfg", "f = 6;");
  root = lode_config_parse ("sub/top.cfg", errors);
  no_errors (errors);
  check_origin (lode_node_find (root, "a"), "sub/top.cfg:1");
  check_origin (lode_node_find (root, "d"), "sub/part.cfg:2");
  check_origin (lode_node_find (root, "b.e"), "sub/deeper/group.cfg:1");
  check_origin (lode_node_find (root, "b.f"), "sub/deeper/../last.cfg:1");
  check_origin (lode_node_find (root, "c"), "sub/top.cfg:6");
}

static void
test_bad_include (void)
{
  g_autofree char *missing = NULL, *cycle = NULL, *twice = NULL, *inner = NULL, *bomb = NULL,
                  *expected = NULL, *here = realpath (".", NULL);

  write_text ("missing.cfg", "a = 1;\n@include \"nowhere/x.cfg\"\nb = c;\n");
  missing = messages_of_file ("missing.cfg");
  g_assert_cmpstr (missing, ==,
                   "missing.cfg:2: @include \"nowhere/x.cfg\": nowhere/x.cfg cannot be read: No "
                   "such file or directory\nmissing.cfg:3: c is no value; a text needs quotes: "
                   "\"c\"");
  write_text ("c1.cfg", "a = 1;\n@include \"c2.cfg\"\n");
  write_text ("c2.cfg", "b = 1;\n@include \"./c1.cfg\"\n");
  cycle = messages_of_file ("c1.cfg");
  expected = g_strdup_printf ("c2.cfg:2: @include \"./c1.cfg\": ./c1.cfg includes itself: "
                              "%s/c1.cfg, %s/c2.cfg, %s/c1.cfg",
                              here, here, here);
  g_assert_cmpstr (cycle, ==, expected);
  write_text ("t1.cfg", "seed = 1;\n@include \"t2.cfg\"\n");
  write_text ("t2.cfg", "\n\nseed = 2;\n");
  twice = messages_of_file ("t1.cfg");
  g_assert_cmpstr (twice, ==,
                   "t2.cfg:3: seed is set twice, first at t1.cfg:1; remove one (to change what "
                   "another file sets, name both on the command line)");
  write_text ("i1.cfg", "@include \"i2.cfg\"\n");
  write_text ("i2.cfg", "\na = b;\n");
  inner = messages_of_file ("i1.cfg");
  g_assert_cmpstr (inner, ==, "i2.cfg:2: b is no value; a text needs quotes: \"b\"");
  /* each names the next twice: 2^12 times the last */
  for (int i = 0; i < 12; i++) {
    g_autofree char *name = g_strdup_printf ("b%d.cfg", i),
                    *text = g_strdup_printf ("@include \"b%d.cfg\"\n@include \"b%d.cfg\"\n", i + 1,
                                             i + 1);

    write_text (name, text);
  }
  expected[0] = 0;
  g_free (expected);
  expected = g_strnfill (2048, ' ');
  write_text ("b12.cfg", expected);
  bomb = messages_of_file ("b0.cfg");
  g_assert_nonnull (strstr (bomb, "is larger than 4 MB with all it includes"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/slips/slips", test_slips);
  g_test_add_func ("/slips/accepted", test_accepted);
  g_test_add_func ("/slips/limits", test_limits);
  g_test_add_func ("/slips/all-at-once", test_all_at_once);
  g_test_add_func ("/slips/files", test_files);
  g_test_add_func ("/slips/include", test_include);
  g_test_add_func ("/slips/bad-include", test_bad_include);
  return run_in_folder ();
}

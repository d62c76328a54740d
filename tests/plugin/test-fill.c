/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filling a struct from a group of values: defaults, every type, every mistake with its place, and
 * the way back.
 */
#include "plugin/option.h"

#include <math.h>
#include <string.h>

typedef struct Conf {
  bool flag;
  int64_t count;
  double rate;
  const char *text;
  int32_t mode;
  LodeReals steps;
  LodeTexts names;
} Conf;

static const char *const modes[] = { "slow", "fast", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, flag, .number = 1, .doc = "a flag"),
  LODE_OPTION (Conf, count, .number = 5, .min = 1, .max = 1e15, .unit = "things", .doc = "a count"),
  LODE_OPTION (Conf, rate, .number = 0.5, .max = 1, .above_min = true, .doc = "a rate"),
  LODE_OPTION (Conf, text, .text = "words", .doc = "a text"),
  LODE_OPTION (Conf, mode, .text = "fast", .choices = modes, .doc = "a mode"),
  LODE_OPTION (Conf, steps, .text = "0.25, 1", .max = 9, .doc = "numbers"),
  LODE_OPTION (Conf, names, .text = "a, b c", .doc = "texts"),
};
static const LodeTable table = { options, G_N_ELEMENTS (options), sizeof (LodeOption),
                                 sizeof (Conf) };

typedef struct Filled {
  Conf conf;
  GPtrArray *owner, *errors;
  bool ok;
} Filled;

static Filled *
fill_table (const LodeTable *of, LodeNode *group, const char *const *also)
{
  Filled *filled = g_new0 (Filled, 1);

  filled->owner = g_ptr_array_new_with_free_func (g_free);
  filled->errors = g_ptr_array_new_with_free_func (g_free);
  filled->ok =
      lode_table_fill (of, group, "search/x", also, &filled->conf, filled->owner, filled->errors);
  g_assert_true (filled->ok == (filled->errors->len == 0));
  return filled;
}

static void
filled_free (Filled *filled)
{
  g_ptr_array_unref (filled->owner);
  g_ptr_array_unref (filled->errors);
  g_free (filled);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Filled, filled_free)

static LodeNode *
group_new (void)
{
  return lode_node_new (LODE_VALUE_GROUP, "x", "x.cfg:3");
}

static LodeNode *
add (LodeNode *group, LodeValueType type, const char *name)
{
  LodeNode *node = lode_node_new (type, name, "x.cfg:7");

  if (group->type == LODE_VALUE_LIST)
    g_ptr_array_add (group->children, node);
  else
    lode_node_set (group, node);
  return node;
}

static void
add_text (LodeNode *group, const char *name, const char *text)
{
  add (group, LODE_VALUE_TEXT, name)->text = g_strdup (text);
}

static void
add_int (LodeNode *group, const char *name, int64_t value)
{
  add (group, LODE_VALUE_INT, name)->integer = value;
}

static void
add_real (LodeNode *group, const char *name, double value)
{
  add (group, LODE_VALUE_REAL, name)->real = value;
}

static void
assert_defaults (const Conf *conf)
{
  g_assert_true (conf->flag);
  g_assert_cmpint (conf->count, ==, 5);
  g_assert_cmpfloat (conf->rate, ==, 0.5);
  g_assert_cmpstr (conf->text, ==, "words");
  g_assert_cmpint (conf->mode, ==, 1);
  g_assert_cmpuint (conf->steps.n, ==, 2);
  g_assert_cmpfloat (conf->steps.at[0], ==, 0.25);
  g_assert_cmpfloat (conf->steps.at[1], ==, 1);
  g_assert_cmpuint (conf->names.n, ==, 2);
  g_assert_cmpstr (conf->names.at[0], ==, "a");
  g_assert_cmpstr (conf->names.at[1], ==, "b c");
}

static void
test_defaults (void)
{
  g_autoptr (LodeNode) empty = group_new ();
  g_autoptr (Filled) none = fill_table (&table, NULL, NULL),
                     of_empty = fill_table (&table, empty, NULL);

  g_assert_true (none->ok && of_empty->ok);
  assert_defaults (&none->conf);
  assert_defaults (&of_empty->conf);
}

/* Values of every type; an integer where a number is wanted, a whole number where an integer is. */
static LodeNode *
full_group (void)
{
  LodeNode *group = group_new (), *list;

  add (group, LODE_VALUE_BOOL, "flag")->flag = false;
  add_real (group, "count", 1e6);
  add_int (group, "rate", 1);
  add_text (group, "text", "other");
  add_text (group, "mode", "slow");
  list = add (group, LODE_VALUE_LIST, "steps");
  add_int (list, NULL, 2);
  add_real (list, NULL, 0.1);
  add_int (list, NULL, 9);
  list = add (group, LODE_VALUE_LIST, "names");
  add_text (list, NULL, "one, two");
  return group;
}

static void
test_values (void)
{
  g_autoptr (LodeNode) group = full_group ();
  g_autoptr (Filled) filled = fill_table (&table, group, NULL);
  const Conf *conf = &filled->conf;

  g_assert_true (filled->ok);
  g_assert_false (conf->flag);
  g_assert_cmpint (conf->count, ==, 1000000);
  g_assert_cmpfloat (conf->rate, ==, 1);
  g_assert_cmpstr (conf->text, ==, "other");
  g_assert_cmpint (conf->mode, ==, 0);
  g_assert_cmpuint (conf->steps.n, ==, 3);
  g_assert_cmpfloat (conf->steps.at[1], ==, 0.1);
  g_assert_cmpuint (conf->names.n, ==, 1);
  g_assert_cmpstr (conf->names.at[0], ==, "one, two");
  for (guint i = 0; i < group->children->len; i++)
    g_assert_true (((LodeNode *) group->children->pdata[i])->used);
}

/* The filled values do not lean on the tree that they came from. */
static void
test_own_memory (void)
{
  LodeNode *group = full_group ();
  g_autoptr (Filled) filled = fill_table (&table, group, NULL);

  lode_node_free (group);
  g_assert_cmpstr (filled->conf.text, ==, "other");
  g_assert_cmpstr (filled->conf.names.at[0], ==, "one, two");
  g_assert_cmpfloat (filled->conf.steps.at[2], ==, 9);
}

static void
assert_one (LodeNode *group, const char *const *also, const char *expected)
{
  g_autoptr (LodeNode) owned = group;
  g_autoptr (Filled) filled = fill_table (&table, owned, also);

  g_assert_cmpuint (filled->errors->len, ==, 1);
  g_assert_cmpstr (filled->errors->pdata[0], ==, expected);
}

static void
test_wrong_types (void)
{
  static const struct {
    const char *name;
    LodeValueType type;
    const char *expected;
  } cases[] = {
    { "flag", LODE_VALUE_INT, "true or false" },
    { "count", LODE_VALUE_TEXT, "an integer" },
    { "rate", LODE_VALUE_BOOL, "a number" },
    { "text", LODE_VALUE_REAL, "a text in quotes" },
    { "mode", LODE_VALUE_INT, "one of its choices" },
    { "steps", LODE_VALUE_REAL, "a list of numbers" },
    { "names", LODE_VALUE_TEXT, "a list of texts" },
    { "rate", LODE_VALUE_GROUP, "a number" },
    { "count", LODE_VALUE_LIST, "an integer" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    LodeNode *group = group_new (), *node = add (group, cases[i].type, cases[i].name);
    g_autofree char *expected =
        g_strdup_printf ("x.cfg:7: search/x: %s must be %s", cases[i].name, cases[i].expected);

    if (cases[i].type == LODE_VALUE_TEXT)
      node->text = g_strdup ("3");
    assert_one (group, NULL, expected);
  }
}

static void
test_wrong_elements (void)
{
  LodeNode *group = group_new (), *list = add (group, LODE_VALUE_LIST, "steps");

  add_text (list, NULL, "2");
  assert_one (group, NULL, "x.cfg:7: search/x: steps must be a list of numbers");
  group = group_new ();
  list = add (group, LODE_VALUE_LIST, "names");
  add_int (list, NULL, 2);
  assert_one (group, NULL, "x.cfg:7: search/x: names must be a list of texts");
}

static void
assert_number (const char *name, double value, const char *says)
{
  LodeNode *group = group_new ();
  g_autofree char *expected = g_strdup_printf ("x.cfg:7: search/x: %s = %s", name, says);

  add_real (group, name, value);
  assert_one (group, NULL, expected);
}

static void
test_ranges (void)
{
  LodeNode *group = group_new (), *list = add (group, LODE_VALUE_LIST, "steps");

  assert_number ("rate", 1.5, "1.5 is out of range; expected above 0 … 1");
  assert_number ("rate", 0, "0 is out of range; expected above 0 … 1");
  assert_number ("rate", (double) INFINITY, "inf is not finite; expected a finite number");
  assert_number ("rate", (double) NAN, "nan is not finite; expected a finite number");
  assert_number ("count", 0.5, "0.5 is out of range; expected 1 … 1e+15 things");
  assert_number ("count", 2.5, "2.5 must be an integer");
  add_real (list, NULL, 10);
  assert_one (group, NULL, "x.cfg:7: search/x: steps = 10 is out of range; expected 0 … 9");
}

static void
test_choices (void)
{
  LodeNode *near = group_new (), *far = group_new ();

  add_text (near, "mode", "fsat");
  assert_one (near, NULL,
              "x.cfg:7: search/x: mode = \"fsat\" is not among slow, fast; did you mean \"fast\"?");
  add_text (far, "mode", "instantaneous");
  assert_one (far, NULL, "x.cfg:7: search/x: mode = \"instantaneous\" is not among slow, fast");
}

static void
test_unknown (void)
{
  static const char *const also[] = { "type", NULL };
  LodeNode *near = group_new (), *far = group_new (), *let = group_new ();
  g_autoptr (Filled) filled = NULL;

  add_int (near, "cuont", 3);
  assert_one (near, NULL,
              "x.cfg:7: search/x: there is no option \"cuont\"; did you mean \"count\"?");
  add_int (far, "temperature", 3);
  assert_one (
      far, NULL,
      "x.cfg:7: search/x: there is no option \"temperature\"; `lode show search/x` names them all");
  add_text (let, "typee", "x");
  assert_one (let, also, "x.cfg:7: search/x: there is no option \"typee\"; did you mean \"type\"?");
  let = group_new ();
  add_text (let, "type", "x");
  filled = fill_table (&table, let, also);
  g_assert_true (filled->ok);
  lode_node_free (let);
}

/* All mistakes at once, in the order of the table, then of the group; the rest is filled. */
static void
test_many (void)
{
  g_autoptr (LodeNode) group = group_new ();
  g_autoptr (Filled) filled = NULL;

  add_int (group, "bogus", 1);
  add_text (group, "flag", "yes");
  add_real (group, "rate", 7);
  add_int (group, "count", 8);
  filled = fill_table (&table, group, NULL);
  g_assert_cmpuint (filled->errors->len, ==, 3);
  g_assert_nonnull (strstr (filled->errors->pdata[0], "flag must be true or false"));
  g_assert_nonnull (strstr (filled->errors->pdata[1], "rate = 7 is out of range"));
  g_assert_nonnull (strstr (filled->errors->pdata[2], "no option \"bogus\""));
  g_assert_cmpint (filled->conf.count, ==, 8);
  g_assert_cmpfloat (filled->conf.rate, ==, 0.5);
}

static void
test_no_group (void)
{
  LodeNode *text = lode_node_new (LODE_VALUE_TEXT, "x", "x.cfg:3");

  text->text = g_strdup ("fast");
  assert_one (text, NULL, "x.cfg:3: search/x: must be a group: { … };");
}

static void
test_required (void)
{
  static const LodeOption wanted[] = {
    LODE_OPTION (Conf, text, .required = true, .doc = "the file to read"),
  };
  static const LodeTable of = { wanted, 1, sizeof (LodeOption), sizeof (Conf) };
  g_autoptr (LodeNode) empty = group_new (), given = group_new ();
  g_autoptr (Filled) without = fill_table (&of, empty, NULL), none = fill_table (&of, NULL, NULL);
  g_autoptr (Filled) with = NULL;

  g_assert_cmpstr (without->errors->pdata[0], ==,
                   "x.cfg:3: search/x: text is required: the file to read");
  g_assert_cmpstr (none->errors->pdata[0], ==, "search/x: text is required: the file to read");
  add_text (given, "text", "here");
  with = fill_table (&of, given, NULL);
  g_assert_true (with->ok);
}

/* What is dumped fills another struct with the same values. */
static void
test_dump (void)
{
  g_autoptr (LodeNode) group = full_group (), dumped = NULL, again = NULL;
  g_autoptr (Filled) filled = fill_table (&table, group, NULL), second = NULL;

  dumped = lode_table_dump (&table, "x", &filled->conf);
  g_assert_cmpstr (dumped->name, ==, "x");
  g_assert_cmpuint (dumped->children->len, ==, table.n);
  g_assert_cmpint (lode_node_child (dumped, "count")->type, ==, LODE_VALUE_INT);
  g_assert_cmpint (lode_node_child (dumped, "rate")->type, ==, LODE_VALUE_REAL);
  g_assert_cmpstr (lode_node_child (dumped, "mode")->text, ==, "slow");
  second = fill_table (&table, dumped, NULL);
  g_assert_true (second->ok);
  g_assert_cmpint (second->conf.count, ==, filled->conf.count);
  g_assert_cmpfloat (second->conf.rate, ==, filled->conf.rate);
  g_assert_cmpint (second->conf.mode, ==, filled->conf.mode);
  g_assert_cmpstr (second->conf.text, ==, filled->conf.text);
  g_assert_cmpmem (second->conf.steps.at, second->conf.steps.n * sizeof (double),
                   filled->conf.steps.at, filled->conf.steps.n * sizeof (double));
  g_assert_cmpstr (second->conf.names.at[0], ==, filled->conf.names.at[0]);
  again = lode_table_dump (&table, "x", &second->conf);
  g_assert_cmpuint (again->children->len, ==, table.n);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fill/defaults", test_defaults);
  g_test_add_func ("/fill/values", test_values);
  g_test_add_func ("/fill/own-memory", test_own_memory);
  g_test_add_func ("/fill/wrong-types", test_wrong_types);
  g_test_add_func ("/fill/wrong-elements", test_wrong_elements);
  g_test_add_func ("/fill/ranges", test_ranges);
  g_test_add_func ("/fill/choices", test_choices);
  g_test_add_func ("/fill/unknown", test_unknown);
  g_test_add_func ("/fill/many", test_many);
  g_test_add_func ("/fill/no-group", test_no_group);
  g_test_add_func ("/fill/required", test_required);
  g_test_add_func ("/fill/dump", test_dump);
  return g_test_run ();
}

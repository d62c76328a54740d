/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table of options must be in itself: one case per mistake that an author can make.
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
static const char *const none[] = { NULL };

typedef struct Case {
  const char *name, *says; /* says: in the message; NULL: nothing is wrong */
  LodeOption option;
} Case;

static const Case cases[] = {
  { "sound", NULL, LODE_OPTION (Conf, rate, .number = 0.5, .max = 1, .doc = "a rate") },
  { "sound-list", NULL, LODE_OPTION (Conf, steps, .text = "0, 0.5,1", .max = 1, .doc = "steps") },
  { "empty-list", NULL, LODE_OPTION (Conf, steps, .text = "", .min = 1, .max = 2, .doc = "steps") },
  { "required", NULL,
    LODE_OPTION (Conf, rate, .min = 1, .max = 2, .required = true, .doc = "rate") },
  { "any-range", NULL, LODE_OPTION (Conf, rate, .number = 1e300, .doc = "a rate") },
  { "infinite-range", NULL, LODE_OPTION (Conf, rate, .max = (double) INFINITY, .doc = "a rate") },
  { "upper-case", "Rate", { .name = "Rate", .doc = "x", .type = LODE_OPTION_BOOL } },
  { "digit-first", "1st", { .name = "1st", .doc = "x", .type = LODE_OPTION_BOOL } },
  { "dash", "a-b", { .name = "a-b", .doc = "x", .type = LODE_OPTION_BOOL } },
  { "empty-name", "lower case", { .name = "", .doc = "x", .type = LODE_OPTION_BOOL } },
  { "no-name", "(null)", { .doc = "x", .type = LODE_OPTION_BOOL } },
  { "no-doc", "no documentation", LODE_OPTION (Conf, flag, .number = 1) },
  { "empty-doc", "no documentation", LODE_OPTION (Conf, flag, .doc = "") },
  { "type-zero", "unknown type 0", { .name = "x", .doc = "x" } },
  { "type-beyond", "unknown type 8", { .name = "x", .doc = "x", .type = 8 } },
  { "outside",
    "outside its struct",
    { .name = "x", .doc = "x", .type = LODE_OPTION_REAL, .offset = sizeof (Conf) - 4 } },
  { "far-outside",
    "outside its struct",
    { .name = "x", .doc = "x", .type = LODE_OPTION_REAL, .offset = UINT32_MAX } },
  { "crooked", "not aligned", { .name = "x", .doc = "x", .type = LODE_OPTION_REAL, .offset = 4 } },
  { "swapped", "min 2 above max 1", LODE_OPTION (Conf, rate, .min = 2, .max = 1, .doc = "x") },
  { "nan-range", "min nan above", LODE_OPTION (Conf, rate, .min = (double) NAN, .doc = "x") },
  { "below", "default 0 outside 1", LODE_OPTION (Conf, rate, .min = 1, .max = 2, .doc = "x") },
  { "above", "default 3 outside", LODE_OPTION (Conf, count, .number = 3, .max = 2, .doc = "x") },
  { "at-open-end", "outside above 0",
    LODE_OPTION (Conf, rate, .max = 2, .above_min = true, .doc = "x") },
  { "fraction", "no integer", LODE_OPTION (Conf, count, .number = 1.5, .max = 2, .doc = "x") },
  { "infinite", "not finite", LODE_OPTION (Conf, rate, .number = (double) INFINITY, .doc = "x") },
  { "nan", "not finite", LODE_OPTION (Conf, rate, .number = (double) NAN, .doc = "x") },
  { "no-choices", "no choices", LODE_OPTION (Conf, mode, .doc = "x") },
  { "no-choice", "no choices", LODE_OPTION (Conf, mode, .choices = none, .doc = "x") },
  { "other-choice", "\"swift\"",
    LODE_OPTION (Conf, mode, .text = "swift", .choices = modes, .doc = "x") },
  { "list-word", "\"two\"", LODE_OPTION (Conf, steps, .text = "1, two", .doc = "x") },
  { "list-hole", "\"\"", LODE_OPTION (Conf, steps, .text = "1,,2", .doc = "x") },
  { "list-range", "default 3", LODE_OPTION (Conf, steps, .text = "1, 3", .max = 2, .doc = "x") },
};

static void
test_case (const void *data)
{
  const Case *this = data;
  LodeTable table = { &this->option, 1, sizeof (LodeOption), sizeof (Conf) };
  g_autofree char *wrong = lode_table_check (&table);

  if (!this->says) {
    g_assert_null (wrong);
    return;
  }
  g_assert_nonnull (wrong);
  g_test_message ("%s", wrong);
  g_assert_nonnull (strstr (wrong, this->says));
  if (this->option.name)
    g_assert_nonnull (strstr (wrong, this->option.name));
}

static char *
check_two (const LodeOption *two)
{
  LodeTable table = { two, 2, sizeof (LodeOption), sizeof (Conf) };

  return lode_table_check (&table);
}

static void
test_twice (void)
{
  const LodeOption same_name[] = { LODE_OPTION (Conf, rate, .doc = "x"),
                                   { .name = "rate", .doc = "x", .type = LODE_OPTION_BOOL } };
  const LodeOption same_field[] = {
    LODE_OPTION (Conf, steps, .doc = "x"),
    { .name = "inner", .doc = "x", .type = LODE_OPTION_INT, .offset = offsetof (Conf, steps) + 8 },
  };
  const LodeOption apart[] = { LODE_OPTION (Conf, rate, .doc = "x"),
                               LODE_OPTION (Conf, count, .doc = "x") };
  g_autofree char *name = check_two (same_name), *field = check_two (same_field);

  g_assert_cmpstr (name, ==, "option rate stands twice in the table");
  g_assert_cmpstr (field, ==, "options steps and inner fill the same field");
  g_assert_null (check_two (apart));
}

static void
test_sizes (void)
{
  const LodeOption option = LODE_OPTION (Conf, rate, .doc = "x");
  LodeTable no_entries = { NULL, 1, sizeof (LodeOption), sizeof (Conf) };
  LodeTable no_size = { &option, 1, 8, sizeof (Conf) };
  LodeTable own_size = { &option, 1, 0, sizeof (Conf) }, empty = { NULL, 0, 0, 0 };
  g_autofree char *one = lode_table_check (&no_entries), *two = lode_table_check (&no_size);

  g_assert_nonnull (strstr (one, "no entries"));
  g_assert_nonnull (strstr (two, "no size"));
  g_assert_null (lode_table_check (&own_size));
  g_assert_null (lode_table_check (&empty));
}

/* A newer plugin's longer entries are read at its own stride. */
static void
test_stride (void)
{
  struct Longer {
    LodeOption option;
    char later[24];
  } at[] = { { LODE_OPTION (Conf, rate, .doc = "one"), "later" },
             { LODE_OPTION (Conf, count, .doc = "two"), "later" } };
  LodeTable table = { &at[0].option, 2, sizeof at[0], sizeof (Conf) };

  g_assert_null (lode_table_check (&table));
  g_assert_cmpstr (lode_table_at (&table, 1)->doc, ==, "two");
}

static void
test_types (void)
{
  static const LodeOption all[] = {
    LODE_OPTION (Conf, flag, .doc = "x"),  LODE_OPTION (Conf, count, .doc = "x"),
    LODE_OPTION (Conf, rate, .doc = "x"),  LODE_OPTION (Conf, text, .doc = "x"),
    LODE_OPTION (Conf, mode, .doc = "x"),  LODE_OPTION (Conf, steps, .doc = "x"),
    LODE_OPTION (Conf, names, .doc = "x"),
  };

  for (int i = 0; i < (int) G_N_ELEMENTS (all); i++)
    g_assert_cmpint (all[i].type, ==, LODE_OPTION_BOOL + i);
  g_assert_cmpuint (all[2].offset, ==, offsetof (Conf, rate));
  g_assert_cmpstr (all[2].name, ==, "rate");
}

static void
test_nearest (void)
{
  static const char *const names[] = { "population", "mutation", "rate", "seed", NULL };
  g_autofree char *endless = g_strnfill (1 << 20, 'a');

  g_assert_cmpstr (lode_nearest ("populaton", names), ==, "population");
  g_assert_cmpstr (lode_nearest ("poplations", names), ==, "population");
  g_assert_cmpstr (lode_nearest ("raet", names), ==, "rate");
  g_assert_cmpstr (lode_nearest ("mutations", names), ==, "mutation");
  g_assert_cmpstr (lode_nearest ("seed", names), ==, "seed");
  g_assert_null (lode_nearest ("temperature", names));
  g_assert_null (lode_nearest ("x", (const char *const[]){ NULL }));
  g_assert_null (lode_nearest ("x", NULL));
  g_assert_null (lode_nearest (endless, names));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/options/table/%s", cases[i].name);

    g_test_add_data_func (path, &cases[i], test_case);
  }
  g_test_add_func ("/options/twice", test_twice);
  g_test_add_func ("/options/sizes", test_sizes);
  g_test_add_func ("/options/stride", test_stride);
  g_test_add_func ("/options/types", test_types);
  g_test_add_func ("/options/nearest", test_nearest);
  return g_test_run ();
}

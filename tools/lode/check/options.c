/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `options`: the table, and whether create keeps what it promises: every value in range is
 * taken, or refused with a reason.
 */
#include "options.h"

#include "run/config.h"
#include "world.h"

enum { ROUNDS = 300, PATIENCE = 10 }; /* seconds: reading a data set takes its time */

/* Makes an instance with these values over those of --set; *made: whether there was one. */
static bool
try_values (World *world, LodeNode *group, const char *what)
{
  Check *check = world->check;
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autofree void *conf = options_fill (check, group, owner, errors);
  GError *error = NULL;
  bool made;

  if (!conf)
    return check_fail (check, "%s: %s", what, (const char *) errors->pdata[0]);
  made = world_create (world, conf, &error);
  if (!made && error->domain == WORLD_ERROR)
    return check_fail_error (check, what, error);
  if (!made)
    return check_refusal (check, what, error);
  world_destroy (world);
  return true;
}

static bool
lacks_required (Check *check)
{
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autofree void *conf = options_fill (check, NULL, owner, errors);

  if (!conf)
    check_skip (check, "give what is missing by --set OPTION=VALUE: %s",
                (const char *) errors->pdata[0]);
  return !conf;
}

static void
test_table (Check *check)
{
  const LodeTable *table = &check->loaded->table;
  g_autofree char *wrong = lode_table_check (table);

  if (wrong)
    check_fail (check, "%s", wrong);
  for (uint32_t i = 0; !wrong && i < table->n; i++) {
    const LodeOption *option = lode_table_at (table, i);
    bool number = option->type == LODE_OPTION_INT || option->type == LODE_OPTION_REAL;

    if (!g_utf8_validate (option->doc, -1, NULL) || strchr (option->doc, '\n'))
      check_fail (check, "expected the doc of option %s as one line of UTF-8", option->name);
    if (option->tunable && number && !(option->min < option->max))
      check_fail (check, "expected a range for option %s, which is tunable, found none",
                  option->name);
    if (option->log_scale && !option->tunable)
      check_fail (check, "expected option %s, which has a log_scale, to be tunable", option->name);
  }
}

/* Values → text → values → text. */
static void
test_text (Check *check)
{
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autofree void *conf = NULL, *again = NULL;
  g_autofree char *text = NULL, *second = NULL;
  g_autoptr (LodeNode) dump = NULL;
  g_autoptr (LodeNode) read = NULL;
  g_autoptr (LodeNode) once_more = NULL;

  if (lacks_required (check))
    return;
  conf = options_fill (check, NULL, owner, errors);
  dump = lode_table_dump (&check->loaded->table, NULL, conf);
  text = lode_config_write (dump);
  read = lode_config_parse_text ("dump", text, errors);
  again = read ? options_fill (check, read, owner, errors) : NULL;
  if (!again) {
    check_fail (check, "its defaults as a configuration: %s", (const char *) errors->pdata[0]);
    return;
  }
  once_more = lode_table_dump (&check->loaded->table, NULL, again);
  second = lode_config_write (once_more);
  if (strcmp (text, second))
    check_fail (check, "expected its defaults to read back from a configuration, found %s", second);
}

static void
test_defaults (Check *check)
{
  g_autoptr (World) world = NULL;

  if (!lacks_required (check))
    world = world_ready (check, 1);
}

/* Each option at each end of its range, the others as they come. */
static void
test_extremes (Check *check)
{
  const LodeTable *table = &check->loaded->table;
  g_autoptr (World) world = lacks_required (check) ? NULL : world_new (check, 1);

  for (uint32_t i = 0; world && i < table->n; i++) {
    const LodeOption *option = lode_table_at (table, i);

    for (uint32_t end = 0; end < options_ends (option); end++) {
      g_autoptr (LodeNode) group = lode_node_new (LODE_VALUE_GROUP, NULL, "check");
      LodeNode *value = options_end (option, end);
      g_autofree char *what = options_text (value);

      lode_node_set (group, value);
      if (!try_values (world, group, what))
        return;
    }
  }
}

static void
test_random (Check *check)
{
  const LodeTable *table = &check->loaded->table;
  g_autoptr (World) world = lacks_required (check) || table->n == 0 ? NULL : world_new (check, 1);
  gint64 end = g_get_monotonic_time () + PATIENCE * G_USEC_PER_SEC;

  for (uint64_t round = 0; world && round < ROUNDS && g_get_monotonic_time () < end; round++) {
    g_autoptr (LodeNode) group = lode_node_new (LODE_VALUE_GROUP, NULL, "check");
    LodeRng rng = check_rng (check, "options", round);
    g_autofree char *what = NULL;

    for (uint32_t i = 0; i < table->n; i++)
      if (lode_rng_below (&rng, 4))
        lode_node_set (group, options_random (lode_table_at (table, i), &rng));
    what = options_text (group);
    if (!try_values (world, group, what))
      return;
  }
}

const CheckTest check_option_tests[] = {
  { "options/table", NULL, "has a consistent table of options", test_table },
  { "options/text", NULL, "its options read back from the configuration they write", test_text },
  { "options/defaults", NULL, "can be made with its options as they come", test_defaults },
  { "options/extremes", NULL, "takes both ends of every range, or refuses them with a reason",
    test_extremes },
  { "options/random", NULL, "takes random values in range, or refuses them with a reason",
    test_random },
  { NULL },
};

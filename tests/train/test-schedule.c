/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `fit` group: its table, its mistakes, and schedules in closed form.
 */
#include "plugin/option.h"
#include "train/optim.h"

#include <math.h>
#include <string.h>

static const LodeTable *
fit_table (void)
{
  static LodeTable table;

  table = (LodeTable){ lode_fit_options, lode_fit_options_n, sizeof (LodeOption),
                       sizeof (LodeFitConf) };
  return &table;
}

/* Memory of lists stays until the process ends. */
static LodeFitConf
default_conf (void)
{
  static GPtrArray *owner;
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeFitConf conf = { 0 };

  if (!owner)
    owner = g_ptr_array_new_with_free_func (g_free);
  g_assert_true (lode_table_fill (fit_table (), NULL, "fit", NULL, &conf, owner, errors));
  return conf;
}

/* Every field of the struct is in the table, the table is sound, its defaults are legal. */
static void
test_table (void)
{
  g_autofree char *wrong = lode_table_check (fit_table ());
  LodeFitConf conf = default_conf ();
  g_autofree char *mistake = lode_fit_check (&conf);
  g_autofree bool *covered = g_new0 (bool, sizeof conf);
  size_t bytes = 0;

  g_assert_null (wrong);
  g_assert_null (mistake);
  g_assert_cmpuint (lode_fit_options_n, ==, 30);
  for (uint32_t i = 0; i < lode_fit_options_n; i++) {
    const LodeOption *option = &lode_fit_options[i];

    g_assert_false (covered[option->offset]);
    covered[option->offset] = true;
    bytes += option->type == LODE_OPTION_BOOL     ? sizeof (bool)
             : option->type == LODE_OPTION_CHOICE ? sizeof (int32_t)
             : option->type == LODE_OPTION_REALS  ? sizeof (LodeReals)
                                                  : 8;
  }
  g_assert_cmpuint (sizeof conf - bytes, <, 3 * 8); /* padding alone is left */
  g_assert_cmpint (conf.optimiser, ==, LODE_OPTIM_SGD);
  g_assert_cmpint (conf.schedule, ==, LODE_SCHEDULE_COSINE);
  g_assert_cmpfloat (conf.momentum, ==, 0.9);
  g_assert_cmpfloat (conf.clip, ==, 5);
  g_assert_true (conf.decay_norm);
  g_assert_cmpuint (conf.milestones.n, ==, 0);
}

static void
assert_mistake (const LodeFitConf *conf, const char *text)
{
  g_autofree char *mistake = lode_fit_check (conf);

  if (!text) {
    g_assert_cmpstr (mistake, ==, NULL);
    return;
  }
  g_assert_nonnull (mistake);
  if (!strstr (mistake, text))
    g_error ("\"%s\" does not mention \"%s\"", mistake, text);
}

static void
test_mistakes (void)
{
  static const double late[] = { 10, 50 }, falling[] = { 20, 10 }, good[] = { 91, 137 };
  static const double hole[] = { NAN };
  LodeFitConf conf = default_conf ();

  conf.nesterov = true;
  assert_mistake (&conf, NULL);
  conf.momentum = 0;
  assert_mistake (&conf, "momentum above 0");
  conf.optimiser = LODE_OPTIM_ADAM;
  assert_mistake (&conf, "nesterov has no effect");

  conf = default_conf ();
  conf.warmup = 51;
  assert_mistake (&conf, "warmup = 51");
  conf.warmup = 50;
  assert_mistake (&conf, NULL);

  conf = default_conf ();
  conf.milestones = (LodeReals){ 2, good };
  assert_mistake (&conf, "no effect with schedule = \"cosine\"");
  conf.schedule = LODE_SCHEDULE_STEP;
  assert_mistake (&conf, "milestone 91 lies behind");
  conf.epochs = 182;
  assert_mistake (&conf, NULL);
  conf.milestones = (LodeReals){ 2, falling };
  assert_mistake (&conf, "10 follows 20");
  conf.milestones = (LodeReals){ 1, hole };
  assert_mistake (&conf, "behind");
  conf.milestones = (LodeReals){ 0, NULL };
  assert_mistake (&conf, "no milestones");
  conf.epochs = 50;
  conf.milestones = (LodeReals){ 2, late };
  assert_mistake (&conf, "milestone 50 lies behind");
}

static void
assert_rate (const LodeFitConf *conf, double epoch, double expected)
{
  g_assert_cmpfloat_with_epsilon (lode_fit_rate (conf, epoch), expected, 1e-12);
}

static void
test_cosine (void)
{
  LodeFitConf conf = default_conf ();

  conf.rate = 0.1;
  conf.final_rate = 0.02;
  conf.epochs = 6;
  assert_rate (&conf, 0, 0.1);
  assert_rate (&conf, 1, 0.06 + 0.04 * sqrt (0.75));
  assert_rate (&conf, 2, 0.08);
  assert_rate (&conf, 2.999, 0.08);
  assert_rate (&conf, 3, 0.06);
  assert_rate (&conf, 6, 0.02);
  assert_rate (&conf, 9, 0.02);
  conf.every = LODE_EVERY_BATCH;
  assert_rate (&conf, 1.5, 0.06 + 0.04 * sqrt (0.5));
  assert_rate (&conf, 4.5, 0.06 - 0.04 * sqrt (0.5));
  conf.final_rate = 3; /* no higher than rate */
  assert_rate (&conf, 4.5, 0.1);
}

static void
test_others (void)
{
  static const double at[] = { 91, 137 };
  LodeFitConf conf = default_conf ();

  conf.rate = 0.1;
  conf.epochs = 182;
  conf.schedule = LODE_SCHEDULE_STEP;
  conf.milestones = (LodeReals){ 2, at };
  assert_rate (&conf, 0, 0.1);
  assert_rate (&conf, 90.999, 0.1);
  assert_rate (&conf, 91, 0.01);
  assert_rate (&conf, 136.5, 0.01);
  assert_rate (&conf, 137, 0.001);
  assert_rate (&conf, 500, 0.001);
  conf.schedule = LODE_SCHEDULE_CONSTANT;
  assert_rate (&conf, 150, 0.1);
  conf.schedule = LODE_SCHEDULE_EXPONENTIAL;
  conf.gamma = 0.25;
  assert_rate (&conf, 0, 0.1);
  assert_rate (&conf, 2.5, 0.1 / 16);
  conf.every = LODE_EVERY_BATCH;
  assert_rate (&conf, 2.5, 0.1 / 32);
}

/* It multiplies the schedule's rate, which runs from the start. */
static void
test_warmup (void)
{
  LodeFitConf conf = default_conf ();

  conf.rate = 0.1;
  conf.epochs = 12;
  conf.warmup = 4;
  conf.schedule = LODE_SCHEDULE_CONSTANT;
  assert_rate (&conf, 0, 0.025);
  assert_rate (&conf, 0.9, 0.025);
  assert_rate (&conf, 2, 0.075);
  assert_rate (&conf, 3, 0.1);
  assert_rate (&conf, 4, 0.1);
  conf.every = LODE_EVERY_BATCH;
  assert_rate (&conf, 0, 0);
  assert_rate (&conf, 0.5, 0.0125);
  assert_rate (&conf, 3, 0.075);
  assert_rate (&conf, 4, 0.1);
  conf.schedule = LODE_SCHEDULE_COSINE;
  assert_rate (&conf, 2, 0.05 * (1 + sqrt (0.75)) / 2);
  conf.every = LODE_EVERY_EPOCH;
  conf.warmup = 0.5; /* shorter than the first epoch */
  assert_rate (&conf, 0, 0.1);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/schedule/table", test_table);
  g_test_add_func ("/schedule/mistakes", test_mistakes);
  g_test_add_func ("/schedule/cosine", test_cosine);
  g_test_add_func ("/schedule/others", test_others);
  g_test_add_func ("/schedule/warmup", test_warmup);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "print-plan.h"

#include "common.h"
#include "run/json-add.h"
#include "run/plan.h"
#include "watch.h"

/* Seconds that each stage is measured for. */
static const double moment = 1.5;

static char *
thousands (uint64_t value)
{
  static const char units[] = " kMGTPE";
  double short_value = (double) value;
  int unit = 0;

  for (; short_value >= 1000 && units[unit + 1]; unit++)
    short_value /= 1000;
  return unit ? g_strdup_printf ("%.3g %c", short_value, units[unit])
              : g_strdup_printf ("%" G_GUINT64_FORMAT, value);
}

static void
add_row (GPtrArray *cells, const char *name, const LodePlanStage *stage)
{
  g_ptr_array_add (cells, g_strdup (name));
  g_ptr_array_add (cells, thousands (stage->steps));
  g_ptr_array_add (cells, thousands (stage->params));
  g_ptr_array_add (cells, thousands (stage->ledger.samples));
  g_ptr_array_add (cells, thousands (stage->ledger.macs));
  g_ptr_array_add (cells, g_strdup_printf ("%.0f MB", (double) stage->bytes / 1e6));
  g_ptr_array_add (cells, watch_time (stage->ledger.wall));
}

static void
add_up (LodePlanStage *total, const LodePlanStage *stage)
{
  total->steps += stage->steps;
  total->params = MAX (total->params, stage->params);
  total->bytes = MAX (total->bytes, stage->bytes);
  total->ledger.samples += stage->ledger.samples;
  total->ledger.macs += stage->ledger.macs;
  total->ledger.wall += stage->ledger.wall;
}

static void
print_table (const LodeExperiment *experiment, const LodePlanStage *stage)
{
  static const char *const heads[] = { "stage",         "steps",       "weights", "samples",
                                       "multiply-adds", "peak memory", "time" };
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  LodePlanStage total = { 0 };

  for (size_t i = 0; i < G_N_ELEMENTS (heads); i++)
    g_ptr_array_add (cells, g_strdup (heads[i]));
  for (guint i = 0; i < experiment->stages->len; i++) {
    add_row (cells, lode_experiment_stage (experiment, i)->name, &stage[i]);
    add_up (&total, &stage[i]);
  }
  add_row (cells, "all", &total);
  lode_columns_print (G_N_ELEMENTS (heads), cells);
}

static void
print_json (const LodeExperiment *experiment, const LodePlanStage *stage)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_array (json);
  for (guint i = 0; i < experiment->stages->len; i++) {
    json_builder_begin_object (json);
    lode_json_text (json, "stage", lode_experiment_stage (experiment, i)->name);
    lode_json_add_number (json, "steps", (double) stage[i].steps);
    lode_json_add_number (json, "weights", (double) stage[i].params);
    lode_json_add_number (json, "samples", (double) stage[i].ledger.samples);
    lode_json_add_number (json, "macs", (double) stage[i].ledger.macs);
    lode_json_add_number (json, "peak_memory_bytes", (double) stage[i].bytes);
    lode_json_add_number (json, "wall_s", stage[i].ledger.wall);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  lode_json_print (json_builder_get_root (json));
}

int
plan_print (const LodeExperiment *experiment, const RunFlags *flags, bool json)
{
  g_autofree LodePlanStage *stage = g_new0 (LodePlanStage, experiment->stages->len);
  GError *failure = NULL;

  for (guint i = 0; i < experiment->stages->len; i++) {
    if (!flags->quiet)
      lode_say ("measuring stage %s for a moment", lode_experiment_stage (experiment, i)->name);
    if (!lode_plan_stage (experiment, i, run_threads (flags), moment, &stage[i], &failure))
      return lode_fail (failure);
  }
  (json ? print_json : print_table) (experiment, stage);
  return LODE_EXIT_DONE;
}

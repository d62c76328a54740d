/* SPDX-License-Identifier: Apache-2.0 */
#include "page.h"

#include "common.h"
#include "run/json-add.h"

#include <math.h>

/* Counts without a point. */
static void
put_value (JsonBuilder *json, double value)
{
  if (value == floor (value) && fabs (value) < 9e15)
    json_builder_add_int_value (json, (gint64) value);
  else
    lode_json_add_number (json, NULL, value);
}

static void
put_number (JsonBuilder *json, const char *name, double value)
{
  put_value (json_builder_set_member_name (json, name), value);
}

static void
put_object (JsonBuilder *json, const char *name, JsonObject *object)
{
  JsonNode *node = json_node_new (object ? JSON_NODE_OBJECT : JSON_NODE_NULL);

  if (object)
    json_node_set_object (node, object);
  json_builder_add_value (json_builder_set_member_name (json, name), node);
}

static void
put_array (JsonBuilder *json, const char *name, const double *values, uint32_t n)
{
  json_builder_begin_array (json_builder_set_member_name (json, name));
  for (uint32_t i = 0; i < n; i++)
    put_value (json, values[i]);
  json_builder_end_array (json);
}

static void
put_status (JsonBuilder *json, const Report *report)
{
  const LodeStatusInfo *status = &report->status;

  if (!report->has_status) {
    json_builder_add_null_value (json_builder_set_member_name (json, "status"));
    return;
  }
  json_builder_begin_object (json_builder_set_member_name (json, "status"));
  lode_json_text (json, "status", lode_status_name (status->status));
  json_builder_add_boolean_value (json_builder_set_member_name (json, "held"), status->held);
  lode_json_text (json, "stage", status->stage);
  put_number (json, "done", status->done);
  lode_json_text (json, "message", status->message);
  put_number (json, "updated", (double) status->updated);
  json_builder_end_object (json);
}

static void
put_cost (JsonBuilder *json, const ReportCost *cost)
{
  json_builder_begin_object (json_builder_set_member_name (json, "cost"));
  put_number (json, "samples", cost->samples);
  put_number (json, "distinct", cost->distinct);
  put_number (json, "labels", cost->labels);
  put_number (json, "macs", cost->macs);
  put_number (json, "scores", cost->scores);
  put_number (json, "cpu_s", cost->cpu);
  put_number (json, "wall_s", cost->wall);
  put_number (json, "peak_memory_bytes", cost->peak);
  json_builder_end_object (json);
}

static void
put_series (JsonBuilder *json, const GPtrArray *all)
{
  json_builder_begin_array (json_builder_set_member_name (json, "series"));
  for (guint i = 0; i < all->len; i++) {
    const LodeSeries *series = g_ptr_array_index (all, i);

    json_builder_begin_object (json);
    lode_json_text (json, "name", series->name);
    put_array (json, "step", series->step, series->n);
    put_array (json, "epoch", series->epoch, series->n);
    put_array (json, "value", series->value, series->n);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
put_scores (JsonBuilder *json, const GArray *scores)
{
  json_builder_begin_array (json_builder_set_member_name (json, "scores"));
  for (guint i = 0; i < scores->len; i++) {
    const ReportScore *score = &g_array_index (scores, ReportScore, i);

    json_builder_begin_object (json);
    put_number (json, "fidelity", score->fidelity);
    put_number (json, "value", score->value);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
put_changes (JsonBuilder *json, const GArray *changes)
{
  json_builder_begin_array (json_builder_set_member_name (json, "trajectory"));
  for (guint i = 0; i < changes->len; i++) {
    const ReportChange *change = &g_array_index (changes, ReportChange, i);
    g_autofree char *arch = g_utf8_make_valid (change->arch, -1);

    json_builder_begin_object (json);
    put_number (json, "step", change->step);
    put_number (json, "samples", change->samples);
    put_number (json, "macs", change->macs);
    put_number (json, "scores", change->scores);
    lode_json_text (json, "architecture", arch);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
put_stage (JsonBuilder *json, const ReportStage *stage)
{
  g_autofree char *arch = stage->arch_text ? g_utf8_make_valid (stage->arch_text, -1) : NULL;

  json_builder_begin_object (json);
  lode_json_text (json, "name", stage->name);
  lode_json_text (json, "type", stage->type);
  lode_json_text (json, "phase", stage->phase);
  put_object (json, "result", stage->result);
  put_cost (json, &stage->cost);
  lode_json_text (json, "architecture", arch);
  put_object (json, "arch", stage->arch);
  put_series (json, stage->series);
  put_scores (json, stage->scores);
  put_changes (json, stage->changes);
  json_builder_end_object (json);
}

void
report_json (JsonBuilder *json, const Report *report)
{
  g_autofree char *path = g_utf8_make_valid (report->path, -1);

  json_builder_begin_object (json);
  lode_json_text (json, "path", path);
  lode_json_text (json, "experiment", report->experiment);
  lode_json_text (json, "label", report->label);
  lode_json_text (json, "seed", report->seed);
  put_status (json, report);
  put_object (json, "env", report->env);
  json_builder_begin_array (json_builder_set_member_name (json, "stages"));
  for (guint i = 0; i < report->stages->len; i++)
    put_stage (json, g_ptr_array_index (report->stages, i));
  json_builder_end_array (json);
  json_builder_begin_array (json_builder_set_member_name (json, "notes"));
  for (guint i = 0; i < report->notes->len; i++) {
    g_autofree char *note = g_utf8_make_valid (g_ptr_array_index (report->notes, i), -1);

    json_builder_add_string_value (json, note);
  }
  json_builder_end_array (json);
  json_builder_end_object (json);
}

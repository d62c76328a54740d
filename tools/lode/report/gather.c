/* SPDX-License-Identifier: Apache-2.0 */
#include "gather.h"

#include "error.h"
#include "format.h"
#include "run/config.h"
#include "run/file.h"
#include "run/json.h"

#include <math.h>
#include <string.h>

/* No file of a run that a report holds as a whole is near this size, but for the lines. */
#define BYTES_MAX (16u << 20)

double
report_member_number (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;
  GType type = node && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : 0;

  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? json_node_get_double (node) : NAN;
}

const char *
report_member_text (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_STRING
             ? json_node_get_string (node)
             : NULL;
}

JsonObject *
report_member_object (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
}

JsonArray *
report_member_array (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static void
change_clear (void *change)
{
  g_free (((ReportChange *) change)->arch);
}

static void
stage_free (void *data)
{
  ReportStage *stage = data;

  g_free (stage->name);
  g_free (stage->type);
  g_free (stage->phase);
  g_clear_pointer (&stage->result, json_object_unref);
  g_clear_pointer (&stage->arch, json_object_unref);
  g_free (stage->arch_text);
  g_free (stage->drawing);
  g_ptr_array_unref (stage->series);
  g_array_unref (stage->changes);
  g_array_unref (stage->scores);
  g_free (stage);
}

void
report_free (Report *report)
{
  if (!report)
    return;
  g_free (report->path);
  g_free (report->experiment);
  g_free (report->label);
  g_free (report->seed);
  g_clear_pointer (&report->env, json_object_unref);
  g_free (report->config);
  g_free (report->origins);
  g_ptr_array_unref (report->stages);
  g_clear_pointer (&report->series, g_ptr_array_unref);
  g_ptr_array_unref (report->notes);
  g_free (report);
}

ReportStage *
report_stage (Report *report, const char *name)
{
  ReportStage *stage;

  for (guint i = 0; i < report->stages->len; i++) {
    stage = g_ptr_array_index (report->stages, i);
    if (!strcmp (stage->name, name))
      return stage;
  }
  stage = g_new0 (ReportStage, 1);
  stage->name = g_strdup (name);
  stage->cost = (ReportCost){ NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN };
  stage->series = g_ptr_array_new ();
  stage->changes = g_array_new (FALSE, TRUE, sizeof (ReportChange));
  g_array_set_clear_func (stage->changes, change_clear);
  stage->scores = g_array_new (FALSE, TRUE, sizeof (ReportScore));
  g_ptr_array_add (report->stages, stage);
  return stage;
}

char *
report_read (Report *report, const char *stage, const char *name, gsize *n)
{
  g_autofree char *path = NULL;
  g_autoptr (GError) failure = NULL;
  char *text;

  /* A stage's name comes from a file; it must not lead out of the run. */
  if (stage && (!*stage || *stage == '.' || strchr (stage, '/')))
    return NULL;
  path = g_build_filename (report->path, stage ? stage : name, stage ? name : NULL, NULL);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  text = lode_file_read (path, g_str_has_suffix (name, "l") ? INT64_MAX : BYTES_MAX, n, &failure);
  if (failure)
    g_ptr_array_add (report->notes, g_strdup (failure->message));
  return text;
}

static void
note (Report *report, const char *stage, const char *name, const char *why)
{
  g_ptr_array_add (report->notes,
                   g_strdup_printf ("%s%s%s: %s", stage ? stage : "", stage ? "/" : "", name, why));
}

/* The object of a JSON file (transfer full), or NULL. */
static JsonObject *
read_object (Report *report, const char *stage, const char *name)
{
  gsize n;
  g_autofree char *text = report_read (report, stage, name, &n);
  LodeScan scan = lode_scan_begin (text ? text : "", text ? n : 0);
  g_autoptr (JsonNode) root = NULL;

  if (!text)
    return NULL;
  /* The parser behind recurses without a limit; the scan has one. */
  if (lode_scan_skip (&scan) && lode_scan_end (&scan))
    root = json_from_string (text, NULL);
  if (root && JSON_NODE_HOLDS_OBJECT (root))
    return json_node_dup_object (root);
  note (report, stage, name, scan.wrong ? scan.wrong : "it is no JSON object");
  return NULL;
}

static void
take_cost (ReportStage *stage)
{
  JsonObject *cost = report_member_object (stage->result, "cost");

  stage->cost = (ReportCost){
    .samples = report_member_number (cost, "samples"),
    .distinct = report_member_number (cost, "distinct"),
    .labels = report_member_number (cost, "labels"),
    .macs = report_member_number (cost, "macs"),
    .scores = report_member_number (cost, "scores"),
    .cpu = report_member_number (cost, "cpu_s"),
    .wall = report_member_number (cost, "wall_s"),
    .peak = report_member_number (stage->result, "peak_memory_bytes"),
  };
}

static void
read_drawing (Report *report, ReportStage *stage)
{
  gsize n;
  g_autofree char *svg = report_read (report, stage->name, "arch.svg", &n);
  g_autoptr (GError) failure = NULL;

  if (svg && n <= BYTES_MAX / 16)
    stage->drawing = report_drawing (svg, n, &failure);
  else if (svg)
    note (report, stage->name, "arch.svg", "too large to stand in a page");
  if (failure)
    note (report, stage->name, "arch.svg", failure->message);
}

static void
read_stage (Report *report, ReportStage *stage)
{
  JsonObject *result = read_object (report, stage->name, "result.json");
  gsize n;

  if (result) {
    g_clear_pointer (&stage->result, json_object_unref);
    stage->result = result;
  }
  if (stage->result)
    take_cost (stage);
  stage->arch = read_object (report, stage->name, "arch.json");
  stage->arch_text = report_read (report, stage->name, "arch.txt", &n);
  if (stage->arch_text)
    g_strchomp (stage->arch_text);
  read_drawing (report, stage);
  report_read_search (report, stage);
}

static void
replace_text (char **text, const char *with)
{
  if (!with)
    return;
  g_free (*text);
  *text = g_strdup (with);
}

static char *
integer_text (const LodeNode *node)
{
  return node && node->type == LODE_VALUE_INT ? g_strdup_printf ("%" G_GINT64_FORMAT, node->integer)
                                              : NULL;
}

/* Names and the order of stages, from the configuration. */
static void
read_config (Report *report)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeNode) root = NULL;
  g_autofree char *seed = NULL;
  const LodeNode *stages;
  gsize n;

  report->config = report_read (report, NULL, "config.cfg", &n);
  report->origins = report_read (report, NULL, "overrides.txt", &n);
  root = report->config ? lode_config_parse_text ("config.cfg", report->config, errors) : NULL;
  if (errors->len)
    g_ptr_array_add (report->notes, g_strdup (g_ptr_array_index (errors, 0)));
  stages = lode_node_child (root, "stages");
  for (guint i = 0; stages && stages->type == LODE_VALUE_GROUP && i < stages->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (stages->children, i);
    const char *type = lode_node_text (child, "type", NULL);

    replace_text (&report_stage (report, child->name)->type, type);
  }
  replace_text (&report->experiment, root ? lode_node_text (root, "experiment", NULL) : NULL);
  replace_text (&report->label, root ? lode_node_text (root, "label", NULL) : NULL);
  seed = integer_text (lode_node_child (root, "seed"));
  replace_text (&report->seed, seed);
}

/* The same from result.json, for what is still unknown, and results of stages without a file. */
static void
read_result (Report *report)
{
  g_autoptr (JsonObject) result = read_object (report, NULL, "result.json");
  JsonObject *stages = report_member_object (result, "stages");
  g_autoptr (GList) names = stages ? json_object_get_members (stages) : NULL;
  double seed = report_member_number (result, "seed");

  if (!*report->experiment)
    replace_text (&report->experiment, report_member_text (result, "experiment"));
  if (!*report->label)
    replace_text (&report->label, report_member_text (result, "label"));
  if (!*report->seed && isfinite (seed))
    replace_text (&report->seed, report_word ("%.0f", seed).text);
  for (GList *name = names; name; name = name->next) {
    ReportStage *stage = report_stage (report, name->data);
    JsonObject *of = report_member_object (stages, name->data);

    if (of)
      stage->result = json_object_ref (of);
  }
}

static int
by_text (const void *a, const void *b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Folders that hold a stage's files although neither of the two names them. */
static void
find_folders (Report *report)
{
  static const char *const files[] = { "result.json", "arch.txt", "scores.jsonl" };
  g_autoptr (GDir) dir = g_dir_open (report->path, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    for (size_t i = 0; i < G_N_ELEMENTS (files); i++) {
      g_autofree char *path = g_build_filename (report->path, name, files[i], NULL);

      if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
        continue;
      g_ptr_array_add (names, g_strdup (name));
      break;
    }
  g_ptr_array_sort (names, by_text);
  for (guint i = 0; i < names->len; i++)
    report_stage (report, g_ptr_array_index (names, i));
}

static void
read_status (Report *report)
{
  g_autoptr (GError) failure = NULL;

  report->has_status = lode_folder_read_status (report->path, &report->status, &failure);
  if (failure)
    g_ptr_array_add (report->notes, g_strdup (failure->message));
}

/* false: none of the files that every run has. */
static bool
is_run (const char *path)
{
  static const char *const files[] = { "config.cfg", "status.json", "result.json", "metrics.jsonl",
                                       "env.json" };

  for (size_t i = 0; i < G_N_ELEMENTS (files); i++) {
    g_autofree char *name = g_build_filename (path, files[i], NULL);

    if (g_file_test (name, G_FILE_TEST_IS_REGULAR))
      return true;
  }
  return false;
}

static Report *
new_report (const char *run)
{
  Report *report = g_new0 (Report, 1);

  report->path = g_canonicalize_filename (run, NULL);
  report->experiment = g_strdup ("");
  report->label = g_strdup ("");
  report->seed = g_strdup ("");
  report->stages = g_ptr_array_new_with_free_func (stage_free);
  report->notes = g_ptr_array_new_with_free_func (g_free);
  return report;
}

Report *
report_gather (const char *run, GError **error)
{
  Report *report;

  if (!is_run (run)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "%s is no run directory: it has none of config.cfg, status.json, result.json, "
                 "metrics.jsonl, env.json; `lode status` names the runs there are",
                 run);
    return NULL;
  }
  report = new_report (run);
  read_status (report);
  report->env = read_object (report, NULL, "env.json");
  read_config (report);
  read_result (report);
  report_read_metrics (report);
  find_folders (report);
  for (guint i = 0; i < report->stages->len; i++)
    read_stage (report, g_ptr_array_index (report->stages, i));
  return report;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What programs read: one list of fields for groups and one for pairs, as CSV or JSON.
 */
#include "print.h"

#include "common.h"
#include "run/json-add.h"

#include <math.h>

static const char *const verdicts[] = { "too-few", "none", "leans", "better" };
static const char *const designs[] = { "inseparable", "nested", "crossed" };

/* Where fields go: a table, whose heads are taken from the first row, or an object. */
typedef struct Sink {
  Table *table;
  JsonBuilder *json;
  bool heads;
} Sink;

static void
put_text (const Sink *sink, const char *name, const char *text)
{
  if (sink->json)
    lode_json_text (sink->json, name, text);
  else if (sink->heads)
    table_head (sink->table, name);
  else
    table_cell (sink->table, text);
}

static void
put (const Sink *sink, const char *name, double value)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  if (!sink->json) {
    put_text (sink, name,
              isfinite (value) ? g_ascii_formatd (number, sizeof number, "%.15g", value) : NULL);
    return;
  }
  lode_json_add_number (sink->json, name, value);
}

static const char *
name_of (const Comparison *comparison, guint g)
{
  return ((const CompareGroup *) g_ptr_array_index (comparison->groups, g))->name;
}

static void
put_group (const Sink *sink, const CompareGroup *group)
{
  put_text (sink, "group", group->name);
  put (sink, "runs", group->n);
  put (sink, "seeds", group->seeds);
  put (sink, "metric_mean", group->metric);
  put (sink, "metric_sd", group->metric_sd);
  for (int c = 0; c < RUN_COLUMNS; c++) {
    g_autofree char *mean = g_strconcat (run_columns[c].key, "_mean", NULL),
                    *sd = g_strconcat (run_columns[c].key, "_sd", NULL);

    put (sink, mean, group->mean[c]);
    put (sink, sd, group->sd[c]);
  }
  put_text (sink, "variance_design", designs[group->variance.design]);
  put (sink, "variance_search_seed", group->variance.between);
  put (sink, "variance_training_seed",
       group->variance.design == STAT_CROSSED ? group->variance.across : group->variance.within);
  put (sink, "variance_together",
       group->variance.design == STAT_CROSSED ? group->variance.within : NAN);
}

static void
put_pair (const Sink *sink, const Comparison *comparison, const ComparePair *pair)
{
  put_text (sink, "a", name_of (comparison, pair->a));
  put_text (sink, "b", name_of (comparison, pair->b));
  put_text (sink, "metric", comparison->metric);
  put (sink, "pairs", pair->pairs);
  put (sink, "seeds", pair->units);
  put (sink, "difference", pair->mean);
  put (sink, "difference_sd", pair->sd);
  put (sink, "low", pair->interval.low);
  put (sink, "high", pair->interval.high);
  put_text (sink, "test", comparison->wilcoxon ? "wilcoxon" : "permutation");
  put (sink, "p", pair->units ? pair->p : NAN);
  put (sink, "p_holm", pair->units ? pair->p_holm : NAN);
  put (sink, "effect", pair->effect);
  put (sink, "wins", pair->wins);
  put (sink, "ties", pair->ties);
  put_text (sink, "verdict", verdicts[pair->verdict]);
  put_text (sink, "better",
            pair->verdict >= VERDICT_LEANS ? name_of (comparison, pair->first ? pair->a : pair->b)
                                           : NULL);
}

static void
tell (const Comparison *comparison)
{
  for (guint i = 0; i < comparison->notes->len; i++)
    lode_say ("%s", (const char *) g_ptr_array_index (comparison->notes, i));
}

void
compare_print_csv (const Comparison *comparison)
{
  g_autoptr (Table) groups = table_new ();
  g_autoptr (Table) pairs = table_new ();
  const ComparePair none = { 0 };
  Sink heads = { groups, NULL, true }, rows = { groups, NULL, false };

  tell (comparison);
  put_group (&heads, g_ptr_array_index (comparison->groups, 0));
  for (guint g = 0; g < comparison->groups->len; g++)
    put_group (&rows, g_ptr_array_index (comparison->groups, g));
  table_print (groups, TABLE_CSV);
  if (!comparison->pairs->len)
    return;
  heads.table = rows.table = pairs;
  put_pair (&heads, comparison, &none);
  for (guint i = 0; i < comparison->pairs->len; i++)
    put_pair (&rows, comparison, &g_array_index (comparison->pairs, ComparePair, i));
  putchar ('\n');
  table_print (pairs, TABLE_CSV);
}

static void
put_list (JsonBuilder *json, const char *name, GPtrArray *texts)
{
  json_builder_begin_array (json_builder_set_member_name (json, name));
  for (guint i = 0; i < texts->len; i++)
    json_builder_add_string_value (json, g_ptr_array_index (texts, i));
  json_builder_end_array (json);
}

static void
put_paths (JsonBuilder *json, const CompareGroup *group)
{
  json_builder_begin_array (json_builder_set_member_name (json, "paths"));
  for (guint i = 0; i < group->runs->len; i++)
    json_builder_add_string_value (json,
                                   ((const CompareRun *) g_ptr_array_index (group->runs, i))->path);
  json_builder_end_array (json);
}

void
compare_print_json (const Comparison *comparison)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  const Sink sink = { NULL, json, false };

  json_builder_begin_object (json);
  lode_json_text (json, "metric", comparison->metric);
  lode_json_text (json, "better", comparison->larger ? "larger" : "smaller");
  put_list (json, "by", comparison->factors);
  put_list (json, "paired_by", comparison->others);
  json_builder_begin_array (json_builder_set_member_name (json, "groups"));
  for (guint g = 0; g < comparison->groups->len; g++) {
    const CompareGroup *group = g_ptr_array_index (comparison->groups, g);

    json_builder_begin_object (json);
    put_group (&sink, group);
    put_paths (json, group);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  json_builder_begin_array (json_builder_set_member_name (json, "pairs"));
  for (guint i = 0; i < comparison->pairs->len; i++) {
    json_builder_begin_object (json);
    put_pair (&sink, comparison, &g_array_index (comparison->pairs, ComparePair, i));
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
  put_list (json, "notes", comparison->notes);
  json_builder_end_object (json);
  lode_json_print (json_builder_get_root (json));
}

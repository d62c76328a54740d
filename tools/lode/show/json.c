/* SPDX-License-Identifier: Apache-2.0 */
#include "show.h"

#include "run/json-add.h"

#include <lode/lode.h>
#include <math.h>
#include <string.h>

static void
add_words (JsonBuilder *json, const char *name, const char *const *words)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_array (json);
  for (; words && *words; words++)
    json_builder_add_string_value (json, *words);
  json_builder_end_array (json);
}

static void
add_flag (JsonBuilder *json, const char *name, bool flag)
{
  json_builder_set_member_name (json, name);
  json_builder_add_boolean_value (json, flag);
}

/* JSON has no infinity: such an end of a range is null, like one that there is not. */
static void
add_real (JsonBuilder *json, const char *name, double value, bool there)
{
  lode_json_add_number (json, name, there ? value : NAN);
}

static void
add_list (JsonBuilder *json, const LodeOption *option)
{
  g_auto (GStrv) part = g_strsplit (option->text ? option->text : "", ",", -1);

  json_builder_begin_array (json);
  for (char **text = part; *text && *g_strstrip (*text); text++)
    if (option->type == LODE_OPTION_REALS)
      lode_json_add_number (json, NULL, g_ascii_strtod (*text, NULL));
    else
      json_builder_add_string_value (json, *text);
  json_builder_end_array (json);
}

static void
add_default (JsonBuilder *json, const LodeOption *option)
{
  json_builder_set_member_name (json, "default");
  if (option->required) {
    json_builder_add_null_value (json);
    return;
  }
  switch (option->type) {
  case LODE_OPTION_BOOL:
    json_builder_add_boolean_value (json, option->number != 0);
    return;
  case LODE_OPTION_INT:
    json_builder_add_int_value (json, (gint64) option->number);
    return;
  case LODE_OPTION_REAL:
    lode_json_add_number (json, NULL, option->number);
    return;
  case LODE_OPTION_CHOICE:
    json_builder_add_string_value (json, option->text ? option->text : option->choices[0]);
    return;
  case LODE_OPTION_TEXT:
    json_builder_add_string_value (json, option->text ? option->text : "");
    return;
  default:
    add_list (json, option);
  }
}

static void
add_option (JsonBuilder *json, const LodeOption *option)
{
  bool ranged = option->min < option->max;

  json_builder_begin_object (json);
  lode_json_text (json, "name", option->name);
  lode_json_text (json, "type", lode_show_type (option));
  add_flag (json, "required", option->required);
  add_default (json, option);
  add_real (json, "min", option->min, ranged);
  add_real (json, "max", option->max, ranged);
  add_flag (json, "above_min", ranged && option->above_min);
  lode_json_text (json, "unit", option->unit);
  if (option->type == LODE_OPTION_CHOICE)
    add_words (json, "choices", option->choices);
  lode_json_text (json, "doc", option->doc);
  add_flag (json, "tunable", option->tunable);
  add_flag (json, "log_scale", option->log_scale);
  json_builder_end_object (json);
}

static void
add_ports (JsonBuilder *json, const char *name, const LodePort *port)
{
  json_builder_set_member_name (json, name);
  json_builder_begin_array (json);
  for (; port && port->name; port++) {
    json_builder_begin_object (json);
    lode_json_text (json, "name", port->name);
    lode_json_text (json, "artefact", lode_show_artefact (port->art));
    add_flag (json, "required", port->required);
    add_flag (json, "many", port->many);
    json_builder_end_object (json);
  }
  json_builder_end_array (json);
}

static void
add_kind (JsonBuilder *json, const LodeLoaded *loaded)
{
  LodeClaim claim = lode_show_claim (loaded);
  g_autofree const char **words = lode_ability_words (claim.set);
  const LodeStageOps *stage = loaded->ops;

  if (claim.word)
    add_words (json, claim.word, words);
  if (lode_show_when (loaded))
    lode_json_text (json, "when", lode_show_when (loaded));
  if (strcmp (loaded->plugin->kind, "stage"))
    return;
  add_ports (json, "in", stage->in);
  add_ports (json, "out", stage->out);
  add_flag (json, "test", stage->rights & LODE_RIGHT_TEST);
}

void
lode_show_json (const LodeLoaded *loaded, const char *sha256)
{
  const LodePlugin *plugin = loaded->plugin;
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  lode_json_text (json, "kind", plugin->kind);
  lode_json_text (json, "name", plugin->name);
  lode_json_text (json, "version", plugin->version);
  lode_json_text (json, "summary", plugin->summary);
  lode_json_text (json, "license", plugin->license);
  lode_json_text (json, "author", plugin->author);
  lode_json_text (json, "url", plugin->url);
  lode_json_text (json, "path", loaded->path);
  lode_json_text (json, "sha256", sha256);
  lode_json_text (json, "reference", plugin->reference);
  lode_json_text (json, "bibtex", plugin->bibtex);
  add_flag (json, "state", loaded->state != NULL);
  add_kind (json, loaded);
  json_builder_set_member_name (json, "options");
  json_builder_begin_array (json);
  for (uint32_t i = 0; i < loaded->table.n; i++)
    add_option (json, lode_table_at (&loaded->table, i));
  json_builder_end_array (json);
  json_builder_end_object (json);
  lode_json_print (json_builder_get_root (json));
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "run/environment.h"

#include "error.h"

#include <cblas.h>
#include <json-glib/json-glib.h>
#include <string.h>

static const char *commit = "";

void
lode_environment_commit (const char *text)
{
  commit = text;
}

/* Plugins of all stages, each once, in order of use. */
static GPtrArray *
plugins_of (const LodeExperiment *experiment)
{
  GPtrArray *list = g_ptr_array_new ();

  for (guint i = 0; i < experiment->stages->len; i++)
    for (uint32_t kind = 0; kind < LODE_USES; kind++) {
      const LodeLoaded *loaded = lode_experiment_stage (experiment, i)->use[kind].loaded;

      if (loaded && !g_ptr_array_find (list, loaded, NULL))
        g_ptr_array_add (list, (gpointer) loaded);
    }
  return list;
}

static void
add_text (JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, text);
}

static bool
add_plugin (JsonBuilder *json, const LodeLoaded *loaded, GError **error)
{
  g_autofree char *digest = lode_file_sha256 (loaded->path, error);

  if (!digest)
    return false;
  json_builder_begin_object (json);
  add_text (json, "kind", loaded->plugin->kind);
  add_text (json, "name", loaded->plugin->name);
  add_text (json, "version", loaded->plugin->version);
  add_text (json, "path", loaded->path);
  add_text (json, "sha256", digest);
  add_text (json, "from", loaded->from);
  if (loaded->trusted)
    add_text (json, "trusted_groups", loaded->trusted);
  if (loaded->unsafe)
    add_text (json, "unsafe", loaded->unsafe);
  json_builder_end_object (json);
  return true;
}

GPtrArray *
lode_environment_references (const LodeExperiment *experiment)
{
  g_autoptr (GPtrArray) list = plugins_of (experiment);
  GPtrArray *references = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; i < list->len; i++) {
    const LodePlugin *plugin = ((const LodeLoaded *) g_ptr_array_index (list, i))->plugin;

    if (plugin->reference)
      g_ptr_array_add (
          references, g_strdup_printf ("%s %s: %s", plugin->kind, plugin->name, plugin->reference));
  }
  return references;
}

static bool
add_plugins (JsonBuilder *json, const LodeExperiment *experiment, GError **error)
{
  g_autoptr (GPtrArray) list = plugins_of (experiment);
  g_autoptr (GPtrArray) references = lode_environment_references (experiment);

  json_builder_begin_array (json_builder_set_member_name (json, "plugins"));
  for (guint i = 0; i < list->len; i++)
    if (!add_plugin (json, g_ptr_array_index (list, i), error))
      return false;
  json_builder_end_array (json);
  json_builder_begin_array (json_builder_set_member_name (json, "references"));
  for (guint i = 0; i < references->len; i++)
    json_builder_add_string_value (json, g_ptr_array_index (references, i));
  json_builder_end_array (json);
  return true;
}

char *
lode_environment_text (const LodeShared *shared, GError **error)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (json);
  add_text (json, "lode", LODE_VERSION);
  if (*commit)
    add_text (json, "commit", commit);
  add_text (json, "compiler", __VERSION__);
  add_text (json, "isa", lode_engine_kernels (shared->engine)->isa);
  add_text (json, "blas", openblas_get_corename ());
  json_builder_set_member_name (json, "threads");
  json_builder_add_int_value (json, lode_threads_count (lode_engine_threads (shared->engine)));
  json_builder_set_member_name (json, "winograd");
  json_builder_add_boolean_value (json, shared->experiment->conf.winograd);
  json_builder_set_member_name (json, "abi");
  json_builder_add_string_value (json,
                                 G_STRINGIFY (LODE_ABI_MAJOR) "." G_STRINGIFY (LODE_ABI_MINOR));
  if (!add_plugins (json, shared->experiment, error))
    return NULL;
  json_builder_end_object (json);
  root = json_builder_get_root (json);
  return json_to_string (root, TRUE);
}

/* The root of an env.json; LODE_RUN_ERROR_FAILED where it is none. Transfer full. */
static JsonNode *
parse (const char *text, GError **error)
{
  g_autoptr (JsonNode) root = json_from_string (text, NULL);

  if (root && JSON_NODE_HOLDS_OBJECT (root))
    return g_steal_pointer (&root);
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                       "env.json is damaged; expected a JSON object");
  return NULL;
}

char *
lode_environment_add_data (const char *text, const LodeStageSpec *spec, const char *sha256,
                           GError **error)
{
  g_autoptr (JsonNode) root = parse (text, error);
  JsonObject *env, *one, *data;

  if (!root)
    return NULL;
  env = json_node_get_object (root);
  data = json_object_has_member (env, "data") ? json_object_get_object_member (env, "data") : NULL;
  if (!data) {
    data = json_object_new ();
    json_object_set_object_member (env, "data", data);
  }
  one = json_object_new ();
  json_object_set_string_member (one, "type", spec->use[LODE_USE_DATASET].loaded->plugin->name);
  json_object_set_string_member (one, "sha256", sha256);
  json_object_set_object_member (data, spec->name, one);
  return json_to_string (root, TRUE);
}

static const char *
member_text (JsonObject *object, const char *name)
{
  JsonNode *node = object ? json_object_get_member (object, name) : NULL;

  return node && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node)
                                                                  : "?";
}

/* The entry of a plugin in an env.json, or NULL. */
static JsonObject *
find_plugin (JsonArray *plugins, const LodePlugin *plugin)
{
  for (guint i = 0; i < json_array_get_length (plugins); i++) {
    JsonNode *node = json_array_get_element (plugins, i);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;

    if (!strcmp (member_text (object, "kind"), plugin->kind)
        && !strcmp (member_text (object, "name"), plugin->name))
      return object;
  }
  return NULL;
}

static char *
plugin_differs (JsonArray *plugins, const LodeLoaded *loaded)
{
  JsonObject *was = find_plugin (plugins, loaded->plugin);
  g_autofree char *digest = lode_file_sha256 (loaded->path, NULL);

  if (was && !g_strcmp0 (member_text (was, "sha256"), digest))
    return NULL;
  return g_strdup_printf ("%s %s was version %s (sha256 %.12s…), now it is %s (%.12s…)",
                          loaded->plugin->kind, loaded->plugin->name, member_text (was, "version"),
                          member_text (was, "sha256"), loaded->plugin->version,
                          digest ? digest : "?");
}

char *
lode_environment_differs (const LodeShared *shared, const char *text)
{
  g_autoptr (JsonNode) root = json_from_string (text, NULL);
  JsonObject *env = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  JsonNode *plugins = env ? json_object_get_member (env, "plugins") : NULL;
  const char *isa = lode_engine_kernels (shared->engine)->isa;
  g_autoptr (GPtrArray) list = plugins_of (shared->experiment);

  if (!plugins || !JSON_NODE_HOLDS_ARRAY (plugins))
    return g_strdup ("env.json is missing or damaged");
  if (strcmp (member_text (env, "isa"), isa))
    return g_strdup_printf ("it ran with kernels for %s, this machine has %s",
                            member_text (env, "isa"), isa);
  if (strcmp (member_text (env, "blas"), openblas_get_corename ()))
    return g_strdup_printf ("its BLAS worked for %s, now it works for %s",
                            member_text (env, "blas"), openblas_get_corename ());
  if (strcmp (member_text (env, "lode"), LODE_VERSION))
    return g_strdup_printf ("it began with lode %s, this is lode %s", member_text (env, "lode"),
                            LODE_VERSION);
  for (guint i = 0; i < list->len; i++) {
    char *differs = plugin_differs (json_node_get_array (plugins), g_ptr_array_index (list, i));

    if (differs)
      return differs;
  }
  return NULL;
}

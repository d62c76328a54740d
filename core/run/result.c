/* SPDX-License-Identifier: Apache-2.0 */
#include "run/result.h"

#include "error.h"
#include "run/json-add.h"

#include <json-glib/json-glib.h>
#include <sys/resource.h>

static void
add_count (JsonBuilder *json, const char *name, uint64_t value)
{
  json_builder_set_member_name (json, name);
  json_builder_add_int_value (json, (gint64) value);
}

static void
add_text (JsonBuilder *json, const char *name, const char *text)
{
  json_builder_set_member_name (json, name);
  json_builder_add_string_value (json, text);
}

static bool
write_json (LodeFolder *folder, const char *name, JsonBuilder *json, GError **error)
{
  g_autoptr (JsonNode) root = json_builder_get_root (json);
  g_autofree char *text = json_to_string (root, TRUE), *line = g_strconcat (text, "\n", NULL);

  return lode_folder_write (folder, name, line, strlen (line), error);
}

static void
add_cost (JsonBuilder *json, const LodeLedger *ledger)
{
  json_builder_begin_object (json_builder_set_member_name (json, "cost"));
  add_count (json, "samples", ledger->samples);
  add_count (json, "distinct", ledger->distinct);
  add_count (json, "labels", ledger->labels);
  add_count (json, "macs", ledger->macs);
  add_count (json, "scores", ledger->scores);
  lode_json_add_number (json, "cpu_s", ledger->cpu);
  lode_json_add_number (json, "wall_s", ledger->wall);
  if (ledger->simulated > 0)
    lode_json_add_number (json, "simulated_s", ledger->simulated);
  json_builder_end_object (json);
}

/* Of the largest process that worked for the run. */
static uint64_t
peak_memory (void)
{
  struct rusage self, workers;

  if (getrusage (RUSAGE_SELF, &self) != 0 || getrusage (RUSAGE_CHILDREN, &workers) != 0)
    return 0;
  return (uint64_t) MAX (self.ru_maxrss, workers.ru_maxrss) * 1024;
}

/* What the stage looked at: the data's type, digest, shape, and how many examples each role had. */
static void
add_data (JsonBuilder *json, const LodeStageHost *host)
{
  static const char *const roles[] = { "train", "arch", "valid", NULL, "test" };
  LodeShape shape = lode_data_shape (host->data);

  json_builder_begin_object (json_builder_set_member_name (json, "data"));
  add_text (json, "type", host->spec->use[LODE_USE_DATASET].loaded->plugin->name);
  add_text (json, "sha256", lode_data_digest (host->data));
  add_count (json, "height", shape.h);
  add_count (json, "width", shape.w);
  add_count (json, "channels", shape.c);
  add_count (json, "classes", lode_data_classes (host->data));
  for (uint32_t role = 0; role < G_N_ELEMENTS (roles); role++)
    if (roles[role])
      add_count (json, roles[role], lode_data_count (host->data, role));
  json_builder_end_object (json);
}

/* How large the space was: its decisions, and the decimal logarithm of its architectures. */
static void
add_space (JsonBuilder *json, const LodeStageHost *host)
{
  const LodeSpace *space = lode_host_space (&host->base);
  double size = 0;

  for (uint32_t i = 0; i < space->n; i++)
    size += log10 (lode_space_at (space, i)->n);
  json_builder_begin_object (json_builder_set_member_name (json, "space"));
  add_count (json, "decisions", space->n);
  lode_json_add_number (json, "log10_architectures", size);
  json_builder_end_object (json);
}

static void
add_plugins (JsonBuilder *json, const LodeStageSpec *spec)
{
  json_builder_begin_object (json_builder_set_member_name (json, "plugins"));
  for (uint32_t kind = 0; kind < LODE_USES; kind++)
    if (spec->use[kind].loaded)
      add_text (json, kind == LODE_USE_ARCH_LOSS ? "arch_loss" : lode_use_kinds[kind],
                spec->use[kind].loaded->plugin->name);
  json_builder_end_object (json);
}

bool
lode_result_stage (const LodeStageHost *host, GError **error)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autofree char *name = g_build_filename (host->spec->name, "result.json", NULL);

  json_builder_begin_object (json);
  add_plugins (json, host->spec);
  if (host->data)
    add_data (json, host);
  if (host->search)
    add_space (json, host);
  json_builder_begin_object (json_builder_set_member_name (json, "figures"));
  for (guint i = 0; i < host->figures->len; i++) {
    const LodeFigure *figure = &g_array_index (host->figures, LodeFigure, i);

    lode_json_add_number (json, figure->name, figure->value);
  }
  json_builder_end_object (json);
  add_cost (json, &host->ledger);
  add_count (json, "peak_memory_bytes", peak_memory ());
  json_builder_end_object (json);
  return write_json (host->shared->folder, name, json, error);
}

static bool
add_stage (const LodeShared *shared, const LodeStageSpec *spec, JsonBuilder *json, GError **error)
{
  g_autofree char *name = g_build_filename (spec->name, "result.json", NULL);
  g_autofree char *path = lode_folder_file (shared->folder, name, error), *text = NULL;
  g_autoptr (GError) failure = NULL;
  JsonNode *node;

  if (!path)
    return false;
  node =
      g_file_get_contents (path, &text, NULL, &failure) ? json_from_string (text, &failure) : NULL;
  if (!node) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s: %s", path,
                 failure ? failure->message : "is empty");
    return false;
  }
  json_builder_set_member_name (json, spec->name);
  json_builder_add_value (json, node);
  return true;
}

bool
lode_result_run (const LodeShared *shared, GError **error)
{
  const LodeExperiment *experiment = shared->experiment;
  const LodeExperimentConf *conf = &experiment->conf;
  g_autoptr (JsonBuilder) json = json_builder_new ();

  json_builder_begin_object (json);
  json_builder_set_member_name (json, "experiment");
  json_builder_add_string_value (json, experiment->conf.experiment);
  json_builder_set_member_name (json, "label");
  json_builder_add_string_value (json, experiment->conf.label);
  add_count (json, "seed", (uint64_t) conf->seed);
  add_count (json, "search_seed",
             (uint64_t) (conf->search_seed < 0 ? conf->seed : conf->search_seed));
  add_count (json, "train_seed", (uint64_t) (conf->train_seed < 0 ? conf->seed : conf->train_seed));
  json_builder_begin_object (json_builder_set_member_name (json, "stages"));
  for (guint i = 0; i < experiment->stages->len; i++)
    if (!add_stage (shared, lode_experiment_stage (experiment, i), json, error))
      return false;
  json_builder_end_object (json);
  json_builder_end_object (json);
  return write_json (shared->folder, "result.json", json, error);
}

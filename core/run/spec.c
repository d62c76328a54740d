/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stage of an experiment: its groups put together, its plugins loaded, its options filled, the
 * combination checked, and all of it written out again with defaults.
 */
#include "run/spec.h"

#include <lode/evaluator.h>

const char *const lode_spec_groups[] = { "data",   "backbone",  "loss",     "sampler",
                                         "search", "evaluator", "executor", "arch_loss",
                                         "fit",    "metrics",   NULL };
const char *const lode_use_kinds[LODE_USES] = { "dataset",  "backbone", "loss",
                                                "sampler",  "search",   "evaluator",
                                                "executor", "loss",     "stage" };

/* The group of a kind, and what is used where the configuration names none. */
static const struct {
  const char *group, *otherwise;
} uses[LODE_USES] = {
  [LODE_USE_DATASET] = { "data", NULL },        [LODE_USE_BACKBONE] = { "backbone", NULL },
  [LODE_USE_LOSS] = { "loss", "ce" },           [LODE_USE_SAMPLER] = { "sampler", "full" },
  [LODE_USE_SEARCH] = { "search", NULL },       [LODE_USE_EVALUATOR] = { "evaluator", NULL },
  [LODE_USE_EXECUTOR] = { "executor", "here" }, [LODE_USE_ARCH_LOSS] = { "arch_loss", NULL },
};

/* What filling one stage works with. */
typedef struct Reading {
  LodeRegistry *registry;
  LodeExperiment *experiment;
  LodeStageSpec *spec;
  GPtrArray *errors;
} Reading;

/* Whether a mistake at that place was told of a stage before: most groups are those of all. */
static bool
is_told (const GPtrArray *errors, const char *origin, const char *text)
{
  g_autofree char *head = g_strconcat (origin, ": stage ", NULL),
                  *tail = g_strconcat (": ", text, NULL);

  for (guint i = 0; i < errors->len; i++)
    if (g_str_has_prefix (errors->pdata[i], head) && g_str_has_suffix (errors->pdata[i], tail))
      return true;
  return false;
}

static void G_GNUC_PRINTF (3, 4)
    complain (const Reading *reading, const LodeNode *at, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  if (!at || !at->origin)
    g_ptr_array_add (reading->errors, g_strdup_printf ("stage %s: %s", reading->spec->name, text));
  else if (!is_told (reading->errors, at->origin, text))
    g_ptr_array_add (reading->errors,
                     g_strdup_printf ("%s: stage %s: %s", at->origin, reading->spec->name, text));
}

/* Loads a plugin and fills its options from `options`, letting the keys of also through. */
static bool
use (Reading *reading, uint32_t kind, const char *name, const LodeNode *at, LodeNode *options,
     const char *const *also)
{
  LodeUse *to = &reading->spec->use[kind];
  g_autoptr (GError) failure = NULL;
  g_autofree char *where = g_strdup_printf ("%s/%s", lode_use_kinds[kind], name);

  to->loaded = lode_registry_load (reading->registry, lode_use_kinds[kind], name, &failure);
  if (!to->loaded) {
    complain (reading, at, "%s", failure->message);
    return false;
  }
  to->conf = g_malloc0 (MAX (to->loaded->table.conf_size, 1));
  return lode_table_fill (&to->loaded->table, options, where, also, to->conf,
                          reading->experiment->owner, reading->errors);
}

/* A folder that is named from where the command runs is kept with its full path: the run may be
 * resumed from another folder. */
static void
name_fully (LodeNode *node)
{
  if (node->type == LODE_VALUE_TEXT
      && (g_str_has_prefix (node->text, "./") || g_str_has_prefix (node->text, "../"))) {
    g_autofree char *given = node->text;

    node->text = g_canonicalize_filename (given, NULL);
  }
  for (guint i = 0; node->children && i < node->children->len; i++)
    name_fully (node->children->pdata[i]);
}

/* Keys of a kind's group: type, the plugins of that kind, and for data the options of any data. */
static void
check_keys (const Reading *reading, uint32_t kind, const LodeNode *group)
{
  g_auto (GStrv) names = lode_registry_names (reading->registry, lode_use_kinds[kind]);
  g_autoptr (GPtrArray) known = g_ptr_array_new ();

  g_ptr_array_add (known, (gpointer) "type");
  for (char **name = names; *name; name++)
    g_ptr_array_add (known, *name);
  for (uint32_t i = 0; kind == LODE_USE_DATASET && i < lode_data_options_n; i++)
    g_ptr_array_add (known, (gpointer) lode_data_options[i].name);
  g_ptr_array_add (known, NULL);
  for (guint i = 0; i < group->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (group->children, i);
    const char *near = lode_nearest (child->name, (const char *const *) known->pdata);

    if (g_strv_contains ((const char *const *) known->pdata, child->name))
      continue;
    if (near)
      complain (reading, child, "%s has no \"%s\"; did you mean \"%s\"?", group->name, child->name,
                near);
    else
      complain (reading, child,
                "%s has no \"%s\"; options of a plugin stand in a group named after it: %s = { "
                "type = \"<name>\"; <name> = { %s = …; }; };",
                group->name, child->name, group->name, child->name);
  }
}

/* The type that a kind's group names, or the default; NULL: none, or a mistake already told. */
static const char *
type_of (const Reading *reading, uint32_t kind, LodeNode *group)
{
  LodeNode *type = lode_node_child (group, "type");

  if (group && group->type != LODE_VALUE_GROUP) {
    complain (reading, group, "%s must be a group: %s = { type = \"<name>\"; };", group->name,
              group->name);
    return NULL;
  }
  if (!type)
    return uses[kind].otherwise;
  if (type->type == LODE_VALUE_TEXT)
    return type->text;
  complain (reading, type, "%s.type must be the name of a plugin in quotes", group->name);
  return NULL;
}

/* A plugin of a kind, from its group among the stage's; required: its absence is a mistake. */
static void
use_group (Reading *reading, uint32_t kind, bool required)
{
  LodeNode *group = lode_node_child (reading->spec->groups, uses[kind].group);
  const char *name = type_of (reading, kind, group);
  bool is_group = group && group->type == LODE_VALUE_GROUP;

  if (is_group)
    check_keys (reading, kind, group);
  if (is_group && kind == LODE_USE_DATASET)
    name_fully (group);
  if (name)
    use (reading, kind, name, lode_node_child (group, "type"), lode_node_child (group, name), NULL);
  else if (required && (!group || (is_group && !lode_node_child (group, "type"))))
    complain (reading, group,
              "no %s is chosen; expected %s = { type = \"<name>\"; }; (`lode list %s` names them)",
              lode_use_kinds[kind], uses[kind].group, lode_use_kinds[kind]);
}

/* The options of any data stand beside the type and the plugins' groups, which check_keys knows. */
static void
fill_data (Reading *reading)
{
  const LodeTable table = { lode_data_options, lode_data_options_n, 0, sizeof (LodeDataConf) };
  LodeNode *group = lode_node_child (reading->spec->groups, "data");
  g_autoptr (GPtrArray) also = g_ptr_array_new ();

  if (!group || group->type != LODE_VALUE_GROUP)
    return;
  for (guint i = 0; i < group->children->len; i++)
    g_ptr_array_add (also, ((LodeNode *) g_ptr_array_index (group->children, i))->name);
  g_ptr_array_add (also, NULL);
  lode_table_fill (&table, group, "data", (const char *const *) also->pdata, &reading->spec->data,
                   reading->experiment->owner, reading->errors);
}

static void
fill_fit (Reading *reading)
{
  const LodeTable table = { lode_fit_options, lode_fit_options_n, 0, sizeof (LodeFitConf) };
  LodeNode *group = lode_node_child (reading->spec->groups, "fit");
  g_autofree char *wrong = NULL;

  if (!lode_table_fill (&table, group, "fit", NULL, &reading->spec->fit, reading->experiment->owner,
                        reading->errors))
    return;
  wrong = lode_fit_check (&reading->spec->fit);
  if (wrong)
    complain (reading, group, "%s", wrong);
}

/* Names of metrics refer to classes, so they are read when the data are there. */
static void
fill_metrics (Reading *reading)
{
  const LodeTable table = { lode_metrics_options, lode_metrics_options_n, 0,
                            sizeof (LodeMetricsConf) };
  LodeNode *group = lode_node_child (reading->spec->groups, "metrics");

  lode_table_fill (&table, group, "metrics", NULL, &reading->spec->metrics,
                   reading->experiment->owner, reading->errors);
}

/* The stage's own plugin: its options and ports stand in its group, beside the kinds' groups. */
static bool
use_stage (Reading *reading, LodeNode *group)
{
  LodeNode *type = lode_node_child (group, "type");
  g_autoptr (GPtrArray) also = g_ptr_array_new ();
  g_autoptr (GError) failure = NULL;
  const LodeLoaded *loaded;
  const LodeStageOps *ops;

  if (!type || type->type != LODE_VALUE_TEXT) {
    complain (reading, group,
              "type is missing: expected for example type = \"train\"; (`lode list "
              "stage` names them)");
    return false;
  }
  loaded = lode_registry_load (reading->registry, "stage", type->text, &failure);
  if (!loaded) {
    complain (reading, type, "%s", failure->message);
    return false;
  }
  ops = loaded->ops;
  g_ptr_array_add (also, (gpointer) "type");
  for (const char *const *name = lode_spec_groups; *name; name++)
    g_ptr_array_add (also, (gpointer) *name);
  for (const LodePort *port = ops->in; port && port->name; port++)
    g_ptr_array_add (also, (gpointer) port->name);
  g_ptr_array_add (also, NULL);
  use (reading, LODE_USE_STAGE, type->text, type, group, (const char *const *) also->pdata);
  return true;
}

/* A search's own needs: a stage that can host one, an evaluator where it asks for scores, an
 * executor for those and for jobs of its own. */
static void
use_search (Reading *reading)
{
  const LodeStageOps *stage = reading->spec->use[LODE_USE_STAGE].loaded->ops;
  const LodeLoaded *search;
  uint32_t needs;

  if (stage->rights & LODE_RIGHT_SCORE) {
    use_group (reading, LODE_USE_EVALUATOR, false);
    if (reading->spec->use[LODE_USE_EVALUATOR].loaded)
      use_group (reading, LODE_USE_EXECUTOR, true);
    return;
  }
  if (!(stage->gives & (LODE_SCORES | LODE_TASKS)))
    return;
  use_group (reading, LODE_USE_SEARCH, true);
  use_group (reading, LODE_USE_ARCH_LOSS, lode_node_child (reading->spec->groups, "arch_loss"));
  search = reading->spec->use[LODE_USE_SEARCH].loaded;
  needs = search ? ((const LodeSearchOps *) search->ops)->needs : 0;
  if (needs & LODE_SCORES)
    use_group (reading, LODE_USE_EVALUATOR, true);
  if (needs & (LODE_SCORES | LODE_TASKS))
    use_group (reading, LODE_USE_EXECUTOR, true);
}

/* Whether a net is connected to a port of the stage. */
static bool
is_given_net (const LodeStageSpec *spec)
{
  for (guint i = 0; i < spec->links->len; i++)
    if (((const LodeLink *) spec->links->pdata[i])->port->art == LODE_ART_NET)
      return true;
  return false;
}

/* An evaluator that reads shared weights has them from the search, or from a net that is given. */
static void
check_shared (const Reading *reading)
{
  const LodeLoaded *search = reading->spec->use[LODE_USE_SEARCH].loaded,
                   *evaluator = reading->spec->use[LODE_USE_EVALUATOR].loaded;

  if (!search || !evaluator || is_given_net (reading->spec)
      || !(((const LodeEvaluatorOps *) evaluator->ops)->needs & LODE_SHARE)
      || (((const LodeSearchOps *) search->ops)->needs & LODE_SHARE))
    return;
  complain (reading, lode_node_child (reading->spec->groups, "evaluator"),
            "evaluator %s needs shared weights, which search %s does not train and no stage gives; "
            "connect a net, or choose another evaluator",
            evaluator->plugin->name, search->plugin->name);
}

static bool
has_port (const LodeStageOps *stage, const char *name)
{
  for (const LodePort *port = stage->in; port && port->name; port++)
    if (!strcmp (port->name, name))
      return true;
  return false;
}

/* A stage with a port for a teacher gives its logits where a net is connected there. */
static void
check_teacher (const Reading *reading)
{
  const LodeLoaded *loss = reading->spec->use[LODE_USE_LOSS].loaded;

  if (!loss || !(((const LodeLossOps *) loss->ops)->needs & LODE_TEACHER)
      || !has_port (reading->spec->use[LODE_USE_STAGE].loaded->ops, "teacher")
      || lode_stage_link (reading->spec, "teacher"))
    return;
  complain (reading, lode_node_child (reading->spec->groups, "loss"),
            "loss %s needs a teacher; connect a net with teacher = \"<stage>\"; or choose another "
            "loss",
            loss->plugin->name);
}

static void
check_combination (const Reading *reading)
{
  const LodeUse *used = reading->spec->use;
  g_autofree char *wrong = NULL;

  if (!used[LODE_USE_BACKBONE].loaded)
    return;
  for (int arch = 0; arch < 2 && !wrong; arch++)
    wrong = lode_combination_check (used[LODE_USE_SEARCH].loaded, used[LODE_USE_SAMPLER].loaded,
                                    used[arch ? LODE_USE_ARCH_LOSS : LODE_USE_LOSS].loaded,
                                    used[LODE_USE_BACKBONE].loaded, used[LODE_USE_EVALUATOR].loaded,
                                    used[LODE_USE_STAGE].loaded);
  if (wrong)
    complain (reading, NULL, "%s", wrong);
  else {
    check_shared (reading);
    check_teacher (reading);
  }
}

/* The stage's groups: the experiment's, those of the stage whose net it is given, its own. */
static void
gather_groups (Reading *reading, const LodeNode *common, const LodeNode *group)
{
  LodeNode *groups = reading->spec->groups = lode_node_copy (common);

  lode_spec_inherit (reading->spec, reading->experiment, groups, reading->errors);
  for (const char *const *name = lode_spec_groups; *name; name++) {
    LodeNode *own = lode_node_child (group, *name), *there = lode_node_child (groups, *name);

    if (own && there && own->type == LODE_VALUE_GROUP && there->type == LODE_VALUE_GROUP)
      lode_node_merge (there, own);
    else if (own)
      lode_node_set (groups, lode_node_copy (own));
  }
}

void
lode_spec_trace (LodeNode *dump, const LodeNode *group)
{
  for (guint i = 0; i < dump->children->len; i++) {
    LodeNode *value = g_ptr_array_index (dump->children, i);
    const LodeNode *given = lode_node_child (group, value->name);

    g_free (value->origin);
    value->origin = g_strdup (given ? given->origin : "default");
  }
}

/* { type = …; <name> = { every option }; } */
static LodeNode *
resolve_use (const LodeStageSpec *spec, uint32_t kind)
{
  const LodeUse *used = &spec->use[kind];
  const char *name = used->loaded->plugin->name;
  LodeNode *group = lode_node_child (spec->groups, uses[kind].group);
  LodeNode *out = lode_node_new (LODE_VALUE_GROUP, uses[kind].group, NULL);
  LodeNode *type = lode_node_new (LODE_VALUE_TEXT, "type", "default"), *given;

  given = lode_node_child (group, "type");
  if (given) {
    g_free (type->origin);
    type->origin = g_strdup (given->origin);
  }
  type->text = g_strdup (name);
  lode_node_set (out, type);
  if (used->loaded->table.n > 0) {
    LodeNode *options = lode_table_dump (&used->loaded->table, name, used->conf);

    lode_spec_trace (options, lode_node_child (group, name));
    lode_node_set (out, options);
  }
  return out;
}

/* Options that stand in a group directly, behind what is there already. */
static void
resolve_shared (LodeNode *out, const LodeTable *table, const char *name, const void *conf,
                const LodeNode *group)
{
  LodeNode *dump = lode_table_dump (table, name, conf), *there = lode_node_child (out, name);

  lode_spec_trace (dump, group);
  if (there)
    lode_node_merge (there, dump);
  else
    lode_node_set (out, lode_node_copy (dump));
  lode_node_free (dump);
}

static LodeNode *
resolve_link (const LodeLink *link)
{
  LodeNode *node;

  if (!link->port->many) {
    node = lode_node_new (LODE_VALUE_TEXT, link->port->name, NULL);
    node->text = g_strdup (g_ptr_array_index (link->from, 0));
    return node;
  }
  node = lode_node_new (LODE_VALUE_LIST, link->port->name, NULL);
  for (guint i = 0; i < link->from->len; i++) {
    LodeNode *child = lode_node_new (LODE_VALUE_TEXT, NULL, NULL);

    child->text = g_strdup (g_ptr_array_index (link->from, i));
    g_ptr_array_add (node->children, child);
  }
  return node;
}

static LodeNode *
resolve (const LodeStageSpec *spec, const LodeNode *group)
{
  const LodeTable data = { lode_data_options, lode_data_options_n, 0, sizeof (LodeDataConf) };
  const LodeTable fit = { lode_fit_options, lode_fit_options_n, 0, sizeof (LodeFitConf) };
  const LodeTable metrics = { lode_metrics_options, lode_metrics_options_n, 0,
                              sizeof (LodeMetricsConf) };
  const LodeUse *stage = &spec->use[LODE_USE_STAGE];
  LodeNode *out = lode_table_dump (&stage->loaded->table, spec->name, stage->conf);
  LodeNode *type = lode_node_new (LODE_VALUE_TEXT, "type", NULL);

  lode_spec_trace (out, group);
  type->text = g_strdup (stage->loaded->plugin->name);
  type->origin = g_strdup (lode_node_child (group, "type")->origin);
  lode_node_set (out, type);
  for (guint i = 0; i < spec->links->len; i++) {
    LodeNode *link = resolve_link (g_ptr_array_index (spec->links, i));

    link->origin = g_strdup (lode_node_child (group, link->name)->origin);
    lode_node_set (out, link);
  }
  for (uint32_t kind = 0; kind < LODE_USE_STAGE; kind++)
    if (spec->use[kind].loaded)
      lode_node_set (out, resolve_use (spec, kind));
  resolve_shared (out, &data, "data", &spec->data, lode_node_child (spec->groups, "data"));
  resolve_shared (out, &fit, "fit", &spec->fit, lode_node_child (spec->groups, "fit"));
  resolve_shared (out, &metrics, "metrics", &spec->metrics,
                  lode_node_child (spec->groups, "metrics"));
  return out;
}

LodeStageSpec *
lode_spec_new (LodeRegistry *registry, LodeExperiment *experiment, const LodeNode *common,
               LodeNode *group, GPtrArray *errors)
{
  LodeStageSpec *spec = g_new0 (LodeStageSpec, 1);
  Reading reading = { registry, experiment, spec, errors };
  guint before = errors->len;

  spec->name = g_strdup (group->name);
  spec->links = g_ptr_array_new ();
  if (!use_stage (&reading, group))
    return spec;
  lode_spec_links (spec, experiment, group, errors);
  gather_groups (&reading, common, group);
  use_group (&reading, LODE_USE_DATASET, true);
  use_group (&reading, LODE_USE_BACKBONE, true);
  use_group (&reading, LODE_USE_LOSS, true);
  use_group (&reading, LODE_USE_SAMPLER, true);
  use_search (&reading);
  fill_data (&reading);
  fill_fit (&reading);
  fill_metrics (&reading);
  check_combination (&reading);
  if (errors->len == before)
    spec->resolved = resolve (spec, group);
  return spec;
}

static void
link_free (gpointer data)
{
  LodeLink *link = data;

  g_ptr_array_unref (link->from);
  g_free (link);
}

void
lode_spec_free (LodeStageSpec *spec)
{
  if (!spec)
    return;
  for (uint32_t kind = 0; kind < LODE_USES; kind++)
    g_free (spec->use[kind].conf);
  g_ptr_array_set_free_func (spec->links, link_free);
  g_ptr_array_unref (spec->links);
  lode_node_free (spec->groups);
  lode_node_free (spec->resolved);
  g_free (spec->name);
  g_free (spec);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tree of values to an experiment: its own options, then one stage after the other.
 */
#include "run/experiment.h"

#include "run/pins.h"
#include "run/spec.h"

const LodeOption lode_experiment_options[] = {
  LODE_OPTION (LodeExperimentConf, experiment, .required = true,
               .doc = "name of the experiment: the folder that its runs lie in"),
  LODE_OPTION (LodeExperimentConf, label, .text = "main",
               .doc = "name of this variant: the folder below the experiment's"),
  LODE_OPTION (LodeExperimentConf, runs, .text = "",
               .doc = "folder of all runs; empty: LODE_RUNS, the site's, or runs"),
  LODE_OPTION (LodeExperimentConf, seed, .number = 1, .min = 0, .max = 0x1p53,
               .doc = "every random number of a run follows from it"),
  LODE_OPTION (LodeExperimentConf, search_seed, .number = -1, .min = -1, .max = 0x1p53,
               .doc = "of the stages that search; -1: seed"),
  LODE_OPTION (LodeExperimentConf, train_seed, .number = -1, .min = -1, .max = 0x1p53,
               .doc = "of all other stages; -1: seed. Splits of the data follow seed alone"),
  LODE_OPTION (LodeExperimentConf, threads, .number = 0, .min = 0, .max = 1024,
               .doc = "threads; 0: as many as this process may use. Changes no result"),
  LODE_OPTION (LodeExperimentConf, checkpoint, .number = 60, .min = 0, .max = 1e6,
               .unit = "seconds",
               .doc = "time between checkpoints, what a kill can lose at most; 0: after every "
                      "step"),
  LODE_OPTION (LodeExperimentConf, winograd, .number = 1,
               .doc = "dense 3×3 convolutions by Winograd's algorithm where that is faster; its "
                      "rounding errors are larger"),
};
const uint32_t lode_experiment_options_n = G_N_ELEMENTS (lode_experiment_options);

static const LodeTable table = { lode_experiment_options, G_N_ELEMENTS (lode_experiment_options), 0,
                                 sizeof (LodeExperimentConf) };

enum { LONGEST_NAME = 63 }; /* of what names a folder; status.json holds a stage's */

static void
complain_name (GPtrArray *errors, const LodeNode *at, const char *what, const char *value)
{
  g_ptr_array_add (
      errors,
      g_strdup_printf ("%s%s%s = \"%s\" names a folder; expected at most %d letters, digits, "
                       "'.', '_', '-' and no '.' at the start",
                       at && at->origin ? at->origin : "", at && at->origin ? ": " : "", what,
                       value, LONGEST_NAME));
}

static bool
is_folder_name (const char *name)
{
  if (!*name || *name == '.' || strlen (name) > LONGEST_NAME)
    return false;
  for (; *name; name++)
    if (!g_ascii_isalnum (*name) && !strchr ("._-", *name))
      return false;
  return true;
}

/* What is missing or no text was told already: a default is a folder's name, or none. */
static void
check_names (const LodeExperimentConf *conf, const LodeNode *root, GPtrArray *errors)
{
  const LodeNode *experiment = lode_node_child (root, "experiment");

  if (experiment && experiment->type == LODE_VALUE_TEXT && !is_folder_name (conf->experiment))
    complain_name (errors, experiment, "experiment", conf->experiment);
  if (!is_folder_name (conf->label))
    complain_name (errors, lode_node_child (root, "label"), "label", conf->label);
}

/* A stage's folder lies beside what the run itself writes. */
static bool
check_stage_name (const LodeNode *group, GPtrArray *errors)
{
  if (!is_folder_name (group->name)) {
    complain_name (errors, group, "the stage", group->name);
    return false;
  }
  if (strcmp (group->name, "ckpt") && strcmp (group->name, "hold"))
    return true;
  g_ptr_array_add (errors, g_strdup_printf ("%s: a stage cannot be called \"%s\": a run has a file "
                                            "or folder of that name; choose another",
                                            group->origin, group->name));
  return false;
}

/* The same group is read for every stage that uses it; what is wrong with it is told once. */
static void
tell_once (GPtrArray *errors, guint from)
{
  for (guint i = from; i < errors->len; i++)
    for (guint j = errors->len - 1; j > i; j--)
      if (!strcmp (errors->pdata[i], errors->pdata[j]))
        g_ptr_array_remove_index (errors, j);
}

/* The groups that stages start from, as they stand in the experiment. */
static LodeNode *
common_groups (LodeNode *root)
{
  LodeNode *groups = lode_node_new (LODE_VALUE_GROUP, NULL, root->origin);

  for (const char *const *name = lode_spec_groups; *name; name++) {
    LodeNode *group = lode_node_child (root, *name);

    if (group)
      lode_node_set (groups, lode_node_copy (group));
  }
  return groups;
}

static void
read_stages (LodeExperiment *experiment, LodeRegistry *registry, LodeNode *root, GPtrArray *errors)
{
  g_autoptr (LodeNode) common = common_groups (root);
  LodeNode *stages = lode_node_child (root, "stages");

  if (!stages || stages->type != LODE_VALUE_GROUP || stages->children->len == 0) {
    g_ptr_array_add (errors, g_strdup ("stages: there is nothing to do; expected stages = { <name> "
                                       "= { type = \"train\"; }; };"));
    return;
  }
  for (guint i = 0; i < stages->children->len; i++) {
    LodeNode *group = g_ptr_array_index (stages->children, i);
    LodeStageSpec *spec;

    if (group->type != LODE_VALUE_GROUP) {
      g_ptr_array_add (errors, g_strdup_printf ("%s: stages.%s must be a group: { type = …; };",
                                                group->origin, group->name));
      continue;
    }
    if (!check_stage_name (group, errors))
      continue;
    spec = lode_spec_new (registry, experiment, common, group, errors);
    g_ptr_array_add (experiment->stages, spec);
  }
}

static LodeNode *
resolve (const LodeExperiment *experiment, const LodeNode *given)
{
  LodeNode *root = lode_table_dump (&table, NULL, &experiment->conf);
  LodeNode *stages = lode_node_new (LODE_VALUE_GROUP, "stages", NULL),
           *pins = lode_node_child (given, "plugins");

  lode_spec_trace (root, given);
  if (pins)
    lode_node_set (root, lode_node_copy (pins));

  for (guint i = 0; i < experiment->stages->len; i++)
    lode_node_set (stages, lode_node_copy (lode_experiment_stage (experiment, i)->resolved));
  lode_node_set (root, stages);
  return root;
}

LodeExperiment *
lode_experiment_new (LodeRegistry *registry, LodeNode *root, GPtrArray *errors)
{
  LodeExperiment *experiment = g_new0 (LodeExperiment, 1);
  g_autoptr (GPtrArray) also = g_ptr_array_new ();
  guint before = errors->len;

  experiment->owner = g_ptr_array_new_with_free_func (g_free);
  experiment->stages = g_ptr_array_new_with_free_func ((GDestroyNotify) lode_spec_free);
  for (const char *const *name = lode_spec_groups; *name; name++)
    g_ptr_array_add (also, (gpointer) *name);
  g_ptr_array_add (also, (gpointer) "stages");
  g_ptr_array_add (also, (gpointer) "plugins");
  g_ptr_array_add (also, NULL);
  lode_table_fill (&table, root, "experiment", (const char *const *) also->pdata, &experiment->conf,
                   experiment->owner, errors);
  check_names (&experiment->conf, root, errors);
  lode_pins_read (registry, root, errors);
  read_stages (experiment, registry, root, errors);
  tell_once (errors, before);
  if (errors->len > before) {
    lode_experiment_free (experiment);
    return NULL;
  }
  experiment->resolved = resolve (experiment, root);
  return experiment;
}

void
lode_experiment_free (LodeExperiment *experiment)
{
  if (!experiment)
    return;
  g_ptr_array_unref (experiment->stages);
  g_ptr_array_unref (experiment->owner);
  lode_node_free (experiment->resolved);
  g_free (experiment);
}

uint64_t
lode_experiment_seed (const LodeExperiment *experiment, const LodeStageSpec *spec)
{
  const LodeExperimentConf *conf = &experiment->conf;
  int64_t own = spec->use[LODE_USE_SEARCH].loaded ? conf->search_seed : conf->train_seed;

  return (uint64_t) (own < 0 ? conf->seed : own);
}

int
lode_experiment_find (const LodeExperiment *experiment, const char *name)
{
  for (guint i = 0; i < experiment->stages->len; i++)
    if (!strcmp (lode_experiment_stage (experiment, i)->name, name))
      return (int) i;
  return -1;
}

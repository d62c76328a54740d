/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a data set as a stage would, with a host that only knows about files.
 */
#include "look.h"

#include "compute/seed.h"
#include "data/find.h"
#include "data/pictures.h"
#include "data/records.h"
#include "error.h"
#include <lode/host.h>

#include <string.h>

/* Enough of an experiment for its data to be read from it. */
static const char around[] = "experiment = \"data\";\n"
                             "data = { };\n"
                             "backbone = { type = \"mlp\"; };\n"
                             "loss = { type = \"mse\"; };\n"
                             "sampler = { type = \"full\"; };\n"
                             "stages = { train = { type = \"train\"; }; };\n";

static Opened *
opened_of (const LodeHost *host)
{
  return (Opened *) (void *) ((char *) (uintptr_t) host - offsetof (Opened, host));
}

static void
host_log (const LodeHost *host, uint32_t level, const char *text)
{
  Opened *opened = opened_of (host);

  if (level == LODE_LOG_WARNING && opened->loud)
    lode_say ("warning: %s", text);
  g_ptr_array_add (opened->said,
                   g_strconcat (level == LODE_LOG_WARNING ? "warning: " : "", text, NULL));
}

static void
host_metric (const LodeHost *host, const char *name, double value)
{
  (void) host;
  (void) name;
  (void) value;
}

static LodeRng
host_rng (const LodeHost *host, const char *name, uint64_t a, uint64_t b)
{
  return lode_seed_rng ((uint64_t) opened_of (host)->experiment->conf.seed, name, a, b);
}

static void
host_parallel (const LodeHost *host, uint32_t chunks, void (*f) (void *, uint32_t), void *data)
{
  lode_threads_each (opened_of (host)->threads, chunks, f, data);
}

static char *
host_find_data (const LodeHost *host, const char *name, GError **error)
{
  (void) host;
  return lode_data_find (name, error);
}

static void
hear (void *data, uint32_t level, const char *text)
{
  host_log (data, level, text);
}

static LodePictures *
host_pictures_new (const LodeHost *host, const LodePicturesIn *in, GError **error)
{
  LodeListener listener = { hear, (void *) (uintptr_t) host };

  return lode_pictures_decode (in, opened_of (host)->threads, &listener, error);
}

static LodeRecords *
host_records_new (const LodeHost *host, const LodeRecordsIn *in, GError **error)
{
  (void) host;
  return lode_records_read (in, error);
}

static const LodeHostCalls calls = { .size = sizeof (LodeHostCalls),
                                     .log = host_log,
                                     .metric = host_metric,
                                     .rng = host_rng,
                                     .parallel = host_parallel,
                                     .find_data = host_find_data,
                                     .pictures_new = host_pictures_new,
                                     .records_new = host_records_new };

void
data_set_text (LodeNode *root, const char *group, const char *name, const char *text)
{
  LodeNode *at = lode_node_child (root, group), *value;

  if (!at) {
    at = lode_node_new (LODE_VALUE_GROUP, group, "command line");
    lode_node_set (root, at);
  }
  value = lode_node_new (LODE_VALUE_TEXT, name, "command line");
  value->text = g_strdup (text);
  lode_node_set (at, value);
}

/* The whole path of what is named: a data set of the data folders, or a path as it stands. */
static char *
locate (const char *name, GError **error)
{
  if (g_file_test (name, G_FILE_TEST_EXISTS))
    return g_canonicalize_filename (name, NULL);
  return lode_data_find (name, error);
}

static bool
name_path (LodeNode *root, const char *name, GError **error)
{
  g_autofree char *path = locate (name, error);
  LodeNode *data = lode_node_child (root, "data");
  Guess guess = { NULL, NULL, NULL };

  if (!path)
    return false;
  if (!g_utf8_validate (path, -1, NULL)) {
    g_autofree char *valid = g_utf8_make_valid (path, -1);

    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "%s: its name is not UTF-8, and no configuration could name it; rename it", valid);
    return false;
  }
  guess = data_guess (path);
  if (!guess.type) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "%s: nothing in it is known: expected PNG or JPEG files, a CSV, ARFF or libsvm "
                 "table, .npz or .npy, IDX, CIFAR or Omniglot",
                 path);
    return false;
  }
  data_set_text (root, "data", "type", guess.type);
  data_set_text (data, guess.type, guess.option, path);
  if (guess.also) {
    g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
    g_autofree char *text = g_strdup_printf ("data.%s.%s", guess.type, guess.also);

    lode_config_override (root, text, errors);
  }
  return true;
}

static int
print_errors (const GPtrArray *errors)
{
  for (guint i = 0; i < errors->len; i++)
    lode_say ("%s", (const char *) errors->pdata[i]);
  return LODE_EXIT_USAGE;
}

static int
configure (Opened *opened, char *const *words)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  const char *files[] = { words[0], NULL }, *none[] = { NULL };
  GError *error = NULL;

  if (g_str_has_suffix (words[0], ".cfg"))
    opened->root = lode_config_load (files, none, errors);
  else
    opened->root = lode_config_parse_text ("data", around, errors);
  if (!opened->root)
    return print_errors (errors);
  if (!g_str_has_suffix (words[0], ".cfg") && !name_path (opened->root, words[0], &error))
    return lode_fail (error);
  for (char *const *word = words + 1; *word; word++)
    lode_config_override (opened->root, *word, errors);
  if (!errors->len)
    opened->experiment = lode_experiment_new (opened->registry, opened->root, errors);
  if (opened->experiment)
    return LODE_EXIT_DONE;
  print_errors (errors);
  return lode_registry_has_refused (opened->registry) ? LODE_EXIT_PLUGIN : LODE_EXIT_USAGE;
}

/* The last stage that has data: what an experiment trains and tests on. */
static bool
find_stage (Opened *opened)
{
  for (guint i = 0; i < opened->experiment->stages->len; i++) {
    const LodeStageSpec *spec = lode_experiment_stage (opened->experiment, i);

    if (spec->use[LODE_USE_DATASET].loaded)
      opened->spec = spec;
  }
  return opened->spec != NULL;
}

static int
open_set (Opened *opened)
{
  const LodeUse *use = &opened->spec->use[LODE_USE_DATASET];
  g_autoptr (GError) error = NULL;

  opened->ops = use->loaded->ops;
  opened->host = (LodeHost){ .size = sizeof (LodeHost),
                             .abi_major = LODE_ABI_MAJOR,
                             .abi_minor = LODE_ABI_MINOR,
                             .calls = &calls };
  opened->set = opened->ops->open (&opened->host, use->conf, &error);
  opened->info.size = sizeof opened->info;
  if (opened->set) {
    opened->ops->info (opened->set, &opened->info);
    return LODE_EXIT_DONE;
  }
  lode_say ("%s", error ? error->message : "the data set cannot be opened");
  return LODE_EXIT_DATA;
}

Opened *
data_open (char *const *words, bool loud, int *code)
{
  g_autoptr (Opened) opened = g_new0 (Opened, 1);
  g_autoptr (LodeSite) site = lode_command_site ();

  opened->said = g_ptr_array_new_with_free_func (g_free);
  opened->loud = loud;
  opened->registry = lode_command_registry ();
  opened->threads = lode_threads_new (lode_threads_available ());
  *code = site ? configure (opened, words) : LODE_EXIT_USAGE;
  if (*code == LODE_EXIT_DONE && !find_stage (opened))
    *code = lode_usage_error ("%s: no stage of it has data", words[0]);
  if (*code == LODE_EXIT_DONE)
    *code = open_set (opened);
  return *code == LODE_EXIT_DONE ? g_steal_pointer (&opened) : NULL;
}

void
data_close (Opened *opened)
{
  if (!opened)
    return;
  lode_data_free (opened->data);
  if (opened->set)
    opened->ops->close (opened->set);
  if (opened->experiment)
    lode_experiment_free (opened->experiment);
  lode_node_free (opened->root);
  lode_threads_free (opened->threads);
  lode_registry_free (opened->registry);
  g_ptr_array_unref (opened->said);
  g_free (opened);
}

bool
data_split (Opened *opened, const LodeDataConf *conf, GError **error)
{
  const LodeDataConf *used = conf ? conf : &opened->spec->data;

  opened->data = lode_data_new (opened->ops, g_steal_pointer (&opened->set), used,
                                (uint64_t) opened->experiment->conf.seed, error);
  return opened->data != NULL;
}

bool
data_carried (const Opened *opened, uint32_t part, Carried *carried, GError **error)
{
  const LodeDataInfo *info = &opened->info;
  uint32_t n = info->count[part];
  g_autofree uint32_t *index = g_new (uint32_t, (size_t) n + 1);
  LodeExamples want = { .size = sizeof want, .n = n, .index = index };

  for (uint32_t i = 0; i < n; i++)
    index[i] = i;
  *carried = (Carried){ .n = n };
  carried->label = want.label = info->classes ? g_new0 (int32_t, (size_t) n + 1) : NULL;
  carried->target = want.target =
      info->targets ? g_new0 (float, (size_t) n * info->targets + 1) : NULL;
  carried->weight = want.weight =
      info->has & LODE_HAS_WEIGHT ? g_new0 (float, (size_t) n + 1) : NULL;
  carried->group = want.group =
      info->has & LODE_HAS_GROUP ? g_new0 (int32_t, (size_t) n + 1) : NULL;
  carried->split = want.split =
      info->has & LODE_HAS_SPLIT ? g_new0 (int32_t, (size_t) n + 1) : NULL;
  return opened->ops->read (opened->set, part, &want, error);
}

void
carried_clear (Carried *carried)
{
  g_free (carried->label);
  g_free (carried->group);
  g_free (carried->split);
  g_free (carried->target);
  g_free (carried->weight);
}

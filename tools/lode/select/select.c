/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode select: what a sampler chooses of examples that are known by feature files alone.
 */
#include "select.h"

#include "common.h"
#include "run/config.h"
#include "verbs.h"

#include <math.h>
#include <string.h>

static gint budget, threads;
static gint64 seed = 1;
static gboolean quiet;
static gchar *sampler, *labelled, *folder;

static const GOptionEntry options[] = {
  { "budget", 'b', 0, G_OPTION_ARG_INT, &budget, "Distinct examples (the sampler's own size)",
    "N" },
  { "sampler", 0, 0, G_OPTION_ARG_STRING, &sampler, "A sampler that needs features only (lewis)",
    "NAME" },
  { "labelled", 0, 0, G_OPTION_ARG_FILENAME, &labelled,
    "Numbers of examples, from 0, that have labels already, one a line", "FILE" },
  { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, "Seed of the draw (1)", "N" },
  { "out", 'o', 0, G_OPTION_ARG_FILENAME, &folder,
    "Write selection.csv, index.npy, times.npy and weight.npy there, not to stdout", "FOLDER" },
  { "threads", 't', 0, G_OPTION_ARG_INT, &threads, "With N threads (all that are there)", "N" },
  { "quiet", 'q', 0, G_OPTION_ARG_NONE, &quiet, "Say nothing but errors and warnings", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  .words = "FEATURES.npy… [OPTION=VALUE…]",
  .summary =
      "Choose examples to label. Each FEATURES.npy holds what one model says of every example,\n"
      "a row each, float32 or float64. OPTION=VALUE are options of the sampler. Prints the\n"
      "examples' numbers, how often each was drawn, and the weight of a draw, as CSV.",
  .more = "Examples:\n"
          "  lode select resnet.npy mobilenet.npy --budget 3000 p=2 --out chosen\n"
          "  lode select table.npy -b 500 --labelled first.txt draw=race uniform=0.1\n",
  .options = options,
  .plugins = true,
};

typedef struct Chosen {
  LodePicks picks;
  uint32_t *index, *times;
  float *weight;
} Chosen;

/* A .npy file of n values of four bytes. */
static bool
write_npy (const char *name, const char *descr, const void *data, uint32_t n, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *words =
      g_strdup_printf ("{'descr': '%s', 'fortran_order': False, 'shape': (%u,), }", descr, n);
  g_autoptr (GString) file = g_string_new_len ("\x93NUMPY\x01\x00", 8);
  size_t length = (10 + strlen (words) + 1 + 63) / 64 * 64 - 10;

  g_string_append_c (file, (char) (length & 255));
  g_string_append_c (file, (char) (length >> 8));
  g_string_append_printf (file, "%-*s\n", (int) length - 1, words);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t value = GUINT32_TO_LE (((const uint32_t *) data)[i]);

    g_string_append_len (file, (const char *) &value, sizeof value);
  }
  return g_file_set_contents (path, file->str, (gssize) file->len, error);
}

static char *
make_csv (const LodePicks *picks)
{
  GString *text = g_string_new ("index,times,weight\n");

  for (uint32_t i = 0; i < picks->n; i++)
    g_string_append_printf (text, "%u,%u,%.9g\n", picks->index[i], picks->times[i],
                            (double) picks->weight[i]);
  return g_string_free (text, FALSE);
}

static bool
write_all (const LodePicks *picks, GError **error)
{
  g_autofree char *csv = make_csv (picks), *path = NULL;

  if (!folder) {
    fputs (csv, stdout);
    return true;
  }
  if (g_mkdir_with_parents (folder, 0777)) {
    g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_OPEN, "%s: cannot be made", folder);
    return false;
  }
  path = g_build_filename (folder, "selection.csv", NULL);
  return g_file_set_contents (path, csv, -1, error)
         && write_npy ("index.npy", "<u4", picks->index, picks->n, error)
         && write_npy ("times.npy", "<u4", picks->times, picks->n, error)
         && write_npy ("weight.npy", "<f4", picks->weight, picks->n, error);
}

/* Runs the sampler once. */
static bool
choose (SelectHost *host, const LodeSamplerOps *ops, const void *conf, GError **error)
{
  Chosen chosen = { .index = g_new0 (uint32_t, host->n),
                    .times = g_new (uint32_t, host->n),
                    .weight = g_new (float, host->n) };
  LodeAsk ask = {
    .size = sizeof ask, .budget = (uint32_t) budget, .phase = "select", .valid = NAN
  };
  LodeSampler *instance = ops->create (&host->base, conf, &host->pool, error);
  bool ok = false;

  for (uint32_t i = 0; i < host->n; i++) {
    chosen.times[i] = 1;
    chosen.weight[i] = 1;
  }
  chosen.picks =
      (LodePicks){ sizeof (LodePicks), host->n, 0, chosen.index, chosen.times, chosen.weight };
  if (instance) {
    ok = ops->select (instance, &ask, &chosen.picks, error) && write_all (&chosen.picks, error);
    ops->destroy (instance);
  }
  g_free (chosen.index);
  g_free (chosen.times);
  g_free (chosen.weight);
  return ok;
}

/* The sampler's options from OPTION=VALUE. NULL: wrong, and told. */
static void *
read_conf (const LodeLoaded *loaded, const char *const *words, GPtrArray *owner)
{
  static const char *const no_files[] = { NULL };
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeNode) root = lode_config_load (no_files, words, errors);
  void *conf = g_malloc0 (loaded->table.conf_size + 1);

  g_ptr_array_add (owner, conf);
  if (root && lode_table_fill (&loaded->table, root, "command line", NULL, conf, owner, errors))
    return conf;
  for (guint i = 0; i < errors->len; i++)
    lode_say ("%s", (const char *) g_ptr_array_index (errors, i));
  return NULL;
}

static int
select_with (const LodeLoaded *loaded, char *const *files, const char *const *words)
{
  const LodeSamplerOps *ops = loaded->ops;
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  SelectHost host = { .seed = (uint64_t) seed, .quiet = quiet };
  GError *error = NULL;
  void *conf;
  bool ok;

  if (ops->needs & ~(uint32_t) LODE_FEATURES)
    return lode_usage_error ("sampler %s needs more than features; see lode show sampler/%s",
                             loaded->plugin->name, loaded->plugin->name);
  conf = read_conf (loaded, words, owner);
  if (!conf)
    return LODE_EXIT_USAGE;
  host.threads = lode_threads_new (threads ? (uint32_t) threads : lode_threads_available ());
  ok = select_host_init (&host, files, labelled, &error) && choose (&host, ops, conf, &error);
  select_host_clear (&host);
  lode_threads_free (host.threads);
  return ok ? LODE_EXIT_DONE : lode_fail (error);
}

int
lode_verb_select (int argc, char **argv)
{
  g_autoptr (LodeRegistry) registry = NULL;
  g_autoptr (GPtrArray) files = g_ptr_array_new (), words = g_ptr_array_new ();
  const LodeLoaded *loaded;
  GError *error = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  for (int i = 1; i < argc; i++)
    g_ptr_array_add (strchr (argv[i], '=') ? words : files, argv[i]);
  if (!files->len || budget < 0 || threads < 0)
    return lode_usage_error ("select: expected feature files, and --budget and --threads of at "
                             "least 0");
  g_ptr_array_add (files, NULL);
  g_ptr_array_add (words, NULL);
  registry = lode_command_registry ();
  loaded = lode_registry_load (registry, "sampler", sampler ? sampler : "lewis", &error);
  if (!loaded)
    return lode_fail (error);
  return select_with (loaded, (char *const *) files->pdata, (const char *const *) words->pdata);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single-path one-shot training (Guo et al. 2020, §3): every batch trains one path of a
 * super-network, drawn anew, and leaves weights and moments off the path as they are. The choice
 * among the paths is a second search, with evaluator `shared` and the net that this one hands on;
 * what this one calls its best, of each decision the option under which training losses were
 * lowest, is a first guess.
 */
#include "../common/supernet.h"
#include "paths.h"

#include <string.h>

static const double MEMORY = 0.99; /* of the mean loss under an option, a path */

typedef struct Conf {
  int32_t sampling;
  int64_t tries;
  double max_macs;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  Supernet super;
  LodeParams *part; /* gradient of one path, with several a batch */
  Paths paths;
  uint64_t *mask;        /* [space.n] */
  uint64_t drawn;        /* batches that paths were drawn for */
  double *loss, *weight; /* [options] moving sum of the losses under an option, and its weight */
};

static void
spos_destroy (LodeSearch *search)
{
  if (!search)
    return;
  lode_params_free (search->part);
  supernet_clear (&search->super);
  spos_paths_clear (&search->paths);
  g_free (search->mask);
  g_free (search->loss);
  g_free (search->weight);
  g_free (search);
}

static bool
open_all (LodeSearch *search, GError **error)
{
  LodeNetIn in = { .size = sizeof in, .shared = true };

  search->super.host = search->host;
  return supernet_grow (&search->super, &in, error) && supernet_open (&search->super, false, error)
         && spos_paths_init (&search->paths, search->host, search->space, error);
}

static LodeSearch *
spos_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  const Conf *options = conf;
  LodeSearch *search = g_new0 (LodeSearch, 1);

  search->host = host;
  search->space = space;
  search->paths = (Paths){ .kind = options->sampling,
                           .tries = (uint32_t) options->tries,
                           .max_macs = options->max_macs };
  search->mask = g_new0 (uint64_t, (gsize) space->n + 1);
  search->loss = g_new0 (double, (gsize) space->options + 1);
  search->weight = g_new0 (double, (gsize) space->options + 1);
  if (!open_all (search, error)) {
    spos_destroy (search);
    return NULL;
  }
  if (search->paths.n > 1)
    search->part = lode_params_dup (lode_net_params (search->super.net), search->super.net, NULL);
  return search;
}

/* The options on the path remember its loss. */
static void
remember (LodeSearch *search, const uint8_t *arch, double loss)
{
  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t at = first + arch[i];

    search->loss[at] = MEMORY * search->loss[at] + (1 - MEMORY) * loss;
    search->weight[at] = MEMORY * search->weight[at] + (1 - MEMORY);
    first += lode_space_at (search->space, i)->n;
  }
}

/* Adds the gradient of path p, whose first one replaces what was there. */
static bool
train_path (LodeSearch *search, const LodeBatch *batch, uint32_t p, GError **error)
{
  const uint8_t *arch = search->paths.arch + (gsize) p * search->space->n;
  LodeChoice choice = { .size = sizeof choice, .mask = search->mask };
  LodePass pass = { .size = sizeof pass,
                    .want = LODE_WEIGHTS | (p == 0 ? LODE_OBSERVE : 0),
                    .grad = p == 0 ? search->super.grad : search->part };

  lode_space_one (search->space, arch, search->mask);
  if (!lode_net_pass (search->super.net, batch, &choice, &pass, error))
    return false;
  if (p > 0)
    lode_params_axpy (search->super.grad, 1, search->part);
  remember (search, arch, pass.loss);
  tally_pass (&search->super.on_train, &pass);
  return true;
}

/* Gradients of all paths are summed before the weights move once. */
static bool
train_batch (LodeSearch *search, const LodeBatch *batch, GError **error)
{
  if (!spos_paths_draw (&search->paths, search->drawn++, error))
    return false;
  for (uint32_t p = 0; p < search->paths.n; p++)
    if (!train_path (search, batch, p, error))
      return false;
  lode_optim_step (search->super.optim, lode_net_params (search->super.net), search->super.grad,
                   LODE_CLIP | LODE_TOUCHED);
  return true;
}

static bool
spos_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  const LodeBatch *batch;
  bool ok;

  progress->phase = "super-network";
  batch = supernet_next (&search->super, progress->phase, error);
  if (!batch)
    return false;
  ok = train_batch (search, batch, error);
  lode_stream_release (search->super.train, batch);
  if (!ok)
    return false;
  if (supernet_count (&search->super)) {
    supernet_report (&search->super);
    supernet_end_epoch (&search->super);
  }
  supernet_progress (&search->super, progress);
  return true;
}

static void
spos_best (const LodeSearch *search, uint8_t *arch)
{
  uint32_t n = search->space->options;
  g_autofree float *mix = g_new0 (float, (gsize) n + 1);
  g_autofree uint64_t *all = g_new0 (uint64_t, (gsize) search->space->n + 1);

  lode_space_all (search->space, all);
  for (uint32_t o = 0; o < n; o++)
    if (search->weight[o] > 0)
      mix[o] = (float) exp (-search->loss[o] / search->weight[o]);
  lode_derive (search->host, mix, all, arch);
}

static void
spos_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;
  uint32_t n = search->space->options;

  supernet_save (&search->super, store);
  lode_store_put (store, "drawn", LODE_TYPE_U64, 1, &search->drawn);
  lode_store_put (store, "loss", LODE_TYPE_F64, n, search->loss);
  lode_store_put (store, "weight", LODE_TYPE_F64, n, search->weight);
}

static bool
spos_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  uint32_t n = search->space->options;
  g_autofree double *loss = g_new0 (double, (gsize) n + 1);
  g_autofree double *weight = g_new0 (double, (gsize) n + 1);
  Supernet super = search->super;
  uint64_t drawn;

  if (!lode_store_get (store, "drawn", LODE_TYPE_U64, 1, &drawn, error)
      || !supernet_load (&super, store, error)
      || !lode_store_get (store, "loss", LODE_TYPE_F64, n, loss, error)
      || !lode_store_get (store, "weight", LODE_TYPE_F64, n, weight, error))
    return false;
  search->drawn = drawn;
  search->super = super;
  memcpy (search->loss, loss, n * sizeof *loss);
  memcpy (search->weight, weight, n * sizeof *weight);
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = spos_save,
                                    .load = spos_load };

static const void *
spos_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const char *const samplings[] = { "uniform", "fair", "cost", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, sampling, .choices = samplings,
               .doc = "paths of a batch: one drawn uniformly; as many as a decision has options, "
                      "each option once; one drawn evenly over what paths cost"),
  LODE_OPTION (Conf, max_macs, .number = 0, .min = 0, .max = 1e18, .unit = "multiply-adds",
               .doc = "most that a path drawn uniformly or by cost may take a sample; 0: no limit"),
  LODE_OPTION (Conf, tries, .number = 64, .min = 1, .max = 1e6, .unit = "draws",
               .doc = "draws of a path of the wanted cost, before the last one is taken"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SHARE,
  .create = spos_create,
  .destroy = spos_destroy,
  .step = spos_step,
  .best = spos_best,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "spos",
  .version = "1.0",
  .summary = "trains a super-network path by path, for a second search to choose from",
  .license = "Apache-2.0",
  .reference = "Z. Guo et al. Single Path One-Shot Neural Architecture Search with Uniform "
               "Sampling. ECCV 2020",
  .bibtex = "@inproceedings{guo2020single,\n"
            "  title = {Single Path One-Shot Neural Architecture Search with Uniform Sampling},\n"
            "  author = {Guo, Zichao and Zhang, Xiangyu and Mu, Haoyuan and Heng, Wen and Liu, "
            "Zechun and Wei, Yichen\n"
            "            and Sun, Jian},\n"
            "  booktitle = {European Conference on Computer Vision},\n"
            "  year = {2020},\n"
            "  url = {https://arxiv.org/abs/1904.00420}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = spos_query,
};

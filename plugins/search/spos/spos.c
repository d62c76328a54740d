/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single-path one-shot training (Guo et al. 2020, §3): every batch trains one path of a
 * super-network, drawn anew, and leaves weights and moments off the path as they are. The choice
 * among the paths is a second search, with evaluator `shared` and the net that this one hands on;
 * what this one calls its best, of each decision the option under which training losses were
 * lowest, is a first guess.
 */
#include "paths.h"

#include <string.h>

enum { TALLY_LOSS, TALLY_CORRECT, TALLY_N, TALLIES };

static const double MEMORY = 0.99; /* of the mean loss under an option, a path */

typedef struct Conf {
  int32_t sampling;
  int64_t tries;
  double max_macs;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  LodeNet *net;
  LodeOptim *optim;
  LodeStream *train;
  LodeParams *grad, *part; /* of the batch; of one path, with several */
  Paths paths;
  uint64_t *mask;        /* [space.n] */
  uint64_t epoch, batch; /* the next one */
  uint64_t drawn;        /* batches that paths were drawn for */
  double tally[TALLIES]; /* of this epoch */
  double *loss, *weight; /* [options] moving sum of the losses under an option, and its weight */
};

static void
spos_destroy (LodeSearch *search)
{
  if (!search)
    return;
  lode_params_free (search->grad);
  lode_params_free (search->part);
  lode_stream_close (search->train);
  lode_optim_free (search->optim);
  lode_net_free (search->net);
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
  const LodeHost *host = search->host;

  return (search->net = lode_net_new (host, &in, error))
         && (search->optim = lode_optim_new (host, search->net, error))
         && (search->train = lode_stream_open (host, LODE_ROLE_WEIGHTS, error))
         && spos_paths_init (&search->paths, host, search->space, error);
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
  search->grad = lode_params_dup (lode_net_params (search->net), search->net, NULL);
  if (search->paths.n > 1)
    search->part = lode_params_dup (lode_net_params (search->net), search->net, NULL);
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
                    .grad = p == 0 ? search->grad : search->part };

  lode_space_one (search->space, arch, search->mask);
  if (!lode_net_pass (search->net, batch, &choice, &pass, error))
    return false;
  if (p > 0)
    lode_params_axpy (search->grad, 1, search->part);
  remember (search, arch, pass.loss);
  search->tally[TALLY_LOSS] += pass.loss * pass.n;
  search->tally[TALLY_CORRECT] += pass.correct;
  search->tally[TALLY_N] += pass.n;
  return true;
}

/* Gradients of all paths are summed before the weights move once. */
static bool
train_batch (LodeSearch *search, const LodeBatch *batch, uint32_t batches, GError **error)
{
  lode_optim_epoch (search->optim, (double) search->epoch + (double) search->batch / batches);
  if (!spos_paths_draw (&search->paths, search->drawn++, error))
    return false;
  for (uint32_t p = 0; p < search->paths.n; p++)
    if (!train_path (search, batch, p, error))
      return false;
  lode_optim_step (search->optim, lode_net_params (search->net), search->grad,
                   LODE_CLIP | LODE_TOUCHED);
  return true;
}

static void
end_epoch (LodeSearch *search)
{
  const double *tally = search->tally;

  lode_metric (search->host, "train_loss", tally[TALLY_LOSS] / tally[TALLY_N]);
  lode_metric (search->host, "train_accuracy", tally[TALLY_CORRECT] / tally[TALLY_N]);
  lode_metric (search->host, "rate", lode_optim_rate (search->optim));
  memset (search->tally, 0, sizeof search->tally);
  search->epoch++;
  search->batch = 0;
}

static bool
spos_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint64_t epochs = lode_optim_epochs (search->optim);
  const LodeBatch *batch;
  uint32_t batches;
  bool ok;

  progress->phase = "super-network";
  lode_stream_phase (search->train, progress->phase);
  batch = lode_stream_next (search->train, error);
  if (!batch)
    return false;
  batches = MAX (lode_stream_batches (search->train), 1);
  ok = train_batch (search, batch, batches, error);
  lode_stream_release (search->train, batch);
  if (!ok)
    return false;
  if (++search->batch >= batches)
    end_epoch (search);
  progress->done = search->epoch * batches + search->batch;
  progress->of = epochs * batches;
  progress->end = search->epoch >= epochs;
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
  const uint64_t clock[] = { search->epoch, search->batch, search->drawn };
  uint32_t n = search->space->options;

  lode_store_put (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock);
  lode_store_put (store, "tally", LODE_TYPE_F64, TALLIES, search->tally);
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
  double tally[TALLIES];
  uint64_t clock[3];

  if (!lode_store_get (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock, error)
      || !lode_store_get (store, "tally", LODE_TYPE_F64, TALLIES, tally, error)
      || !lode_store_get (store, "loss", LODE_TYPE_F64, n, loss, error)
      || !lode_store_get (store, "weight", LODE_TYPE_F64, n, weight, error))
    return false;
  search->epoch = clock[0];
  search->batch = clock[1];
  search->drawn = clock[2];
  memcpy (search->tally, tally, sizeof tally);
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

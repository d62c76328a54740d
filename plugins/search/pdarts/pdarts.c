/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-DARTS (Chen et al. 2019): the softmax search in stages, each a deeper super-network with fewer
 * options. Only which options are left passes from one stage to the next: weights, α and schedules
 * begin anew. Dropout behind skips, and a limit on them at the end, keep skips from taking over.
 * One step is one batch.
 */
#include "../darts/gates.h"
#include "prune.h"

#include <string.h>

enum { TALLY_LOSS, TALLY_CORRECT, TALLY_N, TALLIES };

typedef struct Conf {
  LodeReals cells, keep, skip_dropout;
  int64_t warmup, max_skips;
  const char *group;
  double rate, beta1, beta2, decay, clip, spread;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  Conf conf;
  LodeStream *train, *arch; /* these stay open from stage to stage */
  LodeNet *net;             /* of the stage, as are those below */
  LodeOptim *optim;
  LodeParams *grad;
  Gates gates;
  float *drop;                  /* [options] */
  uint64_t stage, epoch, batch; /* the next one */
  double tally[TALLIES];        /* of this epoch */
};

static LodeChoice
mixture (const LodeSearch *search)
{
  return (LodeChoice){ .size = sizeof (LodeChoice),
                       .mask = search->gates.mask,
                       .gate = search->gates.gate,
                       .drop = search->drop };
}

static void
close_stage (LodeSearch *search)
{
  lode_params_free (search->grad);
  lode_optim_free (search->optim);
  lode_net_free (search->net);
  search->grad = NULL;
  search->optim = NULL;
  search->net = NULL;
}

/* A super-network of the stage's depth, of the options that are left. */
static bool
open_stage (LodeSearch *search, GError **error)
{
  LodeChoice choice = { .size = sizeof choice, .mask = search->gates.mask };
  LodeNetIn in = { .size = sizeof in,
                   .shared = true,
                   .depth = (uint32_t) search->conf.cells.at[search->stage],
                   .choice = &choice,
                   .id = search->stage };

  close_stage (search);
  search->net = lode_net_new (search->host, &in, error);
  search->optim = search->net ? lode_optim_new (search->host, search->net, error) : NULL;
  if (!search->optim)
    return false;
  search->grad = lode_params_dup (lode_net_params (search->net), search->net, NULL);
  return true;
}

static void
pdarts_destroy (LodeSearch *search)
{
  if (!search)
    return;
  close_stage (search);
  lode_stream_close (search->arch);
  lode_stream_close (search->train);
  gates_clear (&search->gates);
  g_free (search->drop);
  g_free (search);
}

static bool
check_conf (const Conf *conf, const LodeSpace *space, GError **error)
{
  const char *wrong = NULL;

  if (space->n == 0)
    wrong = "the backbone has nothing to decide; choose one with a space, such as darts";
  else if (conf->cells.n == 0 || conf->skip_dropout.n != conf->cells.n
           || conf->keep.n + 1 != conf->cells.n)
    wrong = "cells and skip_dropout name a number for each stage, keep one for each but the last";
  if (wrong)
    g_set_error (error, g_quark_from_static_string ("lode-pdarts"), 0, "search pdarts: %s", wrong);
  return !wrong;
}

static LodeRng
stage_rng (const LodeSearch *search)
{
  return lode_rng (search->host, "search", search->stage, 0);
}

static LodeSearch *
pdarts_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeSearch *search;
  LodeRng rng;

  if (!check_conf (conf, space, error))
    return NULL;
  search = g_new0 (LodeSearch, 1);
  search->host = host;
  search->space = space;
  search->conf = *(const Conf *) conf;
  search->drop = g_new0 (float, space->options);
  rng = stage_rng (search);
  gates_init (&search->gates, space, &rng, search->conf.spread);
  search->train = lode_stream_open (host, LODE_ROLE_WEIGHTS, error);
  search->arch = search->train ? lode_stream_open (host, LODE_ROLE_ARCH, error) : NULL;
  if (search->arch && open_stage (search, error))
    return search;
  pdarts_destroy (search);
  return NULL;
}

static bool
is_warm (const LodeSearch *search)
{
  return search->epoch >= (uint64_t) search->conf.warmup;
}

static void
set_dropout (LodeSearch *search)
{
  double rate = pdarts_dropout (search->conf.skip_dropout.at[search->stage], search->epoch,
                                lode_optim_epochs (search->optim), (uint64_t) search->conf.warmup);

  for (uint32_t i = 0, at = 0; i < search->space->n; i++) {
    const LodeDecision *decision = lode_space_at (search->space, i);

    for (uint32_t o = 0; o < decision->n; o++, at++)
      search->drop[at] = lode_space_trait (decision, o) == LODE_TRAIT_SKIP ? (float) rate : 0;
  }
}

/* The gradient's norm is bounded before decay is added. */
static void
clip_alpha (LodeSearch *search)
{
  double square = 0, norm;

  for (uint32_t o = 0; o < search->space->options; o++)
    square += search->gates.dalpha[o] * search->gates.dalpha[o];
  norm = sqrt (square);
  if (search->conf.clip <= 0 || norm <= search->conf.clip)
    return;
  for (uint32_t o = 0; o < search->space->options; o++)
    search->gates.dalpha[o] *= search->conf.clip / norm;
}

static bool
alpha_step (LodeSearch *search, GError **error)
{
  const Conf *conf = &search->conf;
  Gates *gates = &search->gates;
  const LodeBatch *held = lode_stream_next (search->arch, error);
  LodePass pass = { .size = sizeof pass, .want = LODE_GATES, .dgate = gates->dgate };
  LodeChoice choice = mixture (search);
  bool ok;

  if (!held)
    return false;
  ok = lode_net_pass (search->net, held, &choice, &pass, error);
  lode_stream_release (search->arch, held);
  if (!ok)
    return false;
  gates_pull (gates, 0);
  clip_alpha (search);
  lode_adam (gates->adam, search->space->options, gates->alpha, gates->dalpha, conf->rate,
             conf->beta1, conf->beta2, conf->decay);
  gates_set (gates);
  return true;
}

static bool
weight_step (LodeSearch *search, const LodeBatch *batch, GError **error)
{
  LodePass pass = { .size = sizeof pass,
                    .want = LODE_WEIGHTS | LODE_OBSERVE | LODE_TRACK,
                    .grad = search->grad };
  LodeChoice choice = mixture (search);

  if (!lode_net_pass (search->net, batch, &choice, &pass, error))
    return false;
  lode_optim_step (search->optim, lode_net_params (search->net), search->grad, LODE_CLIP);
  search->tally[TALLY_LOSS] += pass.loss * pass.n;
  search->tally[TALLY_CORRECT] += pass.correct;
  search->tally[TALLY_N] += pass.n;
  return true;
}

static void
end_epoch (LodeSearch *search)
{
  const double *tally = search->tally;

  lode_metric (search->host, "stage", (double) search->stage);
  lode_metric (search->host, "train_loss", tally[TALLY_LOSS] / tally[TALLY_N]);
  lode_metric (search->host, "train_accuracy", tally[TALLY_CORRECT] / tally[TALLY_N]);
  lode_metric (search->host, "rate", lode_optim_rate (search->optim));
  lode_metric (search->host, "gate_entropy", gates_entropy (&search->gates));
  memset (search->tally, 0, sizeof search->tally);
  search->epoch++;
  search->batch = 0;
}

/* The weakest options leave, and a deeper super-network begins. */
static bool
end_stage (LodeSearch *search, GError **error)
{
  LodeRng rng;

  pdarts_prune (search->space, (uint32_t) search->conf.keep.at[search->stage], search->gates.mix,
                search->gates.mask);
  search->stage++;
  search->epoch = 0;
  rng = stage_rng (search);
  gates_restart (&search->gates, &rng, search->conf.spread);
  return open_stage (search, error);
}

static bool
train_batch (LodeSearch *search, uint32_t *batches, GError **error)
{
  const LodeBatch *batch = lode_stream_next (search->train, error);
  bool ok;

  if (!batch)
    return false;
  *batches = MAX (lode_stream_batches (search->train), 1);
  lode_optim_epoch (search->optim, (double) search->epoch + (double) search->batch / *batches);
  set_dropout (search);
  ok = (!is_warm (search) || alpha_step (search, error)) && weight_step (search, batch, error);
  lode_stream_release (search->train, batch);
  return ok;
}

static bool
pdarts_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint64_t epochs = lode_optim_epochs (search->optim), stages = search->conf.cells.n;
  uint32_t batches;
  bool over;

  progress->phase = is_warm (search) ? "search" : "warm-up";
  lode_stream_phase (search->train, progress->phase);
  if (!train_batch (search, &batches, error))
    return false;
  if (++search->batch >= batches)
    end_epoch (search);
  over = search->epoch >= epochs;
  if (over && search->stage + 1 < stages && !end_stage (search, error))
    return false;
  progress->done = (search->stage * epochs + search->epoch) * batches + search->batch;
  progress->of = stages * epochs * batches;
  progress->end = search->stage + 1 >= stages && search->epoch >= epochs;
  return true;
}

static void
pdarts_best (const LodeSearch *search, uint8_t *arch)
{
  g_autofree float *mix =
      g_memdup2 (search->gates.mix, search->space->options * sizeof *search->gates.mix);

  pdarts_derive (search->host, search->space, search->conf.group, search->conf.max_skips,
                 search->gates.mask, mix, arch);
}

static void
pdarts_stand (const LodeSearch *search, LodeChoice *choice)
{
  choice->mask = search->gates.mask;
  choice->gate = search->gates.mix;
  choice->drop = NULL;
}

static void
pdarts_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;
  const uint64_t clock[] = { search->stage, search->epoch, search->batch };

  gates_save (&search->gates, store);
  lode_store_put (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock);
  lode_store_put (store, "tally", LODE_TYPE_F64, TALLIES, search->tally);
}

/* The stage's super-network is made here, so that the host finds it and fills in its weights. */
static bool
pdarts_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  double tally[TALLIES];
  uint64_t clock[3];

  if (!lode_store_get (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock, error)
      || !lode_store_get (store, "tally", LODE_TYPE_F64, TALLIES, tally, error))
    return false;
  if (clock[0] >= search->conf.cells.n) {
    g_set_error (error, g_quark_from_static_string ("lode-pdarts"), 0,
                 "search pdarts: the checkpoint is of stage %" G_GUINT64_FORMAT ", expected 0 to "
                 "%zu; resume with the run's own configuration",
                 clock[0], search->conf.cells.n - 1);
    return false;
  }
  if (!gates_load (&search->gates, store, error))
    return false;
  search->stage = clock[0];
  search->epoch = clock[1];
  search->batch = clock[2];
  memcpy (search->tally, tally, sizeof tally);
  return open_stage (search, error);
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = pdarts_save,
                                    .load = pdarts_load };

static const void *
pdarts_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, cells, .text = "5, 11, 17", .min = 1, .max = 100, .unit = "cells",
               .doc = "depth of each stage's super-network; fit.epochs are those of one stage"),
  LODE_OPTION (Conf, keep, .text = "5, 3", .min = 1, .max = 64, .unit = "options",
               .doc = "options of a decision that each stage but the last hands on"),
  LODE_OPTION (Conf, skip_dropout, .text = "0, 0.4, 0.7", .max = 0.999,
               .doc = "dropout behind skips at the start of each stage; it falls from epoch to "
                      "epoch"),
  LODE_OPTION (Conf, warmup, .number = 10, .min = 0, .max = 1e6, .unit = "epochs",
               .doc = "epochs of each stage in which the weights train and the architecture waits"),
  LODE_OPTION (Conf, max_skips, .number = 2, .min = -1, .max = 1000, .unit = "skips",
               .doc =
                   "most that the architecture may have in a group of decisions; −1: any number"),
  LODE_OPTION (Conf, group, .text = "normal",
               .doc = "the group that this holds for; empty: for every group"),
  LODE_OPTION (Conf, rate, .number = 6e-4, .max = 10, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "learning rate of the architecture (Adam)"),
  LODE_OPTION (Conf, beta1, .number = 0.5, .max = 0.9999,
               .doc = "Adam's decay of the first moment"),
  LODE_OPTION (Conf, beta2, .number = 0.999, .max = 0.999999,
               .doc = "Adam's decay of the second moment"),
  LODE_OPTION (Conf, decay, .number = 1e-3, .max = 10, .tunable = true, .log_scale = true,
               .doc = "decay of the architecture, as L2 in the gradient"),
  LODE_OPTION (Conf, clip, .number = 5, .min = 0, .max = 1e9,
               .doc = "bound on the norm of the architecture's gradient; 0: none"),
  LODE_OPTION (Conf, spread, .number = 1e-3, .max = 10,
               .doc = "standard deviation of the architecture at the start of a stage"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SHARE | LODE_MIX | LODE_SCALE,
  .create = pdarts_create,
  .destroy = pdarts_destroy,
  .step = pdarts_step,
  .best = pdarts_best,
  .stand = pdarts_stand,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "pdarts",
  .version = "1.0",
  .summary = "the softmax search in stages of growing depth and fewer options",
  .license = "Apache-2.0",
  .reference = "X. Chen, L. Xie, J. Wu, Q. Tian. Progressive Differentiable Architecture Search: "
               "Bridging the Depth Gap between Search and Evaluation. ICCV 2019",
  .bibtex = "@inproceedings{chen2019progressive,\n"
            "  title = {Progressive Differentiable Architecture Search: Bridging the Depth Gap "
            "between Search and Evaluation},\n"
            "  author = {Chen, Xin and Xie, Lingxi and Wu, Jun and Tian, Qi},\n"
            "  booktitle = {International Conference on Computer Vision},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1904.12760}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = pdarts_query,
};

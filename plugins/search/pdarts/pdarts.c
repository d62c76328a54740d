/* SPDX-License-Identifier: Apache-2.0 */
/*
 * P-DARTS (Chen et al. 2019): the softmax search in stages, each a deeper super-network with fewer
 * options. Only which options are left passes from one stage to the next: weights, α and schedules
 * begin anew. Dropout behind skips, and a limit on them at the end, keep skips from taking over.
 * One step is one batch.
 */
#include "../common/gates.h"
#include "../common/supernet.h"
#include "prune.h"

#include <string.h>

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
  Supernet super; /* of the stage; the streams stay open from stage to stage */
  Gates gates;
  float *drop;    /* [options] */
  uint64_t stage; /* the present one */
};

static LodeChoice
mixture (const LodeSearch *search)
{
  return (LodeChoice){ .size = sizeof (LodeChoice),
                       .mask = search->gates.mask,
                       .gate = search->gates.gate,
                       .drop = search->drop };
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

  return supernet_grow (&search->super, &in, error);
}

static void
pdarts_destroy (LodeSearch *search)
{
  if (!search)
    return;
  supernet_clear (&search->super);
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
  search->super.host = host;
  if (supernet_open (&search->super, true, error) && open_stage (search, error))
    return search;
  pdarts_destroy (search);
  return NULL;
}

static bool
is_warm (const LodeSearch *search)
{
  return search->super.epoch >= (uint64_t) search->conf.warmup;
}

static void
set_dropout (LodeSearch *search)
{
  double rate =
      pdarts_dropout (search->conf.skip_dropout.at[search->stage], search->super.epoch,
                      lode_optim_epochs (search->super.optim), (uint64_t) search->conf.warmup);

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
  const LodeBatch *held = lode_stream_next (search->super.arch, error);
  LodePass pass = { .size = sizeof pass, .want = LODE_GATES, .dgate = gates->dgate };
  LodeChoice choice = mixture (search);
  bool ok;

  if (!held)
    return false;
  ok = lode_net_pass (search->super.net, held, &choice, &pass, error);
  lode_stream_release (search->super.arch, held);
  if (!ok)
    return false;
  gates_pull (gates, 0);
  clip_alpha (search);
  lode_adam (gates->adam, search->space->options, gates->alpha, gates->dalpha, conf->rate,
             conf->beta1, conf->beta2, conf->decay);
  gates_set (gates);
  return true;
}

static void
end_epoch (LodeSearch *search)
{
  lode_metric (search->host, "stage", (double) search->stage);
  supernet_report (&search->super);
  lode_metric (search->host, "gate_entropy", gates_entropy (&search->gates));
  supernet_end_epoch (&search->super);
}

/* The weakest options leave, and a deeper super-network begins. */
static bool
end_stage (LodeSearch *search, GError **error)
{
  LodeRng rng;

  pdarts_prune (search->space, (uint32_t) search->conf.keep.at[search->stage], search->gates.mix,
                search->gates.mask);
  search->stage++;
  search->super.epoch = 0;
  rng = stage_rng (search);
  gates_restart (&search->gates, &rng, search->conf.spread);
  return open_stage (search, error);
}

/* Both updates on a batch of the weights' stream. */
static bool
train_batch (LodeSearch *search, const LodeBatch *batch, GError **error)
{
  LodeChoice choice;

  set_dropout (search);
  if (is_warm (search) && !alpha_step (search, error))
    return false;
  choice = mixture (search);
  return supernet_step (&search->super, batch, &choice, error);
}

static bool
pdarts_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  const LodeBatch *batch;
  uint64_t of;
  bool ok;

  progress->phase = is_warm (search) ? "search" : "warm-up";
  batch = supernet_next (&search->super, progress->phase, error);
  if (!batch)
    return false;
  ok = train_batch (search, batch, error);
  lode_stream_release (search->super.train, batch);
  if (!ok)
    return false;
  if (supernet_count (&search->super))
    end_epoch (search);
  supernet_progress (&search->super, progress);
  of = progress->of;
  progress->done += search->stage * of;
  progress->of = search->conf.cells.n * of;
  if (progress->end && search->stage + 1 < search->conf.cells.n) {
    progress->end = false;
    return end_stage (search, error);
  }
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
  gates_stand (&search->gates, choice);
}

static void
pdarts_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;

  supernet_save (&search->super, store);
  gates_save (&search->gates, store);
  lode_store_put (store, "stage", LODE_TYPE_U64, 1, &search->stage);
}

/* The stage's super-network is made here, so that the host finds it and fills in its weights. */
static bool
pdarts_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  Supernet super = search->super;
  uint64_t stage;

  if (!lode_store_get (store, "stage", LODE_TYPE_U64, 1, &stage, error)
      || !supernet_load (&super, store, error))
    return false;
  if (stage >= search->conf.cells.n) {
    g_set_error (error, g_quark_from_static_string ("lode-pdarts"), 0,
                 "search pdarts: the checkpoint is of stage %" G_GUINT64_FORMAT ", expected 0 to "
                 "%zu; resume with the run's own configuration",
                 stage, search->conf.cells.n - 1);
    return false;
  }
  if (!gates_load (&search->gates, store, error))
    return false;
  search->stage = stage;
  search->super = super;
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

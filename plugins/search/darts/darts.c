/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DARTS (Liu, Simonyan & Yang 2019): the options of every decision are mixed by a softmax over α,
 * and α descends the loss on held-out batches while the weights descend the training loss. One step
 * is one batch: first α (algorithm 1, line 1), then the weights (line 2).
 *
 * Against the collapse into skips there are guards (guard.h), a skip beside every mixture that
 * fades (Chu et al. 2021, DARTS−), and a pull on the spread of α (Ye et al. 2022, β-DARTS).
 */
#include "../common/gates.h"
#include "../common/supernet.h"
#include "curvature.h"
#include "guard.h"
#include "hyper.h"

#include <string.h>

typedef struct Conf {
  int64_t order, warmup;
  double rate, beta1, beta2, decay, spread;
  int64_t max_skips, curvature, curvature_from, curvature_steps;
  double curvature_ratio, skip_aid, shrink;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  Conf conf;
  Supernet super;
  Hyper hyper;
  Gates gates;
  Guard guard;
  double largest; /* eigenvalue, of this epoch's end; NaN: not looked for */
};

static LodeChoice
mixture (const LodeSearch *search)
{
  return (LodeChoice){ .size = sizeof (LodeChoice), .gate = search->gates.gate };
}

/* How far the schedule of weights has gone, by whole epochs. */
static double
elapsed (const LodeSearch *search)
{
  return (double) search->super.epoch / MAX (lode_optim_epochs (search->super.optim), 1);
}

/* The skip beside every mixture fades linearly, and is gone when the search ends. */
static void
set_gates (LodeSearch *search)
{
  search->gates.aid = search->conf.skip_aid * MAX (1 - elapsed (search), 0);
  gates_set (&search->gates);
}

/* What the curvature is taken of, and where. */
typedef struct Probe {
  LodeSearch *search;
  const LodeBatch *held;
} Probe;

/* ∇ L_val + decay α, at other α than the search's. alpha, g: [options] */
static bool
gradient_at (void *data, const double *alpha, double *g, GError **error)
{
  Probe *probe = data;
  Gates *gates = &probe->search->gates;
  LodePass pass = { .size = sizeof pass, .dgate = gates->dgate };
  LodeChoice choice = mixture (probe->search);
  uint32_t n = gates->space->options;

  memcpy (gates->alpha, alpha, n * sizeof *alpha);
  gates_set (gates);
  if (!darts_first_order (&probe->search->hyper, probe->held, &choice, &pass, error))
    return false;
  gates_pull (gates, 0);
  for (uint32_t i = 0; i < n; i++)
    g[i] = gates->dalpha[i] + probe->search->conf.decay * alpha[i];
  return true;
}

/* The largest eigenvalue of the Hessian in α, on a batch that is held anyway. */
static bool
look_at_curvature (LodeSearch *search, const LodeBatch *held, GError **error)
{
  Gates *gates = &search->gates;
  uint32_t n = gates->space->options;
  g_autofree double *alpha = g_memdup2 (gates->alpha, n * sizeof *alpha);
  LodeRng rng = lode_rng (search->host, "curvature", search->super.epoch, 0);
  Probe probe = { search, held };
  bool ok = darts_curvature (gradient_at, &probe, n, alpha, &rng,
                             (uint32_t) search->conf.curvature_steps, &search->largest, error);

  memcpy (gates->alpha, alpha, n * sizeof *alpha);
  gates_set (gates);
  return ok;
}

static bool
is_curvature_due (const LodeSearch *search)
{
  int64_t every = search->conf.curvature;

  return every > 0 && (search->super.epoch + 1) % (uint64_t) every == 0
         && search->super.batch + 1 >= search->super.batches;
}

static void
move_alpha (LodeSearch *search)
{
  const Conf *conf = &search->conf;
  Gates *gates = &search->gates;

  gates_pull (gates, conf->shrink * elapsed (search));
  lode_adam (gates->adam, search->space->options, gates->alpha, gates->dalpha, conf->rate,
             conf->beta1, conf->beta2, conf->decay);
  set_gates (search);
}

static bool
alpha_step (LodeSearch *search, const LodeBatch *batch, GError **error)
{
  const LodeBatch *held = lode_stream_next (search->super.arch, error);
  LodePass pass = { .size = sizeof pass, .dgate = search->gates.dgate };
  LodeChoice choice = mixture (search);
  bool ok;

  if (!held)
    return false;
  ok = search->conf.order == 1
           ? darts_first_order (&search->hyper, held, &choice, &pass, error)
           : darts_second_order (&search->hyper, batch, held, &choice, &pass, error);
  if (ok) {
    move_alpha (search);
    tally_pass (&search->super.on_arch, &pass);
    ok = !is_curvature_due (search) || look_at_curvature (search, held, error);
  }
  lode_stream_release (search->super.arch, held);
  return ok;
}

static void
darts_best (const LodeSearch *search, uint8_t *arch)
{
  if (search->guard.stopped)
    memcpy (arch, search->guard.answer, search->space->n);
  else
    lode_derive (search->host, search->gates.mix, search->gates.mask, arch);
}

/* Skips of the architecture as it stands, by group: their number tells of collapse. */
static void
report_skips (const LodeSearch *search, const uint8_t *arch)
{
  const LodeSpace *space = search->space;

  for (uint32_t i = 0, end; i < space->n; i = end) {
    const char *group = lode_space_at (space, i)->group;
    g_autofree char *name = g_strconcat ("skips_", group ? group : "all", NULL);
    uint32_t skips = 0;

    for (end = i; end < space->n && !g_strcmp0 (lode_space_at (space, end)->group, group); end++)
      skips += lode_space_trait (lode_space_at (space, end), arch[end]) == LODE_TRAIT_SKIP;
    lode_metric (search->host, name, skips);
  }
}

/* What the guards say of the epoch that ends. */
static void
consult_guards (LodeSearch *search, const uint8_t *arch)
{
  const char *why = guard_look (&search->guard, arch), *also = NULL;

  if (!isnan (search->largest)) {
    lode_metric (search->host, "curvature", search->largest);
    also = guard_curvature (&search->guard, search->largest, search->super.epoch + 1, arch);
    search->largest = NAN;
  }
  if (why || also)
    lode_log (search->host, LODE_LOG_INFO, why ? why : also);
}

static void
end_epoch (LodeSearch *search)
{
  g_autofree uint8_t *arch = g_new0 (uint8_t, search->space->n);

  supernet_report (&search->super);
  lode_metric (search->host, "gate_entropy", gates_entropy (&search->gates));
  darts_best (search, arch);
  report_skips (search, arch);
  consult_guards (search, arch);
  supernet_end_epoch (&search->super);
  set_gates (search);
}

static bool
is_warming_up (const LodeSearch *search)
{
  return search->super.epoch < (uint64_t) search->conf.warmup;
}

/* Both updates on a batch of the weights' stream. */
static bool
train_batch (LodeSearch *search, const LodeBatch *batch, GError **error)
{
  LodeChoice choice;

  if (!is_warming_up (search) && !alpha_step (search, batch, error))
    return false;
  choice = mixture (search);
  return supernet_step (&search->super, batch, &choice, error);
}

static bool
darts_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  const LodeBatch *batch;
  bool ok;

  progress->phase = is_warming_up (search) ? "warm-up" : "search";
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
  progress->end = progress->end || search->guard.stopped;
  return true;
}

static void
darts_stand (const LodeSearch *search, LodeChoice *choice)
{
  gates_stand (&search->gates, choice);
}

static void
darts_destroy (LodeSearch *search)
{
  if (!search)
    return;
  lode_params_free (search->hyper.direction);
  lode_params_free (search->hyper.moved);
  supernet_clear (&search->super);
  g_free (search->hyper.plus);
  g_free (search->hyper.minus);
  gates_clear (&search->gates);
  guard_clear (&search->guard);
  g_free (search);
}

static void
make_scratch (LodeSearch *search)
{
  const Supernet *super = &search->super;
  LodeParams *w = lode_net_params (super->net);
  uint32_t n = search->space->options;

  search->hyper =
      (Hyper){ .net = super->net, .optim = super->optim, .grad = super->grad, .options = n };
  if (search->conf.order == 1)
    return;
  search->hyper.direction = lode_params_dup (w, super->net, NULL);
  search->hyper.moved = lode_params_dup (w, super->net, NULL);
  search->hyper.plus = g_new0 (float, n);
  search->hyper.minus = g_new0 (float, n);
}

static void
make_alpha (LodeSearch *search)
{
  LodeRng rng = lode_rng (search->host, "search", 0, 0);
  g_autofree uint8_t *arch = g_new0 (uint8_t, search->space->n);

  gates_init (&search->gates, search->space, &rng, search->conf.spread);
  search->guard = (Guard){ .space = search->space,
                           .max_skips = search->conf.max_skips,
                           .from = search->conf.curvature_from,
                           .ratio = search->conf.curvature_ratio };
  search->largest = NAN;
  set_gates (search);
  lode_derive (search->host, search->gates.mix, search->gates.mask, arch);
  guard_init (&search->guard, arch);
}

static LodeSearch *
darts_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeNetIn in = { .size = sizeof in, .shared = true };
  LodeSearch *search;

  if (space->n == 0) {
    g_set_error_literal (
        error, g_quark_from_static_string ("lode-darts"), 0,
        "search darts: the backbone has nothing to decide; choose one with a space, such as darts");
    return NULL;
  }
  search = g_new0 (LodeSearch, 1);
  search->host = host;
  search->space = space;
  search->conf = *(const Conf *) conf;
  search->super.host = host;
  if (!supernet_grow (&search->super, &in, error) || !supernet_open (&search->super, true, error)) {
    darts_destroy (search);
    return NULL;
  }
  make_scratch (search);
  make_alpha (search);
  return search;
}

static void
darts_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;

  supernet_save (&search->super, store);
  gates_save (&search->gates, store);
  guard_save (&search->guard, store);
}

static bool
darts_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  Guard spare = search->guard;
  g_autofree uint8_t *arch = g_memdup2 (search->guard.before, search->space->n);
  Supernet super = search->super;

  if (!supernet_load (&super, store, error))
    return false;
  guard_init (&spare, arch);
  if (!guard_load (&spare, store, error) || !gates_load (&search->gates, store, error)) {
    guard_clear (&spare);
    return false;
  }
  guard_clear (&search->guard);
  search->guard = spare;
  search->super = super;
  set_gates (search);
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = darts_save,
                                    .load = darts_load };

static const void *
darts_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodeOption options[] = {
  LODE_OPTION (
      Conf, order, .number = 1, .min = 1, .max = 2,
      .doc = "1: at the present weights; 2: through one step of the weights, three times the cost"),
  LODE_OPTION (Conf, warmup, .number = 0, .min = 0, .max = 1e6, .unit = "epochs",
               .doc = "epochs at the start in which the weights train and the architecture waits"),
  LODE_OPTION (Conf, rate, .number = 3e-4, .max = 10, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "learning rate of the architecture (Adam)"),
  LODE_OPTION (Conf, beta1, .number = 0.5, .max = 0.9999,
               .doc = "Adam's decay of the first moment"),
  LODE_OPTION (Conf, beta2, .number = 0.999, .max = 0.999999,
               .doc = "Adam's decay of the second moment"),
  LODE_OPTION (Conf, decay, .number = 1e-3, .max = 10, .tunable = true, .log_scale = true,
               .doc = "decay of the architecture, as L2 in the gradient"),
  LODE_OPTION (Conf, spread, .number = 1e-3, .max = 10,
               .doc = "standard deviation of the architecture at the start"),
  LODE_OPTION (Conf, max_skips, .number = -1, .min = -1, .max = 1000, .unit = "skips",
               .doc = "ends the search when a group of decisions has more, and goes back an epoch; "
                      "−1: any number"),
  LODE_OPTION (Conf, curvature, .number = 0, .min = 0, .max = 1e6, .unit = "epochs",
               .doc = "looks every so often for the largest eigenvalue of the held-out loss's "
                      "Hessian in the architecture; 0: never"),
  LODE_OPTION (Conf, curvature_ratio, .number = 1.3, .max = 1e6,
               .doc = "ends the search when its mean over five looks grew by more over four, and "
                      "goes back six looks; 0: only reports it"),
  LODE_OPTION (Conf, curvature_from, .number = 10, .min = 0, .max = 1e6, .unit = "epochs",
               .doc = "the curvature ends nothing before"),
  LODE_OPTION (Conf, curvature_steps, .number = 20, .min = 1, .max = 10000,
               .doc = "steps of power iteration at most, two passes each"),
  LODE_OPTION (Conf, skip_aid, .number = 0, .max = 10, .tunable = true,
               .doc = "weight of a skip beside every mixture that has one, falling linearly to 0 "
                      "(DARTS−: 1)"),
  LODE_OPTION (Conf, shrink, .number = 0, .max = 1e4, .tunable = true,
               .doc =
                   "weight of the mean of log Σ exp α in the held-out loss, rising linearly from "
                   "0 (β-DARTS: 50)"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SHARE | LODE_MIX,
  .create = darts_create,
  .destroy = darts_destroy,
  .step = darts_step,
  .best = darts_best,
  .stand = darts_stand,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "darts",
  .version = "1.0",
  .summary = "gradient descent on a softmax over the options, first or second order",
  .license = "Apache-2.0",
  .reference = "H. Liu, K. Simonyan, Y. Yang. DARTS: Differentiable Architecture Search. ICLR 2019",
  .bibtex = "@inproceedings{liu2019darts,\n"
            "  title = {{DARTS}: Differentiable Architecture Search},\n"
            "  author = {Liu, Hanxiao and Simonyan, Karen and Yang, Yiming},\n"
            "  booktitle = {International Conference on Learning Representations},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1806.09055}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = darts_query,
};

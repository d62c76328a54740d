/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DARTS (Liu, Simonyan & Yang 2019): the options of every decision are mixed by a softmax over α,
 * and α descends the loss on held-out batches while the weights descend the training loss. One step
 * is one batch: first α (algorithm 1, line 1), then the weights (line 2).
 */
#include "hyper.h"

#include <string.h>

typedef struct Conf {
  int64_t order, warmup;
  double rate, beta1, beta2, decay, spread;
} Conf;

/* Sums over the batches of the current epoch. */
typedef struct Tally {
  double loss, correct, n;
} Tally;

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  Conf conf;
  LodeNet *net;
  LodeOptim *optim;
  LodeStream *train, *arch;
  LodeParams *grad;
  Hyper hyper;
  uint64_t *mask;                /* [space.n] all options */
  double *alpha, *adam, *dalpha; /* [options], [2 · options + 1], [options] */
  float *gate, *dgate;           /* [options] softmax α, and the gradient there */
  uint64_t epoch, batch;         /* the next one */
  Tally on_train, on_arch;
};

static LodeChoice
mixture (const LodeSearch *search)
{
  return (LodeChoice){ .size = sizeof (LodeChoice), .gate = search->gate };
}

/* x, p: [n] */
static void
softmax (uint32_t n, const double *x, double *p)
{
  double top = x[0], sum = 0;

  for (uint32_t i = 1; i < n; i++)
    top = MAX (top, x[i]);
  for (uint32_t i = 0; i < n; i++)
    sum += p[i] = exp (x[i] - top);
  for (uint32_t i = 0; i < n; i++)
    p[i] /= sum;
}

static void
set_gates (LodeSearch *search)
{
  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n;
    double p[64];

    softmax (n, search->alpha + first, p);
    for (uint32_t o = 0; o < n; o++)
      search->gate[first + o] = (float) p[o];
    first += n;
  }
}

/* Through the softmax: dα_o = p_o (g_o − Σ p g), per decision. */
static void
gates_to_alpha (LodeSearch *search)
{
  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n;
    double p[64], mean = 0;

    softmax (n, search->alpha + first, p);
    for (uint32_t o = 0; o < n; o++)
      mean += p[o] * (double) search->dgate[first + o];
    for (uint32_t o = 0; o < n; o++)
      search->dalpha[first + o] = p[o] * ((double) search->dgate[first + o] - mean);
    first += n;
  }
}

static void
tally (Tally *at, const LodePass *pass)
{
  at->loss += pass->loss * pass->n;
  at->correct += pass->correct;
  at->n += pass->n;
}

static bool
alpha_step (LodeSearch *search, const LodeBatch *batch, GError **error)
{
  const LodeBatch *held = lode_stream_next (search->arch, error);
  LodePass pass = { .size = sizeof pass, .dgate = search->dgate };
  LodeChoice choice = mixture (search);
  bool ok;

  if (!held)
    return false;
  ok = search->conf.order == 1
           ? darts_first_order (&search->hyper, held, &choice, &pass, error)
           : darts_second_order (&search->hyper, batch, held, &choice, &pass, error);
  lode_stream_release (search->arch, held);
  if (!ok)
    return false;
  gates_to_alpha (search);
  lode_adam (search->adam, search->space->options, search->alpha, search->dalpha, search->conf.rate,
             search->conf.beta1, search->conf.beta2, search->conf.decay);
  set_gates (search);
  tally (&search->on_arch, &pass);
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
  tally (&search->on_train, &pass);
  return true;
}

/* Mean entropy of the gates of a decision, in nats: ln (options) at the start, 0 when all is
 * decided. */
static double
gate_entropy (const LodeSearch *search)
{
  double sum = 0;

  for (uint32_t i = 0; i < search->space->options; i++)
    if (search->gate[i] > 0)
      sum -= (double) search->gate[i] * log ((double) search->gate[i]);
  return sum / search->space->n;
}

static void
darts_best (const LodeSearch *search, uint8_t *arch)
{
  lode_derive (search->host, search->gate, search->mask, arch);
}

/* Skips of the architecture as it stands, by group: their number tells of collapse. */
static void
report_skips (const LodeSearch *search)
{
  const LodeSpace *space = search->space;
  g_autofree uint8_t *arch = g_new0 (uint8_t, space->n);

  darts_best (search, arch);
  for (uint32_t i = 0, end; i < space->n; i = end) {
    const char *group = lode_space_at (space, i)->group;
    g_autofree char *name = g_strconcat ("skips_", group ? group : "all", NULL);
    uint32_t skips = 0;

    for (end = i; end < space->n && !g_strcmp0 (lode_space_at (space, end)->group, group); end++)
      skips += lode_space_trait (lode_space_at (space, end), arch[end]) == LODE_TRAIT_SKIP;
    lode_metric (search->host, name, skips);
  }
}

static void
end_epoch (LodeSearch *search)
{
  const LodeHost *host = search->host;

  lode_metric (host, "train_loss", search->on_train.loss / search->on_train.n);
  lode_metric (host, "train_accuracy", search->on_train.correct / search->on_train.n);
  if (search->on_arch.n > 0) {
    lode_metric (host, "arch_loss", search->on_arch.loss / search->on_arch.n);
    lode_metric (host, "arch_accuracy", search->on_arch.correct / search->on_arch.n);
  }
  lode_metric (host, "rate", lode_optim_rate (search->optim));
  lode_metric (host, "gate_entropy", gate_entropy (search));
  report_skips (search);
  search->on_train = search->on_arch = (Tally){ 0 };
  search->epoch++;
  search->batch = 0;
}

static const char *
phase_of (const LodeSearch *search)
{
  return search->epoch < (uint64_t) search->conf.warmup ? "warm-up" : "search";
}

/* Both updates on a batch of the weights' stream. */
static bool
train_batch (LodeSearch *search, const LodeBatch *batch, uint32_t batches, GError **error)
{
  bool frozen = search->epoch < (uint64_t) search->conf.warmup;

  lode_optim_epoch (search->optim, (double) search->epoch + (double) search->batch / batches);
  return (frozen || alpha_step (search, batch, error)) && weight_step (search, batch, error);
}

static bool
darts_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint64_t epochs = lode_optim_epochs (search->optim);
  const LodeBatch *batch;
  uint32_t batches;
  bool ok;

  progress->phase = phase_of (search);
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
darts_stand (const LodeSearch *search, LodeChoice *choice)
{
  choice->mask = search->mask;
  choice->gate = search->gate;
  choice->drop = NULL;
}

static void
darts_destroy (LodeSearch *search)
{
  if (!search)
    return;
  lode_params_free (search->grad);
  lode_params_free (search->hyper.direction);
  lode_params_free (search->hyper.moved);
  lode_stream_close (search->arch);
  lode_stream_close (search->train);
  lode_optim_free (search->optim);
  lode_net_free (search->net);
  g_free (search->hyper.plus);
  g_free (search->hyper.minus);
  g_free (search->mask);
  g_free (search->alpha);
  g_free (search->adam);
  g_free (search->dalpha);
  g_free (search->gate);
  g_free (search->dgate);
  g_free (search);
}

static bool
open_all (LodeSearch *search, GError **error)
{
  LodeNetIn in = { .size = sizeof in, .shared = true };

  return (search->net = lode_net_new (search->host, &in, error))
         && (search->optim = lode_optim_new (search->host, search->net, error))
         && (search->train = lode_stream_open (search->host, LODE_ROLE_WEIGHTS, error))
         && (search->arch = lode_stream_open (search->host, LODE_ROLE_ARCH, error));
}

static void
make_scratch (LodeSearch *search)
{
  LodeParams *w = lode_net_params (search->net);
  uint32_t n = search->space->options;

  search->grad = lode_params_dup (w, search->net, NULL);
  search->hyper =
      (Hyper){ .net = search->net, .optim = search->optim, .grad = search->grad, .options = n };
  if (search->conf.order == 1)
    return;
  search->hyper.direction = lode_params_dup (w, search->net, NULL);
  search->hyper.moved = lode_params_dup (w, search->net, NULL);
  search->hyper.plus = g_new0 (float, n);
  search->hyper.minus = g_new0 (float, n);
}

static void
make_alpha (LodeSearch *search)
{
  LodeRng rng = lode_rng (search->host, "search", 0, 0);
  uint32_t n = search->space->options;

  search->mask = g_new0 (uint64_t, search->space->n);
  search->alpha = g_new0 (double, n);
  search->adam = g_new0 (double, 2 * (size_t) n + 1);
  search->dalpha = g_new0 (double, n);
  search->gate = g_new0 (float, n);
  search->dgate = g_new0 (float, n);
  lode_space_all (search->space, search->mask);
  for (uint32_t i = 0; i < n; i++)
    search->alpha[i] = search->conf.spread * lode_rng_normal (&rng);
  set_gates (search);
}

static LodeSearch *
darts_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
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
  if (!open_all (search, error)) {
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
  uint32_t n = search->space->options;
  const uint64_t clock[] = { search->epoch, search->batch };
  const double sums[] = { search->on_train.loss, search->on_train.correct, search->on_train.n,
                          search->on_arch.loss,  search->on_arch.correct,  search->on_arch.n };

  lode_store_put (store, "alpha", LODE_TYPE_F64, n, search->alpha);
  lode_store_put (store, "adam", LODE_TYPE_F64, 2 * (size_t) n + 1, search->adam);
  lode_store_put (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock);
  lode_store_put (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums);
}

static bool
darts_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  uint32_t n = search->space->options;
  g_autofree double *alpha = g_new (double, n), *adam = g_new (double, 2 * (size_t) n + 1);
  uint64_t clock[2];
  double sums[6];

  if (!lode_store_get (store, "alpha", LODE_TYPE_F64, n, alpha, error)
      || !lode_store_get (store, "adam", LODE_TYPE_F64, 2 * (size_t) n + 1, adam, error)
      || !lode_store_get (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock, error)
      || !lode_store_get (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums, error))
    return false;
  memcpy (search->alpha, alpha, n * sizeof *alpha);
  memcpy (search->adam, adam, (2 * (size_t) n + 1) * sizeof *adam);
  search->epoch = clock[0];
  search->batch = clock[1];
  search->on_train = (Tally){ sums[0], sums[1], sums[2] };
  search->on_arch = (Tally){ sums[3], sums[4], sums[5] };
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TAS (Dong & Yang 2019): widths and depths of a network descend the loss on held-out batches
 * through gates over two drawn widths and all depths, and a penalty keeps the expected
 * multiply-adds in a band. Weights and architecture see draws of their own. One step is one batch.
 * What it finds is trained from fresh weights, with the full network as teacher (loss kd).
 */
#include "../common/gates.h"
#include "../common/supernet.h"
#include "draw.h"

#include <string.h>

enum { BELOW, AROUND };
enum { COSINE, LINE };

typedef struct Conf {
  int64_t draws;
  const char *whole;
  double rate, beta1, beta2, decay, spread;
  double cost_weight, ratio, tolerance;
  int32_t band, schedule;
  double first_temperature, last_temperature;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  Conf conf;
  Supernet super;
  Gates gates;         /* mix: the chances; mask: all options */
  uint64_t *mask;      /* [space.n] of a draw */
  float *gate, *dcost; /* [options] of a draw; of the expected cost */
  double full;         /* multiply-adds of the last option everywhere */
  uint64_t drawn;      /* batches */
};

static void
tas_destroy (LodeSearch *search)
{
  if (!search)
    return;
  supernet_clear (&search->super);
  gates_clear (&search->gates);
  g_free (search->mask);
  g_free (search->gate);
  g_free (search->dcost);
  g_free (search);
}

/* What everything at its last option costs: widths and depths rise. */
static bool
find_full (LodeSearch *search, GError **error)
{
  g_autofree uint8_t *arch = g_new0 (uint8_t, search->space->n);
  LodeRng rng = lode_rng (search->host, "full", 0, 0);
  uint64_t macs, params;

  for (uint32_t i = 0; i < search->space->n; i++)
    arch[i] = (uint8_t) (lode_space_at (search->space, i)->n - 1);
  lode_repair (search->host, arch, &rng);
  if (!lode_cost (search->host, arch, &macs, &params, error))
    return false;
  search->full = (double) macs;
  return true;
}

static LodeSearch *
tas_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeNetIn in = { .size = sizeof in, .shared = true };
  LodeSearch *search;
  LodeRng rng = lode_rng (host, "search", 0, 0);

  if (space->n == 0) {
    g_set_error_literal (error, g_quark_from_static_string ("lode-tas"), 0,
                         "search tas: the backbone has nothing to decide; choose one with a space, "
                         "such as tas-resnet");
    return NULL;
  }
  search = g_new0 (LodeSearch, 1);
  search->host = host;
  search->space = space;
  search->conf = *(const Conf *) conf;
  search->mask = g_new0 (uint64_t, space->n);
  search->gate = g_new0 (float, space->options);
  search->dcost = g_new0 (float, space->options);
  gates_init (&search->gates, space, &rng, search->conf.spread);
  search->super.host = host;
  if (supernet_grow (&search->super, &in, error) && supernet_open (&search->super, true, error)
      && find_full (search, error))
    return search;
  tas_destroy (search);
  return NULL;
}

static double
temperature (const LodeSearch *search)
{
  const Conf *conf = &search->conf;
  double epochs = lode_optim_epochs (search->super.optim);

  return tas_temperature (MIN ((double) search->super.epoch / MAX (epochs, 1), 1),
                          conf->first_temperature, conf->last_temperature, conf->schedule == LINE);
}

/* which: 0 for the weights, 1 for the architecture */
static LodeChoice
draw (LodeSearch *search, uint64_t which)
{
  LodeRng rng = lode_rng (search->host, "search", 1 + search->drawn, which);

  tas_draw (search->space, search->gates.mix, search->conf.whole, (uint32_t) search->conf.draws,
            temperature (search), &rng, search->mask, search->gate);
  return (LodeChoice){ .size = sizeof (LodeChoice), .mask = search->mask, .gate = search->gate };
}

static void
tas_best (const LodeSearch *search, uint8_t *arch)
{
  lode_derive (search->host, search->gates.mix, search->gates.mask, arch);
}

/* +1: the network as it stands is too large, −1: too small, 0: in the band. */
static bool
side_of_band (const LodeSearch *search, int *side, double *found, GError **error)
{
  const Conf *conf = &search->conf;
  g_autofree uint8_t *arch = g_new0 (uint8_t, search->space->n);
  double wanted = conf->ratio * search->full, low, high;
  uint64_t macs, params;

  tas_best (search, arch);
  if (!lode_cost (search->host, arch, &macs, &params, error))
    return false;
  high = conf->band == AROUND ? (1 + conf->tolerance) * wanted : wanted;
  low = conf->band == AROUND ? (1 - conf->tolerance) * wanted
                             : wanted - conf->tolerance * search->full;
  *found = (double) macs;
  *side = (double) macs > high ? 1 : (double) macs < low ? -1 : 0;
  return true;
}

/* Adds ± λ ∇ log E in α, E the expected multiply-adds under softmax α. */
static void
add_cost (LodeSearch *search, int side)
{
  Gates *gates = &search->gates;
  double expected = lode_expect (search->host, gates->mix, search->dcost);
  double weight = expected > 0 ? side * search->conf.cost_weight / expected : 0;

  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n;
    double mean = 0;

    for (uint32_t o = first; o < first + n; o++)
      mean += (double) gates->mix[o] * (double) search->dcost[o];
    for (uint32_t o = first; o < first + n; o++)
      gates->dalpha[o] += weight * (double) gates->mix[o] * ((double) search->dcost[o] - mean);
    first += n;
  }
}

static bool
move_alpha (LodeSearch *search, GError **error)
{
  const Conf *conf = &search->conf;
  Gates *gates = &search->gates;
  double macs;
  int side;

  if (!side_of_band (search, &side, &macs, error))
    return false;
  tas_pull (search->space, search->mask, search->gate, gates->dgate, temperature (search),
            gates->dalpha);
  if (side)
    add_cost (search, side);
  lode_adam (gates->adam, search->space->options, gates->alpha, gates->dalpha, conf->rate,
             conf->beta1, conf->beta2, conf->decay);
  gates_set (gates);
  return true;
}

static bool
alpha_step (LodeSearch *search, GError **error)
{
  const LodeBatch *held = lode_stream_next (search->super.arch, error);
  LodePass pass = { .size = sizeof pass, .want = LODE_GATES, .dgate = search->gates.dgate };
  LodeChoice choice;
  bool ok;

  if (!held)
    return false;
  choice = draw (search, 1);
  ok = lode_net_pass (search->super.net, held, &choice, &pass, error);
  lode_stream_release (search->super.arch, held);
  if (!ok)
    return false;
  tally_pass (&search->super.on_arch, &pass);
  return move_alpha (search, error);
}

static bool
end_epoch (LodeSearch *search, GError **error)
{
  const LodeHost *host = search->host;
  double macs;
  int side;

  if (!side_of_band (search, &side, &macs, error))
    return false;
  supernet_report (&search->super);
  lode_metric (host, "temperature", temperature (search));
  lode_metric (host, "gate_entropy", gates_entropy (&search->gates));
  lode_metric (host, "cost_ratio", macs / search->full);
  lode_metric (host, "expected_cost_ratio",
               lode_expect (host, search->gates.mix, search->dcost) / search->full);
  supernet_end_epoch (&search->super);
  return true;
}

static bool
tas_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  const LodeBatch *batch;
  LodeChoice choice;
  bool ok;

  progress->phase = "search";
  batch = supernet_next (&search->super, progress->phase, error);
  if (!batch)
    return false;
  choice = draw (search, 0);
  ok = supernet_step (&search->super, batch, &choice, error) && alpha_step (search, error);
  lode_stream_release (search->super.train, batch);
  search->drawn++;
  if (!ok || (supernet_count (&search->super) && !end_epoch (search, error)))
    return false;
  supernet_progress (&search->super, progress);
  return true;
}

static void
tas_stand (const LodeSearch *search, LodeChoice *choice)
{
  gates_stand (&search->gates, choice);
}

static void
tas_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;

  supernet_save (&search->super, store);
  gates_save (&search->gates, store);
  lode_store_put (store, "drawn", LODE_TYPE_U64, 1, &search->drawn);
}

static bool
tas_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  Supernet super = search->super;
  uint64_t drawn;

  if (!lode_store_get (store, "drawn", LODE_TYPE_U64, 1, &drawn, error)
      || !supernet_load (&super, store, error) || !gates_load (&search->gates, store, error))
    return false;
  search->drawn = drawn;
  search->super = super;
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = tas_save,
                                    .load = tas_load };

static const void *
tas_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const char *const bands[] = { "below", "around", NULL };
static const char *const schedules[] = { "cosine", "line", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, draws, .number = 2, .min = 1, .max = 64, .unit = "options",
               .doc = "options of a decision that a pass runs"),
  LODE_OPTION (Conf, whole, .text = "depth",
               .doc = "the group of decisions of which a pass runs every option"),
  LODE_OPTION (Conf, rate, .number = 1e-3, .max = 10, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "learning rate of the architecture (Adam)"),
  LODE_OPTION (Conf, beta1, .number = 0.5, .max = 0.9999,
               .doc = "Adam's decay of the first moment"),
  LODE_OPTION (Conf, beta2, .number = 0.999, .max = 0.999999,
               .doc = "Adam's decay of the second moment"),
  LODE_OPTION (Conf, decay, .number = 1e-3, .max = 10, .tunable = true, .log_scale = true,
               .doc = "decay of the architecture, as L2 in the gradient"),
  LODE_OPTION (Conf, spread, .number = 1e-2, .max = 10,
               .doc = "standard deviation of the architecture at the start"),
  LODE_OPTION (Conf, cost_weight, .number = 2, .max = 1e4, .tunable = true, .log_scale = true,
               .doc = "weight of the penalty outside the band of costs"),
  LODE_OPTION (Conf, ratio, .number = 0.55, .max = 1, .above_min = true,
               .doc = "multiply-adds wanted, as a share of the full network's"),
  LODE_OPTION (Conf, tolerance, .number = 0.05, .max = 1,
               .doc = "width of the band in which there is no penalty"),
  LODE_OPTION (Conf, band, .choices = bands,
               .doc = "where it lies: from ratio down by a share of the full network, or around "
                      "ratio by a share of itself"),
  LODE_OPTION (Conf, schedule, .choices = schedules,
               .doc = "how the temperature falls over the epochs"),
  LODE_OPTION (Conf, first_temperature, .number = 5, .max = 1e4, .above_min = true,
               .doc = "temperature of the draws at the start"),
  LODE_OPTION (Conf, last_temperature, .number = 0.1, .max = 1e4, .above_min = true,
               .doc = "temperature at the end"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SHARE | LODE_MIX,
  .create = tas_create,
  .destroy = tas_destroy,
  .step = tas_step,
  .best = tas_best,
  .stand = tas_stand,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "tas",
  .version = "1.0",
  .summary = "widths and depths by gradient through a few drawn options, within a band of costs",
  .license = "Apache-2.0",
  .reference = "X. Dong, Y. Yang. Network Pruning via Transformable Architecture Search. NeurIPS "
               "2019",
  .bibtex = "@inproceedings{dong2019network,\n"
            "  title = {Network Pruning via Transformable Architecture Search},\n"
            "  author = {Dong, Xuanyi and Yang, Yi},\n"
            "  booktitle = {Advances in Neural Information Processing Systems},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1905.09717}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = tas_query,
};

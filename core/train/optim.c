/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Optimisers: which weights a step moves, by how much, and with what moments.
 */
#include "train/optim.h"

#include "error.h"
#include "train/moments.h"
#include "train/update.h"

#include <math.h>
#include <string.h>

static const char *const kinds[] = { "sgd", "adam" };

/* Of a norm before it divides, as torch.nn.utils.clip_grad_norm_ has it. */
#define CLIP_FLOOR 1e-6

typedef struct Optim {
  LodeOptim base; /* first: LodeOptim * and Optim * are the same pointer */
  LodeFitConf conf;
  LodeNet *net;
  LodeEngine *engine;
  double epoch, rate;
  LodeMoments moments;
  LodeSpread spread;
} Optim;

static LodeParamSet *
set_of (LodeParams *params)
{
  return (LodeParamSet *) params;
}

static const LodeParamSet *
const_set_of (const LodeParams *params)
{
  return (const LodeParamSet *) params;
}

static bool
is_adam (const Optim *optim)
{
  return optim->conf.optimiser == LODE_OPTIM_ADAM;
}

static uint32_t
moment_count (const LodeFitConf *conf)
{
  return conf->optimiser == LODE_OPTIM_ADAM ? 2 : conf->momentum > 0;
}

static LodeLayout *
net_layout (const Optim *optim)
{
  return set_of (lode_net_params (optim->net))->layout;
}

static double
slot_decay (const Optim *optim, const LodeSlot *slot)
{
  bool small = slot->init == LODE_INIT_ONE || slot->init == LODE_INIT_ZERO
               || g_str_has_suffix (slot->name, ".bias");

  return small && !optim->conf.decay_norm ? 0 : optim->conf.decay;
}

/* One update of a set: a step, or a preview. */
typedef struct Update {
  const Optim *optim;
  const LodeParamSet *w, *grad;
  LodeParamSet *out;
  double scale;
  bool keep; /* moments move */
} Update;

static bool
moves (const Update *update, uint32_t slot)
{
  return update->w->at[slot] && update->grad->at[slot]
         && !lode_layout_slot (update->w->layout, slot)->frozen;
}

static float *
moment_at (const Optim *optim, uint32_t which, const LodePiece *piece)
{
  const LodeMoments *moments = &optim->moments;

  return which < moments->n ? set_of (moments->at[which])->at[piece->slot] + piece->from : NULL;
}

static void
descend_piece (const Update *update, const LodePiece *piece, const float *w, const float *g,
               float *out)
{
  const Optim *optim = update->optim;
  LodeDescent how = { .rate = optim->rate,
                      .scale = update->scale,
                      .decay =
                          slot_decay (optim, lode_layout_slot (update->w->layout, piece->slot)),
                      .momentum = optim->conf.momentum,
                      .nesterov = optim->conf.nesterov };
  float *v = moment_at (optim, 0, piece);

  lode_descend (&how, piece->n, w, g, v, update->keep ? v : NULL, out);
}

/* The slot's steps are counted by the caller where they are kept. */
static void
adam_piece (const Update *update, const LodePiece *piece, const float *w, const float *g,
            float *out)
{
  const Optim *optim = update->optim;
  LodeAdam how = { .rate = optim->rate,
                   .scale = update->scale,
                   .decay = slot_decay (optim, lode_layout_slot (update->w->layout, piece->slot)),
                   .beta1 = optim->conf.beta1,
                   .beta2 = optim->conf.beta2,
                   .step = optim->moments.steps[piece->slot] + !update->keep };

  lode_descend_adam (&how, piece->n, w, g, moment_at (optim, 0, piece), moment_at (optim, 1, piece),
                     update->keep, out);
}

static void
update_piece (void *data, LodePiece *piece)
{
  const Update *update = data;
  const float *w = update->w->at[piece->slot] + piece->from;
  float *out = update->out->at[piece->slot] + piece->from;

  if (!moves (update, piece->slot))
    memmove (out, w, piece->n * sizeof (float));
  else if (is_adam (update->optim))
    adam_piece (update, piece, w, update->grad->at[piece->slot] + piece->from, out);
  else
    descend_piece (update, piece, w, update->grad->at[piece->slot] + piece->from, out);
}

static void
spread_slot (LodeSpread *spread, const LodeParamSet *set, uint32_t slot)
{
  lode_spread_add (spread, slot, lode_slot_size (lode_layout_slot (set->layout, slot)));
}

/* Slots that all of the sets cover; sets of one layout may differ in length where it grew. */
static uint32_t
common_slots (const Update *update)
{
  uint32_t n = MIN (update->w->slots, update->grad->slots);

  return MIN (MIN (n, update->out->slots), update->optim->moments.slots);
}

/* The norm is that of the weights about to move. */
static double
clip_scale (Optim *optim, const LodeParamSet *grad)
{
  double norm =
      sqrt (lode_spread_square (&optim->spread, lode_engine_threads (optim->engine), grad, NULL));

  return MIN (1, optim->conf.clip / (norm + CLIP_FLOOR));
}

static void
optim_step (LodeOptim *base, LodeParams *w, const LodeParams *grad, uint32_t flags)
{
  Optim *optim = (Optim *) base;
  Update update = { optim, set_of (w), const_set_of (grad), set_of (w), 1, true };

  lode_moments_follow (&optim->moments, net_layout (optim));
  g_return_if_fail (update.w->layout == optim->moments.layout);
  g_return_if_fail (update.grad->layout == optim->moments.layout);
  lode_spread_reset (&optim->spread);
  for (uint32_t i = 0, n = common_slots (&update); i < n; i++)
    if (moves (&update, i) && (!(flags & LODE_TOUCHED) || update.grad->touched[i])) {
      spread_slot (&optim->spread, update.w, i);
      optim->moments.steps[i]++;
      update.out->touched[i] = true;
    }
  if (flags & LODE_CLIP && optim->conf.clip > 0)
    update.scale = clip_scale (optim, update.grad);
  lode_spread_run (&optim->spread, lode_engine_threads (optim->engine), update_piece, &update);
}

/* Not clipped, as the formula in net.h has it. With `nesterov` it is that kind of step. */
static void
optim_preview (const LodeOptim *base, const LodeParams *w, const LodeParams *grad, LodeParams *out)
{
  Optim *optim = (Optim *) (uintptr_t) base; /* to follow the net changes no value */
  Update update = { optim, const_set_of (w), const_set_of (grad), set_of (out), 1, false };
  g_auto (LodeSpread) spread;

  lode_spread_init (&spread);
  lode_moments_follow (&optim->moments, net_layout (optim));
  g_return_if_fail (update.w->layout == optim->moments.layout);
  g_return_if_fail (update.grad->layout == optim->moments.layout);
  g_return_if_fail (update.out->layout == optim->moments.layout);
  for (uint32_t i = 0, n = common_slots (&update); i < n; i++)
    if (update.w->at[i] && update.out->at[i]) {
      spread_slot (&spread, update.w, i);
      update.out->touched[i] = true;
    }
  lode_spread_run (&spread, lode_engine_threads (optim->engine), update_piece, &update);
}

static double
optim_rate (const LodeOptim *base)
{
  return ((const Optim *) base)->rate;
}

static void
optim_epoch (LodeOptim *base, double epoch)
{
  Optim *optim = (Optim *) base;
  LodeForce force = lode_fit_force (&optim->conf, epoch);

  optim->epoch = epoch;
  optim->rate = lode_fit_rate (&optim->conf, epoch);
  lode_net_force (optim->net, &force);
}

static uint32_t
optim_epochs (const LodeOptim *base)
{
  return (uint32_t) ((const Optim *) base)->conf.epochs;
}

static void
optim_free (LodeOptim *base)
{
  Optim *optim = (Optim *) base;

  lode_moments_clear (&optim->moments);
  lode_spread_clear (&optim->spread);
  g_free (optim);
}

static const LodeOptimCalls calls = {
  .size = sizeof (LodeOptimCalls),
  .rate = optim_rate,
  .step = optim_step,
  .preview = optim_preview,
  .epoch = optim_epoch,
  .epochs = optim_epochs,
  .free = optim_free,
};

LodeOptim *
lode_optim_make (const LodeFitConf *conf, LodeNet *net)
{
  Optim *optim = g_new0 (Optim, 1);

  optim->base.calls = &calls;
  optim->conf = *conf;
  optim->net = net;
  optim->engine = lode_net_engine (net);
  optim->moments = lode_moments_new (net_layout (optim), moment_count (conf));
  lode_spread_init (&optim->spread);
  optim_epoch (&optim->base, 0);
  return &optim->base;
}

void
lode_optim_store (const LodeOptim *base, const char *prefix, LodeStore *store)
{
  Optim *optim = (Optim *) (uintptr_t) base; /* to follow the net changes no value */
  g_autofree char *kind = g_strconcat (prefix, "kind", NULL);
  g_autofree char *epoch = g_strconcat (prefix, "epoch", NULL);

  lode_moments_follow (&optim->moments, net_layout (optim));
  lode_store_put (store, kind, LODE_TYPE_I32, 1, &optim->conf.optimiser);
  lode_store_put (store, epoch, LODE_TYPE_F64, 1, &optim->epoch);
  lode_moments_store (&optim->moments, prefix, store);
}

static bool
get_clock (const Optim *optim, const char *prefix, const LodeStore *store, double *epoch,
           GError **error)
{
  g_autofree char *kind_name = g_strconcat (prefix, "kind", NULL);
  g_autofree char *epoch_name = g_strconcat (prefix, "epoch", NULL);
  int32_t kind;

  if (!lode_store_get (store, kind_name, LODE_TYPE_I32, 1, &kind, error)
      || !lode_store_get (store, epoch_name, LODE_TYPE_F64, 1, epoch, error))
    return false;
  if (kind != optim->conf.optimiser) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "the checkpoint's optimiser \"%s\" is %s, this one %s; resume with the run's own "
                 "configuration",
                 prefix,
                 kind >= 0 && kind < (int32_t) G_N_ELEMENTS (kinds) ? kinds[kind] : "unknown",
                 kinds[optim->conf.optimiser]);
    return false;
  }
  if (!isfinite (*epoch) || *epoch < 0) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "the checkpoint's optimiser \"%s\" stands at epoch %g, expected a number of at "
                 "least 0; the file is damaged",
                 prefix, *epoch);
    return false;
  }
  return true;
}

bool
lode_optim_restore (LodeOptim *base, const char *prefix, const LodeStore *store, GError **error)
{
  Optim *optim = (Optim *) base;
  double epoch;

  if (!get_clock (optim, prefix, store, &epoch, error))
    return false;
  lode_moments_follow (&optim->moments, net_layout (optim));
  if (!lode_moments_restore (&optim->moments, prefix, store, error))
    return false;
  optim_epoch (base, epoch);
  return true;
}

double
lode_params_square (LodeEngine *engine, const LodeParams *params, int32_t *bad)
{
  const LodeParamSet *set = const_set_of (params);
  g_auto (LodeSpread) spread;

  lode_spread_init (&spread);
  for (uint32_t i = 0; i < set->slots; i++)
    if (set->at[i])
      spread_slot (&spread, set, i);
  return lode_spread_square (&spread, lode_engine_threads (engine), set, bad);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passes over a split as it is: validation figures, statistics re-estimated. Nothing is dropped out
 * and no weight changes.
 */
#include "train/private.h"

#include "error.h"
#include <math.h>
#include <string.h>

typedef bool (*BatchFunc) (Net *, NetRun *, void *data, GError **);

/* f on the first `most` batches of a role's split, in its order, each once. */
static bool
walk (Net *net, uint32_t role, uint32_t most, NetRun *run, BatchFunc f, void *data, GError **error)
{
  LodeStreamSpec spec = { .role = role, .batch = net->spec.batch, .seed = net->spec.seed };
  LodeStream *stream = lode_stream_new (net->spec.data, &spec, error);
  uint32_t batches;
  bool ok = stream != NULL;

  batches = ok ? MIN (lode_stream_batches (stream), most) : 0;
  for (uint32_t i = 0; ok && i < batches; i++) {
    run->batch = lode_stream_next (stream, error);
    ok = run->batch && f (net, run, data, error);
    if (run->batch)
      lode_stream_release (stream, run->batch);
  }
  lode_stream_close (stream);
  return ok;
}

static NetRun
run_of (const Net *net, const LodeChoice *choice, LodeStats *stats, LodeStatsMode mode)
{
  return (NetRun){ .mask = choice ? choice->mask : NULL,
                   .bind = { .weights = net->params,
                             .stats = stats,
                             .mode = mode,
                             .gate = choice ? choice->gate : NULL } };
}

typedef struct Tally {
  LodeReduced loss;
  uint64_t n, correct;
} Tally;

static bool
measure_batch (Net *net, NetRun *run, void *data, GError **error)
{
  const LodeBatch *batch = run->batch;
  Tally *tally = data;
  LodeReduced part;
  bool labelled;

  if (!lode_net_labelled (net, batch, true, &labelled, error)
      || !lode_net_forward (net, run, error))
    return false;
  part = lode_criterion_run (&net->criterion, lode_engine_threads (net->spec.engine), batch,
                             run->logit, NULL, 0, lode_net_value (net, batch->n), NULL);
  if (!isfinite (part.sum)) {
    lode_net_not_finite (batch, lode_reduced_mean (part), "net: the loss in validation is", error);
    return false;
  }
  tally->loss.sum += part.sum;
  tally->loss.weight += part.weight;
  tally->n += batch->n;
  if (batch->label)
    tally->correct += lode_correct (batch->n, net->criterion.k, run->logit, batch->label);
  return true;
}

bool
lode_net_measure_both (LodeNet *base, const LodeChoice *choice, LodeStats *stats, double *accuracy,
                       double *loss, GError **error)
{
  Net *net = (Net *) base;
  NetRun run = run_of (net, choice, stats ? stats : net->stats, LODE_STATS_STORED);
  Tally tally = { 0 };

  if (!walk (net, LODE_ROLE_VALID, UINT32_MAX, &run, measure_batch, &tally, error))
    return false;
  *loss = lode_reduced_mean (tally.loss);
  *accuracy = lode_data_targets (net->spec.data) ? NAN : (double) tally.correct / (double) tally.n;
  return true;
}

bool
lode_net_run_measure (LodeNet *base, const LodeChoice *choice, LodeStats *stats, const char *metric,
                      double *value, GError **error)
{
  const Net *net = (const Net *) base;
  bool is_accuracy = strcmp (metric, "accuracy") == 0;
  double accuracy, loss;

  if (!is_accuracy && strcmp (metric, "loss") != 0) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "net: there is no metric \"%s\"; accuracy and loss can be measured", metric);
    return false;
  }
  if (is_accuracy && lode_data_targets (net->spec.data)) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                         "net: real targets have no accuracy; measure the loss");
    return false;
  }
  if (!lode_net_measure_both (base, choice, stats, &accuracy, &loss, error))
    return false;
  *value = is_accuracy ? accuracy : loss;
  return true;
}

static bool
pool_batch (Net *net, NetRun *run, void *data, GError **error)
{
  (void) data;
  return lode_net_forward (net, run, error);
}

/* Weights that ran away leave statistics that are not finite, and no loss to tell of it. */
static bool
check_stats (const Net *net, const LodeStatSet *set, GError **error)
{
  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->norms, i);

    for (size_t j = 0, n = lode_slot_size (slot); j < n; j++)
      if (!isfinite (set->at[i][j])) {
        g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER,
                     "net: the statistics of \"%s\", estimated again, are not finite; the weights "
                     "have run away, or an example is not finite",
                     slot->name);
        return false;
      }
  }
  return true;
}

bool
lode_net_run_recalibrate (LodeNet *base, const LodeChoice *choice, uint32_t batches,
                          LodeStats *stats, GError **error)
{
  Net *net = (Net *) base;
  LodeStats *own = lode_statset_new (net->norms);
  LodeStatSet *set = (LodeStatSet *) own;
  NetRun run = run_of (net, choice, own, LODE_STATS_POOL);
  bool ok;

  stats = stats ? stats : net->stats;
  ok = lode_net_check_sets (net, NULL, NULL, stats, error);
  if (ok) {
    lode_statset_copy (own, stats);
    memset (set->pooled, 0, set->slots * sizeof *set->pooled);
    ok = walk (net, LODE_ROLE_CALIBRATE, batches, &run, pool_batch, NULL, error)
         && check_stats (net, set, error);
  }
  if (ok)
    lode_statset_copy (stats, own);
  lode_stats_free (own);
  return ok;
}

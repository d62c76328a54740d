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

/* The split's rows so far. */
typedef struct Rows {
  GArray *logit, *label, *group; /* float, int32_t; group: of data that have groups */
  bool grouped;
} Rows;

static bool
keep_batch (Net *net, NetRun *run, void *data, GError **error)
{
  const LodeBatch *batch = run->batch;
  Rows *rows = data;
  bool labelled;

  if (!lode_net_labelled (net, batch, false, &labelled, error)
      || !lode_net_forward (net, run, error))
    return false;
  g_array_append_vals (rows->logit, run->logit, batch->n * net->criterion.k);
  g_array_append_vals (rows->label, batch->label, batch->n);
  rows->grouped = batch->group != NULL;
  if (batch->group)
    g_array_append_vals (rows->group, batch->group, batch->n);
  return true;
}

static bool
check_targets (const Net *net, const char *metric, GError **error)
{
  if (!lode_data_targets (net->spec.data))
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "net: real targets have no %s; measure the loss", metric);
  return false;
}

static LodeMetricsIn
metrics_in (const Net *net)
{
  return lode_metrics_in (net->spec.metrics ? net->spec.metrics : lode_metrics_default (),
                          net->spec.data, net->criterion.k);
}

LodeOutcomes *
lode_net_outcomes (LodeNet *base, const LodeChoice *choice, LodeStats *stats, GError **error)
{
  Net *net = (Net *) base;
  NetRun run = run_of (net, choice, stats ? stats : net->stats, LODE_STATS_STORED);
  LodeMetricsIn in = metrics_in (net);
  g_autoptr (GArray) logit = g_array_new (FALSE, FALSE, sizeof (float));
  g_autoptr (GArray) label = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) group = g_array_new (FALSE, FALSE, sizeof (int32_t));
  Rows rows = { logit, label, group, false };

  if (!check_targets (net, "metrics of classes", error)
      || !walk (net, LODE_ROLE_VALID, UINT32_MAX, &run, keep_batch, &rows, error))
    return NULL;
  return lode_outcomes_new (&in, label->len, (const float *) (void *) logit->data,
                            (const int32_t *) (void *) label->data,
                            rows.grouped ? (const int32_t *) (void *) group->data : NULL);
}

/* Loss and accuracy need no rows kept. sign: what larger values are, better (1) or worse. */
static bool
measure (LodeNet *base, const LodeChoice *choice, LodeStats *stats, const char *name, double *value,
         int *sign, GError **error)
{
  Net *net = (Net *) base;
  LodeMetricsIn in = metrics_in (net);
  bool is_loss = strcmp (name, "loss") == 0;
  LodeMetric metric;
  double accuracy, loss;

  *sign = -1;
  if (!is_loss
      && (!check_targets (net, name, error) || !lode_metric_parse (name, &in, &metric, error)))
    return false;
  if (is_loss || strcmp (name, "accuracy") == 0) {
    if (!lode_net_measure_both (base, choice, stats, &accuracy, &loss, error))
      return false;
    *value = is_loss ? loss : accuracy;
  } else {
    g_autoptr (LodeOutcomes) of = lode_net_outcomes (base, choice, stats, error);

    if (!of)
      return false;
    *value = lode_metric_value (of, &metric);
  }
  if (!is_loss)
    *sign = lode_metric_sign (&metric);
  return true;
}

bool
lode_net_run_measure (LodeNet *base, const LodeChoice *choice, LodeStats *stats, const char *metric,
                      double *value, GError **error)
{
  int sign;

  return measure (base, choice, stats, metric, value, &sign, error);
}

bool
lode_net_run_score (LodeNet *base, const LodeChoice *choice, LodeStats *stats, const char *metric,
                    double *value, GError **error)
{
  double found;
  int sign;

  if (!measure (base, choice, stats, metric, &found, &sign, error))
    return false;
  if (isnan (found)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "net: %s is not defined on the validation split, so that nothing can be chosen by "
                 "it; take another metric, or more examples (data.valid)",
                 metric);
    return false;
  }
  *value = sign * found;
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nets, data and streams for the plugins of a stage, and what is counted of their use.
 */
#include "run/host.h"

#include "compute/seed.h"
#include "error.h"
#include "run/store.h"
#include "train/fit.h"

#include <math.h>

/* Whatever a plugin calls its error, it is one of data. */
static LodeDataset *
open_dataset (LodeStageHost *host, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_DATASET];
  g_autoptr (GError) failure = NULL;
  LodeDataset *dataset =
      ((const LodeDatasetOps *) use->loaded->ops)->open (&host->base, use->conf, &failure);

  if (!dataset && failure)
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, failure->message);
  return dataset;
}

/* A slip in what is reported is told before anything is trained. */
static bool
check_metrics (const LodeStageHost *host, const LodeData *data, GError **error)
{
  const LodeMetricsConf *conf = &host->spec->metrics;
  LodeMetricsIn in = lode_metrics_in (conf, data, lode_data_classes (data));
  LodeMetric metric;

  for (size_t i = 0; in.k && i < conf->report.n; i++)
    if (!lode_metric_parse (conf->report.at[i], &in, &metric, error))
      return false;
  return true;
}

LodeData *
lode_host_data (LodeStageHost *host, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_DATASET];
  const LodeDatasetOps *ops = use->loaded->ops;
  LodeDataset *dataset;

  if (host->data)
    return host->data;
  dataset = open_dataset (host, error);
  if (!dataset)
    return NULL;
  host->data = lode_data_new (ops, dataset, &host->spec->data,
                              (uint64_t) host->shared->experiment->conf.seed, error);
  for (guint i = 0; host->data && i < lode_data_notes (host->data)->len; i++)
    lode_log (&host->base, LODE_LOG_WARNING, lode_data_notes (host->data)->pdata[i]);
  if (host->data && !check_metrics (host, host->data, error))
    g_clear_pointer (&host->data, lode_data_free);
  if (host->data)
    host->seen = g_new0 (uint8_t, lode_data_count (host->data, LODE_ROLE_WEIGHTS) + 1);
  return host->data;
}

/* What a backbone cannot be made for may be the samples as well as its options. */
static LodeBackbone *
make_backbone (LodeStageHost *host, const LodeShape *shape, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_BACKBONE];
  const LodeBackboneOps *ops = use->loaded->ops;
  GError *failure = NULL;
  LodeBackbone *backbone = ops->create (&host->base, use->conf, shape, &failure);

  if (failure)
    g_set_error (error, failure->domain, failure->code,
                 "%s (samples of dataset %s are %u × %u × %u)", failure->message,
                 host->spec->use[LODE_USE_DATASET].loaded->plugin->name, shape->h, shape->w,
                 shape->c);
  g_clear_error (&failure);
  return backbone;
}

bool
lode_host_backbone (LodeStageHost *host, LodeArchFamily *family, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_BACKBONE];
  const LodeBackboneOps *ops = use->loaded->ops;
  LodeData *data = lode_host_data (host, error);
  LodeShape shape;

  if (!data)
    return false;
  shape = lode_data_shape (data);
  if (!host->backbone) {
    g_autofree char *wrong = NULL;

    host->backbone = make_backbone (host, &shape, error);
    if (!host->backbone)
      return false;
    wrong = lode_space_check (ops->space (host->backbone));
    if (wrong) {
      g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_OPS, "backbone %s: its space: %s",
                   use->loaded->plugin->name, wrong);
      return false;
    }
  }
  *family = (LodeArchFamily){ ops, host->backbone };
  return true;
}

/* Labels are shown to a sampler that declared that it reads them. */
LodeSampler *
lode_host_sampler (LodeStageHost *host, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_SAMPLER];
  const LodeSamplerOps *ops = use->loaded->ops;
  LodeData *data = lode_host_data (host, error);

  if (!data)
    return NULL;
  if (host->sampler)
    return host->sampler;
  lode_data_show_labels (data, (ops->needs & LODE_LABELS) != 0);
  return host->sampler = ops->create (&host->base, use->conf, lode_data_pool (data), error);
}

/* Selections within a score are the score's affair, in whichever process it is made. */
static bool
host_select (void *data, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  LodeStageHost *host = data;
  const LodeSamplerOps *ops = host->spec->use[LODE_USE_SAMPLER].loaded->ops;

  return ops->select (host->sampler, ask, picks, error)
         && (host->quiet || lode_grow_subset (host, ask->epoch, picks, error));
}

/* A stream of this stage; WEIGHTS asks the sampler. */
static LodeStream *
make_stream (LodeStageHost *host, uint32_t role, GError **error)
{
  LodeData *data = lode_host_data (host, error);
  LodeStreamSpec spec = {
    .role = role, .batch = (uint32_t) host->spec->fit.batch, .augment = true, .seed = host->seed
  };

  if (!data)
    return NULL;
  if (role == LODE_ROLE_WEIGHTS) {
    if (!lode_host_sampler (host, error))
      return NULL;
    spec.select = host_select;
    spec.select_data = host;
  }
  return lode_stream_new (data, &spec, error);
}

/* Held-out labels are used from the first batch on, each split once. */
void
lode_host_count_labels (LodeStageHost *host, uint32_t role)
{
  bool held = role == LODE_ROLE_ARCH || role == LODE_ROLE_VALID;

  if (!held || (host->labelled & (1u << role)))
    return;
  host->labelled |= 1u << role;
  host->ledger.labels += lode_data_count (host->data, role);
}

LodeStream *
lode_host_stream (LodeStageHost *host, uint32_t role, GError **error)
{
  LodeStream *stream = make_stream (host, role, error);

  if (!stream)
    return NULL;
  lode_open_keep (host, LODE_OPEN_STREAM, stream)->role = role;
  lode_host_count_labels (host, role);
  return stream;
}

LodeStream *
lode_host_stream_open (const LodeHost *base, uint32_t role, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  const LodeStageOps *stage = host->spec->use[LODE_USE_STAGE].loaded->ops;

  if (role != LODE_ROLE_TEST || (stage->rights & LODE_RIGHT_TEST))
    return lode_host_stream (host, role, error);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "stage %s may not open the test split: only a stage that declares LODE_RIGHT_TEST "
               "may",
               host->spec->name);
  return NULL;
}

/* What the weights' pass saw: the sampler hears it, the ledger counts examples once. */
static void
observe (void *data, const LodeSeen *seen)
{
  LodeStageHost *host = data;
  const LodeSamplerOps *ops = host->spec->use[LODE_USE_SAMPLER].loaded->ops;

  for (uint32_t i = 0; i < seen->n; i++) {
    uint8_t *before = &host->seen[seen->index[i]];

    host->ledger.distinct += !*before;
    host->ledger.labels += !*before && seen->label;
    if (!*before)
      *before = seen->label ? LODE_SEEN_LABEL : LODE_SEEN_EXAMPLE;
  }
  if (ops->observe && host->sampler && !host->quiet)
    ops->observe (host->sampler, seen);
}

/* Backward costs about twice its forward. */
static void
count (void *data, uint32_t samples, uint64_t macs, bool backward)
{
  LodeLedger *ledger = &((LodeStageHost *) data)->ledger;

  ledger->samples += samples;
  ledger->macs += samples * macs * (backward ? 3 : 1);
}

bool
lode_host_net_spec (LodeStageHost *host, LodeNetSpec *spec, GError **error)
{
  const LodeUse *loss = &host->spec->use[LODE_USE_LOSS];
  const LodeUse *arch = &host->spec->use[LODE_USE_ARCH_LOSS];
  const LodeLossOps *ops = loss->loaded->ops;
  LodeArchFamily family;

  if (!lode_host_backbone (host, &family, error))
    return false;
  *spec = (LodeNetSpec){ .engine = host->shared->engine,
                         .backbone_ops = family.ops,
                         .backbone = family.backbone,
                         .loss_ops = ops,
                         .loss = ops->create (&host->base, loss->conf, error),
                         .data = host->data,
                         .batch = (uint32_t) host->spec->fit.batch,
                         .seed = host->seed,
                         .reweight = { host->spec->fit.reweight, host->spec->fit.reweight_power,
                                       host->spec->fit.reweight_beta },
                         .label_smoothing = host->spec->fit.label_smoothing,
                         .metrics = &host->spec->metrics,
                         .data_ = host,
                         .observe = observe,
                         .count = count };
  if (!spec->loss || !arch->loaded)
    return spec->loss != NULL;
  spec->arch_loss_ops = arch->loaded->ops;
  spec->arch_loss = spec->arch_loss_ops->create (&host->base, arch->conf, error);
  if (spec->arch_loss)
    return true;
  lode_host_net_losses_free (spec);
  spec->loss = NULL;
  return false;
}

void
lode_host_net_losses_free (const LodeNetSpec *spec)
{
  spec->loss_ops->destroy (spec->loss);
  if (spec->arch_loss)
    spec->arch_loss_ops->destroy (spec->arch_loss);
}

LodeNet *
lode_host_net (LodeStageHost *host, const LodeNetIn *in, GError **error)
{
  LodeNetSpec spec;
  LodeOpen *open;
  LodeNet *net;

  if (!lode_host_net_spec (host, &spec, error))
    return NULL;
  net = lode_net_make (&spec, in, error);
  if (!net) {
    lode_host_net_losses_free (&spec);
    return NULL;
  }
  open = lode_open_keep (host, LODE_OPEN_NET, net);
  open->loss = spec.loss;
  open->arch_loss = spec.arch_loss;
  host->weights = MAX (host->weights, lode_params_count (lode_net_params (net)));
  return net;
}

/* Weights of the net at an input port, where names and shapes agree. */
static bool
adopt (LodeStageHost *host, LodeNet *net, const char *port, GError **error)
{
  g_autofree char *path = lode_host_art_path (&host->base, port, 0, error);
  g_autoptr (LodeStore) store = path ? lode_store_read (path, error) : NULL;

  if (!path && error && !*error)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "stage %s: no net is connected to its port %s", host->spec->name, port);
  if (!store)
    return false;
  if (lode_net_adopt (net, "net.", store) > 0)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "stage %s: %s has no weight of this backbone", host->spec->name, path);
  return false;
}

LodeNet *
lode_host_net_new (const LodeHost *base, const LodeNetIn *in, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeNet *net = lode_host_net (host, in, error);

  if (!net || !in->from || host->shared->plan || adopt (host, net, in->from, error))
    return net;
  lode_net_free (net);
  return NULL;
}

/* Who asks is told that there is none; why is for people. */
static void
host_log_failure (const LodeHost *base, const GError *failure)
{
  base->calls->log (base, LODE_LOG_WARNING, failure->message);
}

/* The super-network that is open, else the one at the input port. */
LodeNet *
lode_host_net_current (const LodeHost *base)
{
  LodeStageHost *host = lode_host_of (base);
  g_autoptr (GError) failure = NULL;

  for (guint i = 0; i < host->open->len; i++) {
    const LodeOpen *open = g_ptr_array_index (host->open, i);

    if (open->what == LODE_OPEN_NET && lode_net_in (open->object).shared)
      return open->object;
  }
  if (!host->given && lode_stage_link (host->spec, "net"))
    host->given = lode_host_net_open (base, "net", 0, &failure);
  if (failure)
    host_log_failure (base, failure);
  return host->given;
}

LodeOptim *
lode_host_optim_new (const LodeHost *base, LodeNet *net, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeOptim *optim = lode_optim_make (&host->spec->fit, net);

  (void) error;
  lode_open_keep (host, LODE_OPEN_OPTIM, optim);
  return optim;
}

static void
fit_metric (void *data, const char *name, double value)
{
  const LodeStageHost *host = data;

  host->base.calls->metric (&host->base, name, value);
}

/* The net that a loss hears, where it hears one; *ok: all is well. */
static LodeNet *
teacher_of (LodeStageHost *host, bool *ok, GError **error)
{
  const LodeLossOps *ops = host->spec->use[LODE_USE_LOSS].loaded->ops;

  *ok = true;
  if (!(ops->needs & LODE_TEACHER))
    return NULL;
  if (!host->teacher)
    host->teacher = lode_host_net_open (&host->base, "teacher", 0, error);
  *ok = host->teacher != NULL;
  return host->teacher;
}

LodeFit *
lode_host_fit_new (const LodeHost *base, LodeNet *net, const LodeChoice *choice, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeStream *stream = lode_host_stream (host, LODE_ROLE_WEIGHTS, error);
  LodeFitSpec spec = { .conf = &host->spec->fit,
                       .net = net,
                       .choice = choice,
                       .stream = stream,
                       .data = host,
                       .metric = fit_metric };
  LodeFit *fit;
  bool ok;

  if (!stream)
    return NULL;
  spec.teacher = teacher_of (host, &ok, error);
  if (!ok) {
    lode_stream_close (stream);
    return NULL;
  }
  spec.validates = lode_data_count (host->data, LODE_ROLE_VALID) > 0;
  fit = lode_fit_make (&spec, error);
  if (fit)
    lode_open_keep (host, LODE_OPEN_FIT, fit)->stream = stream;
  else
    lode_stream_close (stream);
  return fit;
}

/* A figure as a name of letters, digits and '_', with its interval where there is one. */
static void
take_figure (void *data, const char *name, const LodeInterval *interval)
{
  const char *prefix = ((const char **) data)[1];
  const LodeHost *base = ((const void **) data)[0];
  g_autofree char *figure = g_strdup_printf ("%s_%s", prefix, name);
  g_autofree char *low = NULL, *high = NULL;

  g_strcanon (figure, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_.-", '_');
  low = g_strconcat (figure, "_low", NULL);
  high = g_strconcat (figure, "_high", NULL);
  base->stage->result (base, figure, interval->value);
  if (isnan (interval->low))
    return;
  base->stage->result (base, low, interval->low);
  base->stage->result (base, high, interval->high);
}

static bool
report (const LodeHost *base, const char *prefix, const LodeOutcomes *of, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  const void *data[] = { base, prefix };

  return lode_metrics_report (of, lode_engine_threads (host->shared->engine), host->seed,
                              take_figure, (void *) data, error);
}

bool
lode_host_figures (const LodeHost *base, const char *prefix, const LodeLogits *logits,
                   GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeMetricsIn in = lode_metrics_in (&host->spec->metrics, host->data, logits->k);
  g_autoptr (LodeOutcomes) of =
      lode_outcomes_new (&in, logits->n, logits->logit, logits->label, logits->group);

  return report (base, prefix, of, error);
}

bool
lode_host_valid_figures (const LodeHost *base, LodeNet *net, const LodeChoice *choice,
                         GError **error)
{
  g_autoptr (LodeOutcomes) of = lode_net_outcomes (net, choice, NULL, error);

  return of && report (base, "valid", of, error);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The training loop. Where it stands is an epoch, a batch and the sums of the epoch so far; all
 * else is the net's, the optimiser's and the stream's.
 */
#include "train/fit.h"

#include "error.h"
#include <string.h>

enum { AT_EPOCH, AT_BATCH, AT_ROWS, AT_CORRECT, AT_N };

typedef struct Fit {
  LodeFit base; /* first */
  LodeFitConf conf;
  LodeFitSpec spec; /* conf and choice point to what lies here */
  LodeChoice choice;
  uint64_t *mask;     /* [space.n] or NULL */
  float *gate, *drop; /* [space.options] or NULL */
  LodeOptim *optim;
  LodeParams *grad;
  uint64_t at[AT_N]; /* epoch and batch to come; rows and correct ones of this epoch */
  double loss;       /* Σ loss · rows of this epoch */
  float *taught;     /* [rows][k] what the teacher says */
  size_t room;       /* rows · k */
} Fit;

static void
report (const Fit *fit, const char *name, double value)
{
  if (fit->spec.metric)
    fit->spec.metric (fit->spec.data, name, value);
}

/* A gradient for the net's weights as they are now: a restored head may be of another size. */
static LodeParams *
gradient_of (Fit *fit)
{
  LodeLayout *layout = ((LodeParamSet *) lode_net_params (fit->spec.net))->layout;

  if (!fit->grad || ((LodeParamSet *) fit->grad)->layout != layout) {
    lode_params_free (fit->grad);
    fit->grad = lode_params_new (layout, NULL);
  }
  return fit->grad;
}

/* Drop-path rises from 0 over the epochs (Larsson et al. 2017; Zoph et al. 2018). */
static float
drop_path_at (const Fit *fit)
{
  return (float) (fit->conf.drop_path * (double) fit->at[AT_EPOCH] / (double) fit->conf.epochs);
}

/* What the teacher says of a batch, as the student sees it. NULL with an error, or without a
 * teacher. */
static const float *
ask_teacher (Fit *fit, const LodeBatch *batch, GError **error)
{
  size_t size = (size_t) batch->n * lode_net_outputs (fit->spec.net);
  LodePass pass = { .size = sizeof pass, .want = LODE_STORED };

  if (!fit->spec.teacher)
    return NULL;
  if (size > fit->room) {
    fit->room = size;
    fit->taught = g_renew (float, fit->taught, size);
  }
  pass.logit = fit->taught;
  return lode_net_pass (fit->spec.teacher, batch, NULL, &pass, error) ? fit->taught : NULL;
}

static bool
train_batch (Fit *fit, const LodeBatch *batch, GError **error)
{
  LodeNetIn in = lode_net_in (fit->spec.net);
  bool aux = in.aux && fit->conf.aux_weight > 0;
  LodePass pass = { .size = sizeof pass,
                    .want = LODE_WEIGHTS | LODE_OBSERVE | LODE_TRACK | (aux ? LODE_AUX : 0),
                    .grad = gradient_of (fit),
                    .drop_path = drop_path_at (fit),
                    .aux_weight = (float) fit->conf.aux_weight,
                    .teacher = ask_teacher (fit, batch, error) };

  if (fit->spec.teacher && !pass.teacher)
    return false;
  if (!lode_net_pass (fit->spec.net, batch, fit->spec.choice, &pass, error))
    return false;
  lode_optim_step (fit->optim, lode_net_params (fit->spec.net), pass.grad,
                   LODE_CLIP | (in.shared ? LODE_TOUCHED : 0));
  fit->loss += pass.loss * pass.n;
  fit->at[AT_ROWS] += pass.n;
  fit->at[AT_CORRECT] += pass.correct;
  return true;
}

/* The sampler hears what is better when larger. */
static bool
validate (const Fit *fit, bool classes, GError **error)
{
  double accuracy, loss;

  if (!lode_net_measure_both (fit->spec.net, fit->spec.choice, NULL, &accuracy, &loss, error))
    return false;
  report (fit, "valid_loss", loss);
  if (classes)
    report (fit, "valid_accuracy", accuracy);
  lode_stream_valid (fit->spec.stream, classes ? accuracy : -loss);
  return true;
}

static bool
is_validated (const Fit *fit, uint64_t done)
{
  uint64_t every = (uint64_t) fit->conf.validate;

  return fit->spec.validates && every && (done % every == 0 || done == (uint64_t) fit->conf.epochs);
}

static bool
end_epoch (Fit *fit, bool classes, GError **error)
{
  double rows = (double) fit->at[AT_ROWS];

  report (fit, "train_loss", fit->loss / rows);
  if (classes)
    report (fit, "train_accuracy", (double) fit->at[AT_CORRECT] / rows);
  report (fit, "rate", lode_optim_rate (fit->optim));
  fit->at[AT_EPOCH]++;
  fit->at[AT_BATCH] = fit->at[AT_ROWS] = fit->at[AT_CORRECT] = 0;
  fit->loss = 0;
  return !is_validated (fit, fit->at[AT_EPOCH]) || validate (fit, classes, error);
}

static void
tell (const Fit *fit, uint32_t batches, LodeProgress *progress)
{
  progress->done = fit->at[AT_EPOCH] * batches + fit->at[AT_BATCH];
  progress->of = (uint64_t) fit->conf.epochs * batches;
  progress->phase = "train";
  progress->end = fit->at[AT_EPOCH] >= (uint64_t) fit->conf.epochs;
}

static bool
fit_step (LodeFit *base, LodeProgress *progress, GError **error)
{
  Fit *fit = (Fit *) base;
  const LodeBatch *batch;
  uint32_t batches;
  bool ok, classes;

  if (fit->at[AT_EPOCH] >= (uint64_t) fit->conf.epochs) {
    tell (fit, MAX (lode_stream_batches (fit->spec.stream), 1), progress);
    return true;
  }
  batch = lode_stream_next (fit->spec.stream, error);
  if (!batch)
    return false;
  batches = MAX (lode_stream_batches (fit->spec.stream), 1);
  classes = batch->label != NULL;
  lode_optim_epoch (fit->optim, (double) fit->at[AT_EPOCH] + (double) fit->at[AT_BATCH] / batches);
  ok = train_batch (fit, batch, error);
  lode_stream_release (fit->spec.stream, batch);
  if (ok && ++fit->at[AT_BATCH] >= batches)
    ok = end_epoch (fit, classes, error);
  tell (fit, batches, progress);
  return ok;
}

static void
fit_free (LodeFit *base)
{
  Fit *fit = (Fit *) base;

  lode_optim_free (fit->optim);
  lode_params_free (fit->grad);
  g_free (fit->mask);
  g_free (fit->gate);
  g_free (fit->drop);
  g_free (fit->taught);
  g_free (fit);
}

static const LodeFitCalls fit_calls = { .size = sizeof (LodeFitCalls),
                                        .step = fit_step,
                                        .free = fit_free };

static float *
copy_floats (const float *x, uint32_t n)
{
  float *y = x ? g_new0 (float, (size_t) n + 1) : NULL;

  if (x)
    memcpy (y, x, n * sizeof *x);
  return y;
}

static void
copy_choice (Fit *fit, const LodeChoice *choice)
{
  const LodeSpace *space = lode_net_space (fit->spec.net);

  if (choice->mask) {
    fit->mask = g_new0 (uint64_t, (size_t) space->n + 1);
    memcpy (fit->mask, choice->mask, space->n * sizeof *fit->mask);
  }
  fit->gate = copy_floats (choice->gate, space->options);
  fit->drop = copy_floats (choice->drop, space->options);
  fit->choice = (LodeChoice){ sizeof (LodeChoice), fit->mask, fit->gate, fit->drop };
  fit->spec.choice = &fit->choice;
}

LodeFit *
lode_fit_make (const LodeFitSpec *spec, GError **error)
{
  Fit *fit;

  if (lode_net_in (spec->net).shared && !spec->choice && lode_net_space (spec->net)->n) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                         "fit: a super-network is not trained as one network; name the choice to "
                         "train, or make a net of that choice");
    return NULL;
  }
  if (spec->teacher && lode_net_outputs (spec->teacher) != lode_net_outputs (spec->net)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "fit: the teacher has %u outputs, the net %u; take a teacher of the same classes",
                 lode_net_outputs (spec->teacher), lode_net_outputs (spec->net));
    return NULL;
  }
  fit = g_new0 (Fit, 1);
  fit->base.calls = &fit_calls;
  fit->conf = *spec->conf;
  fit->spec = *spec;
  fit->spec.conf = &fit->conf;
  if (spec->choice)
    copy_choice (fit, spec->choice);
  fit->optim = lode_optim_make (&fit->conf, spec->net);
  return &fit->base;
}

void
lode_fit_store (const LodeFit *base, const char *prefix, LodeStore *store)
{
  const Fit *fit = (const Fit *) base;
  g_autofree char *at = g_strconcat (prefix, "at", NULL);
  g_autofree char *loss = g_strconcat (prefix, "loss", NULL);
  g_autofree char *optim = g_strconcat (prefix, "optim.", NULL);

  lode_store_put (store, at, LODE_TYPE_U64, AT_N, fit->at);
  lode_store_put (store, loss, LODE_TYPE_F64, 1, &fit->loss);
  lode_optim_store (fit->optim, optim, store);
}

bool
lode_fit_restore (LodeFit *base, const char *prefix, const LodeStore *store, GError **error)
{
  Fit *fit = (Fit *) base;
  g_autofree char *at_name = g_strconcat (prefix, "at", NULL);
  g_autofree char *loss_name = g_strconcat (prefix, "loss", NULL);
  g_autofree char *optim = g_strconcat (prefix, "optim.", NULL);
  uint64_t at[AT_N];
  double loss;

  if (!lode_store_get (store, at_name, LODE_TYPE_U64, AT_N, at, error)
      || !lode_store_get (store, loss_name, LODE_TYPE_F64, 1, &loss, error))
    return false;
  if (at[AT_EPOCH] > (uint64_t) fit->conf.epochs || at[AT_CORRECT] > at[AT_ROWS]) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "the checkpoint's training \"%s\" stands at epoch %" G_GUINT64_FORMAT
                 " of %" G_GINT64_FORMAT " with %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                 " rows correct; resume with the run's own configuration",
                 prefix, at[AT_EPOCH], fit->conf.epochs, at[AT_CORRECT], at[AT_ROWS]);
    return false;
  }
  if (!lode_optim_restore (fit->optim, optim, store, error))
    return false;
  memcpy (fit->at, at, sizeof at);
  fit->loss = loss;
  return true;
}

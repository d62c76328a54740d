/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of the `fit` group, and the schedules that they describe: of the rate, and of how much of
 * the loss's class table is in force.
 *
 * Defaults are those of the common image recipe (Liu et al. 2019, §3.1: 50 epochs of 64, momentum
 * 0.9, decay 3e-4, gradients clipped at 5, cosine from 0.025); Adam's betas are Kingma & Ba's.
 */
#include "train/optim.h"

#include <math.h>

static const char *const optimisers[] = { "sgd", "adam", NULL };
static const char *const schedules[] = { "cosine", "step", "constant", "exponential", NULL };
static const char *const reweights[] = { "none", "inverse", "effective", NULL };
static const char *const moves[] = { "epoch", "batch", NULL };

const LodeOption lode_fit_options[] = {
  LODE_OPTION (LodeFitConf, epochs, .number = 50, .min = 1, .max = 1e6, .unit = "epochs",
               .doc = "passes over what the sampler selects"),
  LODE_OPTION (LodeFitConf, batch, .number = 64, .min = 1, .max = 65536, .unit = "examples",
               .tunable = true, .log_scale = true, .doc = "examples of a step"),
  LODE_OPTION (LodeFitConf, optimiser, .choices = optimisers,
               .doc = "descent with momentum, or Adam"),
  LODE_OPTION (LodeFitConf, schedule, .choices = schedules, .doc = "how the rate falls"),
  LODE_OPTION (LodeFitConf, every, .choices = moves, .doc = "when the schedule moves"),
  LODE_OPTION (LodeFitConf, rate, .number = 0.025, .max = 100, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "learning rate at the start"),
  LODE_OPTION (LodeFitConf, final_rate, .number = 0, .max = 100,
               .doc = "where `cosine` ends, no higher than rate"),
  LODE_OPTION (LodeFitConf, milestones, .max = 1e6, .above_min = true, .unit = "epochs",
               .doc = "epochs at which `step` multiplies the rate by gamma"),
  LODE_OPTION (LodeFitConf, gamma, .number = 0.1, .max = 1, .above_min = true, .tunable = true,
               .doc = "factor of `step` at a milestone, of `exponential` at an epoch"),
  LODE_OPTION (LodeFitConf, warmup, .number = 0, .max = 1e6, .unit = "epochs",
               .doc = "epochs in which the rate rises linearly"),
  LODE_OPTION (LodeFitConf, momentum, .number = 0.9, .max = 0.9999, .tunable = true,
               .doc = "of `sgd`: part of the last step that is kept"),
  LODE_OPTION (LodeFitConf, nesterov, .number = 0,
               .doc = "of `sgd`: look ahead along the momentum"),
  LODE_OPTION (LodeFitConf, beta1, .number = 0.9, .max = 0.9999, .tunable = true,
               .doc = "of `adam`: decay of the first moment"),
  LODE_OPTION (LodeFitConf, beta2, .number = 0.999, .max = 0.999999, .tunable = true,
               .doc = "of `adam`: decay of the second moment"),
  LODE_OPTION (LodeFitConf, decay, .number = 3e-4, .max = 10, .tunable = true, .log_scale = true,
               .doc = "weight decay, as L2 in the gradient"),
  LODE_OPTION (LodeFitConf, decay_norm, .number = 1,
               .doc = "decay biases and the norms' scale and shift too"),
  LODE_OPTION (LodeFitConf, clip, .number = 5, .max = 1e9,
               .doc = "bound of the gradient's norm, 0: none"),
  LODE_OPTION (LodeFitConf, drop_path, .number = 0, .max = 0.99, .tunable = true,
               .doc = "rate of drop-path at the end, from 0 at the start"),
  LODE_OPTION (LodeFitConf, aux_weight, .number = 0.4, .max = 10, .tunable = true,
               .doc = "weight of the auxiliary head's loss"),
  LODE_OPTION (LodeFitConf, label_smoothing, .number = 0, .max = 0.99, .tunable = true,
               .doc = "part of a label that is spread over all classes"),
  LODE_OPTION (LodeFitConf, validate, .number = 1, .max = 1e6, .unit = "epochs",
               .doc = "epochs between validations, 0: never"),
  LODE_OPTION (LodeFitConf, reweight, .choices = reweights,
               .doc = "weights of classes beside the loss's own: none, by inverse counts, or by "
                      "effective numbers of examples"),
  LODE_OPTION (LodeFitConf, reweight_power, .number = 1, .max = 4, .tunable = true,
               .doc = "of `inverse`: a class of n examples weighs n^-power"),
  LODE_OPTION (LodeFitConf, reweight_beta, .number = 0.9999, .max = 1, .tunable = true,
               .doc = "of `effective`: 0 weighs all classes alike, 1 by inverse counts"),
  LODE_OPTION (LodeFitConf, weight_from, .number = 0, .max = 1, .unit = "share of epochs",
               .doc = "where weights of classes set in; 0.8 defers them"),
  LODE_OPTION (LodeFitConf, weight_ramp, .number = 0, .max = 1, .unit = "share of epochs",
               .doc = "how long they rise from none to all; 0: at once"),
  LODE_OPTION (LodeFitConf, scale_from, .number = 0, .max = 1, .unit = "share of epochs",
               .doc = "where the loss's factors of logits set in"),
  LODE_OPTION (LodeFitConf, scale_ramp, .number = 0, .max = 1, .unit = "share of epochs",
               .doc = "how long they rise; 0: at once"),
  LODE_OPTION (LodeFitConf, shift_from, .number = 0, .max = 1, .unit = "share of epochs",
               .doc = "where the loss's shifts of logits set in"),
  LODE_OPTION (LodeFitConf, shift_ramp, .number = 0, .max = 1, .unit = "share of epochs",
               .doc = "how long they rise; 0: at once"),
};
const uint32_t lode_fit_options_n = G_N_ELEMENTS (lode_fit_options);

static char *
check_milestones (const LodeFitConf *conf)
{
  const LodeReals *at = &conf->milestones;

  if (conf->schedule != LODE_SCHEDULE_STEP)
    return at->n ? g_strdup_printf ("milestones have no effect with schedule = \"%s\"; expected "
                                    "schedule = \"step\", or none of them",
                                    schedules[conf->schedule])
                 : NULL;
  if (!at->n)
    return g_strdup (
        "schedule = \"step\" has no milestones, so that the rate never falls; expected "
        "some, or schedule = \"constant\"");
  for (size_t i = 0; i < at->n; i++) {
    if (!(at->at[i] < (double) conf->epochs))
      return g_strdup_printf ("milestone %g lies behind the last epoch of %" G_GINT64_FORMAT
                              "; expected less than epochs",
                              at->at[i], conf->epochs);
    if (i && !(at->at[i] > at->at[i - 1]))
      return g_strdup_printf ("milestone %g follows %g; expected them in rising order", at->at[i],
                              at->at[i - 1]);
  }
  return NULL;
}

/* What never comes fully into force, or only behind the last epoch, is a slip. */
static char *
check_part (const char *name, double from, double ramp)
{
  if (from < 1 && from + ramp <= 1 + 1e-9)
    return NULL;
  return g_strdup_printf (
      "%s_from = %g and %s_ramp = %g end behind the last epoch; expected a sum of "
      "at most 1, and %s_from below 1",
      name, from, name, ramp, name);
}

static char *
check_force (const LodeFitConf *conf)
{
  char *wrong = check_part ("weight", conf->weight_from, conf->weight_ramp);

  if (!wrong)
    wrong = check_part ("scale", conf->scale_from, conf->scale_ramp);
  return wrong ? wrong : check_part ("shift", conf->shift_from, conf->shift_ramp);
}

char *
lode_fit_check (const LodeFitConf *conf)
{
  char *wrong;

  if (conf->nesterov && conf->optimiser != LODE_OPTIM_SGD)
    return g_strdup ("nesterov has no effect with optimiser = \"adam\"; expected false");
  if (conf->nesterov && !(conf->momentum > 0))
    return g_strdup ("nesterov needs momentum above 0");
  if (conf->warmup > (double) conf->epochs)
    return g_strdup_printf ("warmup = %g is longer than epochs = %" G_GINT64_FORMAT
                            "; expected no more than epochs",
                            conf->warmup, conf->epochs);
  wrong = check_milestones (conf);
  return wrong ? wrong : check_force (conf);
}

static double
scheduled (const LodeFitConf *conf, double epoch)
{
  double rate = conf->rate, final = MIN (conf->final_rate, conf->rate);

  switch (conf->schedule) {
  case LODE_SCHEDULE_COSINE:
    return final + (rate - final) * (1 + cos (G_PI * epoch / (double) conf->epochs)) / 2;
  case LODE_SCHEDULE_STEP:
    for (size_t i = 0; i < conf->milestones.n; i++)
      if (epoch >= conf->milestones.at[i])
        rate *= conf->gamma;
    return rate;
  case LODE_SCHEDULE_EXPONENTIAL:
    return rate * pow (conf->gamma, epoch);
  default:
    return rate;
  }
}

/* Behind the last epoch everything stays as it ended. */
double
lode_fit_rate (const LodeFitConf *conf, double epoch)
{
  bool whole = conf->every == LODE_EVERY_EPOCH;
  double e = CLAMP (epoch, 0, (double) conf->epochs), rise;

  e = whole ? floor (e) : e;
  if (!(e < conf->warmup))
    return scheduled (conf, e);
  rise = (whole ? e + 1 : e) / conf->warmup;
  return scheduled (conf, e) * MIN (rise, 1);
}

/* t of a part: 0 before it sets in, then 1, or rising to it. at: share of the epochs. */
static double
degree (double from, double ramp, double at)
{
  if (at < from)
    return 0;
  return ramp > 0 ? MIN ((at - from) / ramp, 1) : 1;
}

LodeForce
lode_fit_force (const LodeFitConf *conf, double epoch)
{
  double e = CLAMP (epoch, 0, (double) conf->epochs);
  double at = (conf->every == LODE_EVERY_EPOCH ? floor (e) : e) / (double) conf->epochs;

  return (LodeForce){ .weight = degree (conf->weight_from, conf->weight_ramp, at),
                      .scale = degree (conf->scale_from, conf->scale_ramp, at),
                      .shift = degree (conf->shift_from, conf->shift_ramp, at) };
}

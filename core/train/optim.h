/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `fit` group of a stage, and the optimiser it describes: stochastic gradient descent with
 * momentum, or Adam; schedule of the rate; decay as L2 in the gradient, added after clipping.
 */
#ifndef LODE_CORE_OPTIM_H
#define LODE_CORE_OPTIM_H

#include "train/net.h"
#include <lode/option.h>

enum { LODE_OPTIM_SGD, LODE_OPTIM_ADAM };
enum {
  LODE_SCHEDULE_COSINE,
  LODE_SCHEDULE_STEP,
  LODE_SCHEDULE_CONSTANT,
  LODE_SCHEDULE_EXPONENTIAL
};
enum { LODE_EVERY_EPOCH, LODE_EVERY_BATCH };

typedef struct LodeFitConf {
  int64_t epochs, batch;
  int32_t optimiser, schedule, every;
  double rate, final_rate;
  LodeReals milestones; /* epochs at which `step` multiplies by gamma */
  double gamma, warmup;
  double momentum;
  bool nesterov;
  double beta1, beta2, decay;
  bool decay_norm; /* decay of biases and of the norms' scale and shift too */
  double clip;
  double drop_path, aux_weight, label_smoothing;
  int64_t validate; /* epochs between validations, 0: never */
  int32_t reweight; /* LODE_REWEIGHT_… */
  double reweight_power, reweight_beta;
  /* Shares of the epochs: where weights, scales and shifts of classes set in, and how long they
   * rise. */
  double weight_from, weight_ramp, scale_from, scale_ramp, shift_from, shift_ramp;
} LodeFitConf;

extern const LodeOption lode_fit_options[];
extern const uint32_t lode_fit_options_n;

/* What the option table cannot say of single values (a milestone behind the last epoch, an SGD
 * option of no effect …): NULL, or the mistake (transfer full). */
char *lode_fit_check (const LodeFitConf *);

/*
 * The rate at an epoch, fractions allowed. Cosine: final + (rate − final) (1 + cos π e/epochs) / 2,
 * final no higher than rate (Loshchilov & Hutter 2017). Warm-up multiplies the schedule's rate:
 * (⌊e⌋ + 1) / warmup where it moves by epochs, e / warmup where by batches.
 */
double lode_fit_rate (const LodeFitConf *, double epoch);

/* How much of the loss's class table is in force at an epoch; it moves where the rate does. */
LodeForce lode_fit_force (const LodeFitConf *, double epoch);

/* An optimiser for the weights of this net, at epoch 0. Its epochs move the net's class table too.
 * conf is copied, its lists are borrowed. A head replaced later gets fresh moments, everything else
 * keeps its own. */
LodeOptim *lode_optim_make (const LodeFitConf *, LodeNet *);
void lode_optim_store (const LodeOptim *, const char *prefix, LodeStore *);
/* Everything is checked before anything is written. */
bool lode_optim_restore (LodeOptim *, const char *prefix, const LodeStore *, GError **);

/* Σ x² over a set's values, in an order of its own: the same bits for any number of threads. *bad:
 * the first slot whose sum is not finite, −1: none; may be NULL. */
double lode_params_square (LodeEngine *, const LodeParams *, int32_t *bad);

#endif

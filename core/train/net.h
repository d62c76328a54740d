/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nets: a backbone recorded for a choice, the core's head behind it, a loss, and weights of their
 * own. The public side is net.h of include/lode; this is what the host makes and keeps them with.
 */
#ifndef LODE_CORE_NET_H
#define LODE_CORE_NET_H

#include "compute/program.h"
#include "data/data.h"
#include "space/cost.h"
#include "train/losses.h"
#include "train/metric.h"
#include <lode/backbone.h>
#include <lode/sampler.h>
#include <lode/state.h>

/* What a net is made of and whom it tells; everything is borrowed and outlives the net. */
typedef struct LodeNetSpec {
  LodeEngine *engine;
  const LodeBackboneOps *backbone_ops;
  const LodeBackbone *backbone;
  const LodeLossOps *loss_ops;
  LodeLoss *loss; /* of this net alone */
  /* Of batches of ARCH, or NULL: as all others. It has the head that the loss asks for. */
  const LodeLossOps *arch_loss_ops;
  LodeLoss *arch_loss;
  LodeReweight reweight;  /* of the loss, not the architecture's */
  LodeData *data;         /* shapes, class counts, validation and calibration batches */
  uint32_t batch;         /* of validation and calibration */
  uint64_t seed;          /* of initial weights */
  double label_smoothing; /* in passes that ask for a gradient; others report the plain loss */
  const LodeMetricsConf *metrics;             /* of validation, or NULL: defaults */
  void *data_;                                /* for the two below */
  void (*observe) (void *, const LodeSeen *); /* or NULL; OBSERVE on labelled batches of WEIGHTS */
  /* The ledger, or NULL: samples of a pass, multiply-adds of one sample's forward, and whether
   * backward went below the head (not where the backbone is frozen and no gates are asked for). */
  void (*count) (void *, uint32_t samples, uint64_t macs, bool backward);
} LodeNetSpec;

/*
 * Records once to learn the weights, and initialises them from streams named after them. Shared:
 * the weights of every choice within `in->choice` (NULL: the whole space), found by name from then
 * on; else those of that one choice. `in->from` is the caller's business (lode_net_adopt).
 */
LodeNet *lode_net_make (const LodeNetSpec *, const LodeNetIn *, GError **);

/* Weights, statistics, head, what is frozen, and a description, under prefix. */
void lode_net_store (const LodeNet *, const char *prefix, LodeStore *);
/* Into a net made alike (a head of another size is made first). Everything is checked before
 * anything is written. Errors: LODE_RUN_ERROR_FAILED with the name of what is missing or differs.
 */
bool lode_net_restore (LodeNet *, const char *prefix, const LodeStore *, GError **);
/* Copies weights and statistics that the store has under the same name and shape; gives how many
 * values of weights were found. */
size_t lode_net_adopt (LodeNet *, const char *prefix, const LodeStore *);
/* How a stored net was made: depth, width, classes, shared, aux, drop_path; from and choice are
 * NULL. mask: [space.n] its choice (all ones without). */
bool lode_net_describe (const LodeStore *, const char *prefix, const LodeSpace *, LodeNetIn *,
                        uint64_t *mask, GError **);

/* The mask given when the net was made: [space.n], or NULL. */
const uint64_t *lode_net_mask (const LodeNet *);
/* How it was made; from and choice are NULL, classes is the size of the head. */
LodeNetIn lode_net_in (const LodeNet *);
/* How much of the loss's class table is in force from now on; all of it when the net is made. */
void lode_net_force (LodeNet *, const LodeForce *);
LodeStats *lode_net_stats (LodeNet *); /* its own */
LodeEngine *lode_net_engine (const LodeNet *);
uint32_t lode_net_outputs (const LodeNet *);

/* Both metrics in one go over the validation split; accuracy is NaN where targets are real. */
bool lode_net_measure_both (LodeNet *, const LodeChoice *, LodeStats *, double *accuracy,
                            double *loss, GError **);

/* What it says of the validation split (transfer full); NULL with an error. Classes only. */
LodeOutcomes *lode_net_outcomes (LodeNet *, const LodeChoice *, LodeStats *, GError **);

/* What a net of this description would be recorded as, for lode_cost_new. Prepares the loss. */
bool lode_net_assembly (const LodeNetSpec *, const LodeNetIn *, LodeAssembly *, GError **);
/* Multiply-adds a sample and weights of a choice, head included; only records. */
bool lode_net_cost (const LodeNetSpec *, const LodeNetIn *, uint64_t *macs, uint64_t *params,
                    GError **);
/* Bytes of arena and multiply-adds of the program that a pass of this net would run. grad:
 * LODE_GRAD_… */
bool lode_net_footprint (LodeNet *, uint32_t batch, uint32_t grad, size_t *bytes, uint64_t *macs,
                         GError **);

#endif

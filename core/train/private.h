/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a net: what its files share. net.c makes it and keeps it, record.c says what a choice
 * is recorded as, pass.c runs it, measure.c runs it over a split, save.c stores it.
 */
#ifndef LODE_CORE_TRAIN_PRIVATE_H
#define LODE_CORE_TRAIN_PRIVATE_H

#include "train/net.h"

typedef struct Net {
  LodeNet base; /* first */
  LodeNetSpec spec;
  LodeNetIn in;   /* from and choice are NULL, classes is the size of the head */
  uint64_t *mask; /* [space.n] as given, or NULL */
  LodeAssembly assembly;
  LodeCriterion criterion, arch; /* arch: of batches of ARCH; its ops are NULL without */
  double *count;                 /* [classes] what the loss was prepared with, or NULL */
  LodeLayout *weights, *norms;
  LodeParams *params;
  LodeStats *stats, *spare; /* spare: what TRACK goes back to where the loss is not finite */

  /* the recording of the last choice */
  LodeRecord *record;
  uint64_t *recorded; /* [space.n] its mask */
  uint32_t with;
  bool ready, masked;
  LodeOutputs outputs;
  bool *touched;     /* [slots] */
  bool deep;         /* it trains weights below the head, as of `revision` */
  uint64_t revision; /* of the weights' layout */

  float *value, *prob; /* [n] and [n][k] of a pass */
  size_t value_room, prob_room;
} Net;

/* The loss of a batch of this role. */
static inline const LodeCriterion *
net_criterion_of (const Net *net, uint32_t role)
{
  return role == LODE_ROLE_ARCH && net->arch.ops ? &net->arch : &net->criterion;
}

static inline const LodeSpace *
net_space_of (const Net *net)
{
  return lode_arch_space (&net->assembly.family);
}

/* The network of a description, for a loss that has been prepared. */
void lode_net_assemble (const LodeNetSpec *, const LodeNetIn *, const LodeCriterion *,
                        LodeAssembly *);
/* How the loss of a head of k outputs is to be prepared: count, else the pool's where it has k
 * classes, else all alike (transfer full); NULL where targets are real. */
double *lode_net_counts (const LodeNetSpec *, uint32_t k, const double *count);

/* Records a choice (mask NULL: the net's own), unless it was the last one. */
bool lode_net_record (Net *, const uint64_t *mask, uint32_t with, GError **);
/* Whether backward of the recording, for these LODE_GRAD_…, goes below the head. */
bool lode_net_is_deep (Net *, uint32_t grad);
/* LODE_RUN_ERROR_CONFIG where the recording reads weights or statistics that the sets lack. Any may
 * be NULL. */
bool lode_net_check_sets (const Net *, const LodeParams *at, const LodeParams *grad,
                          const LodeStats *, GError **);

/* What a forward run is asked for; weights, stats, mode, gates and gradients stand in `bind`. */
typedef struct NetRun {
  const LodeBatch *batch;
  const uint64_t *mask;
  uint32_t with, grad;
  LodeBind bind;
  LodeProgram *program; /* out */
  const float *logit;   /* out: [n][k], until another program runs */
} NetRun;

/* Records, compiles, runs and books. */
bool lode_net_forward (Net *, NetRun *, GError **);
/* Whether every row has a class (or real targets); where that is required, a row without is
 * LODE_RUN_ERROR_DATA. Classes that the head lacks are LODE_RUN_ERROR_CONFIG. */
bool lode_net_labelled (const Net *, const LodeBatch *, bool required, bool *labelled, GError **);
/* LODE_RUN_ERROR_NUMBER: what it is, which batch, which examples. */
void lode_net_not_finite (const LodeBatch *, double loss, const char *what, GError **);
/* The row losses' room: [n] */
float *lode_net_value (Net *, uint32_t n);

/* The functions of LodeNetCalls that stand in other files. */
bool lode_net_run_pass (LodeNet *, const LodeBatch *, const LodeChoice *, LodePass *, GError **);
bool lode_net_run_recalibrate (LodeNet *, const LodeChoice *, uint32_t batches, LodeStats *,
                               GError **);
bool lode_net_run_measure (LodeNet *, const LodeChoice *, LodeStats *, const char *metric,
                           double *value, GError **);
bool lode_net_run_score (LodeNet *, const LodeChoice *, LodeStats *, const char *metric,
                         double *value, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ordinary training loop of one choice: passes over the stream of weights, auxiliary head,
 * drop-path that rises, clipping, schedule, validation, figures of every epoch. One step is one
 * batch.
 */
#ifndef LODE_CORE_FIT_H
#define LODE_CORE_FIT_H

#include "train/optim.h"

typedef struct LodeFitSpec {
  const LodeFitConf *conf; /* copied, its lists are borrowed */
  LodeNet *net;
  const LodeChoice *choice; /* copied; NULL: the net's own */
  LodeStream *stream;       /* of weights; borrowed */
  LodeNet *teacher;         /* says its logits of every batch, with stored statistics; or NULL */
  void *data;
  /* Or NULL. At the end of an epoch: train_loss, train_accuracy (with classes), rate; after a
   * validation valid_loss, valid_accuracy (with classes). */
  void (*metric) (void *, const char *name, double);
  bool validates; /* a validation split exists */
} LodeFitSpec;

/* Errors: LODE_RUN_ERROR_CONFIG for a super-network without a choice, and for a teacher with
 * another number of outputs. */
LodeFit *lode_fit_make (const LodeFitSpec *, GError **);
/* Epoch, batch and sums, and the optimiser; net and stream are saved by their owner. */
void lode_fit_store (const LodeFit *, const char *prefix, LodeStore *);
bool lode_fit_restore (LodeFit *, const char *prefix, const LodeStore *, GError **);

#endif

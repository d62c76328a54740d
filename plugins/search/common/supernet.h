/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A super-network under training, as searches hold it that share weights: the net with its
 * optimiser and gradient, the streams of both splits, where the epoch stands and what it summed up.
 */
#ifndef SEARCH_SUPERNET_H
#define SEARCH_SUPERNET_H

#include <lode/lode.h>

/* Sums over the batches of an epoch. */
typedef struct Tally {
  double loss, correct, n;
} Tally;

typedef struct Supernet {
  const LodeHost *host;
  LodeNet *net;
  LodeOptim *optim;
  LodeParams *grad;
  LodeStream *train, *arch; /* arch: batches held out for the choice; NULL where none is opened */
  uint64_t epoch, batch;    /* the next one */
  uint32_t batches;         /* of the present epoch; 0: not known yet */
  Tally on_train, on_arch;  /* of the present epoch */
} Supernet;

/* The net that `in` asks for in place of one that is there, with optimiser and gradient. */
bool supernet_grow (Supernet *, const LodeNetIn *in, GError **);
/* Opens the streams; that of the architecture where `held` asks for it. */
bool supernet_open (Supernet *, bool held, GError **);
void supernet_clear (Supernet *);

/* The next training batch (to be given back to `train`), with the phase told to the sampler and the
 * schedules of weights moved on; NULL on failure. */
const LodeBatch *supernet_next (Supernet *, const char *phase, GError **);
/* One step of the weights on a batch, down the loss under a choice. */
bool supernet_step (Supernet *, const LodeBatch *, const LodeChoice *, GError **);
void tally_pass (Tally *, const LodePass *);

/* Counts the batch; whether it was the epoch's last. Then: supernet_report, metrics of the search's
 * own, supernet_end_epoch. */
bool supernet_count (Supernet *);
/* Loss and accuracy on both streams, the rate of the weights. */
void supernet_report (const Supernet *);
void supernet_end_epoch (Supernet *);
/* done and of, in batches; end, when all epochs are through. */
void supernet_progress (const Supernet *, LodeProgress *);

void supernet_save (const Supernet *, LodeStore *);
/* Takes all of it or nothing. The net's own contents are the host's to restore. */
bool supernet_load (Supernet *, const LodeStore *, GError **);

#endif

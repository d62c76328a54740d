/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: all that a stage needs to go on with the same bits, in ckpt/state.safetensors.
 * Measured times are kept beside it (ckpt/clock), so that equal runs have equal checkpoints.
 */
#ifndef LODE_CORE_CHECKPOINT_H
#define LODE_CORE_CHECKPOINT_H

#include "run/host.h"
#include "run/store.h"

/* Where a run is. */
typedef struct LodePlace {
  uint32_t stage;   /* the next one to work on */
  uint64_t step;    /* steps it has made; 0: not begun */
  uint64_t journal; /* bytes of metrics.jsonl */
} LodePlace;

/* host: the stage in hand; NULL: between stages. Syncs the journal first. */
bool lode_checkpoint_save (const LodeShared *, const LodePlace *, LodeStageHost *host, GError **);

/* The newest checkpoint, or (without an error) NULL where none was written yet. */
LodeStore *lode_checkpoint_open (const LodeShared *, LodePlace *, GError **);
/* Contents into a stage that was just created. */
bool lode_checkpoint_load (LodeStageHost *, const LodeStore *, GError **);

#endif

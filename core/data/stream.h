/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of a stream: what its files share.
 *
 * stream.c hands batches out, period.c says what an epoch consists of, reader.c fills batches in a
 * thread of its own, position.c saves and restores. All but reader.c runs on the caller's thread.
 */
#ifndef LODE_CORE_DATA_STREAM_H
#define LODE_CORE_DATA_STREAM_H

#include "data/private.h"

#include <pthread.h>

enum { HELD = 4, AHEAD = 2, SLOTS = HELD + AHEAD };

typedef enum { SLOT_FREE, SLOT_WANTED, SLOT_FILLING, SLOT_READY, SLOT_HELD } SlotState;

/* Room for a batch. Its contents belong to the reader while FILLING, else to the caller's thread.
 */
typedef struct Slot {
  SlotState state; /* under the mutex */
  LodeBatch batch;
  uint64_t epoch;
  uint32_t number; /* of the batch in its epoch */
  float *pixel, *target, *weight;
  uint32_t *index, *example; /* in the split; in the part */
  int32_t *label, *group;
  void *raw;     /* samples as stored, where a part is not in memory */
  GError *error; /* why it could not be filled */
} Slot;

typedef struct Stream {
  LodeStream base; /* first */
  LodeData *data;
  LodeStreamSpec spec;
  const char *phase; /* static or interned */
  double valid;

  /* the epoch; changed only while the reader is idle */
  uint64_t epoch;
  bool begun;
  uint32_t next, batches;
  uint32_t n;         /* examples of the epoch */
  uint32_t *order;    /* [n] into the role's split, as they come */
  uint32_t *selected; /* [n] the sampler's picks in its order, or NULL: the whole split */
  float *weight;      /* [split's n] of the picks, or NULL: the data's own */

  Slot slot[SLOTS];
  pthread_t thread;
  bool runs; /* there is a thread */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  bool quit; /* under the mutex */
} Stream;

enum { LODE_PERIOD_ROWS = 1 << 28 }; /* of an epoch, at most */

/* period.c: fills order, selected, weight, batches for stream->epoch, asking the sampler. */
bool lode_period_begin (Stream *, GError **);
/* The same from a selection that was made before: picks and weights (transfer full), or NULL for
 * the whole split. */
void lode_period_restore (Stream *, uint32_t n, uint32_t *selected, float *weight);
uint32_t lode_period_batches (const Stream *, uint32_t n);

/* reader.c */
bool lode_reader_start (Stream *, GError **);
void lode_reader_stop (Stream *);
void lode_reader_drop (Stream *); /* waits until it is idle, and forgets what was read ahead */
Slot *lode_reader_get (Stream *,
                       GError **); /* batch stream->next, now HELD; asks for those behind it */

#endif

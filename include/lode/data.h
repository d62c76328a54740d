/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data as a plugin sees it: the pool, streams of batches by role.
 *
 * The pool is the training split of a run (or what has been labelled of it); its indices 0 … count − 1
 * are the only ones a plugin meets. Labels that a plugin did not declare, or that were not bought, are −1.
 */
#ifndef LODE_DATA_H
#define LODE_DATA_H

#include <lode/rows.h>

/* What a batch is for. Only WEIGHTS passes through the sampler; TEST opens only for a stage with that right. */
enum { LODE_ROLE_WEIGHTS, LODE_ROLE_ARCH, LODE_ROLE_VALID, LODE_ROLE_CALIBRATE, LODE_ROLE_TEST };

/* A batch, read-only, valid until it is released. */
typedef struct LodeBatch {
  size_t size;
  uint32_t n, role;
  LodeShape shape;       /* of a sample */
  uint64_t key;          /* of the batch's own randomness (drop-path, dropout): seed, role, epoch, index */
  const float *pixel;    /* [n][h][w][c] normalised, augmented */
  const uint32_t *index; /* [n] into the pool (WEIGHTS), else into the role's own split */
  const int32_t *label;  /* [n], or NULL where targets are real */
  const float *target;   /* [n][targets], or NULL where targets are classes */
  const float *weight;   /* [n] example weights, mean 1 over the period's selection */
  const int32_t *group;  /* [n] the examples' groups, or NULL: the data have none */
} LodeBatch;

typedef struct LodeStreamCalls {
  size_t size;
  const LodeBatch *(*next) (LodeStream *, GError **);
  void (*release) (LodeStream *, const LodeBatch *);
  void (*phase) (LodeStream *, const char *);
  double (*epoch) (const LodeStream *);
  uint32_t (*batches) (const LodeStream *);
  void (*close) (LodeStream *);
} LodeStreamCalls;

struct LodeStream {
  const LodeStreamCalls *calls;
};

typedef struct LodePoolCalls {
  size_t size;
  uint32_t (*count) (const LodePool *);
  uint32_t (*classes) (const LodePool *);
  int32_t (*label) (const LodePool *, uint32_t);
  float (*weight) (const LodePool *, uint32_t);
  int32_t (*group) (const LodePool *, uint32_t);
  uint32_t (*models) (const LodePool *);
  LodeRows *(*rows) (const LodePool *, uint32_t what, uint32_t model, GError **);
} LodePoolCalls;

struct LodePool {
  const LodePoolCalls *calls;
};

/* The next batch (transfer none: give it back with release); at most 4 held at once. [main] */
static inline const LodeBatch *
lode_stream_next (LodeStream *stream, GError **error)
{
  return stream->calls->next (stream, error);
}

static inline void
lode_stream_release (LodeStream *stream, const LodeBatch *batch)
{
  stream->calls->release (stream, batch);
}

/* Names the search's phase to the sampler (static text), from the next selection on. [main] */
static inline void
lode_stream_phase (LodeStream *stream, const char *phase)
{
  stream->calls->phase (stream, phase);
}

/* Passes over the selection so far, with their fraction. [main] */
static inline double
lode_stream_epoch (const LodeStream *stream)
{
  return stream->calls->epoch (stream);
}

/* Batches in the current epoch. [main] */
static inline uint32_t
lode_stream_batches (const LodeStream *stream)
{
  return stream->calls->batches (stream);
}

/* Closes a stream before the run ends; accepts NULL. [main] */
static inline void
lode_stream_close (LodeStream *stream)
{
  if (stream)
    stream->calls->close (stream);
}

static inline uint32_t
lode_pool_count (const LodePool *pool)
{
  return pool->calls->count (pool);
}

/* Classes, 0 where targets are real. */
static inline uint32_t
lode_pool_classes (const LodePool *pool)
{
  return pool->calls->classes (pool);
}

/* The class of an example; −1 where it is not known or not yours to see. */
static inline int32_t
lode_pool_label (const LodePool *pool, uint32_t i)
{
  return pool->calls->label (pool, i);
}

static inline float
lode_pool_weight (const LodePool *pool, uint32_t i)
{
  return pool->calls->weight (pool, i);
}

/* The example's group (patient, writer …), −1 without. */
static inline int32_t
lode_pool_group (const LodePool *pool, uint32_t i)
{
  return pool->calls->group (pool, i);
}

/* Models whose rows the pool has; where none is connected 1: the examples' own values, normalised. */
static inline uint32_t
lode_pool_models (const LodePool *pool)
{
  return pool->calls->models (pool);
}

/* What a model says of every example (transfer full): a row each, of LODE_FEATURES. [main] */
static inline LodeRows *
lode_pool_rows (const LodePool *pool, uint32_t what, uint32_t model, GError **error)
{
  return pool->calls->rows (pool, what, model, error);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: a recorded graph compiled for a batch size, with its gradient and its plan of memory.
 *
 * A program owns neither weights nor statistics: a run binds them. Programs of one engine share its
 * threads and its arena, so the outputs of one are valid until another runs. The engine keeps
 * programs by structure.
 */
#ifndef LODE_CORE_PROGRAM_H
#define LODE_CORE_PROGRAM_H

#include "compute/graph.h"
#include "compute/kernels/kernels.h"
#include "compute/params.h"
#include "compute/threads.h"

typedef struct LodeEngine LodeEngine;
typedef struct LodeProgram LodeProgram;

LodeEngine *lode_engine_new (uint32_t threads, const LodeKernels *kernels);
void lode_engine_free (LodeEngine *);
LodeThreads *lode_engine_threads (const LodeEngine *);
const LodeKernels *lode_engine_kernels (const LodeEngine *);
size_t lode_engine_peak (const LodeEngine *); /* bytes of the arena */

/* Whether programs asked for from here on are fused (they are by default). */
void lode_engine_fuse (LodeEngine *, bool on);
/* Whether their dense 3×3 convolutions take Winograd's form where that pays (they do by default).
 */
void lode_engine_winograd (LodeEngine *, bool on);

/* Bytes of arena beyond which a program's units write past the caches (256 MB by default): what
 * they make has left these when it is read again. Changes no bits. */
void lode_engine_stream (LodeEngine *, size_t bytes);

/* The largest of the programs that are kept, or NULL. */
const LodeProgram *lode_engine_largest (const LodeEngine *);

/* The time that one kind of step took since lode_engine_profile, all threads together; what it took
 * to have the programs is of kind "program": "record", and "find", compiling included. */
typedef struct LodeShare {
  const char *kind, *part; /* "conv", "backward" */
  double seconds;
} LodeShare;

/* Begins to take times (a clock is read twice a step), or ends it. */
void lode_engine_profile (LodeEngine *, bool on);
/* At most n shares, largest first; returns how many. */
uint32_t lode_engine_shares (const LodeEngine *, LodeShare *share, uint32_t n);
/* For who records: seconds of this thread where times are taken, or 0; and the end of a recording.
 */
double lode_engine_now (const LodeEngine *);
void lode_engine_recorded (LodeEngine *, double begun);

/* What backward is for; 0: forward only (activations are not kept). */
enum { LODE_GRAD_WEIGHTS = 1, LODE_GRAD_GATES = 2 };

/* Finds or compiles (transfer none, valid until the next call of this function). batch > 0. */
LodeProgram *lode_engine_program (LodeEngine *, const LodeRecord *, uint32_t batch, uint32_t grad,
                                  GError **);

typedef enum {
  LODE_STATS_BATCH, /* normalise with the batch's statistics; nothing is written */
  LODE_STATS_TRACK, /* the same, and move the running ones (momentum 0.1, unbiased variance) */
  LODE_STATS_POOL,  /* the same, and merge into the set: mean and variance over all rows so far */
  LODE_STATS_STORED /* normalise with the set */
} LodeStatsMode;

typedef struct LodeBind {
  const LodeParams *weights;
  LodeStats *stats; /* may be NULL with BATCH */
  LodeStatsMode mode;
  const float *image;    /* [batch][h][w][c] */
  const uint32_t *index; /* [batch], where the graph has an index */
  const float *gate;     /* [options], NULL: 1 */
  const float *drop;     /* [options], NULL: 0 */
  float drop_path;
  uint64_t key;     /* of drop-path and dropout */
  LodeParams *grad; /* backward: overwritten, see params.h */
  float *dgate;     /* backward: [options], overwritten */
} LodeBind;

void lode_program_forward (LodeProgram *, const LodeBind *);
/* After forward with the same binding, and after the outputs' gradients have been written. */
void lode_program_backward (LodeProgram *, const LodeBind *);
/* Output i: [batch][h·w·c]; and where its gradient goes (zeroed by forward). */
const float *lode_program_output (const LodeProgram *, uint32_t i, uint32_t *width);
float *lode_program_output_grad (LodeProgram *, uint32_t i);

size_t lode_program_bytes (const LodeProgram *); /* of arena */
/* Appends the program as text: regions, passes, what is fused into them, shapes and bytes. */
void lode_program_explain (const LodeProgram *, GString *to);
uint32_t lode_program_steps (const LodeProgram *);

#endif

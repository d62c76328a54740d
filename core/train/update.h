/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic over the slots of weight sets, spread over threads: pieces are cut by shapes alone,
 * so that nothing depends on the number of threads.
 */
#ifndef LODE_CORE_UPDATE_H
#define LODE_CORE_UPDATE_H

#include "compute/params.h"
#include "compute/threads.h"

/* A part of a slot: values from … from + n − 1. */
typedef struct LodePiece {
  uint32_t slot;
  size_t from, n;
  double sum; /* of a sum over it */
} LodePiece;

typedef void (*LodePieceFunc) (void *data, LodePiece *);

/* Pieces in order of their slots, several to a chunk of threads. */
typedef struct LodeSpread {
  GArray *piece; /* LodePiece */
  GArray *end;   /* uint32_t: behind each chunk's last piece */
  size_t filled; /* values in the chunk being filled */
} LodeSpread;

void lode_spread_init (LodeSpread *);
void lode_spread_clear (LodeSpread *);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LodeSpread, lode_spread_clear)
void lode_spread_reset (LodeSpread *); /* no pieces */
void lode_spread_add (LodeSpread *, uint32_t slot, size_t n);
void lode_spread_run (LodeSpread *, LodeThreads *, LodePieceFunc, void *data); /* f: [pool] */
/* Σ x² over the pieces, in order. *bad: the first slot whose sum is not finite, −1: none; or NULL.
 */
double lode_spread_square (LodeSpread *, LodeThreads *, const LodeParamSet *x, int32_t *bad);

/* One step of a stretch of weights. */
typedef struct LodeDescent {
  double rate, scale, decay; /* g' = scale g + decay w */
  double momentum;           /* 0: none */
  bool nesterov;
} LodeDescent;

/*
 * v' = momentum v + g', w' = w − rate v', or w − rate (g' + momentum v') (Sutskever et al. 2013, in
 * the form that PyTorch gave it). w, g: [n]; v: [n], or NULL without momentum; keep: [n] where v'
 * goes, or NULL; out: [n], may be w.
 */
void lode_descend (const LodeDescent *, size_t n, const float *w, const float *g, const float *v,
                   float *keep, float *out);

typedef struct LodeAdam {
  double rate, scale, decay;
  double beta1, beta2;
  uint64_t step; /* of this one, from 1 */
} LodeAdam;

/* Adam (Kingma & Ba 2015, algorithm 1), ε 1e-8. m, v: [n] moments; kept only where keep. */
void lode_descend_adam (const LodeAdam *, size_t n, const float *w, const float *g, float *m,
                        float *v, bool keep, float *out);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the Lewis weights: the state between passes.
 */
#ifndef LODE_CORE_LEWIS_PRIVATE_H
#define LODE_CORE_LEWIS_PRIVATE_H

#include "linalg/lewis.h"

enum {
  LODE_BLOCK = 256,      /* rows of one call of BLAS */
  LODE_CHUNK = 1024,     /* rows whose products are added up in one go */
  LODE_SAMPLE_SHARE = 16 /* rows of a sample for each column */
};

typedef enum LodePassKind {
  LODE_PASS_GRAM, /* AᵀA of all columns; finds values that are not finite */
  LODE_PASS_JUMP, /* w = τ^(p/2) */
  LODE_PASS_STEP  /* w ← w^(1−η) τ^(ηp/2) */
} LodePassKind;

/* What one lane found. Lanes are as many as d says; their chunks do not depend on threads. */
typedef struct LodeLane {
  double *sum; /* [r][r] upper triangle */
  bool begun;  /* sum holds something */
  double residual, total;
  double moved; /* largest change of log w */
  uint64_t bad; /* row · width + column of the first value that is not finite; UINT64_MAX: none */
} LodeLane;

typedef struct LodeLewis {
  LodeSource *rows;
  const double *times; /* [n] or NULL */
  double every;        /* copies that each row stands for, where times is NULL */
  double p, step;
  bool intercept, wide;
  LodeThreads *threads;
  double *w;      /* [n] */
  double *before; /* [n] log w of the pass before the last, or NULL: no acceleration */
  double omega;   /* its weight */

  uint32_t r;     /* columns in use */
  uint32_t *keep; /* [r] of A, ascending; A's width is the column of ones */
  bool plain;     /* these are all, so blocks can be copied as they lie */
  double *t;    /* [r][r] upper: (A[keep] t)ᵀ W^(1−2/p) (A[keep] t) + … = I for the last w */
  void *tr;     /* t in the products' type */
  double *n;    /* [r][r] (A t)ᵀ W^(1−2/p) (A t) after a pass */
  double *flat; /* [r][r] upper: Aᵀ W^(1−2/p) A + λI for w = flat */
  double *penalty; /* [r][r] symmetric, added to Aᵀ W^(1−2/p) A; or NULL */
  double blend;    /* what of Aᵀ W^(1−2/p) A is kept beside the penalty: 1 */

  uint32_t lanes;
  LodeLane *lane;
  char *scratch;       /* [threads][bytes] */
  size_t scratch_size; /* bytes of a thread's part */

  float *sample; /* [samples][width] rows that the first pass picks up, or NULL */
  uint32_t samples;
  uint32_t *sampled; /* [samples] ascending */

  bool weigh_only;               /* passes leave n alone */
  double residual, moved, total; /* of the last pass */
  uint64_t bad;
  uint32_t passes;
} LodeLewis;

/* lewis-pass.c: one pass over the rows; fills n, residual, total, w. [main] */
bool lode_lewis_pass (LodeLewis *, LodePassKind, GError **);
/* Room for passes over r columns. */
void lode_lewis_room (LodeLewis *, uint32_t r, bool wide);
void lode_lewis_clear (LodeLewis *);

/* lewis-start.c: rank, condition, t for w = flat. */
bool lode_lewis_begin (LodeLewis *, const LodeLewisSpec *, LodeLewisFacts *, GError **);
/* The same w for all rows at the beginning. */
double lode_lewis_flat (const LodeLewis *);
/* t from the weights of the sample that the first pass picked up. */
bool lode_lewis_presolve (LodeLewis *, GError **);

/* lewis.c: t for the w of the last pass, from n. */
bool lode_lewis_refactor (LodeLewis *, GError **);

#endif

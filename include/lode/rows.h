/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows: a matrix that is read by blocks, so that it need not fit into memory. Features of a model, a
 * row an example; they lie in memory, in a file, or are a selection of other rows.
 */
#ifndef LODE_ROWS_H
#define LODE_ROWS_H

#include <lode/types.h>

typedef struct LodeRowsCalls {
  size_t size;
  uint32_t (*count) (const LodeRows *);
  uint32_t (*width) (const LodeRows *);
  bool (*read) (LodeRows *, uint32_t first, uint32_t n, float *out, GError **);
  LodeRows *(*pick) (LodeRows *, uint32_t n, const uint32_t *index);
  void (*free) (LodeRows *);
} LodeRowsCalls;

struct LodeRows {
  const LodeRowsCalls *calls;
};

/* Weights of rows by Lewis's change of density: w = (aᵢᵀ (Aᵀ W^(1−2/p) A)⁻¹ aᵢ)^(p/2). */
typedef struct LodeLewisIn {
  size_t size;
  double p;         /* above 0; 2: leverage scores */
  double tolerance; /* largest |log| by which a weight may miss its equation; 0: 1e-3 */
  double ridge;     /* λ ≥ 0 in Aᵀ W^(1−2/p) A + λI, as a share of the mean squared length of a column */
  bool intercept;   /* a column of ones is appended */
} LodeLewisIn;

typedef struct LodeLewisOut {
  size_t size;
  uint32_t rank, passes; /* over the rows */
  double sum;            /* of the weights: the rank, where nothing is added to the diagonal */
  double residual;       /* largest |log| by which a weight missed its equation */
  double certificate;    /* the true weights are within this factor (a natural logarithm) */
} LodeLewisOut;

static inline uint32_t
lode_rows_count (const LodeRows *rows)
{
  return rows->calls->count (rows);
}

static inline uint32_t
lode_rows_width (const LodeRows *rows)
{
  return rows->calls->width (rows);
}

/* Rows first … first + n − 1 as float32. out: [n][width] [main] */
static inline bool
lode_rows_read (LodeRows *rows, uint32_t first, uint32_t n, float *out, GError **error)
{
  return rows->calls->read (rows, first, n, out, error);
}

/* Those rows alone, in that order (transfer full); the first rows must live longer. index: [n], copied.
 * [main] */
static inline LodeRows *
lode_rows_pick (LodeRows *rows, uint32_t n, const uint32_t *index)
{
  return rows->calls->pick (rows, n, index);
}

/* Accepts NULL. */
static inline void
lode_rows_free (LodeRows *rows)
{
  if (rows)
    rows->calls->free (rows);
}

#endif

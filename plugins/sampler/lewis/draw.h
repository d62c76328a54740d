/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drawing rows with given probabilities, and the weights that make sums over what was drawn
 * unbiased. With one seed, what a smaller budget draws comes first in what a larger one does.
 */
#ifndef LODE_LEWIS_DRAW_H
#define LODE_LEWIS_DRAW_H

#include <lode/lode.h>

#define DRAW_ERROR (g_quark_from_static_string ("lode-lewis"))

typedef struct Draw {
  uint32_t n, budget;
  const double *prob; /* [n] sums to 1 */
  LodeRng rng;        /* a key: numbers are functions of the draw or the row */
  /* found: arrays of `budget`, or of n for Poisson */
  uint32_t found;
  uint32_t *index, *times;
  double *weight; /* of a row drawn once; its loss counts weight · times */
  double draws;
} Draw;

/* With replacement until `budget` distinct rows were seen. */
bool draw_repeated (Draw *, GError **);
/* Each row by itself, `budget` expected. */
bool draw_poisson (Draw *, GError **);
/* Exactly `budget` rows, each at most once: an exponential race. */
bool draw_race (Draw *, GError **);

/* Draws with replacement after which so many distinct rows are expected; infinite: never. */
double draw_expected (uint32_t n, const double *prob, double budget);

#endif

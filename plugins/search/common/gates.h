/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architecture parameters α and the gates that follow from them: a softmax over the options of each
 * decision that a mask leaves, the gradient back through it, and Adam.
 */
#ifndef SEARCH_GATES_H
#define SEARCH_GATES_H

#include <lode/lode.h>

typedef struct Gates {
  const LodeSpace *space;
  uint64_t *mask;                /* [space.n] */
  double *alpha, *adam, *dalpha; /* [options], [2 · options + 1], [options] */
  float *mix;                    /* [options] softmax α; 0 outside the mask */
  float *gate, *dgate;           /* [options] what passes see, and the gradient there */
  double aid; /* added to the gates of skips: a skip beside each mixture, out of the competition */
} Gates;

/* All options, α = spread · N(0, 1). */
void gates_init (Gates *, const LodeSpace *, LodeRng *, double spread);
void gates_clear (Gates *);
/* α anew for the options that the mask leaves, and moments of zero. */
void gates_restart (Gates *, LodeRng *, double spread);

/* mix and gate from α. */
void gates_set (Gates *);
/* dalpha from dgate, through the softmax: dα_o = p_o (g_o − Σ p g); then the gradient of λ times
 * the mean over decisions of log Σ exp α is added (Ye et al. 2022, eq. 9). */
void gates_pull (Gates *, double lambda);
/* What the search holds likely, for whoever looks: mask and mix. */
void gates_stand (const Gates *, LodeChoice *);
/* Mean entropy of mix over decisions, in nats: 0 when all is decided. */
double gates_entropy (const Gates *);

void gates_save (const Gates *, LodeStore *);
/* Takes all of it or nothing. */
bool gates_load (Gates *, const LodeStore *, GError **);

#endif

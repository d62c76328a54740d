/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of the validation loss in the gates, first and second order. Knows nothing of how
 * gates come from architecture parameters.
 */
#ifndef DARTS_HYPER_H
#define DARTS_HYPER_H

#include <lode/lode.h>

/* What the gradient is taken of, and scratch. */
typedef struct Hyper {
  LodeNet *net;
  const LodeOptim *optim; /* gives ξ and the step not taken */
  LodeParams *grad;       /* scratch, a set of the net; second order only */
  LodeParams *direction, *moved;
  float *plus, *minus; /* scratch: [options] */
  uint32_t options;
} Hyper;

/* Liu et al. 2019 with ξ = 0: ∇ L_val (w, gates). pass->dgate and what the pass reports are filled.
 */
bool darts_first_order (const Hyper *, const LodeBatch *valid, const LodeChoice *, LodePass *,
                        GError **);

/*
 * Their eq. 7 and 8: ∇ L_val (w′) − ξ [∇ L_train (w⁺) − ∇ L_train (w⁻)] / 2ε in the gates, with w′
 * the weights after the optimiser's next step, w± = w ± ε d, d = ∇_w′ L_val, ε = 0.01 / ‖d‖. The
 * net's own weights are only read.
 */
bool darts_second_order (const Hyper *, const LodeBatch *train, const LodeBatch *valid,
                         const LodeChoice *, LodePass *, GError **);

#endif

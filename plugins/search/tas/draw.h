/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws of a few options a decision with gates that stay differentiable (Dong & Yang 2019, eq.
 * 3–4).
 */
#ifndef TAS_DRAW_H
#define TAS_DRAW_H

#include <lode/lode.h>

/* τ at a share of the search: from `first` to `last`, along a cosine or a line. */
double tas_temperature (double share, double first, double last, bool line);

/*
 * Per decision, with l = (log p + Gumbel noise) / τ: `draws` different options by chances softmax
 * l, gates softmax l over these; in the decisions of group `whole` every option. mix: [options] p;
 * mask: [space.n], gate: [options], 0 outside the mask
 */
void tas_draw (const LodeSpace *, const float *mix, const char *whole, uint32_t draws, double tau,
               LodeRng *, uint64_t *mask, float *gate);
/* The gradient in α of a loss whose gradient in the gates is given: in a decision,
 * dα_j = w_j (g_j − Σ w g) / τ. dalpha: [options] */
void tas_pull (const LodeSpace *, const uint64_t *mask, const float *gate, const float *dgate,
               double tau, double *dalpha);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The largest eigenvalue of a Hessian, from gradients alone.
 */
#ifndef DARTS_CURVATURE_H
#define DARTS_CURVATURE_H

#include <lode/lode.h>

/* The gradient at x. x, g: [n] */
typedef bool (*GradientFunc) (void *data, const double *x, double *g, GError **);

/*
 * Power iteration on central differences H v ≈ (g (x + ε v) − g (x − ε v)) / 2ε, ε = 0.01, ‖v‖ = 1;
 * where the eigenvalue of largest magnitude is negative, once more on H shifted by it. At most
 * `steps` products each, fewer where the eigenvalue settles to 1e-4 of itself.
 */
bool darts_curvature (GradientFunc, void *data, uint32_t n, const double *x, LodeRng *,
                      uint32_t steps, double *largest, GError **);

#endif

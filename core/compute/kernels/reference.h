/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of the plain table that have files of their own.
 */
#ifndef LODE_CORE_KERNELS_REFERENCE_H
#define LODE_CORE_KERNELS_REFERENCE_H

#include "compute/kernels/kernels.h"

size_t lode_reference_conv_scratch (const LodeConvGeometry *);
void lode_reference_conv (const LodeConvGeometry *, const float *x, const float *w,
                          const float *bias, float *y, float *scratch);
void lode_reference_conv_dx (const LodeConvGeometry *, const float *w, const float *dy, float *dx,
                             float *scratch);
void lode_reference_conv_dw (const LodeConvGeometry *, const float *x, const float *dy, float *dw,
                             float *dbias, float *scratch);
size_t lode_reference_depth_room (const LodeConvGeometry *);
void lode_reference_depth_lay (const LodeConvGeometry *, const LodeReading *, const float *x,
                               float *h);
void lode_reference_depth (const LodeConvGeometry *, const float *h, const float *w,
                           const float *bias, float *y);
void lode_reference_depth_dx (const LodeConvGeometry *, const float *gate, const float *w,
                              const float *dy, bool first, float *dx, float *dh);
void lode_reference_depth_dw (const LodeConvGeometry *, const float *h, const float *dy, float *dw);

bool lode_reference_winograd_pays (const LodeConvGeometry *);
size_t lode_reference_winograd_weights (const LodeConvGeometry *);
size_t lode_reference_winograd_scratch (const LodeConvGeometry *);
void lode_reference_winograd_turn (const LodeConvGeometry *, bool back, const float *w, float *u);
void lode_reference_winograd (const LodeConvGeometry *, const LodeReading *, const float *x,
                              const float *u, const float *bias, float *y, float *scratch);
void lode_reference_winograd_dx (const LodeConvGeometry *, const LodeReading *, const float *x,
                                 const float *u, const float *dy, bool first, float *dx,
                                 float *scratch);
void lode_reference_winograd_dw (const LodeConvGeometry *, const LodeReading *, const float *x,
                                 const float *dy, float *dw, float *dbias, float *scratch);

#endif

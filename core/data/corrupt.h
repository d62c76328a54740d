/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test samples made worse: after corruptions of Hendrycks & Dietterich 2019, in five strengths, on
 * normalised values, so that they mean the same for any data.
 */
#ifndef LODE_CORE_CORRUPT_H
#define LODE_CORE_CORRUPT_H

#include <lode/types.h>

enum {
  LODE_CORRUPT_NONE,
  LODE_CORRUPT_NOISE,    /* normal, of 0.2 … 1 deviations of the channel */
  LODE_CORRUPT_BLUR,     /* normal, of 0.4 … 1.5 pixels of an image of 32 */
  LODE_CORRUPT_CONTRAST, /* 0.75 … 0.15 of it left, about the sample's mean of the channel */
  LODE_CORRUPT_PATCHES   /* 1 … 8 of 4 × 4 parts of the image are 0, which is the mean */
};

/* strength: 1 … 5. x: [h][w][c] in place. A pure function of its arguments. [any] */
void lode_corrupt (const LodeShape *, uint32_t kind, uint32_t strength, LodeRng rng, float *x);

#endif

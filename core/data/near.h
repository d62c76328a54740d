/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures of a validation or test split that are nearly one of the training split.
 */
#ifndef LODE_CORE_NEAR_H
#define LODE_CORE_NEAR_H

#include "compute/threads.h"
#include "data/data.h"

typedef struct LodeNear {
  uint32_t part[2], at[2]; /* the one trained on, the other */
  double distance;         /* root of the mean squared difference, 0 … 1 of the range; not 0 */
} LodeNear;

/* Pairs that differ by at most `most`, nearest first: LodeNear. Of bytes of at least 8 × 8 pixels;
 * others have none. About 10⁸ pairs a second and thread. [main] */
GArray *lode_data_near (const LodeData *, LodeThreads *, double most, GError **);

#endif

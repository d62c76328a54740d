/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an optimiser remembers of every weight.
 *
 * Moments follow a net's layout. Where that is another one, because a head was replaced, they are
 * carried over by name, all but the head's. Every slot counts its own steps, so that a correction
 * for their number is right where passes touch some of the weights only.
 */
#ifndef LODE_CORE_MOMENTS_H
#define LODE_CORE_MOMENTS_H

#include "compute/params.h"
#include <lode/state.h>

enum { LODE_MOMENTS = 2 };

typedef struct LodeMoments {
  LodeLayout *layout;
  uint32_t slots, n;            /* n: moments of a weight */
  LodeParams *at[LODE_MOMENTS]; /* [n] */
  uint64_t *steps;              /* [slots] */
} LodeMoments;

LodeMoments lode_moments_new (LodeLayout *, uint32_t n);
void lode_moments_clear (LodeMoments *);
/* For the slots that a layout has now; changes no value of those that stay. */
void lode_moments_follow (LodeMoments *, LodeLayout *);
void lode_moments_store (const LodeMoments *, const char *prefix, LodeStore *);
/* All or nothing. */
bool lode_moments_restore (LodeMoments *, const char *prefix, const LodeStore *, GError **);

#endif

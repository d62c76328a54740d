/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Narrow choices in the weights of a super-network: what they read, and what they leave alone.
 */
#ifndef TEST_LEND_H
#define TEST_LEND_H

#include "hand.h"

static inline double
largest (const float *x, size_t n)
{
  double most = 0;

  for (size_t i = 0; i < n; i++)
    most = MAX (most, fabs ((double) x[i]));
  return most;
}

/* The leading [ci][co] of a wider weight [ci of wide][co of wide], tap by tap. */
static inline void
copy_leading (const LodeSlot *wide, const float *from, const LodeSlot *narrow, float *to)
{
  const uint32_t *a = wide->dim, *b = narrow->dim;

  g_assert_cmpuint (a[0] * a[1], ==, b[0] * b[1]);
  for (uint32_t tap = 0; tap < b[0] * b[1]; tap++)
    for (uint32_t i = 0; i < b[2]; i++)
      for (uint32_t o = 0; o < b[3]; o++)
        to[(tap * b[2] + i) * b[3] + o] = from[(tap * a[2] + i) * a[3] + o];
}

static inline void
copy_weights (const Net *from, Net *to)
{
  LodeParamSet *a = (LodeParamSet *) from->w, *b = (LodeParamSet *) to->w;

  for (uint32_t i = 0; i < b->slots; i++) {
    const LodeSlot *narrow = lode_layout_slot (to->weights, i);
    int32_t slot = lode_layout_find (from->weights, narrow->name);

    g_assert_cmpint (slot, >=, 0);
    copy_leading (lode_layout_slot (from->weights, (uint32_t) slot), a->at[slot], narrow, b->at[i]);
  }
}

/* Gradients end where the choice's leading channels end, and at norms of other widths. */
static inline void
check_untouched (const Net *whole, const Net *alone)
{
  LodeParamSet *g = (LodeParamSet *) whole->g;

  for (uint32_t i = 0; i < g->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (whole->weights, i);
    int32_t used = lode_layout_find (alone->weights, slot->name);
    const uint32_t *dim = used < 0 ? NULL : lode_layout_slot (alone->weights, (uint32_t) used)->dim;

    for (size_t j = 0; j < lode_slot_size (slot); j++) {
      uint32_t co = (uint32_t) (j % slot->dim[3]);
      uint32_t ci = (uint32_t) (j / slot->dim[3] % slot->dim[2]);

      if (!dim || ci >= dim[2] || co >= dim[3])
        g_assert_true (fabsf (g->at[i][j]) <= 0);
    }
    g_assert_true (!dim || largest (g->at[i], lode_slot_size (slot)) > 0);
  }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How children come about: mutation, crossover, chance; within limits, and none that was scored.
 */
#ifndef EA_CHILDREN_H
#define EA_CHILDREN_H

#include <lode/lode.h>

/* What a child is made of and must meet. */
typedef struct Nursery {
  const LodeHost *host;
  const LodeSpace *space;
  double mutation;             /* chance that a decision is redrawn; 0: exactly one gets another */
  double max_macs, max_params; /* 0: no limit */
  uint32_t tries;
  GHashTable *keys; /* canonical forms already in the litter */
} Nursery;

/* The child of one parent or, where mother is not NULL, of two; NULL, NULL: drawn at random. After
 * `tries` draws without a new one within the limits it is drawn at random, up to 64 times as often.
 * false without error: no more was found. child: [space.n] */
bool ea_child (const Nursery *, const uint8_t *father, const uint8_t *mother, LodeRng *,
               uint8_t *child, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Search spaces: decisions, choices, architectures.
 *
 * A space is a list of categorical decisions. A choice keeps, per decision, a mask of the options that
 * exist, and at run time a gate and a dropout rate per option. One option each is an architecture:
 * an array of one byte a decision, the index of its option.
 */
#ifndef LODE_SPACE_H
#define LODE_SPACE_H

#include <lode/types.h>

/* What an option is, where a search treats it specially. */
enum { LODE_TRAIT_PLAIN, LODE_TRAIT_NONE, LODE_TRAIT_SKIP, LODE_TRAIT_POOL };

typedef struct LodeDecision {
  const char *name, *group;   /* "normal.2.0", "normal" */
  uint32_t n;                 /* options, at most 64 */
  const char *const *option;  /* [n] names */
  const uint32_t *trait;      /* [n] LODE_TRAIT_…, or NULL: all PLAIN */
  int32_t from, to;           /* nodes that an edge joins, or −1 */
} LodeDecision;

typedef struct LodeSpace {
  size_t size, stride;    /* stride: sizeof (LodeDecision) as the plugin knows it */
  uint32_t n, options;    /* decisions; sum of their options */
  const LodeDecision *at; /* [n] */
} LodeSpace;

typedef struct LodeChoice {
  size_t size;
  const uint64_t *mask; /* [space.n] bits of the options that exist; NULL: all */
  const float *gate;    /* [space.options], read when a program runs; NULL: all 1 */
  const float *drop;    /* [space.options] dropout rates; NULL: all 0 */
} LodeChoice;

static inline const LodeDecision *
lode_space_at (const LodeSpace *space, uint32_t i)
{
  return (const LodeDecision *) (const void *) ((const char *) space->at + space->stride * i);
}

/* Position of a decision's first option in arrays over all options. */
static inline uint32_t
lode_space_first (const LodeSpace *space, uint32_t decision)
{
  uint32_t first = 0;

  for (uint32_t i = 0; i < decision; i++)
    first += lode_space_at (space, i)->n;
  return first;
}

static inline uint32_t
lode_space_trait (const LodeDecision *decision, uint32_t option)
{
  return decision->trait ? decision->trait[option] : (uint32_t) LODE_TRAIT_PLAIN;
}

/* The mask of every option of every decision. mask: [space.n] */
static inline void
lode_space_all (const LodeSpace *space, uint64_t *mask)
{
  for (uint32_t i = 0; i < space->n; i++) {
    uint32_t n = lode_space_at (space, i)->n;

    mask[i] = n == 64 ? UINT64_MAX : (UINT64_C (1) << n) - 1;
  }
}

/* The mask of an architecture. arch, mask: [space.n] */
static inline void
lode_space_one (const LodeSpace *space, const uint8_t *arch, uint64_t *mask)
{
  for (uint32_t i = 0; i < space->n; i++)
    mask[i] = UINT64_C (1) << arch[i];
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named slots of a net: what weights (or batch-norm statistics) exist, in order of first recording.
 * A layout is shared, by reference count, between a net, its weight sets and its graphs. It holds
 * no values.
 */
#ifndef LODE_CORE_LAYOUT_H
#define LODE_CORE_LAYOUT_H

#include <lode/types.h>

/* How a fresh weight is filled. UNIFORM: ± 1/√fan. */
typedef enum {
  LODE_INIT_ZERO,
  LODE_INIT_ONE,
  LODE_INIT_UNIFORM,
  LODE_INIT_NORMAL,
  LODE_INIT_STATS
} LodeInit;

typedef struct LodeSlot {
  char *name;      /* "backbone.cells.0.pre1.conv" */
  uint32_t dim[4]; /* [k][k][ci][co]; unused leading ones are 1 */
  uint32_t fan;    /* inputs summed by one output */
  LodeInit init;
  bool frozen;
} LodeSlot;

typedef struct LodeLayout LodeLayout;

LodeLayout *lode_layout_new (void);
LodeLayout *lode_layout_ref (LodeLayout *);
void lode_layout_unref (LodeLayout *);
/* Forgets all slots and keeps the memory: for a layout that no set was made of. */
void lode_layout_clear (LodeLayout *);

uint32_t lode_layout_count (const LodeLayout *);
const LodeSlot *lode_layout_slot (const LodeLayout *, uint32_t slot);
size_t lode_slot_size (const LodeSlot *);                        /* product of dim */
int32_t lode_layout_find (const LodeLayout *, const char *name); /* −1: none */
size_t lode_layout_total (const LodeLayout *);                   /* values in all slots */
/* Adds a slot; the name must be new. */
uint32_t lode_layout_add (LodeLayout *, const char *name, const uint32_t dim[4], uint32_t fan,
                          LodeInit);
void lode_layout_freeze (LodeLayout *, const char *prefix, bool frozen);
void lode_layout_freeze_slot (LodeLayout *, uint32_t slot, bool frozen);
/* No recording adds to it any more: an unknown name is a mistake of the backbone. */
void lode_layout_seal (LodeLayout *, bool sealed);
bool lode_layout_sealed (const LodeLayout *);
uint64_t lode_layout_revision (const LodeLayout *); /* changes with freeze: programs depend on it */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What architectures cost, head included, a sample: recorded, never compiled. One recording's
 * memory serves all of them.
 */
#ifndef LODE_CORE_COST_H
#define LODE_CORE_COST_H

#include "space/assembly.h"

typedef struct LodeCost LodeCost;

/* The assembly is copied; its family outlives the object. */
LodeCost *lode_cost_new (const LodeAssembly *);
void lode_cost_free (LodeCost *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeCost, lode_cost_free)

/* Multiply-adds and weights of an architecture ([space.n], NULL: the whole space); either may be
 * NULL. */
bool lode_cost_of (LodeCost *, const uint8_t *arch, uint64_t *macs, uint64_t *params, GError **);
/* The same of a choice. mask: [space.n], NULL: the whole space. */
bool lode_cost_mask (LodeCost *, const uint64_t *mask, uint64_t *macs, uint64_t *params, GError **);
/* lode_arch_expect, with the additive default's networks recorded once. */
double lode_cost_expect (LodeCost *, const float *prob, float *dprob);

#endif

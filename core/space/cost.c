/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting by recording. Every recording begins with empty layouts: what one architecture's weights
 * are called and how wide they are says nothing about another's.
 */
#include "space/cost.h"

#include "error.h"
#include <string.h>

/* Networks that an expectation remembers: the additive default asks for one per option. */
enum { MEMORY = 1 << 14 };

typedef struct Known {
  uint64_t macs;
  bool ok;
} Known;

struct LodeCost {
  LodeAssembly assembly;
  const LodeSpace *space;
  LodeLayout *weights, *stats;
  LodeRecord *record;
  uint64_t *mask;    /* [space.n] */
  GHashTable *known; /* architecture as bytes → Known */
};

LodeCost *
lode_cost_new (const LodeAssembly *assembly)
{
  LodeCost *cost = g_new0 (LodeCost, 1);

  cost->assembly = *assembly;
  cost->space = lode_arch_space (&cost->assembly.family);
  cost->weights = lode_layout_new ();
  cost->stats = lode_layout_new ();
  cost->record = lode_record_new (cost->weights, cost->stats, cost->space, NULL);
  cost->mask = g_new0 (uint64_t, (size_t) cost->space->n + 1);
  cost->known =
      g_hash_table_new_full (g_bytes_hash, g_bytes_equal, (GDestroyNotify) g_bytes_unref, g_free);
  return cost;
}

void
lode_cost_free (LodeCost *cost)
{
  if (!cost)
    return;
  lode_record_free (cost->record);
  lode_layout_unref (cost->weights);
  lode_layout_unref (cost->stats);
  g_hash_table_unref (cost->known);
  g_free (cost->mask);
  g_free (cost);
}

static bool
count (LodeCost *cost, const uint64_t *mask, uint64_t *macs, uint64_t *params, GError **error)
{
  LodeOutputs outputs;

  lode_layout_clear (cost->weights);
  lode_layout_clear (cost->stats);
  lode_record_reset (cost->record, cost->space, mask);
  if (!lode_assembly_record (&cost->assembly, cost->record, 0, &outputs, error))
    return false;
  if (macs)
    *macs = lode_record_macs (cost->record);
  if (params)
    *params = lode_record_params (cost->record);
  return true;
}

bool
lode_cost_mask (LodeCost *cost, const uint64_t *mask, uint64_t *macs, uint64_t *params,
                GError **error)
{
  return count (cost, mask, macs, params, error);
}

bool
lode_cost_of (LodeCost *cost, const uint8_t *arch, uint64_t *macs, uint64_t *params, GError **error)
{
  if (!arch)
    return count (cost, NULL, macs, params, error);
  if (!lode_arch_check (cost->space, arch, error))
    return false;
  lode_space_one (cost->space, arch, cost->mask);
  return count (cost, cost->mask, macs, params, error);
}

/* Remembered, whether it can be built or not. */
static bool
recall (void *data, const uint8_t *arch, uint64_t *macs)
{
  LodeCost *cost = data;
  g_autoptr (GBytes) key = g_bytes_new (arch, cost->space->n);
  Known *known = g_hash_table_lookup (cost->known, key);

  if (!known) {
    if (g_hash_table_size (cost->known) >= MEMORY)
      g_hash_table_remove_all (cost->known);
    known = g_new0 (Known, 1);
    known->ok = lode_cost_of (cost, arch, &known->macs, NULL, NULL);
    g_hash_table_insert (cost->known, g_steal_pointer (&key), known);
  }
  *macs = known->macs;
  return known->ok;
}

double
lode_cost_expect (LodeCost *cost, const float *prob, float *dprob)
{
  return lode_arch_expect (&cost->assembly.family, cost->assembly.outputs, prob, dprob, recall,
                           cost);
}

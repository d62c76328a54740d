/* SPDX-License-Identifier: Apache-2.0 */
#include "prune.h"

#include <string.h>

double
pdarts_dropout (double first, uint64_t epoch, uint64_t epochs, uint64_t warmup)
{
  if (epoch < warmup)
    return first * ((double) epochs - (double) epoch - 1) / (double) epochs;
  return first * exp (-0.2 * (double) (epoch - warmup));
}

/* mix: [n] */
static uint64_t
without_weakest (uint32_t n, const float *mix, uint64_t mask)
{
  uint32_t weakest = n;

  for (uint32_t o = 0; o < n; o++)
    if (mask >> o & 1 && (weakest == n || mix[o] < mix[weakest]))
      weakest = o;
  return weakest < n ? mask & ~(UINT64_C (1) << weakest) : mask;
}

void
pdarts_prune (const LodeSpace *space, uint32_t keep, const float *mix, uint64_t *mask)
{
  for (uint32_t i = 0; i < space->n; i++) {
    uint32_t n = lode_space_at (space, i)->n;

    while ((uint32_t) __builtin_popcountll (mask[i]) > MAX (keep, 1))
      mask[i] = without_weakest (n, mix, mask[i]);
    mix += n;
  }
}

static bool
is_limited (const LodeDecision *decision, const char *group)
{
  return !*group || !g_strcmp0 (decision->group, group);
}

/* Skips in the group of decision `first`; weakest: where the weakest of them stands in mix, or −1.
 */
static uint32_t
count_skips (const LodeSpace *space, const char *group, const float *mix, const uint8_t *arch,
             int64_t *weakest)
{
  uint32_t skips = 0;

  *weakest = -1;
  for (uint32_t i = 0, first = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);
    int64_t at = first + arch[i];

    first += decision->n;
    if (g_strcmp0 (decision->group, group)
        || lode_space_trait (decision, arch[i]) != LODE_TRAIT_SKIP)
      continue;
    skips++;
    if (*weakest < 0 || mix[at] < mix[*weakest])
      *weakest = at;
  }
  return skips;
}

/* Weakens one skip of a group that has too many; false: none has. */
static bool
weaken (const LodeSpace *space, const char *group, int64_t most, float *mix, const uint8_t *arch)
{
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);
    int64_t weakest;

    if (!is_limited (decision, group)
        || (int64_t) count_skips (space, decision->group, mix, arch, &weakest) <= most)
      continue;
    if (weakest >= 0 && mix[weakest] > 0) {
      mix[weakest] = 0;
      return true;
    }
  }
  return false;
}

void
pdarts_derive (const LodeHost *host, const LodeSpace *space, const char *group, int64_t most,
               const uint64_t *mask, float *mix, uint8_t *arch)
{
  for (uint32_t i = 0, at = 0; i < space->n; i++)
    for (uint32_t o = 0; o < lode_space_at (space, i)->n; o++, at++)
      if (lode_space_trait (lode_space_at (space, i), o) == LODE_TRAIT_NONE)
        mix[at] = 0;
  do
    lode_derive (host, mix, mask, arch);
  while (most >= 0 && weaken (space, group, most, mix, arch));
}

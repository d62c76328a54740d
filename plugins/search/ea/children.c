/* SPDX-License-Identifier: Apache-2.0 */
#include "children.h"

#include <string.h>

enum { PATIENCE = 64 }; /* random draws for each try, before a space counts as exhausted */

static uint8_t
another (const LodeDecision *decision, uint8_t than, LodeRng *rng)
{
  uint8_t option = (uint8_t) lode_rng_below (rng, decision->n - 1);

  return (uint8_t) (option + (option >= than));
}

/* Exactly one decision that has alternatives takes one of them. */
static void
change_one (const LodeSpace *space, uint8_t *child, LodeRng *rng)
{
  uint32_t free = 0, at;

  for (uint32_t i = 0; i < space->n; i++)
    free += lode_space_at (space, i)->n > 1;
  if (free == 0)
    return;
  at = lode_rng_below (rng, free);
  for (uint32_t i = 0; i < space->n; i++) {
    const LodeDecision *decision = lode_space_at (space, i);

    if (decision->n > 1 && at-- == 0) {
      child[i] = another (decision, child[i], rng);
      return;
    }
  }
}

static void
mutate (const Nursery *nursery, uint8_t *child, LodeRng *rng)
{
  const LodeSpace *space = nursery->space;

  if (nursery->mutation <= 0) {
    change_one (space, child, rng);
    return;
  }
  for (uint32_t i = 0; i < space->n; i++)
    if (lode_rng_uniform (rng) < nursery->mutation)
      child[i] = (uint8_t) lode_rng_below (rng, lode_space_at (space, i)->n);
}

static void
draw (const Nursery *nursery, const uint8_t *father, const uint8_t *mother, LodeRng *rng,
      uint8_t *child)
{
  uint32_t n = nursery->space->n;

  if (!father) {
    lode_sample (nursery->host, child, rng);
    return;
  }
  memcpy (child, father, n);
  if (mother)
    for (uint32_t i = 0; i < n; i++)
      child[i] = lode_rng_below (rng, 2) ? mother[i] : father[i];
  else
    mutate (nursery, child, rng);
  lode_repair (nursery->host, child, rng);
}

static bool
is_within (const Nursery *nursery, const uint8_t *child, bool *within, GError **error)
{
  uint64_t macs, params;

  *within = true;
  if (nursery->max_macs <= 0 && nursery->max_params <= 0)
    return true;
  if (!lode_cost (nursery->host, child, &macs, &params, error))
    return false;
  *within = (nursery->max_macs <= 0 || (double) macs <= nursery->max_macs)
            && (nursery->max_params <= 0 || (double) params <= nursery->max_params);
  return true;
}

/* Whether the child is new and within the limits; if so, its key is taken. */
static bool
try_child (const Nursery *nursery, const uint8_t *child, bool *good, GError **error)
{
  char *key = NULL;

  *good = !lode_known (nursery->host, child, 1, NULL);
  if (!*good)
    return true;
  key = lode_arch_key (nursery->host, child);
  *good = !g_hash_table_contains (nursery->keys, key);
  if (*good && !is_within (nursery, child, good, error)) {
    g_free (key);
    return false;
  }
  if (*good)
    g_hash_table_add (nursery->keys, key);
  else
    g_free (key);
  return true;
}

bool
ea_child (const Nursery *nursery, const uint8_t *father, const uint8_t *mother, LodeRng *rng,
          uint8_t *child, GError **error)
{
  uint32_t all = nursery->tries * (PATIENCE + 1);
  bool good = false;

  for (uint32_t i = 0; i < all && !good; i++) {
    bool bred = i < nursery->tries;

    draw (nursery, bred ? father : NULL, bred ? mother : NULL, rng, child);
    if (!try_child (nursery, child, &good, error))
      return false;
  }
  return good;
}

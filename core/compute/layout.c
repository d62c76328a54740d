/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named slots: an append-only list with a hash index over the names. Slots live in blocks that
 * never move, so a `const LodeSlot *` stays good as long as its layout.
 */
#include "compute/layout.h"

#include <string.h>

enum { BLOCK = 256 };

struct LodeLayout {
  int refs;
  LodeSlot **block; /* [blocks] → [BLOCK] */
  uint32_t count, blocks;
  uint64_t *hash;  /* [room] of the names */
  uint32_t *index; /* [table] slot + 1, 0: empty; a power of two, at most half full */
  uint32_t table, room;
  size_t total;
  bool sealed;
  uint64_t revision;
};

/* Eight bytes at a time (Fowler–Noll–Vo's product with a fold): names are hashed at every
 * recording. */
static uint64_t
hash_name (const char *name)
{
  size_t n = strlen (name);
  uint64_t h = 0x9E3779B97F4A7C15u ^ n, word;

  for (; n >= 8; n -= 8, name += 8) {
    memcpy (&word, name, 8);
    h = (h ^ word) * 0xD6E8FEB86659FD93u;
    h ^= h >> 32;
  }
  word = 0;
  memcpy (&word, name, n);
  h = (h ^ word) * 0xD6E8FEB86659FD93u;
  return h ^ h >> 32;
}

LodeLayout *
lode_layout_new (void)
{
  LodeLayout *layout = g_new0 (LodeLayout, 1);

  layout->refs = 1;
  layout->table = 64;
  layout->index = g_new0 (uint32_t, layout->table);
  return layout;
}

LodeLayout *
lode_layout_ref (LodeLayout *layout)
{
  g_atomic_int_inc (&layout->refs);
  return layout;
}

void
lode_layout_unref (LodeLayout *layout)
{
  if (!layout || !g_atomic_int_dec_and_test (&layout->refs))
    return;
  for (uint32_t i = 0; i < layout->count; i++)
    g_free (layout->block[i / BLOCK][i % BLOCK].name);
  for (uint32_t i = 0; i < layout->blocks; i++)
    g_free (layout->block[i]);
  g_free (layout->block);
  g_free (layout->hash);
  g_free (layout->index);
  g_free (layout);
}

void
lode_layout_clear (LodeLayout *layout)
{
  for (uint32_t i = 0; i < layout->count; i++)
    g_clear_pointer (&layout->block[i / BLOCK][i % BLOCK].name, g_free);
  memset (layout->index, 0, layout->table * sizeof *layout->index);
  layout->count = 0;
  layout->total = 0;
  layout->sealed = false;
  layout->revision++;
}

uint32_t
lode_layout_count (const LodeLayout *layout)
{
  return layout->count;
}

static LodeSlot *
slot_at (const LodeLayout *layout, uint32_t slot)
{
  return &layout->block[slot / BLOCK][slot % BLOCK];
}

const LodeSlot *
lode_layout_slot (const LodeLayout *layout, uint32_t slot)
{
  return slot < layout->count ? slot_at (layout, slot) : NULL;
}

size_t
lode_slot_size (const LodeSlot *slot)
{
  return (size_t) slot->dim[0] * slot->dim[1] * slot->dim[2] * slot->dim[3];
}

/* The place of a name in the index: where it is, or where it would go. */
static uint32_t
probe (const LodeLayout *layout, const char *name, uint64_t hash)
{
  uint32_t mask = layout->table - 1, at = (uint32_t) hash & mask;

  for (; layout->index[at]; at = (at + 1) & mask) {
    uint32_t slot = layout->index[at] - 1;

    if (layout->hash[slot] == hash && strcmp (slot_at (layout, slot)->name, name) == 0)
      break;
  }
  return at;
}

int32_t
lode_layout_find (const LodeLayout *layout, const char *name)
{
  return (int32_t) layout->index[probe (layout, name, hash_name (name))] - 1;
}

size_t
lode_layout_total (const LodeLayout *layout)
{
  return layout->total;
}

static void
grow_index (LodeLayout *layout)
{
  layout->table *= 2;
  g_free (layout->index);
  layout->index = g_new0 (uint32_t, layout->table);
  for (uint32_t i = 0; i < layout->count; i++)
    layout->index[probe (layout, slot_at (layout, i)->name, layout->hash[i])] = i + 1;
}

uint32_t
lode_layout_add (LodeLayout *layout, const char *name, const uint32_t dim[4], uint32_t fan,
                 LodeInit init)
{
  uint32_t slot = layout->count;
  uint64_t hash = hash_name (name);

  g_return_val_if_fail (lode_layout_find (layout, name) < 0, 0);
  if (2 * (slot + 1) > layout->table)
    grow_index (layout);
  if (slot == layout->blocks * BLOCK) {
    layout->room += BLOCK;
    layout->hash = g_renew (uint64_t, layout->hash, layout->room);
    layout->block = g_renew (LodeSlot *, layout->block, layout->blocks + 1);
    layout->block[layout->blocks++] = g_new0 (LodeSlot, BLOCK);
  }
  layout->hash[slot] = hash;
  *slot_at (layout, slot) = (LodeSlot){ .name = g_strdup (name), .fan = fan, .init = init };
  memcpy (slot_at (layout, slot)->dim, dim, sizeof (uint32_t[4]));
  layout->index[probe (layout, name, hash)] = slot + 1;
  layout->count++;
  layout->total += lode_slot_size (slot_at (layout, slot));
  return slot;
}

void
lode_layout_freeze (LodeLayout *layout, const char *prefix, bool frozen)
{
  for (uint32_t i = 0; i < layout->count; i++) {
    LodeSlot *slot = slot_at (layout, i);

    if (g_str_has_prefix (slot->name, prefix) && slot->frozen != frozen) {
      slot->frozen = frozen;
      layout->revision++;
    }
  }
}

void
lode_layout_freeze_slot (LodeLayout *layout, uint32_t slot, bool frozen)
{
  g_return_if_fail (slot < layout->count);
  layout->revision += slot_at (layout, slot)->frozen != frozen;
  slot_at (layout, slot)->frozen = frozen;
}

void
lode_layout_seal (LodeLayout *layout, bool sealed)
{
  layout->sealed = sealed;
}

bool
lode_layout_sealed (const LodeLayout *layout)
{
  return layout->sealed;
}

uint64_t
lode_layout_revision (const LodeLayout *layout)
{
  return layout->revision;
}

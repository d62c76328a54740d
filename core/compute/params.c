/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight sets and statistics sets: one block of memory each, every slot on a cache line of its own.
 *
 * A mark in `touched` means "may differ from zero": a backward pass sets it on what it writes,
 * copying and adding hand it on. So a gradient is cleared in the time of its last use, and an
 * optimiser can tell which weights a pass never saw.
 */
#include "compute/params.h"

#include "error.h"
#include <lode/rng.h>
#include <string.h>

enum { LINE = 16 }; /* floats of a cache line */

/* Bytes of a packed set: this, then per slot present { slot, mark, values }. */
typedef struct PackHead {
  char magic[8];
  uint32_t slots, present;
  uint64_t names; /* hash of the layout's names and shapes */
} PackHead;

typedef struct PackSlot {
  uint32_t slot, touched;
  uint64_t size;
} PackSlot;

static const LodeParamsCalls params_calls;

static float *
block_new (size_t floats)
{
  size_t bytes = MAX (floats, LINE) * sizeof (float);
  float *data = aligned_alloc (64, bytes);

  if (!data)
    g_error ("out of memory: %zu bytes for a set of weights", bytes);
  memset (data, 0, bytes);
  return data;
}

static size_t
padded (size_t n)
{
  return (n + LINE - 1) / LINE * LINE;
}

static size_t
slot_size (const LodeParamSet *set, uint32_t slot)
{
  return lode_slot_size (lode_layout_slot (set->layout, slot));
}

LodeParams *
lode_params_new (LodeLayout *layout, const bool *want)
{
  LodeParamSet *set = g_new0 (LodeParamSet, 1);

  set->base.calls = &params_calls;
  set->layout = lode_layout_ref (layout);
  set->slots = lode_layout_count (layout);
  set->at = g_new0 (float *, set->slots);
  set->touched = g_new0 (bool, set->slots);
  for (uint32_t i = 0; i < set->slots; i++)
    if (!want || want[i])
      set->size += padded (slot_size (set, i));
  set->data = block_new (set->size);
  for (size_t i = 0, at = 0; i < set->slots; i++)
    if (!want || want[i]) {
      set->at[i] = set->data + at;
      at += padded (slot_size (set, (uint32_t) i));
    }
  return &set->base;
}

/* Key of the stream that fills a slot: its name, the seed and the caller's id. */
static uint64_t
slot_key (const LodeSlot *slot, uint64_t seed, uint64_t id)
{
  uint64_t h = 14695981039346656037u;
  uint32_t word[4];

  for (const char *c = slot->name; *c; c++)
    h = (h ^ (uint8_t) *c) * 1099511628211u;
  lode_rng_block (seed ^ h, id, word);
  return (uint64_t) word[1] << 32 | word[0];
}

static void
slot_init (const LodeSlot *slot, uint64_t seed, uint64_t id, float *w)
{
  LodeRng rng = { .key = slot_key (slot, seed, id) };
  size_t n = lode_slot_size (slot);
  double bound = 1 / sqrt (MAX (slot->fan, 1));

  for (size_t i = 0; i < n; i++)
    switch (slot->init) {
    case LODE_INIT_UNIFORM:
      w[i] = (float) (bound * (2 * lode_rng_uniform (&rng) - 1));
      break;
    case LODE_INIT_NORMAL:
      w[i] = (float) lode_rng_normal (&rng);
      break;
    case LODE_INIT_ONE:
      w[i] = 1;
      break;
    case LODE_INIT_STATS:
      w[i] = i >= n / 2;
      break;
    case LODE_INIT_ZERO:
    default:
      w[i] = 0;
    }
}

void
lode_params_init (LodeParams *params, uint64_t seed, uint64_t id)
{
  LodeParamSet *set = (LodeParamSet *) params;

  for (uint32_t i = 0; i < set->slots; i++)
    if (set->at[i]) {
      slot_init (lode_layout_slot (set->layout, i), seed, id, set->at[i]);
      set->touched[i] = true;
    }
}

void
lode_params_clear (LodeParams *params)
{
  LodeParamSet *set = (LodeParamSet *) params;

  for (uint32_t i = 0; i < set->slots; i++)
    if (set->touched[i]) {
      if (set->at[i])
        memset (set->at[i], 0, slot_size (set, i) * sizeof (float));
      set->touched[i] = false;
    }
}

static bool
any_value (const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (x[i] != 0)
      return true;
  return false;
}

/* Slots that both have; sets of one layout may differ in length where it grew between them. */
static uint32_t
common (const LodeParamSet *x, const LodeParamSet *y)
{
  return x->layout == y->layout ? MIN (x->slots, y->slots) : 0;
}

static void
params_copy (LodeParams *y_, const LodeParams *x_)
{
  LodeParamSet *y = (LodeParamSet *) y_;
  const LodeParamSet *x = (const LodeParamSet *) x_;

  if (x == y)
    return;
  for (uint32_t i = 0, n = common (x, y); i < n; i++)
    if (x->at[i] && y->at[i]) {
      size_t size = slot_size (x, i);

      memcpy (y->at[i], x->at[i], size * sizeof (float));
      y->touched[i] = x->touched[i] || any_value (x->at[i], size);
    }
}

static void
params_axpy (LodeParams *y_, double a, const LodeParams *x_)
{
  LodeParamSet *y = (LodeParamSet *) y_;
  const LodeParamSet *x = (const LodeParamSet *) x_;

  for (uint32_t i = 0, n = common (x, y); i < n; i++)
    if (x->at[i] && y->at[i]) {
      size_t size = slot_size (x, i);

      if (!x->touched[i] && !any_value (x->at[i], size))
        continue;
      for (size_t j = 0; j < size; j++)
        y->at[i][j] = (float) (y->at[i][j] + a * x->at[i][j]);
      y->touched[i] = true;
    }
}

static double
params_dot (const LodeParams *x_, const LodeParams *y_)
{
  const LodeParamSet *x = (const LodeParamSet *) x_, *y = (const LodeParamSet *) y_;
  double sum = 0;

  for (uint32_t i = 0, n = common (x, y); i < n; i++)
    if (x->at[i] && y->at[i]) {
      double part = 0;

      for (size_t j = 0, size = slot_size (x, i); j < size; j++)
        part += (double) x->at[i][j] * y->at[i][j];
      sum += part;
    }
  return sum;
}

static size_t
params_count (const LodeParams *params)
{
  const LodeParamSet *set = (const LodeParamSet *) params;
  size_t n = 0;

  for (uint32_t i = 0; i < set->slots; i++)
    if (set->at[i])
      n += slot_size (set, i);
  return n;
}

/* Of names and shapes of the slots a set covers: sets of the same net agree on it in every process.
 */
static uint64_t
layout_hash (const LodeParamSet *set)
{
  uint64_t h = 14695981039346656037u;

  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (set->layout, i);

    for (const char *c = slot->name; *c; c++)
      h = (h ^ (uint8_t) *c) * 1099511628211u;
    for (int d = 0; d < 4; d++)
      h = (h ^ slot->dim[d]) * 1099511628211u;
  }
  return h;
}

static GBytes *
params_pack (const LodeParams *params)
{
  const LodeParamSet *set = (const LodeParamSet *) params;
  PackHead head = { "LodeSet", set->slots, 0, layout_hash (set) };
  GByteArray *out = g_byte_array_new ();

  for (uint32_t i = 0; i < set->slots; i++)
    head.present += set->at[i] != NULL;
  g_byte_array_append (out, (const uint8_t *) &head, sizeof head);
  for (uint32_t i = 0; i < set->slots; i++)
    if (set->at[i]) {
      PackSlot slot = { i, set->touched[i], slot_size (set, i) };

      g_byte_array_append (out, (const uint8_t *) &slot, sizeof slot);
      g_byte_array_append (out, (const uint8_t *) set->at[i], (guint) (slot.size * sizeof (float)));
    }
  return g_byte_array_free_to_bytes (out);
}

/* Walks the slots of packed bytes; with `set`, copies them in, without, fills want. False:
 * malformed. */
static bool
unpack_slots (const LodeParamSet *like, const uint8_t *data, size_t n, const PackHead *head,
              bool *want, LodeParamSet *set)
{
  size_t at = sizeof *head;
  int64_t last = -1;

  for (uint32_t i = 0; i < head->present; i++) {
    PackSlot slot;

    if (n - at < sizeof slot)
      return false;
    memcpy (&slot, data + at, sizeof slot);
    at += sizeof slot;
    if (slot.slot >= like->slots || (int64_t) slot.slot <= last || slot.touched > 1
        || slot.size != slot_size (like, slot.slot) || (n - at) / sizeof (float) < slot.size)
      return false;
    last = slot.slot;
    if (set) {
      memcpy (set->at[slot.slot], data + at, slot.size * sizeof (float));
      set->touched[slot.slot] = slot.touched;
    } else {
      want[slot.slot] = true;
    }
    at += slot.size * sizeof (float);
  }
  return at == n;
}

static LodeParams *
params_unpack (const LodeParams *like_, GBytes *bytes, GError **error)
{
  const LodeParamSet *like = (const LodeParamSet *) like_;
  size_t n;
  const uint8_t *data = g_bytes_get_data (bytes, &n);
  g_autofree bool *want = g_new0 (bool, MAX (like->slots, 1));
  PackHead head;
  LodeParams *params;

  if (n >= sizeof head)
    memcpy (&head, data, sizeof head);
  if (n < sizeof head || memcmp (head.magic, "LodeSet", 8) != 0) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "weight set: %zu bytes that are no packed set; was the job cut short?", n);
    return NULL;
  }
  if (head.slots != like->slots || head.names != layout_hash (like)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "weight set: packed from another net (%u slots, expected %u of equal names and "
                 "shapes); both sides must build the same net",
                 head.slots, like->slots);
    return NULL;
  }
  if (!unpack_slots (like, data, n, &head, want, NULL)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "weight set: %zu bytes, truncated or damaged; was the job cut short?", n);
    return NULL;
  }
  params = lode_params_new (like->layout, want);
  unpack_slots (like, data, n, &head, NULL, (LodeParamSet *) params);
  return params;
}

static void
params_free (LodeParams *params)
{
  LodeParamSet *set = (LodeParamSet *) params;

  lode_layout_unref (set->layout);
  g_free (set->at);
  g_free (set->touched);
  free (set->data);
  g_free (set);
}

static void
statset_free (LodeStats *stats)
{
  LodeStatSet *set = (LodeStatSet *) stats;

  lode_layout_unref (set->layout);
  g_free (set->at);
  g_free (set->pooled);
  free (set->data);
  g_free (set);
}

LodeStats *
lode_statset_new (LodeLayout *layout)
{
  LodeStatSet *set = g_new0 (LodeStatSet, 1);
  size_t at = 0;

  set->base.free = statset_free;
  set->layout = lode_layout_ref (layout);
  set->slots = lode_layout_count (layout);
  set->at = g_new0 (float *, set->slots);
  set->pooled = g_new0 (double, set->slots);
  for (uint32_t i = 0; i < set->slots; i++)
    set->size += padded (lode_slot_size (lode_layout_slot (layout, i)));
  set->data = block_new (set->size);
  for (uint32_t i = 0; i < set->slots; i++) {
    set->at[i] = set->data + at;
    slot_init (lode_layout_slot (layout, i), 0, 0, set->at[i]);
    at += padded (lode_slot_size (lode_layout_slot (layout, i)));
  }
  return &set->base;
}

void
lode_statset_copy (LodeStats *y_, const LodeStats *x_)
{
  LodeStatSet *y = (LodeStatSet *) y_;
  const LodeStatSet *x = (const LodeStatSet *) x_;
  uint32_t n = x->layout == y->layout && x != y ? MIN (x->slots, y->slots) : 0;

  for (uint32_t i = 0; i < n; i++) {
    memcpy (y->at[i], x->at[i], lode_slot_size (lode_layout_slot (x->layout, i)) * sizeof (float));
    y->pooled[i] = x->pooled[i];
  }
}

static const LodeParamsCalls params_calls = {
  .size = sizeof (LodeParamsCalls),
  .copy = params_copy,
  .axpy = params_axpy,
  .dot = params_dot,
  .count = params_count,
  .pack = params_pack,
  .unpack = params_unpack,
  .free = params_free,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net in a store. Under its prefix:
 *
 *   net           how it was made, numbers in the order of `Made`
 *   mask          of the choice it was made for, if it was one
 *   count         what the loss was prepared with, if the data have classes
 *   slots         text: a line for every weight, its four sides, whether it is frozen, its name
 *   weights.NAME, statistics.NAME
 */
#include "train/private.h"

#include "error.h"
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

enum {
  MADE_FORMAT,
  MADE_DEPTH,
  MADE_WIDTH,
  MADE_OUTPUTS,
  MADE_SHARED,
  MADE_AUX,
  MADE_DROP_PATH,
  MADE_MASKED,
  MADE_ID,
  MADE_N
};

static const char *const made_name[MADE_N] = { "format", "depth",     "width",  "outputs", "shared",
                                               "aux",    "drop_path", "masked", "id" };

/* A line of `slots`. */
typedef struct SavedSlot {
  uint32_t dim[4];
  bool frozen;
} SavedSlot;

static void
put (LodeStore *store, const char *prefix, const char *name, uint32_t type, size_t n,
     const void *data)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  lode_store_put (store, full, type, n, data);
}

static bool
get (const LodeStore *store, const char *prefix, const char *name, uint32_t type, size_t n,
     void *data, GError **error)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  return lode_store_get (store, full, type, n, data, error);
}

/* Entries of an array, 0 where there is none of that type. */
static size_t
entries (const LodeStore *store, const char *prefix, const char *name, uint32_t type)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);
  uint32_t found;
  size_t n;

  return lode_store_count (store, full, &found, &n) && found == type ? n : 0;
}

static bool
is_masked (const Net *net)
{
  return net->mask && net_space_of (net)->n;
}

static void
store_slots (const Net *net, const char *prefix, LodeStore *store)
{
  const LodeParamSet *set = (const LodeParamSet *) net->params;
  g_autoptr (GString) text = g_string_new (NULL);

  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    g_autofree char *name = g_strconcat ("weights.", slot->name, NULL);

    g_string_append_printf (text, "%u %u %u %u %u %s\n", slot->dim[0], slot->dim[1], slot->dim[2],
                            slot->dim[3], slot->frozen, slot->name);
    put (store, prefix, name, LODE_TYPE_F32, lode_slot_size (slot), set->at[i]);
  }
  put (store, prefix, "slots", LODE_TYPE_U8, text->len, text->str);
}

static void
store_stats (const Net *net, const char *prefix, LodeStore *store)
{
  const LodeStatSet *set = (const LodeStatSet *) net->stats;

  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->norms, i);
    g_autofree char *name = g_strconcat ("statistics.", slot->name, NULL);

    put (store, prefix, name, LODE_TYPE_F32, lode_slot_size (slot), set->at[i]);
  }
}

void
lode_net_store (const LodeNet *base, const char *prefix, LodeStore *store)
{
  const Net *net = (const Net *) base;
  const LodeNetIn *in = &net->in;
  const uint64_t made[MADE_N] = {
    [MADE_FORMAT] = FORMAT,           [MADE_DEPTH] = in->depth,        [MADE_WIDTH] = in->width,
    [MADE_OUTPUTS] = in->classes,     [MADE_SHARED] = in->shared,      [MADE_AUX] = in->aux,
    [MADE_DROP_PATH] = in->drop_path, [MADE_MASKED] = is_masked (net), [MADE_ID] = in->id
  };

  put (store, prefix, "net", LODE_TYPE_U64, MADE_N, made);
  if (is_masked (net))
    put (store, prefix, "mask", LODE_TYPE_U64, net_space_of (net)->n, net->mask);
  if (net->count)
    put (store, prefix, "count", LODE_TYPE_F64, in->classes, net->count);
  store_slots (net, prefix, store);
  store_stats (net, prefix, store);
}

static bool refuse (GError **error, const char *prefix, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static bool
refuse (GError **error, const char *prefix, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list list;

  va_start (list, format);
  what = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "the stored net \"%s\" %s", prefix,
               what);
  return false;
}

/* made: [MADE_N] */
static bool
get_made (const LodeStore *store, const char *prefix, uint64_t *made, GError **error)
{
  if (!get (store, prefix, "net", LODE_TYPE_U64, MADE_N, made, error))
    return false;
  if (made[MADE_FORMAT] != FORMAT)
    return refuse (error, prefix, "has format %" G_GUINT64_FORMAT ", expected %d",
                   made[MADE_FORMAT], FORMAT);
  for (int i = MADE_DEPTH; i < MADE_ID; i++)
    if (made[i] > (i < MADE_SHARED ? UINT32_MAX : 1))
      return refuse (error, prefix, "has %s = %" G_GUINT64_FORMAT "; the file is damaged",
                     made_name[i], made[i]);
  if (!made[MADE_OUTPUTS])
    return refuse (error, prefix, "has a head of 0 outputs; the file is damaged");
  return true;
}

/* The decisions' masks: some options of those that there are. mask: [space.n] */
static bool
get_mask (const LodeStore *store, const char *prefix, const uint64_t *made, const LodeSpace *space,
          uint64_t *mask, GError **error)
{
  g_autofree uint64_t *all = g_new0 (uint64_t, (size_t) space->n + 1);
  g_autofree uint64_t *read = g_new0 (uint64_t, (size_t) space->n + 1);

  lode_space_all (space, all);
  if (!made[MADE_MASKED]) {
    memcpy (mask, all, space->n * sizeof *mask);
    return true;
  }
  if (!get (store, prefix, "mask", LODE_TYPE_U64, space->n, read, error))
    return false;
  for (uint32_t i = 0; i < space->n; i++)
    if (!read[i] || read[i] & ~all[i])
      return refuse (error, prefix,
                     "has the options %" G_GINT64_MODIFIER
                     "x in decision %u, \"%s\", of %u options; it is of another backbone",
                     read[i], i, lode_space_at (space, i)->name, lode_space_at (space, i)->n);
  memcpy (mask, read, space->n * sizeof *mask);
  return true;
}

bool
lode_net_describe (const LodeStore *store, const char *prefix, const LodeSpace *space,
                   LodeNetIn *in, uint64_t *mask, GError **error)
{
  uint64_t made[MADE_N];

  if (!get_made (store, prefix, made, error) || !get_mask (store, prefix, made, space, mask, error))
    return false;
  *in = (LodeNetIn){ .size = sizeof *in,
                     .depth = (uint32_t) made[MADE_DEPTH],
                     .width = (uint32_t) made[MADE_WIDTH],
                     .classes = (uint32_t) made[MADE_OUTPUTS],
                     .shared = made[MADE_SHARED],
                     .aux = made[MADE_AUX],
                     .drop_path = made[MADE_DROP_PATH],
                     .id = made[MADE_ID] };
  return true;
}

/* "1 1 3 16 0 backbone.stem.conv.weight"; gives the name, or NULL. */
static const char *
read_line (const char *line, SavedSlot *slot)
{
  guint64 number[5];

  for (int i = 0; i < 5; i++) {
    char *end;

    if (!g_ascii_isdigit (*line))
      return NULL;
    number[i] = g_ascii_strtoull (line, &end, 10);
    if (*end != ' ' || number[i] > (i < 4 ? UINT32_MAX : 1))
      return NULL;
    line = end + 1;
  }
  for (int i = 0; i < 4; i++)
    slot->dim[i] = (uint32_t) number[i];
  slot->frozen = number[4];
  return *line ? line : NULL;
}

/* Name → SavedSlot (transfer full), or NULL. */
static GHashTable *
read_slots (const LodeStore *store, const char *prefix, GError **error)
{
  size_t n = entries (store, prefix, "slots", LODE_TYPE_U8);
  g_autofree char *text = g_malloc0 (n + 1);
  g_autoptr (GHashTable) slots = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) line = NULL;

  if (!get (store, prefix, "slots", LODE_TYPE_U8, n, text, error))
    return NULL;
  if (!n || strlen (text) != n || text[n - 1] != '\n') {
    refuse (error, prefix, "has no whole list of weights; the file is damaged");
    return NULL;
  }
  line = g_strsplit (text, "\n", -1);
  for (char **at = line; *at && **at; at++) {
    SavedSlot slot;
    const char *name = read_line (*at, &slot);

    if (!name || g_hash_table_contains (slots, name)) {
      refuse (error, prefix, "has the line \"%s\" in its list of weights; the file is damaged",
              *at);
      return NULL;
    }
    g_hash_table_insert (slots, g_strdup (name), g_memdup2 (&slot, sizeof slot));
  }
  return g_steal_pointer (&slots);
}

/* Whether the net at hand is made as the stored one was, but for the head. */
static bool
check_made (const Net *net, const LodeStore *store, const char *prefix, const uint64_t *made,
            GError **error)
{
  const uint64_t own[MADE_N] = { [MADE_DEPTH] = net->in.depth,
                                 [MADE_WIDTH] = net->in.width,
                                 [MADE_SHARED] = net->in.shared,
                                 [MADE_AUX] = net->in.aux,
                                 [MADE_DROP_PATH] = net->in.drop_path };
  const LodeSpace *space = net_space_of (net);
  g_autofree uint64_t *mask = g_new0 (uint64_t, (size_t) space->n + 1);
  g_autofree uint64_t *mine = g_new0 (uint64_t, (size_t) space->n + 1);

  for (int i = MADE_DEPTH; i < MADE_ID; i++)
    if (i != MADE_OUTPUTS && i != MADE_MASKED && made[i] != own[i])
      return refuse (error, prefix,
                     "was made with %s = %" G_GUINT64_FORMAT ", this one with %" G_GUINT64_FORMAT
                     "; make both alike",
                     made_name[i], made[i], own[i]);
  if (!get_mask (store, prefix, made, space, mask, error))
    return false;
  lode_space_all (space, mine);
  if (net->mask)
    memcpy (mine, net->mask, space->n * sizeof *mine);
  for (uint32_t i = 0; i < space->n; i++)
    if (mask[i] != mine[i])
      return refuse (error, prefix, "is of another choice: it differs in decision \"%s\"",
                     lode_space_at (space, i)->name);
  return true;
}

/* The sides of a slot where the head has k outputs. */
static void
sides_for (const Net *net, const LodeSlot *slot, uint32_t k, uint32_t dim[4])
{
  memcpy (dim, slot->dim, sizeof slot->dim);
  if (g_str_has_prefix (slot->name, "head.") && dim[3] == net->criterion.k)
    dim[3] = k;
}

static bool
check_slots (const Net *net, const char *prefix, GHashTable *slots, uint32_t k, GError **error)
{
  uint32_t n = lode_layout_count (net->weights);

  for (uint32_t i = 0; i < n; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    const SavedSlot *saved = g_hash_table_lookup (slots, slot->name);
    uint32_t dim[4];

    sides_for (net, slot, k, dim);
    if (!saved)
      return refuse (error, prefix, "lacks the weight \"%s\"; make both nets alike", slot->name);
    if (memcmp (saved->dim, dim, sizeof dim) != 0)
      return refuse (error, prefix,
                     "has \"%s\" of %u × %u × %u × %u, expected %u × %u × %u × %u; make both nets "
                     "alike",
                     slot->name, saved->dim[0], saved->dim[1], saved->dim[2], saved->dim[3], dim[0],
                     dim[1], dim[2], dim[3]);
  }
  if (g_hash_table_size (slots) != n)
    return refuse (error, prefix, "has %u weights, this one %u; make both nets alike",
                   g_hash_table_size (slots), n);
  return true;
}

/* All values of a store, read before any is written. */
typedef struct Read {
  GHashTable *slots;
  float **weight; /* [slots] */
  LodeStats *stats;
  double *count; /* [outputs], or NULL */
  uint32_t n, outputs;
} Read;

static void
read_clear (Read *read)
{
  for (uint32_t i = 0; read->weight && i < read->n; i++)
    g_free (read->weight[i]);
  g_free (read->weight);
  g_free (read->count);
  lode_stats_free (read->stats);
  g_clear_pointer (&read->slots, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Read, read_clear)

static bool
read_weights (const Net *net, const char *prefix, const LodeStore *store, Read *read,
              GError **error)
{
  read->n = lode_layout_count (net->weights);
  read->weight = g_new0 (float *, (size_t) read->n + 1);
  for (uint32_t i = 0; i < read->n; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    g_autofree char *name = g_strconcat ("weights.", slot->name, NULL);
    uint32_t dim[4];
    size_t n;

    sides_for (net, slot, read->outputs, dim);
    n = (size_t) dim[0] * dim[1] * dim[2] * dim[3];
    if (entries (store, prefix, name, LODE_TYPE_F32) != n)
      return refuse (error, prefix, "has no \"%s\" of %zu values; the file is damaged", name, n);
    read->weight[i] = g_new (float, n);
    if (!get (store, prefix, name, LODE_TYPE_F32, n, read->weight[i], error))
      return false;
  }
  return true;
}

static bool
read_stats (const Net *net, const char *prefix, const LodeStore *store, Read *read, GError **error)
{
  LodeStatSet *set;

  read->stats = lode_statset_new (net->norms);
  set = (LodeStatSet *) read->stats;
  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->norms, i);
    g_autofree char *name = g_strconcat ("statistics.", slot->name, NULL);

    if (entries (store, prefix, name, LODE_TYPE_F32) != lode_slot_size (slot))
      return refuse (error, prefix, "has no \"%s\" of %zu values; make both nets alike", name,
                     lode_slot_size (slot));
    if (!get (store, prefix, name, LODE_TYPE_F32, lode_slot_size (slot), set->at[i], error))
      return false;
  }
  return true;
}

static bool
read_count (const Net *net, const char *prefix, const LodeStore *store, Read *read, GError **error)
{
  if (!net->count)
    return read->outputs == net->criterion.k
           || refuse (error, prefix, "has %u real targets, these data %u", read->outputs,
                      net->criterion.k);
  read->count = g_new (double, read->outputs);
  return get (store, prefix, "count", LODE_TYPE_F64, read->outputs, read->count, error);
}

static bool
read_all (const Net *net, const char *prefix, const LodeStore *store, Read *read, GError **error)
{
  uint64_t made[MADE_N];

  if (!get_made (store, prefix, made, error) || !check_made (net, store, prefix, made, error))
    return false;
  read->outputs = (uint32_t) made[MADE_OUTPUTS];
  read->slots = read_slots (store, prefix, error);
  return read->slots && check_slots (net, prefix, read->slots, read->outputs, error)
         && read_count (net, prefix, store, read, error)
         && read_weights (net, prefix, store, read, error)
         && read_stats (net, prefix, store, read, error);
}

/* A head, and a loss, prepared as the stored net's were. */
static bool
take_head (Net *net, const Read *read, GError **error)
{
  bool same = read->outputs == net->criterion.k;

  if (same
      && (!net->count || memcmp (net->count, read->count, read->outputs * sizeof (double)) == 0))
    return true;
  return lode_net_head (&net->base, read->outputs, read->count, error);
}

bool
lode_net_restore (LodeNet *base, const char *prefix, const LodeStore *store, GError **error)
{
  Net *net = (Net *) base;
  g_auto (Read) read = { 0 };
  LodeParamSet *set;

  if (!read_all (net, prefix, store, &read, error) || !take_head (net, &read, error))
    return false;
  set = (LodeParamSet *) net->params;
  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    const SavedSlot *saved = g_hash_table_lookup (read.slots, slot->name);

    memcpy (set->at[i], read.weight[i], lode_slot_size (slot) * sizeof (float));
    set->touched[i] = true;
    lode_layout_freeze_slot (net->weights, i, saved->frozen);
  }
  lode_statset_copy (net->stats, read.stats);
  return true;
}

/* A slot's values where the store has as many under this name; false: it has not. */
static bool
adopt_slot (const LodeStore *store, const char *prefix, const char *kind, const LodeSlot *slot,
            float *at)
{
  g_autofree char *name = g_strconcat (kind, slot->name, NULL);

  return get (store, prefix, name, LODE_TYPE_F32, lode_slot_size (slot), at, NULL);
}

size_t
lode_net_adopt (LodeNet *base, const char *prefix, const LodeStore *store)
{
  Net *net = (Net *) base;
  LodeParamSet *set = (LodeParamSet *) net->params;
  LodeStatSet *stats = (LodeStatSet *) net->stats;
  g_autoptr (GHashTable) slots = read_slots (store, prefix, NULL);
  size_t found = 0;

  for (uint32_t i = 0; slots && i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);
    const SavedSlot *saved = g_hash_table_lookup (slots, slot->name);

    if (saved && memcmp (saved->dim, slot->dim, sizeof slot->dim) == 0
        && adopt_slot (store, prefix, "weights.", slot, set->at[i])) {
      set->touched[i] = true;
      found += lode_slot_size (slot);
    }
  }
  for (uint32_t i = 0; slots && i < stats->slots; i++)
    adopt_slot (store, prefix, "statistics.", lode_layout_slot (net->norms, i), stats->at[i]);
  return found;
}

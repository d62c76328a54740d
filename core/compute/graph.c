/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording: nodes, names and the first mistake. The shape rules stand with the operations in ops/.
 */
#include "compute/record.h"

#include "error.h"
#include <string.h>

enum {
  SAMPLE_LIMIT = 1 << 28
}; /* values of a sample: far beyond any use, far below any overflow */

static const LodeGraphCalls graph_calls;

static const char *const kind_name[LODE_KINDS] = {
  "image",    "index",        "conv",        "linear", "cosine", "norm", "relu",
  "max pool", "average pool", "global pool", "add",    "concat", "mix",  "zero",
  "shortcut", "drop-path",    "table",       "op",     "unit",   "sum",
};

static uint64_t
fold (uint64_t h, uint64_t word)
{
  h = (h ^ word) * 0xD6E8FEB86659FD93u;
  return h ^ h >> 32;
}

static uint64_t
hash_bytes (uint64_t h, const void *data, size_t n)
{
  const uint8_t *at = data;
  uint64_t word;

  for (; n >= 8; n -= 8, at += 8) {
    memcpy (&word, at, 8);
    h = fold (h, word);
  }
  word = 0;
  for (size_t i = 0; i < n; i++)
    word = word << 8 | at[i];
  return fold (h, word + n);
}

LodeRecord *
lode_record_new (LodeLayout *weights, LodeLayout *stats, const LodeSpace *space,
                 const uint64_t *mask)
{
  LodeRecord *record = g_new0 (LodeRecord, 1);

  record->base.calls = &graph_calls;
  record->weights = lode_layout_ref (weights);
  record->stats = lode_layout_ref (stats);
  record->room = record->input_room = 256;
  record->node = g_new (LodeNode, record->room);
  record->hashes = g_new (uint64_t, record->room);
  record->input = g_new (LodeValue, record->input_room);
  record->output_room = 4;
  record->output = g_new (LodeValue, record->output_room);
  record->seens = 256;
  record->seen = g_new (int32_t, record->seens);
  record->name_room = 256;
  record->name = g_malloc (record->name_room);
  lode_record_reset (record, space, mask);
  return record;
}

void
lode_record_free (LodeRecord *record)
{
  if (!record)
    return;
  lode_layout_unref (record->weights);
  lode_layout_unref (record->stats);
  g_free (record->mask);
  g_free (record->option);
  g_free (record->node);
  g_free (record->hashes);
  g_free (record->input);
  g_free (record->conf);
  g_free (record->output);
  g_free (record->seen);
  g_free (record->used);
  g_free (record->name);
  g_clear_error (&record->mistake);
  g_free (record);
}

/* Takes over the space's offsets; the space itself is the backbone's and stays. */
static void
set_space (LodeRecord *record, const LodeSpace *space, const uint64_t *mask)
{
  uint32_t n = space ? space->n : 0, first = 0;

  record->space = space;
  record->option = g_renew (uint32_t, record->option, n + 1);
  for (uint32_t i = 0; i < n; i++) {
    record->option[i] = first;
    first += lode_space_at (space, i)->n;
  }
  if (mask && n) {
    record->mask = g_renew (uint64_t, record->mask, n);
    memcpy (record->mask, mask, n * sizeof *mask);
  } else {
    g_clear_pointer (&record->mask, g_free);
  }
}

void
lode_record_reset (LodeRecord *record, const LodeSpace *space, const uint64_t *mask)
{
  set_space (record, space, mask);
  record->nodes = record->inputs = record->confs = record->outputs = 0;
  record->seen_count = record->random = 0;
  memset (record->seen, 0, record->seens * sizeof *record->seen);
  if (record->slots)
    memset (record->used, 0, record->slots * sizeof *record->used);
  record->scope = 0;
  record->hash = 0x6c6f6465;
  record->macs = record->params = 0;
  g_clear_error (&record->mistake);
}

LodeGraph *
lode_record_graph (LodeRecord *record)
{
  return &record->base;
}

static void
reserve_name (LodeRecord *record, size_t n)
{
  if (n > record->name_room) {
    record->name_room = 2 * n;
    record->name = g_realloc (record->name, record->name_room);
  }
}

void
lode_record_scope (LodeRecord *record, const char *prefix)
{
  record->scope = strlen (prefix);
  reserve_name (record, record->scope + 1);
  memcpy (record->name, prefix, record->scope);
}

LodeValue
lode_record_fail (LodeRecord *record, const char *op, const char *name, const char *format, ...)
{
  g_autofree char *text = NULL, *who = NULL;
  va_list list;

  if (record->mistake)
    return -1;
  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  who = name ? g_strdup_printf (" \"%.*s%s\"", (int) record->scope, record->name, name)
             : g_strdup_printf (" after %u operations", record->nodes);
  record->mistake =
      g_error_new (LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "network: %s%s: %s", op, who, text);
  return -1;
}

bool
lode_record_begin (LodeRecord *record, LodeKindId kind, uint32_t n, const LodeValue *in,
                   LodeNode **node)
{
  if (record->mistake)
    return false;
  for (uint32_t i = 0; i < n; i++) {
    if (in[i] < 0)
      return false;
    if ((uint32_t) in[i] >= record->nodes) {
      lode_record_fail (record, kind_name[kind], NULL, "input %u is value %d of another graph", i,
                        in[i]);
      return false;
    }
    if (record->node[in[i]].kind == LODE_KIND_INDEX && kind != LODE_KIND_TABLE) {
      lode_record_fail (record, kind_name[kind], NULL,
                        "input %u is the example's index, which only a table can read", i);
      return false;
    }
  }
  if (record->nodes == record->room) {
    record->room *= 2;
    record->node = g_renew (LodeNode, record->node, record->room);
    record->hashes = g_renew (uint64_t, record->hashes, record->room);
  }
  while (record->inputs + n > record->input_room) {
    record->input_room *= 2;
    record->input = g_renew (LodeValue, record->input, record->input_room);
  }
  if (n)
    memcpy (record->input + record->inputs, in, n * sizeof *in);
  *node = &record->node[record->nodes];
  memset (*node, 0, sizeof **node);
  (*node)->kind = kind;
  (*node)->inputs = n;
  (*node)->first = record->inputs;
  (*node)->weight = (*node)->bias = (*node)->stats = -1;
  return true;
}

static bool
is_pure (const LodeNode *node)
{
  switch (node->kind) {
  case LODE_KIND_RELU:
  case LODE_KIND_MAX_POOL:
  case LODE_KIND_AVG_POOL:
  case LODE_KIND_GLOBAL_POOL:
  case LODE_KIND_ZERO:
  case LODE_KIND_SHORTCUT:
    return true;
  default:
    return false;
  }
}

/* Whether an earlier node does the same to the same inputs. */
static bool
is_same (const LodeRecord *record, const LodeNode *a, const LodeNode *b)
{
  LodeNode copy = *a;

  copy.first = b->first;
  return memcmp (&copy, b, sizeof copy) == 0
         && memcmp (record->input + a->first, record->input + b->first,
                    a->inputs * sizeof (LodeValue))
                == 0;
}

static void
grow_seen (LodeRecord *record)
{
  record->seens *= 2;
  record->seen = g_renew (int32_t, record->seen, record->seens);
  memset (record->seen, 0, record->seens * sizeof *record->seen);
  for (uint32_t i = 0; i < record->nodes; i++)
    if (is_pure (&record->node[i])) {
      uint32_t at = (uint32_t) record->hashes[i] & (record->seens - 1);

      while (record->seen[at])
        at = (at + 1) & (record->seens - 1);
      record->seen[at] = (int32_t) i + 1;
    }
}

/* An equal node recorded before, or −1 after noting this one. */
static LodeValue
find_same (LodeRecord *record, const LodeNode *node, uint64_t hash)
{
  uint32_t mask, at;

  if (2 * (record->seen_count + 1) > record->seens)
    grow_seen (record);
  mask = record->seens - 1;
  for (at = (uint32_t) hash & mask; record->seen[at]; at = (at + 1) & mask) {
    int32_t other = record->seen[at] - 1;

    if (record->hashes[other] == hash && is_same (record, node, &record->node[other]))
      return other;
  }
  record->seen[at] = (int32_t) record->nodes + 1;
  record->seen_count++;
  return -1;
}

LodeValue
lode_record_end (LodeRecord *record, LodeNode *node)
{
  const LodeShape *s = &node->shape;
  uint32_t first = node->first;
  uint64_t hash;
  LodeValue same;

  if (record->mistake)
    return -1;
  if (!s->h || !s->w || !s->c || (double) s->h * s->w * s->c > SAMPLE_LIMIT)
    return lode_record_fail (record, kind_name[node->kind], NULL,
                             "gives %u × %u × %u values a sample, which is %s", s->h, s->w, s->c,
                             s->h && s->w && s->c ? "too many" : "nothing");
  node->first = 0;
  hash = hash_bytes (0x9E3779B97F4A7C15u, node, sizeof *node);
  node->first = first;
  hash = hash_bytes (hash, record->input + first, node->inputs * sizeof (LodeValue));
  if (is_pure (node) && (same = find_same (record, node, hash)) >= 0)
    return same;
  record->hashes[record->nodes] = hash;
  record->hash = fold (record->hash, hash);
  record->inputs += node->inputs;
  return (LodeValue) record->nodes++;
}

/* Looks scope + name + suffix up; the full name stays in record->name. */
static int32_t
find_name (LodeRecord *record, const LodeLayout *layout, const char *name, const char *suffix)
{
  size_t n = strlen (name), m = strlen (suffix);

  reserve_name (record, record->scope + n + m + 1);
  memcpy (record->name + record->scope, name, n);
  memcpy (record->name + record->scope + n, suffix, m + 1);
  return lode_layout_find (layout, record->name);
}

static void
count_use (LodeRecord *record, uint32_t slot, size_t size)
{
  if (slot >= record->slots) {
    uint32_t n = MAX (2 * record->slots, slot + 64);

    record->used = g_renew (size_t, record->used, n);
    memset (record->used + record->slots, 0, (n - record->slots) * sizeof *record->used);
    record->slots = n;
  }
  if (size > record->used[slot]) {
    record->params += size - record->used[slot];
    record->used[slot] = size;
  }
}

int32_t
lode_record_weight (LodeRecord *record, const char *op, const char *name, const char *suffix,
                    const uint32_t block[4], uint32_t fan, LodeInit init)
{
  double size = (double) block[0] * block[1] * block[2] * block[3];
  int32_t slot;
  const uint32_t *dim;

  if (!name || !*name)
    return lode_record_fail (record, op, "", "has weights but no name; give it one");
  if (size < 1 || size > (double) (1u << 30))
    return lode_record_fail (record, op, name, "a weight of %u × %u × %u × %u values", block[0],
                             block[1], block[2], block[3]);
  slot = find_name (record, record->weights, name, suffix);
  if (slot < 0) {
    if (lode_layout_sealed (record->weights))
      return lode_record_fail (record, op, name,
                               "the net has no weight of this name; a choice must use the names "
                               "of the whole network");
    slot = (int32_t) lode_layout_add (record->weights, record->name, block, fan, init);
  }
  if (lode_layout_slot (record->weights, (uint32_t) slot)->init != init)
    return lode_record_fail (record, op, name,
                             "\"%s\" is the weight of another kind of operation; give each its own "
                             "name",
                             record->name);
  dim = lode_layout_slot (record->weights, (uint32_t) slot)->dim;
  if (dim[0] != block[0] || dim[1] != block[1] || dim[2] < block[2] || dim[3] < block[3])
    return lode_record_fail (record, op, name,
                             "the weight \"%s\" is %u × %u × %u × %u, asked for are %u × %u × %u × "
                             "%u; only leading channels can be lent",
                             suffix + (*suffix == '.'), dim[0], dim[1], dim[2], dim[3], block[0],
                             block[1], block[2], block[3]);
  count_use (record, (uint32_t) slot, (size_t) size);
  return slot;
}

bool
lode_record_attach (LodeRecord *record, LodeNode *node, const char *op, const char *name,
                    const char *suffix, uint32_t fan, LodeInit init)
{
  const uint32_t *dim;

  node->weight = lode_record_weight (record, op, name, suffix, node->block, fan, init);
  if (node->weight < 0)
    return false;
  dim = lode_layout_slot (record->weights, (uint32_t) node->weight)->dim;
  node->wide[0] = dim[2];
  node->wide[1] = dim[3];
  return true;
}

uint32_t
lode_record_conf (LodeRecord *record, size_t n, const void *data)
{
  uint32_t at = record->confs;

  if (at + n + 16 > record->conf_room) {
    record->conf_room = (uint32_t) (2 * (at + n + 64));
    record->conf = g_realloc (record->conf, record->conf_room);
  }
  record->confs = (uint32_t) ((at + n + 15) / 16 * 16);
  memset (record->conf + at, 0, record->confs - at);
  if (n)
    memcpy (record->conf + at, data, n);
  return at;
}

int32_t
lode_record_stats (LodeRecord *record, const char *name, uint32_t channels, uint32_t *wide)
{
  int32_t slot;

  if (!name || !*name)
    return lode_record_fail (record, "norm", "", "has statistics but no name; give it one");
  slot = find_name (record, record->stats, name, "");
  if (slot < 0) {
    if (lode_layout_sealed (record->stats))
      return lode_record_fail (record, "norm", name,
                               "the net has no statistics of this name; a choice must use the "
                               "names of the whole network");
    slot = (int32_t) lode_layout_add (record->stats, record->name,
                                      (uint32_t[4]){ 1, 1, 2, channels }, 0, LODE_INIT_STATS);
  }
  *wide = lode_layout_slot (record->stats, (uint32_t) slot)->dim[3];
  if (*wide < channels)
    return lode_record_fail (record, "norm", name,
                             "has %u channels, asked for are %u; only leading channels can be lent",
                             *wide, channels);
  return slot;
}

LodeValue
lode_record_image (LodeRecord *record, const LodeShape *shape)
{
  LodeNode *node;

  if (!lode_record_begin (record, LODE_KIND_IMAGE, 0, NULL, &node))
    return -1;
  node->shape = *shape;
  return lode_record_end (record, node);
}

LodeValue
lode_record_index (LodeRecord *record)
{
  LodeNode *node;

  if (!lode_record_begin (record, LODE_KIND_INDEX, 0, NULL, &node))
    return -1;
  node->shape = (LodeShape){ 1, 1, 1 };
  return lode_record_end (record, node);
}

void
lode_record_output (LodeRecord *record, LodeValue x)
{
  if (record->mistake)
    return;
  if (x < 0 || (uint32_t) x >= record->nodes) {
    lode_record_fail (record, "output", NULL,
                      "the value is absent; the choice leaves no path to it");
    return;
  }
  for (uint32_t i = 0; i < record->outputs; i++)
    if (record->output[i] == x) {
      lode_record_fail (record, "output", NULL, "output %u is the same value", i);
      return;
    }
  if (record->node[x].kind == LODE_KIND_INDEX) {
    lode_record_fail (record, "output", NULL, "the example's index is no output");
    return;
  }
  if (record->outputs == record->output_room) {
    record->output_room *= 2;
    record->output = g_renew (LodeValue, record->output, record->output_room);
  }
  record->output[record->outputs++] = x;
  record->hash = fold (record->hash, (uint64_t) x + (UINT64_C (1) << 40));
}

bool
lode_record_check (const LodeRecord *record, GError **error)
{
  if (record->mistake)
    g_propagate_error (error, g_error_copy (record->mistake));
  return !record->mistake;
}

uint64_t
lode_record_macs (const LodeRecord *record)
{
  return record->macs;
}

uint64_t
lode_record_params (const LodeRecord *record)
{
  return record->params;
}

uint64_t
lode_record_hash (const LodeRecord *record)
{
  return hash_bytes (record->hash, record->conf, record->confs);
}

uint32_t
lode_record_ops (const LodeRecord *record)
{
  return record->nodes;
}

bool
lode_record_reads_index (const LodeRecord *record)
{
  for (uint32_t v = 0; v < record->nodes; v++)
    if (record->node[v].kind == LODE_KIND_TABLE)
      return true;
  return false;
}

void
lode_record_touched (const LodeRecord *record, bool *touched)
{
  uint32_t n = lode_layout_count (record->weights);

  for (uint32_t i = 0; i < n; i++)
    touched[i] = i < record->slots && record->used[i];
}

static bool
graph_wants (const LodeGraph *graph, uint32_t decision, uint32_t option)
{
  const LodeRecord *record = (const LodeRecord *) graph;

  if (!record->space || decision >= record->space->n
      || option >= lode_space_at (record->space, decision)->n)
    return false;
  return !record->mask || (record->mask[decision] >> option & 1);
}

static bool
graph_shape (const LodeGraph *graph, LodeValue x, LodeShape *shape)
{
  const LodeRecord *record = (const LodeRecord *) graph;

  if (x < 0 || (uint32_t) x >= record->nodes)
    return false;
  *shape = record->node[x].shape;
  return true;
}

static void
graph_fail (LodeGraph *graph, const char *message)
{
  lode_record_fail ((LodeRecord *) graph, "backbone", NULL, "%s", message);
}

static const LodeGraphCalls graph_calls = {
  .size = sizeof (LodeGraphCalls),
  .wants = graph_wants,
  .shape = graph_shape,
  .conv = lode_record_conv,
  .linear = lode_record_linear,
  .norm = lode_record_norm,
  .relu = lode_record_relu,
  .max_pool = lode_record_max_pool,
  .avg_pool = lode_record_avg_pool,
  .global_pool = lode_record_global_pool,
  .add = lode_record_add,
  .concat = lode_record_concat,
  .mix = lode_record_mix,
  .zero = lode_record_zero,
  .shortcut = lode_record_shortcut,
  .drop_path = lode_record_drop_path,
  .table = lode_record_table,
  .op = lode_record_op,
  .fail = graph_fail,
};

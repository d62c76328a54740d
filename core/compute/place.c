/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which buffer lives from which region to which, what shares one, and how partial gradients are
 * added up.
 */
#include "compute/compile.h"

static int32_t
add_buffer (LodeProgram *p, size_t bytes, uint32_t born, uint32_t dies)
{
  p->buffer[p->buffers] = (LodeBuffer){ .bytes = bytes, .born = born, .dies = dies };
  return (int32_t) p->buffers++;
}

static void
live_until (LodeProgram *p, int32_t buffer, uint32_t region)
{
  if (buffer >= 0)
    p->buffer[buffer].dies = MAX (p->buffer[buffer].dies, region);
}

/* What the node's backward reads besides its gradient. */
static uint32_t
reads_of (const LodeProgram *p, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  const LodeKind *kind = lode_kind_of (node);
  uint32_t reads = 0;

  if (!(p->node_flag[v] & LODE_NODE_BACK))
    return 0;
  if (p->node_flag[v] & (LODE_NODE_WEIGHT | LODE_NODE_BIAS | LODE_NODE_GATE))
    reads |= kind->reads_weight;
  if (lode_compile_has_wanted (p, node))
    reads |= kind->reads_input;
  return reads;
}

static bool
may_overwrite (const LodeProgram *p, const LodeLevels *l, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  const LodeKind *kind = lode_kind_of (node);
  LodeValue x;

  if (node->inputs != 1
      || !(kind->in_place || (node->kind == LODE_KIND_NORM && !(p->node_flag[v] & LODE_NODE_BACK))))
    return false;
  x = p->input[node->first];
  return p->value[x] >= 0 && l->uses[x] == 1 && !l->is_output[x]
         && !(reads_of (p, (uint32_t) x) & LODE_READ_OUT) && !(reads_of (p, v) & LODE_READ_IN);
}

static void
place_values (LodeProgram *p, const LodeLevels *l)
{
  uint32_t last = p->regions - 1;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    LodeParts parts = lode_compile_parts (p, l, v, false);
    size_t bytes = lode_shape_size (&node->shape) * p->batch * sizeof (float);
    uint32_t born = parts.run ? parts.region : parts.base;

    if (!parts.run && !parts.settle)
      continue;
    for (uint32_t i = node->first; node->kind != LODE_KIND_ZERO && i < node->first + node->inputs;
         i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO))
        live_until (p, p->value[p->input[i]], MAX (parts.base, born));
    p->value[v] = may_overwrite (p, l, v) ? p->value[p->input[node->first]]
                                          : add_buffer (p, bytes, born, born);
    live_until (p, p->value[v], l->is_output[v] ? last : born);
  }
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    uint32_t reads = reads_of (p, v), when = lode_compile_parts (p, l, v, true).region;

    if (reads & LODE_READ_OUT)
      live_until (p, p->value[v], when);
    for (uint32_t i = node->first; reads & LODE_READ_IN && i < node->first + node->inputs; i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO))
        live_until (p, p->value[p->input[i]], when);
  }
}

/* Lets an only reader's sum share its gradient with the input. */
static bool
share_gradient (LodeProgram *p, const LodeLevels *l, const LodeNode *node, int32_t sum, uint32_t i)
{
  LodeValue x = p->input[i];

  if (node->kind != LODE_KIND_ADD || l->uses[x] != 1 || l->is_output[x]
      || p->node[x].shape.c != node->shape.c)
    return false;
  p->in_flag[i] |= LODE_IN_ALIAS;
  p->dvalue[x] = sum;
  return true;
}

static void
place_gradients (LodeProgram *p, const LodeLevels *l)
{
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];
    LodeParts parts = lode_compile_parts (p, l, v, true);
    uint32_t when = parts.settle && !parts.run ? parts.base : parts.region;

    if (l->is_output[v] && p->grad)
      p->dvalue[v] = add_buffer (p, lode_shape_size (&node->shape) * p->batch * sizeof (float),
                                 p->forward - 1, p->forward);
    if (!(p->node_flag[v] & LODE_NODE_BACK))
      continue;
    live_until (p, p->dvalue[v], when);
    for (uint32_t i = node->first; i < node->first + node->inputs; i++) {
      LodeValue x = p->input[i];

      if (!(p->in_flag[i] & LODE_IN_WANTED) || share_gradient (p, l, node, p->dvalue[v], i))
        continue;
      if (p->dvalue[x] < 0)
        p->dvalue[x] = add_buffer (
            p, lode_shape_size (&p->node[x].shape) * p->batch * sizeof (float), when, when);
      p->buffer[p->dvalue[x]].born = MIN (p->buffer[p->dvalue[x]].born, when);
      live_until (p, p->dvalue[x], when);
    }
  }
}

static bool
is_packed (const LodeNode *node)
{
  return (node->kind == LODE_KIND_CONV || node->kind == LODE_KIND_LINEAR
          || node->kind == LODE_KIND_COSINE)
         && (node->block[2] != node->wide[0] || node->block[3] != node->wide[1]);
}

static void
place_rest (LodeProgram *p, const LodeLevels *l)
{
  uint32_t last = p->regions - 1;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    bool back = p->node_flag[v] & LODE_NODE_BACK;
    LodeParts parts = lode_compile_parts (p, l, v, true);

    if (!(p->node_flag[v] & LODE_NODE_LIVE))
      continue;
    if (node->kind == LODE_KIND_MIX ? p->node_flag[v] & LODE_NODE_GATE : kind->state != NULL)
      p->state[v] = add_buffer (p, kind->state (node, p->units),
                                node->kind == LODE_KIND_MIX ? parts.region : l->base[v],
                                node->kind == LODE_KIND_MIX ? last
                                : back                      ? parts.region
                                                            : l->ready[v]);
    if (is_packed (node)) {
      p->packed[v] = add_buffer (p, lode_node_weight_room (node) * sizeof (float), 0, last);
      p->packs++;
    }
    if (kind->backward && !kind->settle_back
        && p->node_flag[v] & (LODE_NODE_WEIGHT | LODE_NODE_BIAS)) {
      size_t floats = lode_node_weight_room (node) + (node->shape.c + 15) / 16 * 16;

      p->partial[v] =
          add_buffer (p, floats * p->units * sizeof (float), parts.region, parts.region + 1);
    }
  }
}

static int
by_slot (const void *a_, const void *b_)
{
  const LodeReduce *a = a_, *b = b_;

  if (a->slot != b->slot)
    return a->slot < b->slot ? -1 : 1;
  return a->node < b->node ? 1 : a->node > b->node ? -1 : 0; /* as they ran: later nodes first */
}

/* Cuts the whole weight behind reduce[first … last) into tasks of rows. */
static void
cut_pieces (LodeProgram *p, GArray *pieces, uint32_t first, uint32_t last)
{
  const LodeReduce *reduce = &p->reduce[first];
  const LodeNode *node = &p->node[reduce->node];
  uint32_t rows = reduce->bias ? 1 : node->block[0] * node->block[1] * node->wide[0];
  uint32_t width = reduce->bias ? node->shape.c : node->wide[1];
  uint32_t step = MAX (1, 16384 / MAX (width, 1));

  for (uint32_t row = 0; row < rows; row += step) {
    LodePiece piece = { first, last, row, MIN (step, rows - row) };

    g_array_append_val (pieces, piece);
  }
}

static void
build_reduces (LodeProgram *p)
{
  GArray *pieces = g_array_new (FALSE, FALSE, sizeof (LodePiece));

  p->reduce = g_new (LodeReduce, 2 * p->nodes + 1);
  for (uint32_t r = p->forward; r + 1 < p->regions; r++) {
    LodeRegion *region = &p->region[r], *next = region + 1;
    uint32_t first = p->reduces;

    for (uint32_t s = 0; s < region->steps; s++) {
      uint32_t v = p->step[region->step + s].node;

      if (p->partial[v] < 0)
        continue;
      if (p->node_flag[v] & LODE_NODE_WEIGHT)
        p->reduce[p->reduces++] = (LodeReduce){ v, (uint32_t) p->node[v].weight, false };
      if (p->node_flag[v] & LODE_NODE_BIAS)
        p->reduce[p->reduces++] = (LodeReduce){ v, (uint32_t) p->node[v].bias, true };
    }
    qsort (p->reduce + first, p->reduces - first, sizeof *p->reduce, by_slot);
    next->piece = pieces->len;
    for (uint32_t i = first, j; i < p->reduces; i = j) {
      for (j = i; j < p->reduces && p->reduce[j].slot == p->reduce[i].slot; j++)
        next->cost += 0.2 * p->units * (double) lode_node_weight_room (&p->node[p->reduce[j].node]);
      cut_pieces (p, pieces, i, j);
    }
    next->pieces = pieces->len - next->piece;
  }
  p->pieces = pieces->len;
  p->piece = (LodePiece *) (void *) g_array_free (pieces, FALSE);
}

void
lode_compile_place (LodeProgram *p, const LodeLevels *l)
{
  p->buffer = g_new (LodeBuffer, 5 * (size_t) p->nodes + 1);
  place_values (p, l);
  place_gradients (p, l);
  place_rest (p, l);
  build_reduces (p);
}

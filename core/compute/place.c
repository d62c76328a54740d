/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which buffer lives from which region to which, what shares one, and how partial gradients are
 * added up.
 */
#include "compute/compile.h"

/* Weights of a linear layer from which on it is worth turning them. */
static const size_t turned_least = 16384;

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

  if (!(p->node_flag[v] & LODE_NODE_BACK) || !lode_node_runs (p, v))
    return 0;
  if (node->kind == LODE_KIND_UNIT)
    reads |= LODE_READ_IN;
  if (node->kind == LODE_KIND_SUM)
    reads |= LODE_READ_IN | (p->fused[v].relu > 0 ? LODE_READ_OUT : 0);
  if (p->fused[v].lazy >= 0)
    reads |= LODE_READ_OUT;
  if (p->node_flag[v] & (LODE_NODE_WEIGHT | LODE_NODE_BIAS | LODE_NODE_GATE))
    reads |= kind->reads_weight;
  if (lode_compile_has_wanted (p, node))
    reads |= kind->reads_input;
  return reads;
}

/* Whether a sum's backward needs the value of input i. */
static bool
is_reduced (const LodeProgram *p, uint32_t i)
{
  int32_t mix = p->term[i].mix;

  return p->in_flag[i] & LODE_IN_LAZY || (mix >= 0 && p->node_flag[mix] & LODE_NODE_GATE);
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
    p->value[v] = p->node_flag[v] & LODE_NODE_VIEW ? p->value[p->input[node->first]]
                  : may_overwrite (p, l, v)        ? p->value[p->input[node->first]]
                                                   : add_buffer (p, bytes, born, born);
    live_until (p, p->value[v], l->is_output[v] ? last : born);
  }
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    uint32_t reads = reads_of (p, v), when = lode_compile_parts (p, l, v, true).region;

    if (reads & LODE_READ_OUT)
      live_until (p, p->value[v], when);
    for (uint32_t i = node->first; reads & LODE_READ_IN && i < node->first + node->inputs; i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO) && (node->kind != LODE_KIND_SUM || is_reduced (p, i)))
        live_until (p, p->value[p->input[i]], when);
  }
}

/* Whether producers read this sum's gradient later on: nobody else may then write to it. */
static bool
has_lazy (const LodeProgram *p, const LodeNode *node)
{
  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if (p->in_flag[i] & LODE_IN_LAZY)
      return true;
  return false;
}

/* Lets an only reader's sum share its gradient with the input: all that share it read it alone, so
 * none may be a sum behind whose ReLU it is masked in place. */
static bool
share_gradient (LodeProgram *p, const LodeLevels *l, const LodeNode *node, int32_t sum, uint32_t i)
{
  LodeValue x = p->input[i];

  if (l->uses[x] != 1 || l->is_output[x] || p->node[x].shape.c != node->shape.c
      || (p->node[x].kind == LODE_KIND_SUM && p->fused[x].relu > 0))
    return false;
  if (node->kind == LODE_KIND_SUM ? p->term[i].mix >= 0 || has_lazy (p, node)
                                  : node->kind != LODE_KIND_ADD)
    return false;
  p->in_flag[i] |= LODE_IN_ALIAS;
  p->node_flag[x] |= LODE_NODE_SHARED;
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
    if (!(p->node_flag[v] & LODE_NODE_BACK) || !lode_node_runs (p, v))
      continue;
    live_until (p, p->dvalue[v], when);
    if (p->fused[v].sum >= 0)
      live_until (p, p->dvalue[p->fused[v].sum], when);
    for (int32_t norm = p->fused[v].lazy; norm >= 0; norm = p->fused[norm].next) {
      int32_t sum = p->fused[norm].sum;

      live_until (p, p->dvalue[sum >= 0 ? sum : norm], when);
    }
    for (uint32_t i = node->first; i < node->first + node->inputs; i++) {
      LodeValue x = p->input[i];

      if (!(p->in_flag[i] & LODE_IN_WANTED) || p->in_flag[i] & LODE_IN_LAZY
          || share_gradient (p, l, node, p->dvalue[v], i))
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
  return (node->kind == LODE_KIND_CONV || node->kind == LODE_KIND_UNIT
          || node->kind == LODE_KIND_LINEAR || node->kind == LODE_KIND_COSINE)
         && (node->block[2] != node->wide[0] || node->block[3] != node->wide[1]);
}

/* A norm's state lives as long as anyone applies it. */
static void
place_state (LodeProgram *p, const LodeLevels *l, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  const LodeKind *kind = lode_kind_of (node);
  uint32_t back = lode_compile_parts (p, l, v, true).region;

  p->state[v] = add_buffer (p, kind->state (node, p->units), l->base[v],
                            p->node_flag[v] & LODE_NODE_BACK ? back : l->ready[v]);
  if (p->fused[v].leader >= 0)
    live_until (p, p->state[p->fused[v].leader], l->base[v]);
}

/* Readers of norms that are not stored, and producers of their gradients. */
static void
keep_states (LodeProgram *p, const LodeLevels *l, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  uint32_t run = lode_compile_parts (p, l, v, false).region;
  uint32_t back = lode_compile_parts (p, l, v, true).region;

  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if (p->node_flag[p->input[i]] & LODE_NODE_VIEW)
      live_until (p, p->state[p->input[i]], MAX (run, back));
  for (int32_t norm = p->fused[v].lazy; norm >= 0; norm = p->fused[norm].next)
    live_until (p, p->state[norm], back);
}

/* The sums of a mix's gates, made in backward region `region`. */
static void
place_gate (LodeProgram *p, uint32_t mix, uint32_t region)
{
  if (p->node_flag[mix] & LODE_NODE_GATE && p->state[mix] < 0)
    p->state[mix] =
        add_buffer (p, lode_kind_mix.state (&p->source[mix], p->units), region, p->regions - 1);
}

static void
place_gates (LodeProgram *p, uint32_t v, uint32_t region)
{
  const LodeNode *node = &p->node[v];

  if (node->kind == LODE_KIND_MIX)
    place_gate (p, v, region);
  for (uint32_t i = node->first; node->kind == LODE_KIND_SUM && i < node->first + node->inputs; i++)
    if (p->term[i].mix >= 0)
      place_gate (p, (uint32_t) p->term[i].mix, region);
}

/* Partial gradients of a node's weights. */
static void
place_partial (LodeProgram *p, uint32_t v, uint32_t region)
{
  const LodeNode *node = &p->node[v];
  size_t floats = lode_node_weight_room (node) + (node->shape.c + 15) / 16 * 16;

  if (!(p->node_flag[v] & (LODE_NODE_WEIGHT | LODE_NODE_BIAS)))
    return;
  if (lode_node_direct (p, v)) {
    live_until (p, p->value[p->input[node->first]], region + 1);
    live_until (p, p->dvalue[v], region + 1);
  } else {
    p->partial[v] = add_buffer (p, floats * p->units * sizeof (float), region, region + 1);
  }
}

static void
place_rest (LodeProgram *p, const LodeLevels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    uint32_t back = lode_compile_parts (p, l, v, true).region;

    if (!(p->node_flag[v] & LODE_NODE_LIVE))
      continue;
    if (is_packed (node)) {
      p->packed[v] =
          add_buffer (p, lode_node_weight_room (node) * sizeof (float), 0, p->regions - 1);
      p->packs++;
    }
    if (!lode_node_runs (p, v))
      continue;
    place_gates (p, v, back);
    if (kind->state && node->kind != LODE_KIND_MIX)
      place_state (p, l, v);
    if (kind->backward && !kind->settle_back)
      place_partial (p, v, back);
    if (node->kind == LODE_KIND_UNIT && p->fused[v].depth >= 0)
      place_partial (p, (uint32_t) p->fused[v].depth, back);
  }
  for (uint32_t v = 0; p->fuse && v < p->nodes; v++)
    if (lode_node_runs (p, v))
      keep_states (p, l, v);
}

/* Floats of a node's turned weights in one direction; 0: it takes them as they are. */
static size_t
turned_floats (const LodeProgram *p, uint32_t v)
{
  const LodeKernels *kernels = lode_engine_kernels (p->engine);
  const LodeNode *node = &p->node[v];
  size_t n = lode_node_weight_room (node);
  LodeConvGeometry g;

  if (node->kind == LODE_KIND_LINEAR)
    return n >= turned_least && p->unit >= 8 ? n : 0;
  if (node->kind != LODE_KIND_UNIT || p->fused[v].depth >= 0 || !p->winograd)
    return 0;
  g = lode_conv_geometry (node, &p->node[p->input[node->first]].shape, p->unit);
  return kernels->winograd_pays (&g) ? kernels->winograd_weights (&g) : 0;
}

/* Turned weights are made before the first region of a direction. */
static void
place_turned (LodeProgram *p, const LodeLevels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    size_t bytes = lode_node_runs (p, v) ? turned_floats (p, v) * sizeof (float) : 0;

    if (!bytes)
      continue;
    p->turned[0][v] = add_buffer (p, bytes, 0, lode_compile_parts (p, l, v, false).region);
    if (p->node_flag[v] & LODE_NODE_BACK && lode_compile_has_wanted (p, &p->node[v]))
      p->turned[1][v] =
          add_buffer (p, bytes, p->forward, lode_compile_parts (p, l, v, true).region);
    p->turned_bytes += bytes;
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
add_reduces (LodeProgram *p, uint32_t v)
{
  if (p->partial[v] < 0 && !lode_node_direct (p, v))
    return;
  if (p->node_flag[v] & LODE_NODE_WEIGHT)
    p->reduce[p->reduces++] = (LodeReduce){ v, (uint32_t) p->node[v].weight, false };
  if (p->node_flag[v] & LODE_NODE_BIAS)
    p->reduce[p->reduces++] = (LodeReduce){ v, (uint32_t) p->node[v].bias, true };
}

static double
reduce_cost (const LodeProgram *p, const LodeReduce *reduce)
{
  double weights = (double) lode_node_weight_room (&p->node[reduce->node]);

  return lode_node_direct (p, reduce->node) ? weights * p->batch / 20 : 0.2 * p->units * weights;
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

      add_reduces (p, v);
      if (p->node[v].kind == LODE_KIND_UNIT && p->fused[v].depth >= 0)
        add_reduces (p, (uint32_t) p->fused[v].depth);
    }
    qsort (p->reduce + first, p->reduces - first, sizeof *p->reduce, by_slot);
    next->piece = pieces->len;
    for (uint32_t i = first, j; i < p->reduces; i = j) {
      for (j = i; j < p->reduces && p->reduce[j].slot == p->reduce[i].slot; j++)
        next->cost += reduce_cost (p, &p->reduce[j]);
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
  p->buffer = g_new (LodeBuffer, 7 * (size_t) p->nodes + 1);
  place_values (p, l);
  place_gradients (p, l);
  place_rest (p, l);
  place_turned (p, l);
  build_reduces (p);
}

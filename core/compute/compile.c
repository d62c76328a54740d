/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a recording to regions of steps: what is alive, what backward is needed, which step runs in
 * which region, which buffers live when.
 *
 * A value's level is the number of barriers before it: a node whose samples are coupled (gather,
 * settle, then forward) costs one. Steps of a level form a region, in order of recording; backward
 * likewise, from the outputs down. Contributions to a gradient are therefore added in an order that
 * only the recording decides.
 */
#include "compute/step.h"

#include "error.h"

/* Bytes of one tensor that a worker keeps in its second-level cache while samples go through a
 * region. */
static const size_t cache_share = 128 << 10;

/* Floats that the partial gradients of one weight should not exceed. */
static const size_t partial_limit = 1 << 20;

/* Scratch of one compilation; all [nodes]. */
typedef struct Levels {
  uint32_t *base;  /* region of gather and settle, or of forward where there is no settle */
  uint32_t *ready; /* region from which the value may be read */
  uint32_t *back;  /* region, less forward's, in which the gradient of the value is complete */
  uint32_t *uses;  /* inputs of live nodes that read the value */
  uint8_t *is_output, *begun;
  uint32_t regions, back_regions;
} Levels;

static const LodeKind *const kinds[LODE_KINDS] = {
  [LODE_KIND_IMAGE] = &lode_kind_image,       [LODE_KIND_INDEX] = &lode_kind_index,
  [LODE_KIND_CONV] = &lode_kind_conv,         [LODE_KIND_LINEAR] = &lode_kind_linear,
  [LODE_KIND_COSINE] = &lode_kind_cosine,     [LODE_KIND_NORM] = &lode_kind_norm,
  [LODE_KIND_RELU] = &lode_kind_relu,         [LODE_KIND_MAX_POOL] = &lode_kind_max_pool,
  [LODE_KIND_AVG_POOL] = &lode_kind_avg_pool, [LODE_KIND_GLOBAL_POOL] = &lode_kind_global_pool,
  [LODE_KIND_ADD] = &lode_kind_add,           [LODE_KIND_CONCAT] = &lode_kind_concat,
  [LODE_KIND_MIX] = &lode_kind_mix,           [LODE_KIND_ZERO] = &lode_kind_zero,
  [LODE_KIND_SHORTCUT] = &lode_kind_shortcut, [LODE_KIND_DROP_PATH] = &lode_kind_drop_path,
  [LODE_KIND_TABLE] = &lode_kind_table,       [LODE_KIND_PLUGIN] = &lode_kind_plugin,
};

const LodeKind lode_kind_image = { .name = "image" };
const LodeKind lode_kind_index = { .name = "index" };

const LodeKind *
lode_kind_of (const LodeNode *node)
{
  if (node->kind == LODE_KIND_PLUGIN && node->op->flags & LODE_OP_WHOLE)
    return &lode_kind_plugin_whole;
  return kinds[node->kind];
}

uint8_t
lode_node_frozen (const LodeRecord *record, const LodeNode *node)
{
  uint8_t frozen = 0;

  if (node->weight >= 0 && lode_layout_slot (record->weights, (uint32_t) node->weight)->frozen)
    frozen |= 1;
  if (node->bias >= 0 && lode_layout_slot (record->weights, (uint32_t) node->bias)->frozen)
    frozen |= 2;
  return frozen;
}

/* Cuts the next array off a block, 16-byte aligned. */
static void *
take (uint8_t **at, size_t bytes)
{
  void *here = *at;

  *at += (bytes + 15) / 16 * 16;
  return here;
}

/* The program with its copy of the recording; one block for all arrays that the nodes' number
 * sizes. */
static LodeProgram *
copy_record (const LodeRecord *record, uint32_t batch, uint32_t grad)
{
  LodeProgram *p = g_new0 (LodeProgram, 1);
  size_t n = record->nodes, m = record->inputs;
  size_t bytes = n * (sizeof (LodeNode) + 2 + 5 * sizeof (int32_t)) + m * (sizeof (LodeValue) + 1)
                 + record->outputs * sizeof (LodeValue) + record->confs + 12 * 16;
  uint8_t *at = p->block = g_malloc (bytes);

  p->batch = batch;
  p->grad = grad;
  p->nodes = record->nodes;
  p->inputs = record->inputs;
  p->outputs = record->outputs;
  p->confs = record->confs;
  p->options = record->space ? record->space->options : 0;
  p->node = take (&at, n * sizeof (LodeNode));
  p->input = take (&at, m * sizeof (LodeValue));
  p->output = take (&at, p->outputs * sizeof (LodeValue));
  p->conf = take (&at, p->confs);
  p->frozen = take (&at, n);
  p->node_flag = take (&at, n);
  p->in_flag = take (&at, m);
  p->value = take (&at, n * sizeof (int32_t));
  p->dvalue = take (&at, n * sizeof (int32_t));
  p->state = take (&at, n * sizeof (int32_t));
  p->partial = take (&at, n * sizeof (int32_t));
  p->packed = take (&at, n * sizeof (int32_t));
  memcpy (p->node, record->node, n * sizeof (LodeNode));
  memcpy (p->input, record->input, m * sizeof (LodeValue));
  memcpy (p->output, record->output, p->outputs * sizeof (LodeValue));
  if (p->confs)
    memcpy (p->conf, record->conf, p->confs);
  memset (p->node_flag, 0, n);
  memset (p->in_flag, 0, m);
  for (int32_t **list = (int32_t *[]){ p->value, p->dvalue, p->state, p->partial, p->packed, NULL };
       *list; list++)
    memset (*list, 0xff, n * sizeof (int32_t));
  return p;
}

static bool
skips_zeros (const LodeNode *node)
{
  return node->kind == LODE_KIND_ADD || node->kind == LODE_KIND_MIX;
}

/* Marks what an output depends on, from the outputs up; counts readers. */
static void
mark_live (LodeProgram *p, Levels *l)
{
  for (uint32_t i = 0; i < p->outputs; i++) {
    p->node_flag[p->output[i]] |= LODE_NODE_LIVE;
    l->is_output[p->output[i]] = 1;
  }
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];

    if (!(p->node_flag[v] & LODE_NODE_LIVE) || node->kind == LODE_KIND_ZERO)
      continue;
    for (uint32_t i = node->first; i < node->first + node->inputs; i++) {
      LodeValue x = p->input[i];

      if (skips_zeros (node) && p->node[x].kind == LODE_KIND_ZERO) {
        p->in_flag[i] |= LODE_IN_ZERO;
      } else {
        p->node_flag[x] |= LODE_NODE_LIVE;
        l->uses[x]++;
      }
    }
  }
}

/* Marks what backward has to do: own gradients, and the way to them. */
static void
mark_wanted (LodeProgram *p)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    uint8_t *flag = &p->node_flag[v];

    if (!(*flag & LODE_NODE_LIVE) || node->kind == LODE_KIND_ZERO)
      continue;
    if (p->grad & LODE_GRAD_WEIGHTS) {
      *flag |= node->weight >= 0 && !(p->frozen[v] & 1) ? LODE_NODE_WEIGHT : 0;
      *flag |= node->bias >= 0 && !(p->frozen[v] & 2) ? LODE_NODE_BIAS : 0;
    }
    if (p->grad & LODE_GRAD_GATES && node->kind == LODE_KIND_MIX)
      *flag |= LODE_NODE_GATE;
    if (*flag & (LODE_NODE_WEIGHT | LODE_NODE_BIAS | LODE_NODE_GATE))
      *flag |= LODE_NODE_BACK;
    for (uint32_t i = node->first; i < node->first + node->inputs; i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO) && p->node_flag[p->input[i]] & LODE_NODE_BACK) {
        p->in_flag[i] |= LODE_IN_WANTED;
        *flag |= LODE_NODE_BACK;
      }
  }
}

/*
 * Units of 8 samples, smaller where a batch would not give 8 of them; larger where there would be
 * more than 32, or (but 4) where a partial gradient for each would take much memory.
 */
static void
cut_batch (LodeProgram *p)
{
  size_t most = 1;
  uint32_t units, least = MIN (8, (p->batch + 7) / 8);

  for (uint32_t v = 0; v < p->nodes; v++)
    if (p->node_flag[v] & LODE_NODE_WEIGHT)
      most = MAX (most, lode_node_weight_room (&p->node[v]));
  units = (uint32_t) CLAMP (partial_limit / most, 4, 32);
  p->unit = MAX ((p->batch + units - 1) / units, least);
  if (p->unit > 8)
    p->unit = (p->unit + 7) / 8 * 8;
  p->units = (p->batch + p->unit - 1) / p->unit;
}

/* Earliest regions of forward. */
static void
find_early (LodeProgram *p, Levels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    uint32_t base = 0;

    if (!(p->node_flag[v] & LODE_NODE_LIVE))
      continue;
    for (uint32_t i = node->first; node->kind != LODE_KIND_ZERO && i < node->first + node->inputs;
         i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO))
        base = MAX (base, l->ready[p->input[i]]);
    l->base[v] = base;
    l->ready[v] = base + (kind->settle != NULL);
    l->regions = MAX (l->regions, base + 1 + (kind->settle && kind->forward));
  }
}

/* Moves every node to the last region that its readers allow: values live shorter. */
static void
find_late (LodeProgram *p, Levels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++)
    l->ready[v] = l->regions - 1;
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);

    if (!(p->node_flag[v] & LODE_NODE_LIVE))
      continue;
    if (kind->settle && !kind->forward && !l->uses[v])
      l->ready[v] = l->regions; /* an output that is settled is ready behind the last region */
    l->base[v] = l->ready[v] - (kind->settle != NULL);
    for (uint32_t i = node->first; node->kind != LODE_KIND_ZERO && i < node->first + node->inputs;
         i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO))
        l->ready[p->input[i]] = MIN (l->ready[p->input[i]], l->base[v]);
  }
}

/* Regions of backward: a gradient is complete when the last of its contributions is there. */
static void
find_back (LodeProgram *p, Levels *l)
{
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    uint32_t done = l->back[v] + (kind->settle_back != NULL);

    if (!(p->node_flag[v] & LODE_NODE_BACK))
      continue;
    for (uint32_t i = node->first; i < node->first + node->inputs; i++)
      if (p->in_flag[i] & LODE_IN_WANTED)
        l->back[p->input[i]] = MAX (l->back[p->input[i]], done);
    l->back_regions = MAX (l->back_regions, l->back[v] + 1 + (kind->settle_back && kind->backward));
  }
}

static bool
has_wanted_input (const LodeProgram *p, const LodeNode *node)
{
  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if (p->in_flag[i] & LODE_IN_WANTED)
      return true;
  return false;
}

/* The steps of a node, as (function, region) pairs; NULL functions are skipped. */
typedef struct Parts {
  LodeStepFunc gather, settle, run;
  uint32_t base, region;
} Parts;

static Parts
parts_of (const LodeProgram *p, const Levels *l, uint32_t v, bool backward)
{
  const LodeNode *node = &p->node[v];
  const LodeKind *kind = lode_kind_of (node);
  Parts parts = { 0 };

  if (!backward && p->node_flag[v] & LODE_NODE_LIVE) {
    if (node->kind == LODE_KIND_ZERO && !l->uses[v] && !l->is_output[v])
      return parts;
    parts = (Parts){ kind->gather, kind->settle, kind->forward, l->base[v], l->ready[v] };
  } else if (backward && p->node_flag[v] & LODE_NODE_BACK) {
    uint32_t base = p->forward + l->back[v];

    parts = (Parts){ kind->gather_back, kind->settle_back, kind->backward, base,
                     base + (kind->settle_back != NULL) };
    if (kind->settle_back && !has_wanted_input (p, node))
      parts.run = NULL;
  }
  return parts;
}

static double
cost_of (const LodeProgram *p, uint32_t v, bool backward)
{
  const LodeNode *node = &p->node[v];
  const LodeKind *kind = lode_kind_of (node);
  double cost = kind->cost && node->inputs
                    ? kind->cost (node, &p->node[p->input[node->first]].shape)
                    : lode_size_cost (node);

  return (backward ? 2 : 1) * cost * p->batch;
}

/* Calls f for every node in the order in which its direction runs. */
static void
each_node (LodeProgram *p, Levels *l, bool backward, void (*f) (LodeProgram *, uint32_t, Parts))
{
  for (uint32_t i = 0; i < p->nodes; i++) {
    uint32_t v = backward ? p->nodes - 1 - i : i;

    f (p, v, parts_of (p, l, v, backward));
  }
}

static void
count_parts (LodeProgram *p, uint32_t v, Parts parts)
{
  (void) v;
  p->region[parts.base].steps += parts.gather != NULL;
  p->region[parts.base].settles += parts.settle != NULL;
  p->region[parts.region].steps += parts.run != NULL;
}

static void
place_parts (LodeProgram *p, uint32_t v, Parts parts)
{
  LodeRegion *base = &p->region[parts.base], *region = &p->region[parts.region];

  if (parts.gather) {
    p->step[base->step + base->steps++] = (LodeStep){ parts.gather, v };
    base->cost += 0.5 * lode_size_cost (&p->node[v]) * p->batch;
  }
  if (parts.settle)
    p->settle[base->settle + base->settles++] = (LodeStep){ parts.settle, v };
  if (parts.run) {
    p->step[region->step + region->steps++] = (LodeStep){ parts.run, v };
    region->cost += cost_of (p, v, parts.region >= p->forward);
  }
}

/* Bytes of a sample of the largest tensor that a region's steps read or write. */
static size_t
widest (const LodeProgram *p, const LodeRegion *region)
{
  size_t most = 1;

  for (uint32_t s = 0; s < region->steps; s++) {
    const LodeNode *node = &p->node[p->step[region->step + s].node];

    most = MAX (most, lode_shape_size (&node->shape));
    if (node->inputs)
      most = MAX (most, lode_shape_size (&p->node[p->input[node->first]].shape));
  }
  return most * sizeof (float);
}

static void
build_regions (LodeProgram *p, Levels *l)
{
  p->forward = l->regions;
  p->regions = l->regions + l->back_regions + (l->back_regions > 0);
  p->region = g_new0 (LodeRegion, p->regions + 1);
  each_node (p, l, false, count_parts);
  if (l->back_regions)
    each_node (p, l, true, count_parts);
  for (uint32_t r = 0; r < p->regions; r++) {
    p->region[r].step = p->steps;
    p->region[r].settle = p->settles;
    p->steps += p->region[r].steps;
    p->settles += p->region[r].settles;
    p->region[r].steps = p->region[r].settles = 0;
  }
  p->step = g_new (LodeStep, p->steps + 1);
  p->settle = g_new (LodeStep, p->settles + 1);
  each_node (p, l, false, place_parts);
  if (l->back_regions)
    each_node (p, l, true, place_parts);
  for (uint32_t r = 0; r < p->regions; r++) {
    size_t fit = cache_share / widest (p, &p->region[r]);

    p->region[r].block = (uint32_t) CLAMP (fit, 1, p->unit);
  }
}

/* Notes who begins a gradient, in the order of running. */
static void
mark_first (LodeProgram *p, Levels *l)
{
  for (uint32_t i = 0; i < p->outputs; i++)
    l->begun[p->output[i]] = 1;
  for (uint32_t r = p->forward; r < p->regions; r++) {
    const LodeRegion *region = &p->region[r];

    for (uint32_t s = 0; s < region->steps + region->settles; s++) {
      bool settle = s >= region->steps;
      const LodeStep *step =
          settle ? &p->settle[region->settle + s - region->steps] : &p->step[region->step + s];
      const LodeNode *node = &p->node[step->node];
      const LodeKind *kind = lode_kind_of (node);

      if (settle ? kind->backward != NULL : step->run != kind->backward)
        continue;
      for (uint32_t i = node->first; i < node->first + node->inputs; i++)
        if (p->in_flag[i] & LODE_IN_WANTED && !l->begun[p->input[i]]) {
          l->begun[p->input[i]] = 1;
          p->in_flag[i] |= LODE_IN_FIRST;
        }
    }
  }
}

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
  if (has_wanted_input (p, node))
    reads |= kind->reads_input;
  return reads;
}

static bool
may_overwrite (const LodeProgram *p, const Levels *l, uint32_t v)
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
place_values (LodeProgram *p, const Levels *l)
{
  uint32_t last = p->regions - 1;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    Parts parts = parts_of (p, l, v, false);
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
    uint32_t reads = reads_of (p, v), when = parts_of (p, l, v, true).region;

    if (reads & LODE_READ_OUT)
      live_until (p, p->value[v], when);
    for (uint32_t i = node->first; reads & LODE_READ_IN && i < node->first + node->inputs; i++)
      if (!(p->in_flag[i] & LODE_IN_ZERO))
        live_until (p, p->value[p->input[i]], when);
  }
}

/* Lets an only reader's sum share its gradient with the input. */
static bool
share_gradient (LodeProgram *p, const Levels *l, const LodeNode *node, int32_t sum, uint32_t i)
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
place_gradients (LodeProgram *p, const Levels *l)
{
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];
    Parts parts = parts_of (p, l, v, true);
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
place_rest (LodeProgram *p, const Levels *l)
{
  uint32_t last = p->regions - 1;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    bool back = p->node_flag[v] & LODE_NODE_BACK;
    Parts parts = parts_of (p, l, v, true);

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

static void
find_scratch (LodeProgram *p, const LodeKernels *kernels)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);

    if (p->node_flag[v] & LODE_NODE_LIVE && kind->scratch)
      p->scratch = MAX (p->scratch, kind->scratch (kernels, node,
                                                   &p->node[p->input[node->first]].shape, p->unit));
  }
}

static bool
check_size (const LodeRecord *record, uint32_t batch, uint32_t grad, GError **error)
{
  double bytes = 0;

  if (!lode_record_check (record, error))
    return false;
  if (!batch || !record->outputs) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "network: a batch of %u and %u outputs; both must be at least 1", batch,
                 record->outputs);
    return false;
  }
  for (uint32_t v = 0; v < record->nodes; v++)
    bytes += 4.0 * (grad ? 2 : 1) * batch * (double) lode_shape_size (&record->node[v].shape);
  if (bytes > 0x1p46) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "network: a batch of %u needs about %.0f GB; make batch, image or width smaller",
                 batch, bytes * 1e-9);
    return false;
  }
  return true;
}

LodeProgram *
lode_program_compile (LodeEngine *engine, const LodeRecord *record, uint32_t batch, uint32_t grad,
                      GError **error)
{
  LodeProgram *p;
  Levels l = { 0 };
  size_t n = record->nodes;
  g_autofree uint32_t *words = NULL;

  if (!check_size (record, batch, grad, error))
    return NULL;
  words = g_malloc0 (n * (4 * sizeof (uint32_t) + 2));
  l.base = words;
  l.ready = words + n;
  l.back = words + 2 * n;
  l.uses = words + 3 * n;
  l.is_output = (uint8_t *) (words + 4 * n);
  l.begun = l.is_output + n;
  p = copy_record (record, batch, grad);
  p->engine = engine;
  for (uint32_t v = 0; v < p->nodes; v++)
    p->frozen[v] = lode_node_frozen (record, &p->node[v]);
  mark_live (p, &l);
  mark_wanted (p);
  cut_batch (p);
  find_early (p, &l);
  find_late (p, &l);
  find_back (p, &l);
  build_regions (p, &l);
  mark_first (p, &l);
  p->buffer = g_new (LodeBuffer, 5 * n + 1);
  place_values (p, &l);
  place_gradients (p, &l);
  place_rest (p, &l);
  build_reduces (p);
  find_scratch (p, lode_engine_kernels (engine));
  p->dgate = g_new0 (double, p->options + 1);
  lode_program_plan (p);
  return p;
}

void
lode_program_free (LodeProgram *p)
{
  if (!p)
    return;
  g_free (p->block);
  g_free (p->buffer);
  g_free (p->step);
  g_free (p->settle);
  g_free (p->region);
  g_free (p->reduce);
  g_free (p->piece);
  g_free (p->dgate);
  g_free (p);
}

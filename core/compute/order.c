/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which step runs in which region.
 *
 * A value's level is the number of barriers before it: a node whose samples are coupled (gather,
 * settle, then forward) costs one. Steps of a level form a region, in order of recording; backward
 * likewise, from the outputs down. Contributions to a gradient are therefore added in an order that
 * only the recording decides.
 */
#include "compute/compile.h"

/* Bytes of one tensor that a worker keeps in its second-level cache while samples go through a
 * region. */
static const size_t cache_share = 128 << 10, unit_share = 64 << 10;

/* Earliest regions of forward. */
static void
find_early (LodeProgram *p, LodeLevels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    uint32_t base = 0;

    if (!lode_node_runs (p, v))
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
find_late (LodeProgram *p, LodeLevels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++)
    l->ready[v] = l->regions - 1;
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);

    if (!lode_node_runs (p, v))
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

/* A unit gathers for the first norm that reads it in the same region: what it has made is in cache.
 */
static void
find_moments (LodeProgram *p, const LodeLevels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    int32_t x = lode_node_runs (p, v) ? p->input[p->node[v].first] : -1;

    if (x < 0 || p->node[v].kind != LODE_KIND_NORM || p->node[x].kind != LODE_KIND_UNIT
        || p->fused[v].leader >= 0 || p->fused[x].moments >= 0 || l->base[v] != l->ready[x])
      continue;
    p->fused[x].moments = (int32_t) v;
    p->fused[v].moments = x;
  }
}

/* A norm gathers for itself where its leader would be too late. */
static void
check_leaders (LodeProgram *p, const LodeLevels *l)
{
  for (uint32_t v = 0; v < p->nodes; v++) {
    int32_t leader = p->fused[v].leader;

    if (leader >= 0 && l->base[leader] > l->base[v])
      p->fused[v].leader = -1;
  }
}

/* Regions of backward: a gradient is complete when the last of its contributions is there. */
static void
find_back (LodeProgram *p, LodeLevels *l)
{
  for (uint32_t v = p->nodes; v-- > 0;) {
    const LodeNode *node = &p->node[v];
    const LodeKind *kind = lode_kind_of (node);
    uint32_t done = l->back[v] + (kind->settle_back != NULL);

    if (!(p->node_flag[v] & LODE_NODE_BACK) || !lode_node_runs (p, v))
      continue;
    for (uint32_t i = node->first; i < node->first + node->inputs; i++)
      if (p->in_flag[i] & LODE_IN_WANTED)
        l->back[p->input[i]] = MAX (l->back[p->input[i]], done);
    l->back_regions = MAX (l->back_regions, l->back[v] + 1 + (kind->settle_back && kind->backward));
  }
}

bool
lode_compile_has_wanted (const LodeProgram *p, const LodeNode *node)
{
  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if (p->in_flag[i] & LODE_IN_WANTED)
      return true;
  return false;
}

/* … and is stored. */
static bool
has_stored (const LodeProgram *p, const LodeNode *node)
{
  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if ((p->in_flag[i] & (LODE_IN_WANTED | LODE_IN_LAZY)) == LODE_IN_WANTED)
      return true;
  return false;
}

LodeParts
lode_compile_parts (const LodeProgram *p, const LodeLevels *l, uint32_t v, bool backward)
{
  const LodeNode *node = &p->node[v];
  const LodeKind *kind = lode_kind_of (node);
  LodeParts parts = { 0 };

  if (!lode_node_runs (p, v))
    return parts;
  if (!backward) {
    if (node->kind == LODE_KIND_ZERO && !l->uses[v] && !l->is_output[v])
      return parts;
    parts = (LodeParts){ kind->gather, kind->settle, kind->forward, l->base[v], l->ready[v] };
    if (p->fused[v].leader >= 0 || (node->kind == LODE_KIND_NORM && p->fused[v].moments >= 0))
      parts.gather = NULL;
    if (p->node_flag[v] & LODE_NODE_VIEW)
      parts.run = NULL;
  } else if (p->node_flag[v] & LODE_NODE_BACK) {
    uint32_t base = p->forward + l->back[v];

    parts = (LodeParts){ kind->gather_back, kind->settle_back, kind->backward, base,
                         base + (kind->settle_back != NULL) };
    if (p->fused[v].sum >= 0)
      parts.gather = NULL;
    if (kind->settle_back && !has_stored (p, node))
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
each_node (LodeProgram *p, LodeLevels *l, bool backward,
           void (*f) (LodeProgram *, uint32_t, LodeParts))
{
  for (uint32_t i = 0; i < p->nodes; i++) {
    uint32_t v = backward ? p->nodes - 1 - i : i;

    f (p, v, lode_compile_parts (p, l, v, backward));
  }
}

static void
count_parts (LodeProgram *p, uint32_t v, LodeParts parts)
{
  (void) v;
  p->region[parts.base].steps += parts.gather != NULL;
  p->region[parts.base].settles += parts.settle != NULL;
  p->region[parts.region].steps += parts.run != NULL;
}

static void
place_parts (LodeProgram *p, uint32_t v, LodeParts parts)
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

/* Bytes that samples may take to go through a region's steps together: no more than units with a
 * depthwise convolution take at a time, so that what one has laid out is there for the next. */
static size_t
share_of (const LodeProgram *p, const LodeRegion *region)
{
  for (uint32_t s = 0; s < region->steps; s++)
    if (p->fused[p->step[region->step + s].node].depth >= 0)
      return unit_share;
  return cache_share;
}

static void
build_regions (LodeProgram *p, LodeLevels *l)
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
    size_t fit = share_of (p, &p->region[r]) / widest (p, &p->region[r]);

    p->region[r].block = (uint32_t) CLAMP (fit, 1, p->unit);
  }
}

/* Notes who begins a gradient, in the order of running. */
static void
mark_first (LodeProgram *p, LodeLevels *l)
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
        if ((p->in_flag[i] & (LODE_IN_WANTED | LODE_IN_LAZY)) == LODE_IN_WANTED
            && !l->begun[p->input[i]]) {
          l->begun[p->input[i]] = 1;
          p->in_flag[i] |= LODE_IN_FIRST;
        }
    }
  }
}

void
lode_compile_order (LodeProgram *p, LodeLevels *l)
{
  find_early (p, l);
  find_late (p, l);
  check_leaders (p, l);
  if (p->fuse)
    find_moments (p, l);
  find_back (p, l);
  build_regions (p, l);
  mark_first (p, l);
}

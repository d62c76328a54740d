/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a recording is alive, what backward has to do, and how the batch is cut into units.
 */
#include "compute/compile.h"

/* Floats that the partial gradients of one weight should not exceed. */
static const size_t partial_limit = 1 << 20;

static bool
skips_zeros (const LodeNode *node)
{
  return node->kind == LODE_KIND_ADD || node->kind == LODE_KIND_MIX;
}

/* Marks what an output depends on, from the outputs up; counts readers. */
static void
mark_live (LodeProgram *p, LodeLevels *l)
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

void
lode_compile_mark (LodeProgram *p, LodeLevels *l)
{
  mark_live (p, l);
  mark_wanted (p);
  cut_batch (p);
}

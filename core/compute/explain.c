/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A program as text: its regions in the order of running, the passes of each, what fusion put into
 * a pass, and the shapes and bytes that it reads and writes.
 */
#include "compute/step.h"

static void
print_shape (GString *to, const LodeShape *shape)
{
  g_string_append_printf (to, "%u×%u×%u", shape->h, shape->w, shape->c);
}

static const char *
part_name (const LodeKind *kind, LodeStepFunc run)
{
  if (run == kind->gather)
    return "gather";
  if (run == kind->gather_back)
    return "gather back";
  if (run == kind->settle)
    return "settle";
  if (run == kind->settle_back)
    return "settle back";
  return run == kind->forward ? "forward" : "backward";
}

/* Convolution: side, stride, dilation where they say something. */
static void
print_window (GString *to, const char *what, const LodeNode *node)
{
  g_string_append_printf (to, "%s %u×%u", what, node->kernel, node->kernel);
  if (node->stride > 1)
    g_string_append_printf (to, " stride %u", node->stride);
  if (node->dilation > 1)
    g_string_append_printf (to, " dilation %u", node->dilation);
}

/* What a unit does to each sample, in order. */
static void
print_unit (GString *to, const LodeProgram *p, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  const LodeFused *fused = &p->fused[v];

  if (p->node_flag[p->input[node->first]] & LODE_NODE_VIEW)
    g_string_append_printf (to, "norm %d as read, ", p->input[node->first]);
  if (fused->relu > 0)
    g_string_append (to, "relu, ");
  if (fused->depth >= 0) {
    print_window (to, "depthwise", &p->node[fused->depth]);
    g_string_append (to, ", ");
  }
  print_window (to, p->turned[0][v] >= 0 ? "dense (Winograd)" : "dense", node);
  if (fused->moments >= 0)
    g_string_append_printf (to, ", moments of norm %d", fused->moments);
}

/* Its terms: norms as read, gated options of mixes, plain ones. */
static void
print_sum (GString *to, const LodeProgram *p, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  uint32_t norms = 0, gated = 0;

  for (uint32_t i = node->first; i < node->first + node->inputs; i++) {
    norms += (p->node_flag[p->input[i]] & LODE_NODE_VIEW) != 0;
    gated += p->term[i].mix >= 0;
  }
  g_string_append_printf (to, "%u terms, %u of them gated, %u norms as read", node->inputs, gated,
                          norms);
  if (p->fused[v].relu > 0)
    g_string_append (to, ", relu");
}

static void
print_fused (GString *to, const LodeProgram *p, uint32_t v)
{
  const LodeNode *node = &p->node[v];
  uint32_t lazy = 0;

  if (node->kind == LODE_KIND_UNIT || node->kind == LODE_KIND_SUM) {
    g_string_append (to, "  [");
    (node->kind == LODE_KIND_UNIT ? print_unit : print_sum) (to, p, v);
    g_string_append (to, "]");
  }
  for (int32_t norm = p->fused[v].lazy; norm >= 0; norm = p->fused[norm].next)
    lazy++;
  if (lazy)
    g_string_append_printf (to, "  {gradient made from that of %u norm%s}", lazy,
                            lazy == 1 ? "" : "s");
}

/* Bytes of a sample that the node's inputs and its value have. */
static void
print_bytes (GString *to, const LodeProgram *p, const LodeNode *node)
{
  size_t in = 0;

  for (uint32_t i = node->first; i < node->first + node->inputs; i++)
    if (!(p->in_flag[i] & LODE_IN_ZERO))
      in += lode_shape_size (&p->node[p->input[i]].shape);
  g_string_append_printf (to, "  %.1f KB in, %.1f KB out a sample",
                          (double) (in * sizeof (float)) / 1024,
                          (double) (lode_shape_size (&node->shape) * sizeof (float)) / 1024);
}

static void
print_step (GString *to, const LodeProgram *p, const LodeStep *step)
{
  const LodeNode *node = &p->node[step->node];
  const LodeKind *kind = lode_kind_of (node);

  g_string_append_printf (to, "  %4u  %-13s %-11s ", step->node, kind->name,
                          part_name (kind, step->run));
  if (node->inputs) {
    print_shape (to, &p->node[p->input[node->first]].shape);
    g_string_append (to, " → ");
  }
  print_shape (to, &node->shape);
  print_bytes (to, p, node);
  print_fused (to, p, step->node);
  g_string_append_c (to, '\n');
}

static void
print_region (GString *to, const LodeProgram *p, uint32_t r)
{
  const LodeRegion *region = &p->region[r];

  g_string_append_printf (to, "region %u, %s: %u passes over %u units, %u sample%s at a time", r,
                          r < p->forward ? "forward" : "backward", region->steps, p->units,
                          region->block, region->block == 1 ? "" : "s");
  if (region->pieces)
    g_string_append_printf (to, "; %u sums of weight gradients of the region before",
                            region->pieces);
  g_string_append_c (to, '\n');
  for (uint32_t s = 0; s < region->steps; s++)
    print_step (to, p, &p->step[region->step + s]);
  if (region->settles)
    g_string_append (to, "  then, once:\n");
  for (uint32_t s = 0; s < region->settles; s++)
    print_step (to, p, &p->settle[region->settle + s]);
}

void
lode_program_explain (const LodeProgram *p, GString *to)
{
  uint32_t inside = 0, views = 0;

  for (uint32_t v = 0; v < p->nodes; v++) {
    inside += (p->node_flag[v] & LODE_NODE_INSIDE) != 0;
    views += (p->node_flag[v] & LODE_NODE_VIEW) != 0;
  }
  g_string_append_printf (to,
                          "%u operations recorded, %u of them fused into others, %u norms never "
                          "stored; batch %u in %u units of %u; %u regions, %u passes; arena "
                          "%.1f MB, scratch %.1f KB a thread\n",
                          p->nodes, inside, views, p->batch, p->units, p->unit, p->regions,
                          p->steps, (double) p->bytes / 1e6,
                          (double) ((p->scratch + p->kept) * sizeof (float)) / 1024);
  for (uint32_t r = 0; r < p->regions; r++)
    if (p->region[r].steps || p->region[r].settles || p->region[r].pieces)
      print_region (to, p, r);
}

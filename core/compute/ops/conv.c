/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution: dense, grouped, depthwise, strided, dilated, read from an offset.
 */
#include "compute/step.h"

LodeConvGeometry
lode_conv_geometry (const LodeNode *node, const LodeShape *in, uint32_t n)
{
  return (LodeConvGeometry){ .n = n,
                             .h = in->h,
                             .w = in->w,
                             .c = in->c,
                             .oh = node->shape.h,
                             .ow = node->shape.w,
                             .oc = node->shape.c,
                             .kernel = node->kernel,
                             .stride = node->stride,
                             .dilation = node->dilation,
                             .groups = node->groups,
                             .pad = node->pad };
}

static void
conv_forward (const LodeTask *task, const LodeNode *node)
{
  LodeConvGeometry g = lode_conv_geometry (node, lode_task_shape (task, node, 0), task->n);

  task->kernels->conv (&g, lode_task_in (task, node, 0), lode_task_weight (task, node),
                       lode_task_bias (task, node), lode_task_out (task, node), task->scratch);
}

static void
conv_backward (const LodeTask *task, const LodeNode *node)
{
  LodeConvGeometry g = lode_conv_geometry (node, lode_task_shape (task, node, 0), task->n);
  const float *dy = lode_task_dout (task, node);
  float *dx = lode_task_din (task, node, 0), *dw = lode_task_dweight (task, node);

  if (dx)
    task->kernels->conv_dx (&g, lode_task_weight (task, node), dy, dx, task->scratch);
  if (dw)
    task->kernels->conv_dw (&g, lode_task_in (task, node, 0), dy, dw, lode_task_dbias (task, node),
                            task->scratch);
}

static size_t
conv_scratch (const LodeProgram *p, const LodeNode *node)
{
  LodeConvGeometry g = lode_conv_geometry (node, &p->node[p->input[node->first]].shape, p->unit);

  return lode_engine_kernels (p->engine)->conv_scratch (&g);
}

static double
conv_cost (const LodeNode *node, const LodeShape *in)
{
  const uint32_t *b = node->block;
  double macs = (double) node->shape.h * node->shape.w * b[0] * b[1] * b[2] * b[3];

  return macs / 30 + 0.2 * (double) (lode_shape_size (&node->shape) + lode_shape_size (in));
}

const LodeKind lode_kind_conv = {
  .name = "conv",
  .forward = conv_forward,
  .backward = conv_backward,
  .reads_weight = LODE_READ_IN,
  .scratch = conv_scratch,
  .cost = conv_cost,
};

/* Output pixels along one side; 0: none. */
static uint32_t
conv_side (uint32_t in, uint32_t pad, const LodeNode *node)
{
  uint64_t reach = (uint64_t) node->dilation * (node->kernel - 1) + 1;
  uint64_t room = (uint64_t) in + 2 * (uint64_t) pad;

  return room < reach ? 0 : (uint32_t) ((room - reach) / node->stride + 1);
}

static bool
conv_shape (LodeRecord *record, const char *name, const LodeShape *in, const LodeConv *conv,
            LodeNode *node)
{
  uint32_t channels = conv->groups == LODE_DEPTHWISE ? in->c : conv->channels, pad;

  node->kernel = MAX (conv->kernel, 1);
  node->stride = MAX (conv->stride, 1);
  node->dilation = MAX (conv->dilation, 1);
  node->groups = conv->groups == LODE_DEPTHWISE ? in->c : MAX (conv->groups, 1);
  if (conv->pad < LODE_PAD_NONE || MAX (node->kernel, node->stride) > 4096 || node->dilation > 4096
      || conv->pad > 4096 || conv->offset > 4096) {
    lode_record_fail (record, "conv", name,
                      "kernel %u, stride %u, dilation %u, pad %d, offset %u; each must be at most "
                      "4096",
                      node->kernel, node->stride, node->dilation, conv->pad, conv->offset);
    return false;
  }
  if (!channels || in->c % node->groups || channels % node->groups) {
    lode_record_fail (record, "conv", name,
                      "%u channels from %u in %u groups; both must be multiples of the groups",
                      channels, in->c, node->groups);
    return false;
  }
  pad = conv->pad == LODE_PAD_SAME   ? node->dilation * (node->kernel - 1) / 2
        : conv->pad == LODE_PAD_NONE ? 0
                                     : (uint32_t) conv->pad;
  node->pad = (int32_t) pad - (int32_t) conv->offset;
  node->shape = (LodeShape){ conv_side (in->h, pad, node), conv_side (in->w, pad, node), channels };
  if (!node->shape.h || !node->shape.w) {
    lode_record_fail (record, "conv", name,
                      "a kernel of %u with dilation %u and pad %u does not fit into %u × %u pixels",
                      node->kernel, node->dilation, pad, in->h, in->w);
    return false;
  }
  return true;
}

LodeValue
lode_record_conv (LodeGraph *graph, const char *name, LodeValue x, const LodeConv *given)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeConv conv = { 0 };
  LodeNode *node;
  LodeShape in;
  uint32_t fan;

  if (!lode_record_begin (record, LODE_KIND_CONV, 1, &x, &node))
    return -1;
  memcpy (&conv, given, MIN (given->size, sizeof conv));
  in = *lode_record_shape (record, x);
  if (!conv_shape (record, name, &in, &conv, node))
    return -1;
  memcpy (node->block,
          (uint32_t[4]){ node->kernel, node->kernel, in.c / node->groups, node->shape.c },
          sizeof node->block);
  fan = node->kernel * node->kernel * node->block[2];
  if (!lode_record_attach (record, node, "conv", name, ".weight", fan, LODE_INIT_UNIFORM))
    return -1;
  if (node->groups > 1 && node->groups < in.c
      && (node->wide[0] != node->block[2] || node->wide[1] != node->block[3]))
    return lode_record_fail (record, "conv", name,
                             "a grouped convolution cannot lend leading channels");
  if (conv.bias) {
    uint32_t block[4] = { 1, 1, 1, node->shape.c };

    node->bias = lode_record_weight (record, "conv", name, ".bias", block, fan, LODE_INIT_UNIFORM);
    if (node->bias < 0)
      return -1;
  }
  record->macs += (uint64_t) node->shape.h * node->shape.w * node->shape.c * fan;
  return lode_record_end (record, node);
}

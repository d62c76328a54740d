/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Max pooling, average pooling over the cells inside the image, and the mean over the whole image.
 */
#include "compute/step.h"

static LodePoolGeometry
pool_geometry (const LodeTask *task, const LodeNode *node)
{
  const LodeShape *in = lode_task_shape (task, node, 0);

  return (LodePoolGeometry){ .n = task->n,
                             .h = in->h,
                             .w = in->w,
                             .c = in->c,
                             .oh = node->shape.h,
                             .ow = node->shape.w,
                             .kernel = node->kernel,
                             .stride = node->stride,
                             .pad = (uint32_t) node->pad };
}

static void
max_pool_forward (const LodeTask *task, const LodeNode *node)
{
  LodePoolGeometry g = pool_geometry (task, node);

  task->kernels->max_pool (&g, lode_task_in (task, node, 0), lode_task_out (task, node));
}

static void
max_pool_backward (const LodeTask *task, const LodeNode *node)
{
  LodePoolGeometry g = pool_geometry (task, node);
  float *dx = lode_task_din (task, node, 0);

  if (dx)
    task->kernels->max_pool_dx (&g, lode_task_in (task, node, 0), lode_task_out (task, node),
                                lode_task_gradient (task, node, 0, task->n, task->scratch), dx);
}

static void
avg_pool_forward (const LodeTask *task, const LodeNode *node)
{
  LodePoolGeometry g = pool_geometry (task, node);

  task->kernels->avg_pool (&g, lode_task_in (task, node, 0), lode_task_out (task, node));
}

static void
avg_pool_backward (const LodeTask *task, const LodeNode *node)
{
  LodePoolGeometry g = pool_geometry (task, node);
  float *dx = lode_task_din (task, node, 0);

  if (dx)
    task->kernels->avg_pool_dx (&g, lode_task_gradient (task, node, 0, task->n, task->scratch), dx);
}

static size_t
pool_scratch (const LodeProgram *p, const LodeNode *node)
{
  return lode_gradient_scratch (node, p->unit);
}

static double
pool_cost (const LodeNode *node, const LodeShape *in)
{
  return 0.1 * (double) node->kernel * node->kernel * (double) lode_shape_size (&node->shape)
         + 0.2 * (double) lode_shape_size (in);
}

static void
global_pool_forward (const LodeTask *task, const LodeNode *node)
{
  const LodeShape *in = lode_task_shape (task, node, 0);

  task->kernels->global_pool (task->n, (size_t) in->h * in->w, in->c, lode_task_in (task, node, 0),
                              lode_task_out (task, node));
}

static void
global_pool_backward (const LodeTask *task, const LodeNode *node)
{
  const LodeShape *in = lode_task_shape (task, node, 0);
  float *dx = lode_task_din (task, node, 0);

  if (dx)
    task->kernels->global_pool_dx (task->n, (size_t) in->h * in->w, in->c,
                                   lode_task_dout (task, node), dx);
}

static double
global_pool_cost (const LodeNode *node, const LodeShape *in)
{
  (void) node;
  return 0.3 * (double) lode_shape_size (in);
}

const LodeKind lode_kind_max_pool = {
  .name = "max pool",
  .forward = max_pool_forward,
  .backward = max_pool_backward,
  .reads_input = LODE_READ_IN | LODE_READ_OUT,
  .scratch = pool_scratch,
  .cost = pool_cost,
};

const LodeKind lode_kind_avg_pool = {
  .name = "average pool",
  .forward = avg_pool_forward,
  .backward = avg_pool_backward,
  .scratch = pool_scratch,
  .cost = pool_cost,
};

const LodeKind lode_kind_global_pool = {
  .name = "global pool",
  .forward = global_pool_forward,
  .backward = global_pool_backward,
  .cost = global_pool_cost,
};

static LodeValue
record_pool (LodeRecord *record, LodeKindId kind, const char *op, LodeValue x,
             const LodeWindow *given)
{
  LodeWindow window = { 0 };
  LodeNode *node;
  const LodeShape *in;
  uint32_t pad;

  if (!lode_record_begin (record, kind, 1, &x, &node))
    return -1;
  if (given)
    memcpy (&window, given, MIN (given->size, sizeof window));
  in = lode_record_shape (record, x);
  node->kernel = window.kernel ? window.kernel : 2;
  node->stride = window.stride ? window.stride : node->kernel;
  pad = window.pad == LODE_PAD_SAME   ? (node->kernel - 1) / 2
        : window.pad == LODE_PAD_NONE ? 0
                                      : (uint32_t) window.pad;
  node->pad = (int32_t) pad;
  if (window.pad < LODE_PAD_NONE || MAX (node->kernel, node->stride) > 4096
      || 2 * (uint64_t) pad > node->kernel)
    return lode_record_fail (record, op, NULL,
                             "kernel %u, stride %u, pad %d; at most 4096, and pad at most half the "
                             "kernel",
                             node->kernel, node->stride, window.pad);
  if (in->h + 2 * pad < node->kernel || in->w + 2 * pad < node->kernel)
    return lode_record_fail (record, op, NULL,
                             "a window of %u with pad %u does not fit into %u × %u pixels",
                             node->kernel, pad, in->h, in->w);
  node->shape = (LodeShape){ (in->h + 2 * pad - node->kernel) / node->stride + 1,
                             (in->w + 2 * pad - node->kernel) / node->stride + 1, in->c };
  return lode_record_end (record, node);
}

LodeValue
lode_record_max_pool (LodeGraph *graph, LodeValue x, const LodeWindow *window)
{
  return record_pool ((LodeRecord *) graph, LODE_KIND_MAX_POOL, "max pool", x, window);
}

LodeValue
lode_record_avg_pool (LodeGraph *graph, LodeValue x, const LodeWindow *window)
{
  return record_pool ((LodeRecord *) graph, LODE_KIND_AVG_POOL, "average pool", x, window);
}

LodeValue
lode_record_global_pool (LodeGraph *graph, LodeValue x)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeNode *node;

  if (!lode_record_begin (record, LODE_KIND_GLOBAL_POOL, 1, &x, &node))
    return -1;
  node->shape = (LodeShape){ 1, 1, lode_record_shape (record, x)->c };
  return lode_record_end (record, node);
}

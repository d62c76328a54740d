/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ReLU. Backward needs its value only, so it may be made in place.
 */
#include "compute/step.h"

static void
relu_forward (const LodeTask *task, const LodeNode *node)
{
  task->kernels->relu (lode_shape_size (&node->shape) * task->n, lode_task_in (task, node, 0),
                       lode_task_out (task, node));
}

static void
relu_backward (const LodeTask *task, const LodeNode *node)
{
  float *dx = lode_task_din (task, node, 0);

  if (dx)
    task->kernels->relu_dx (lode_shape_size (&node->shape) * task->n, lode_task_out (task, node),
                            lode_task_dout (task, node), dx);
}

const LodeKind lode_kind_relu = {
  .name = "relu",
  .forward = relu_forward,
  .backward = relu_backward,
  .reads_input = LODE_READ_OUT,
  .in_place = true,
};

LodeValue
lode_record_relu (LodeGraph *graph, LodeValue x)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeNode *node;

  if (!lode_record_begin (record, LODE_KIND_RELU, 1, &x, &node))
    return -1;
  node->shape = *lode_record_shape (record, x);
  return lode_record_end (record, node);
}

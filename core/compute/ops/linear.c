/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fully connected layer on the flattened sample. Its weight is [1][h·w][c][channels], so that
 * leading channels of its input are leading rows of every pixel.
 */
#include "compute/step.h"

static uint32_t
inputs_of (const LodeNode *node)
{
  return node->block[1] * node->block[2];
}

static void
linear_forward (const LodeTask *task, const LodeNode *node)
{
  const float *turned = lode_task_turned (task, node, false);

  if (turned) {
    task->kernels->linear_turned (task->n, inputs_of (node), node->shape.c,
                                  lode_task_in (task, node, 0), turned, lode_task_bias (task, node),
                                  true, lode_task_out (task, node));
    return;
  }
  task->kernels->linear (task->n, inputs_of (node), node->shape.c, lode_task_in (task, node, 0),
                         lode_task_weight (task, node), lode_task_bias (task, node),
                         lode_task_out (task, node));
}

static void
linear_backward (const LodeTask *task, const LodeNode *node)
{
  const float *dy = lode_task_dout (task, node);
  const float *turned = lode_task_turned (task, node, true);
  bool direct = lode_node_direct (task->program, lode_task_id (task, node)), first = false;
  float *dx = lode_task_din_raw (task, node, 0, &first);
  float *dw = direct ? NULL : lode_task_dweight (task, node);

  if (dx && turned)
    task->kernels->linear_turned (task->n, node->shape.c, inputs_of (node), dy, turned, NULL, first,
                                  dx);
  else if (dx)
    task->kernels->linear_dx (task->n, inputs_of (node), node->shape.c,
                              lode_task_weight (task, node), dy, first, dx);
  if (dw)
    task->kernels->linear_dw (task->n, inputs_of (node), node->shape.c,
                              lode_task_in (task, node, 0), dy, dw, lode_task_dbias (task, node));
}

static double
linear_cost (const LodeNode *node, const LodeShape *in)
{
  (void) in;
  return (double) inputs_of (node) * node->shape.c / 20;
}

const LodeKind lode_kind_linear = {
  .name = "linear",
  .forward = linear_forward,
  .backward = linear_backward,
  .reads_weight = LODE_READ_IN,
  .cost = linear_cost,
};

LodeValue
lode_record_linear (LodeGraph *graph, const char *name, LodeValue x, uint32_t channels, bool bias)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeNode *node;
  const LodeShape *in;

  if (!lode_record_begin (record, LODE_KIND_LINEAR, 1, &x, &node))
    return -1;
  in = lode_record_shape (record, x);
  node->shape = (LodeShape){ 1, 1, channels };
  memcpy (node->block, (uint32_t[4]){ 1, in->h * in->w, in->c, channels }, sizeof node->block);
  if (!lode_record_attach (record, node, "linear", name, ".weight", inputs_of (node),
                           LODE_INIT_UNIFORM))
    return -1;
  if (bias) {
    node->bias =
        lode_record_weight (record, "linear", name, ".bias", (uint32_t[4]){ 1, 1, 1, channels },
                            inputs_of (node), LODE_INIT_UNIFORM);
    if (node->bias < 0)
      return -1;
  }
  record->macs += (uint64_t) inputs_of (node) * channels;
  return lode_record_end (record, node);
}

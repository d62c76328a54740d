/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An operation that a plugin brings. One that couples samples (WHOLE) is settled: the batch is its
 * chunk.
 */
#include "compute/step.h"

#include <math.h>

enum { PLUGIN_INPUTS = 16 };

static const void *
plugin_conf (const LodeTask *task, const LodeNode *node)
{
  return node->op->conf_size ? task->program->conf + node->conf : NULL;
}

/* What forward and backward have in common; in, shape: [PLUGIN_INPUTS] to fill */
static LodeOpChunk
plugin_chunk (const LodeTask *task, const LodeNode *node, const float **in, LodeShape *shape)
{
  for (uint32_t i = 0; i < node->inputs; i++) {
    in[i] = lode_task_in (task, node, i);
    shape[i] = *lode_task_shape (task, node, i);
  }
  return (LodeOpChunk){ .size = sizeof (LodeOpChunk),
                        .n = task->n,
                        .inputs = node->inputs,
                        .in_shape = shape,
                        .shape = node->shape,
                        .in = in,
                        .weight = node->weight < 0 ? NULL : lode_task_weight (task, node),
                        .out = lode_task_out (task, node) };
}

static void
plugin_forward (const LodeTask *task, const LodeNode *node)
{
  const float *in[PLUGIN_INPUTS];
  LodeShape shape[PLUGIN_INPUTS];
  LodeOpChunk chunk = plugin_chunk (task, node, in, shape);

  node->op->forward (plugin_conf (task, node), &chunk);
}

static void
run_backward (const LodeTask *task, const LodeNode *node, float *dweight)
{
  const float *in[PLUGIN_INPUTS];
  float *din[PLUGIN_INPUTS];
  LodeShape shape[PLUGIN_INPUTS];
  LodeOpChunk chunk = plugin_chunk (task, node, in, shape);

  for (uint32_t i = 0; i < node->inputs; i++)
    din[i] = lode_task_din (task, node, i);
  chunk.dout = lode_task_dout (task, node);
  chunk.din = din;
  chunk.dweight = dweight;
  node->op->backward (plugin_conf (task, node), &chunk);
}

static void
plugin_backward (const LodeTask *task, const LodeNode *node)
{
  run_backward (task, node, lode_task_dweight (task, node));
}

static void
plugin_settle_back (const LodeTask *task, const LodeNode *node)
{
  bool wanted = lode_task_flag (task, node, LODE_NODE_WEIGHT);

  run_backward (task, node, wanted ? lode_task_grad (task, node->weight) : NULL);
}

const LodeKind lode_kind_plugin = {
  .name = "op",
  .forward = plugin_forward,
  .backward = plugin_backward,
  .reads_weight = LODE_READ_IN | LODE_READ_OUT,
  .reads_input = LODE_READ_IN | LODE_READ_OUT,
};

const LodeKind lode_kind_plugin_whole = {
  .name = "op",
  .settle = plugin_forward,
  .settle_back = plugin_settle_back,
  .reads_weight = LODE_READ_IN | LODE_READ_OUT,
  .reads_input = LODE_READ_IN | LODE_READ_OUT,
};

static bool
check_op (LodeRecord *record, const LodeOp *op, const char *name, uint32_t n)
{
  if (!op || op->size < sizeof (LodeOp) || !op->name || !op->shape || !op->forward
      || !op->backward) {
    lode_record_fail (record, op && op->size >= sizeof (LodeOp) && op->name ? op->name : "op", name,
                      "lacks name, shape, forward or backward, or was built for another version");
    return false;
  }
  if (!n || n > PLUGIN_INPUTS) {
    lode_record_fail (record, op->name, name, "has %u inputs; 1 to %d are possible", n,
                      PLUGIN_INPUTS);
    return false;
  }
  return true;
}

LodeValue
lode_record_op (LodeGraph *graph, const LodeOp *op, const char *name, uint32_t n,
                const LodeValue *x, const void *conf)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeShape in[PLUGIN_INPUTS];
  uint32_t weights = 0;
  LodeNode *node;

  if (!check_op (record, op, name, n) || !lode_record_begin (record, LODE_KIND_PLUGIN, n, x, &node))
    return -1;
  for (uint32_t i = 0; i < n; i++)
    in[i] = *lode_record_shape (record, x[i]);
  if (!op->shape (conf, n, in, &node->shape, &weights))
    return lode_record_fail (record, op->name, name,
                             "refuses its %u inputs, the first %u × %u × %u", n, in[0].h, in[0].w,
                             in[0].c);
  node->op = op;
  if (weights) {
    memcpy (node->block, (uint32_t[4]){ 1, 1, 1, weights }, sizeof node->block);
    if (!lode_record_attach (record, node, op->name, name, "", in[0].c, LODE_INIT_UNIFORM))
      return -1;
  }
  if (op->conf_size)
    node->conf = lode_record_conf (record, op->conf_size, conf);
  if (op->macs)
    record->macs += (uint64_t) MAX (op->macs (conf, n, in), 0);
  return lode_record_end (record, node);
}

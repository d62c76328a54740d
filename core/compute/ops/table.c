/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Table: a learned row per example. Only rows of the batch get a gradient; an index beyond the
 * table reads zeros.
 */
#include "compute/step.h"

static void
table_forward (const LodeTask *task, const LodeNode *node)
{
  const float *w = lode_task_weight (task, node);
  float *y = lode_task_out (task, node);
  size_t c = node->shape.c;

  for (size_t s = 0; s < task->n; s++, y += c) {
    uint32_t row = task->bind->index[task->start + s];

    if (row < node->block[2])
      memcpy (y, w + (size_t) row * node->wide[1], c * sizeof *y);
    else
      memset (y, 0, c * sizeof *y);
  }
}

/* Rows may repeat within a batch, so they are added by one thread, in order. */
static void
table_settle_back (const LodeTask *task, const LodeNode *node)
{
  const float *dy = lode_task_dout (task, node);
  size_t c = node->shape.c;
  float *dw =
      lode_task_flag (task, node, LODE_NODE_WEIGHT) ? lode_task_grad (task, node->weight) : NULL;

  for (size_t s = 0; dw && s < task->n; s++) {
    uint32_t row = task->bind->index[task->start + s];

    for (size_t j = 0; row < node->block[2] && j < c; j++)
      dw[(size_t) row * node->wide[1] + j] += dy[s * c + j];
  }
}

const LodeKind lode_kind_table = {
  .name = "table",
  .forward = table_forward,
  .settle_back = table_settle_back,
};

LodeValue
lode_record_table (LodeGraph *graph, const char *name, LodeValue index, uint32_t rows,
                   uint32_t channels)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeNode *node;

  if (!lode_record_begin (record, LODE_KIND_TABLE, 1, &index, &node))
    return -1;
  if (record->node[index].kind != LODE_KIND_INDEX)
    return lode_record_fail (record, "table", name, "its input must be the example's index");
  node->shape = (LodeShape){ 1, 1, channels };
  memcpy (node->block, (uint32_t[4]){ 1, 1, rows, channels }, sizeof node->block);
  if (!lode_record_attach (record, node, "table", name, ".weight", 1, LODE_INIT_NORMAL))
    return -1;
  return lode_record_end (record, node);
}

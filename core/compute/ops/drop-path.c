/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drop-path (Larsson et al. 2017): a sample is dropped at the pass's rate p, or divided by 1 − p.
 * Whether is a function of (key of the pass, operation, sample of the batch).
 */
#include "compute/step.h"

#include <lode/rng.h>

static float
factor (const LodeTask *task, const LodeNode *node, uint32_t sample)
{
  float rate = task->bind->drop_path;
  uint32_t word[4];

  if (!(rate > 0))
    return 1;
  lode_rng_block (task->bind->key ^ 0x64726f7070617468u, (uint64_t) node->ordinal << 32 | sample,
                  word);
  return rate < 1 && word[0] >= (double) rate * 4294967296.0 ? 1 / (1 - rate) : 0;
}

static void
drop_path_forward (const LodeTask *task, const LodeNode *node)
{
  size_t size = lode_shape_size (&node->shape);
  const float *x = lode_task_in (task, node, 0);
  float *y = lode_task_out (task, node);

  for (uint32_t s = 0; s < task->n; s++) {
    float a = factor (task, node, task->start + s);

    if (a != 0)
      task->kernels->scale (size, a, x + s * size, y + s * size);
    else
      memset (y + s * size, 0, size * sizeof *y);
  }
}

static void
drop_path_backward (const LodeTask *task, const LodeNode *node)
{
  size_t size = lode_shape_size (&node->shape);
  const float *dy = lode_task_dout (task, node);
  bool first = false;
  float *dx = lode_task_din_raw (task, node, 0, &first);

  for (uint32_t s = 0; dx && s < task->n; s++) {
    float a = factor (task, node, task->start + s);

    if (a != 0 && !first)
      task->kernels->axpy (size, a, dy + s * size, dx + s * size);
    else if (a != 0)
      task->kernels->scale (size, a, dy + s * size, dx + s * size);
    else if (first)
      memset (dx + s * size, 0, size * sizeof *dx);
  }
}

const LodeKind lode_kind_drop_path = {
  .name = "drop-path",
  .forward = drop_path_forward,
  .backward = drop_path_backward,
  .in_place = true,
};

LodeValue
lode_record_drop_path (LodeGraph *graph, LodeValue x)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeNode *node;

  if (!lode_record_begin (record, LODE_KIND_DROP_PATH, 1, &x, &node))
    return -1;
  node->shape = *lode_record_shape (record, x);
  node->ordinal = record->random++;
  return lode_record_end (record, node);
}

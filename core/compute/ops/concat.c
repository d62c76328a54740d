/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Concatenation of channels.
 */
#include "compute/step.h"

static void
concat_forward (const LodeTask *task, const LodeNode *node)
{
  size_t rows = (size_t) node->shape.h * node->shape.w * task->n, wide = node->shape.c;
  float *y = lode_task_out (task, node);

  for (uint32_t i = 0; i < node->inputs; i++) {
    size_t c = lode_task_shape (task, node, i)->c;
    const float *x = lode_task_in (task, node, i);

    for (size_t r = 0; r < rows; r++)
      memcpy (y + r * wide, x + r * c, c * sizeof *x);
    y += c;
  }
}

static void
concat_backward (const LodeTask *task, const LodeNode *node)
{
  size_t rows = (size_t) node->shape.h * node->shape.w * task->n, wide = node->shape.c;
  const float *dy = lode_task_dout (task, node);

  for (uint32_t i = 0; i < node->inputs; i++) {
    size_t c = lode_task_shape (task, node, i)->c;
    bool first = false;
    float *dx = lode_task_din_raw (task, node, i, &first);

    for (size_t r = 0; dx && r < rows; r++) {
      if (first)
        memcpy (dx + r * c, dy + r * wide, c * sizeof *dx);
      else
        for (size_t j = 0; j < c; j++)
          dx[r * c + j] += dy[r * wide + j];
    }
    dy += c;
  }
}

const LodeKind lode_kind_concat = {
  .name = "concat",
  .forward = concat_forward,
  .backward = concat_backward,
};

LodeValue
lode_record_concat (LodeGraph *graph, uint32_t n, const LodeValue *x)
{
  LodeRecord *record = (LodeRecord *) graph;
  uint64_t channels = 0;
  LodeNode *node;

  if (!n || !lode_record_begin (record, LODE_KIND_CONCAT, n, x, &node))
    return -1;
  if (n == 1)
    return x[0];
  for (uint32_t i = 0; i < n; i++) {
    const LodeShape *s = lode_record_shape (record, x[i]);

    if (i && (s->h != node->shape.h || s->w != node->shape.w))
      return lode_record_fail (record, "concat", NULL,
                               "input %u is %u × %u pixels, the first %u × %u", i, s->h, s->w,
                               node->shape.h, node->shape.w);
    channels += s->c;
    node->shape = (LodeShape){ s->h, s->w, (uint32_t) MIN (channels, UINT32_MAX) };
  }
  return lode_record_end (record, node);
}

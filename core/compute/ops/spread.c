/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zero, and the parameter-free shortcut of He et al. 2016 (option A): every stride-th pixel, zeros
 * appended as further channels, or only the leading channels kept.
 */
#include "compute/step.h"

static void
zero_forward (const LodeTask *task, const LodeNode *node)
{
  memset (lode_task_out (task, node), 0, lode_shape_size (&node->shape) * task->n * sizeof (float));
}

/* Where pixel (y, x) of the value's sample s comes from. */
static size_t
source (const LodeNode *node, const LodeShape *in, size_t s, size_t y, size_t x)
{
  return ((s * in->h + y * node->stride) * in->w + x * node->stride) * in->c;
}

static void
shortcut_forward (const LodeTask *task, const LodeNode *node)
{
  const LodeShape *in = lode_task_shape (task, node, 0), *out = &node->shape;
  const float *x = lode_task_in (task, node, 0);
  float *y = lode_task_out (task, node);
  size_t c = MIN (in->c, out->c);

  for (size_t s = 0; s < task->n; s++)
    for (size_t i = 0; i < out->h; i++)
      for (size_t j = 0; j < out->w; j++, y += out->c) {
        memcpy (y, x + source (node, in, s, i, j), c * sizeof *y);
        memset (y + c, 0, (out->c - c) * sizeof *y);
      }
}

static void
shortcut_backward (const LodeTask *task, const LodeNode *node)
{
  const LodeShape *in = lode_task_shape (task, node, 0), *out = &node->shape;
  const float *dy = lode_task_dout (task, node);
  float *dx = lode_task_din (task, node, 0);
  size_t c = MIN (in->c, out->c);

  for (size_t s = 0; dx && s < task->n; s++)
    for (size_t i = 0; i < out->h; i++)
      for (size_t j = 0; j < out->w; j++, dy += out->c) {
        float *to = dx + source (node, in, s, i, j);

        for (size_t k = 0; k < c; k++)
          to[k] += dy[k];
      }
}

const LodeKind lode_kind_zero = {
  .name = "zero",
  .forward = zero_forward,
};

const LodeKind lode_kind_shortcut = {
  .name = "shortcut",
  .forward = shortcut_forward,
  .backward = shortcut_backward,
};

static LodeValue
record_strided (LodeRecord *record, LodeKindId kind, LodeValue x, uint32_t channels,
                uint32_t stride)
{
  LodeNode *node;
  const LodeShape *in;

  if (!lode_record_begin (record, kind, 1, &x, &node))
    return -1;
  in = lode_record_shape (record, x);
  node->stride = CLAMP (stride, 1, 65536);
  node->shape =
      (LodeShape){ (in->h + node->stride - 1) / node->stride,
                   (in->w + node->stride - 1) / node->stride, channels ? channels : in->c };
  return lode_record_end (record, node);
}

LodeValue
lode_record_zero (LodeGraph *graph, LodeValue x, uint32_t stride)
{
  return record_strided ((LodeRecord *) graph, LODE_KIND_ZERO, x, 0, stride);
}

LodeValue
lode_record_shortcut (LodeGraph *graph, LodeValue x, uint32_t channels, uint32_t stride)
{
  return record_strided ((LodeRecord *) graph, LODE_KIND_SHORTCUT, x, channels, stride);
}

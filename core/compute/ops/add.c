/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sum. A narrower input is added to the leading channels. Where an input has no other reader, the
 * gradient of the sum is its gradient: the compiler lets both share one buffer and marks the input
 * ALIAS.
 */
#include "compute/step.h"

enum { MANY = 16 }; /* inputs of one `combine` */

static const float ones[MANY] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };

/* y[:, :c] += x; x: [rows][c], y: [rows][wide] */
static void
add_leading (const LodeTask *task, size_t rows, uint32_t c, uint32_t wide, const float *x, float *y)
{
  if (c == wide) {
    task->kernels->axpy (rows * c, 1, x, y);
    return;
  }
  for (size_t r = 0; r < rows; r++)
    for (uint32_t j = 0; j < c; j++)
      y[r * wide + j] += x[r * c + j];
}

static void
add_forward (const LodeTask *task, const LodeNode *node)
{
  const float *x[MANY];
  size_t size = lode_shape_size (&node->shape) * task->n;
  size_t rows = (size_t) node->shape.h * node->shape.w * task->n;
  float *y = lode_task_out (task, node);
  uint32_t m = 0, i = 0;

  for (; i < node->inputs && m < MANY; i++) {
    if (task->program->in_flag[node->first + i] & LODE_IN_ZERO)
      continue;
    if (lode_task_shape (task, node, i)->c != node->shape.c)
      break;
    x[m++] = lode_task_in (task, node, i);
  }
  if (m)
    task->kernels->combine (size, m, ones, x, y);
  else
    task->kernels->fill (size, 0, y);
  for (; i < node->inputs; i++)
    if (!(task->program->in_flag[node->first + i] & LODE_IN_ZERO))
      add_leading (task, rows, lode_task_shape (task, node, i)->c, node->shape.c,
                   lode_task_in (task, node, i), y);
}

static void
add_backward (const LodeTask *task, const LodeNode *node)
{
  size_t rows = (size_t) node->shape.h * node->shape.w * task->n;
  const float *dy = lode_task_dout (task, node);
  uint32_t wide = node->shape.c;

  for (uint32_t i = 0; i < node->inputs; i++) {
    uint32_t c = lode_task_shape (task, node, i)->c;
    bool first = false;
    float *dx;

    if (task->program->in_flag[node->first + i] & LODE_IN_ALIAS)
      continue;
    dx = lode_task_din_raw (task, node, i, &first);
    if (!dx)
      continue;
    if (c == wide && first) {
      memcpy (dx, dy, rows * c * sizeof *dx);
    } else if (c == wide) {
      task->kernels->axpy (rows * c, 1, dy, dx);
    } else {
      for (size_t r = 0; r < rows; r++)
        for (uint32_t j = 0; j < c; j++)
          dx[r * c + j] = (first ? 0 : dx[r * c + j]) + dy[r * wide + j];
    }
  }
}

const LodeKind lode_kind_add = {
  .name = "add",
  .forward = add_forward,
  .backward = add_backward,
};

LodeValue
lode_record_add (LodeGraph *graph, uint32_t n, const LodeValue *x)
{
  LodeRecord *record = (LodeRecord *) graph;
  g_autofree LodeValue *heap = n > MANY ? g_new (LodeValue, n) : NULL;
  LodeValue few[MANY], *in = heap ? heap : few;
  uint32_t m = 0;
  LodeNode *node;

  for (uint32_t i = 0; i < n; i++)
    if (x[i] >= 0)
      in[m++] = x[i];
  if (m < 2)
    return m ? in[0] : -1;
  if (!lode_record_begin (record, LODE_KIND_ADD, m, in, &node))
    return -1;
  for (uint32_t i = 0; i < m; i++) {
    const LodeShape *s = lode_record_shape (record, in[i]);

    if (i && (s->h != node->shape.h || s->w != node->shape.w))
      return lode_record_fail (record, "add", NULL, "input %u is %u × %u pixels, the first %u × %u",
                               i, s->h, s->w, node->shape.h, node->shape.w);
    node->shape = (LodeShape){ s->h, s->w, MAX (node->shape.c, s->c) };
  }
  return lode_record_end (record, node);
}

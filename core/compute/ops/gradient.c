/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of a value, made where it is needed: what readers have stored, and for each norm
 * that left its part to us (fuse.c), ka dy + kb x + kc with the gradient dy behind the norm.
 */
#include "compute/step.h"

enum { MOST = 16 };

/* Coefficients and inputs of one `blend`. */
typedef struct Blend {
  uint32_t m;
  const float *a[MOST], *x[MOST];
  float *kb, *kc; /* [c] summed over norms */
} Blend;

static size_t
rows_of (const LodeNode *node, uint32_t samples)
{
  return (size_t) node->shape.h * node->shape.w * samples;
}

/* The value, a sample to drop elements in, three lists of channels. */
size_t
lode_gradient_scratch (const LodeNode *node, uint32_t n)
{
  return lode_shape_size (&node->shape) * (n + 1) + 3 * (size_t) node->shape.c + 64;
}

/* The gradient behind a norm, before gate and dropout of the sum that reads it. */
static const float *
behind (const LodeTask *task, int32_t norm)
{
  const LodeProgram *p = task->program;
  int32_t sum = p->fused[norm].sum;

  return lode_task_dout (task, &p->node[sum >= 0 ? sum : norm]);
}

static bool
is_dropped (const LodeTask *task, int32_t norm)
{
  const LodeProgram *p = task->program;
  int32_t term = p->fused[norm].term;

  return term >= 0 && p->term[term].mix >= 0
         && lode_mix_rate (task, p->term[term].mix, p->term[term].part) > 0;
}

static void
add_input (Blend *blend, const float *a, const float *x)
{
  blend->a[blend->m] = a;
  blend->x[blend->m++] = x;
}

const float *
lode_gradient_behind (const LodeTask *task, const LodeNode *node, uint32_t s, float *scratch)
{
  const LodeProgram *p = task->program;
  int32_t norm = (int32_t) lode_task_id (task, node);
  size_t size = lode_shape_size (&node->shape);
  const float *dy = behind (task, norm) + s * size;
  const LodeTerm *term;

  if (!is_dropped (task, norm))
    return dy;
  term = &p->term[p->fused[norm].term];
  lode_mix_drop (task, term->mix, term->part, (task->start + s) * size, size, dy, scratch);
  return scratch;
}

/* What dropout leaves of a norm's gradient is added sample by sample. */
static void
add_dropped (const LodeTask *task, int32_t norm, uint32_t s, uint32_t n, float *to, float *sample)
{
  const LodeNode *node = &task->program->node[norm];
  LodeNormState state = lode_norm_state (task, node);
  const float *ka = state.ka;

  for (uint32_t i = 0; i < n; i++, to += lode_shape_size (&node->shape)) {
    const float *x = lode_gradient_behind (task, node, s + i, sample);

    task->kernels->blend (rows_of (node, 1), node->shape.c, 1, &ka, &x, NULL, false, to);
  }
}

static void
add_norm (const LodeTask *task, int32_t norm, size_t at, Blend *blend)
{
  const LodeNode *node = &task->program->node[norm];
  LodeNormState state = lode_norm_state (task, node);

  if (!is_dropped (task, norm))
    add_input (blend, state.ka, behind (task, norm) + at);
  for (uint32_t j = 0; j < node->shape.c; j++) {
    blend->kb[j] += state.kb[j];
    blend->kc[j] += state.kc[j];
  }
}

const float *
lode_task_gradient (const LodeTask *task, const LodeNode *node, uint32_t s, uint32_t n,
                    float *scratch)
{
  const LodeProgram *p = task->program;
  uint32_t v = lode_task_id (task, node), c = node->shape.c;
  size_t size = lode_shape_size (&node->shape), at = s * size;
  float *sample = scratch + n * size, *list = sample + (size + 15) / 16 * 16, *ones = list + 2 * c;
  Blend blend = { .kb = list, .kc = list + c };
  int32_t first = p->fused[v].lazy;

  if (first < 0)
    return lode_task_dout (task, node) + at;
  memset (list, 0, 2 * c * sizeof *list);
  for (uint32_t j = 0; j < c; j++)
    ones[j] = 1;
  for (int32_t norm = first; norm >= 0; norm = p->fused[norm].next)
    add_norm (task, norm, at, &blend);
  if (task->bind->mode != LODE_STATS_STORED)
    add_input (&blend, blend.kb, lode_task_out (task, node) + at);
  if (p->dvalue[v] >= 0)
    add_input (&blend, ones, lode_task_dout (task, node) + at);
  task->kernels->blend (rows_of (node, n), c, blend.m, blend.a, blend.x, blend.kc, false, scratch);
  for (int32_t norm = first; norm >= 0; norm = p->fused[norm].next)
    if (is_dropped (task, norm))
      add_dropped (task, norm, s, n, scratch, sample);
  return scratch;
}

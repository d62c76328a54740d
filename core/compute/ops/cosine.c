/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cosine head: y_c = s ⟨x, W_c⟩ / (‖x‖ ‖W_c‖), norms below ε count as ε.
 */
#include "compute/step.h"

#include <math.h>

static const double cosine_eps = 1e-12;

static double
inverse (double square)
{
  return 1 / MAX (sqrt (square), cosine_eps);
}

/* inv: [co] 1 / ‖W_c‖ */
static void
column_norms (const LodeNode *node, const float *w, float *inv)
{
  uint32_t ci = node->block[2], co = node->block[3];

  for (uint32_t j = 0; j < co; j++) {
    double square = 0;

    for (uint32_t i = 0; i < ci; i++)
      square += (double) w[(size_t) i * co + j] * w[(size_t) i * co + j];
    inv[j] = (float) inverse (square);
  }
}

static void
cosine_forward (const LodeTask *task, const LodeNode *node)
{
  const float *x = lode_task_in (task, node, 0), *w = lode_task_weight (task, node);
  float *y = lode_task_out (task, node), *inv = task->scratch;
  uint32_t ci = node->block[2], co = node->block[3];

  column_norms (node, w, inv);
  task->kernels->linear (task->n, ci, co, x, w, NULL, y);
  for (size_t i = 0; i < task->n; i++) {
    float a = (float) (node->scale * inverse (task->kernels->dot (ci, x + i * ci, x + i * ci)));

    for (uint32_t j = 0; j < co; j++)
      y[i * co + j] *= a * inv[j];
  }
}

/* g: [n][co] dy s / (‖x‖ ‖W_c‖); pull: [co] −Σ dy y, added up over the unit's rows. */
static void
scaled_gradient (const LodeTask *task, const LodeNode *node, const float *inv, float *g,
                 float *pull)
{
  const float *x = lode_task_in (task, node, 0), *dy = lode_task_dout (task, node);
  const float *y = lode_task_out (task, node);
  uint32_t ci = node->block[2], co = node->block[3];

  memset (pull, 0, co * sizeof *pull);
  for (size_t i = 0; i < task->n; i++) {
    float a = (float) (node->scale * inverse (task->kernels->dot (ci, x + i * ci, x + i * ci)));

    for (uint32_t j = 0; j < co; j++) {
      g[i * co + j] = dy[i * co + j] * a * inv[j];
      pull[j] -= dy[i * co + j] * y[i * co + j];
    }
  }
}

static void
cosine_backward (const LodeTask *task, const LodeNode *node)
{
  const float *x = lode_task_in (task, node, 0), *w = lode_task_weight (task, node);
  const float *dy = lode_task_dout (task, node), *y = lode_task_out (task, node);
  uint32_t ci = node->block[2], co = node->block[3];
  float *inv = task->scratch, *pull = inv + co, *g = pull + co;
  float *dx = lode_task_din (task, node, 0), *dw = lode_task_dweight (task, node);

  column_norms (node, w, inv);
  scaled_gradient (task, node, inv, g, pull);
  if (dx) {
    task->kernels->linear_dx (task->n, ci, co, w, g, false, dx);
    for (size_t i = 0; i < task->n; i++) {
      double a = inverse (task->kernels->dot (ci, x + i * ci, x + i * ci));

      if (a * cosine_eps < 1)
        task->kernels->axpy (ci,
                             (float) (-a * a * task->kernels->dot (co, dy + i * co, y + i * co)),
                             x + i * ci, dx + i * ci);
    }
  }
  if (dw) {
    task->kernels->linear_dw (task->n, ci, co, x, g, dw, NULL);
    for (uint32_t j = 0; j < co; j++)
      pull[j] = inv[j] * cosine_eps < 1 ? pull[j] * inv[j] * inv[j] : 0;
    for (size_t i = 0; i < ci; i++)
      for (uint32_t j = 0; j < co; j++)
        dw[i * co + j] += pull[j] * w[i * co + j];
  }
}

static size_t
cosine_scratch (const LodeProgram *p, const LodeNode *node)
{
  return ((size_t) p->unit + 2) * node->block[3];
}

const LodeKind lode_kind_cosine = {
  .name = "cosine",
  .forward = cosine_forward,
  .backward = cosine_backward,
  .reads_weight = LODE_READ_IN | LODE_READ_OUT,
  .reads_input = LODE_READ_IN | LODE_READ_OUT,
  .scratch = cosine_scratch,
};

LodeValue
lode_record_cosine (LodeRecord *record, const char *name, LodeValue x, uint32_t channels,
                    float scale)
{
  LodeNode *node;
  const LodeShape *in;

  if (!lode_record_begin (record, LODE_KIND_COSINE, 1, &x, &node))
    return -1;
  in = lode_record_shape (record, x);
  if (in->h != 1 || in->w != 1)
    return lode_record_fail (record, "cosine", name, "needs 1 × 1 features, not %u × %u", in->h,
                             in->w);
  node->shape = (LodeShape){ 1, 1, channels };
  node->scale = scale;
  memcpy (node->block, (uint32_t[4]){ 1, 1, in->c, channels }, sizeof node->block);
  if (!lode_record_attach (record, node, "cosine", name, ".weight", in->c, LODE_INIT_UNIFORM))
    return -1;
  record->macs += (uint64_t) in->c * channels;
  return lode_record_end (record, node);
}

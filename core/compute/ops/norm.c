/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch normalisation (Ioffe & Szegedy 2015). Units leave their mean and sum of squared deviations
 * in float64 (around the unit's first row, so that |mean| ≫ std costs no digits); settle merges
 * them in unit order (Chan, Golub & LeVeque 1979) and makes of them one affine map.
 *
 *   y = scale x + shift,  dx = ka dy + kb x + kc
 */
#include "compute/step.h"

#include <math.h>

static const double norm_eps = 1e-5, norm_momentum = 0.1;

LodeNormState
lode_norm_state (const LodeTask *task, const LodeNode *node)
{
  size_t c = node->shape.c;
  double *part = lode_task_state (task, node);
  float *at = (float *) (part + 2 * c * task->program->units);

  return (LodeNormState){ part,       at,         at + c,     at + 2 * c, at + 3 * c,
                          at + 4 * c, at + 5 * c, at + 6 * c, at + 7 * c };
}

static size_t
norm_state (const LodeNode *node, uint32_t units)
{
  return (2 * units * sizeof (double) + 8 * sizeof (float)) * node->shape.c;
}

LodeView
lode_task_view (const LodeTask *task, LodeValue x)
{
  const LodeNode *node = &task->program->node[x];
  LodeView view = { .x = lode_task_value (task, x) };

  if (task->program->node_flag[x] & LODE_NODE_VIEW) {
    LodeNormState s = lode_norm_state (task, node);

    view.scale = s.scale;
    view.shift = s.shift;
  }
  return view;
}

static size_t
rows_of (const LodeNode *node, uint32_t samples)
{
  return (size_t) node->shape.h * node->shape.w * samples;
}

/* Adds (n, mean, dev) to the moments of *rows rows. */
static inline void
merge (double *rows, double *mean, double *dev, double n, double mean2, double dev2)
{
  double total = *rows + n, delta = mean2 - *mean;

  *mean += delta * n / total;
  *dev += dev2 + delta * delta * *rows * n / total;
  *rows = total;
}

void
lode_norm_gather (const LodeTask *task, const LodeNode *node, const float *x)
{
  size_t c = node->shape.c, rows = rows_of (node, task->n);
  double *part = lode_norm_state (task, node).part + 2 * c * task->unit;
  double *now = (double *) (void *) task->scratch;
  double before =
      task->fresh ? 0 : (double) rows_of (node, task->start - task->unit * task->program->unit);

  if (task->bind->mode == LODE_STATS_STORED)
    return;
  task->kernels->norm_moments (rows, node->shape.c, x, x, now);
  for (size_t j = 0; j < c; j++) {
    double mean = x[j] + now[j] / (double) rows, seen = before;
    double dev = MAX (now[c + j] - now[j] * now[j] / (double) rows, 0);

    if (task->fresh)
      part[j] = part[c + j] = 0;
    merge (&seen, &part[j], &part[c + j], (double) rows, mean, dev);
  }
}

static void
norm_gather (const LodeTask *task, const LodeNode *node)
{
  lode_norm_gather (task, node, lode_task_in (task, node, 0));
}

/* The batch's mean and population variance of channel j. */
static void
batch_moments (const LodeTask *task, const LodeNode *node, const double *part, size_t j,
               double *mean, double *var)
{
  const LodeProgram *program = task->program;
  size_t c = node->shape.c;
  double rows = 0, dev = 0;

  *mean = 0;
  for (uint32_t u = 0; u < program->units; u++) {
    uint32_t left = program->batch - u * program->unit;

    merge (&rows, mean, &dev, (double) rows_of (node, MIN (left, program->unit)),
           part[2 * c * u + j], part[2 * c * u + c + j]);
  }
  *var = dev / rows;
}

/* stat: [2][wide] mean, variance */
static void
write_stats (const LodeTask *task, const LodeNode *node, size_t j, double mean, double var)
{
  LodeStatSet *set = (LodeStatSet *) task->bind->stats;
  float *m = set->at[node->stats] + j, *v = m + node->wide[1];
  double n = (double) rows_of (node, task->program->batch);

  if (task->bind->mode == LODE_STATS_TRACK) {
    double unbiased = n > 1 ? var * n / (n - 1) : var;

    *m = (float) ((1 - norm_momentum) * *m + norm_momentum * mean);
    *v = (float) ((1 - norm_momentum) * *v + norm_momentum * unbiased);
  } else if (task->bind->mode == LODE_STATS_POOL) {
    double rows = set->pooled[node->stats], old = rows > 0 ? *m : 0, dev = rows * *v;

    merge (&rows, &old, &dev, n, mean, var * n);
    *m = (float) old;
    *v = (float) (dev / rows);
  }
}

static void
norm_settle (const LodeTask *task, const LodeNode *node)
{
  LodeNormState s = lode_norm_state (task, node);
  LodeStatSet *set = (LodeStatSet *) task->bind->stats;
  const LodeParamSet *weights = (const LodeParamSet *) task->bind->weights;
  const float *gamma = node->weight < 0 ? NULL : weights->at[node->weight];
  const float *beta = lode_task_bias (task, node);
  bool stored = task->bind->mode == LODE_STATS_STORED;
  int32_t leader = task->program->fused[lode_task_id (task, node)].leader;
  const double *part =
      leader < 0 ? s.part : lode_norm_state (task, &task->program->node[leader]).part;

  for (size_t j = 0; j < node->shape.c; j++) {
    double mean, var, invstd, scale;

    if (stored) {
      mean = set->at[node->stats][j];
      var = set->at[node->stats][node->wide[1] + j];
    } else {
      batch_moments (task, node, part, j, &mean, &var);
      write_stats (task, node, j, mean, var);
    }
    invstd = 1 / sqrt (var + norm_eps);
    scale = gamma ? gamma[j] * invstd : invstd;
    s.mean[j] = (float) mean;
    s.invstd[j] = (float) invstd;
    s.offset[j] = (float) (-mean * invstd);
    s.scale[j] = (float) scale;
    s.shift[j] = (float) ((beta ? beta[j] : 0) - mean * scale);
  }
  if (task->bind->mode == LODE_STATS_POOL)
    set->pooled[node->stats] += (double) rows_of (node, task->program->batch);
}

static void
norm_forward (const LodeTask *task, const LodeNode *node)
{
  LodeNormState s = lode_norm_state (task, node);

  task->kernels->norm_apply (rows_of (node, task->n), node->shape.c, lode_task_in (task, node, 0),
                             s.scale, s.shift, lode_task_out (task, node));
}

static void
norm_gather_back (const LodeTask *task, const LodeNode *node)
{
  LodeNormState s = lode_norm_state (task, node);
  size_t n = 2 * (size_t) node->shape.c;
  double *part = s.part + n * task->unit;
  double *now = task->fresh ? part : (double *) (void *) task->scratch;

  task->kernels->norm_sums (rows_of (node, task->n), node->shape.c, lode_task_in (task, node, 0),
                            s.mean, s.invstd, lode_task_dout (task, node), now);
  for (size_t j = 0; j < n && !task->fresh; j++)
    part[j] += now[j];
}

static size_t
norm_scratch (const LodeProgram *p, const LodeNode *node)
{
  (void) p;
  return MAX (4 * (size_t) node->shape.c, lode_shape_size (&node->shape));
}

/* The factor by which the gradient of the only reader, a sum, is to be multiplied. */
static double
gate_behind (const LodeTask *task, const LodeNode *node)
{
  const LodeProgram *p = task->program;
  int32_t term = p->fused[lode_task_id (task, node)].term;

  if (term < 0 || p->term[term].mix < 0)
    return 1;
  return (double) lode_mix_gate (task, p->term[term].mix, p->term[term].part);
}

static void
norm_settle_back (const LodeTask *task, const LodeNode *node)
{
  LodeNormState s = lode_norm_state (task, node);
  size_t c = node->shape.c;
  double n = (double) rows_of (node, task->program->batch), gate = gate_behind (task, node);
  bool stored = task->bind->mode == LODE_STATS_STORED;
  float *dgamma =
      lode_task_flag (task, node, LODE_NODE_WEIGHT) ? lode_task_grad (task, node->weight) : NULL;
  float *dbeta =
      lode_task_flag (task, node, LODE_NODE_BIAS) ? lode_task_grad (task, node->bias) : NULL;

  for (size_t j = 0; j < c; j++) {
    double sum = 0, cross = 0, scale = s.scale[j], invstd = s.invstd[j];

    for (uint32_t u = 0; u < task->program->units; u++) {
      sum += s.part[2 * c * u + j];
      cross += s.part[2 * c * u + c + j];
    }
    if (dgamma)
      dgamma[j] += (float) cross;
    if (dbeta)
      dbeta[j] += (float) sum;
    s.ka[j] = (float) (scale * gate);
    s.kb[j] = stored ? 0 : (float) (-scale * invstd * cross / n);
    s.kc[j] = stored ? 0 : (float) (scale * (invstd * s.mean[j] * cross - sum) / n);
  }
}

static void
norm_backward (const LodeTask *task, const LodeNode *node)
{
  LodeNormState s = lode_norm_state (task, node);
  size_t size = lode_shape_size (&node->shape);
  const float *x = lode_task_in (task, node, 0);
  float *dx = lode_task_din (task, node, 0);

  for (uint32_t i = 0; dx && i < task->n; i++)
    task->kernels->norm_dx (rows_of (node, 1), node->shape.c, x + i * size,
                            lode_gradient_behind (task, node, i, task->scratch), s.ka, s.kb, s.kc,
                            dx + i * size);
}

const LodeKind lode_kind_norm = {
  .name = "norm",
  .gather = norm_gather,
  .settle = norm_settle,
  .forward = norm_forward,
  .gather_back = norm_gather_back,
  .settle_back = norm_settle_back,
  .backward = norm_backward,
  .reads_weight = LODE_READ_IN,
  .reads_input = LODE_READ_IN,
  .scratch = norm_scratch,
  .state = norm_state,
};

LodeValue
lode_record_norm (LodeGraph *graph, const char *name, LodeValue x, bool affine)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeNode *node;
  uint32_t c, wide = 0;

  if (!lode_record_begin (record, LODE_KIND_NORM, 1, &x, &node))
    return -1;
  node->shape = *lode_record_shape (record, x);
  c = node->shape.c;
  memcpy (node->block, (uint32_t[4]){ 1, 1, 1, c }, sizeof node->block);
  if (affine) {
    if (!lode_record_attach (record, node, "norm", name, ".weight", 0, LODE_INIT_ONE))
      return -1;
    node->bias = lode_record_weight (record, "norm", name, ".bias", node->block, 0, LODE_INIT_ZERO);
    if (node->bias < 0)
      return -1;
  }
  node->stats = lode_record_stats (record, name, c, &wide);
  if (node->stats < 0)
    return -1;
  node->wide[1] = wide;
  return lode_record_end (record, node);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running a program: region after region, units of samples spread over the threads, what couples
 * them settled by the caller in between.
 */
#include "compute/step.h"

/* Nanoseconds of work below which waking others costs more than it brings. */
static const double small_work = 50e3;
/* … of turning a byte of weights. */
static const double turn_cost = 0.05;

typedef struct Run {
  const LodeProgram *program;
  const LodeBind *bind;
  const LodeRegion *region;
} Run;

float *
lode_task_dweight (const LodeTask *task, const LodeNode *node)
{
  const LodeProgram *p = task->program;
  size_t weight = lode_node_weight_room (node), bias = (node->shape.c + 15) / 16 * 16;
  float *at;

  if (!lode_task_flag (task, node, LODE_NODE_WEIGHT | LODE_NODE_BIAS))
    return NULL;
  at = lode_task_buffer (task, p->partial[lode_task_id (task, node)]);
  at += (weight + bias) * task->unit;
  if (task->fresh)
    memset (at, 0, (weight + bias) * sizeof *at);
  return at;
}

float *
lode_task_dbias (const LodeTask *task, const LodeNode *node)
{
  const LodeProgram *p = task->program;
  size_t weight = lode_node_weight_room (node), bias = (node->shape.c + 15) / 16 * 16;
  float *at;

  if (!lode_task_flag (task, node, LODE_NODE_BIAS))
    return NULL;
  at = lode_task_buffer (task, p->partial[lode_task_id (task, node)]);
  return at + (weight + bias) * task->unit + weight;
}

float *
lode_task_grad (const LodeTask *task, int32_t slot)
{
  LodeParamSet *set = (LodeParamSet *) task->bind->grad;

  return set && (uint32_t) slot < set->slots ? set->at[slot] : NULL;
}

/* The leading block of a wider weight, dense, and back. */
static void
pack_weight (const LodeTask *task, const LodeNode *node)
{
  const float *from = ((const LodeParamSet *) task->bind->weights)->at[node->weight];
  float *to = lode_task_buffer (task, task->program->packed[lode_task_id (task, node)]);
  size_t taps = (size_t) node->block[0] * node->block[1];

  for (size_t t = 0; t < taps; t++)
    for (size_t i = 0; i < node->block[2]; i++, to += node->block[3])
      memcpy (to, from + (t * node->wide[0] + i) * node->wide[1], node->block[3] * sizeof *to);
}

/* Adds one node's partial gradients, unit by unit, to one row of the whole gradient. */
static void
reduce_row (const LodeTask *task, const LodeReduce *reduce, uint32_t row, float *to)
{
  const LodeProgram *p = task->program;
  const LodeNode *node = &p->node[reduce->node];
  size_t weight = lode_node_weight_room (node), bias = (node->shape.c + 15) / 16 * 16;
  const float *from = lode_task_buffer (task, p->partial[reduce->node]);
  uint32_t width = reduce->bias ? node->shape.c : node->block[3];

  if (reduce->bias) {
    from += weight;
  } else {
    uint32_t tap = row / node->wide[0], in = row % node->wide[0];

    if (in >= node->block[2])
      return;
    from += ((size_t) tap * node->block[2] + in) * width;
  }
  for (uint32_t u = 0; u < p->units; u++)
    task->kernels->axpy (width, 1, from + (weight + bias) * u, to);
}

/* Rows of a linear layer's gradient, of the whole batch. to: of the slot */
static void
make_rows (const LodeTask *task, const LodeReduce *reduce, const LodePiece *piece, float *to)
{
  const LodeNode *node = &task->program->node[reduce->node];
  uint32_t ci = node->block[1] * node->block[2], co = node->shape.c;
  const float *x = lode_task_in (task, node, 0), *dy = lode_task_dout (task, node);

  if (reduce->bias)
    task->kernels->linear_dw_rows (task->program->batch, ci, 0, 0, co, x, dy, NULL, to);
  else
    task->kernels->linear_dw_rows (task->program->batch, ci, piece->row, piece->rows, co, x, dy,
                                   to + (size_t) piece->row * co, NULL);
}

/* All rows at once where the block is the whole weight: the common case. */
static void
reduce_rows (const LodeTask *task, const LodeReduce *reduce, const LodePiece *piece, float *to)
{
  const LodeProgram *p = task->program;
  const LodeNode *node = &p->node[reduce->node];
  size_t wide = node->wide[1], stride;
  const float *from;

  if (p->partial[reduce->node] < 0) {
    make_rows (task, reduce, piece, to);
    return;
  }
  if (reduce->bias || node->block[2] != node->wide[0] || node->block[3] != node->wide[1]) {
    for (uint32_t r = 0; r < piece->rows; r++)
      reduce_row (task, reduce, piece->row + r, to + (piece->row + r) * wide);
    return;
  }
  stride = lode_node_weight_room (node) + (node->shape.c + 15) / 16 * 16;
  from = (const float *) lode_task_buffer (task, p->partial[reduce->node]) + piece->row * wide;
  for (uint32_t u = 0; u < p->units; u++)
    task->kernels->axpy (piece->rows * wide, 1, from + stride * u, to + piece->row * wide);
}

static void
run_piece (const LodeTask *task, const LodePiece *piece)
{
  for (uint32_t i = piece->first; i < piece->last; i++) {
    const LodeReduce *reduce = &task->program->reduce[i];
    float *to = lode_task_grad (task, (int32_t) reduce->slot);

    if (to)
      reduce_rows (task, reduce, piece, to);
  }
}

static void
run_chunk (void *data, uint32_t chunk, uint32_t worker)
{
  const Run *run = data;
  const LodeProgram *p = run->program;
  uint32_t units = run->region->steps ? p->units : 0, end;
  LodeTask task = {
    .program = p, .kernels = lode_engine_kernels (p->engine), .bind = run->bind, .unit = chunk
  };
  LodeKept kept = { .at = lode_engine_scratch (p->engine, p->kept + p->scratch, worker),
                    .input = -1 };

  task.kept = &kept;
  task.scratch = kept.at + p->kept;

  if (chunk >= units) {
    run_piece (&task, &p->piece[run->region->piece + chunk - units]);
    return;
  }
  end = MIN ((chunk + 1) * p->unit, p->batch);
  task.fresh = true;
  for (task.start = chunk * p->unit; task.start < end; task.start += task.n) {
    task.n = MIN (run->region->block, end - task.start);
    for (uint32_t s = 0; s < run->region->steps; s++) {
      lode_profile_run (lode_engine_clock (p->engine), worker, &p->step[run->region->step + s],
                        &task);
    }
    task.fresh = false;
  }
}

static void
run_region (const LodeProgram *p, const LodeBind *bind, const LodeRegion *region)
{
  Run run = { p, bind, region };
  uint32_t n = (region->steps ? p->units : 0) + region->pieces;
  LodeTask whole = {
    .program = p, .kernels = lode_engine_kernels (p->engine), .bind = bind, .n = p->batch
  };

  whole.scratch = lode_engine_scratch (p->engine, p->kept + p->scratch, 0) + p->kept;

  if (region->cost < small_work)
    for (uint32_t i = 0; i < n; i++)
      run_chunk (&run, i, 0);
  else if (n)
    lode_threads_run (lode_engine_threads (p->engine), n, run_chunk, &run);
  for (uint32_t s = 0; s < region->settles; s++) {
    lode_profile_run (lode_engine_clock (p->engine), 0, &p->settle[region->settle + s], &whole);
  }
}

typedef struct Turn {
  const LodeProgram *program;
  const LodeBind *bind;
  bool back;
} Turn;

/* Turns the weights of a node. */
static void
turn_weight (void *data, uint32_t v, uint32_t worker)
{
  const Turn *turn = data;
  const LodeProgram *p = turn->program;
  const LodeKernels *kernels = lode_engine_kernels (p->engine);
  const LodeNode *node = &p->node[v];
  LodeTask task = { .program = p, .bind = turn->bind };
  int32_t buffer = p->turned[turn->back][v];
  LodeConvGeometry g;

  (void) worker;
  if (buffer < 0)
    return;
  if (node->kind == LODE_KIND_LINEAR) {
    kernels->linear_turn (node->block[1] * node->block[2], node->shape.c, turn->back,
                          lode_task_weight (&task, node), lode_task_buffer (&task, buffer));
    return;
  }
  g = lode_conv_geometry (node, &p->node[p->input[node->first]].shape, p->unit);
  kernels->winograd_turn (&g, turn->back, lode_task_weight (&task, node),
                          lode_task_buffer (&task, buffer));
}

static void
turn_weights (const LodeProgram *p, const LodeBind *bind, bool back)
{
  Turn turn = { p, bind, back };

  if (p->turned_bytes * turn_cost > small_work)
    lode_threads_run (lode_engine_threads (p->engine), p->nodes, turn_weight, &turn);
  else
    for (uint32_t v = 0; p->turned_bytes && v < p->nodes; v++)
      turn_weight (&turn, v, 0);
}

/* Whether the binding has what the program reads. */
static bool
check_bind (const LodeProgram *p, const LodeBind *bind)
{
  const LodeParamSet *set = (const LodeParamSet *) bind->weights;
  const LodeStatSet *stats = (const LodeStatSet *) bind->stats;

  for (uint32_t v = 0; v < p->nodes; v++) {
    const LodeNode *node = &p->node[v];

    if (!(p->node_flag[v] & LODE_NODE_LIVE))
      continue;
    for (int i = 0; i < 2; i++) {
      int32_t slot = i ? node->bias : node->weight;

      if (slot >= 0 && (!set || (uint32_t) slot >= set->slots || !set->at[slot])) {
        g_critical ("program: the weight set lacks slot %d", slot);
        return false;
      }
    }
    if (node->stats >= 0 && bind->mode != LODE_STATS_BATCH
        && (!stats || (uint32_t) node->stats >= stats->slots)) {
      g_critical ("program: the statistics set lacks slot %d", node->stats);
      return false;
    }
    if ((node->kind == LODE_KIND_IMAGE && !bind->image)
        || (node->kind == LODE_KIND_INDEX && !bind->index)) {
      g_critical ("program: the binding lacks the %s", lode_kind_of (node)->name);
      return false;
    }
  }
  return true;
}

void
lode_program_forward (LodeProgram *p, const LodeBind *bind)
{
  LodeTask task = { .program = p, .bind = bind };

  if (!check_bind (p, bind))
    return;
  p->arena = lode_engine_arena (p->engine, p->bytes);
  p->image = bind->image;
  for (uint32_t v = 0; p->packs && v < p->nodes; v++)
    if (p->packed[v] >= 0)
      pack_weight (&task, &p->node[v]);
  turn_weights (p, bind, false);
  for (uint32_t r = 0; r < p->forward; r++)
    run_region (p, bind, &p->region[r]);
  for (uint32_t i = 0; p->grad && i < p->outputs; i++) {
    size_t size = lode_shape_size (&p->node[p->output[i]].shape) * p->batch;

    memset (lode_program_output_grad (p, i), 0, size * sizeof (float));
  }
}

/* Clears the gradient and marks what this pass writes. */
static void
begin_grad (const LodeProgram *p, LodeParamSet *grad)
{
  lode_params_clear (&grad->base);
  for (uint32_t v = 0; v < p->nodes; v++) {
    int32_t weight = p->node[v].weight, bias = p->node[v].bias;

    if (p->node_flag[v] & LODE_NODE_WEIGHT && (uint32_t) weight < grad->slots)
      grad->touched[weight] = grad->at[weight] != NULL;
    if (p->node_flag[v] & LODE_NODE_BIAS && (uint32_t) bias < grad->slots)
      grad->touched[bias] = grad->at[bias] != NULL;
  }
}

static void
write_gates (const LodeProgram *p, const LodeBind *bind)
{
  LodeTask task = { .program = p, .bind = bind };

  memset (p->dgate, 0, p->options * sizeof *p->dgate);
  for (uint32_t v = 0; v < p->nodes; v++)
    if (p->node_flag[v] & LODE_NODE_GATE)
      lode_mix_gates (&task, (int32_t) v, p->dgate);
  for (uint32_t o = 0; o < p->options; o++)
    bind->dgate[o] = (float) p->dgate[o];
}

void
lode_program_backward (LodeProgram *p, const LodeBind *bind)
{
  g_return_if_fail (p->grad && p->arena);
  if (bind->grad && p->grad & LODE_GRAD_WEIGHTS)
    begin_grad (p, (LodeParamSet *) bind->grad);
  turn_weights (p, bind, true);
  for (uint32_t r = p->forward; r < p->regions; r++)
    run_region (p, bind, &p->region[r]);
  if (bind->dgate && p->grad & LODE_GRAD_GATES)
    write_gates (p, bind);
}

const float *
lode_program_output (const LodeProgram *p, uint32_t i, uint32_t *width)
{
  LodeValue x;

  g_return_val_if_fail (i < p->outputs && p->arena, NULL);
  x = p->output[i];
  if (width)
    *width = (uint32_t) lode_shape_size (&p->node[x].shape);
  if (p->node[x].kind == LODE_KIND_IMAGE)
    return p->image;
  return (const float *) (const void *) (p->arena + p->buffer[p->value[x]].offset);
}

float *
lode_program_output_grad (LodeProgram *p, uint32_t i)
{
  g_return_val_if_fail (i < p->outputs && p->arena && p->grad, NULL);
  return (float *) (void *) (p->arena + p->buffer[p->dvalue[p->output[i]]].offset);
}

size_t
lode_program_bytes (const LodeProgram *p)
{
  return p->bytes;
}

uint32_t
lode_program_steps (const LodeProgram *p)
{
  return p->steps;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mix: Σ gate_o part_o over the options of a decision that are there, each dropped out element by
 * element at its option's rate, unequal widths brought to the widest by channel-wise interpolation
 * (Dong & Yang 2019, TAS): channel k of C is the mean of channels ⌊k c / C⌋ … ⌈(k + 1) c / C⌉ − 1
 * of c.
 *
 * The mask of an element is a function of (key of the pass, operation, option, element), hence the
 * same for any cut into units, and made again by backward.
 */
#include "compute/step.h"

#include <lode/rng.h>

enum { MANY = 16 }; /* inputs of one `combine` */

static const uint8_t *
mix_options (const LodeTask *task, const LodeNode *node)
{
  return task->program->conf + node->conf;
}

static float
gate_of (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  uint32_t option = node->option + mix_options (task, node)[i];

  return task->bind->gate ? task->bind->gate[option] : 1;
}

static float
rate_of (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  uint32_t option = node->option + mix_options (task, node)[i];

  return task->bind->drop ? task->bind->drop[option] : 0;
}

static bool
is_zero (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  return task->program->in_flag[node->first + i] & LODE_IN_ZERO;
}

/* No dropout, one width: the case of one pass. */
static bool
is_plain (const LodeTask *task, const LodeNode *node)
{
  if (node->inputs > MANY)
    return false;
  for (uint32_t i = 0; i < node->inputs; i++)
    if (!is_zero (task, node, i)
        && (lode_task_shape (task, node, i)->c != node->shape.c || rate_of (task, node, i) > 0))
      return false;
  return true;
}

static void
drop_out (const LodeTask *task, const LodeNode *node, uint32_t i, uint64_t at, size_t n,
          const float *x, float *y)
{
  float rate = rate_of (task, node, i), keep = rate < 1 ? 1 / (1 - rate) : 0;
  double limit = (double) rate * 4294967296.0;
  uint64_t key, block = UINT64_MAX;
  uint32_t word[4];

  lode_rng_block (task->bind->key, (uint64_t) node->ordinal << 8 | mix_options (task, node)[i],
                  word);
  key = (uint64_t) word[1] << 32 | word[0];
  for (size_t j = 0; j < n; j++) {
    uint64_t e = at + j;

    if (e >> 2 != block) {
      block = e >> 2;
      lode_rng_block (key, block, word);
    }
    y[j] = word[e & 3] >= limit ? keep * x[j] : 0;
  }
}

/* y += a · CWI (x); x: [rows][c], y: [rows][wide] */
static void
widen_add (size_t rows, uint32_t c, uint32_t wide, float a, const float *x, float *y)
{
  for (uint32_t k = 0; k < wide; k++) {
    uint32_t lo = (uint32_t) ((uint64_t) k * c / wide);
    uint32_t hi = (uint32_t) (((uint64_t) (k + 1) * c + wide - 1) / wide);
    float b = a / (float) (hi - lo);

    for (size_t r = 0; r < rows; r++) {
      float sum = x[r * c + lo];

      for (uint32_t j = lo + 1; j < hi; j++)
        sum += x[r * c + j];
      y[r * wide + k] += b * sum;
    }
  }
}

/* x = CWIᵀ (y) */
static void
widen_back (size_t rows, uint32_t c, uint32_t wide, const float *y, float *x)
{
  memset (x, 0, rows * c * sizeof *x);
  for (uint32_t k = 0; k < wide; k++) {
    uint32_t lo = (uint32_t) ((uint64_t) k * c / wide);
    uint32_t hi = (uint32_t) (((uint64_t) (k + 1) * c + wide - 1) / wide);
    float b = 1 / (float) (hi - lo);

    for (size_t r = 0; r < rows; r++)
      for (uint32_t j = lo; j < hi; j++)
        x[r * c + j] += b * y[r * wide + k];
  }
}

static void
mix_plain (const LodeTask *task, const LodeNode *node)
{
  const float *x[MANY];
  float gate[MANY], *y = lode_task_out (task, node);
  size_t size = lode_shape_size (&node->shape) * task->n;
  uint32_t m = 0;

  for (uint32_t i = 0; i < node->inputs; i++)
    if (!is_zero (task, node, i)) {
      x[m] = lode_task_in (task, node, i);
      gate[m++] = gate_of (task, node, i);
    }
  if (m)
    task->kernels->combine (size, m, gate, x, y);
  else
    task->kernels->fill (size, 0, y);
}

static void
mix_forward (const LodeTask *task, const LodeNode *node)
{
  size_t rows = (size_t) node->shape.h * node->shape.w, size = lode_shape_size (&node->shape);
  float *y = lode_task_out (task, node);

  if (is_plain (task, node)) {
    mix_plain (task, node);
    return;
  }
  task->kernels->fill (size * task->n, 0, y);
  for (uint32_t i = 0; i < node->inputs; i++) {
    uint32_t c = lode_task_shape (task, node, i)->c;
    float gate = gate_of (task, node, i);

    for (size_t s = 0; s < task->n && !is_zero (task, node, i); s++) {
      const float *x = lode_task_in (task, node, i) + s * rows * c;

      if (rate_of (task, node, i) > 0) {
        drop_out (task, node, i, (task->start + s) * rows * c, rows * c, x, task->scratch);
        x = task->scratch;
      }
      if (c == node->shape.c)
        task->kernels->axpy (size, gate, x, y + s * size);
      else
        widen_add (rows, c, node->shape.c, gate, x, y + s * size);
    }
  }
}

static void
plain_gates (const LodeTask *task, const LodeNode *node, double *part)
{
  const float *x[MANY];
  double dot[MANY];
  uint32_t m = 0;

  for (uint32_t i = 0; i < node->inputs; i++)
    if (!is_zero (task, node, i))
      x[m++] = lode_task_in (task, node, i);
  if (m)
    task->kernels->dots (lode_shape_size (&node->shape) * task->n, m, lode_task_dout (task, node),
                         x, dot);
  m = 0;
  for (uint32_t i = 0; i < node->inputs; i++)
    if (!is_zero (task, node, i))
      part[i] += dot[m++];
}

/* Adds a · g to an input's gradient, or begins it. */
static void
give (const LodeTask *task, size_t n, float a, const float *g, bool first, float *dx)
{
  if (first)
    task->kernels->scale (n, a, g, dx);
  else
    task->kernels->axpy (n, a, g, dx);
}

static void
mix_backward_part (const LodeTask *task, const LodeNode *node, uint32_t i, double *part)
{
  size_t rows = (size_t) node->shape.h * node->shape.w, size = lode_shape_size (&node->shape);
  uint32_t c = lode_task_shape (task, node, i)->c;
  const float *dy = lode_task_dout (task, node);
  bool first = false;
  float *dx = lode_task_din_raw (task, node, i, &first), gate = gate_of (task, node, i);
  double sum = 0;

  for (size_t s = 0; s < task->n; s++) {
    const float *g = dy + s * size;

    if (c != node->shape.c) {
      widen_back (rows, c, node->shape.c, g, task->scratch);
      g = task->scratch;
    }
    if (rate_of (task, node, i) > 0) {
      drop_out (task, node, i, (task->start + s) * rows * c, rows * c, g, task->scratch);
      g = task->scratch;
    }
    if (part)
      sum += task->kernels->dot (rows * c, g, lode_task_in (task, node, i) + s * rows * c);
    if (dx)
      give (task, rows * c, gate, g, first, dx + s * rows * c);
  }
  if (part)
    part[i] += sum;
}

static void
mix_backward (const LodeTask *task, const LodeNode *node)
{
  double *part = lode_mix_sums (task, (int32_t) lode_task_id (task, node));
  bool plain = is_plain (task, node);

  if (part && task->fresh)
    memset (part, 0, node->inputs * sizeof *part);
  if (plain && part)
    plain_gates (task, node, part);
  for (uint32_t i = 0; i < node->inputs; i++) {
    bool first = false;
    float *dx;

    if (is_zero (task, node, i))
      continue;
    if (!plain) {
      mix_backward_part (task, node, i, part);
    } else if ((dx = lode_task_din_raw (task, node, i, &first))) {
      give (task, lode_shape_size (&node->shape) * task->n, gate_of (task, node, i),
            lode_task_dout (task, node), first, dx);
    }
  }
}

float
lode_mix_gate (const LodeTask *task, int32_t mix, uint32_t part)
{
  return gate_of (task, &task->program->source[mix], part);
}

float
lode_mix_rate (const LodeTask *task, int32_t mix, uint32_t part)
{
  return rate_of (task, &task->program->source[mix], part);
}

void
lode_mix_drop (const LodeTask *task, int32_t mix, uint32_t part, uint64_t at, size_t n,
               const float *x, float *y)
{
  drop_out (task, &task->program->source[mix], part, at, n, x, y);
}

double *
lode_mix_sums (const LodeTask *task, int32_t mix)
{
  const LodeProgram *p = task->program;
  uint32_t parts = p->source[mix].inputs;
  double *sum;

  if (!(p->node_flag[mix] & LODE_NODE_GATE))
    return NULL;
  sum = (double *) lode_task_buffer (task, p->state[mix]) + (size_t) task->unit * parts;
  return sum;
}

void
lode_mix_gates (const LodeTask *task, int32_t mix, double *dgate)
{
  const LodeProgram *p = task->program;
  const LodeNode *node = &p->source[mix];
  const double *part = lode_task_buffer (task, p->state[mix]);

  for (uint32_t i = 0; i < node->inputs; i++) {
    double sum = 0;

    for (uint32_t u = 0; u < p->units; u++)
      sum += part[(size_t) u * node->inputs + i];
    dgate[node->option + mix_options (task, node)[i]] += sum;
  }
}

static size_t
mix_scratch (const LodeProgram *p, const LodeNode *node)
{
  (void) p;
  return lode_shape_size (&node->shape);
}

static size_t
mix_state (const LodeNode *node, uint32_t units)
{
  return (size_t) units * node->inputs * sizeof (double);
}

static double
mix_cost (const LodeNode *node, const LodeShape *in)
{
  (void) in;
  return 0.15 * (double) lode_shape_size (&node->shape) * (node->inputs + 1);
}

const LodeKind lode_kind_mix = {
  .name = "mix",
  .forward = mix_forward,
  .backward = mix_backward,
  .reads_weight = LODE_READ_IN,
  .scratch = mix_scratch,
  .state = mix_state,
  .cost = mix_cost,
};

LodeValue
lode_record_mix (LodeGraph *graph, uint32_t decision, const LodeValue *part)
{
  LodeRecord *record = (LodeRecord *) graph;
  LodeValue in[64];
  uint8_t option[64];
  uint32_t m = 0, n;
  LodeNode *node;

  if (!record->space || decision >= record->space->n)
    return lode_record_fail (record, "mix", NULL, "decision %u of a space of %u", decision,
                             record->space ? record->space->n : 0);
  n = lode_space_at (record->space, decision)->n;
  for (uint32_t o = 0; o < MIN (n, 64); o++)
    if (part[o] >= 0) {
      in[m] = part[o];
      option[m++] = (uint8_t) o;
    }
  if (!m || !lode_record_begin (record, LODE_KIND_MIX, m, in, &node))
    return -1;
  for (uint32_t i = 0; i < m; i++) {
    const LodeShape *s = lode_record_shape (record, in[i]);

    if (i && (s->h != node->shape.h || s->w != node->shape.w))
      return lode_record_fail (record, "mix", lode_space_at (record->space, decision)->name,
                               "option %u gives %u × %u pixels, option %u gave %u × %u", option[i],
                               s->h, s->w, option[0], node->shape.h, node->shape.w);
    node->shape = (LodeShape){ s->h, s->w, MAX (node->shape.c, s->c) };
  }
  node->option = record->option[decision];
  node->conf = lode_record_conf (record, m, option);
  node->ordinal = record->random++;
  return lode_record_end (record, node);
}

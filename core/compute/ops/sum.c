/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sum: y = relu (Σ gate_t · (scale_t x_t + shift_t)) over the terms of an addition and of the mixes
 * that it adds up, made of nodes by fuse.c.
 *
 * Backward, one pass over dy and the terms makes, per channel, Σ dy and the scalar products of dy
 * with the normalised terms: what the norms' gradients need (nothing else is stored for those whose
 * producers make their gradient themselves), and summed over channels the gates' gradients.
 */
#include "compute/step.h"

enum { MOST = 64 };

static size_t
rows_of (const LodeNode *node, uint32_t samples)
{
  return (size_t) node->shape.h * node->shape.w * samples;
}

static const LodeTerm *
term_of (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  return &task->program->term[node->first + i];
}

static float
gate_of (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  const LodeTerm *term = term_of (task, node, i);

  return term->mix < 0 ? 1 : lode_mix_gate (task, term->mix, term->part);
}

static bool
is_dropped (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  const LodeTerm *term = term_of (task, node, i);

  return term->mix >= 0 && lode_mix_rate (task, term->mix, term->part) > 0;
}

/* y = x, a sample of the term's value or gradient, times the term's mask; s: of the task */
static void
drop_sample (const LodeTask *task, const LodeNode *node, uint32_t i, uint32_t s, const float *x,
             float *y)
{
  const LodeTerm *term = term_of (task, node, i);
  size_t size = lode_shape_size (&node->shape);

  lode_mix_drop (task, term->mix, term->part, (task->start + s) * size, size, x, y);
}

/* a[c], and shift[c] += : the term's coefficients */
static const float *
view_term (const LodeTask *task, const LodeNode *node, uint32_t i, float *a, float *shift)
{
  LodeView view = lode_task_view (task, lode_task_input (task, node, i));
  float gate = gate_of (task, node, i);

  for (uint32_t j = 0; j < node->shape.c; j++) {
    a[j] = view.scale ? gate * view.scale[j] : gate;
    if (view.shift)
      shift[j] += gate * view.shift[j];
  }
  return view.x;
}

/* Adds a term that is dropped out element by element: scaled, shifted, masked, sample by sample. */
static void
add_dropped (const LodeTask *task, const LodeNode *node, uint32_t i, float *list, float *sample,
             float *y)
{
  size_t size = lode_shape_size (&node->shape), c = node->shape.c;
  const float *a = list, *x;

  memset (list, 0, 2 * c * sizeof *list);
  x = view_term (task, node, i, list, list + c);
  for (uint32_t s = 0; s < task->n; s++, x += size, y += size) {
    task->kernels->blend (rows_of (node, 1), node->shape.c, 1, &a, &x, list + c, false, sample);
    drop_sample (task, node, i, s, sample, sample);
    task->kernels->axpy (size, 1, sample, y);
  }
}

static void
sum_forward (const LodeTask *task, const LodeNode *node)
{
  size_t c = node->shape.c, size = lode_shape_size (&node->shape);
  float *shift = task->scratch, *list = shift + c, *y = lode_task_out (task, node);
  const float *a[MOST], *x[MOST];
  uint32_t m = 0, dropped = 0;
  bool relu = task->program->fused[lode_task_id (task, node)].relu > 0;

  memset (shift, 0, c * sizeof *shift);
  for (uint32_t i = 0; i < node->inputs; i++) {
    if (is_dropped (task, node, i)) {
      dropped++;
      continue;
    }
    a[m] = list + m * c;
    x[m] = view_term (task, node, i, list + m * c, shift);
    m++;
  }
  task->kernels->blend (rows_of (node, task->n), node->shape.c, m, a, x, shift, relu && !dropped,
                        y);
  list = task->scratch;
  for (uint32_t i = 0; dropped && i < node->inputs; i++)
    if (is_dropped (task, node, i))
      add_dropped (task, node, i, list, list + 2 * c + 16, y);
  if (relu && dropped)
    task->kernels->relu (size * task->n, y, y);
}

/* What the reduction of one term is for. */
typedef struct Product {
  uint32_t i;         /* of the sum's inputs */
  LodeNormState norm; /* where `normal` */
  bool normal;        /* the term is a norm that is not stored: multiply by its normalised input */
  double *part;       /* the norm's partial sums, or NULL */
  double *gate;       /* the gate's, or NULL */
} Product;

/* The term's share in the pass of reductions; false: none is wanted. */
static bool
product_of (const LodeTask *task, const LodeNode *node, uint32_t i, Product *product)
{
  const LodeProgram *p = task->program;
  const LodeTerm *term = term_of (task, node, i);
  LodeValue x = lode_task_input (task, node, i);
  double *gate = term->mix < 0 ? NULL : lode_mix_sums (task, term->mix);

  *product = (Product){ .i = i, .gate = gate ? gate + term->part : NULL };
  product->normal = p->node_flag[x] & LODE_NODE_VIEW;
  if (product->normal) {
    product->norm = lode_norm_state (task, &p->node[x]);
    if (p->in_flag[node->first + i] & LODE_IN_LAZY)
      product->part = product->norm.part + 2 * (size_t) node->shape.c * task->unit;
  }
  return product->part || product->gate;
}

/* sum, cross: [c] Σ dy, Σ dy x̂ (or Σ dy x) of the task's samples */
static void
take_product (const LodeTask *task, const LodeNode *node, const Product *product, const double *sum,
              const double *cross)
{
  size_t c = node->shape.c;
  double gate = (double) gate_of (task, node, product->i), dot = 0;
  const LodeNormState *s = &product->norm;

  for (size_t j = 0; j < c; j++) {
    double scale = product->normal ? (double) (s->scale[j] / s->invstd[j]) : 1;

    dot += scale * cross[j];
    if (product->normal)
      dot += ((double) s->shift[j] + (double) s->mean[j] * (double) s->scale[j]) * sum[j];
    if (!product->part)
      continue;
    product->part[j] = (task->fresh ? 0 : product->part[j]) + gate * sum[j];
    product->part[c + j] = (task->fresh ? 0 : product->part[c + j]) + gate * cross[j];
  }
  if (product->gate)
    *product->gate += dot;
}

/* Lists of the reductions' pass. */
typedef struct Pass {
  uint32_t m;
  Product product[MOST];
  const float *a[MOST], *b[MOST], *x[MOST];
} Pass;

static void
add_product (const LodeTask *task, const LodeNode *node, Pass *pass, const float *ones,
             const float *zeros)
{
  const Product *product = &pass->product[pass->m];

  pass->a[pass->m] = product->normal ? product->norm.invstd : ones;
  pass->b[pass->m] = product->normal ? product->norm.offset : zeros;
  pass->x[pass->m++] = lode_task_view (task, lode_task_input (task, node, product->i)).x;
}

/* The same for one term whose gradient is dropped out: sample by sample. */
static void
reduce_dropped (const LodeTask *task, const LodeNode *node, Pass *pass, double *sums, double *all,
                float *sample)
{
  size_t c = node->shape.c, size = lode_shape_size (&node->shape);
  const float *dy = lode_task_dout (task, node), *x = pass->x[0];

  memset (all, 0, 2 * c * sizeof *all);
  for (uint32_t s = 0; s < task->n; s++, dy += size, x += size) {
    drop_sample (task, node, pass->product[0].i, s, dy, sample);
    task->kernels->cross (rows_of (node, 1), node->shape.c, 1, sample, pass->a, pass->b, &x, sums);
    for (size_t j = 0; j < 2 * c; j++)
      all[j] += sums[j];
  }
  take_product (task, node, &pass->product[0], all, all + c);
}

/* Scratch: doubles first. */
typedef struct Places {
  double *sums, *all;
  float *ones, *zeros, *sample;
} Places;

static Places
places_of (const LodeNode *node, float *scratch)
{
  size_t c = node->shape.c;
  Places at = { .sums = (double *) (void *) scratch };

  at.all = at.sums + (node->inputs + 1) * c;
  at.ones = (float *) (at.all + 2 * c);
  at.zeros = at.ones + c;
  at.sample = at.zeros + c;
  return at;
}

static void
reduce_terms (const LodeTask *task, const LodeNode *node)
{
  size_t c = node->shape.c;
  Places at = places_of (node, task->scratch);
  Pass pass = { 0 };

  for (size_t j = 0; j < c; j++) {
    at.ones[j] = 1;
    at.zeros[j] = 0;
  }
  for (uint32_t i = 0; i < node->inputs; i++)
    if (!is_dropped (task, node, i) && product_of (task, node, i, &pass.product[pass.m]))
      add_product (task, node, &pass, at.ones, at.zeros);
  if (pass.m)
    task->kernels->cross (rows_of (node, task->n), node->shape.c, pass.m,
                          lode_task_dout (task, node), pass.a, pass.b, pass.x, at.sums);
  for (uint32_t i = 0; i < pass.m; i++)
    take_product (task, node, &pass.product[i], at.sums, at.sums + (i + 1) * c);
  for (uint32_t i = 0; i < node->inputs; i++) {
    pass.m = 0;
    if (!is_dropped (task, node, i) || !product_of (task, node, i, &pass.product[0]))
      continue;
    add_product (task, node, &pass, at.ones, at.zeros);
    reduce_dropped (task, node, &pass, at.sums, at.all, at.sample);
  }
}

/* Adds gate · dy (dropped out) to the gradient of a term that stores one. */
static void
give_term (const LodeTask *task, const LodeNode *node, uint32_t i, float *sample)
{
  uint8_t flag = task->program->in_flag[node->first + i];
  size_t size = lode_shape_size (&node->shape);
  const float *dy = lode_task_dout (task, node);
  bool first = false;
  float *dx, gate = gate_of (task, node, i);

  if (flag & (LODE_IN_LAZY | LODE_IN_ALIAS) || !(dx = lode_task_din_raw (task, node, i, &first)))
    return;
  for (uint32_t s = 0; s < task->n; s++, dy += size, dx += size) {
    const float *g = dy;

    if (is_dropped (task, node, i)) {
      drop_sample (task, node, i, s, dy, sample);
      g = sample;
    }
    if (first)
      task->kernels->scale (size, gate, g, dx);
    else
      task->kernels->axpy (size, gate, g, dx);
  }
}

/* Gates' sums begin at zero; a mix's terms lie together. */
static void
begin_gates (const LodeTask *task, const LodeNode *node)
{
  int32_t last = -1;

  for (uint32_t i = 0; task->fresh && i < node->inputs; i++) {
    int32_t mix = term_of (task, node, i)->mix;
    double *sum = mix >= 0 && mix != last ? lode_mix_sums (task, mix) : NULL;

    if (sum)
      memset (sum, 0, task->program->source[mix].inputs * sizeof *sum);
    last = mix;
  }
}

static void
sum_backward (const LodeTask *task, const LodeNode *node)
{
  size_t size = lode_shape_size (&node->shape) * task->n;
  float *dy = lode_task_dout (task, node);

  if (task->program->fused[lode_task_id (task, node)].relu > 0)
    task->kernels->relu_mask (size, lode_task_out (task, node), dy, dy);
  begin_gates (task, node);
  reduce_terms (task, node);
  for (uint32_t i = 0; i < node->inputs; i++)
    give_term (task, node, i, task->scratch);
}

static size_t
sum_scratch (const LodeProgram *p, const LodeNode *node)
{
  size_t c = node->shape.c, sample = lode_shape_size (&node->shape);

  (void) p;
  return (2 * node->inputs + 8) * c + 16 + sample; /* backward's lists; forward's are shorter */
}

static double
sum_cost (const LodeNode *node, const LodeShape *in)
{
  (void) in;
  return 0.15 * (double) lode_shape_size (&node->shape) * (node->inputs + 1);
}

const LodeKind lode_kind_sum = {
  .name = "sum",
  .forward = sum_forward,
  .backward = sum_backward,
  .scratch = sum_scratch,
  .cost = sum_cost,
};

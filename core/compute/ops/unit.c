/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit: scale and shift of a norm, ReLU, depthwise and dense convolution of some samples that stay
 * in cache, made of nodes by fuse.c. Backward makes the inner values again instead of storing them.
 *
 *   h = relu (scale x + shift),  d = depth * h,  y = w * d
 *   dd = wᵀ dy,  dw += dᵀ dy,  ddepth += hᵀ dd,  dx += [h > 0] depthᵀ dd
 *
 * Of these, depthwise convolution, ReLU and scale may be missing.
 */
#include "compute/step.h"

/* Bytes of one tensor of the samples that go through a unit together. */
static const size_t cache_share = 64 << 10;

/* The same in Winograd's form, which has rows of tiles to share among samples. */
static const size_t winograd_share = 128 << 10;

typedef struct Unit {
  const LodeNode *node, *depth; /* depth: NULL where there is none */
  LodeShape in, mid;            /* of x, of d */
  bool relu, winograd;
  uint32_t samples; /* that go through together */
  size_t scratch;   /* floats of the convolutions' own */
} Unit;

static Unit
unit_of (const LodeProgram *p, const LodeNode *node)
{
  const LodeFused *fused = &p->fused[node - p->node];
  Unit unit = { .node = node, .in = p->node[p->input[node->first]].shape };
  size_t most;

  unit.depth = fused->depth < 0 ? NULL : &p->node[fused->depth];
  unit.mid = unit.depth ? unit.depth->shape : unit.in;
  unit.relu = fused->relu > 0;
  most = MAX (lode_shape_size (&unit.in), lode_shape_size (&unit.mid));
  most = MAX (most, lode_shape_size (&node->shape)) * sizeof (float);
  unit.winograd = p->turned[0][node - p->node] >= 0; /* turned for nothing else */
  unit.samples =
      (uint32_t) CLAMP ((unit.winograd ? winograd_share : cache_share) / most, 1, p->unit);
  return unit;
}

static size_t
line (size_t floats)
{
  return (floats + 15) / 16 * 16 + 16; /* an odd number of lines for powers of two */
}

/* Floats of d (and dd), of dy. */
static size_t
room_mid (const Unit *unit)
{
  return line (lode_shape_size (&unit->mid) * unit->samples);
}

static size_t
room_out (const Unit *unit)
{
  return line (lode_gradient_scratch (unit->node, unit->samples));
}

/* Where the inner tensors of `samples` samples lie in a worker's scratch. */
typedef struct Places {
  float *d, *dd, *dy, *conv;
} Places;

static Places
places_of (const Unit *unit, float *scratch)
{
  Places at = { .d = scratch };

  if (unit->winograd) {
    at.dy = scratch;
    at.conv = at.dy + room_out (unit);
    return at;
  }
  at.dd = at.d + room_mid (unit);
  at.dy = at.dd + room_mid (unit);
  at.conv = at.dy + room_out (unit);
  return at;
}

static size_t
unit_scratch (const LodeProgram *p, const LodeNode *node)
{
  const LodeKernels *kernels = lode_engine_kernels (p->engine);
  Unit unit = unit_of (p, node);
  LodeConvGeometry g = lode_conv_geometry (node, &unit.mid, unit.samples);
  size_t conv = unit.winograd ? kernels->winograd_scratch (&g) : kernels->conv_scratch (&g);

  if (unit.winograd)
    return room_out (&unit) + conv;
  if (unit.depth) {
    g = lode_conv_geometry (unit.depth, &unit.in, unit.samples);
    conv = MAX (conv, kernels->depth_scratch (&g));
  }
  return 2 * room_mid (&unit) + room_out (&unit) + conv;
}

/* How the unit reads its input, and where that of the task's sample s lies. */
typedef struct Input {
  LodeReading read;
  const float *x;
} Input;

static Input
unit_input (const LodeTask *task, const Unit *unit, uint32_t s)
{
  LodeView view = lode_task_view (task, lode_task_input (task, unit->node, 0));

  return (Input){ { view.scale, view.shift, unit->relu },
                  view.x + s * lode_shape_size (&unit->in) };
}

/* d of n samples: in scratch, or the input itself. */
static const float *
unit_middle (const LodeTask *task, const Unit *unit, uint32_t n, const Input *input,
             const Places *at)
{
  size_t size = n * lode_shape_size (&unit->in), c = unit->in.c;
  LodeConvGeometry g;

  if (unit->depth) {
    g = lode_conv_geometry (unit->depth, &unit->in, n);
    task->kernels->depth (&g, &input->read, input->x, lode_task_weight (task, unit->depth), at->d,
                          at->conv);
  } else if (input->read.scale) {
    task->kernels->blend (size / c, unit->in.c, 1, &input->read.scale, &input->x, input->read.shift,
                          unit->relu, at->d);
  } else if (unit->relu) {
    task->kernels->relu (size, input->x, at->d);
  } else {
    return input->x;
  }
  return at->d;
}

static void
unit_forward (const LodeTask *task, const LodeNode *node)
{
  Unit unit = unit_of (task->program, node);
  Places at = places_of (&unit, task->scratch);
  const float *w = lode_task_weight (task, node), *bias = lode_task_bias (task, node);
  float *y = lode_task_out (task, node);

  for (uint32_t s = 0, n; s < task->n; s += n) {
    LodeConvGeometry g;
    Input input = unit_input (task, &unit, s);

    n = MIN (unit.samples, task->n - s);
    g = lode_conv_geometry (node, &unit.mid, n);
    if (unit.winograd)
      task->kernels->winograd (&g, &input.read, input.x, lode_task_turned (task, node, false), bias,
                               y + s * lode_shape_size (&node->shape), at.conv);
    else
      task->kernels->conv (&g, unit_middle (task, &unit, n, &input, &at), w, bias,
                           y + s * lode_shape_size (&node->shape), at.conv);
  }
}

/* Gradients that a unit is to make; NULL: not wanted. */
typedef struct Wanted {
  float *dw, *dbias, *ddepth, *dx; /* dx: of the task's first sample */
  bool first;                      /* dx is to be begun */
} Wanted;

/* dd = wᵀ dy */
static void
middle_gradient (const LodeTask *task, const Unit *unit, const LodeConvGeometry *g, const float *dy,
                 const Places *at)
{
  const float *w = lode_task_weight (task, unit->node);

  if (g->kernel == 1 && g->stride == 1 && g->pad == 0) {
    task->kernels->linear_dx ((size_t) g->n * g->h * g->w, g->c, g->oc, w, dy, true, at->dd);
    return;
  }
  memset (at->dd, 0, g->n * lode_shape_size (&unit->mid) * sizeof *at->dd);
  task->kernels->conv_dx (g, w, dy, at->dd, at->conv);
}

/* dx of n values, from the gradient dd behind the ReLU; d: its value */
static void
give_input (const LodeTask *task, const Unit *unit, size_t n, const float *d, const float *dd,
            bool first, float *dx)
{
  if (unit->relu && first)
    task->kernels->relu_mask (n, d, dd, dx);
  else if (unit->relu)
    task->kernels->relu_dx (n, d, dd, dx);
  else if (first)
    memcpy (dx, dd, n * sizeof *dx);
  else
    task->kernels->axpy (n, 1, dd, dx);
}

static void
unit_backward_part (const LodeTask *task, const Unit *unit, const Wanted *wanted, const Places *at,
                    uint32_t s, uint32_t n)
{
  size_t in = lode_shape_size (&unit->in);
  LodeConvGeometry g = lode_conv_geometry (unit->node, &unit->mid, n);
  const float *dy = lode_task_gradient (task, unit->node, s, n, at->dy), *d = NULL;
  Input input = unit_input (task, unit, s);

  if (wanted->dw || !unit->depth)
    d = unit_middle (task, unit, n, &input, at);
  if (wanted->dw)
    task->kernels->conv_dw (&g, d, dy, wanted->dw, wanted->dbias, at->conv);
  if (!wanted->dx && !wanted->ddepth)
    return;
  middle_gradient (task, unit, &g, dy, at);
  if (!unit->depth) {
    give_input (task, unit, n * in, d, at->dd, wanted->first, wanted->dx + s * in);
    return;
  }
  g = lode_conv_geometry (unit->depth, &unit->in, n);
  if (wanted->ddepth)
    task->kernels->depth_dw (&g, &input.read, input.x, at->dd, wanted->ddepth, at->conv);
  if (wanted->dx)
    task->kernels->depth_dx (&g, &input.read, input.x, lode_task_weight (task, unit->depth), at->dd,
                             wanted->first, wanted->dx + s * in, at->conv);
}

static void
winograd_backward (const LodeTask *task, const Unit *unit, const Wanted *wanted, const Places *at,
                   uint32_t s, uint32_t n)
{
  LodeConvGeometry g = lode_conv_geometry (unit->node, &unit->in, n);
  const float *dy = lode_task_gradient (task, unit->node, s, n, at->dy);
  Input input = unit_input (task, unit, s);

  if (wanted->dw)
    task->kernels->winograd_dw (&g, &input.read, input.x, dy, wanted->dw, wanted->dbias, at->conv);
  if (wanted->dx)
    task->kernels->winograd_dx (&g, &input.read, input.x, lode_task_turned (task, unit->node, true),
                                dy, wanted->first, wanted->dx + s * lode_shape_size (&unit->in),
                                at->conv);
}

static void
unit_backward (const LodeTask *task, const LodeNode *node)
{
  Unit unit = unit_of (task->program, node);
  Places at = places_of (&unit, task->scratch);
  Wanted wanted = { .dw = lode_task_dweight (task, node), .dbias = lode_task_dbias (task, node) };

  wanted.ddepth = unit.depth ? lode_task_dweight (task, unit.depth) : NULL;
  wanted.dx = lode_task_din_raw (task, node, 0, &wanted.first);
  for (uint32_t s = 0, n; s < task->n; s += n) {
    n = MIN (unit.samples, task->n - s);
    if (unit.winograd)
      winograd_backward (task, &unit, &wanted, &at, s, n);
    else
      unit_backward_part (task, &unit, &wanted, &at, s, n);
  }
}

static double
unit_cost (const LodeNode *node, const LodeShape *in)
{
  return lode_kind_conv.cost (node, in) + 25.0 / 20 * (double) lode_shape_size (in);
}

const LodeKind lode_kind_unit = {
  .name = "unit",
  .forward = unit_forward,
  .backward = unit_backward,
  .reads_weight = LODE_READ_IN,
  .reads_input = LODE_READ_IN,
  .scratch = unit_scratch,
  .cost = unit_cost,
};

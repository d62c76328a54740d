/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit: scale and shift of a norm, ReLU, depthwise and dense convolution of some samples that stay
 * in cache, made of nodes by fuse.c. Backward makes the inner values again instead of storing them;
 * h, laid out for the depthwise convolution, serves its value, its weights and the ReLU's mask.
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

/* Floats of a sample of h, laid out. */
static size_t
room_laid (const LodeKernels *kernels, const Unit *unit)
{
  LodeConvGeometry g;

  if (!unit->depth)
    return 0;
  g = lode_conv_geometry (unit->depth, &unit->in, 1);
  return line (kernels->depth_room (&g));
}

/*
 * Where the inner tensors of `samples` samples lie in a worker's scratch; conv: of the kernels.
 * What is needed no more makes room, for all of it is to stay in the second-level cache: dd lies
 * where d was (but for a ReLU's mask), and dd laid out where dy was.
 */
typedef struct Places {
  float *d, *dd, *dy, *conv;
  size_t room; /* of a sample that is laid out */
} Places;

static size_t
room_dy (const LodeKernels *kernels, const Unit *unit)
{
  return MAX (room_out (unit), room_laid (kernels, unit));
}

/* Floats before dy: d and dd, or what the moments of y want. */
static size_t
room_before (const Unit *unit)
{
  size_t inner = unit->winograd ? 0 : 2 * room_mid (unit);

  return MAX (inner, line (4 * (size_t) unit->node->shape.c));
}

static Places
places_of (const LodeTask *task, const Unit *unit)
{
  Places at = { .d = task->scratch, .room = room_laid (task->kernels, unit) };

  at.dd = unit->depth ? at.d : at.d + room_mid (unit);
  at.dy = at.d + room_before (unit);
  at.conv = at.dy + room_dy (task->kernels, unit);
  return at;
}

static size_t
unit_scratch (const LodeProgram *p, const LodeNode *node)
{
  const LodeKernels *kernels = lode_engine_kernels (p->engine);
  Unit unit = unit_of (p, node);
  LodeConvGeometry g = lode_conv_geometry (node, &unit.mid, unit.samples);
  size_t conv = unit.winograd ? kernels->winograd_scratch (&g) : kernels->conv_scratch (&g);

  return room_before (&unit) + room_dy (kernels, &unit) + conv;
}

static size_t
unit_keeps (const LodeProgram *p, const LodeNode *node)
{
  Unit unit = unit_of (p, node);

  return room_laid (lode_engine_kernels (p->engine), &unit) * unit.samples;
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

/* h of n samples laid out, unless the unit before has just done so. */
static const float *
lay_input (const LodeTask *task, const Unit *unit, uint32_t n, const Input *input, size_t room)
{
  LodeKept *kept = task->kept,
           now = { kept->at, lode_task_input (task, unit->node, 0), input->x, room, n, unit->relu };
  LodeConvGeometry g = lode_conv_geometry (unit->depth, &unit->in, 1);

  if (kept->input == now.input && kept->x == now.x && kept->room == room && kept->n == n
      && kept->relu == now.relu)
    return kept->at;
  *kept = now;
  for (uint32_t i = 0; i < n; i++)
    task->kernels->depth_lay (&g, &input->read, input->x + i * lode_shape_size (&unit->in),
                              kept->at + i * room);
  return kept->at;
}

/* d of n samples, and what it is made of: in scratch, or the input itself. */
static const float *
unit_middle (const LodeTask *task, const Unit *unit, uint32_t n, const Input *input,
             const Places *at)
{
  size_t in = lode_shape_size (&unit->in), mid = lode_shape_size (&unit->mid), c = unit->in.c;

  if (unit->depth) {
    LodeConvGeometry g = lode_conv_geometry (unit->depth, &unit->in, 1);
    const float *w = lode_task_weight (task, unit->depth);
    const float *laid = lay_input (task, unit, n, input, at->room);

    for (uint32_t i = 0; i < n; i++)
      task->kernels->depth (&g, laid + i * at->room, w, NULL, at->d + i * mid);
  } else if (input->read.scale) {
    task->kernels->blend (n * in / c, (uint32_t) c, 1, &input->read.scale, &input->x,
                          input->read.shift, unit->relu, at->d);
  } else if (unit->relu) {
    task->kernels->relu (n * in, input->x, at->d);
  } else {
    return input->x;
  }
  return at->d;
}

/* n samples from the s-th on; y: of the task's first */
static void
forward_part (const LodeTask *task, const Unit *unit, const Places *at, uint32_t s, uint32_t n,
              float *y)
{
  const LodeProgram *p = task->program;
  const LodeNode *node = unit->node;
  size_t size = lode_shape_size (&node->shape);
  bool far = unit->depth && lode_engine_streams (p->engine, p->bytes);
  LodeConvGeometry g = lode_conv_geometry (node, &unit->mid, n);
  Input input = unit_input (task, unit, s);
  int32_t norm = p->fused[lode_task_id (task, node)].moments;
  float *to = far ? at->dy : y + s * size;

  if (unit->winograd)
    task->kernels->winograd (&g, &input.read, input.x, lode_task_turned (task, node, false),
                             lode_task_bias (task, node), to, at->conv);
  else
    task->kernels->conv (&g, unit_middle (task, unit, n, &input, at), lode_task_weight (task, node),
                         lode_task_bias (task, node), to, at->conv);
  if (norm >= 0) {
    LodeTask part = *task;

    part.start += s;
    part.n = n;
    part.fresh = task->fresh && s == 0;
    part.scratch = at->d;
    lode_norm_gather (&part, &p->node[norm], to);
  }
  if (far)
    task->kernels->stream (n * size, to, y + s * size);
}

static void
unit_forward (const LodeTask *task, const LodeNode *node)
{
  Unit unit = unit_of (task->program, node);
  Places at = places_of (task, &unit);

  for (uint32_t s = 0, n; s < task->n; s += n) {
    n = MIN (unit.samples, task->n - s);
    forward_part (task, &unit, &at, s, n, lode_task_out (task, node));
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

/* From dd of n samples on: gradients of the depthwise convolution. */
static void
depth_backward (const LodeTask *task, const Unit *unit, const Wanted *wanted, const Places *at,
                uint32_t s, uint32_t n)
{
  size_t in = lode_shape_size (&unit->in), mid = lode_shape_size (&unit->mid);
  LodeConvGeometry g = lode_conv_geometry (unit->depth, &unit->in, 1);
  const float *w = lode_task_weight (task, unit->depth);

  for (uint32_t i = 0; i < n; i++) {
    const float *laid = task->kept->at + i * at->room, *dd = at->dd + i * mid;

    if (wanted->ddepth)
      task->kernels->depth_dw (&g, laid, dd, wanted->ddepth);
    if (wanted->dx)
      task->kernels->depth_dx (&g, unit->relu ? laid : NULL, w, dd, wanted->first,
                               wanted->dx + (s + i) * in, at->dy);
  }
}

static void
unit_backward_part (const LodeTask *task, const Unit *unit, const Wanted *wanted, const Places *at,
                    uint32_t s, uint32_t n)
{
  size_t in = lode_shape_size (&unit->in);
  LodeConvGeometry g = lode_conv_geometry (unit->node, &unit->mid, n);
  const float *dy = lode_task_gradient (task, unit->node, s, n, at->dy), *d;
  Input input = unit_input (task, unit, s);

  d = unit_middle (task, unit, n, &input, at);
  if (wanted->dw)
    task->kernels->conv_dw (&g, d, dy, wanted->dw, wanted->dbias, at->conv);
  if (!wanted->dx && !wanted->ddepth)
    return;
  middle_gradient (task, unit, &g, dy, at);
  if (unit->depth)
    depth_backward (task, unit, wanted, at, s, n);
  else
    give_input (task, unit, n * in, d, at->dd, wanted->first, wanted->dx + s * in);
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
  Places at = places_of (task, &unit);
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
  .keeps = unit_keeps,
  .cost = unit_cost,
};

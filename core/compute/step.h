/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a compiled program looks like, and what an operation's steps see of it.
 *
 * graph → (lowering) → regions of steps → run. A region is what all units (groups of samples) can
 * go through one after the other without hearing of each other; between regions there is one
 * barrier, before it the region's `settle` calls run on the caller (statistics of a batch norm,
 * operations that couple samples). Reductions of weight gradients ride along with the region behind
 * the one that made them.
 */
#ifndef LODE_CORE_STEP_H
#define LODE_CORE_STEP_H

#include "compute/program.h"
#include "compute/record.h"
#include <string.h>

typedef struct LodeTask LodeTask;
/* One unit's part of a node; or, as `settle`, the whole batch's, alone. */
typedef void (*LodeStepFunc) (const LodeTask *, const LodeNode *);

/* What backward reads besides the gradient of the node's value. */
enum { LODE_READ_IN = 1, LODE_READ_OUT = 2 };

/*
 * An operation. Forward: gather on every unit, settle once, forward on every unit; backward alike.
 * The members that an operation does not have are NULL.
 */
typedef struct LodeKind {
  const char *name;
  LodeStepFunc gather, settle, forward;
  LodeStepFunc gather_back, settle_back, backward;
  uint32_t reads_weight; /* LODE_READ_…, to make the gradient of its weights or gates */
  uint32_t reads_input;  /* … of its inputs */
  bool in_place;         /* forward may write over its only input */
  /* Floats that a worker wants to itself for any number of a unit's samples; may be NULL. */
  size_t (*scratch) (const LodeProgram *, const LodeNode *);
  /* Floats that a worker keeps from step to step (LodeKept); may be NULL. */
  size_t (*keeps) (const LodeProgram *, const LodeNode *);
  /* Bytes kept from forward to the end of backward; may be NULL. */
  size_t (*state) (const LodeNode *, uint32_t units);
  /* Nanoseconds a sample, roughly; NULL: by size. */
  double (*cost) (const LodeNode *, const LodeShape *in);
} LodeKind;

extern const LodeKind lode_kind_image, lode_kind_index, lode_kind_conv, lode_kind_linear,
    lode_kind_cosine, lode_kind_norm, lode_kind_relu, lode_kind_max_pool, lode_kind_avg_pool,
    lode_kind_global_pool, lode_kind_add, lode_kind_concat, lode_kind_mix, lode_kind_zero,
    lode_kind_shortcut, lode_kind_drop_path, lode_kind_table, lode_kind_plugin,
    lode_kind_plugin_whole, lode_kind_unit, lode_kind_sum;
const LodeKind *lode_kind_of (const LodeNode *);

/* A piece of the arena, alive from region `born` to region `dies`. */
typedef struct LodeBuffer {
  size_t bytes, offset;
  uint32_t born, dies;
} LodeBuffer;

typedef struct LodeStep {
  LodeStepFunc run;
  uint32_t node;
} LodeStep;

/* One node's partial gradients of one slot, to be added to the gradient in unit order; of a linear
 * layer without them, the gradient is made of the whole batch. */
typedef struct LodeReduce {
  uint32_t node, slot;
  bool bias;
} LodeReduce;

/* Some rows of a slot: a task of the pool. */
typedef struct LodePiece {
  uint32_t first, last; /* of program->reduce, all of one slot */
  uint32_t row, rows;   /* of the whole weight as [k·k·ci][co] */
} LodePiece;

typedef struct LodeRegion {
  uint32_t step, steps;     /* run by every unit */
  uint32_t settle, settles; /* run once afterwards, by the caller */
  uint32_t piece, pieces;   /* reductions of the region before */
  uint32_t block;           /* samples that go through all steps at a time, to stay in cache */
  double cost;              /* nanoseconds, roughly */
} LodeRegion;

enum {
  LODE_NODE_LIVE = 1,   /* an output depends on it */
  LODE_NODE_BACK = 2,   /* something wanted lies at or below it */
  LODE_NODE_WEIGHT = 4, /* the gradient of its weight, bias, gates is wanted */
  LODE_NODE_BIAS = 8,
  LODE_NODE_GATE = 16,
  LODE_NODE_INSIDE = 32, /* fused into another, which does its work */
  LODE_NODE_VIEW = 64,   /* a norm that is not stored: its readers apply scale and shift */
  LODE_NODE_SHARED = 128 /* the buffer of its gradient is others' too */
};
/* ZERO: known to be zero, need not be read. ALIAS: its gradient is the sum's own buffer. LAZY: its
 * producer makes the gradient from the reader's when it needs it; none is stored. */
enum {
  LODE_IN_WANTED = 1,
  LODE_IN_FIRST = 2,
  LODE_IN_ZERO = 4,
  LODE_IN_ALIAS = 8,
  LODE_IN_LAZY = 16
};

/* What fusion (fuse.c) found out about a node; −1: nothing. */
typedef struct LodeFused {
  int32_t depth;     /* UNIT: the depthwise convolution before it */
  int32_t lazy;      /* first norm that leaves the gradient of this value to its producer */
  int32_t next;      /* NORM: the next norm of that list */
  int32_t sum, term; /* NORM: the sum that alone reads it, and where in program->input */
  int32_t leader;    /* NORM: whose moments it shares */
  int32_t relu;      /* UNIT: of its input; SUM: of its value */
  int32_t moments;   /* UNIT: the norm for which it gathers; NORM: the unit that does */
} LodeFused;

/* A term of a SUM: part `part` of node `mix`, whose gate and dropout it has; mix −1: bare. */
typedef struct LodeTerm {
  int32_t mix;
  uint32_t part;
} LodeTerm;

struct LodeProgram {
  LodeEngine *engine;
  uint64_t hash, used; /* used: the engine's clock, for forgetting the oldest */
  uint32_t batch, grad;
  uint32_t nodes, inputs, outputs, confs, options;
  bool fuse, winograd;
  uint32_t source_inputs; /* of the recording; fusion appends its own to `input` */
  LodeNode *source;       /* [nodes] as recorded */
  LodeNode *node;         /* [nodes] as run */
  LodeFused *fused;       /* [nodes] */
  LodeTerm *term;         /* [inputs] */
  LodeValue *input, *output;
  uint8_t *conf;
  uint8_t *frozen;    /* [nodes] as compiled: bit 0 the weight, bit 1 the bias */
  uint8_t *node_flag; /* [nodes] LODE_NODE_… */
  uint8_t *in_flag;   /* [inputs] LODE_IN_… */
  int32_t *value, *dvalue, *state, *partial, *packed; /* [nodes] buffers, or −1 */
  int32_t *turned[2]; /* [nodes] … of weights as kernels like them: forward's, backward's */
  LodeBuffer *buffer;
  LodeStep *step, *settle;
  LodeRegion *region;
  LodeReduce *reduce;
  LodePiece *piece;
  double *dgate; /* [options] */
  uint32_t buffers, steps, settles, reduces, pieces, packs;
  size_t turned_bytes;       /* of one direction */
  uint32_t regions, forward; /* forward: how many of them are forward's */
  uint32_t unit, units;      /* samples of a unit; units of the batch */
  size_t bytes;              /* of arena */
  size_t scratch;            /* floats of each worker */
  size_t kept;               /* … before them, for LodeKept */
  void *block;               /* the arrays above up to packed */
  uint8_t *arena;            /* where it lay when forward last ran */
  const float *image;        /* what forward last read */
};

/* What a worker has made of some samples of an input, for the next step of the same region that
 * reads them alike: the units of a mixed edge. */
typedef struct LodeKept {
  float *at;
  LodeValue input; /* −1: nothing is kept */
  const float *x;  /* its first sample */
  size_t room;     /* floats of one, as it is laid out */
  uint32_t n;
  bool relu;
} LodeKept;

struct LodeTask {
  const LodeProgram *program;
  const LodeKernels *kernels;
  const LodeBind *bind;
  uint32_t unit, start, n; /* samples start … start + n − 1 */
  bool fresh;              /* they are the unit's first: what it sums begins here */
  float *scratch;
  LodeKept *kept;
};

/* Whether the node has steps of its own. */
static inline bool
lode_node_runs (const LodeProgram *p, uint32_t v)
{
  return (p->node_flag[v] & (LODE_NODE_LIVE | LODE_NODE_INSIDE)) == LODE_NODE_LIVE;
}

static inline void *
lode_task_buffer (const LodeTask *task, int32_t buffer)
{
  return task->program->arena + task->program->buffer[buffer].offset;
}

static inline LodeValue
lode_task_input (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  return task->program->input[node->first + i];
}

static inline const LodeShape *
lode_task_shape (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  return &task->program->node[lode_task_input (task, node, i)].shape;
}

static inline uint32_t
lode_task_id (const LodeTask *task, const LodeNode *node)
{
  return (uint32_t) (node - task->program->node);
}

/* The unit's samples of a value. */
static inline float *
lode_task_value (const LodeTask *task, LodeValue x)
{
  const LodeNode *node = &task->program->node[x];
  size_t size = lode_shape_size (&node->shape) * task->start;

  if (node->kind == LODE_KIND_IMAGE)
    return (float *) (uintptr_t) (task->bind->image + size);
  return (float *) lode_task_buffer (task, task->program->value[x]) + size;
}

static inline const float *
lode_task_in (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  return lode_task_value (task, lode_task_input (task, node, i));
}

static inline float *
lode_task_out (const LodeTask *task, const LodeNode *node)
{
  return lode_task_value (task, (LodeValue) lode_task_id (task, node));
}

static inline float *
lode_task_dout (const LodeTask *task, const LodeNode *node)
{
  float *at = lode_task_buffer (task, task->program->dvalue[lode_task_id (task, node)]);

  return at + lode_shape_size (&node->shape) * task->start;
}

/* Whether the gradient of a linear layer's weights is made of the whole batch at once, behind the
 * region of its backward, row by row of the weight: no partial sums. */
static inline bool
lode_node_direct (const LodeProgram *p, uint32_t v)
{
  const LodeNode *node = &p->node[v];

  return node->kind == LODE_KIND_LINEAR && lode_node_runs (p, v)
         && !(p->node_flag[v] & LODE_NODE_SHARED) && node->block[2] == node->wide[0]
         && node->block[3] == node->wide[1];
}

/* Where the gradient of an input goes, or NULL. *first: nothing is there yet, not even zeros. */
static inline float *
lode_task_din_raw (const LodeTask *task, const LodeNode *node, uint32_t i, bool *first)
{
  uint8_t flag = task->program->in_flag[node->first + i];
  LodeValue x = lode_task_input (task, node, i);

  if (!(flag & LODE_IN_WANTED))
    return NULL;
  *first = flag & LODE_IN_FIRST;
  return (float *) lode_task_buffer (task, task->program->dvalue[x])
         + lode_shape_size (&task->program->node[x].shape) * task->start;
}

/* The same, ready to be added to. */
static inline float *
lode_task_din (const LodeTask *task, const LodeNode *node, uint32_t i)
{
  bool first = false;
  float *dx = lode_task_din_raw (task, node, i, &first);

  if (dx && first)
    memset (dx, 0, lode_shape_size (lode_task_shape (task, node, i)) * task->n * sizeof *dx);
  return dx;
}

/* The node's weight, dense as its block says. */
static inline const float *
lode_task_weight (const LodeTask *task, const LodeNode *node)
{
  int32_t packed = task->program->packed[lode_task_id (task, node)];

  if (packed >= 0)
    return lode_task_buffer (task, packed);
  return ((const LodeParamSet *) task->bind->weights)->at[node->weight];
}

static inline const float *
lode_task_bias (const LodeTask *task, const LodeNode *node)
{
  return node->bias < 0 ? NULL : ((const LodeParamSet *) task->bind->weights)->at[node->bias];
}

/* … turned as a direction's kernel likes it (Winograd's form, panels), or NULL. */
static inline const float *
lode_task_turned (const LodeTask *task, const LodeNode *node, bool back)
{
  int32_t turned = task->program->turned[back][lode_task_id (task, node)];

  return turned < 0 ? NULL : lode_task_buffer (task, turned);
}

/* Room for the gradient of weight and bias, in this order on lines of their own. */
static inline size_t
lode_node_weight_room (const LodeNode *node)
{
  size_t n = (size_t) node->block[0] * node->block[1] * node->block[2] * node->block[3];

  return node->weight < 0 ? 0 : (n + 15) / 16 * 16;
}

static inline bool
lode_task_flag (const LodeTask *task, const LodeNode *node, uint8_t flag)
{
  return task->program->node_flag[lode_task_id (task, node)] & flag;
}

/* The unit's partial gradient of the weight, zeroed for the unit's first samples; NULL if not
 * wanted. */
float *lode_task_dweight (const LodeTask *, const LodeNode *);
/* … of the bias; call it after lode_task_dweight. */
float *lode_task_dbias (const LodeTask *, const LodeNode *);

/* The gradient of a slot, marked as touched, for settle calls that add to it; NULL where the set
 * lacks it. */
float *lode_task_grad (const LodeTask *, int32_t slot);

static inline void *
lode_task_state (const LodeTask *task, const LodeNode *node)
{
  return lode_task_buffer (task, task->program->state[lode_task_id (task, node)]);
}

static inline double
lode_size_cost (const LodeNode *node)
{
  return 0.4 * (double) lode_shape_size (&node->shape);
}

/* profile.c */
typedef struct LodeProfile LodeProfile;
LodeProfile *lode_profile_new (uint32_t workers);
void lode_profile_free (LodeProfile *);
/* Runs a step, taking its time where there is a profile. */
void lode_profile_run (LodeProfile *, uint32_t worker, const LodeStep *, const LodeTask *);
/* Seconds of processor time of this thread; 0 without a profile. */
double lode_profile_now (const LodeProfile *);
typedef enum { LODE_PREPARE_RECORD, LODE_PREPARE_FIND, LODE_PREPARES } LodePrepare;
void lode_profile_prepared (LodeProfile *, LodePrepare what, double begun);
uint32_t lode_profile_shares (const LodeProfile *, LodeShare *share, uint32_t n);
LodeProfile *lode_engine_clock (const LodeEngine *); /* NULL: none */

/* ops/norm.c: a norm's state; everything per channel. */
typedef struct LodeNormState {
  double *part; /* [units][2][c] mean, squared deviations; backward: Σ dy, Σ dy x̂ */
  float *mean, *invstd, *scale, *shift; /* [c] */
  float *offset;                        /* [c] −mean invstd */
  float *ka, *kb, *kc;                  /* [c] dx = ka dy + kb x + kc */
} LodeNormState;
LodeNormState lode_norm_state (const LodeTask *, const LodeNode *);

/* An input as it is stored, and what to apply to it; scale and shift are [c], or NULL. */
typedef struct LodeView {
  const float *x;
  const float *scale, *shift;
} LodeView;
/* Adds the moments of the task's samples; x: these samples of the norm's input */
void lode_norm_gather (const LodeTask *, const LodeNode *norm, const float *x);
LodeView lode_task_view (const LodeTask *, LodeValue);

/*
 * The gradient of the node's value for n of the task's samples from number s on: where it is
 * stored, or made in scratch from that of the norms behind it.
 */
const float *lode_task_gradient (const LodeTask *, const LodeNode *, uint32_t s, uint32_t n,
                                 float *scratch);
/* The gradient behind a norm, less its gate, of sample s; scratch: [sample] */
const float *lode_gradient_behind (const LodeTask *, const LodeNode *norm, uint32_t s,
                                   float *scratch);
size_t lode_gradient_scratch (const LodeNode *, uint32_t n); /* floats of that scratch */

/* ops/conv.c. in: shape of what is read */
LodeConvGeometry lode_conv_geometry (const LodeNode *, const LodeShape *in, uint32_t n);

/* ops/mix.c: the gate, the rate and the mask of a part of a mix. mix: its number in the program */
float lode_mix_gate (const LodeTask *, int32_t mix, uint32_t part);
float lode_mix_rate (const LodeTask *, int32_t mix, uint32_t part);
/* y = x times the mask; n values, the first being number `at` of the batch's. */
void lode_mix_drop (const LodeTask *, int32_t mix, uint32_t part, uint64_t at, size_t n,
                    const float *x, float *y);
/* [parts] of the task's unit: Σ ⟨dy, part⟩, zeroed for its first samples; NULL: not wanted */
double *lode_mix_sums (const LodeTask *, int32_t mix);

/* compile.c, plan.c, engine.c */
bool lode_engine_fuses (const LodeEngine *);
bool lode_engine_turns (const LodeEngine *);
bool lode_engine_streams (const LodeEngine *, size_t bytes);
LodeProgram *lode_program_compile (LodeEngine *, const LodeRecord *, uint32_t batch, uint32_t grad,
                                   GError **);
void lode_program_free (LodeProgram *);
void lode_program_plan (LodeProgram *);
/* bit 0: the node's weight is frozen, bit 1: its bias */
uint8_t lode_node_frozen (const LodeRecord *, const LodeNode *);
void *lode_engine_arena (LodeEngine *, size_t bytes);
float *lode_engine_scratch (LodeEngine *, size_t floats, uint32_t worker);
/* ops/mix.c: adds the gates' gradients of one mix. dgate: [options] */
void lode_mix_gates (const LodeTask *, int32_t mix, double *dgate);

#endif

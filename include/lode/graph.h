/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph on which a backbone records the network of a choice.
 *
 * Every function takes values and returns a value; nothing is computed here. An operation on an absent
 * value is absent. The first mistake (unknown shape, clashing weight) is kept with the name of the
 * operation and reported when `build` returns, so a backbone need not check each call.
 *
 * Weights are found by name. Names are relative to the backbone; the same name twice in one graph is
 * the same weight. A weight that exists with more channels than asked for lends its leading ones.
 * All functions are [main] and are called inside `build` only.
 */
#ifndef LODE_GRAPH_H
#define LODE_GRAPH_H

#include <lode/types.h>

#define LODE_DEPTHWISE UINT32_MAX
enum { LODE_PAD_SAME = 0, LODE_PAD_NONE = -1 };

/* A convolution. Zero means the default, so a pointwise one is { sizeof, .channels = c }. */
typedef struct LodeConv {
  size_t size;
  uint32_t channels; /* out; ignored by a depthwise convolution */
  uint32_t kernel;   /* side; 0: 1 */
  uint32_t stride;   /* 0: 1 */
  uint32_t dilation; /* 0: 1 */
  uint32_t groups;   /* 0: 1; LODE_DEPTHWISE: as many as channels */
  int32_t pad;       /* LODE_PAD_SAME: dilation (kernel − 1) / 2; LODE_PAD_NONE; or pixels */
  uint32_t offset;   /* the input is read from (offset, offset) on, with zeros behind its edge */
  bool bias;
} LodeConv;

/* A pooling window; zero means kernel 2, stride = kernel, LODE_PAD_SAME: (kernel − 1) / 2. */
typedef struct LodeWindow {
  size_t size;
  uint32_t kernel, stride;
  int32_t pad;
} LodeWindow;

/*
 * An operation that a plugin brings. Chunks are dense NHWC float32 of `n` samples. Functions are [pool],
 * pure, and see only their arguments; reductions over samples go through `dweight`, which is zeroed before
 * the first of a fixed group of chunks and added up by the host in a fixed order. WHOLE: samples are coupled, so the chunk is the batch.
 */
enum { LODE_OP_WHOLE = 1 };

typedef struct LodeOpChunk {
  size_t size;
  uint32_t n, inputs;         /* samples; inputs of the operation */
  const LodeShape *in_shape;  /* [inputs] */
  LodeShape shape;            /* of the output */
  const float *const *in;     /* [inputs] → [n][h][w][c] */
  const float *weight;        /* [weights] */
  float *out;                 /* [n][h][w][c]; forward writes it, backward may read it */
  const float *dout;          /* backward only: [n][h][w][c] */
  float *const *din;          /* backward only: [inputs], an entry NULL if not wanted; add to it */
  float *dweight;             /* backward only: [weights] or NULL if not wanted; add to it */
} LodeOpChunk;

typedef struct LodeOp {
  size_t size;
  const char *name;
  uint32_t flags;                                                                /* LODE_OP_… */
  bool (*shape) (const void *conf, uint32_t n, const LodeShape *in, LodeShape *out, uint32_t *weights);
  void (*forward) (const void *conf, const LodeOpChunk *);                       /* [pool] */
  void (*backward) (const void *conf, const LodeOpChunk *);                      /* [pool] */
  double (*macs) (const void *conf, uint32_t n, const LodeShape *in);            /* a sample; may be NULL: 0 */
  uint32_t conf_size; /* the graph keeps a copy of conf */
} LodeOp;

/* The table behind the functions below. */
typedef struct LodeGraphCalls {
  size_t size;
  bool (*wants) (const LodeGraph *, uint32_t decision, uint32_t option);
  bool (*shape) (const LodeGraph *, LodeValue, LodeShape *);
  LodeValue (*conv) (LodeGraph *, const char *name, LodeValue, const LodeConv *);
  LodeValue (*linear) (LodeGraph *, const char *name, LodeValue, uint32_t channels, bool bias);
  LodeValue (*norm) (LodeGraph *, const char *name, LodeValue, bool affine);
  LodeValue (*relu) (LodeGraph *, LodeValue);
  LodeValue (*max_pool) (LodeGraph *, LodeValue, const LodeWindow *);
  LodeValue (*avg_pool) (LodeGraph *, LodeValue, const LodeWindow *);
  LodeValue (*global_pool) (LodeGraph *, LodeValue);
  LodeValue (*add) (LodeGraph *, uint32_t n, const LodeValue *);
  LodeValue (*concat) (LodeGraph *, uint32_t n, const LodeValue *);
  LodeValue (*mix) (LodeGraph *, uint32_t decision, const LodeValue *part);
  LodeValue (*zero) (LodeGraph *, LodeValue, uint32_t stride);
  LodeValue (*shortcut) (LodeGraph *, LodeValue, uint32_t channels, uint32_t stride);
  LodeValue (*drop_path) (LodeGraph *, LodeValue);
  LodeValue (*table) (LodeGraph *, const char *name, LodeValue index, uint32_t rows, uint32_t channels);
  LodeValue (*op) (LodeGraph *, const LodeOp *, const char *name, uint32_t n, const LodeValue *, const void *conf);
  void (*fail) (LodeGraph *, const char *message);
} LodeGraphCalls;

struct LodeGraph {
  const LodeGraphCalls *calls;
};

/* Whether the choice being recorded contains an option. Record only what is wanted. */
static inline bool
lode_graph_wants (const LodeGraph *graph, uint32_t decision, uint32_t option)
{
  return graph->calls->wants (graph, decision, option);
}

/* The shape of a value; false if it is absent. */
static inline bool
lode_graph_shape (const LodeGraph *graph, LodeValue x, LodeShape *shape)
{
  return graph->calls->shape (graph, x, shape);
}

/* Reports a mistake of the backbone's own; the first one of a graph counts. */
static inline void
lode_graph_fail (LodeGraph *graph, const char *message)
{
  graph->calls->fail (graph, message);
}

static inline LodeValue
lode_conv (LodeGraph *graph, const char *name, LodeValue x, const LodeConv *conv)
{
  return graph->calls->conv (graph, name, x, conv);
}

/* Fully connected, on the flattened [h][w][c] of a sample; gives 1 × 1 × channels. */
static inline LodeValue
lode_linear (LodeGraph *graph, const char *name, LodeValue x, uint32_t channels, bool bias)
{
  return graph->calls->linear (graph, name, x, channels, bias);
}

/* Batch normalisation (Ioffe & Szegedy 2015), ε = 1e-5, momentum 0.1. */
static inline LodeValue
lode_norm (LodeGraph *graph, const char *name, LodeValue x, bool affine)
{
  return graph->calls->norm (graph, name, x, affine);
}

static inline LodeValue
lode_relu (LodeGraph *graph, LodeValue x)
{
  return graph->calls->relu (graph, x);
}

static inline LodeValue
lode_max_pool (LodeGraph *graph, LodeValue x, const LodeWindow *window)
{
  return graph->calls->max_pool (graph, x, window);
}

/* The mean over the cells of the window that lie inside the image. */
static inline LodeValue
lode_avg_pool (LodeGraph *graph, LodeValue x, const LodeWindow *window)
{
  return graph->calls->avg_pool (graph, x, window);
}

/* The mean over the image: 1 × 1 × c. */
static inline LodeValue
lode_global_pool (LodeGraph *graph, LodeValue x)
{
  return graph->calls->global_pool (graph, x);
}

/* Sum; absent values are left out; unequal widths are summed on the channels that all have, the others keep their partial sum. */
static inline LodeValue
lode_add (LodeGraph *graph, uint32_t n, const LodeValue *x)
{
  return graph->calls->add (graph, n, x);
}

static inline LodeValue
lode_concat (LodeGraph *graph, uint32_t n, const LodeValue *x)
{
  return graph->calls->concat (graph, n, x);
}

/*
 * Σ gate_o · part_o over the options of a decision; absent parts are skipped, each part is dropped out
 * element by element at its rate. Unequal widths are brought to the widest by channel-wise
 * interpolation (Dong & Yang 2019, TAS, §3.2). part: [options of the decision]
 */
static inline LodeValue
lode_mix (LodeGraph *graph, uint32_t decision, const LodeValue *part)
{
  return graph->calls->mix (graph, decision, part);
}

/* Zeros of the shape that stride leaves. */
static inline LodeValue
lode_zero (LodeGraph *graph, LodeValue x, uint32_t stride)
{
  return graph->calls->zero (graph, x, stride);
}

/* x at every stride-th pixel, zeros appended up to `channels` (He et al. 2016, option A); fewer: the leading ones. */
static inline LodeValue
lode_shortcut (LodeGraph *graph, LodeValue x, uint32_t channels, uint32_t stride)
{
  return graph->calls->shortcut (graph, x, channels, stride);
}

/* Drops whole samples at the pass's rate p and divides the others by 1 − p (Larsson et al. 2017). */
static inline LodeValue
lode_drop_path (LodeGraph *graph, LodeValue x)
{
  return graph->calls->drop_path (graph, x);
}

/* A learned row per example: index → 1 × 1 × channels. */
static inline LodeValue
lode_table (LodeGraph *graph, const char *name, LodeValue index, uint32_t rows, uint32_t channels)
{
  return graph->calls->table (graph, name, index, rows, channels);
}

/* An operation of the plugin's own; name NULL where it has no weights. */
static inline LodeValue
lode_op (LodeGraph *graph, const LodeOp *op, const char *name, uint32_t n, const LodeValue *x, const void *conf)
{
  return graph->calls->op (graph, op, name, n, x, conf);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a recording: its nodes, and what the operations (ops/<op>.c) need to add one. A
 * node is plain bytes without padding of unknown content, so that structures are hashed and
 * compared as such.
 */
#ifndef LODE_CORE_RECORD_H
#define LODE_CORE_RECORD_H

#include "compute/graph.h"

typedef enum {
  LODE_KIND_IMAGE,
  LODE_KIND_INDEX,
  LODE_KIND_CONV,
  LODE_KIND_LINEAR,
  LODE_KIND_COSINE,
  LODE_KIND_NORM,
  LODE_KIND_RELU,
  LODE_KIND_MAX_POOL,
  LODE_KIND_AVG_POOL,
  LODE_KIND_GLOBAL_POOL,
  LODE_KIND_ADD,
  LODE_KIND_CONCAT,
  LODE_KIND_MIX,
  LODE_KIND_ZERO,
  LODE_KIND_SHORTCUT,
  LODE_KIND_DROP_PATH,
  LODE_KIND_TABLE,
  LODE_KIND_PLUGIN,
  LODE_KIND_UNIT, /* made by fusion alone, never recorded */
  LODE_KIND_SUM,
  LODE_KINDS
} LodeKindId;

/* One operation and the value that it makes. Slots are −1 where there is none. */
typedef struct LodeNode {
  const LodeOp *op;       /* PLUGIN */
  uint32_t kind;          /* LodeKindId */
  uint32_t inputs, first; /* its inputs are record->input[first …] */
  LodeShape shape;        /* of a sample of its value */
  int32_t weight, bias;   /* weight slots: conv, linear, norm (scale, shift), table, plugin */
  int32_t stats;          /* NORM */
  uint32_t block[4];      /* the leading part of the weight that it uses: [k][k][ci][co] */
  uint32_t wide[2]; /* ci and co of the whole weight; NORM: c of the whole statistics in wide[1] */
  uint32_t kernel, stride, dilation, groups; /* CONV; pools */
  int32_t pad;                               /* CONV (less the offset); pools */
  uint32_t option;                           /* MIX: position of the decision's first option */
  uint32_t conf;                             /* PLUGIN: where its conf begins in record->conf */
  float scale;                               /* COSINE */
  uint32_t ordinal;                          /* names the random numbers of MIX and DROP_PATH */
} LodeNode;

struct LodeRecord {
  LodeGraph base;
  LodeLayout *weights, *stats;
  const LodeSpace *space;
  uint64_t *mask;    /* [space.n], or NULL */
  uint32_t *option;  /* [space.n] position of each decision's first option */
  LodeNode *node;    /* [nodes] */
  LodeValue *input;  /* [inputs] of all nodes */
  uint8_t *conf;     /* of all plugins' operations */
  LodeValue *output; /* [outputs] */
  int32_t *seen;     /* [seens] node + 1 by hash: pure operations recorded twice are one */
  uint64_t *hashes;  /* [room] of each node */
  size_t *used;      /* [slots] values of each weight that are used */
  uint32_t nodes, room, inputs, input_room, confs, conf_room, outputs, output_room, seens, slots;
  uint32_t seen_count, random;
  char *name; /* scope, then the name looked up */
  size_t scope, name_room;
  uint64_t hash, macs, params;
  GError *mistake;
};

/* Begins a node; false where it is absent or the recording has failed. in: [n] */
bool lode_record_begin (LodeRecord *, LodeKindId, uint32_t n, const LodeValue *in, LodeNode **);
/* Ends it: checks its size, merges it with an equal one where it is pure. */
LodeValue lode_record_end (LodeRecord *, LodeNode *);
/* Keeps the first mistake; gives −1. */
LodeValue lode_record_fail (LodeRecord *, const char *op, const char *name, const char *format, ...)
    G_GNUC_PRINTF (4, 5);
/* The slot of scope + name + suffix with at least the node's block, or −1 after a mistake. */
int32_t lode_record_weight (LodeRecord *, const char *op, const char *name, const char *suffix,
                            const uint32_t block[4], uint32_t fan, LodeInit);
/* Gives the node the weight of its block (wide[] too); false after a mistake. */
bool lode_record_attach (LodeRecord *, LodeNode *, const char *op, const char *name,
                         const char *suffix, uint32_t fan, LodeInit);
/* Appends bytes that belong to the node's structure; gives their position (a multiple of 16). */
uint32_t lode_record_conf (LodeRecord *, size_t n, const void *data);
int32_t lode_record_stats (LodeRecord *, const char *name, uint32_t channels, uint32_t *wide);

static inline const LodeShape *
lode_record_shape (const LodeRecord *record, LodeValue x)
{
  return &record->node[x].shape;
}

static inline size_t
lode_shape_size (const LodeShape *s)
{
  return (size_t) s->h * s->w * s->c;
}

/* ops/: the calls of LodeGraph. */
LodeValue lode_record_conv (LodeGraph *, const char *name, LodeValue, const LodeConv *);
LodeValue lode_record_linear (LodeGraph *, const char *name, LodeValue, uint32_t channels,
                              bool bias);
LodeValue lode_record_norm (LodeGraph *, const char *name, LodeValue, bool affine);
LodeValue lode_record_relu (LodeGraph *, LodeValue);
LodeValue lode_record_max_pool (LodeGraph *, LodeValue, const LodeWindow *);
LodeValue lode_record_avg_pool (LodeGraph *, LodeValue, const LodeWindow *);
LodeValue lode_record_global_pool (LodeGraph *, LodeValue);
LodeValue lode_record_add (LodeGraph *, uint32_t n, const LodeValue *);
LodeValue lode_record_concat (LodeGraph *, uint32_t n, const LodeValue *);
LodeValue lode_record_mix (LodeGraph *, uint32_t decision, const LodeValue *part);
LodeValue lode_record_zero (LodeGraph *, LodeValue, uint32_t stride);
LodeValue lode_record_shortcut (LodeGraph *, LodeValue, uint32_t channels, uint32_t stride);
LodeValue lode_record_drop_path (LodeGraph *, LodeValue);
LodeValue lode_record_table (LodeGraph *, const char *name, LodeValue index, uint32_t rows,
                             uint32_t channels);
LodeValue lode_record_op (LodeGraph *, const LodeOp *, const char *name, uint32_t n,
                          const LodeValue *, const void *conf);

#endif

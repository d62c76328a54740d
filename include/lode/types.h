/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that more than one header uses.
 *
 * Every object a service hands out begins with the table of its methods; the functions of these
 * headers are inline and call through that table, so a plugin links nothing of Lode.
 */
#ifndef LODE_TYPES_H
#define LODE_TYPES_H

#include <glib.h>
#include <lode/abi.h>

typedef struct LodeHost LodeHost;
typedef struct LodeGraph LodeGraph;   /* the network of one choice, being recorded */
typedef struct LodeNet LodeNet;       /* backbone + head + loss, with weights of its own */
typedef struct LodeParams LodeParams; /* a weight set */
typedef struct LodeStats LodeStats;   /* a set of batch-norm statistics */
typedef struct LodeOptim LodeOptim;
typedef struct LodeFit LodeFit;
typedef struct LodeStream LodeStream;
typedef struct LodePool LodePool;
typedef struct LodeRows LodeRows;     /* a matrix read by blocks */
typedef struct LodeStore LodeStore;

typedef int32_t LodeValue; /* a value of a graph; negative: absent */

/* Height, width, channels of one sample. Tensors lie as [n][h][w][c]. */
typedef struct LodeShape {
  uint32_t h, w, c;
} LodeShape;

/* A position in a stream of random numbers; copying it saves it. */
typedef struct LodeRng {
  uint64_t key, n;
} LodeRng;

/* What a step of a search or stage says of itself. `of` = 0: not known. */
typedef struct LodeProgress {
  size_t size;
  uint64_t done, of; /* units of work */
  const char *phase; /* static text: "warm-up", "search" … */
  bool end;          /* nothing is left to do */
} LodeProgress;

/*
 * Abilities. A vtable's `needs` or `can` is a set of these; a combination is legal when every need is
 * among what the backbone can do and the stage gives.
 */
enum {
  LODE_SHARE = 1 << 0,     /* backbone: one set of weights serves every choice */
  LODE_MIX = 1 << 1,       /* backbone: several options at once, with gates */
  LODE_SCALE = 1 << 2,     /* backbone: depth and width are free at build time */
  LODE_SCORES = 1 << 3,    /* stage: architectures can be scored */
  LODE_TASKS = 1 << 4,     /* stage: few-shot episodes */
  LODE_LABELS = 1 << 5,    /* stage: every label of the pool is known */
  LODE_SEEN = 1 << 6,      /* stage: per-example probabilities and losses are reported */
  LODE_FEATURES = 1 << 7,  /* stage: features of one or more nets */
  LODE_PROBS = 1 << 8,     /* stage: class probabilities of one or more nets */
  LODE_EMBEDDING = 1 << 9, /* stage: a low-dimensional embedding of the pool */
  LODE_VALID = 1 << 10,    /* stage: a validation score */
  LODE_TEACHER = 1 << 11   /* stage: a teacher's logits */
};

#endif

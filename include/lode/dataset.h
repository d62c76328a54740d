/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `dataset`: examples in a file format. Resizing, subsets, splits, normalisation and augmentation
 * are the host's; a dataset only says what there is and reads it.
 *
 * open → (info | read | class_name)* → close. Every bad file is found by `open`.
 */
#ifndef LODE_DATASET_H
#define LODE_DATASET_H

#include <lode/types.h>

typedef struct LodeDataset LodeDataset;

enum { LODE_PART_TRAIN, LODE_PART_TEST, LODE_PARTS };
enum { LODE_PIXEL_U8, LODE_PIXEL_F32 };

/* What examples carry besides pixels and target. */
enum { LODE_HAS_WEIGHT = 1, LODE_HAS_GROUP = 2, LODE_HAS_SPLIT = 4 };
enum { LODE_SPLIT_TRAIN, LODE_SPLIT_VALID, LODE_SPLIT_TEST };

typedef struct LodeDataInfo {
  size_t size;
  LodeShape shape;              /* of a sample; a vector is 1 × 1 × c */
  uint32_t pixel;               /* LODE_PIXEL_… */
  uint32_t classes;             /* 0: targets are vectors of reals */
  uint32_t targets;             /* length of a real target, 0 with classes */
  uint32_t has;                 /* LODE_HAS_… */
  uint32_t count[LODE_PARTS];   /* examples */
} LodeDataInfo;

/* Which examples to read, and where to put them; an array that is NULL is not wanted. */
typedef struct LodeExamples {
  size_t size;
  uint32_t n;
  const uint32_t *index; /* [n] */
  void *pixel;           /* [n][h][w][c] of the dataset's type */
  int32_t *label;        /* [n] class, −1: unlabelled */
  float *target;         /* [n][targets] */
  float *weight;         /* [n] */
  int32_t *group;        /* [n] */
  int32_t *split;        /* [n] LODE_SPLIT_… */
} LodeExamples;

typedef struct LodeDatasetOps {
  size_t size;
  LodeDataset *(*open) (const LodeHost *, const void *conf, GError **); /* [main] */
  void (*close) (LodeDataset *);                                       /* [main] accepts NULL */
  void (*info) (const LodeDataset *, LodeDataInfo *);                  /* [any] */
  bool (*read) (const LodeDataset *, uint32_t part, const LodeExamples *, GError **); /* [any] */
  /* OPTIONAL */
  const char *(*class_name) (const LodeDataset *, uint32_t); /* [any] transfer none [the number] */
} LodeDatasetOps;

#endif

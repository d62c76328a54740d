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
#include <string.h>

typedef struct LodeDataset LodeDataset;

enum { LODE_PART_TRAIN, LODE_PART_TEST, LODE_PARTS };
enum { LODE_PIXEL_U8, LODE_PIXEL_F32 };

/* What examples carry besides pixels and target. MISSING: among pixels of LODE_PIXEL_F32 a NaN is a
 * value that is not known; it counts as the mean of its channel over the training split. */
enum { LODE_HAS_WEIGHT = 1, LODE_HAS_GROUP = 2, LODE_HAS_SPLIT = 4, LODE_HAS_MISSING = 8 };
enum { LODE_SPLIT_TRAIN, LODE_SPLIT_VALID, LODE_SPLIT_TEST };

typedef struct LodeDataInfo {
  size_t size;
  LodeShape shape;              /* of a sample; a vector is 1 × 1 × c */
  uint32_t pixel;               /* LODE_PIXEL_… */
  uint32_t classes;             /* 0: targets are vectors of reals, or examples are unlabelled */
  uint32_t targets;             /* length of a real target, 0 with classes or unlabelled */
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
  /* Where an example comes from, for messages: a file, a line. [any] transfer full [the number] */
  char *(*example_name) (const LodeDataset *, uint32_t part, uint32_t index);
} LodeDatasetOps;

/* Examples of a part as arrays in memory, for `read`; NULL: there is no such array. */
typedef struct LodeArrays {
  uint32_t n, targets;
  size_t bytes;        /* of an example's pixels */
  const void *pixel;   /* [n][bytes] */
  const int32_t *label; /* [n]; NULL: −1 */
  const float *target; /* [n][targets] */
  const float *weight; /* [n]; NULL: 1 */
  const int32_t *group, *split; /* [n]; NULL: −1, LODE_SPLIT_TRAIN */
} LodeArrays;

/* What a plugin's `read` does with them, pixels apart where they are NULL. [any] */
static inline bool
lode_arrays_read (const LodeArrays *from, const LodeExamples *to, GError **error)
{
  for (uint32_t i = 0; i < to->n; i++) {
    uint32_t at = to->index[i];

    if (at >= from->n) {
      g_set_error (error, g_quark_from_static_string ("lode-data-error"), 0,
                   "there is no example %u; expected less than %u", at, from->n);
      return false;
    }
    if (to->pixel && from->pixel)
      memcpy ((char *) to->pixel + i * from->bytes, (const char *) from->pixel + at * from->bytes, from->bytes);
    if (to->label)
      to->label[i] = from->label ? from->label[at] : -1;
    if (to->target && from->target)
      memcpy (to->target + (size_t) i * from->targets, from->target + (size_t) at * from->targets,
              from->targets * sizeof (float));
    if (to->weight)
      to->weight[i] = from->weight ? from->weight[at] : 1;
    if (to->group)
      to->group[i] = from->group ? from->group[at] : -1;
    if (to->split)
      to->split[i] = from->split ? from->split[at] : LODE_SPLIT_TRAIN;
  }
  return true;
}

#endif

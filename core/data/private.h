/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the data layer: what its files share.
 */
#ifndef LODE_CORE_DATA_PRIVATE_H
#define LODE_CORE_DATA_PRIVATE_H

#include "data/data.h"
#include <lode/rng.h>

/* One part of a data set. What examples carry beside pixels is always in memory; pixels are with
 * `preload`. */
typedef struct LodePart {
  uint32_t n;
  void *pixel;    /* [n][h][w][c] at the size and in the type of streams' samples, or NULL: read on
                     demand */
  int32_t *label; /* [n], or NULL */
  float *target;  /* [n][targets], or NULL */
  float *weight;  /* [n], or NULL: 1 */
  int32_t *group; /* [n], or NULL */
  int32_t *split; /* [n], or NULL */
  uint64_t *hash; /* [n][2] of pixels, or NULL: not looked at */
  uint32_t *copy; /* [n] the first example with the same pixels, or NULL: all differ */
  int32_t *unit;  /* [n] groups joined where they share a copy, or NULL: group */
} LodePart;

/* Examples of a role, as ascending indices into a part. */
typedef struct LodeSplit {
  uint32_t part, n;
  uint32_t *at;
  double weight; /* mean of the examples' weights */
} LodeSplit;

struct LodeData {
  LodePool pool; /* first */
  const LodeDatasetOps *ops;
  LodeDataset *dataset;
  LodeDataInfo info;
  LodeDataConf conf;
  LodeShape shape;
  uint64_t seed;
  LodePart part[LODE_PARTS];
  LodeSplit weights, arch, valid, test;
  bool drawn;           /* the test split was taken from the training part */
  double *counts;       /* [classes] */
  char **class_names;   /* [classes] */
  float *scale, *shift; /* [w][c], the same for each column: normalised = raw · scale + shift */
  float *fill;          /* [w][c] what a missing value becomes, or NULL: none is missing */
  GPtrArray *notes;     /* char * */
  bool labels_shown;
  char *digest;
};

/* Of a sample as streams give it: values, and bytes in the stored type. */
size_t lode_data_values (const LodeData *);
size_t lode_data_bytes (const LodeData *);

/* Reads and checks all but the pixels. */
bool lode_part_open (LodeData *, uint32_t part, GError **);
/* Reads the pixels if they are to be kept; their digest, with the targets', where `digest` is not
 * NULL. */
bool lode_part_load (LodeData *, uint32_t part, GChecksum *digest, GError **);
/* Reads the pixels for their hashes alone. */
bool lode_part_hash (LodeData *, uint32_t part, GError **);
void lode_part_clear (LodePart *);
/* Samples at the size of streams: out: [n][h][w][c] of the stored type. Checks that reals are
 * finite. [any] */
bool lode_part_read (const LodeData *, uint32_t part, uint32_t n, const uint32_t *index, void *out,
                     GError **);

/* Fills weights, arch, valid and test. */
bool lode_split_all (LodeData *, GError **);
/* Moves quota[c] examples of each class (unlabelled ones first), the first of a seeded order, from
 * one split to another, which is empty. whole: equal examples go together, as far as that is
 * possible. quota: [classes + 1] */
void lode_split_quota (const LodeData *, const char *key, bool whole, const uint32_t *quota,
                       LodeSplit *from, LodeSplit *to);
/* profile.c: what is left for training, validation of equal classes (each keeps `later` examples),
 * wrong labels. */
bool lode_profile_apply (LodeData *, GError **);
bool lode_profile_valid (LodeData *, uint32_t amount, uint32_t later, GError **);
bool lode_profile_noise (LodeData *, GError **);
const LodeSplit *lode_data_split (const LodeData *, uint32_t role);

/* copies.c: fills copy and unit of a part whose hashes are known. */
void lode_copies_find (LodePart *);
/* Equal pixels on both sides of a split, told as data.duplicates says. */
bool lode_copies_check (LodeData *, GError **);
/* "cats/a.png", else "training example 3". Transfer full. */
char *lode_data_example_name (const LodeData *, uint32_t part, uint32_t index);
void lode_data_note (LodeData *, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* values.c: the pool's examples as streams give them without augmentation, a row each (transfer
 * full). */
LodeRows *lode_data_rows (const LodePool *, uint32_t what, uint32_t model, GError **);

/* Fills scale, shift and fill. */
bool lode_data_normalise (LodeData *, GError **);

/* [h][w][c] → [oh][ow][c]: area average down, bilinear up, each axis by itself. */
void lode_resize (const float *in, const LodeShape *from, float *out, const LodeShape *to);
/* The same of bytes, rounded; stride: bytes from row to row. [any] */
void lode_resize_bytes (const uint8_t *in, size_t stride, const LodeShape *from, uint8_t *out,
                        const LodeShape *to);

/* Crop, flip, normalise, cutout of one stored sample. rng NULL: no augmentation. A pure function of
 * its arguments. out: [h][w][c] [any] */
void lode_sample_write (const LodeData *, const void *sample, LodeRng *rng, float *out);

#endif

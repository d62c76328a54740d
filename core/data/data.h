/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data set in use: opened, reduced, split by role, normalised. Made from a dataset plugin's
 * vtable and the `data` group of a stage; gives the pool and streams of batches.
 */
#ifndef LODE_CORE_DATA_H
#define LODE_CORE_DATA_H

#include "data/corrupt.h"
#include "data/profile.h"
#include <lode/data.h>
#include <lode/dataset.h>
#include <lode/option.h>
#include <lode/sampler.h>
#include <lode/state.h>

/* The options of any data set (group `data`, beside `type`). */
typedef struct LodeDataConf {
  int64_t side; /* pixels; 0: as stored. Area-averaged down, bilinear up */
  /* Examples (> 1) or share (≤ 1): train of the training part, valid of what that leaves, test of
   * the test part, or where there is none of the training part, before all else; 0: train and test
   * all, valid none. */
  double train, valid, test;
  double arch;    /* share of the rest, held out for the architecture's own batches */
  bool normalise; /* by mean and deviation of each channel over the training split */
  int64_t crop;   /* pixels of padding before a random crop */
  bool flip;      /* horizontal, half of the time */
  int64_t cutout; /* side of the square, 0: none */
  bool preload;   /* keep decoded examples in memory */
  /* Of a test split taken from the training part, so that it is the same for every seed of a run.
   */
  int64_t split_seed;
  int32_t duplicates;  /* LODE_COPIES_…: examples with equal pixels on both sides of a split */
  int32_t unlabelled;  /* LODE_UNLABELLED_… */
  bool valid_balanced; /* as many validation examples of each class */
  int32_t profile;     /* LODE_PROFILE_…: of what is left for training */
  double ratio, minority;
  int64_t most, profile_order;
  double label_noise; /* chance of a wrong label in training */
  int32_t corrupt;    /* LODE_CORRUPT_…: of the test split */
  int64_t strength;
} LodeDataConf;

enum { LODE_COPIES_ERROR, LODE_COPIES_WARN, LODE_COPIES_KEEP };
enum { LODE_UNLABELLED_DROP, LODE_UNLABELLED_KEEP };

extern const LodeOption lode_data_options[];
extern const uint32_t lode_data_options_n;

typedef struct LodeData LodeData;

/* Takes the opened dataset over (closes it, also on failure). Splits are seeded and stratified;
 * where the dataset gives splits or groups they are kept (a test part is all test). Streams end
 * before it is freed. [main] */
LodeData *lode_data_new (const LodeDatasetOps *, LodeDataset *, const LodeDataConf *, uint64_t seed,
                         GError **);
void lode_data_free (LodeData *);

LodeShape lode_data_shape (const LodeData *); /* of a sample as streams give it */
uint32_t lode_data_classes (const LodeData *);
uint32_t lode_data_targets (const LodeData *);
const char *lode_data_class_name (const LodeData *, uint32_t);
uint32_t lode_data_count (const LodeData *,
                          uint32_t role); /* examples of a role's split (CALIBRATE: of the pool) */
const double *lode_data_class_counts (
    const LodeData *); /* [classes] of the pool, example weights summed; NULL without classes */
LodePool *lode_data_pool (LodeData *); /* what a sampler sees; labels hidden unless shown */
void lode_data_show_labels (LodeData *, bool shown); /* whether the pool's label () answers */
/* Lines about the data that the user ought to read; each char *. Transfer none. */
const GPtrArray *lode_data_notes (const LodeData *);
const char *
lode_data_digest (const LodeData *); /* sha256 over pixels and targets of the training part, hex */

/* What a stream of WEIGHTS asks before the first batch of an epoch; picks has room for the whole
 * pool. Each pick comes once an epoch, with weight · times · its own weight, scaled to mean 1. */
typedef bool (*LodeSelectFunc) (void *data, const LodeAsk *, LodePicks *, GError **);

typedef struct LodeStreamSpec {
  uint32_t role, batch;
  bool augment;   /* crop, flip, cutout; never for VALID, TEST, CALIBRATE */
  bool drop_last; /* the last, smaller batch of an epoch is left out (WEIGHTS, ARCH) */
  uint64_t seed;
  LodeSelectFunc select; /* WEIGHTS: NULL takes the whole pool */
  void *select_data;
} LodeStreamSpec;

/* Shuffled per epoch for WEIGHTS and ARCH; in order, without augmentation, for the others. A batch
 * is a function of (seed, role, epoch, index): the reader thread behind it has no state of its own.
 * [main] */
LodeStream *lode_stream_new (LodeData *, const LodeStreamSpec *, GError **);
void lode_stream_save (const LodeStream *, const char *prefix, LodeStore *);
bool lode_stream_load (LodeStream *, const char *prefix, const LodeStore *, GError **);
/* The last validation score, for the next LodeAsk. */
void lode_stream_valid (LodeStream *, double score);

#endif

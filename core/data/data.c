/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A data set's life: description checked, parts read, splits, normalisation; what the pool tells a
 * plugin.
 */
#include "data/private.h"

#include "error.h"

static const char *const duplicates[] = { "error", "warn", "keep", NULL };
static const char *const corruptions[] = { "none", "noise", "blur", "contrast", "patches", NULL };
static const char *const profiles[] = { "none", "exp", "step", NULL };
static const char *const unlabelled[] = { "drop", "keep", NULL };

const LodeOption lode_data_options[] = {
  LODE_OPTION (LodeDataConf, side, .number = 0, .max = 4096, .unit = "pixels",
               .doc = "side that images are resized to; 0: as stored"),
  LODE_OPTION (LodeDataConf, train, .number = 0, .max = 1e9, .unit = "examples or share",
               .doc = "how much of the training part is used; 0: all"),
  LODE_OPTION (LodeDataConf, valid, .number = 0, .max = 1e9, .unit = "examples or share",
               .doc = "how much of that is reserved for validation"),
  LODE_OPTION (LodeDataConf, test, .number = 0, .max = 1e9, .unit = "examples or share",
               .doc = "how much of the test part is used, 0: all; without a test part, how much of "
                      "the training part becomes one"),
  LODE_OPTION (LodeDataConf, arch, .number = 0, .max = 0.9, .unit = "share",
               .doc = "share of the rest that architecture steps draw from"),
  LODE_OPTION (LodeDataConf, normalise, .number = 1,
               .doc = "mean 0 and deviation 1 for each channel over the training split"),
  LODE_OPTION (LodeDataConf, crop, .number = 0, .max = 256, .unit = "pixels",
               .doc = "zeros around the image before a random crop"),
  LODE_OPTION (LodeDataConf, flip, .number = 0, .doc = "mirror half of the images"),
  LODE_OPTION (LodeDataConf, cutout, .number = 0, .max = 4096, .unit = "pixels",
               .doc = "side of a square set to zero (DeVries & Taylor 2017)"),
  LODE_OPTION (LodeDataConf, preload, .number = 1, .doc = "keep decoded examples in memory"),
  LODE_OPTION (LodeDataConf, split_seed, .number = 1, .max = 1e9,
               .doc = "seed of a test split taken from the training part; not the run's, so that "
                      "all its seeds are tested alike"),
  LODE_OPTION (LodeDataConf, duplicates, .choices = duplicates,
               .doc = "equal examples on both sides of a split: an error, a warning, or not looked "
                      "for"),
  LODE_OPTION (LodeDataConf, unlabelled, .choices = unlabelled,
               .doc = "examples without a label among others with one: left out, or in the pool"),
  LODE_OPTION (LodeDataConf, valid_balanced, .number = 0,
               .doc = "as many validation examples of each class, however many it has"),
  LODE_OPTION (LodeDataConf, profile, .choices = profiles,
               .doc = "examples of the classes left for training: as they are, falling "
                      "exponentially, or many and few"),
  LODE_OPTION (LodeDataConf, ratio, .number = 100, .min = 1, .max = 1e6,
               .doc = "of a profile: examples of the largest class to those of the smallest"),
  LODE_OPTION (LodeDataConf, most, .number = 0, .max = 1e9, .unit = "examples",
               .doc = "of a profile: examples of the largest class; 0: as many as every class has"),
  LODE_OPTION (LodeDataConf, minority, .number = 0.5, .max = 1,
               .doc = "of profile `step`: share of the classes that are small"),
  LODE_OPTION (LodeDataConf, profile_order, .number = -1, .min = -1, .max = 1e9,
               .doc = "of a profile: seed of which classes are large; -1: the first are"),
  LODE_OPTION (LodeDataConf, label_noise, .number = 0, .max = 1,
               .doc = "chance of a training example to have another class's label"),
  LODE_OPTION (LodeDataConf, corrupt, .choices = corruptions,
               .doc = "how the test split is made worse"),
  LODE_OPTION (LodeDataConf, strength, .number = 3, .min = 1, .max = 5, .doc = "of `corrupt`"),
};
const uint32_t lode_data_options_n = G_N_ELEMENTS (lode_data_options);

enum { LARGEST_SIDE = 1 << 16, MOST_CLASSES = 1 << 20 };

static const LodeData *
data_of (const LodePool *pool)
{
  return (const LodeData *) (const void *) pool;
}

static uint32_t
pool_count (const LodePool *pool)
{
  return data_of (pool)->weights.n;
}

static uint32_t
pool_classes (const LodePool *pool)
{
  return data_of (pool)->info.classes;
}

static int32_t
pool_label (const LodePool *pool, uint32_t i)
{
  const LodeData *data = data_of (pool);
  const LodePart *part = &data->part[LODE_PART_TRAIN];

  return data->labels_shown && part->label && i < data->weights.n ? part->label[data->weights.at[i]]
                                                                  : -1;
}

static float
pool_weight (const LodePool *pool, uint32_t i)
{
  const LodeData *data = data_of (pool);
  const LodePart *part = &data->part[LODE_PART_TRAIN];

  return part->weight && i < data->weights.n ? part->weight[data->weights.at[i]] : 1;
}

static int32_t
pool_group (const LodePool *pool, uint32_t i)
{
  const LodeData *data = data_of (pool);
  const LodePart *part = &data->part[LODE_PART_TRAIN];

  return part->group && i < data->weights.n ? part->group[data->weights.at[i]] : -1;
}

/* Where no model is connected, examples speak for themselves. */
static uint32_t
pool_models (const LodePool *pool)
{
  (void) pool;
  return 1;
}

static const LodePoolCalls pool_calls = { .size = sizeof (LodePoolCalls),
                                          .count = pool_count,
                                          .classes = pool_classes,
                                          .label = pool_label,
                                          .weight = pool_weight,
                                          .group = pool_group,
                                          .models = pool_models,
                                          .rows = lode_data_rows };

static void
count_classes (LodeData *data)
{
  const LodePart *part = &data->part[LODE_PART_TRAIN];

  if (!data->info.classes)
    return;
  data->counts = g_new0 (double, data->info.classes);
  for (uint32_t i = 0; i < data->weights.n; i++) {
    int32_t label = part->label[data->weights.at[i]];

    if (label >= 0)
      data->counts[label] += (double) pool_weight (&data->pool, i);
  }
}

static void
name_classes (LodeData *data)
{
  data->class_names = g_new0 (char *, data->info.classes + 1);
  for (uint32_t i = 0; i < data->info.classes; i++) {
    const char *name = data->ops->class_name ? data->ops->class_name (data->dataset, i) : NULL;

    data->class_names[i] = name ? g_strdup (name) : g_strdup_printf ("%u", i);
  }
}

static bool
check_info (const LodeDataInfo *info, GError **error)
{
  bool shape = info->shape.h && info->shape.w && info->shape.c && info->shape.h <= LARGEST_SIDE
               && info->shape.w <= LARGEST_SIDE && info->shape.c <= LARGEST_SIDE;

  if (shape && info->pixel <= LODE_PIXEL_F32 && info->count[LODE_PART_TRAIN]
      && !(info->classes && info->targets) && info->classes <= MOST_CLASSES
      && info->targets <= MOST_CLASSES
      && !(info->has & LODE_HAS_MISSING
           && (info->pixel != LODE_PIXEL_F32 || info->shape.h > 1 || info->shape.w > 1)))
    return true;
  g_set_error (
      error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
      "the data set declares %u training samples of %u×%u×%u (pixel type %u) with %u classes and "
      "%u real targets; expected at least one sample, sides up to %d, not both classes and "
      "targets, and missing values in vectors of reals alone",
      info->count[LODE_PART_TRAIN], info->shape.h, info->shape.w, info->shape.c, info->pixel,
      info->classes, info->targets, LARGEST_SIDE);
  return false;
}

/* What the options ask of the samples' shape. */
static bool
check_shape (const LodeData *data, GError **error)
{
  const LodeDataConf *conf = &data->conf;
  bool vector = data->shape.h == 1 && data->shape.w == 1;

  if (vector && (conf->crop || conf->flip || conf->cutout)) {
    g_set_error (
        error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
        "samples are vectors of %u values, which cannot be cropped, flipped or cut out; set "
        "data.crop and data.cutout to 0 and data.flip to false",
        data->shape.c);
    return false;
  }
  if (vector && (conf->corrupt == LODE_CORRUPT_BLUR || conf->corrupt == LODE_CORRUPT_PATCHES)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "samples are vectors of %u values, which have no %s; expected data.corrupt = "
                 "\"noise\", \"contrast\" or \"none\"",
                 data->shape.c, corruptions[conf->corrupt]);
    return false;
  }
  if (conf->crop < 0
      || (conf->crop && conf->crop >= (int64_t) MIN (data->shape.h, data->shape.w))) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "data.crop = %" G_GINT64_FORMAT
                 " pads more than images of %u×%u hold; expected less than %u",
                 conf->crop, data->shape.h, data->shape.w, MIN (data->shape.h, data->shape.w));
    return false;
  }
  return true;
}

static bool
prepare (LodeData *data, GError **error)
{
  g_autoptr (GChecksum) digest = g_checksum_new (G_CHECKSUM_SHA256);

  if (!check_info (&data->info, error))
    return false;
  data->shape = data->info.shape;
  if (data->conf.side > 0 && (data->shape.h > 1 || data->shape.w > 1))
    data->shape.h = data->shape.w = (uint32_t) data->conf.side;
  name_classes (data);
  if (!check_shape (data, error) || !lode_part_open (data, LODE_PART_TRAIN, error)
      || !lode_part_open (data, LODE_PART_TEST, error)
      || !lode_part_load (data, LODE_PART_TRAIN, digest, error)
      || !lode_part_hash (data, LODE_PART_TEST, error))
    return false;
  lode_copies_find (&data->part[LODE_PART_TRAIN]);
  if (!lode_split_all (data, error) || !lode_copies_check (data, error)
      || !lode_data_normalise (data, error))
    return false;
  data->digest = g_strdup (g_checksum_get_string (digest));
  if (!lode_profile_noise (data, error))
    return false;
  count_classes (data);
  return true;
}

LodeData *
lode_data_new (const LodeDatasetOps *ops, LodeDataset *dataset, const LodeDataConf *conf,
               uint64_t seed, GError **error)
{
  LodeData *data = g_new0 (LodeData, 1);

  data->pool.calls = &pool_calls;
  data->ops = ops;
  data->dataset = dataset;
  data->conf = *conf;
  data->seed = seed;
  data->notes = g_ptr_array_new_with_free_func (g_free);
  data->info.size = sizeof data->info;
  ops->info (dataset, &data->info);
  if (prepare (data, error))
    return data;
  lode_data_free (data);
  return NULL;
}

void
lode_data_free (LodeData *data)
{
  if (!data)
    return;
  data->ops->close (data->dataset);
  for (int i = 0; i < LODE_PARTS; i++)
    lode_part_clear (&data->part[i]);
  g_free (data->weights.at);
  g_free (data->arch.at);
  g_free (data->valid.at);
  g_free (data->test.at);
  g_free (data->counts);
  g_strfreev (data->class_names);
  g_free (data->scale);
  g_free (data->shift);
  g_free (data->fill);
  g_ptr_array_unref (data->notes);
  g_free (data->digest);
  g_free (data);
}

size_t
lode_data_values (const LodeData *data)
{
  return (size_t) data->shape.h * data->shape.w * data->shape.c;
}

size_t
lode_data_bytes (const LodeData *data)
{
  return lode_data_values (data) * (data->info.pixel == LODE_PIXEL_U8 ? 1 : sizeof (float));
}

LodeShape
lode_data_shape (const LodeData *data)
{
  return data->shape;
}

uint32_t
lode_data_classes (const LodeData *data)
{
  return data->info.classes;
}

uint32_t
lode_data_targets (const LodeData *data)
{
  return data->info.targets;
}

const char *
lode_data_class_name (const LodeData *data, uint32_t class)
{
  return class < data->info.classes ? data->class_names[class] : "?";
}

const LodeSplit *
lode_data_split (const LodeData *data, uint32_t role)
{
  switch (role) {
  case LODE_ROLE_ARCH:
    return &data->arch;
  case LODE_ROLE_VALID:
    return &data->valid;
  case LODE_ROLE_TEST:
    return &data->test;
  default:
    return &data->weights;
  }
}

uint32_t
lode_data_count (const LodeData *data, uint32_t role)
{
  return lode_data_split (data, role)->n;
}

const double *
lode_data_class_counts (const LodeData *data)
{
  return data->counts;
}

LodePool *
lode_data_pool (LodeData *data)
{
  return &data->pool;
}

void
lode_data_show_labels (LodeData *data, bool shown)
{
  data->labels_shown = shown;
}

const GPtrArray *
lode_data_notes (const LodeData *data)
{
  return data->notes;
}

void
lode_data_note (LodeData *data, const char *format, ...)
{
  va_list list;

  va_start (list, format);
  g_ptr_array_add (data->notes, g_strdup_vprintf (format, list));
  va_end (list);
}

char *
lode_data_example_name (const LodeData *data, uint32_t part, uint32_t index)
{
  char *name =
      data->ops->example_name ? data->ops->example_name (data->dataset, part, index) : NULL;

  return name ? name
              : g_strdup_printf ("%s example %u", part == LODE_PART_TEST ? "test" : "training",
                                 index);
}

const char *
lode_data_digest (const LodeData *data)
{
  return data->digest;
}

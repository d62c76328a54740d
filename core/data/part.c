/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a part of a data set: what examples carry, and their pixels at the size that streams
 * give. Resized bytes are rounded to bytes again, so that a part takes as much memory as it has
 * pixels.
 */
#include "data/private.h"

#include "error.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256 };

static const char *const part_names[] = { "training", "test" };

static bool
fail (GError **error, uint32_t which, uint32_t i, const char *what)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s example %u has %s",
               part_names[which], i, what);
  return false;
}

static bool
check_labels (const LodeData *data, uint32_t which, GError **error)
{
  const LodePart *part = &data->part[which];

  for (uint32_t i = 0; part->label && i < part->n; i++)
    if (part->label[i] < -1 || part->label[i] >= (int32_t) data->info.classes) {
      g_autofree char *what =
          g_strdup_printf ("label %d; expected less than the %u classes of the data set",
                           part->label[i], data->info.classes);

      return fail (error, which, i, what);
    }
  return true;
}

static bool
check_reals (const LodeData *data, uint32_t which, GError **error)
{
  const LodePart *part = &data->part[which];
  size_t targets = data->info.targets;

  for (uint32_t i = 0; i < part->n; i++) {
    if (part->weight && !(isfinite (part->weight[i]) && part->weight[i] >= 0))
      return fail (error, which, i, "a weight that is negative or not finite");
    if (part->split && (part->split[i] < LODE_SPLIT_TRAIN || part->split[i] > LODE_SPLIT_TEST))
      return fail (error, which, i,
                   "an unknown split; expected 0 (training), 1 (validation) or 2 (test)");
    for (size_t j = 0; part->target && j < targets; j++)
      if (!isfinite (part->target[i * targets + j]))
        return fail (error, which, i, "a target that is not finite");
  }
  return true;
}

bool
lode_part_open (LodeData *data, uint32_t which, GError **error)
{
  LodePart *part = &data->part[which];
  uint32_t n = part->n = data->info.count[which], index[BLOCK];

  part->label = data->info.classes ? g_try_new0 (int32_t, (size_t) n + 1) : NULL;
  part->target =
      data->info.targets ? g_try_new0 (float, (size_t) n * data->info.targets + 1) : NULL;
  part->weight = data->info.has & LODE_HAS_WEIGHT ? g_try_new0 (float, (size_t) n + 1) : NULL;
  part->group = data->info.has & LODE_HAS_GROUP ? g_try_new0 (int32_t, (size_t) n + 1) : NULL;
  part->split = data->info.has & LODE_HAS_SPLIT ? g_try_new0 (int32_t, (size_t) n + 1) : NULL;
  if ((data->info.classes && !part->label) || (data->info.targets && !part->target)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "the targets of %u examples do not fit into memory", n);
    return false;
  }
  for (uint32_t first = 0, m; first < n; first += m) {
    LodeExamples examples = { .size = sizeof examples, .index = index };

    m = examples.n = MIN (BLOCK, n - first);
    for (uint32_t i = 0; i < m; i++)
      index[i] = first + i;
    examples.label = part->label ? part->label + first : NULL;
    examples.target = part->target ? part->target + (size_t) first * data->info.targets : NULL;
    examples.weight = part->weight ? part->weight + first : NULL;
    examples.group = part->group ? part->group + first : NULL;
    examples.split = part->split ? part->split + first : NULL;
    if (!data->ops->read (data->dataset, which, &examples, error))
      return false;
  }
  return check_labels (data, which, error) && check_reals (data, which, error);
}

static bool
same_size (const LodeData *data)
{
  return data->info.shape.h == data->shape.h && data->info.shape.w == data->shape.w;
}

static size_t
raw_values (const LodeData *data)
{
  return (size_t) data->info.shape.h * data->info.shape.w * data->info.shape.c;
}

static size_t
raw_bytes (const LodeData *data)
{
  return raw_values (data) * (data->info.pixel == LODE_PIXEL_U8 ? 1 : sizeof (float));
}

/* Raw samples to the size of streams, in the stored type. */
static void
resize (const LodeData *data, uint32_t n, const void *raw, void *out)
{
  const LodeShape *shape = &data->info.shape;
  size_t from = raw_values (data), to = lode_data_values (data);

  for (uint32_t i = 0; i < n; i++)
    if (data->info.pixel == LODE_PIXEL_F32)
      lode_resize ((const float *) raw + i * from, shape, (float *) out + i * to, &data->shape);
    else
      lode_resize_bytes ((const uint8_t *) raw + i * from, (size_t) shape->w * shape->c, shape,
                         (uint8_t *) out + i * to, &data->shape);
}

/* Raw samples as the plugin has them. out: [n][raw bytes] */
static bool
read_raw (const LodeData *data, uint32_t which, uint32_t n, const uint32_t *index, void *out,
          GError **error)
{
  LodeExamples examples = { .size = sizeof examples, .n = n, .index = index, .pixel = out };
  size_t values = raw_values (data);

  if (!data->ops->read (data->dataset, which, &examples, error))
    return false;
  for (size_t i = 0; data->info.pixel == LODE_PIXEL_F32 && i < n * values; i++)
    if (!isfinite (((const float *) out)[i])
        && !(data->info.has & LODE_HAS_MISSING && isnan (((const float *) out)[i])))
      return fail (error, which, index[i / values], "a pixel that is not finite");
  return true;
}

bool
lode_part_read (const LodeData *data, uint32_t which, uint32_t n, const uint32_t *index, void *out,
                GError **error)
{
  const LodePart *part = &data->part[which];
  size_t bytes = lode_data_bytes (data), step;
  g_autofree void *raw = NULL;

  if (part->pixel) {
    for (uint32_t i = 0; i < n; i++)
      memcpy ((char *) out + i * bytes, (const char *) part->pixel + index[i] * bytes, bytes);
    return true;
  }
  if (same_size (data))
    return read_raw (data, which, n, index, out, error);
  step = CLAMP ((1u << 22) / raw_bytes (data), 1, BLOCK);
  raw = g_malloc (step * raw_bytes (data));
  for (uint32_t i = 0; i < n; i += (uint32_t) step) {
    uint32_t m = MIN ((uint32_t) step, n - i);

    if (!read_raw (data, which, m, index + i, raw, error))
      return false;
    resize (data, m, raw, (char *) out + i * bytes);
  }
  return true;
}

static void *
room_for (const LodeData *data, uint32_t which, GError **error)
{
  uint32_t n = data->part[which].n;
  gsize total;
  void *room =
      g_size_checked_mul (&total, n, lode_data_bytes (data)) ? g_try_malloc (total + 1) : NULL;

  if (!room)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "%u examples of %zu bytes do not fit into memory; set data.preload = false, or a "
                 "smaller data.side",
                 n, lode_data_bytes (data));
  return room;
}

static void
digest_targets (const LodeData *data, const LodePart *part, GChecksum *digest)
{
  for (uint32_t i = 0; part->label && i < part->n; i++) {
    int32_t label = GINT32_TO_LE (part->label[i]);

    g_checksum_update (digest, (const guchar *) &label, sizeof label);
  }
  for (uint32_t i = 0; part->target && i < part->n; i++)
    g_checksum_update (digest, (const guchar *) (part->target + (size_t) i * data->info.targets),
                       (gssize) (data->info.targets * sizeof (float)));
}

/* 128 bits of a sample's bytes. hash: [2] */
static void
hash_sample (const uint8_t *bytes, size_t n, uint64_t *hash)
{
  uint64_t a = n, b = ~(uint64_t) n;

  for (size_t i = 0; i < n; i += 8) {
    uint64_t word = 0;

    memcpy (&word, bytes + i, MIN (n - i, 8));
    word = GUINT64_TO_LE (word);
    a = (a ^ word) * UINT64_C (0x9e3779b97f4a7c15);
    a ^= a >> 29;
    b = (b + word) * UINT64_C (0xbf58476d1ce4e5b9);
    b ^= b >> 31;
  }
  hash[0] = a;
  hash[1] = b;
}

/* What is made of the raw samples of a part while they pass; members that are NULL are not. */
typedef struct Harvest {
  GChecksum *digest;
  void *pixel;    /* [n][bytes] */
  uint64_t *hash; /* [n][2] */
} Harvest;

static void
harvest (const LodeData *data, uint32_t first, uint32_t m, const void *raw, const Harvest *want)
{
  size_t bytes = lode_data_bytes (data), size = raw_bytes (data);

  if (want->digest)
    g_checksum_update (want->digest, raw, (gssize) (m * size));
  for (uint32_t i = 0; want->hash && i < m; i++)
    hash_sample ((const uint8_t *) raw + i * size, size, want->hash + 2 * ((size_t) first + i));
  if (want->pixel && same_size (data))
    memcpy ((char *) want->pixel + first * bytes, raw, m * bytes);
  else if (want->pixel)
    resize (data, m, raw, (char *) want->pixel + first * bytes);
}

static bool
scan (const LodeData *data, uint32_t which, const Harvest *want, GError **error)
{
  uint32_t index[BLOCK], n = data->part[which].n;
  uint32_t step = (uint32_t) CLAMP ((1u << 22) / raw_bytes (data), 1, BLOCK);
  g_autofree void *raw = g_malloc (step * raw_bytes (data));

  for (uint32_t first = 0; first < n; first += step) {
    uint32_t m = MIN (step, n - first);

    for (uint32_t i = 0; i < m; i++)
      index[i] = first + i;
    if (!read_raw (data, which, m, index, raw, error))
      return false;
    harvest (data, first, m, raw, want);
  }
  return true;
}

static uint64_t *
hashes_for (const LodeData *data, uint32_t which)
{
  const LodePart *part = &data->part[which];

  return data->conf.duplicates == LODE_COPIES_KEEP || part->hash || !part->n
             ? NULL
             : g_new (uint64_t, 2 * (size_t) part->n);
}

/* The digest is of the pixels as the plugin gives them, so it does not change with data.side. */
bool
lode_part_load (LodeData *data, uint32_t which, GChecksum *digest, GError **error)
{
  LodePart *part = &data->part[which];
  g_autofree void *pixel = NULL;
  g_autofree uint64_t *hash = NULL;

  if (part->pixel || (!data->conf.preload && !digest))
    return true;
  if (data->conf.preload && !(pixel = room_for (data, which, error)))
    return false;
  hash = hashes_for (data, which);
  if (!scan (data, which, &(Harvest){ digest, pixel, hash }, error))
    return false;
  if (digest)
    digest_targets (data, part, digest);
  part->pixel = g_steal_pointer (&pixel);
  if (hash)
    part->hash = g_steal_pointer (&hash);
  return true;
}

bool
lode_part_hash (LodeData *data, uint32_t which, GError **error)
{
  g_autofree uint64_t *hash = hashes_for (data, which);

  if (!hash)
    return true;
  if (!scan (data, which, &(Harvest){ .hash = hash }, error))
    return false;
  data->part[which].hash = g_steal_pointer (&hash);
  return true;
}

void
lode_part_clear (LodePart *part)
{
  g_free (part->pixel);
  g_free (part->label);
  g_free (part->target);
  g_free (part->weight);
  g_free (part->group);
  g_free (part->split);
  g_free (part->hash);
  g_free (part->copy);
  g_free (part->unit);
}

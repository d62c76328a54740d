/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise: random pixels with random labels, the same for the same options. Nothing can be learned
 * from it; it is for benchmarks, and for trying a plugin out before there are data.
 */
#include <lode/lode.h>

typedef struct Conf {
  int64_t side, channels, classes, train, test, seed;
} Conf;

struct LodeDataset {
  Conf conf;
  size_t pixels; /* of an example */
};

/* One stream an example, so that any example can be read by itself. */
static LodeRng
stream_of (const LodeDataset *set, uint32_t part, uint32_t index)
{
  return (LodeRng){ .key = (uint64_t) set->conf.seed << 33 | (uint64_t) part << 32 | index };
}

static LodeDataset *
noise_open (const LodeHost *host, const void *conf, GError **error)
{
  LodeDataset *set = g_new0 (LodeDataset, 1);

  (void) host;
  (void) error;
  set->conf = *(const Conf *) conf;
  set->pixels = (size_t) (set->conf.side * set->conf.side * set->conf.channels);
  return set;
}

static void
noise_close (LodeDataset *set)
{
  g_free (set);
}

static void
noise_info (const LodeDataset *set, LodeDataInfo *info)
{
  uint32_t side = (uint32_t) set->conf.side;

  info->shape = (LodeShape){ side, side, (uint32_t) set->conf.channels };
  info->pixel = LODE_PIXEL_U8;
  info->classes = (uint32_t) set->conf.classes;
  info->targets = 0;
  info->has = 0;
  info->count[LODE_PART_TRAIN] = (uint32_t) set->conf.train;
  info->count[LODE_PART_TEST] = (uint32_t) set->conf.test;
}

/* pixel: [pixels], 8 from each draw; labels go round, so that no class is missing. */
static void
fill (const LodeDataset *set, uint32_t part, uint32_t index, uint8_t *pixel)
{
  LodeRng rng = stream_of (set, part, index);

  for (size_t i = 0; i < set->pixels; i += 8) {
    uint64_t bits = lode_rng_bits (&rng);

    for (size_t b = 0; b < 8 && i + b < set->pixels; b++)
      pixel[i + b] = (uint8_t) (bits >> 8 * b);
  }
}

static bool
noise_read (const LodeDataset *set, uint32_t part, const LodeExamples *want, GError **error)
{
  (void) error;
  for (uint32_t i = 0; i < want->n; i++) {
    if (want->pixel)
      fill (set, part, want->index[i], (uint8_t *) want->pixel + i * set->pixels);
    if (want->label)
      want->label[i] = (int32_t) (want->index[i] % (uint32_t) set->conf.classes);
  }
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, side, .number = 32, .min = 1, .max = 4096, .unit = "pixels",
               .doc = "height and width"),
  LODE_OPTION (Conf, channels, .number = 3, .min = 1, .max = 4096, .doc = "channels of a pixel"),
  LODE_OPTION (Conf, classes, .number = 10, .min = 2, .max = 65536, .doc = "classes"),
  LODE_OPTION (Conf, train, .number = 1000, .min = 1, .max = 1e9, .unit = "examples",
               .doc = "examples of the training part"),
  LODE_OPTION (Conf, test, .number = 100, .min = 0, .max = 1e9, .unit = "examples",
               .doc = "examples of the test part"),
  LODE_OPTION (Conf, seed, .number = 1, .min = 0, .max = 1e9, .doc = "another seed, other noise"),
};

static const LodeDatasetOps ops = {
  .size = sizeof (LodeDatasetOps),
  .open = noise_open,
  .close = noise_close,
  .info = noise_info,
  .read = noise_read,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "noise",
  .version = "1.0",
  .summary = "random pixels with labels, for benchmarks and first tries",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

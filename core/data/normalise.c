/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mean and deviation of each channel over the training split, in float64 and in the order of the
 * split. Two passes: the deviation of values far from zero keeps its digits.
 */
#include "data/private.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64 };

/* sum[c] += (value − centre[c])^power over the split; count[c]: values that are there. */
static bool
accumulate (const LodeData *data, const double *centre, int power, double *sum, double *count,
            GError **error)
{
  size_t values = lode_data_values (data);
  uint32_t c = data->shape.c;
  g_autofree void *block = g_malloc (BLOCK * lode_data_bytes (data));

  memset (count, 0, c * sizeof *count);
  for (uint32_t first = 0; first < data->weights.n; first += BLOCK) {
    uint32_t n = MIN (BLOCK, data->weights.n - first), channel = 0;

    if (!lode_part_read (data, data->weights.part, n, data->weights.at + first, block, error))
      return false;
    for (size_t j = 0; j < n * values; j++) {
      double value = data->info.pixel == LODE_PIXEL_U8 ? (double) ((const uint8_t *) block)[j]
                                                       : (double) ((const float *) block)[j];

      if (!isnan (value)) {
        value -= centre[channel];
        sum[channel] += power == 2 ? value * value : value;
        count[channel] += 1;
      }
      channel = channel + 1 == c ? 0 : channel + 1;
    }
  }
  return true;
}

/* mean, deviation: [c]; of a channel without values 0 and 1. */
static bool
measure (const LodeData *data, double *mean, double *deviation, GError **error)
{
  uint32_t c = data->shape.c;
  g_autofree double *zero = g_new0 (double, c), *count = g_new (double, c);

  if (!accumulate (data, zero, 1, mean, count, error))
    return false;
  for (uint32_t l = 0; l < c; l++)
    mean[l] /= MAX (count[l], 1);
  if (!accumulate (data, mean, 2, deviation, count, error))
    return false;
  for (uint32_t l = 0; l < c; l++) {
    deviation[l] = sqrt (deviation[l] / MAX (count[l], 1));
    if (!(deviation[l] > 1e-6 * fabs (mean[l])
          && deviation[l] > 1e-30)) /* a constant channel becomes 0 */
      deviation[l] = 1;
  }
  return true;
}

/* Without normalisation bytes become 0 … 1 and reals stay. A missing value becomes the mean. */
bool
lode_data_normalise (LodeData *data, GError **error)
{
  uint32_t c = data->shape.c;
  size_t row = (size_t) data->shape.w * c;
  g_autofree double *mean = g_new0 (double, c), *deviation = g_new0 (double, c);
  bool missing = data->info.has & LODE_HAS_MISSING, normalise = data->conf.normalise;

  if ((normalise || missing) && !measure (data, mean, deviation, error))
    return false;
  for (uint32_t l = 0; !normalise && l < c; l++)
    deviation[l] = data->info.pixel == LODE_PIXEL_U8 ? 255 : 1;
  data->scale = g_new (float, row);
  data->shift = g_new (float, row);
  data->fill = missing ? g_new (float, row) : NULL;
  for (size_t j = 0; j < row; j++) {
    data->scale[j] = (float) (1 / deviation[j % c]);
    data->shift[j] = normalise ? (float) (-mean[j % c] / deviation[j % c]) : 0;
    if (missing)
      data->fill[j] = normalise ? 0 : (float) mean[j % c];
  }
  return true;
}

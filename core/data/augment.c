/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a stored sample to a row of a batch: crop, flip, normalise, cutout, in torchvision's order.
 * What a crop adds is black before normalisation; what a cutout removes is 0 after it, the mean.
 */
#include "data/private.h"

#include <math.h>
#include <string.h>

/* Where the output's origin lies in the stored image. */
typedef struct Window {
  int64_t y, x;
  bool mirror;
} Window;

static Window
draw_window (const LodeDataConf *conf, LodeRng *rng)
{
  Window window = { 0, 0, false };
  uint32_t crop = (uint32_t) conf->crop;

  if (rng && crop) {
    window.y = (int64_t) lode_rng_below (rng, 2 * crop + 1) - crop;
    window.x = (int64_t) lode_rng_below (rng, 2 * crop + 1) - crop;
  }
  if (rng && conf->flip)
    window.mirror = lode_rng_below (rng, 2);
  return window;
}

/* n values of a stored row, normalised; scale and shift repeat with the channels. */
static void
normalise_bytes (size_t n, const uint8_t *in, const float *scale, const float *shift,
                 float *restrict out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = (float) in[i] * scale[i] + shift[i];
}

static void
normalise_reals (size_t n, const float *in, const float *scale, const float *shift,
                 float *restrict out)
{
  for (size_t i = 0; i < n; i++)
    out[i] = in[i] * scale[i] + shift[i];
}

static void
write_row (const LodeData *data, const void *sample, int64_t y, int64_t x, float *out)
{
  LodeShape s = data->shape;
  int64_t first = MAX (-x, 0), end = MIN ((int64_t) s.w - x, (int64_t) s.w);
  size_t row = (size_t) s.w * s.c, at, n;

  if (y < 0 || y >= s.h || end <= first) {
    memcpy (out, data->shift, row * sizeof *out);
    return;
  }
  if (x) /* the columns that the image does not cover are overwritten by nothing below */
    memcpy (out, data->shift, row * sizeof *out);
  n = (size_t) (end - first) * s.c;
  at = (size_t) y * row + (size_t) (first + x) * s.c;
  out += (size_t) first * s.c;
  if (data->info.pixel == LODE_PIXEL_U8)
    normalise_bytes (n, (const uint8_t *) sample + at, data->scale, data->shift, out);
  else
    normalise_reals (n, (const float *) sample + at, data->scale, data->shift, out);
  for (size_t i = 0; data->fill && i < n; i++)
    out[i] = isnan (out[i]) ? data->fill[(size_t) first * s.c + i] : out[i];
}

static void
mirror_row (LodeShape s, float *row)
{
  for (uint32_t a = 0, b = s.w - 1; a < b; a++, b--)
    for (uint32_t l = 0; l < s.c; l++) {
      float swap = row[(size_t) a * s.c + l];

      row[(size_t) a * s.c + l] = row[(size_t) b * s.c + l];
      row[(size_t) b * s.c + l] = swap;
    }
}

/* A square around a uniform centre, clipped at the borders (DeVries & Taylor 2017). */
static void
cut_out (LodeShape s, int64_t side, LodeRng *rng, float *out)
{
  int64_t y0 = (int64_t) lode_rng_below (rng, s.h) - side / 2;
  int64_t x0 = (int64_t) lode_rng_below (rng, s.w) - side / 2;
  int64_t y1 = MIN (y0 + side, (int64_t) s.h), x1 = MIN (x0 + side, (int64_t) s.w);

  y0 = MAX (y0, 0);
  x0 = MAX (x0, 0);
  for (int64_t y = y0; y < y1 && x0 < x1; y++)
    memset (out + ((size_t) y * s.w + (size_t) x0) * s.c, 0,
            (size_t) (x1 - x0) * s.c * sizeof *out);
}

void
lode_sample_write (const LodeData *data, const void *sample, LodeRng *rng, float *out)
{
  LodeShape s = data->shape;
  Window window = draw_window (&data->conf, rng);

  for (uint32_t y = 0; y < s.h; y++) {
    float *row = out + (size_t) y * s.w * s.c;

    write_row (data, sample, window.y + y, window.x, row);
    if (window.mirror)
      mirror_row (s, row);
  }
  if (rng && data->conf.cutout > 0)
    cut_out (s, data->conf.cutout, rng, out);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "data/corrupt.h"

#include <glib.h>
#include <lode/rng.h>

#include <math.h>
#include <string.h>

enum { GRID = 4, STRENGTHS = 5 };

static const double noise_of[STRENGTHS] = { 0.2, 0.4, 0.6, 0.8, 1 },
                    blur_of[STRENGTHS] = { 0.4, 0.6, 0.8, 1, 1.5 },
                    contrast_of[STRENGTHS] = { 0.75, 0.5, 0.4, 0.3, 0.15 };
static const uint32_t patches_of[STRENGTHS] = { 1, 2, 4, 6, 8 };

static void
add_noise (size_t n, double deviation, LodeRng *rng, float *x)
{
  for (size_t i = 0; i < n; i++)
    x[i] = (float) ((double) x[i] + deviation * lode_rng_normal (rng));
}

/* Along one axis: n values, `step` apart, the border repeated. kernel: [2 radius + 1] */
static void
blur_line (float *x, uint32_t n, size_t step, const double *kernel, int32_t radius, float *line)
{
  for (uint32_t i = 0; i < n; i++)
    line[i] = x[i * step];
  for (int32_t i = 0; i < (int32_t) n; i++) {
    double sum = 0;

    for (int32_t j = -radius; j <= radius; j++)
      sum += kernel[j + radius] * (double) line[CLAMP (i + j, 0, (int32_t) n - 1)];
    x[(size_t) i * step] = (float) sum;
  }
}

static void
blur (const LodeShape *shape, double deviation, float *x)
{
  int32_t radius = (int32_t) ceil (3 * deviation);
  g_autofree double *kernel = g_new (double, 2 * (size_t) radius + 1);
  g_autofree float *line = g_new (float, MAX (shape->h, shape->w));
  size_t row = (size_t) shape->w * shape->c;
  double sum = 0;

  for (int32_t j = -radius; j <= radius; j++)
    sum += kernel[j + radius] = exp (-(double) j * j / (2 * deviation * deviation));
  for (int32_t j = 0; j <= 2 * radius; j++)
    kernel[j] /= sum;
  for (uint32_t i = 0; i < shape->h; i++)
    for (uint32_t c = 0; c < shape->c; c++)
      blur_line (x + i * row + c, shape->w, shape->c, kernel, radius, line);
  for (size_t i = 0; i < row; i++)
    blur_line (x + i, shape->h, row, kernel, radius, line);
}

static void
lower_contrast (const LodeShape *shape, double left, float *x)
{
  size_t n = (size_t) shape->h * shape->w;

  for (uint32_t c = 0; c < shape->c; c++) {
    double mean = 0;

    for (size_t i = 0; i < n; i++)
      mean += (double) x[i * shape->c + c] / (double) n;
    for (size_t i = 0; i < n; i++)
      x[i * shape->c + c] = (float) (mean + left * ((double) x[i * shape->c + c] - mean));
  }
}

static void
clear_patch (const LodeShape *shape, uint32_t at, float *x)
{
  uint32_t top = at / GRID * shape->h / GRID, bottom = (at / GRID + 1) * shape->h / GRID;
  uint32_t from = at % GRID * shape->w / GRID, to = (at % GRID + 1) * shape->w / GRID;

  for (uint32_t i = top; i < bottom; i++)
    memset (x + ((size_t) i * shape->w + from) * shape->c, 0,
            (size_t) (to - from) * shape->c * sizeof *x);
}

static void
clear_patches (const LodeShape *shape, uint32_t n, LodeRng *rng, float *x)
{
  uint32_t order[GRID * GRID];

  for (uint32_t i = 0; i < GRID * GRID; i++)
    order[i] = i;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t j = i + lode_rng_below (rng, GRID * GRID - i), at = order[j];

    order[j] = order[i];
    clear_patch (shape, at, x);
  }
}

void
lode_corrupt (const LodeShape *shape, uint32_t kind, uint32_t strength, LodeRng rng, float *x)
{
  uint32_t s = CLAMP (strength, 1, STRENGTHS) - 1;

  switch (kind) {
  case LODE_CORRUPT_NOISE:
    add_noise ((size_t) shape->h * shape->w * shape->c, noise_of[s], &rng, x);
    break;
  case LODE_CORRUPT_BLUR:
    blur (shape, blur_of[s] * MAX (shape->h, shape->w) / 32, x);
    break;
  case LODE_CORRUPT_CONTRAST:
    lower_contrast (shape, contrast_of[s], x);
    break;
  case LODE_CORRUPT_PATCHES:
    clear_patches (shape, patches_of[s], &rng, x);
    break;
  default:
    break;
  }
}

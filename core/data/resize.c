/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resizing an image, each axis by itself: by overlap of cells when it shrinks, between the two
 * nearest cell centres when it grows.
 */
#include "data/private.h"

#include <math.h>
#include <string.h>

/* The input cells behind one output cell, and their shares, which sum to 1. */
typedef struct Taps {
  uint32_t first, n;
  float *share; /* [n] */
} Taps;

static void
grow_taps (Taps *taps, uint32_t n, double centre)
{
  double low = CLAMP (floor (centre), 0, n - 1.0), f = CLAMP (centre - low, 0, 1);

  taps->first = (uint32_t) low;
  taps->n = taps->first + 1 < n ? 2 : 1;
  taps->share[0] = taps->n == 2 ? (float) (1 - f) : 1;
  if (taps->n == 2)
    taps->share[1] = (float) f;
}

static void
shrink_taps (Taps *taps, uint32_t n, double from, double to)
{
  taps->first = (uint32_t) from;
  taps->n = 0;
  for (uint32_t i = taps->first; i < n && i < to - 1e-9; i++)
    taps->share[taps->n++] = (float) ((MIN (i + 1.0, to) - MAX ((double) i, from)) / (to - from));
}

/* One for each of `on` output cells; share is the room they use. */
static Taps *
taps_new (uint32_t n, uint32_t on, float **share)
{
  double ratio = (double) n / on;
  size_t most = on >= n ? 2 : (size_t) ceil (ratio) + 1;
  Taps *taps = g_new (Taps, on);

  *share = g_new (float, most *on);
  for (uint32_t o = 0; o < on; o++) {
    taps[o].share = *share + o * most;
    if (on >= n)
      grow_taps (&taps[o], n, (o + 0.5) * ratio - 0.5);
    else
      shrink_taps (&taps[o], n, o * ratio, (o + 1) * ratio);
  }
  return taps;
}

/* out[v] = Σ share · in[(first + i) · stride + v], v < stride */
static void
combine (const Taps *taps, const float *in, size_t stride, float *out)
{
  memset (out, 0, stride * sizeof *out);
  for (uint32_t i = 0; i < taps->n; i++) {
    const float *from = in + (taps->first + i) * stride;

    for (size_t v = 0; v < stride; v++)
      out[v] += taps->share[i] * from[v];
  }
}

void
lode_resize (const float *in, const LodeShape *from, float *out, const LodeShape *to)
{
  size_t c = from->c, row = from->w * c;
  g_autofree float *sy = NULL, *sx = NULL, *line = g_new (float, row);
  g_autofree Taps *y = taps_new (from->h, to->h, &sy), *x = taps_new (from->w, to->w, &sx);

  for (uint32_t oy = 0; oy < to->h; oy++) {
    combine (&y[oy], in, row, line);
    for (uint32_t ox = 0; ox < to->w; ox++, out += c)
      combine (&x[ox], line, c, out);
  }
}

/* The same of a row of bytes. */
static void
combine_bytes (const Taps *taps, const uint8_t *in, size_t stride, size_t n, float *out)
{
  memset (out, 0, n * sizeof *out);
  for (uint32_t i = 0; i < taps->n; i++) {
    const uint8_t *from = in + (taps->first + i) * stride;

    for (size_t v = 0; v < n; v++)
      out[v] += taps->share[i] * (float) from[v];
  }
}

void
lode_resize_bytes (const uint8_t *in, size_t stride, const LodeShape *from, uint8_t *out,
                   const LodeShape *to)
{
  size_t c = from->c, row = from->w * c;
  g_autofree float *sy = NULL, *sx = NULL, *line = g_new (float, row + c);
  g_autofree Taps *y = taps_new (from->h, to->h, &sy), *x = taps_new (from->w, to->w, &sx);
  float *value = line + row;

  for (uint32_t oy = 0; oy < to->h; oy++) {
    combine_bytes (&y[oy], in, stride, row, line);
    for (uint32_t ox = 0; ox < to->w; ox++) {
      combine (&x[ox], line, c, value);
      for (size_t l = 0; l < c; l++)
        *out++ = (uint8_t) CLAMP (value[l] + 0.5f, 0, 255);
    }
  }
}

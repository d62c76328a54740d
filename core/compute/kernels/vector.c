/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast kernels, compiled once per ISA level (LODE_KERNEL_TABLE names the table, LODE_KERNEL_LANES the
 * widest vector). Each kernel walks the channels in the widest blocks that fit and leaves the rest to
 * narrower ones; lanes.inc.h holds the inner loops.
 */
#include "compute/kernels/kernels.h"

#include <math.h>
#include <string.h>

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2 (a, b)
#define F(name) PASTE (name, LANES)

/* Columns whose whole window lies inside the image: [first, last). */
static inline void
inner_columns (const LodeConvGeometry *g, uint32_t *first, uint32_t *last)
{
  int64_t reach = (int64_t) (g->kernel - 1) * g->dilation - g->pad;
  int64_t low = g->pad > 0 ? (g->pad + g->stride - 1) / g->stride : 0;
  int64_t high = (int64_t) g->w - 1 - reach;

  high = high < 0 ? 0 : high / g->stride + 1;
  if (high > g->ow)
    high = g->ow;
  *first = (uint32_t) (low < g->ow ? low : g->ow);
  *last = (uint32_t) (high > *first ? high : *first);
}

/* Columns for which tap kx lies inside the image: [first, last). */
static inline void
tap_columns (const LodeConvGeometry *g, uint32_t kx, uint32_t *first, uint32_t *last)
{
  int64_t at = (int64_t) kx * g->dilation - g->pad;
  int64_t low = at < 0 ? (-at + g->stride - 1) / g->stride : 0;
  int64_t high = (int64_t) g->w - 1 - at;

  high = high < 0 ? 0 : high / g->stride + 1;
  if (high > g->ow)
    high = g->ow;
  *first = (uint32_t) (low < g->ow ? low : g->ow);
  *last = (uint32_t) (high > *first ? high : *first);
}

/* Accumulators of a tile: 16 vector registers below AVX-512, 32 with it. */
#if LODE_KERNEL_LANES == 16
#define GEMM_ROWS 16
#else
#define GEMM_ROWS 8
#endif

#define LANES 1
#include "compute/kernels/lanes.inc.h"
#undef LANES
#define LANES 4
#include "compute/kernels/lanes.inc.h"
#undef LANES
#if LODE_KERNEL_LANES >= 8
#define LANES 8
#include "compute/kernels/lanes.inc.h"
#undef LANES
#endif
#if LODE_KERNEL_LANES >= 16
#define LANES 16
#include "compute/kernels/lanes.inc.h"
#undef LANES
#endif

/* Calls name_<lanes> on successive blocks of channels; `at` is the first channel of the block. */
#if LODE_KERNEL_LANES >= 16
#define BLOCKS_16(c, call) for (; at + 16 <= (c); at += 16) call (16);
#else
#define BLOCKS_16(c, call)
#endif
#if LODE_KERNEL_LANES >= 8
#define BLOCKS_8(c, call) for (; at + 8 <= (c); at += 8) call (8);
#else
#define BLOCKS_8(c, call)
#endif
#define BLOCKS(c, call)                                                                                    \
  BLOCKS_16 (c, call)                                                                                      \
  BLOCKS_8 (c, call)                                                                                       \
  for (; at + 4 <= (c); at += 4)                                                                           \
    call (4);                                                                                              \
  for (; at < (c); at++)                                                                                   \
    call (1);

#define WIDEST(name) PASTE (name, LODE_KERNEL_LANES)
#define WIDE (2 * LODE_KERNEL_LANES)

/* y (+)= x w. x: [rows][k], w: [k][ldw], y: [rows][ldy]; columns 0 … c − 1 of w and y. */
static void
gemm (size_t rows, uint32_t k, uint32_t c, const float *x, size_t ldx, const float *w, size_t ldw,
      const float *bias, float *y, size_t ldy, bool add)
{
  uint32_t at = 0;

  for (; at + WIDE <= c; at += WIDE)
    WIDEST (gemm_double) (rows, k, x, ldx, w + at, ldw, bias ? bias + at : NULL, y + at, ldy, add);
#define CALL(n) gemm_narrow_##n (rows, k, x, ldx, w + at, ldw, bias ? bias + at : NULL, y + at, ldy, add)
  BLOCKS (c, CALL)
#undef CALL
}

/* dw += x^T dy over rows. */
static void
outer (size_t rows, uint32_t ci, uint32_t co, const float *x, size_t ldx, const float *dy, size_t ldy, float *dw)
{
  uint32_t at = 0;

  for (; at + WIDE <= co; at += WIDE)
    WIDEST (outer_double) (rows, ci, x, ldx, dy + at, ldy, dw + at, co);
#define CALL(n) outer_narrow_##n (rows, ci, x, ldx, dy + at, ldy, dw + at, co)
  BLOCKS (co, CALL)
#undef CALL
}

static void
add_columns (size_t rows, uint32_t c, const float *dy, float *dbias)
{
  uint32_t at = 0;

#define CALL(n) columns_##n (rows, c, dy + at, dbias + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
linear (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *w, const float *bias, float *y)
{
  gemm (rows, ci, co, x, ci, w, co, bias, y, co, false);
}

/* Transposes w in panels that fit the first-level cache, and multiplies by them. */
static void
linear_dx (size_t rows, uint32_t ci, uint32_t co, const float *w, const float *dy, float *dx)
{
  float panel[64 * WIDE];

  for (uint32_t i = 0; i < ci; i += WIDE)
    for (uint32_t o = 0; o < co; o += 64) {
      uint32_t wide = ci - i < WIDE ? ci - i : WIDE, deep = co - o < 64 ? co - o : 64;

      for (uint32_t a = 0; a < wide; a++)
        for (uint32_t b = 0; b < deep; b++)
          panel[b * wide + a] = w[(size_t) (i + a) * co + o + b];
      gemm (rows, deep, wide, dy + o, co, panel, wide, NULL, dx + i, ci, true);
    }
}

/* Rows in blocks that stay in cache while every tile of dw reads them. */
static void
linear_dw (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *dy, float *dw, float *dbias)
{
  for (size_t r = 0; r < rows; r += 128) {
    size_t n = rows - r < 128 ? rows - r : 128;

    outer (n, ci, co, x + r * ci, ci, dy + r * co, co, dw);
  }
  if (dbias)
    add_columns (rows, co, dy, dbias);
}

static bool
is_pointwise (const LodeConvGeometry *g)
{
  return g->kernel == 1 && g->stride == 1 && g->pad == 0 && g->groups == 1;
}

static bool
is_depthwise (const LodeConvGeometry *g)
{
  return g->groups > 1 && g->groups == g->c && g->c == g->oc;
}

/* Input gradients want the weights transposed ([k][k][oc][c]), depthwise ones turned round. */
static size_t
conv_scratch (const LodeConvGeometry *g)
{
  if (is_pointwise (g) || (g->groups > 1 && !is_depthwise (g)))
    return 0;
  if (is_depthwise (g))
    return (size_t) g->kernel * g->kernel * g->c;
  return (size_t) g->kernel * g->kernel * g->c * g->oc;
}

static void
depthwise (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y, bool add_)
{
  uint32_t at = 0;

#define CALL(n) depthwise_##n (g, x + at, w + at, bias ? bias + at : NULL, y + at, add_)
  BLOCKS (g->c, CALL)
#undef CALL
}

static void
dense (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y)
{
  uint32_t at = 0;

  for (; at + WIDE <= g->oc; at += WIDE)
    WIDEST (dense) (g, x, w + at, bias ? bias + at : NULL, y + at, true);
#define CALL(n) dense_##n (g, x, w + at, bias ? bias + at : NULL, y + at, false)
  BLOCKS (g->oc, CALL)
#undef CALL
}

static void
conv (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y, float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->oc;

  if (is_pointwise (g)) {
    linear ((size_t) g->n * g->h * g->w, g->c, g->oc, x, w, bias, y);
    return;
  }
  if (g->groups > 1 && !is_depthwise (g)) {
    lode_kernels_reference.conv (g, x, w, bias, y, scratch);
    return;
  }
  for (uint32_t i = 0; i < g->n; i++) {
    if (is_depthwise (g))
      depthwise (g, x + i * in, w, bias, y + i * out, false);
    else
      dense (g, x + i * in, w, bias, y + i * out);
  }
}

/* wt: [k][k][oc][c] */
static void
transpose_taps (const LodeConvGeometry *g, const float *w, float *wt)
{
  size_t tap = (size_t) g->c * g->oc;

  for (uint32_t t = 0; t < g->kernel * g->kernel; t++)
    for (uint32_t i = 0; i < g->c; i++)
      for (uint32_t o = 0; o < g->oc; o++)
        wt[t * tap + (size_t) o * g->c + i] = w[t * tap + (size_t) i * g->oc + o];
}

/* dx += per tap, the rows of output pixels that it reaches times its transposed weights. */
static void
dense_dx (const LodeConvGeometry *g, const float *wt, const float *dy, float *dx)
{
  size_t tap = (size_t) g->c * g->oc;

  for (uint32_t oy = 0; oy < g->oh; oy++)
    for (uint32_t ky = 0; ky < g->kernel; ky++) {
      int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;

      if (iy < 0 || iy >= g->h)
        continue;
      for (uint32_t kx = 0; kx < g->kernel; kx++) {
        uint32_t first, last;
        int64_t ix;

        tap_columns (g, kx, &first, &last);
        if (first >= last)
          continue;
        ix = (int64_t) first * g->stride + (int64_t) kx * g->dilation - g->pad;
        gemm (last - first, g->oc, g->c, dy + ((size_t) oy * g->ow + first) * g->oc, g->oc,
              wt + (ky * g->kernel + kx) * tap, g->c, NULL,
              dx + ((size_t) iy * g->w + (size_t) ix) * g->c, (size_t) g->stride * g->c, true);
      }
    }
}

/* With stride 1 the input gradient is a convolution of dy with the weights turned round. */
static void
depthwise_back (const LodeConvGeometry *g, const float *w, const float *dy, float *dx, float *turned)
{
  uint32_t taps = g->kernel * g->kernel;
  LodeConvGeometry back = *g;

  for (uint32_t t = 0; t < taps; t++)
    memcpy (turned + (size_t) t * g->c, w + (size_t) (taps - 1 - t) * g->c, g->c * sizeof *w);
  back.h = g->oh;
  back.w = g->ow;
  back.oh = g->h;
  back.ow = g->w;
  back.pad = (int32_t) (g->dilation * (g->kernel - 1)) - g->pad;
  for (uint32_t i = 0; i < g->n; i++)
    depthwise (&back, dy + (size_t) i * g->oh * g->ow * g->c, turned, NULL, dx + (size_t) i * g->h * g->w * g->c,
               true);
}

static void
conv_dx (const LodeConvGeometry *g, const float *w, const float *dy, float *dx, float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->oc;

  if (is_pointwise (g)) {
    linear_dx ((size_t) g->n * g->h * g->w, g->c, g->oc, w, dy, dx);
    return;
  }
  if (g->groups > 1 && !is_depthwise (g)) {
    lode_kernels_reference.conv_dx (g, w, dy, dx, scratch);
    return;
  }
  if (is_depthwise (g) && g->stride == 1) {
    depthwise_back (g, w, dy, dx, scratch);
    return;
  }
  if (g->groups == 1)
    transpose_taps (g, w, scratch);
  for (uint32_t i = 0; i < g->n; i++) {
    uint32_t at = 0;

    if (g->groups == 1) {
      dense_dx (g, scratch, dy + i * out, dx + i * in);
      continue;
    }
#define CALL(n) depthwise_dx_##n (g, w + at, dy + i * out + at, dx + i * in + at)
    BLOCKS (g->c, CALL)
#undef CALL
  }
}

/* dw += per tap, the outer products of the row segments that it joins. */
static void
dense_dw (const LodeConvGeometry *g, const float *x, const float *dy, float *dw)
{
  size_t tap = (size_t) g->c * g->oc;

  for (uint32_t oy = 0; oy < g->oh; oy++)
    for (uint32_t ky = 0; ky < g->kernel; ky++) {
      int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;

      if (iy < 0 || iy >= g->h)
        continue;
      for (uint32_t kx = 0; kx < g->kernel; kx++) {
        uint32_t first, last;
        int64_t ix;

        tap_columns (g, kx, &first, &last);
        if (first >= last)
          continue;
        ix = (int64_t) first * g->stride + (int64_t) kx * g->dilation - g->pad;
        outer (last - first, g->c, g->oc, x + ((size_t) iy * g->w + (size_t) ix) * g->c,
               (size_t) g->stride * g->c, dy + ((size_t) oy * g->ow + first) * g->oc, g->oc,
               dw + (ky * g->kernel + kx) * tap);
      }
    }
}

static void
conv_dw (const LodeConvGeometry *g, const float *x, const float *dy, float *dw, float *dbias, float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->oc;

  if (is_pointwise (g)) {
    linear_dw ((size_t) g->n * g->h * g->w, g->c, g->oc, x, dy, dw, dbias);
    return;
  }
  if (g->groups > 1 && !is_depthwise (g)) {
    lode_kernels_reference.conv_dw (g, x, dy, dw, dbias, scratch);
    return;
  }
  for (uint32_t i = 0; i < g->n; i++) {
    uint32_t at = 0;

    if (g->groups == 1) {
      dense_dw (g, x + i * in, dy + i * out, dw);
      continue;
    }
#define CALL(n) depthwise_dw_##n (g, x + i * in + at, dy + i * out + at, dw + at)
    BLOCKS (g->c, CALL)
#undef CALL
  }
  if (dbias)
    add_columns ((size_t) g->n * g->oh * g->ow, g->oc, dy, dbias);
}

static void
norm_moments (size_t rows, uint32_t c, const float *x, const float *pivot, double *moments)
{
  uint32_t at = 0;

  memset (moments, 0, 2 * (size_t) c * sizeof *moments);
#define CALL(n) moments_##n (rows, c, x + at, pivot + at, moments + at, moments + c + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
norm_apply (size_t rows, uint32_t c, const float *x, const float *scale, const float *shift, float *y)
{
  uint32_t at = 0;

#define CALL(n) affine_##n (rows, c, x + at, scale + at, shift + at, y + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
norm_sums (size_t rows, uint32_t c, const float *x, const float *mean, const float *invstd, const float *dy,
           double *sums)
{
  uint32_t at = 0;

  memset (sums, 0, 2 * (size_t) c * sizeof *sums);
#define CALL(n) sums_##n (rows, c, x + at, mean + at, invstd + at, dy + at, sums + at, sums + c + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
norm_dx (size_t rows, uint32_t c, const float *x, const float *dy, const float *ka, const float *kb,
         const float *kc, float *dx)
{
  uint32_t at = 0;

#define CALL(n) affine_dx_##n (rows, c, x + at, dy + at, ka + at, kb + at, kc + at, dx + at)
  BLOCKS (c, CALL)
#undef CALL
}

/* max_pool without branches in the channel loop; the first maximum is found by backward. */
static void
max_pool (const LodePoolGeometry *g, const float *x, float *y)
{
  for (uint32_t i = 0; i < g->n; i++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++) {
        float *restrict to = y + (((size_t) i * g->oh + oy) * g->ow + ox) * g->c;
        bool any = false;

        for (uint32_t ky = 0; ky < g->kernel; ky++)
          for (uint32_t kx = 0; kx < g->kernel; kx++) {
            int64_t iy = (int64_t) oy * g->stride + ky - g->pad, ix = (int64_t) ox * g->stride + kx - g->pad;
            const float *in;

            if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
              continue;
            in = x + (((size_t) i * g->h + (size_t) iy) * g->w + (size_t) ix) * g->c;
            if (!any)
              memcpy (to, in, g->c * sizeof *to);
            else
              for (uint32_t l = 0; l < g->c; l++)
                to[l] = in[l] > to[l] || in[l] != in[l] ? in[l] : to[l];
            any = true;
          }
        if (!any)
          memset (to, 0, g->c * sizeof *to);
      }
}

/* Channels in blocks, each with a mark of lanes whose maximum has been met: the first in scan order. */
static void
max_pool_dx (const LodePoolGeometry *g, const float *x, const float *y, const float *dy, float *dx)
{
  for (uint32_t i = 0; i < g->n; i++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        for (uint32_t c = 0; c < g->c; c += 64) {
          size_t out = (((size_t) i * g->oh + oy) * g->ow + ox) * g->c + c;
          uint32_t n = g->c - c < 64 ? g->c - c : 64;
          float left[64];

          memcpy (left, dy + out, n * sizeof *left);
          for (uint32_t ky = 0; ky < g->kernel; ky++)
            for (uint32_t kx = 0; kx < g->kernel; kx++) {
              int64_t iy = (int64_t) oy * g->stride + ky - g->pad, ix = (int64_t) ox * g->stride + kx - g->pad;
              size_t in;

              if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
                continue;
              in = (((size_t) i * g->h + (size_t) iy) * g->w + (size_t) ix) * g->c + c;
              for (uint32_t l = 0; l < n; l++) {
                float give = x[in + l] == y[out + l] ? left[l] : 0;

                dx[in + l] += give;
                left[l] -= give;
              }
            }
        }
}

static uint32_t
window_cells (const LodePoolGeometry *g, uint32_t oy, uint32_t ox)
{
  int64_t y0 = (int64_t) oy * g->stride - g->pad, x0 = (int64_t) ox * g->stride - g->pad;
  int64_t y1 = y0 + g->kernel < g->h ? y0 + g->kernel : g->h, x1 = x0 + g->kernel < g->w ? x0 + g->kernel : g->w;

  y0 = y0 < 0 ? 0 : y0;
  x0 = x0 < 0 ? 0 : x0;
  return y1 > y0 && x1 > x0 ? (uint32_t) ((y1 - y0) * (x1 - x0)) : 0;
}

static void
avg_pool (const LodePoolGeometry *g, const float *x, float *y)
{
  for (uint32_t i = 0; i < g->n; i++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++) {
        float *restrict to = y + (((size_t) i * g->oh + oy) * g->ow + ox) * g->c;
        uint32_t cells = window_cells (g, oy, ox);
        float share = cells ? 1 / (float) cells : 0;

        memset (to, 0, g->c * sizeof *to);
        for (uint32_t ky = 0; ky < g->kernel; ky++)
          for (uint32_t kx = 0; kx < g->kernel; kx++) {
            int64_t iy = (int64_t) oy * g->stride + ky - g->pad, ix = (int64_t) ox * g->stride + kx - g->pad;
            const float *in;

            if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
              continue;
            in = x + (((size_t) i * g->h + (size_t) iy) * g->w + (size_t) ix) * g->c;
            for (uint32_t l = 0; l < g->c; l++)
              to[l] += in[l];
          }
        for (uint32_t l = 0; l < g->c; l++)
          to[l] *= share;
      }
}

static void
avg_pool_dx (const LodePoolGeometry *g, const float *dy, float *dx)
{
  for (uint32_t i = 0; i < g->n; i++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++) {
        const float *from = dy + (((size_t) i * g->oh + oy) * g->ow + ox) * g->c;
        uint32_t cells = window_cells (g, oy, ox);
        float share = cells ? 1 / (float) cells : 0;

        for (uint32_t ky = 0; ky < g->kernel; ky++)
          for (uint32_t kx = 0; kx < g->kernel; kx++) {
            int64_t iy = (int64_t) oy * g->stride + ky - g->pad, ix = (int64_t) ox * g->stride + kx - g->pad;
            float *restrict to;

            if (iy < 0 || iy >= g->h || ix < 0 || ix >= g->w)
              continue;
            to = dx + (((size_t) i * g->h + (size_t) iy) * g->w + (size_t) ix) * g->c;
            for (uint32_t l = 0; l < g->c; l++)
              to[l] += from[l] * share;
          }
      }
}

static void
global_pool (uint32_t n, size_t pixels, uint32_t c, const float *x, float *y)
{
  memset (y, 0, (size_t) n * c * sizeof *y);
  for (uint32_t i = 0; i < n; i++) {
    add_columns (pixels, c, x + i * pixels * c, y + (size_t) i * c);
    for (uint32_t l = 0; l < c; l++)
      y[(size_t) i * c + l] /= (float) pixels;
  }
}

static void
global_pool_dx (uint32_t n, size_t pixels, uint32_t c, const float *dy, float *dx)
{
  float share = 1 / (float) pixels;

  for (uint32_t i = 0; i < n; i++)
    for (size_t p = 0; p < pixels; p++)
      for (uint32_t l = 0; l < c; l++)
        dx[(i * pixels + p) * c + l] += dy[(size_t) i * c + l] * share;
}

static void
relu (size_t n, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = x[i] < 0 ? 0 : x[i];
}

static void
relu_dx (size_t n, const float *y, const float *dy, float *dx)
{
  for (size_t i = 0; i < n; i++)
    dx[i] += y[i] > 0 ? dy[i] : 0;
}

static void
fill (size_t n, float a, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = a;
}

static void
scale (size_t n, float a, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = a * x[i];
}

static void
axpy (size_t n, float a, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] += a * x[i];
}

static void
axpy_channels (size_t rows, uint32_t c, const float *a, const float *x, float *y)
{
  for (size_t r = 0; r < rows; r++)
    for (uint32_t l = 0; l < c; l++)
      y[r * c + l] += a[l] * x[r * c + l];
}

static void
add (size_t n, const float *x, const float *y, float *z)
{
  for (size_t i = 0; i < n; i++)
    z[i] = x[i] + y[i];
}

static void
multiply (size_t n, const float *x, const float *y, float *z)
{
  for (size_t i = 0; i < n; i++)
    z[i] = x[i] * y[i];
}

/* Sixteen float sums over blocks of 1024, the blocks' sums in float64: the same order for any vector width. */
static double
dot (size_t n, const float *x, const float *y)
{
  double total = 0;

  for (size_t first = 0; first < n; first += 1024) {
    size_t m = n - first < 1024 ? n - first : 1024, i = 0;
    const float *a = x + first, *b = y + first;
    float acc[16] = { 0 };
    double sum = 0;

    for (; i + 16 <= m; i += 16)
      for (int l = 0; l < 16; l++)
        acc[l] += a[i + l] * b[i + l];
    for (; i < m; i++)
      acc[i % 16] += a[i] * b[i];
    for (int l = 0; l < 16; l++)
      sum += (double) acc[l];
    total += sum;
  }
  return total;
}

/* In blocks that stay in cache, one input after the other. */
static void
combine (size_t n, uint32_t m, const float *a, const float *const *x, float *y)
{
  for (size_t first = 0; first < n; first += 2048) {
    size_t length = n - first < 2048 ? n - first : 2048;

    if (m == 0)
      fill (length, 0, y + first);
    else
      scale (length, a[0], x[0] + first, y + first);
    for (uint32_t i = 1; i < m; i++)
      axpy (length, a[i], x[i] + first, y + first);
  }
}

static void
dots (size_t n, uint32_t m, const float *g, const float *const *x, double *d)
{
  memset (d, 0, m * sizeof *d);
  for (size_t first = 0; first < n; first += 1024) {
    size_t length = n - first < 1024 ? n - first : 1024;

    for (uint32_t i = 0; i < m; i++)
      d[i] += dot (length, g + first, x[i] + first);
  }
}

static void
sgd (size_t n, float rate, float mu, float decay, float clip, bool nesterov, const float *g, float *v, float *w)
{
  for (size_t i = 0; i < n; i++) {
    float d = clip * g[i] + decay * w[i];

    v[i] = mu * v[i] + d;
    w[i] -= rate * (nesterov ? d + mu * v[i] : v[i]);
  }
}

static void
adam (size_t n, float step, float root, float beta1, float beta2, float eps, float decay, float clip,
      const float *g, float *m, float *v, float *w)
{
  for (size_t i = 0; i < n; i++) {
    float d = clip * g[i] + decay * w[i];

    m[i] = beta1 * m[i] + (1 - beta1) * d;
    v[i] = beta2 * v[i] + (1 - beta2) * d * d;
    w[i] -= step * m[i] / (sqrtf (v[i]) * root + eps);
  }
}

extern const LodeKernels LODE_KERNEL_TABLE;

const LodeKernels LODE_KERNEL_TABLE = {
  .isa = LODE_KERNEL_ISA,
  .width = LODE_KERNEL_LANES,
  .conv_scratch = conv_scratch,
  .conv = conv,
  .conv_dx = conv_dx,
  .conv_dw = conv_dw,
  .linear = linear,
  .linear_dx = linear_dx,
  .linear_dw = linear_dw,
  .max_pool = max_pool,
  .max_pool_dx = max_pool_dx,
  .avg_pool = avg_pool,
  .avg_pool_dx = avg_pool_dx,
  .global_pool = global_pool,
  .global_pool_dx = global_pool_dx,
  .norm_moments = norm_moments,
  .norm_apply = norm_apply,
  .norm_sums = norm_sums,
  .norm_dx = norm_dx,
  .relu = relu,
  .relu_dx = relu_dx,
  .fill = fill,
  .scale = scale,
  .axpy = axpy,
  .axpy_channels = axpy_channels,
  .add = add,
  .multiply = multiply,
  .dot = dot,
  .combine = combine,
  .dots = dots,
  .sgd = sgd,
  .adam = adam,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight gradient of a depthwise convolution, one block of LANES channels at a time.
 *
 * The sums of many taps at a time stay in registers over a band of output rows: all 9, or 25 with
 * 32 registers, 13 and 12 with 16. dy is loaded once for all of them, inputs once a tap from a
 * plane (planes.inc.h); kernel rows outside the image read its row of zeros. A band is as long as
 * the first-level cache holds what all taps read. Other kernels take one tap at a time, straight
 * from the image, in four sums by column modulo 4.
 */

/* Output rows [y0, y1), taps [T0, T1). sum: [K · K] */
static inline __attribute__ ((always_inline)) void
F (spread_band) (const LodeConvGeometry *g, uint32_t y0, uint32_t y1, const float *plane,
                 const float *dy, V *sum, const int T0, const int T1, const int K, const int D)
{
  Planes planes = planes_in (g);
  size_t c = g->c, step = (size_t) g->stride * LANES, end = g->ow * step;
  V acc[25];

#pragma GCC unroll 25
  for (int t = T0; t < T1; t++)
    acc[t - T0] = sum[t];
  dy += y0 * g->ow * c;
  for (uint32_t oy = y0; oy < y1; oy++) {
    const float *in[5];

#pragma GCC unroll 5
    for (int a = T0 / K; a < (T1 + K - 1) / K; a++) {
      int64_t row = (int64_t) oy * g->stride - g->pad + a * D;

      row = row < 0 || row >= g->h ? -1 : row;
      in[a] = plane + (planes_row (&planes, row) - g->pad) * LANES;
    }
    for (size_t p = 0; p < end; p += step, dy += c) {
      V v = LOAD (dy);

      HOLD (v);
#pragma GCC unroll 25
      for (int t = T0; t < T1; t++) {
        V x = LOAD (in[t / K] + p + t % K * D * LANES);

        HOLD (x);
        acc[t - T0] += x * v;
      }
    }
  }
#pragma GCC unroll 25
  for (int t = T0; t < T1; t++)
    sum[t] = acc[t - T0];
}

static inline __attribute__ ((always_inline)) void
F (spread_plane) (const LodeConvGeometry *g, const float *plane, const float *dy, float *dw,
                  const int K, const int D)
{
  uint32_t band = spread_rows (g, LANES), y1;
  V sum[25];

#pragma GCC unroll 32
  for (int t = 0; t < K * K; t++)
    sum[t] = (V){ 0 };
  for (uint32_t y0 = 0; y0 < g->oh; y0 = y1) {
    y1 = g->oh - y0 < band ? g->oh : y0 + band;
    if (K == 3 || LODE_KERNEL_LANES == 16) {
      F (spread_band) (g, y0, y1, plane, dy, sum, 0, K * K, K, D);
    } else {
      F (spread_band) (g, y0, y1, plane, dy, sum, 0, 13, K, D);
      F (spread_band) (g, y0, y1, plane, dy, sum, 13, 25, K, D);
    }
  }
#pragma GCC unroll 32
  for (int t = 0; t < K * K; t++)
    STORE (dw + t * g->c, LOAD (dw + t * g->c) + sum[t]);
}

/* One sample from its plane. */
static void
F (spread) (const LodeConvGeometry *g, const float *plane, const float *dy, float *dw)
{
  if (g->kernel == 3 && g->dilation == 1)
    F (spread_plane) (g, plane, dy, dw, 3, 1);
  else if (g->kernel == 3)
    F (spread_plane) (g, plane, dy, dw, 3, 2);
  else if (g->dilation == 1)
    F (spread_plane) (g, plane, dy, dw, 5, 1);
  else
    F (spread_plane) (g, plane, dy, dw, 5, 2);
}

static void
F (spread_tap) (const Patch *patch, const float *x, const float *dy, float *dw)
{
  V zero = { 0 }, acc[4] = { zero, zero, zero, zero };

  for (size_t r = 0; r < patch->rows; r++) {
    const float *in = x + r * patch->x_row, *out = dy + r * patch->y_row;
    size_t p = 0;

    for (; p + 4 <= patch->columns; p += 4, in += 4 * patch->x_step, out += 4 * patch->y_step)
#pragma GCC unroll 16
      for (size_t k = 0; k < 4; k++)
        acc[k] += LOAD (in + k * patch->x_step) * LOAD (out + k * patch->y_step);
    for (; p < patch->columns; p++, in += patch->x_step, out += patch->y_step)
      acc[0] += LOAD (in) * LOAD (out);
  }
  STORE (dw, LOAD (dw) + ((acc[0] + acc[1]) + (acc[2] + acc[3])));
}

/* One sample from the image itself. */
static void
F (spread_taps) (const LodeConvGeometry *g, const float *x, const float *dy, float *dw)
{
  Patch patch;
  size_t in, out;

  for (uint32_t t = 0; t < g->kernel * g->kernel; t++)
    if (patch_of_tap (g, t / g->kernel, t % g->kernel, 0, g->oh, &patch, &in, &out))
      F (spread_tap) (&patch, x + in, dy + out, dw + t * g->c);
}

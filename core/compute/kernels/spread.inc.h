/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight gradient of a depthwise convolution, one block of LANES channels at a time.
 *
 * KY kernel rows of K taps at a time stay in registers over a band of output rows, as many as the
 * ring of slide.inc.h has room for: all 9 taps, or 25 with 32 registers, 15 and 10 with 16. dy is
 * loaded once for all of them, inputs are memory operands from the ring. Kernel rows outside the
 * image read a row of zeros that lies behind the ring. Other kernels take one tap at a time,
 * straight from the image, in four sums by column modulo 4.
 */

/* Output rows [y0, y1), kernel rows [A, A + KY). sum: [K · K] */
static inline __attribute__ ((always_inline)) void
F (spread_band) (const Sweep *s, const Ring *ring, uint32_t y0, uint32_t y1, const float *dy,
                 float *plane, V *sum, const int A, const int KY, const int K, const int D)
{
  size_t c = s->g->c, step = (size_t) s->step * LANES;
  const float *zeros = plane + (ring->mask + 1) * ring->row;
  ptrdiff_t left = ((ptrdiff_t) s->plane.left + (ptrdiff_t) ring->first) * LANES;
  V acc[5][5];

#pragma GCC unroll 16
  for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
    for (int b = 0; b < K; b++)
      acc[a][b] = sum[(A + a) * K + b];
  dy += y0 * s->columns * c;
  for (uint32_t oy = y0; oy < y1; oy++) {
    const float *in[5];

#pragma GCC unroll 16
    for (int a = 0; a < KY; a++) {
      int64_t row = (int64_t) oy * s->step + ring->first + (A + a) * D;

      in[a] = left
              + (row >= 0 && row < s->plane.rows ? plane + ((uint64_t) row & ring->mask) * ring->row
                                                 : zeros);
    }
    for (size_t p = 0; p < s->columns * step; p += step, dy += c) {
      V g = LOAD (dy);

#pragma GCC unroll 16
      for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
        for (int b = 0; b < K; b++)
          acc[a][b] += LOAD (in[a] + p + b * D * LANES) * g;
    }
  }
#pragma GCC unroll 16
  for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
    for (int b = 0; b < K; b++)
      sum[(A + a) * K + b] = acc[a][b];
}

static inline __attribute__ ((always_inline)) void
F (spread_image) (const Sweep *s, const float *x, const float *dy, float *dw, float *plane,
                  const int K, const int D)
{
  Ring ring = ring_of (s, LANES, false);
  uint32_t band = ((uint32_t) ring.mask - (uint32_t) (K - 1) * (uint32_t) D) / s->step + 1, y1;
  int64_t last;
  V sum[25];

#pragma GCC unroll 32
  for (int t = 0; t < K * K; t++)
    sum[t] = (V){ 0 };
  for (uint32_t y0 = 0; y0 < s->rows; y0 = y1) {
    y1 = s->rows - y0 < band ? s->rows : y0 + band;
    last = (int64_t) (y1 - 1) * s->step + ring.first + (K - 1) * D;
    F (ring_fill_to) (&ring, s, last < s->plane.rows ? last : s->plane.rows - 1, x, plane);
    if (K == 3) {
      F (spread_band) (s, &ring, y0, y1, dy, plane, sum, 0, 3, K, D);
    } else if (LODE_KERNEL_LANES == 16) {
      F (spread_band) (s, &ring, y0, y1, dy, plane, sum, 0, 5, K, D);
    } else {
      F (spread_band) (s, &ring, y0, y1, dy, plane, sum, 0, 3, K, D);
      F (spread_band) (s, &ring, y0, y1, dy, plane, sum, 3, 2, K, D);
    }
  }
#pragma GCC unroll 32
  for (int t = 0; t < K * K; t++)
    STORE (dw + t * s->g->c, LOAD (dw + t * s->g->c) + sum[t]);
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

static void
F (spread) (const Sweep *s, const float *x, const float *dy, float *dw, float *plane)
{
  const LodeConvGeometry *g = s->g;
  size_t c = g->c;
  Patch patch;

  if (rings (g)) {
    Ring ring = ring_of (s, LANES, false);

    F (ring_clear) (&ring, &s->plane, plane);
    memset (plane + (ring.mask + 1) * ring.row, 0, ring.row * sizeof *plane);
    if (g->kernel == 3 && g->dilation == 1)
      F (spread_image) (s, x, dy, dw, plane, 3, 1);
    else if (g->kernel == 3)
      F (spread_image) (s, x, dy, dw, plane, 3, 2);
    else if (g->dilation == 1)
      F (spread_image) (s, x, dy, dw, plane, 5, 1);
    else
      F (spread_image) (s, x, dy, dw, plane, 5, 2);
    return;
  }
  for (uint32_t t = 0; t < g->kernel * g->kernel; t++) {
    size_t in, out;

    if (patch_of_tap (g, t / g->kernel, t % g->kernel, 0, g->oh, &patch, &in, &out))
      F (spread_tap) (&patch, x + in, dy + out, dw + t * c);
  }
}

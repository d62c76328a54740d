/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight gradient of a depthwise convolution, one block of LANES channels at a time.
 *
 * KY kernel rows of K taps at a time stay in registers over all pixels of a sample, all 9 or 25
 * taps with 32 registers, 9 or 10 with 16; dy is loaded once for all of them, inputs are memory
 * operands from the ring of slide.inc.h. Kernel rows outside the image read a row of zeros that
 * lies behind the ring. Other kernels take one tap at a time, straight from the image, in four sums
 * by column modulo 4.
 */
static inline __attribute__ ((always_inline)) void
F (spread_tile) (const Sweep *s, const float *x, const float *dy, float *dw, float *plane,
                 const int A, const int KY, const int K, const int D)
{
  size_t c = s->g->c, step = (size_t) s->step * LANES;
  Ring ring = ring_of (s, LANES, false);
  const float *zeros = plane + (ring.mask + 1) * ring.row;
  ptrdiff_t left = ((ptrdiff_t) s->plane.left + (ptrdiff_t) ring.first) * LANES;
  V acc[5][5], zero = { 0 };

#pragma GCC unroll 16
  for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
    for (int b = 0; b < K; b++)
      acc[a][b] = zero;
  for (uint32_t oy = 0; oy < s->rows; oy++) {
    const float *in[5];

    F (ring_move) (&ring, s, oy, x, plane);
#pragma GCC unroll 16
    for (int a = 0; a < KY; a++)
      in[a] = left
              + (A + a >= ring.j0 && A + a < ring.j1
                     ? plane + ((uint64_t) (ring.base + (A + a) * D) & ring.mask) * ring.row
                     : zeros);
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
    for (int b = 0; b < K; b++) {
      float *to = dw + (size_t) ((A + a) * K + b) * c;

      STORE (to, LOAD (to) + acc[a][b]);
    }
}

static inline __attribute__ ((always_inline)) void
F (spread_5) (const Sweep *s, const float *x, const float *dy, float *dw, float *plane, const int D)
{
#if LODE_KERNEL_LANES == 16
  F (spread_tile) (s, x, dy, dw, plane, 0, 5, 5, D);
#else
  F (spread_tile) (s, x, dy, dw, plane, 0, 2, 5, D);
  F (spread_tile) (s, x, dy, dw, plane, 2, 2, 5, D);
  F (spread_tile) (s, x, dy, dw, plane, 4, 1, 5, D);
#endif
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
      F (spread_tile) (s, x, dy, dw, plane, 0, 3, 3, 1);
    else if (g->kernel == 3)
      F (spread_tile) (s, x, dy, dw, plane, 0, 3, 3, 2);
    else if (g->dilation == 1)
      F (spread_5) (s, x, dy, dw, plane, 1);
    else
      F (spread_5) (s, x, dy, dw, plane, 2);
    return;
  }
  for (uint32_t t = 0; t < g->kernel * g->kernel; t++) {
    size_t in, out;

    if (patch_of_tap (g, t / g->kernel, t % g->kernel, 0, g->oh, &patch, &in, &out))
      F (spread_tap) (&patch, x + in, dy + out, dw + t * c);
  }
}

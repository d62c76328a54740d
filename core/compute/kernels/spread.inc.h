/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Weight gradient of a depthwise convolution, one block of LANES channels at a time.
 *
 * The sample's plane is copied into scratch, LANES floats a pixel, within zero rows and columns.
 * Then KY kernel rows of K taps at a time stay in registers over all pixels: dy is loaded once for
 * all of them, inputs are memory operands. All 9 or 25 taps with 32 registers, 9 or 10 with 16.
 */
static void
F (plane_fill) (const Plane *plane, size_t c, const float *from, float *to)
{
  size_t row = (size_t) plane->wide * LANES, right = plane->wide - plane->left - plane->columns;

  memset (to, 0, plane->top * row * sizeof *to);
  to += plane->top * row;
  for (uint32_t r = 0; r < plane->rows; r++) {
    memset (to, 0, (size_t) plane->left * LANES * sizeof *to);
    to += (size_t) plane->left * LANES;
    for (uint32_t p = 0; p < plane->columns; p++, from += c, to += LANES)
      STORE (to, LOAD (from));
    memset (to, 0, right * LANES * sizeof *to);
    to += right * LANES;
  }
  memset (to, 0, (plane->tall - plane->top - plane->rows) * row * sizeof *to);
}

static inline __attribute__ ((always_inline)) void
F (depthwise_dw_tile) (const Sweep *s, const float *x, const float *dy, float *dw, const int KY,
                       const int K, const int D)
{
  size_t row = (size_t) s->plane.wide * LANES, step = (size_t) s->g->stride * LANES, c = s->g->c;
  V acc[5][5], zero = { 0 };
#pragma GCC unroll 16
  for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
    for (int b = 0; b < K; b++)
      acc[a][b] = zero;
  for (uint32_t oy = 0; oy < s->rows; oy++) {
    const float *in = x + oy * s->g->stride * row;

    for (uint32_t ox = 0; ox < s->columns; ox++, in += step, dy += c) {
      V g = LOAD (dy);
#pragma GCC unroll 16
      for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
        for (int b = 0; b < K; b++)
          acc[a][b] += LOAD (in + a * D * row + b * D * LANES) * g;
    }
  }
#pragma GCC unroll 16
  for (int a = 0; a < KY; a++)
#pragma GCC unroll 16
    for (int b = 0; b < K; b++) {
      float *to = dw + (size_t) (a * K + b) * c;

      STORE (to, LOAD (to) + acc[a][b]);
    }
}

static inline __attribute__ ((always_inline)) void
F (depthwise_dw_5) (const Sweep *s, const float *x, const float *dy, float *dw, const int D)
{
#if LODE_KERNEL_LANES == 16
  F (depthwise_dw_tile) (s, x, dy, dw, 5, 5, D);
#else
  size_t rows = 2 * (size_t) s->plane.wide * LANES * D, c = s->g->c;

  F (depthwise_dw_tile) (s, x, dy, dw, 2, 5, D);
  F (depthwise_dw_tile) (s, x + rows, dy, dw + 10 * c, 2, 5, D);
  F (depthwise_dw_tile) (s, x + 2 * rows, dy, dw + 20 * c, 1, 5, D);
#endif
}

/* Any kernel: one tap at a time, four partial sums by column modulo 4. */
static void
F (depthwise_dw_tap) (const Sweep *s, const float *x, const float *dy, float *dw)
{
  size_t row = (size_t) s->plane.wide * LANES, step = (size_t) s->g->stride * LANES, c = s->g->c;
  V zero = { 0 }, acc[4] = { zero, zero, zero, zero };

  for (uint32_t oy = 0; oy < s->rows; oy++) {
    const float *in = x + oy * s->g->stride * row;
    uint32_t ox = 0;

    for (; ox + 4 <= s->columns; ox += 4, in += 4 * step, dy += 4 * c)
#pragma GCC unroll 16
      for (int p = 0; p < 4; p++)
        acc[p] += LOAD (in + p * step) * LOAD (dy + p * c);
    for (; ox < s->columns; ox++, in += step, dy += c)
      acc[0] += LOAD (in) * LOAD (dy);
  }
  STORE (dw, LOAD (dw) + ((acc[0] + acc[1]) + (acc[2] + acc[3])));
}

static void
F (depthwise_dw) (const Sweep *s, const float *x, const float *dy, float *dw, float *plane)
{
  const LodeConvGeometry *g = s->g;
  size_t row = (size_t) s->plane.wide * LANES * g->dilation, c = g->c;
  const float *at = plane + plane_origin (s) * LANES;

  F (plane_fill) (&s->plane, c, x, plane);
  if (g->kernel == 3 && g->dilation == 1) {
    F (depthwise_dw_tile) (s, at, dy, dw, 3, 3, 1);
  } else if (g->kernel == 3 && g->dilation == 2) {
    F (depthwise_dw_tile) (s, at, dy, dw, 3, 3, 2);
  } else if (g->kernel == 5 && g->dilation == 1) {
    F (depthwise_dw_5) (s, at, dy, dw, 1);
  } else if (g->kernel == 5 && g->dilation == 2) {
    F (depthwise_dw_5) (s, at, dy, dw, 2);
  } else {
    for (uint32_t t = 0; t < g->kernel * g->kernel; t++)
      F (depthwise_dw_tap)
    (s, at + t / g->kernel * row + (size_t) (t % g->kernel) * g->dilation * LANES, dy, dw + t * c);
  }
}

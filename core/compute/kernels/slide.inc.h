/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution, its input gradient and its weight gradient, one block of LANES channels at
 * a time.
 *
 * The block's source plane is first copied into scratch, LANES floats a pixel, with zero columns at
 * its sides: no tile has edges, and all its loads are aligned. Rows outside the image are skipped.
 * slide: P ≤ 8 adjacent pixels; per kernel row the K weights stay in registers and each input
 * vector is loaded once for all the pixels that it serves (12 loads for 40 multiply-adds at 5×5).
 * taps: any kernel, stride and dilation; 8 accumulators, inputs are memory operands.
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

/* down: rows of the plane with their rows of weights; across: where tap 0 of the line's first pixel
 * reads. */
static inline __attribute__ ((always_inline)) void
F (slide_tile) (const Line *l, const float *x, const float *w, const float *bias, float *y,
                const int P, const int K, const int D)
{
  V acc[8], zero = { 0 };
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
    acc[p] = l->add ? LOAD (y + p * l->to) : bias ? LOAD (bias) : zero;
  for (uint32_t a = 0; a < l->down->n; a++) {
    const float *in = x + l->down->in[a] + l->across->in[0];
    V wv[5];
#pragma GCC unroll 16
    for (int k = 0; k < K; k++)
      wv[k] = LOAD (w + l->down->tap[a] + l->across->tap[k]);
#pragma GCC unroll 16
    for (int i = 0; i < P + (K - 1) * D; i++) {
      V v = LOAD (in + i * LANES);
#pragma GCC unroll 16
      for (int k = 0; k < K; k++)
        if (i - k * D >= 0 && i - k * D < P)
          acc[i - k * D] += v * wv[k];
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
    STORE (y + p * l->to, acc[p]);
}

static inline __attribute__ ((always_inline)) void
F (taps_tile) (const Line *l, const float *x, const float *w, const float *bias, float *y,
               const int P)
{
  V acc[8], zero = { 0 };
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
    acc[p] = l->add ? LOAD (y + p * l->to) : bias ? LOAD (bias) : zero;
  for (uint32_t a = 0; a < l->down->n; a++)
    for (uint32_t b = 0; b < l->across->n; b++) {
      const float *in = x + l->down->in[a] + l->across->in[b];
      V wv = LOAD (w + l->down->tap[a] + l->across->tap[b]);
#pragma GCC unroll 16
      for (int p = 0; p < P; p++)
        acc[p] += LOAD (in + p * l->step) * wv;
    }
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
    STORE (y + p * l->to, acc[p]);
}

#define LINE(name, CALL)                                                                           \
  static void F (name) (const Line *l, size_t m, const float *x, const float *w,                   \
                        const float *bias, float *y)                                               \
  {                                                                                                \
    while (m) {                                                                                    \
      size_t p = m >= 8 ? 8 : m;                                                                   \
      switch (p) {                                                                                 \
        CALL (8) CALL (7) CALL (6) CALL (5) CALL (4) CALL (3) CALL (2) CALL (1)                    \
      }                                                                                            \
      x += p * l->step;                                                                            \
      y += p * l->to;                                                                              \
      m -= p;                                                                                      \
    }                                                                                              \
  }
#define TAPS(p)                                                                                    \
  case p:                                                                                          \
    F (taps_tile) (l, x, w, bias, y, p);                                                           \
    break;
#define SLIDE(p, k, d)                                                                             \
  case p:                                                                                          \
    F (slide_tile) (l, x, w, bias, y, p, k, d);                                                    \
    break;
#define SLIDE31(p) SLIDE (p, 3, 1)
#define SLIDE32(p) SLIDE (p, 3, 2)
#define SLIDE51(p) SLIDE (p, 5, 1)
#define SLIDE52(p) SLIDE (p, 5, 2)
LINE (taps, TAPS)
LINE (slide31, SLIDE31)
LINE (slide32, SLIDE32)
LINE (slide51, SLIDE51)
LINE (slide52, SLIDE52)
#undef LINE
#undef TAPS
#undef SLIDE
#undef SLIDE31
#undef SLIDE32
#undef SLIDE51
#undef SLIDE52

/* One block of channels of one sample: dst (=, += with add) from src. */
static void
F (depthwise) (const Sweep *s, const float *src, const float *w, const float *bias, float *dst,
               bool add, float *plane)
{
  const LodeConvGeometry *g = s->g;
  bool slides = g->stride == 1 && (g->kernel == 3 || g->kernel == 5) && g->dilation <= 2;
  Axis down = { 0 }, across = { 0 };
  Line l = { .down = &down,
             .across = &across,
             .step = (size_t) s->step * LANES,
             .to = (size_t) s->classes * g->c,
             .add = add };

  F (plane_fill) (&s->plane, g->c, src, plane);
  for (uint32_t q = 0; q < s->classes; q++) {
    size_t m = line_length (s, q);

    across_fill (s, q, LANES, g->c, &across);
    for (uint32_t r = 0; m && r < s->rows; r++) {
      float *to = dst + ((size_t) r * s->columns + q) * g->c;

      down_fill (s, r, LANES, (size_t) g->kernel * g->c, &down);
      if (add && !down.n)
        continue;
      if (!slides)
        F (taps) (&l, m, plane, w, bias, to);
      else if (g->kernel == 3 && g->dilation == 1)
        F (slide31) (&l, m, plane, w, bias, to);
      else if (g->kernel == 3)
        F (slide32) (&l, m, plane, w, bias, to);
      else if (g->dilation == 1)
        F (slide51) (&l, m, plane, w, bias, to);
      else
        F (slide52) (&l, m, plane, w, bias, to);
    }
  }
}

/*
 * KY kernel rows of K taps at a time stay in registers, over all pixels of the sample; the plane
 * has zero rows too. dy is loaded once for all of them, inputs are memory operands.
 */
static inline __attribute__ ((always_inline)) void
F (depthwise_dw_tile) (const Sweep *s, const float *x, const float *dy, float *dw, const int KY,
                       const int K)
{
  size_t row = (size_t) s->plane.wide * LANES, step = (size_t) s->g->stride * LANES, c = s->g->c;
  size_t hop = (size_t) s->g->dilation * LANES;
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
          acc[a][b] += LOAD (in + a * s->g->dilation * row + b * hop) * g;
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
  if (g->kernel == 3) {
    F (depthwise_dw_tile) (s, at, dy, dw, 3, 3);
  } else if (g->kernel == 5) {
#if LODE_KERNEL_LANES == 16
    F (depthwise_dw_tile) (s, at, dy, dw, 5, 5);
#else
    F (depthwise_dw_tile) (s, at, dy, dw, 2, 5);
    F (depthwise_dw_tile) (s, at + 2 * row, dy, dw + 10 * c, 2, 5);
    F (depthwise_dw_tile) (s, at + 4 * row, dy, dw + 20 * c, 1, 5);
#endif
  } else {
    for (uint32_t t = 0; t < g->kernel * g->kernel; t++)
      F (depthwise_dw_tap)
    (s, at + t / g->kernel * row + (size_t) (t % g->kernel) * g->dilation * LANES, dy, dw + t * c);
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tile of products with one tap: linear layers and 1×1 convolutions.
 *
 * The same tile as tile.inc.h, P pixels × W vectors with the sum over input channels innermost, but
 * all that a tile needs is in registers before the first one begins: with 16 input channels the
 * multiply-adds of a tile take no longer than finding out about its taps.
 */
static inline __attribute__ ((always_inline)) void
F (point_tile) (const Line *l, const float *x, const float *w, const float *bias, float *y,
                const int P, const int W)
{
  size_t step = l->step, ldw = l->ldw, to = l->to;
  const float *end = x + l->ci;
  V acc[16][2], zero = { 0 };

#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++)
      acc[p][j] = l->add ? LOAD (y + p * to + j * LANES) : bias ? LOAD (bias + j * LANES) : zero;
  for (; x < end; x++, w += ldw) {
    V wv[2];

#pragma GCC unroll 2
    for (int j = 0; j < W; j++) {
      wv[j] = LOAD (w + j * LANES);
      HOLD (wv[j]);
    }
#pragma GCC unroll 16
    for (int p = 0; p < P; p++) {
      V v = F (splat) (x[p * step]);

      HOLD (v);
#pragma GCC unroll 2
      for (int j = 0; j < W; j++)
        acc[p][j] += v * wv[j];
    }
  }
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 2
    for (int j = 0; j < W; j++)
      STORE (y + p * to + j * LANES, acc[p][j]);
}

#define CASE(p)                                                                                    \
  case p:                                                                                          \
    F (point_tile) (l, x, w, bias, y, p, W);                                                       \
    break;

static inline __attribute__ ((always_inline)) void
F (point_some) (const Line *l, size_t m, const float *x, const float *w, const float *bias,
                float *y, const size_t P, const int W)
{
  for (; m >= P; m -= P, x += P * l->step, y += P * l->to)
    F (point_tile) (l, x, w, bias, y, (int) P, W);
  for (; P > 4 && m >= 4; m -= 4, x += 4 * l->step, y += 4 * l->to)
    F (point_tile) (l, x, w, bias, y, 4, W);
  switch (m) {
    CASE (3) CASE (2) CASE (1)
  }
}
#undef CASE

/* m pixels × one vector. */
static void
F (point) (const Line *l, size_t m, const float *x, const float *w, const float *bias, float *y)
{
  F (point_some) (l, m, x, w, bias, y, 8, 1);
}

#if LANES == LODE_KERNEL_LANES
/* m pixels × two vectors. */
static void
F (point_double) (const Line *l, size_t m, const float *x, const float *w, const float *bias,
                  float *y)
{
  F (point_some) (l, m, x, w, bias, y, TILE_PIXELS / 2, 2);
}
#endif

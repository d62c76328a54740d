/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tile of every product with dense weights: linear layers, 1×1, k×k, and their input gradients.
 *
 * P pixels of a line × W vectors of output channels stay in registers. Per tap and input channel, W
 * vectors of weights are loaded and P input elements broadcast: P · W multiply-adds for P + W
 * loads. With 32 registers 16 × 1 or 8 × 2, with 16 registers 8 × 1 or 4 × 2: enough chains to hide
 * the latency. A line's rest is one tile of its own literal width, so nothing is computed twice or
 * read beyond the line.
 */
static inline __attribute__ ((always_inline)) void
F (tile) (const Line *l, const float *x, const float *w, const float *bias, float *y, const int P,
          const int W)
{
  size_t to = l->to, step = l->step;
  V acc[16][2], zero = { 0 };
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int j = 0; j < W; j++)
      acc[p][j] = l->add ? LOAD (y + p * to + j * LANES) : bias ? LOAD (bias + j * LANES) : zero;
  for (uint32_t a = 0; a < l->down->n; a++)
    for (uint32_t b = 0; b < l->across->n; b++) {
      const float *in = x + l->down->in[a] + l->across->in[b],
                  *tap = w + l->down->tap[a] + l->across->tap[b];
      const float *high = in + (P > 8 ? 8 * l->step : 0);

      /* Pixels 8 to 15 from a pointer of their own: 15 offsets from one would not fit the
       * registers. */
      __asm__("" : "+r"(high));
      for (uint32_t i = 0; i < l->ci; i++, tap += l->ldw) {
        V wv[2];
#pragma GCC unroll 16
        for (int j = 0; j < W; j++)
          wv[j] = LOAD (tap + j * LANES);
#pragma GCC unroll 16
        for (int p = 0; p < P; p++)
#pragma GCC unroll 16
          for (int j = 0; j < W; j++)
            acc[p][j] += (p < 8 ? in[p * step + i] : high[(p - 8) * step + i]) * wv[j];
      }
    }
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int j = 0; j < W; j++)
      STORE (y + p * to + j * LANES, acc[p][j]);
}

#define CASE(p, wide)                                                                              \
  case p:                                                                                          \
    F (tile) (l, x, w, bias, y, p, wide);                                                          \
    break;

/* m pixels × one vector. */
static void
F (line) (const Line *l, size_t m, const float *x, const float *w, const float *bias, float *y)
{
  while (m) {
    size_t p = m >= TILE_PIXELS ? TILE_PIXELS : m > 8 ? 8 : m;

    switch (p) {
#if TILE_PIXELS > 8
      CASE (TILE_PIXELS, 1)
#endif
      CASE (8, 1)
      CASE (7, 1) CASE (6, 1) CASE (5, 1) CASE (4, 1) CASE (3, 1) CASE (2, 1) CASE (1, 1)
    }
    x += p * l->step;
    y += p * l->to;
    m -= p;
  }
}

#if LANES == LODE_KERNEL_LANES
/* m pixels × two vectors. */
static void
F (line_double) (const Line *l, size_t m, const float *x, const float *w, const float *bias,
                 float *y)
{
  while (m) {
    size_t p = m >= TILE_PIXELS / 2 ? TILE_PIXELS / 2 : m;

    switch (p) {
#if TILE_PIXELS > 8
      CASE (8, 2)
      CASE (7, 2)
      CASE (6, 2)
      CASE (5, 2)
#endif
      CASE (4, 2) CASE (3, 2) CASE (2, 2) CASE (1, 2)
    }
    x += p * l->step;
    y += p * l->to;
    m -= p;
  }
}
#endif
#undef CASE

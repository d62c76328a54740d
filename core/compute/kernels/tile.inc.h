/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tile of every product with dense weights: linear layers, 1×1, k×k, and their input gradients.
 *
 * P pixels of a line × W vectors of output channels stay in registers. Per tap and input channel, W
 * vectors of weights are loaded and P input elements broadcast: P · W multiply-adds for P + W
 * loads. With 32 registers 16 × 1 or 8 × 2, with 16 registers 8 × 1 or 4 × 2 (6 × 2 for long
 * sums): enough chains to hide the latency. A line's rest is one tile of its own literal width, so
 * nothing is computed twice or read beyond the line.
 */
static inline __attribute__ ((always_inline)) void
F (tile_sum) (const Line *l, const float *in, const float *tap, V (*acc)[2], const int P,
              const int W)
{
  size_t step = l->step, ldw = l->ldw, ci = l->ci;
  const float *high = in + (P > 8 ? 8 * step : 0);

  /* Pixels 8 to 15 from a pointer of their own: 15 offsets from one would not fit the registers. */
  __asm__("" : "+r"(high));
  for (size_t i = 0; i < ci; i++, tap += ldw) {
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

static inline __attribute__ ((always_inline)) void
F (tile) (const Line *l, const float *x, const float *w, const float *bias, float *y, const int P,
          const int W, const bool single)
{
  size_t to = l->to;
  V acc[16][2], zero = { 0 };

#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int j = 0; j < W; j++)
      acc[p][j] = l->add ? LOAD (y + p * to + j * LANES) : bias ? LOAD (bias + j * LANES) : zero;
  if (single)
    F (tile_sum) (l, x, w, acc, P, W);
  else
    for (uint32_t a = 0; a < l->down->n; a++)
      for (uint32_t b = 0; b < l->across->n; b++)
        F (tile_sum)
  (l, x + l->down->in[a] + l->across->in[b], w + l->down->tap[a] + l->across->tap[b], acc, P, W);
#pragma GCC unroll 16
  for (int p = 0; p < P; p++)
#pragma GCC unroll 16
    for (int j = 0; j < W; j++)
      STORE (y + p * to + j * LANES, acc[p][j]);
}

#define CASE(p, W)                                                                                 \
  case p:                                                                                          \
    F (tile) (l, x, w, bias, y, p, W, false);                                                      \
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
/* Tiles of P pixels × two vectors as long as there are P pixels; how many pixels. Functions of
 * their own, or their loops would lack registers. `single`: of the one tap that x and w lie at. */
#define RUN(name, P, single)                                                                       \
  static __attribute__ ((noinline)) size_t PASTE (F (name), P) (                                   \
      const Line *given, size_t m, const float *x, const float *w, const float *bias, float *y)    \
  {                                                                                                \
    const Line l = *given; /* stores through vectors would be taken to change the original */      \
    size_t done = 0;                                                                               \
                                                                                                   \
    for (; done + P <= m; done += P, x += P * l.step, y += P * l.to)                               \
      F (tile) (&l, x, w, bias, y, P, 2, single);                                                  \
    return done;                                                                                   \
  }
#if TILE_PIXELS > 8
RUN (run, 8, true)
RUN (run_taps, 8, false)
#define RUN_TAPS PASTE (F (run_taps), 8)
#else
RUN (run, 4, true)
RUN (run, 6, true)
RUN (run_taps, 4, false)
#define RUN_TAPS PASTE (F (run_taps), 4)
#endif
#undef RUN

/* The same with P as suits; of long sums larger tiles, but no rest of two pixels. */
static size_t
F (run) (const Line *l, size_t m, const float *x, const float *w, const float *bias, float *y)
{
#if TILE_PIXELS > 8
  return PASTE (F (run), 8) (l, m, x, w, bias, y);
#else
  size_t done = 0;

  if (l->ci >= 48 && m >= 6)
    done = PASTE (F (run), 6) (l, m % 6 == 2 ? m - 6 : m, x, w, bias, y);
  return done + PASTE (F (run), 4) (l, m - done, x + done * l->step, w, bias, y + done * l->to);
#endif
}

/* m pixels × two vectors. */
static void
F (line_double) (const Line *l, size_t m, const float *x, const float *w, const float *bias,
                 float *y)
{
  size_t done;

  if (l->down->n == 1 && l->across->n == 1)
    done = F (run) (l, m, x + l->down->in[0] + l->across->in[0],
                    w + l->down->tap[0] + l->across->tap[0], bias, y);
  else
    done = RUN_TAPS (l, m, x, w, bias, y);
  x += done * l->step;
  y += done * l->to;
  switch (m - done) {
#if TILE_PIXELS > 8
    CASE (7, 2)
    CASE (6, 2)
    CASE (5, 2)
    CASE (4, 2)
#endif
    CASE (3, 2)
    CASE (2, 2)
    CASE (1, 2)
  }
}
#undef RUN_TAPS
#endif
#undef CASE

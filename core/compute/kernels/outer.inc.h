/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tile of every gradient of dense weights: dw[CI][W vectors] += sum over a patch of pixels of x
 * dy; or "=" where it begins.
 *
 * The tile of dw stays in registers while a whole patch (a band of rows that fits the first-level
 * cache) streams by: per pixel, W vectors of dy are loaded and CI elements of x broadcast. 16 × 1
 * or 8 × 2 with 32 registers, 8 × 1 or 4 × 2 with 16. The sum runs over pixels in scan order.
 */
static inline __attribute__ ((always_inline)) void
F (outer_tile) (const Patch *patch, const float *x, const float *dy, float *dw, const int CI,
                const int W)
{
  size_t x_step = patch->x_step, y_step = patch->y_step, columns = patch->columns, ldw = patch->ldw;
  V acc[16][2], zero = { 0 };
#pragma GCC unroll 16
  for (int i = 0; i < CI; i++)
#pragma GCC unroll 16
    for (int j = 0; j < W; j++)
      acc[i][j] = zero;
  for (size_t r = 0; r < patch->rows; r++) {
    const float *in = x + r * patch->x_row, *out = dy + r * patch->y_row;

    for (size_t p = 0; p < columns; p++, in += x_step, out += y_step) {
      V g[2];
#pragma GCC unroll 16
      for (int j = 0; j < W; j++)
        g[j] = LOAD (out + j * LANES);
#pragma GCC unroll 16
      for (int i = 0; i < CI; i++)
#pragma GCC unroll 16
        for (int j = 0; j < W; j++)
          acc[i][j] += in[i] * g[j];
    }
  }
  if (!patch->begin)
#pragma GCC unroll 16
    for (int i = 0; i < CI; i++)
#pragma GCC unroll 16
      for (int j = 0; j < W; j++)
        acc[i][j] += LOAD (dw + i * ldw + j * LANES);
#pragma GCC unroll 16
  for (int i = 0; i < CI; i++)
#pragma GCC unroll 16
    for (int j = 0; j < W; j++)
      STORE (dw + i * ldw + j * LANES, acc[i][j]);
}

#define CASE(n, wide)                                                                              \
  case n:                                                                                          \
    F (outer_tile) (patch, x, dy, dw, n, wide);                                                    \
    break;

/* ci input channels × one vector. */
static void
F (outer) (const Patch *patch, uint32_t ci, const float *x, const float *dy, float *dw)
{
  while (ci) {
    uint32_t n = ci >= TILE_PIXELS ? TILE_PIXELS : ci > 8 ? 8 : ci;

    switch (n) {
#if TILE_PIXELS > 8
      CASE (TILE_PIXELS, 1)
#endif
      CASE (8, 1)
      CASE (7, 1) CASE (6, 1) CASE (5, 1) CASE (4, 1) CASE (3, 1) CASE (2, 1) CASE (1, 1)
    }
    x += n;
    dw += n * patch->ldw;
    ci -= n;
  }
}

#if LANES == LODE_KERNEL_LANES
#if TILE_PIXELS > 8
#define LARGE 8
#else
#define LARGE 4
#endif
/* Tiles of LARGE × two vectors, as long as there are so many channels; how many channels. A
 * function of its own, or its loops would lack registers. */
static __attribute__ ((noinline)) uint32_t
F (outer_run) (const Patch *given, uint32_t ci, const float *x, const float *dy, float *dw)
{
  const Patch patch = *given; /* stores through vectors would be taken to change the original */
  uint32_t done = 0;

  for (; done + LARGE <= ci; done += LARGE)
    F (outer_tile) (&patch, x + done, dy, dw + done * patch.ldw, LARGE, 2);
  return done;
}
#undef LARGE

/* ci input channels × two vectors. */
static void
F (outer_double) (const Patch *patch, uint32_t ci, const float *x, const float *dy, float *dw)
{
  uint32_t done = F (outer_run) (patch, ci, x, dy, dw);

  x += done;
  dw += done * patch->ldw;
  switch (ci - done) {
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
#endif
#undef CASE

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linear maps of Winograd's F(4×4, 3×3) (Lavin & Gray 2016), one block of LANES channels at a
 * time, with the points 0, 1, −1, 2, −2, ∞.
 *
 *   image    6 × 6 pixels → 6 × 6 points   Bᵀ d B      square   6 × 6 points → 4 × 4 pixels   Aᵀ m
 * A errors   4 × 4 pixels → 6 × 6 points   A e Aᵀ      taps     6 × 6 points → 3 × 3 taps     Gᵀ m
 * G kernel   3 × 3 taps   → 6 × 6 points   G g Gᵀ
 *
 * Register tile: one line of a square, at most six values in and six out, 12 registers and three
 * for the factors; between columns and rows the square lies on the stack, in the first-level cache.
 * A point is a plane of its own, [tiles][channels], so that 36 plain products follow. Planes lie a
 * cache line off a multiple of the page, or their stores would fall into one set of the cache.
 */
static inline __attribute__ ((always_inline)) void
F (image_line) (const V *d, V *t)
{
  V a = d[4] - 4 * d[2], b = d[3] - 4 * d[1], c = d[4] - d[2], e = d[3] - d[1];

  t[0] = 4 * d[0] + (d[4] - 5 * d[2]);
  t[1] = a + b;
  t[2] = a - b;
  t[3] = c + 2 * e;
  t[4] = c - 2 * e;
  t[5] = 4 * d[1] + (d[5] - 5 * d[3]);
}

static inline __attribute__ ((always_inline)) void
F (square_line) (const V *m, V *y)
{
  V s = m[1] + m[2], d = m[1] - m[2], far = m[3] + m[4], skew = m[3] - m[4];

  y[0] = m[0] + s + far;
  y[1] = d + 2 * skew;
  y[2] = s + 4 * far;
  y[3] = (d + m[5]) + 8 * skew;
}

static inline __attribute__ ((always_inline)) void
F (errors_line) (const V *e, V *t)
{
  V s = e[0] + e[2], d = e[1] + e[3], far = e[0] + 4 * e[2], skew = e[1] + 4 * e[3];

  t[0] = e[0];
  t[1] = s + d;
  t[2] = s - d;
  t[3] = far + 2 * skew;
  t[4] = far - 2 * skew;
  t[5] = e[3];
}

static inline __attribute__ ((always_inline)) void
F (kernel_line) (const V *g, V *t)
{
  V s = (g[0] + g[2]) * (-1.f / 6), d = g[1] * (1.f / 6),
    far = g[0] * (1.f / 24) + g[2] * (1.f / 6), skew = g[1] * (1.f / 12);

  t[0] = g[0] * .25f;
  t[1] = s - d;
  t[2] = s + d;
  t[3] = far + skew;
  t[4] = far - skew;
  t[5] = g[2];
}

static inline __attribute__ ((always_inline)) void
F (taps_line) (const V *m, V *g)
{
  V s = (m[1] + m[2]) * (1.f / 6), d = (m[2] - m[1]) * (1.f / 6), far = m[3] + m[4],
    skew = m[3] - m[4];

  g[0] = (m[0] * .25f - s) + far * (1.f / 24);
  g[1] = d + skew * (1.f / 12);
  g[2] = (far * (1.f / 6) - s) + m[5];
}

/* A row of tiles of N × N pixels into points, columns first. x: the first one's first pixel, `row`
 * and `step` floats from pixel to pixel; v: [36] planes of [tiles][c] */
static inline __attribute__ ((always_inline)) void
F (points) (const Tiles *t, const float *x, float *v, const int N, void (*line) (const V *, V *))
{
  size_t row = t->row, step = t->step, plane = t->plane;

  for (uint32_t i = 0; i < t->n; i++, x += 4 * step, v += t->c) {
    V square[6][6];
    float *to = v;

#pragma GCC unroll 1
    for (int b = 0; b < N; b++) {
      const float *in = x + b * step;
      V d[6], p[6];

#pragma GCC unroll 6
      for (int a = 0; a < N; a++)
        d[a] = LOAD (in + a * row);
      line (d, p);
#pragma GCC unroll 6
      for (int a = 0; a < 6; a++)
        square[a][b] = p[a];
    }
#pragma GCC unroll 1
    for (int a = 0; a < 6; a++, to += 6 * plane) {
      V p[6];

      line (square[a], p);
#pragma GCC unroll 6
      for (int b = 0; b < 6; b++)
        STORE (to + b * plane, p[b]);
    }
  }
}

/* Tiles with their neighbours. */
static void
F (image_points) (const Tiles *t, const float *x, float *v)
{
  F (points) (t, x, v, 6, F (image_line));
}

/* Gradients: tiles without. */
static void
F (error_points) (const Tiles *t, const float *x, float *v)
{
  F (points) (t, x, v, 4, F (errors_line));
}

/* Stores a pixel: nothing of it where the gate is shut; added where `add`. o: of the pixel */
static inline __attribute__ ((always_inline)) void
F (give_pixel) (V y, const float *gate, V scale, V shift, float *to, const bool gated,
                const bool add)
{
  if (gated) {
#if LANES == 1
    y = LOAD (gate) * scale + shift > 0 ? y : 0;
#else
    y = (V) ((F (mask)) y & (LOAD (gate) * scale + shift > (V){ 0 }));
#endif
  }
  if (add)
    y += LOAD (to);
  STORE (to, y);
}

/* A row of tiles, t->rows × t->columns pixels in all. m: [36] planes of [tiles][c] */
static inline __attribute__ ((always_inline)) void
F (square_row) (const Tiles *t, const float *m, const Gate *gate, float *y, const bool gated,
                const bool add)
{
  size_t row = t->row, step = t->step, plane = t->plane;
  V scale = { 0 }, shift = { 0 };
  uint32_t left = t->columns;

  if (gated && gate->scale) {
    scale = LOAD (gate->scale);
    shift = LOAD (gate->shift);
  } else {
    scale += 1;
  }
  for (uint32_t i = 0; i < t->n; i++, left -= 4, m += t->c, y += 4 * step) {
    const float *from = m, *open = gated ? gate->x + i * 4 * step : y;
    V square[4][6];
    float *to = y;

#pragma GCC unroll 1
    for (int b = 0; b < 6; b++, from += plane) {
      V p[6], d[4];

#pragma GCC unroll 6
      for (int a = 0; a < 6; a++)
        p[a] = LOAD (from + 6 * a * plane);
      F (square_line) (p, d);
#pragma GCC unroll 4
      for (int a = 0; a < 4; a++)
        square[a][b] = d[a];
    }
#pragma GCC unroll 1
    for (uint32_t a = 0; a < t->rows; a++, to += row, open += row) {
      V d[4];

      F (square_line) (square[a], d);
#pragma GCC unroll 4
      for (uint32_t b = 0; b < 4; b++)
        if (b < left)
          F (give_pixel) (d[b], open + b * step, scale, shift, to + b * step, gated, add);
    }
  }
}

static void
F (pixel_square) (const Tiles *t, const float *m, const Gate *gate, bool add, float *y)
{
  if (gate->x && add)
    F (square_row) (t, m, gate, y, true, true);
  else if (gate->x)
    F (square_row) (t, m, gate, y, true, false);
  else if (add)
    F (square_row) (t, m, gate, y, false, true);
  else
    F (square_row) (t, m, gate, y, false, false);
}

/* LANES weights. w: [9] planes `from` floats apart; u: [36] planes `to` floats apart */
static void
F (kernel_points) (const float *w, size_t from, float *u, size_t to)
{
  V square[6][3];

#pragma GCC unroll 3
  for (int b = 0; b < 3; b++) {
    V g[3], p[6];

    for (int a = 0; a < 3; a++)
      g[a] = LOAD (w + (3 * a + b) * from);
    F (kernel_line) (g, p);
    for (int a = 0; a < 6; a++)
      square[a][b] = p[a];
  }
#pragma GCC unroll 1
  for (int a = 0; a < 6; a++) {
    V p[6];

    F (kernel_line) (square[a], p);
#pragma GCC unroll 6
    for (int b = 0; b < 6; b++)
      STORE (u + (6 * a + b) * to, p[b]);
  }
}

/* Adds the gradient of LANES weights. m: [36] planes; dw: [9] */
static void
F (tap_square) (const float *m, size_t from, float *dw, size_t to)
{
  V square[3][6];

#pragma GCC unroll 1
  for (int b = 0; b < 6; b++) {
    V p[6], g[3];

#pragma GCC unroll 6
    for (int a = 0; a < 6; a++)
      p[a] = LOAD (m + (6 * a + b) * from);
    F (taps_line) (p, g);
    for (int a = 0; a < 3; a++)
      square[a][b] = g[a];
  }
#pragma GCC unroll 3
  for (int a = 0; a < 3; a++) {
    V g[3];

    F (taps_line) (square[a], g);
    for (int b = 0; b < 3; b++) {
      float *at = dw + (3 * a + b) * to;

      STORE (at, LOAD (at) + g[b]);
    }
  }
}

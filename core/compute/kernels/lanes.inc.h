/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inner loops over a block of LANES adjacent channels. Included by vector.c once per lane count, with
 * LANES (1, 4, 8, 16) defined; F (name) gives each function its suffix.
 *
 * Lanes are channels and every sum runs in an order fixed by the shapes, so a wider vector changes nothing
 * in the bits. Tiles keep literal sizes: an array whose size is a variable would live in memory.
 */
#if LANES == 1
typedef float F (vec);
#else
typedef float F (vec) __attribute__ ((vector_size (LANES * 4), aligned (4), may_alias));
#endif
#define V F (vec)
#define LOAD(p) (*(const V *) (p))
#define STORE(p, v) (*(V *) (p) = (v))

/*
 * ROWS rows × WIDE vectors of y = x w: per input channel, WIDE vectors of w are loaded and ROWS elements of
 * x broadcast. ROWS · WIDE accumulators hide the latency of the multiply-add and fit the registers.
 */
#define GEMM_TILE(NAME, ROWS, WIDE)                                                                        \
  static inline __attribute__ ((always_inline)) void F (NAME) (                                            \
      uint32_t k, const float *x, size_t ldx, const float *w, size_t ldw, const float *bias, float *y,     \
      size_t ldy, bool add)                                                                                \
  {                                                                                                        \
    V acc[ROWS][WIDE];                                                                                     \
    _Pragma ("GCC unroll 16") for (int r = 0; r < ROWS; r++)                                               \
        _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) {                                          \
      V zero = { 0 };                                                                                      \
      acc[r][j] = add ? LOAD (y + r * ldy + j * LANES) : bias ? LOAD (bias + j * LANES) : zero;            \
    }                                                                                                      \
    for (uint32_t i = 0; i < k; i++) {                                                                     \
      V wv[WIDE];                                                                                          \
      _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) wv[j] = LOAD (w + i * ldw + j * LANES);      \
      _Pragma ("GCC unroll 16") for (int r = 0; r < ROWS; r++)                                             \
          _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) acc[r][j] += x[r * ldx + i] * wv[j];     \
    }                                                                                                      \
    _Pragma ("GCC unroll 16") for (int r = 0; r < ROWS; r++)                                               \
        _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) STORE (y + r * ldy + j * LANES, acc[r][j]); \
  }

GEMM_TILE (gemm_tall, GEMM_ROWS, 1)
GEMM_TILE (gemm_wide, GEMM_ROWS / 2, 2)
GEMM_TILE (gemm_row, 1, 1)

/* All rows of one vector of output channels. */
static void
F (gemm_narrow) (size_t rows, uint32_t k, const float *x, size_t ldx, const float *w, size_t ldw,
                 const float *bias, float *y, size_t ldy, bool add)
{
  size_t r = 0;

  for (; r + GEMM_ROWS <= rows; r += GEMM_ROWS)
    F (gemm_tall) (k, x + r * ldx, ldx, w, ldw, bias, y + r * ldy, ldy, add);
  for (; r < rows; r++)
    F (gemm_row) (k, x + r * ldx, ldx, w, ldw, bias, y + r * ldy, ldy, add);
}

#if LANES == LODE_KERNEL_LANES
/* All rows of two vectors of output channels. */
static void
F (gemm_double) (size_t rows, uint32_t k, const float *x, size_t ldx, const float *w, size_t ldw,
                 const float *bias, float *y, size_t ldy, bool add)
{
  const float *bias2 = bias ? bias + LANES : NULL;
  size_t r = 0;

  for (; r + GEMM_ROWS / 2 <= rows; r += GEMM_ROWS / 2)
    F (gemm_wide) (k, x + r * ldx, ldx, w, ldw, bias, y + r * ldy, ldy, add);
  for (; r < rows; r++) {
    F (gemm_row) (k, x + r * ldx, ldx, w, ldw, bias, y + r * ldy, ldy, add);
    F (gemm_row) (k, x + r * ldx, ldx, w + LANES, ldw, bias2, y + r * ldy + LANES, ldy, add);
  }
}
#endif

/*
 * dw[CI][WIDE vectors] += sum over rows of x[r][CI] dy[r]: the tile of dw stays in registers while rows
 * stream by; x is broadcast, dy loaded once per row.
 */
#define OUTER_TILE(NAME, CI, WIDE)                                                                         \
  static void F (NAME) (size_t rows, const float *x, size_t ldx, const float *dy, size_t ldy, float *dw,   \
                        size_t ldw)                                                                        \
  {                                                                                                        \
    V acc[CI][WIDE];                                                                                       \
    _Pragma ("GCC unroll 16") for (int i = 0; i < CI; i++)                                                 \
        _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) acc[i][j] = LOAD (dw + i * ldw + j * LANES); \
    for (size_t r = 0; r < rows; r++) {                                                                    \
      V g[WIDE];                                                                                           \
      _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) g[j] = LOAD (dy + r * ldy + j * LANES);      \
      _Pragma ("GCC unroll 16") for (int i = 0; i < CI; i++)                                               \
          _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) acc[i][j] += x[r * ldx + i] * g[j];      \
    }                                                                                                      \
    _Pragma ("GCC unroll 16") for (int i = 0; i < CI; i++)                                                 \
        _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) STORE (dw + i * ldw + j * LANES, acc[i][j]); \
  }

OUTER_TILE (outer_tall, GEMM_ROWS, 1)
OUTER_TILE (outer_row, 1, 1)
#if LANES == LODE_KERNEL_LANES
OUTER_TILE (outer_wide, GEMM_ROWS / 2, 2)
OUTER_TILE (outer_row2, 1, 2)
#endif

static void
F (outer_narrow) (size_t rows, uint32_t ci, const float *x, size_t ldx, const float *dy, size_t ldy,
                  float *dw, size_t ldw)
{
  uint32_t i = 0;

  for (; i + GEMM_ROWS <= ci; i += GEMM_ROWS)
    F (outer_tall) (rows, x + i, ldx, dy, ldy, dw + i * ldw, ldw);
  for (; i < ci; i++)
    F (outer_row) (rows, x + i, ldx, dy, ldy, dw + i * ldw, ldw);
}

#if LANES == LODE_KERNEL_LANES
static void
F (outer_double) (size_t rows, uint32_t ci, const float *x, size_t ldx, const float *dy, size_t ldy,
                  float *dw, size_t ldw)
{
  uint32_t i = 0;

  for (; i + GEMM_ROWS / 2 <= ci; i += GEMM_ROWS / 2)
    F (outer_wide) (rows, x + i, ldx, dy, ldy, dw + i * ldw, ldw);
  for (; i < ci; i++)
    F (outer_row2) (rows, x + i, ldx, dy, ldy, dw + i * ldw, ldw);
}
#endif

/* One output pixel of a depthwise convolution with whatever part of the window lies inside. */
static inline void
F (depthwise_pixel) (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y,
                     bool add, uint32_t oy, uint32_t ox)
{
  V zero = { 0 }, acc = add ? LOAD (y) : bias ? LOAD (bias) : zero;

  for (uint32_t ky = 0; ky < g->kernel; ky++) {
    int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;

    if (iy < 0 || iy >= g->h)
      continue;
    for (uint32_t kx = 0; kx < g->kernel; kx++) {
      int64_t ix = (int64_t) ox * g->stride + (int64_t) kx * g->dilation - g->pad;

      if (ix >= 0 && ix < g->w)
        acc += LOAD (x + ((size_t) iy * g->w + (size_t) ix) * g->c) * LOAD (w + (ky * g->kernel + kx) * g->c);
    }
  }
  STORE (y, acc);
}

/* Eight neighbouring pixels whose windows lie inside in x: one weight load serves all of them. */
static inline void
F (depthwise_run) (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y,
                   bool add, uint32_t oy, uint32_t ox)
{
  V acc[8], zero = { 0 };
  size_t step = (size_t) g->stride * g->c;

  _Pragma ("GCC unroll 8") for (int p = 0; p < 8; p++)
    acc[p] = add ? LOAD (y + p * (size_t) g->c) : bias ? LOAD (bias) : zero;
  for (uint32_t ky = 0; ky < g->kernel; ky++) {
    int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;
    const float *row;

    if (iy < 0 || iy >= g->h)
      continue;
    row = x + ((size_t) iy * g->w + (size_t) ((int64_t) ox * g->stride - g->pad)) * g->c;
    for (uint32_t kx = 0; kx < g->kernel; kx++) {
      V wv = LOAD (w + (ky * g->kernel + kx) * g->c);
      const float *at = row + (size_t) kx * g->dilation * g->c;

      _Pragma ("GCC unroll 8") for (int p = 0; p < 8; p++) acc[p] += LOAD (at + p * step) * wv;
    }
  }
  _Pragma ("GCC unroll 8") for (int p = 0; p < 8; p++) STORE (y + p * (size_t) g->c, acc[p]);
}

static void
F (depthwise) (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y, bool add)
{
  uint32_t first, last;

  inner_columns (g, &first, &last);
  for (uint32_t oy = 0; oy < g->oh; oy++) {
    float *row = y + (size_t) oy * g->ow * g->c;
    uint32_t ox = 0;

    for (; ox < first; ox++)
      F (depthwise_pixel) (g, x, w, bias, row + (size_t) ox * g->c, add, oy, ox);
    for (; ox + 8 <= last; ox += 8)
      F (depthwise_run) (g, x, w, bias, row + (size_t) ox * g->c, add, oy, ox);
    for (; ox < g->ow; ox++)
      F (depthwise_pixel) (g, x, w, bias, row + (size_t) ox * g->c, add, oy, ox);
  }
}

/* dx += w dy, scattered from each output pixel; rows of one kernel row stay in cache. */
static void
F (depthwise_dx) (const LodeConvGeometry *g, const float *w, const float *dy, float *dx)
{
  for (uint32_t oy = 0; oy < g->oh; oy++)
    for (uint32_t ky = 0; ky < g->kernel; ky++) {
      int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;

      if (iy < 0 || iy >= g->h)
        continue;
      for (uint32_t kx = 0; kx < g->kernel; kx++) {
        V wv = LOAD (w + (ky * g->kernel + kx) * g->c);
        uint32_t first, last;

        tap_columns (g, kx, &first, &last);
        for (uint32_t ox = first; ox < last; ox++) {
          int64_t ix = (int64_t) ox * g->stride + (int64_t) kx * g->dilation - g->pad;
          float *to = dx + ((size_t) iy * g->w + (size_t) ix) * g->c;

          STORE (to, LOAD (to) + wv * LOAD (dy + ((size_t) oy * g->ow + ox) * g->c));
        }
      }
    }
}

/* dw[ky][kx] += sum over pixels of x dy, four partial sums a tap by column modulo 4. */
static void
F (depthwise_dw) (const LodeConvGeometry *g, const float *x, const float *dy, float *dw)
{
  for (uint32_t ky = 0; ky < g->kernel; ky++)
    for (uint32_t kx = 0; kx < g->kernel; kx++) {
      float *to = dw + (ky * g->kernel + kx) * (size_t) g->c;
      V zero = { 0 }, acc[4] = { zero, zero, zero, zero };
      uint32_t first, last;

      tap_columns (g, kx, &first, &last);
      for (uint32_t oy = 0; oy < g->oh; oy++) {
        int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;
        const float *in, *out;
        size_t step = (size_t) g->stride * g->c;
        uint32_t ox = first;

        if (iy < 0 || iy >= g->h || first >= last)
          continue;
        in = x + ((size_t) iy * g->w + (size_t) ((int64_t) first * g->stride + (int64_t) kx * g->dilation - g->pad)) * g->c;
        out = dy + ((size_t) oy * g->ow + first) * g->c;
        for (; ox + 4 <= last; ox += 4, in += 4 * step, out += 4 * (size_t) g->c)
          _Pragma ("GCC unroll 4") for (int p = 0; p < 4; p++)
            acc[p] += LOAD (in + p * step) * LOAD (out + p * (size_t) g->c);
        for (; ox < last; ox++, in += step, out += g->c)
          acc[0] += LOAD (in) * LOAD (out);
      }
      STORE (to, LOAD (to) + ((acc[0] + acc[1]) + (acc[2] + acc[3])));
    }
}

/* One output pixel of a dense convolution, taps outside the image skipped. */
static inline void
F (dense_pixel) (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y,
                 uint32_t oy, uint32_t ox)
{
  V zero = { 0 }, acc = bias ? LOAD (bias) : zero;

  for (uint32_t ky = 0; ky < g->kernel; ky++) {
    int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;

    if (iy < 0 || iy >= g->h)
      continue;
    for (uint32_t kx = 0; kx < g->kernel; kx++) {
      int64_t ix = (int64_t) ox * g->stride + (int64_t) kx * g->dilation - g->pad;
      const float *in, *tap = w + (size_t) (ky * g->kernel + kx) * g->c * g->oc;

      if (ix < 0 || ix >= g->w)
        continue;
      in = x + ((size_t) iy * g->w + (size_t) ix) * g->c;
      for (uint32_t i = 0; i < g->c; i++)
        acc += in[i] * LOAD (tap + (size_t) i * g->oc);
    }
  }
  STORE (y, acc);
}

/* DENSE_RUN neighbouring pixels × WIDE vectors of output channels; the tile of gemm, once per tap. */
#define DENSE_TILE(NAME, PIXELS, WIDE)                                                                     \
  static inline void F (NAME) (const LodeConvGeometry *g, const float *x, const float *w,                  \
                               const float *bias, float *y, uint32_t oy, uint32_t ox)                      \
  {                                                                                                        \
    V acc[PIXELS][WIDE], zero = { 0 };                                                                     \
    size_t step = (size_t) g->stride * g->c;                                                               \
    _Pragma ("GCC unroll 16") for (int p = 0; p < PIXELS; p++)                                             \
        _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) acc[p][j] = bias ? LOAD (bias + j * LANES) : zero; \
    for (uint32_t ky = 0; ky < g->kernel; ky++) {                                                          \
      int64_t iy = (int64_t) oy * g->stride + (int64_t) ky * g->dilation - g->pad;                         \
      if (iy < 0 || iy >= g->h)                                                                            \
        continue;                                                                                          \
      for (uint32_t kx = 0; kx < g->kernel; kx++) {                                                        \
        int64_t ix = (int64_t) ox * g->stride + (int64_t) kx * g->dilation - g->pad;                       \
        const float *in = x + ((size_t) iy * g->w + (size_t) ix) * g->c;                                   \
        const float *tap = w + (size_t) (ky * g->kernel + kx) * g->c * g->oc;                              \
        for (uint32_t i = 0; i < g->c; i++) {                                                              \
          V wv[WIDE];                                                                                      \
          _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) wv[j] = LOAD (tap + (size_t) i * g->oc + j * LANES); \
          _Pragma ("GCC unroll 16") for (int p = 0; p < PIXELS; p++)                                       \
              _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) acc[p][j] += in[p * step + i] * wv[j]; \
        }                                                                                                  \
      }                                                                                                    \
    }                                                                                                      \
    _Pragma ("GCC unroll 16") for (int p = 0; p < PIXELS; p++)                                             \
        _Pragma ("GCC unroll 4") for (int j = 0; j < WIDE; j++) STORE (y + p * (size_t) g->oc + j * LANES, acc[p][j]); \
  }

DENSE_TILE (dense_run, 8, 1)
DENSE_TILE (dense_run2, 4, 2)

/* One vector (wide: two) of output channels of one sample. */
static void
F (dense) (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y, bool wide)
{
  const float *bias2 = bias ? bias + LANES : NULL;
  uint32_t first, last, run = wide ? 4 : 8;

  inner_columns (g, &first, &last);
  for (uint32_t oy = 0; oy < g->oh; oy++) {
    float *row = y + (size_t) oy * g->ow * g->oc;

    for (uint32_t ox = 0; ox < g->ow;) {
      float *to = row + (size_t) ox * g->oc;

      if (ox >= first && ox + run <= last) {
        if (wide)
          F (dense_run2) (g, x, w, bias, to, oy, ox);
        else
          F (dense_run) (g, x, w, bias, to, oy, ox);
        ox += run;
        continue;
      }
      F (dense_pixel) (g, x, w, bias, to, oy, ox);
      if (wide)
        F (dense_pixel) (g, x, w + LANES, bias2, to + LANES, oy, ox);
      ox++;
    }
  }
}

/* Sums in float over blocks of 64 rows, the blocks' sums in float64. */
static void
F (moments) (size_t rows, uint32_t c, const float *x, const float *pivot, double *sum, double *square)
{
  V p = LOAD (pivot);

  for (size_t first = 0; first < rows; first += 64) {
    size_t n = rows - first < 64 ? rows - first : 64;
    V a = { 0 }, b = { 0 };
    float out[2][LANES];

    for (size_t r = 0; r < n; r++) {
      V d = LOAD (x + (first + r) * c) - p;

      a += d;
      b += d * d;
    }
    STORE (out[0], a);
    STORE (out[1], b);
    for (int l = 0; l < LANES; l++) {
      sum[l] += (double) out[0][l];
      square[l] += (double) out[1][l];
    }
  }
}

static void
F (sums) (size_t rows, uint32_t c, const float *x, const float *mean, const float *invstd, const float *dy,
          double *sum, double *product)
{
  V m = LOAD (mean), s = LOAD (invstd);

  for (size_t first = 0; first < rows; first += 64) {
    size_t n = rows - first < 64 ? rows - first : 64;
    V a = { 0 }, b = { 0 };
    float out[2][LANES];

    for (size_t r = 0; r < n; r++) {
      V g = LOAD (dy + (first + r) * c);

      a += g;
      b += g * ((LOAD (x + (first + r) * c) - m) * s);
    }
    STORE (out[0], a);
    STORE (out[1], b);
    for (int l = 0; l < LANES; l++) {
      sum[l] += (double) out[0][l];
      product[l] += (double) out[1][l];
    }
  }
}

static void
F (affine) (size_t rows, uint32_t c, const float *x, const float *scale, const float *shift, float *y)
{
  V a = LOAD (scale), b = LOAD (shift);

  for (size_t r = 0; r < rows; r++)
    STORE (y + r * c, LOAD (x + r * c) * a + b);
}

static void
F (affine_dx) (size_t rows, uint32_t c, const float *x, const float *dy, const float *ka, const float *kb,
               const float *kc, float *dx)
{
  V a = LOAD (ka), b = LOAD (kb), d = LOAD (kc);

  for (size_t r = 0; r < rows; r++)
    STORE (dx + r * c, LOAD (dx + r * c) + (LOAD (dy + r * c) * a + (LOAD (x + r * c) * b + d)));
}

/* dbias += column sums of dy */
static void
F (columns) (size_t rows, uint32_t c, const float *dy, float *dbias)
{
  V acc = { 0 };

  for (size_t r = 0; r < rows; r++)
    acc += LOAD (dy + r * c);
  STORE (dbias, LOAD (dbias) + acc);
}

#undef V
#undef LOAD
#undef STORE
#undef GEMM_TILE
#undef OUTER_TILE
#undef DENSE_TILE

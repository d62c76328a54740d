/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch norm and column sums over rows of channels, one block of LANES channels at a time. Sums run
 * in four phases (row modulo 4) in float over blocks of 64 rows; the blocks' sums are added in
 * float64.
 */
static inline void
F (flush) (const V *a, double *sum)
{
  V total = (a[0] + a[1]) + (a[2] + a[3]);
  float out[LANES];

  STORE (out, total);
  for (int l = 0; l < LANES; l++)
    sum[l] += (double) out[l];
}

static void
F (moments) (size_t rows, uint32_t c, const float *x, const float *pivot, double *sum,
             double *square)
{
  V p = LOAD (pivot), zero = { 0 };

  for (size_t first = 0; first < rows; first += 64) {
    size_t n = rows - first < 64 ? rows - first : 64, r = 0;
    V a[4] = { zero, zero, zero, zero }, b[4] = { zero, zero, zero, zero };

    for (; r + 4 <= n; r += 4)
#pragma GCC unroll 16
      for (int k = 0; k < 4; k++) {
        V d = LOAD (x + (first + r + k) * c) - p;

        a[k] += d;
        b[k] += d * d;
      }
    for (; r < n; r++) {
      V d = LOAD (x + (first + r) * c) - p;

      a[0] += d;
      b[0] += d * d;
    }
    F (flush) (a, sum);
    F (flush) (b, square);
  }
}

static void
F (sums) (size_t rows, uint32_t c, const float *x, const float *mean, const float *invstd,
          const float *dy, double *sum, double *product)
{
  V m = LOAD (mean), s = LOAD (invstd), zero = { 0 };

  for (size_t first = 0; first < rows; first += 64) {
    size_t n = rows - first < 64 ? rows - first : 64, r = 0;
    V a[4] = { zero, zero, zero, zero }, b[4] = { zero, zero, zero, zero };

    for (; r + 4 <= n; r += 4)
#pragma GCC unroll 16
      for (int k = 0; k < 4; k++) {
        V g = LOAD (dy + (first + r + k) * c);

        a[k] += g;
        b[k] += g * ((LOAD (x + (first + r + k) * c) - m) * s);
      }
    for (; r < n; r++) {
      V g = LOAD (dy + (first + r) * c);

      a[0] += g;
      b[0] += g * ((LOAD (x + (first + r) * c) - m) * s);
    }
    F (flush) (a, sum);
    F (flush) (b, product);
  }
}

static void
F (affine) (size_t rows, uint32_t c, const float *x, const float *scale, const float *shift,
            float *y)
{
  V a = LOAD (scale), b = LOAD (shift);

  for (size_t r = 0; r < rows; r++)
    STORE (y + r * c, LOAD (x + r * c) * a + b);
}

static void
F (affine_dx) (size_t rows, uint32_t c, const float *x, const float *dy, const float *ka,
               const float *kb, const float *kc, float *dx)
{
  V a = LOAD (ka), b = LOAD (kb), d = LOAD (kc);

  for (size_t r = 0; r < rows; r++)
    STORE (dx + r * c, LOAD (dx + r * c) + (LOAD (dy + r * c) * a + (LOAD (x + r * c) * b + d)));
}

/* to += column sums of dy */
static void
F (columns) (size_t rows, uint32_t c, const float *dy, float *to)
{
  V zero = { 0 }, acc[4] = { zero, zero, zero, zero };
  size_t r = 0;

  for (; r + 4 <= rows; r += 4)
#pragma GCC unroll 16
    for (int k = 0; k < 4; k++)
      acc[k] += LOAD (dy + (r + k) * c);
  for (; r < rows; r++)
    acc[0] += LOAD (dy + r * c);
  STORE (to, LOAD (to) + ((acc[0] + acc[1]) + (acc[2] + acc[3])));
}

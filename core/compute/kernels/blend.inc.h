/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums of several tensors with a coefficient per channel, and the scalar products of one tensor
 * with several, one block of LANES channels at a time. Up to M inputs a call keep their
 * coefficients in registers; rows come in pieces small enough that the output, read again by the
 * next M, has not left the first-level cache.
 */
static inline __attribute__ ((always_inline)) void
F (blend_tile) (size_t rows, size_t c, size_t at, const float *const *a, const float *const *x,
                const float *shift, bool relu, float *y, const int M)
{
  V k[4], b = { 0 };

  if (shift)
    b = LOAD (shift + at);
#pragma GCC unroll 4
  for (int i = 0; i < M; i++)
    k[i] = LOAD (a[i] + at);
  for (size_t r = 0, o = at; r < rows; r++, o += c) {
    V sum = shift ? b : LOAD (y + o);

#pragma GCC unroll 4
    for (int i = 0; i < M; i++)
      sum += k[i] * LOAD (x[i] + o);
    STORE (y + o, relu ? F (rectify) (sum) : sum);
  }
}

/* m of 0 … 4 inputs; shift NULL: adds to y. */
static void
F (blend) (size_t rows, size_t c, size_t at, uint32_t m, const float *const *a,
           const float *const *x, const float *shift, bool relu, float *y)
{
  switch (m) {
  case 0:
    F (blend_tile) (rows, c, at, a, x, shift, relu, y, 0);
    break;
  case 1:
    F (blend_tile) (rows, c, at, a, x, shift, relu, y, 1);
    break;
  case 2:
    F (blend_tile) (rows, c, at, a, x, shift, relu, y, 2);
    break;
  case 3:
    F (blend_tile) (rows, c, at, a, x, shift, relu, y, 3);
    break;
  default:
    F (blend_tile) (rows, c, at, a, x, shift, relu, y, 4);
  }
}

static inline __attribute__ ((always_inline)) void
F (cross_tile) (size_t rows, size_t c, size_t at, const float *g, const float *const *a,
                const float *const *b, const float *const *x, double *const *sum, const int M)
{
  V k[4], d[4], acc[4][2], zero = { 0 };
  float out[LANES];
  size_t r = 0, o = at;

#pragma GCC unroll 4
  for (int i = 0; i < M; i++) {
    k[i] = LOAD (a[i] + at);
    d[i] = LOAD (b[i] + at);
    acc[i][0] = acc[i][1] = zero;
  }
  for (; r + 2 <= rows; r += 2, o += 2 * c)
#pragma GCC unroll 2
    for (int p = 0; p < 2; p++) {
      V dy = LOAD (g + o + p * c);

#pragma GCC unroll 4
      for (int i = 0; i < M; i++)
        acc[i][p] += dy * (LOAD (x[i] + o + p * c) * k[i] + d[i]);
    }
  if (r < rows) {
#pragma GCC unroll 4
    for (int i = 0; i < M; i++)
      acc[i][0] += LOAD (g + o) * (LOAD (x[i] + o) * k[i] + d[i]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < M; i++) {
    STORE (out, acc[i][0] + acc[i][1]);
    for (int l = 0; l < LANES; l++)
      sum[i][at + l] += (double) out[l];
  }
}

/* sum[i] += <g, a[i] x[i] + b[i]> per channel, m of 1 … 4 */
static void
F (cross) (size_t rows, size_t c, size_t at, uint32_t m, const float *g, const float *const *a,
           const float *const *b, const float *const *x, double *const *sum)
{
  switch (m) {
  case 1:
    F (cross_tile) (rows, c, at, g, a, b, x, sum, 1);
    break;
  case 2:
    F (cross_tile) (rows, c, at, g, a, b, x, sum, 2);
    break;
  case 3:
    F (cross_tile) (rows, c, at, g, a, b, x, sum, 3);
    break;
  default:
    F (cross_tile) (rows, c, at, g, a, b, x, sum, 4);
  }
}

/* sum += column sums of g, in float64 */
static void
F (total) (size_t rows, size_t c, size_t at, const float *g, double *sum)
{
  V zero = { 0 }, acc[4] = { zero, zero, zero, zero };
  size_t r = 0;

  for (; r + 4 <= rows; r += 4)
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++)
      acc[k] += LOAD (g + (r + k) * c + at);
  for (; r < rows; r++)
    acc[0] += LOAD (g + r * c + at);
  F (flush) (acc, sum + at);
}

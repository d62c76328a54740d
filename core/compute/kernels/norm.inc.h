/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batch norm of a chunk: rows.inc.h on every block of channels.
 */
static void
norm_moments (size_t rows, uint32_t c, const float *x, const float *pivot, double *moments)
{
  uint32_t at = 0;

  memset (moments, 0, 2 * (size_t) c * sizeof *moments);
#define CALL(n) F_OF (moments, n) (rows, c, x + at, pivot + at, moments + at, moments + c + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
norm_apply (size_t rows, uint32_t c, const float *x, const float *scale, const float *shift,
            float *y)
{
  uint32_t at = 0;

#define CALL(n) F_OF (affine, n) (rows, c, x + at, scale + at, shift + at, y + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
norm_sums (size_t rows, uint32_t c, const float *x, const float *mean, const float *invstd,
           const float *dy, double *sums)
{
  uint32_t at = 0;

  memset (sums, 0, 2 * (size_t) c * sizeof *sums);
#define CALL(n)                                                                                    \
  F_OF (sums, n) (rows, c, x + at, mean + at, invstd + at, dy + at, sums + at, sums + c + at)
  BLOCKS (c, CALL)
#undef CALL
}

static void
norm_dx (size_t rows, uint32_t c, const float *x, const float *dy, const float *ka, const float *kb,
         const float *kc, float *dx)
{
  uint32_t at = 0;

#define CALL(n) F_OF (affine_dx, n) (rows, c, x + at, dy + at, ka + at, kb + at, kc + at, dx + at)
  BLOCKS (c, CALL)
#undef CALL
}

enum { PIECE = 1024 }; /* floats of an input that are read at a time */

/* Rows that make a piece: a multiple of 4. */
static size_t
piece_rows (uint32_t c)
{
  size_t n = PIECE / c / 4 * 4;

  return n < 4 ? 4 : n;
}

static void
blend (size_t rows, uint32_t c, uint32_t m, const float *const *a, const float *const *x,
       const float *shift, bool relu_, float *y)
{
  size_t step = piece_rows (c);
  const float *in[4];

  for (size_t r = 0; r < rows; r += step) {
    size_t n = rows - r < step ? rows - r : step;
    uint32_t i = 0;

    do {
      uint32_t few = m - i < 4 ? m - i : 4, at = 0;
      bool last = i + few == m;

      for (uint32_t j = 0; j < few; j++)
        in[j] = x[i + j] + r * c;
#define CALL(lanes)                                                                                \
  F_OF (blend, lanes) (n, c, at, few, a + i, in, i ? NULL : shift, relu_ && last, y + r * c)
      BLOCKS (c, CALL)
#undef CALL
      i += few;
    } while (i < m);
  }
}

/* sums += column sums of g. sums: [c] */
static void
add_totals (size_t rows, uint32_t c, const float *g, double *sums)
{
  uint32_t at = 0;

#define CALL(lanes) F_OF (total, lanes) (rows, c, at, g, sums)
  BLOCKS (c, CALL)
#undef CALL
}

static void
cross (size_t rows, uint32_t c, uint32_t m, const float *g, const float *const *a,
       const float *const *b, const float *const *x, double *sums)
{
  size_t step = piece_rows (c);
  const float *in[4];
  double *to[4];

  memset (sums, 0, ((size_t) m + 1) * c * sizeof *sums);
  for (size_t r = 0; r < rows; r += step) {
    size_t n = rows - r < step ? rows - r : step;

    add_totals (n, c, g + r * c, sums);
    for (uint32_t i = 0; i < m; i += 4) {
      uint32_t few = m - i < 4 ? m - i : 4, at = 0;

      for (uint32_t j = 0; j < few; j++) {
        in[j] = x[i + j] + r * c;
        to[j] = sums + ((size_t) i + j + 1) * c;
      }
#define CALL(lanes) F_OF (cross, lanes) (n, c, at, few, g + r * c, a + i, b + i, in, to)
      BLOCKS (c, CALL)
#undef CALL
    }
  }
}

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

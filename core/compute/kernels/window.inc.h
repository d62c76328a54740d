/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools, one block of LANES channels at a time, over a run of adjacent output pixels whose windows
 * are clipped alike. A pixel stays in registers; lanes choose by masks, without branches.
 */
#define CHOOSE(m, a, b) ((V) (((m) & (F (mask)) (a)) | (~(m) & (F (mask)) (b))))
#if LANES == 1
/* A scalar's comparison gives 1, not all ones; its bits are not got by a cast. */
#undef CHOOSE
#define CHOOSE(m, a, b) ((m) ? (a) : (b))
#define NONE(m) (!(m))
#else
#define NONE(m) (~(m))
#endif

/* K: columns of the window where that is a constant, 0 where clip tells. */
static inline __attribute__ ((always_inline)) void
F (max_run) (const LodePoolGeometry *g, const Clip *clip, const float *x, float *y,
             const uint32_t K)
{
  size_t c = g->c, jump = g->stride * c, row = g->w * c, y1 = clip->y1, count = clip->count,
         wide = K ? K : clip->x1 - clip->x0;

  x += clip->y0 * row + clip->x0 * c;
  for (uint32_t p = 0; p < count; p++, x += jump, y += c) {
    const float *in = x;
    V best = LOAD (in);
    F (mask) broken = { 0 };

    for (uint32_t a = clip->y0; a < y1; a++, in += row)
#pragma GCC unroll 4
      for (size_t b = 0; b < wide; b++) {
        V v = LOAD (in + b * c);

        broken |= v != v;
        best = F (larger) (v, best);
      }
    STORE (y, CHOOSE (broken, (V){ 0 } + NAN, best));
  }
}

static inline __attribute__ ((always_inline)) void
F (max_run_dx) (const LodePoolGeometry *g, const Clip *clip, const float *x, const float *y,
                const float *dy, float *dx, const uint32_t K)
{
  size_t c = g->c, jump = g->stride * c, row = g->w * c, y1 = clip->y1, count = clip->count,
         wide = K ? K : clip->x1 - clip->x0, at;
  V zero = { 0 };

  at = clip->y0 * row + clip->x0 * c;
  for (uint32_t p = 0; p < count; p++, at += jump, y += c, dy += c) {
    V best = LOAD (y), give = LOAD (dy);
    F (mask) left = NONE ((F (mask)){ 0 });
    size_t in = at;

    for (uint32_t a = clip->y0; a < y1; a++, in += row)
#pragma GCC unroll 4
      for (size_t b = 0; b < wide; b++) {
        float *to = dx + in + b * c;
        F (mask) here = (LOAD (x + in + b * c) == best) & left;

        STORE (to, LOAD (to) + CHOOSE (here, give, zero));
        left &= NONE (here);
      }
  }
}

static inline __attribute__ ((always_inline)) void
F (avg_run) (const LodePoolGeometry *g, const Clip *clip, const float *x, float *y,
             const uint32_t K)
{
  size_t c = g->c, jump = g->stride * c, row = g->w * c, y1 = clip->y1, count = clip->count,
         wide = K ? K : clip->x1 - clip->x0;

  x += clip->y0 * row + clip->x0 * c;
  for (uint32_t p = 0; p < count; p++, x += jump, y += c) {
    const float *in = x;
    V sum = { 0 };

    for (uint32_t a = clip->y0; a < y1; a++, in += row)
#pragma GCC unroll 4
      for (size_t b = 0; b < wide; b++)
        sum += LOAD (in + b * c);
    STORE (y, sum * clip->share);
  }
}

static inline __attribute__ ((always_inline)) void
F (avg_run_dx) (const LodePoolGeometry *g, const Clip *clip, const float *dy, float *dx,
                const uint32_t K)
{
  size_t c = g->c, jump = g->stride * c, row = g->w * c, y1 = clip->y1, count = clip->count,
         wide = K ? K : clip->x1 - clip->x0;

  dx += clip->y0 * row + clip->x0 * c;
  for (uint32_t p = 0; p < count; p++, dx += jump, dy += c) {
    V give = LOAD (dy) * clip->share;
    float *to = dx;

    for (uint32_t a = clip->y0; a < y1; a++, to += row)
#pragma GCC unroll 4
      for (size_t b = 0; b < wide; b++)
        STORE (to + b * c, LOAD (to + b * c) + give);
  }
}

static void
F (max_pool) (const LodePoolGeometry *g, const Clip *clip, const float *x, float *y)
{
  if (clip->x1 - clip->x0 == 3)
    F (max_run) (g, clip, x, y, 3);
  else
    F (max_run) (g, clip, x, y, 0);
}

static void
F (max_pool_dx) (const LodePoolGeometry *g, const Clip *clip, const float *x, const float *y,
                 const float *dy, float *dx)
{
  if (clip->x1 - clip->x0 == 3)
    F (max_run_dx) (g, clip, x, y, dy, dx, 3);
  else
    F (max_run_dx) (g, clip, x, y, dy, dx, 0);
}

static void
F (avg_pool) (const LodePoolGeometry *g, const Clip *clip, const float *x, float *y)
{
  if (clip->x1 - clip->x0 == 3)
    F (avg_run) (g, clip, x, y, 3);
  else
    F (avg_run) (g, clip, x, y, 0);
}

static void
F (avg_pool_dx) (const LodePoolGeometry *g, const Clip *clip, const float *dy, float *dx)
{
  if (clip->x1 - clip->x0 == 3)
    F (avg_run_dx) (g, clip, dy, dx, 3);
  else
    F (avg_run_dx) (g, clip, dy, dx, 0);
}

#undef CHOOSE
#undef NONE

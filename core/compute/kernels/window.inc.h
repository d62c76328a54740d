/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools, one block of LANES channels at a time: one output pixel in registers, its window clipped
 * to the image beforehand. Lanes choose by masks, without branches.
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

static void
F (max_pool) (const LodePoolGeometry *g, const Clip *clip, const float *x, float *y)
{
  size_t row = (size_t) g->w * g->c;
  const float *in = x + clip->y0 * row + (size_t) clip->x0 * g->c;
  V best = LOAD (in);

  for (uint32_t a = clip->y0; a < clip->y1; a++, in += row)
    for (uint32_t b = 0; b < clip->x1 - clip->x0; b++) {
      V v = LOAD (in + (size_t) b * g->c);
      F (mask) more = (v > best) | (v != v);

      best = CHOOSE (more, v, best);
    }
  STORE (y, best);
}

static void
F (max_pool_dx) (const LodePoolGeometry *g, const Clip *clip, const float *x, const float *y,
                 const float *dy, float *dx)
{
  size_t row = (size_t) g->w * g->c, at = clip->y0 * row + (size_t) clip->x0 * g->c;
  V best = LOAD (y), give = LOAD (dy), zero = { 0 };
  F (mask) left = NONE ((F (mask)){ 0 });

  for (uint32_t a = clip->y0; a < clip->y1; a++, at += row)
    for (uint32_t b = 0; b < clip->x1 - clip->x0; b++) {
      float *to = dx + at + (size_t) b * g->c;
      F (mask) here = (LOAD (x + at + (size_t) b * g->c) == best) & left;

      STORE (to, LOAD (to) + CHOOSE (here, give, zero));
      left &= NONE (here);
    }
}

static void
F (avg_pool) (const LodePoolGeometry *g, const Clip *clip, const float *x, float *y)
{
  size_t row = (size_t) g->w * g->c;
  const float *in = x + clip->y0 * row + (size_t) clip->x0 * g->c;
  V sum = { 0 };

  for (uint32_t a = clip->y0; a < clip->y1; a++, in += row)
    for (uint32_t b = 0; b < clip->x1 - clip->x0; b++)
      sum += LOAD (in + (size_t) b * g->c);
  STORE (y, sum * clip->share);
}

static void
F (avg_pool_dx) (const LodePoolGeometry *g, const Clip *clip, const float *dy, float *dx)
{
  size_t row = (size_t) g->w * g->c;
  float *to = dx + clip->y0 * row + (size_t) clip->x0 * g->c;
  V give = LOAD (dy) * clip->share;

  for (uint32_t a = clip->y0; a < clip->y1; a++, to += row)
    for (uint32_t b = 0; b < clip->x1 - clip->x0; b++)
      STORE (to + (size_t) b * g->c, LOAD (to + (size_t) b * g->c) + give);
}

#undef CHOOSE
#undef NONE

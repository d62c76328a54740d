/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution and its input gradient, one block of LANES channels at a time.
 *
 * slide (3×3, 5×5, dilation 1, 2, stride 1): P adjacent pixels; per kernel row the K weights stay
 * in registers and each input vector is loaded once for all pixels that it serves (12 loads for 40
 * multiply-adds at 5×5, P = 8). Rows are copied as they are first needed into a ring in scratch,
 * LANES floats a pixel between zero columns: no tile has edges, and all its loads are aligned and
 * in L1. taps (everything else): P accumulators, inputs are memory operands straight from the
 * image; pixels at the edges are tiles of one with the taps that lie inside.
 */

/* The ring: `mask` + 1 rows of `row` floats, `left` floats of zeros before and the rest behind. */
static void
F (ring_clear) (const Ring *ring, const Plane *plane, float *to)
{
  V zero = { 0 };

  for (uint32_t r = 0; r <= ring->mask; r++, to += ring->row) {
    for (size_t p = 0; p < plane->left; p++)
      STORE (to + p * LANES, zero);
    for (size_t p = plane->left + plane->columns; p < plane->wide; p++)
      STORE (to + p * LANES, zero);
  }
}

static inline V
F (read) (const LodeReading *read, V v, V scale, V shift)
{
  if (read->scale)
    v = v * scale + shift;
  return read->relu ? F (rectify) (v) : v;
}

static inline __attribute__ ((always_inline)) void
F (ring_copy) (size_t columns, size_t c, const float *from, float *to, const LodeReading read)
{
  V scale = { 0 }, shift = { 0 };

  if (read.scale) {
    scale = LOAD (read.scale);
    shift = LOAD (read.shift);
  }
#pragma GCC unroll 4
  for (size_t p = 0; p < columns; p++, from += c, to += LANES)
    STORE (to, F (read) (&read, LOAD (from), scale, shift));
}

static inline void
F (ring_fill) (const Sweep *s, const float *from, float *to)
{
  size_t columns = s->plane.columns, c = s->g->c; /* copies, because a STORE may alias anything */
  LodeReading read = s->read;

  to += (size_t) s->plane.left * LANES;
  if (read.scale)
    F (ring_copy) (columns, c, from, to, read);
  else if (read.relu)
    F (ring_copy) (columns, c, from, to, (LodeReading){ NULL, NULL, true });
  else
    F (ring_copy) (columns, c, from, to, (LodeReading){ NULL, NULL, false });
}

/* What is left of gradient v at the gate's place `at`. */
static inline V
F (pass) (const Gate *gate, size_t at, V v)
{
  V x = LOAD (gate->x + at);

  if (gate->scale)
    x = x * LOAD (gate->scale) + LOAD (gate->shift);
#if LANES == 1
  return x > 0 ? v : 0;
#else
  return (V) ((F (mask)) v & (x > (V){ 0 }));
#endif
}

/* Kernel rows [j0, j1), in order of source rows, the first of which is `base`. */
static inline __attribute__ ((always_inline)) void
F (slide_tile) (const Ring *ring, const float *x, const float *w, const float *bias,
                const Gate *gate, size_t at, float *y, const int P, const int K, const int D)
{
  size_t to = ring->to;
  V acc[8], zero = { 0 };

#pragma GCC unroll 32
  for (int p = 0; p < P; p++)
    acc[p] = bias ? LOAD (bias) : zero;
  for (int64_t j = ring->j0; j < ring->j1; j++) {
    const float *in = x + ((uint64_t) (ring->base + j * D) & ring->mask) * ring->row;
    const float *tap = w + j * ring->down;
    V wv[5];

#pragma GCC unroll 32
    for (int k = 0; k < K; k++)
      wv[k] = LOAD (tap + k * ring->across);
#pragma GCC unroll 32
    for (int i = 0; i < P + (K - 1) * D; i++) {
      V v = LOAD (in + i * LANES);

#pragma GCC unroll 32
      for (int k = 0; k < K; k++)
        if (i - k * D >= 0 && i - k * D < P)
          acc[i - k * D] += v * wv[k];
    }
  }
  y += at;
  if (gate->x)
#pragma GCC unroll 32
    for (int p = 0; p < P; p++)
      acc[p] = F (pass) (gate, at + p * to, acc[p]);
  if (ring->add)
#pragma GCC unroll 32
    for (int p = 0; p < P; p++)
      acc[p] += LOAD (y + p * to);
#pragma GCC unroll 32
  for (int p = 0; p < P; p++)
    STORE (y + p * to, acc[p]);
}

#define CASE(p)                                                                                    \
  case p:                                                                                          \
    F (slide_tile) (ring, x, w, bias, gate, at, y, p, K, D);                                       \
    break;

static inline __attribute__ ((always_inline)) void
F (slide_row) (const Ring *ring, size_t m, const float *x, const float *w, const float *bias,
               const Gate *gate, size_t at, float *y, const int K, const int D)
{
  while (m) {
    size_t p = m >= 8 ? 8 : m;

    switch (p) {
      CASE (8) CASE (7) CASE (6) CASE (5) CASE (4) CASE (3) CASE (2) CASE (1)
    }
    x += p * LANES;
    at += p * ring->to;
    m -= p;
  }
}
#undef CASE

/* Kernel rows of output row r that lie inside the image, filling the ring with what they need. */
static inline void
F (ring_move) (Ring *ring, const Sweep *s, uint32_t r, const float *src, float *plane)
{
  int64_t d = s->g->dilation, rows = s->plane.rows;

  ring->base = (int64_t) r * s->step + ring->first;
  for (ring->j0 = 0; ring->j0 < s->g->kernel && ring->base + ring->j0 * d < 0;)
    ring->j0++;
  for (ring->j1 = s->g->kernel; ring->j1 > ring->j0 && ring->base + (ring->j1 - 1) * d >= rows;)
    ring->j1--;
  for (; ring->j1 > ring->j0 && ring->filled <= ring->base + (ring->j1 - 1) * d; ring->filled++)
    F (ring_fill)
  (s, src + (size_t) ring->filled * s->plane.columns * s->g->c,
   plane + ((uint64_t) ring->filled & ring->mask) * ring->row);
}

static inline __attribute__ ((always_inline)) void
F (slide_image) (const Sweep *s, const float *src, const float *w, const float *bias,
                 const Gate *gate, float *dst, bool add, float *plane, const int K, const int D)
{
  size_t c = s->g->c;
  Ring ring = ring_of (s, LANES, add);
  const float *origin = plane + ((int64_t) s->plane.left + ring.first) * LANES;

  if (s->back)
    w += (size_t) (K * K - 1) * c;
  F (ring_clear) (&ring, &s->plane, plane);
  for (uint32_t r = 0; r < s->rows; r++) {
    F (ring_move) (&ring, s, r, src, plane);
    if (!add || ring.j1 > ring.j0)
      F (slide_row) (&ring, s->columns, origin, w, bias, gate, r * s->columns * c, dst, K, D);
  }
}

static void
F (slide) (const Sweep *s, const float *src, const float *w, const float *bias, const Gate *gate,
           float *dst, bool add, float *plane)
{
  if (s->g->kernel == 3 && s->g->dilation == 1)
    F (slide_image) (s, src, w, bias, gate, dst, add, plane, 3, 1);
  else if (s->g->kernel == 3)
    F (slide_image) (s, src, w, bias, gate, dst, add, plane, 3, 2);
  else if (s->g->dilation == 1)
    F (slide_image) (s, src, w, bias, gate, dst, add, plane, 5, 1);
  else
    F (slide_image) (s, src, w, bias, gate, dst, add, plane, 5, 2);
}

static inline __attribute__ ((always_inline)) void
F (taps_tile) (const Line *l, const Axis *across, const float *x, const float *w, const float *bias,
               float *y, const int P)
{
  size_t to = l->to, step = l->step;
  V acc[8], zero = { 0 };

#pragma GCC unroll 32
  for (int p = 0; p < P; p++)
    acc[p] = l->add ? LOAD (y + p * to) : bias ? LOAD (bias) : zero;
  for (uint32_t a = 0; a < l->down->n; a++)
    for (uint32_t b = 0; b < across->n; b++) {
      const float *in = x + l->down->in[a] + across->in[b];
      V wv = LOAD (w + l->down->tap[a] + across->tap[b]);

#pragma GCC unroll 32
      for (int p = 0; p < P; p++)
        acc[p] += LOAD (in + p * step) * wv;
    }
#pragma GCC unroll 32
  for (int p = 0; p < P; p++)
    STORE (y + p * to, acc[p]);
}

#define CASE(p)                                                                                    \
  case p:                                                                                          \
    F (taps_tile) (l, l->across, x, w, bias, y, p);                                                \
    break;

/* Pixels that have all their taps inside. */
static void
F (taps_inside) (const Line *l, size_t m, const float *x, const float *w, const float *bias,
                 float *y)
{
  while (m) {
    size_t p = m >= 8 ? 8 : m;

    switch (p) {
      CASE (8) CASE (7) CASE (6) CASE (5) CASE (4) CASE (3) CASE (2) CASE (1)
    }
    x += p * l->step;
    y += p * l->to;
    m -= p;
  }
}
#undef CASE

static void
F (taps_edge) (const Line *l, size_t p, ptrdiff_t limit, const float *x, const float *w,
               const float *bias, float *y)
{
  Axis across;

  across_trim (l->across, (ptrdiff_t) (p * l->step), limit, &across);
  F (taps_tile) (l, &across, x, w, bias, y + p * l->to, 1);
}

static void
F (taps) (const Sweep *s, const float *src, const float *w, const float *bias, float *dst, bool add)
{
  size_t c = s->g->c, first, last;
  ptrdiff_t limit = (ptrdiff_t) (s->plane.columns * c);
  Sweep bare = *s;
  Axis down = { 0 }, across = { 0 };
  Line l = {
    .down = &down, .across = &across, .step = s->step * c, .to = s->classes * c, .add = add
  };

  bare.plane.left = 0;
  bare.plane.wide = s->plane.columns;
  for (uint32_t q = 0; q < s->classes; q++) {
    size_t m = line_length (s, q);

    across_fill (&bare, q, c, c, &across);
    across_inside (&across, (ptrdiff_t) l.step, limit, m, &first, &last);
    for (uint32_t r = 0; m && r < s->rows; r++) {
      float *to = dst + ((size_t) r * s->columns + q) * c;

      down_fill (&bare, r, c, s->g->kernel * c, &down);
      if (add && (!down.n || !across.n))
        continue;
      for (size_t p = 0; p < first; p++)
        F (taps_edge) (&l, p, limit, src, w, bias, to);
      F (taps_inside) (&l, last - first, src + first * l.step, w, bias, to + first * l.to);
      for (size_t p = last; p < m; p++)
        F (taps_edge) (&l, p, limit, src, w, bias, to);
    }
  }
}

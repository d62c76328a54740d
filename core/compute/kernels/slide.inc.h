/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution and its input gradient, one block of LANES channels at a time.
 *
 * slide (3×3, 5×5, dilation 1, 2, stride 1, 2): P adjacent pixels; per kernel row the K weights
 * stay in registers and each input vector is loaded once for all pixels that it serves (12 loads
 * for 40 multiply-adds at 5×5, P = 8). Rows are copied as they are first needed into a ring in
 * scratch, LANES floats a pixel between zero columns: no tile has edges, and all its loads are
 * aligned and in L1. A strided gradient slides over dy with zeros between its pixels: half of the
 * products are with zeros, and still it is the fastest. taps (everything else): P accumulators,
 * inputs are memory operands straight from the image; pixels at the edges are tiles of one with the
 * taps that lie inside.
 */

/* The ring: `mask` + 1 rows of `row` floats, zero where no pixel comes to lie. */
static void
F (ring_clear) (const Ring *ring, const Plane *plane, float *to)
{
  V zero = { 0 };
  size_t end = plane->up > 1 ? 0 : plane->left + plane->columns;

  for (uint32_t r = 0; r <= ring->mask; r++, to += ring->row) {
    for (size_t p = 0; p < plane->left; p++)
      STORE (to + p * LANES, zero);
    for (size_t p = end; p < plane->wide; p++)
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
F (ring_copy) (size_t columns, size_t c, const float *from, float *to, const size_t up,
               const LodeReading read)
{
  V scale = { 0 }, shift = { 0 };

  if (read.scale) {
    scale = LOAD (read.scale);
    shift = LOAD (read.shift);
  }
#pragma GCC unroll 4
  for (size_t p = 0; p < columns; p++, from += c, to += up * LANES)
    STORE (to, F (read) (&read, LOAD (from), scale, shift));
}

static inline void
F (ring_fill) (const Sweep *s, const float *from, float *to)
{
  size_t columns = s->plane.columns, c = s->g->c; /* copies, because a STORE may alias anything */
  LodeReading read = s->read;

  to += (size_t) s->plane.left * LANES;
  if (s->plane.up > 1)
    F (ring_copy) (columns, c, from, to, s->plane.up, read);
  else if (read.scale)
    F (ring_copy) (columns, c, from, to, 1, read);
  else if (read.relu)
    F (ring_copy) (columns, c, from, to, 1, (LodeReading){ NULL, NULL, true });
  else
    F (ring_copy) (columns, c, from, to, 1, (LodeReading){ NULL, NULL, false });
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

/* P pixels from float x of the ring's rows on; S: source pixels from one to the next. */
static inline __attribute__ ((always_inline)) void
F (slide_tile) (const Ring *ring, size_t x, const float *bias, const Gate *gate, size_t at,
                float *y, const int P, const int K, const int D, const int S)
{
  size_t to = ring->to;
  V acc[8], zero = { 0 };

#pragma GCC unroll 32
  for (int p = 0; p < P; p++)
    acc[p] = bias ? LOAD (bias) : zero;
  for (uint32_t j = 0; j < ring->n; j++) {
    const float *in = ring->in[j] + x, *tap = ring->w[j];
    V wv[5];

#pragma GCC unroll 32
    for (int k = 0; k < K; k++)
      wv[k] = LOAD (tap + k * ring->across);
#pragma GCC unroll 32
    for (int i = 0; i < (P - 1) * S + (K - 1) * D + 1; i++) {
      V v = LOAD (in + i * LANES);

#pragma GCC unroll 32
      for (int k = 0; k < K; k++)
        if (i - k * D >= 0 && (i - k * D) % S == 0 && (i - k * D) / S < P)
          acc[(i - k * D) / S] += v * wv[k];
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
    F (slide_tile) (ring, x, bias, gate, at, y, p, K, D, S);                                       \
    break;

static inline __attribute__ ((always_inline)) void
F (slide_row) (const Ring *ring, size_t m, const float *bias, const Gate *gate, size_t at, float *y,
               const int K, const int D, const int S)
{
  size_t x = 0;

  while (m) {
    size_t p = m >= 8 ? 8 : m;

    switch (p) {
      CASE (8) CASE (7) CASE (6) CASE (5) CASE (4) CASE (3) CASE (2) CASE (1)
    }
    x += p * S * LANES;
    at += p * ring->to;
    m -= p;
  }
}
#undef CASE

/* Fills the ring up to source row `last`. */
static inline void
F (ring_fill_to) (Ring *ring, const Sweep *s, int64_t last, const float *src, float *plane)
{
  for (; ring->filled <= last; ring->filled++)
    F (ring_fill)
  (s, src + (size_t) ring->filled * s->plane.columns * s->g->c,
   plane + ((uint64_t) ring->filled & ring->mask) * ring->row);
}

/* The kernel rows of line r that lie inside the image, filling the ring with what they need. */
static inline __attribute__ ((always_inline)) void
F (ring_move) (Ring *ring, const Sweep *s, uint32_t r, const float *src, const float *w,
               float *plane, const int K, const int D)
{
  int64_t up = s->plane.up, rows = s->plane.rows, at = (int64_t) r * s->step + ring->first;
  const float *origin = plane + ((int64_t) s->plane.left + ring->first) * LANES;
  int64_t last = -1;
  uint32_t n = 0;

  for (int j = 0; j < K; j++, at += D, w += ring->down) {
    int64_t row = up == 1 ? at : at / up;

    if (at < 0 || row >= rows || (up != 1 && row * up != at))
      continue;
    ring->w[n] = w;
    ring->in[n++] = origin + ((uint64_t) row & ring->mask) * ring->row;
    last = row;
  }
  ring->n = n;
  F (ring_fill_to) (ring, s, last, src, plane);
}

static inline __attribute__ ((always_inline)) void
F (slide_image) (const Sweep *s, const float *src, const float *w, const float *bias,
                 const Gate *gate, float *dst, bool add, float *plane, const int K, const int D,
                 const int S)
{
  size_t c = s->g->c;
  Ring ring = ring_of (s, LANES, add);

  if (s->back)
    w += (size_t) (K * K - 1) * c;
  F (ring_clear) (&ring, &s->plane, plane);
  for (uint32_t r = 0; r < s->rows; r++) {
    F (ring_move) (&ring, s, r, src, w, plane, K, D);
    if (!add || ring.n)
      F (slide_row) (&ring, s->columns, bias, gate, r * s->columns * c, dst, K, D, S);
  }
}

static void
F (slide) (const Sweep *s, const float *src, const float *w, const float *bias, const Gate *gate,
           float *dst, bool add, float *plane)
{
#define CALL(K, D, S) F (slide_image) (s, src, w, bias, gate, dst, add, plane, K, D, S)
  if (s->step == 1 && s->g->kernel == 3)
    s->g->dilation == 1 ? CALL (3, 1, 1) : CALL (3, 2, 1);
  else if (s->step == 1)
    s->g->dilation == 1 ? CALL (5, 1, 1) : CALL (5, 2, 1);
  else if (s->g->kernel == 3)
    s->g->dilation == 1 ? CALL (3, 1, 2) : CALL (3, 2, 2);
  else
    s->g->dilation == 1 ? CALL (5, 1, 2) : CALL (5, 2, 2);
#undef CALL
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

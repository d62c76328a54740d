/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolution and its input gradient, one block of LANES channels at a time.
 *
 * slide (what planes.inc.h lays out): P adjacent pixels stay in registers; per kernel row the K
 * weights do too, and each input vector is loaded once for all pixels that it serves (12 loads for
 * 40 multiply-adds at 5×5, P = 8). A strided gradient is a convolution of stride 1 per residue of
 * row and column, with the taps that reach it. taps (everything else): P sums, each tap's inputs
 * straight from the image; pixels at the edges are tiles of one with the taps that lie inside.
 */

/* v where h, which is not negative, is not zero. As integers, because multiply-adds keep the units
 * for floats busy. */
static inline V
F (open) (V h, V v)
{
#if LANES == 1
  return h > 0 ? v : 0;
#else
  return (V) ((F (mask)) v & ((F (mask)) h > 0));
#endif
}

/* The kernel rows that reach a row of the destination: where their first taps lie. */
typedef struct F (Reach) {
  uint32_t n;
  const float *in[LONGEST_SLIDE], *tap[LONGEST_SLIDE];
} F (Reach);

/* A row of one block: floats from the reach's plane and weights to the block's, from tap to tap,
 * from pixel to pixel of y and of the gate. Bias and gate: of the block, or NULL. */
typedef struct F (Row) {
  size_t plane, channel, to, open;
  ptrdiff_t across;
  const float *bias, *gate;
  float *y;
  bool add;
} F (Row);

/* P pixels, x floats of the plane from the row's first; S: source pixels from one to the next. */
static inline __attribute__ ((always_inline)) void
F (slide_tile) (const F (Row) * row, const F (Reach) * reach, size_t x, const float *gate, float *y,
                const int P, const int K, const int D, const int S)
{
  V acc[8], start = { 0 };

  if (row->bias)
    start = LOAD (row->bias);
#pragma GCC unroll 8
  for (int p = 0; p < P; p++)
    acc[p] = start;
  for (uint32_t j = 0; j < reach->n; j++) {
    const float *in = reach->in[j] + x, *tap = reach->tap[j] + row->channel;
    V wv[LONGEST_SLIDE];

#pragma GCC unroll 5
    for (int k = 0; k < K; k++) {
      wv[k] = LOAD (tap + k * row->across);
      HOLD (wv[k]);
    }
#pragma GCC unroll 32
    for (int i = 0; i < (P - 1) * S + (K - 1) * D + 1; i++) {
      V v = LOAD (in + i * LANES);

      HOLD (v);
#pragma GCC unroll 5
      for (int k = 0; k < K; k++)
        if (i - k * D >= 0 && (i - k * D) % S == 0 && (i - k * D) / S < P)
          acc[(i - k * D) / S] += v * wv[k];
    }
  }
  if (gate)
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
      acc[p] = F (open) (LOAD (gate + p * row->open), acc[p]);
  if (row->add)
#pragma GCC unroll 8
    for (int p = 0; p < P; p++)
      acc[p] += LOAD (y + p * row->to);
#pragma GCC unroll 8
  for (int p = 0; p < P; p++)
    STORE (y + p * row->to, acc[p]);
}

#define CASE(p)                                                                                    \
  case p:                                                                                          \
    F (slide_tile) (&row, &reach, x, gate, y, p, K, D, S);                                         \
    break;

/* m pixels. Arguments by value: what a pointer leads to would be read again after each STORE. */
static inline __attribute__ ((always_inline)) void
F (slide_row) (const F (Row) row, const F (Reach) reach, size_t m, const int K, const int D,
               const int S)
{
  const float *gate = row.gate;
  float *y = row.y;
  size_t x = row.plane;

  for (; m >= 8;
       m -= 8, x += 8 * S * LANES, y += 8 * row.to, gate = gate ? gate + 8 * row.open : NULL)
    F (slide_tile) (&row, &reach, x, gate, y, 8, K, D, S);
  switch (m) {
    CASE (7) CASE (6) CASE (5) CASE (4) CASE (3) CASE (2) CASE (1)
  }
}
#undef CASE

static inline __attribute__ ((always_inline)) void
F (slide_image) (const Slide *l, uint32_t from, uint32_t blocks, const int K, const int D,
                 const int S)
{
  size_t c = l->c, m = (l->to.columns - l->at_column + l->step - 1) / l->step;
  size_t plane = planes_pixels (&l->from), open = planes_pixels (&l->to);
  const float *src = l->src + from * plane + l->across.first * LANES;
  const float *w = l->w + from + l->across.tap * (ptrdiff_t) c;
  int64_t first = l->down.first;
  F (Row) row = { .to = l->step * c, .open = l->step * (size_t) LANES, .add = l->add };
  F (Reach) reach;

  row.across = l->across.hop * (ptrdiff_t) c;
  for (uint32_t r = l->at_row; r < l->to.rows; r += l->step, first += S) {
    size_t at = (r * (size_t) l->to.columns + l->at_column) * c + from;
    size_t gate = from * open + (size_t) (planes_row (&l->to, r) + l->at_column) * LANES;

    reach.n = 0;
    for (uint32_t j = 0; K && j < l->down.n; j++) {
      int64_t line = first + j * l->down.apart;

      if (line < 0 || line >= l->from.rows)
        continue;
      reach.in[reach.n] = src + planes_row (&l->from, line) * LANES;
      reach.tap[reach.n++] =
          w + (l->down.tap + (ptrdiff_t) j * l->down.hop) * (ptrdiff_t) (l->side * c);
    }
    for (uint32_t b = 0; (reach.n || !l->add) && b < blocks; b++) {
      row.channel = b * LANES;
      row.plane = b * plane * LANES;
      row.bias = l->bias ? l->bias + from + row.channel : NULL;
      row.gate = l->gate ? l->gate + gate + b * open * LANES : NULL;
      row.y = l->y + at + row.channel;
      F (slide_row) (row, reach, m, K, D, S);
    }
  }
}

/* All rows of `blocks` blocks from channel `from` on. */
static void
F (slide) (const Slide *l, uint32_t from, uint32_t blocks)
{
#define CALL(K, D, S) F (slide_image) (l, from, blocks, K, D, S)
  if (l->at_column >= l->to.columns || !blocks)
    return;
  switch (l->across.n * 100 + l->across.apart * 10 + l->stride) {
  case 311:
    CALL (3, 1, 1);
    break;
  case 321:
    CALL (3, 2, 1);
    break;
  case 511:
    CALL (5, 1, 1);
    break;
  case 521:
    CALL (5, 2, 1);
    break;
  case 312:
    CALL (3, 1, 2);
    break;
  case 322:
    CALL (3, 2, 2);
    break;
  case 512:
    CALL (5, 1, 2);
    break;
  case 522:
    CALL (5, 2, 2);
    break;
  case 211:
    CALL (2, 1, 1);
    break;
  case 111:
    CALL (1, 1, 1);
    break;
  default: /* no taps */
    CALL (0, 1, 1);
  }
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense 3×3 convolutions by Winograd's F(4×4, 3×3): transform.inc.h turns tiles of the source into
 * 36 points, each point is a plain product over channels, and the products are turned back.
 *
 * Tiles go in blocks of whole rows of tiles, of several samples where these are small, so that a
 * block's points stay in the second-level cache. A strip of six image rows with zeros around it is
 * what the transform reads: there are no edges then, and scale, shift and ReLU of what is read are
 * applied once a pixel. The input's gradient is the same convolution of dy with turned weights; the
 * weights' gradient has 36 outer products over tiles, turned into taps block by block.
 */
enum { FLOATS_A_LINE = 16 }; /* of cache */

static float *
next_line (float *p)
{
  return p + (FLOATS_A_LINE - (uintptr_t) p / sizeof *p % FLOATS_A_LINE) % FLOATS_A_LINE;
}

enum {
  POINTS = 36,
  POINT_ONE = 7, /* the point (1, 1), which reaches all pixels alike: where bias is added */
  BLOCK_FLOATS = 96 << 10, /* of a block's points */
  WIDE_FLOATS = 160 << 10, /* … where every block's sums are turned back */
  MOST_TILES = 64,
  SUM_FLOATS = 1024 /* products of a point that sums of weight gradients keep in cache */
};

/* An image that is read in tiles and one that is written. */
typedef struct Squares {
  uint32_t n, h, w, c;    /* source */
  uint32_t oh, ow, oc;    /* destination, in tiles of 4 × 4 */
  int32_t pad;            /* of the source */
  uint32_t down, across;  /* tiles */
  uint32_t rows;          /* rows of tiles of a block */
  size_t in_plane, plane; /* floats of a point of the source, of the destination */
} Squares;

static size_t
whole_lines (size_t floats)
{
  return (floats + FLOATS_A_LINE - 1) / FLOATS_A_LINE * FLOATS_A_LINE;
}

static void
plan_blocks (Squares *s, size_t floats)
{
  uint32_t tiles = (uint32_t) (floats / (POINTS * ((size_t) s->c + s->oc)));

  s->down = (s->oh + 3) / 4;
  s->across = (s->ow + 3) / 4;
  tiles = tiles > MOST_TILES ? MOST_TILES : tiles < 8 ? 8 : tiles;
  s->rows = tiles < s->across ? 1 : tiles / s->across;
  if (s->rows > s->n * s->down)
    s->rows = s->n * s->down;
  s->in_plane = whole_lines ((size_t) s->rows * s->across * s->c) + FLOATS_A_LINE;
  s->plane = whole_lines ((size_t) s->rows * s->across * s->oc) + FLOATS_A_LINE;
}

static Squares
squares_forward (const LodeConvGeometry *g, size_t floats)
{
  Squares s = {
    .n = g->n, .h = g->h, .w = g->w, .c = g->c, .oh = g->oh, .ow = g->ow, .oc = g->oc, .pad = g->pad
  };

  plan_blocks (&s, floats);
  return s;
}

static Squares
squares_back (const LodeConvGeometry *g)
{
  Squares s = { .n = g->n,
                .h = g->oh,
                .w = g->ow,
                .c = g->oc,
                .oh = g->h,
                .ow = g->w,
                .oc = g->c,
                .pad = 2 - g->pad };

  plan_blocks (&s, BLOCK_FLOATS);
  return s;
}

static bool
winograd_pays (const LodeConvGeometry *g)
{
  return g->kernel == 3 && g->stride == 1 && g->dilation == 1 && g->groups == 1 && g->pad >= 0
         && g->pad <= 2 && g->c >= 8 && g->oc >= 8 && g->oh >= 4 && g->ow >= 4;
}

/* Floats from point to point of turned weights. */
static size_t
turned_plane (const LodeConvGeometry *g)
{
  return whole_lines ((size_t) g->c * g->oc) + FLOATS_A_LINE;
}

static size_t
winograd_weights (const LodeConvGeometry *g)
{
  return POINTS * turned_plane (g);
}

static void
winograd_turn (const LodeConvGeometry *g, bool back, const float *w, float *u)
{
  size_t n = (size_t) g->c * g->oc, plane = turned_plane (g);
  uint32_t c = g->c, oc = g->oc, at;
  float taps[9 * 2 * LODE_KERNEL_LANES]; /* of some weights, flipped and transposed */

  if (!back) {
    at = 0;
#define CALL(lanes) F_OF (kernel_points, lanes) (w + at, n, u + at, plane)
    BLOCKS (n, CALL)
#undef CALL
    return;
  }
  for (uint32_t o = 0; o < oc; o++)
    for (uint32_t i = 0, m; i < c; i += m) {
      m = c - i < WIDE ? c - i : WIDE;
      for (uint32_t t = 0; t < 9; t++)
        for (uint32_t j = 0; j < m; j++)
          taps[t * WIDE + j] = w[(8 - t) * n + (size_t) (i + j) * oc + o];
      at = 0;
#define CALL(lanes)                                                                                \
  F_OF (kernel_points, lanes) (taps + at, WIDE, u + (size_t) o * c + i + at, plane)
      BLOCKS (m, CALL)
#undef CALL
    }
}

/* Pixels across a strip. */
static size_t
strip_wide (const Squares *s)
{
  return 4 * (size_t) s->across + 2;
}

/* A strip of `rows` rows of c floats from image row y0 on, column -left on. */
static void
fill_strip (uint32_t h, uint32_t w, uint32_t c, const LodeReading *read, const float *x, int64_t y0,
            uint32_t rows, uint32_t left, size_t wide, float *to)
{
  size_t columns = wide - left < w ? wide - left : w, right = wide - left - columns;

  for (uint32_t r = 0; r < rows; r++, to += wide * c) {
    const float *from = x + (y0 + r) * (int64_t) ((size_t) w * c);
    float *middle = to + (size_t) left * c;

    if (y0 + r < 0 || y0 + r >= h) {
      memset (to, 0, wide * c * sizeof *to);
      continue;
    }
    memset (to, 0, (size_t) left * c * sizeof *to);
    if (read->scale)
      blend (columns, c, 1, &read->scale, &from, read->shift, read->relu, middle);
    else if (read->relu)
      relu (columns * c, from, middle);
    else
      memcpy (middle, from, columns * c * sizeof *to);
    memset (middle + columns * c, 0, right * c * sizeof *to);
  }
}

/* Points of the source of rows [first, first + rows) of tiles. */
static void
source_points (const Squares *s, const LodeReading *read, const float *x, uint32_t first,
               uint32_t rows, float *v, float *strip)
{
  size_t wide = strip_wide (s), image = (size_t) s->h * s->w * s->c;
  Tiles t = { .n = s->across, .row = wide * s->c, .step = s->c, .c = s->c, .plane = s->in_plane };

  for (uint32_t r = first; r < first + rows; r++, v += (size_t) s->across * s->c) {
    uint32_t at = 0;

    fill_strip (s->h, s->w, s->c, read, x + r / s->down * image,
                4 * (int64_t) (r % s->down) - s->pad, 6, (uint32_t) s->pad, wide, strip);
#define CALL(lanes) F_OF (image_points, lanes) (&t, strip + at, v + at)
    BLOCKS (s->c, CALL)
#undef CALL
  }
}

/* Pixels of the destination from points of rows [first, first + rows) of tiles. */
static void
destination_pixels (const Squares *s, const LodeReading *read, const float *x, const float *m,
                    uint32_t first, uint32_t rows, bool add_, float *y)
{
  size_t image = (size_t) s->oh * s->ow * s->oc, row = (size_t) s->ow * s->oc;
  Tiles t = {
    .n = s->across, .columns = s->ow, .row = row, .step = s->oc, .c = s->oc, .plane = s->plane
  };

  for (uint32_t r = first; r < first + rows; r++, m += (size_t) s->across * s->oc) {
    uint32_t top = 4 * (r % s->down), at = 0;
    size_t from = r / s->down * image + top * row;

    t.rows = s->oh - top < 4 ? s->oh - top : 4;
#define CALL(lanes)                                                                                \
  {                                                                                                \
    LodeReading part = reading_at (read, at);                                                      \
    Gate gate = { read->relu ? x + from + at : NULL, part.scale, part.shift };                     \
    F_OF (pixel_square, lanes) (&t, m + at, &gate, add_, y + from + at);                           \
  }
    BLOCKS (s->oc, CALL)
#undef CALL
  }
}

static const LodeReading plain_reading = { NULL, NULL, false };

/* y = read (x) * u, gated by the reading of `gate` where that has a ReLU. */
static void
squares_run (const Squares *s, const LodeReading *read, const float *x, const float *u,
             size_t turned, const float *bias, const LodeReading *behind, const float *gate,
             bool add_, float *y, float *scratch)
{
  uint32_t all = s->n * s->down;
  float *v = next_line (scratch), *m = v + POINTS * s->in_plane, *strip = m + POINTS * s->plane;
  Line l = {
    .down = &one_tap, .across = &one_tap, .ci = s->c, .step = s->c, .to = s->oc, .ldw = s->oc
  };

  for (uint32_t first = 0; first < all; first += s->rows) {
    uint32_t rows = all - first < s->rows ? all - first : s->rows;

    source_points (s, read, x, first, rows, v, strip);
    for (uint32_t p = 0; p < POINTS; p++)
      product (&l, (size_t) rows * s->across, s->oc, v + p * s->in_plane, u + p * turned,
               p == POINT_ONE ? bias : NULL, m + p * s->plane);
    destination_pixels (s, behind, gate, m, first, rows, add_, y);
  }
}

static void
winograd (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *u,
          const float *bias, float *y, float *scratch)
{
  Squares s = squares_forward (g, BLOCK_FLOATS);

  squares_run (&s, read, x, u, turned_plane (g), bias, &plain_reading, NULL, false, y, scratch);
}

static void
winograd_dx (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *u,
             const float *dy, bool first, float *dx, float *scratch)
{
  Squares s = squares_back (g);

  squares_run (&s, &plain_reading, dy, u, turned_plane (g), NULL, read, x, !first, dx, scratch);
}

/* How the sums of a weight gradient are cut: parts of ci × co products a point. */
typedef struct Sums {
  uint32_t ci, co;
  size_t plane;
  bool whole; /* one part: it is turned back once, behind the last block */
} Sums;

static Sums
plan_sums (const LodeConvGeometry *g)
{
  Sums sums = { .ci = g->c, .co = g->oc };

  if (sums.co > SUM_FLOATS / 8)
    sums.co = SUM_FLOATS / 8;
  if (sums.ci > SUM_FLOATS / sums.co)
    sums.ci = SUM_FLOATS / sums.co;
  sums.whole = sums.ci == g->c && sums.co == g->oc;
  sums.plane = whole_lines ((size_t) sums.ci * sums.co) + FLOATS_A_LINE;
  return sums;
}

/* Points of dy of rows [first, first + rows) of tiles. */
static void
error_block (const Squares *s, const float *dy, uint32_t first, uint32_t rows, float *v,
             float *strip)
{
  size_t wide = 4 * (size_t) s->across, row = (size_t) s->ow * s->oc, image = s->oh * row;
  Tiles t = { .n = s->across, .step = s->oc, .c = s->oc, .plane = s->plane };

  for (uint32_t r = first; r < first + rows; r++, v += (size_t) s->across * s->oc) {
    uint32_t top = 4 * (r % s->down), at = 0;
    const float *from = dy + r / s->down * image;

    if (wide == s->ow && top + 4 <= s->oh) {
      from += top * row;
    } else {
      fill_strip (s->oh, s->ow, s->oc, &plain_reading, from, top, 4, 0, wide, strip);
      from = strip;
    }
    t.row = wide * s->oc;
#define CALL(lanes) F_OF (error_points, lanes) (&t, from + at, v + at)
    BLOCKS (s->oc, CALL)
#undef CALL
  }
}

/* Turns a part of the sums into taps. dw: of the part's first weight */
static void
sums_taps (const LodeConvGeometry *g, const float *m, size_t plane, uint32_t ci, uint32_t co,
           float *dw)
{
  size_t tap = (size_t) g->c * g->oc;

  for (uint32_t i = 0; i < ci; i++, m += co, dw += g->oc) {
    uint32_t at = 0;

#define CALL(lanes) F_OF (tap_square, lanes) (m + at, plane, dw + at, tap)
    BLOCKS (co, CALL)
#undef CALL
  }
}

/* The products of `tiles` tiles. begin, end: of the sums */
static void
sums_block (const LodeConvGeometry *g, const Squares *s, const Sums *sums, size_t tiles,
            const float *v, const float *e, bool begin, bool end, float *m, float *dw)
{
  for (uint32_t i = 0; i < g->c; i += sums->ci)
    for (uint32_t o = 0; o < g->oc; o += sums->co) {
      uint32_t ci = g->c - i < sums->ci ? g->c - i : sums->ci;
      uint32_t co = g->oc - o < sums->co ? g->oc - o : sums->co;
      Patch patch = {
        .rows = 1, .columns = tiles, .x_step = g->c, .y_step = g->oc, .ldw = co, .begin = begin
      };

      for (uint32_t p = 0; p < POINTS; p++)
        outer (&patch, ci, co, v + p * s->in_plane + i, e + p * s->plane + o, m + p * sums->plane);
      if (end)
        sums_taps (g, m, sums->plane, ci, co, dw + (size_t) i * g->oc + o);
    }
}

static void
winograd_dw (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *dy,
             float *dw, float *dbias, float *scratch)
{
  Sums sums = plan_sums (g);
  Squares s = squares_forward (g, sums.whole ? BLOCK_FLOATS : WIDE_FLOATS);
  uint32_t all = s.n * s.down;
  float *v = next_line (scratch), *e = v + POINTS * s.in_plane, *m = e + POINTS * s.plane,
        *strip = m + POINTS * sums.plane;

  for (uint32_t first = 0; first < all; first += s.rows) {
    uint32_t rows = all - first < s.rows ? all - first : s.rows;

    source_points (&s, read, x, first, rows, v, strip);
    error_block (&s, dy, first, rows, e, strip);
    sums_block (g, &s, &sums, (size_t) rows * s.across, v, e, !sums.whole || !first,
                !sums.whole || first + rows == all, m, dw);
  }
  if (dbias)
    add_columns ((size_t) g->n * g->oh * g->ow, g->oc, dy, dbias);
}

static size_t
squares_floats (const Squares *s, size_t sums)
{
  size_t c = s->c > s->oc ? s->c : s->oc;

  return POINTS * (s->in_plane + s->plane + sums) + 6 * strip_wide (s) * c + 2 * FLOATS_A_LINE;
}

static size_t
winograd_scratch (const LodeConvGeometry *g)
{
  Sums sums = plan_sums (g);
  Squares forward = squares_forward (g, sums.whole ? BLOCK_FLOATS : WIDE_FLOATS);
  Squares back = squares_back (g);
  size_t a = squares_floats (&forward, sums.plane), b = squares_floats (&back, 0);

  return a > b ? a : b;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dense products: linear layers, and convolutions that are not depthwise, as lines of tiles.
 */

/* A line over all output channels. y: [m] pixels of l->to floats. */
static void
product (const Line *l, size_t m, uint32_t co, const float *x, const float *w, const float *bias,
         float *y)
{
  uint32_t at = 0;

  for (; at + WIDE <= co; at += WIDE)
    WIDEST (line_double) (l, m, x, w + at, bias ? bias + at : NULL, y + at);
#define CALL(n) F_OF (line, n) (l, m, x, w + at, bias ? bias + at : NULL, y + at)
  BLOCKS (co, CALL)
#undef CALL
}

/* dw[ci][co] += sum over the patch of x^T dy. */
static void
outer (const Patch *patch, uint32_t ci, uint32_t co, const float *x, const float *dy, float *dw)
{
  uint32_t at = 0;

  for (; at + WIDE <= co; at += WIDE)
    WIDEST (outer_double) (patch, ci, x, dy + at, dw + at);
#define CALL(n) F_OF (outer, n) (patch, ci, x, dy + at, dw + at)
  BLOCKS (co, CALL)
#undef CALL
}

static void
add_columns (size_t rows, uint32_t c, const float *dy, float *to)
{
  uint32_t at = 0;

#define CALL(n) F_OF (columns, n) (rows, c, dy + at, to + at)
  BLOCKS (c, CALL)
#undef CALL
}

static const Axis one_tap = { .n = 1 };

/*
 * Panels of wide matrices, copied together: rows far apart would share few sets of the first-level
 * cache. DEEP rows of WIDE floats take half of it.
 */
enum { DEEP = 4096 / WIDE, PANEL_WIDE = 128, PANEL_ROWS = 24 };

/* to: [rows][WIDE] of from: [rows][step] */
static void
copy_panel (size_t rows, size_t step, const float *from, float *to)
{
  for (size_t r = 0; r < rows; r++, from += step, to += WIDE)
    memcpy (to, from, WIDE * sizeof *to);
}

static bool
in_panels (size_t rows, uint32_t co)
{
  return co >= PANEL_WIDE && co % WIDE == 0 && rows >= PANEL_ROWS;
}

/* A panel of u at a time, as many of its rows as stay in cache. */
static void
linear_turned (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *u,
               const float *bias, bool first, float *y)
{
  for (uint32_t o = 0; o < co; o += WIDE) {
    uint32_t wide = co - o < WIDE ? co - o : WIDE;
    Line l = { .down = &one_tap, .across = &one_tap, .step = ci, .to = co, .ldw = wide };

    for (uint32_t i = 0; i < ci; i += DEEP, u += (size_t) l.ci * wide) {
      l.ci = ci - i < DEEP ? ci - i : DEEP;
      l.add = !first || i > 0;
      product (&l, rows, wide, x + i, u, bias ? bias + o : NULL, y + o);
    }
  }
}

/* u: panels of w^T; as many columns of w at a time as a line of cache has. */
static void
linear_turn_back (uint32_t ci, uint32_t co, const float *w, float *u)
{
  for (uint32_t i = 0; i < ci; i += WIDE) {
    uint32_t wide = ci - i < WIDE ? ci - i : WIDE;

    for (uint32_t o = 0, n; o < co; o += n, u += (size_t) n * wide) {
      n = co - o < 16 ? co - o : 16;
      for (uint32_t j = 0; j < wide; j++)
        for (uint32_t r = 0; r < n; r++)
          u[(size_t) r * wide + j] = w[(size_t) (i + j) * co + o + r];
    }
  }
}

static void
linear_turn (uint32_t ci, uint32_t co, bool back, const float *w, float *u)
{
  if (back) {
    linear_turn_back (ci, co, w, u);
    return;
  }
  for (uint32_t o = 0; o < co; o += WIDE) {
    uint32_t wide = co - o < WIDE ? co - o : WIDE;

    for (uint32_t r = 0; r < ci; r++, u += wide)
      memcpy (u, w + (size_t) r * co + o, wide * sizeof *u);
  }
}

/* y = x w in panels of w; co: a multiple of WIDE */
static void
linear_panels (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *w,
               const float *bias, float *y)
{
  float panel[DEEP * WIDE];
  Line l = { .down = &one_tap, .across = &one_tap, .step = ci, .to = co, .ldw = WIDE };

  for (uint32_t o = 0; o < co; o += WIDE)
    for (uint32_t i = 0; i < ci; i += DEEP) {
      l.ci = ci - i < DEEP ? ci - i : DEEP;
      l.add = i > 0;
      copy_panel (l.ci, co, w + (size_t) i * co + o, panel);
      product (&l, rows, WIDE, x + i, panel, bias ? bias + o : NULL, y + o);
    }
}

static void
linear (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *w, const float *bias,
        float *y)
{
  Line l = { .down = &one_tap, .across = &one_tap, .ci = ci, .step = ci, .to = co, .ldw = co };

  if (in_panels (rows, co)) {
    linear_panels (rows, ci, co, x, w, bias, y);
    return;
  }
  product (&l, rows, co, x, w, bias, y);
}

/* Transposes w in panels that fit the first-level cache, and multiplies by them. */
static void
linear_dx (size_t rows, uint32_t ci, uint32_t co, const float *w, const float *dy, bool first,
           float *dx)
{
  float panel[64 * WIDE];

  for (uint32_t i = 0; i < ci; i += WIDE)
    for (uint32_t o = 0; o < co; o += 64) {
      uint32_t wide = ci - i < WIDE ? ci - i : WIDE, deep = co - o < 64 ? co - o : 64;
      Line l = { .down = &one_tap,
                 .across = &one_tap,
                 .ci = deep,
                 .step = co,
                 .to = ci,
                 .ldw = wide,
                 .add = !first || o };

      for (uint32_t a = 0; a < wide; a++)
        for (uint32_t b = 0; b < deep; b++)
          panel[b * wide + a] = w[(size_t) (i + a) * co + o + b];
      product (&l, rows, wide, dy + o, panel, NULL, dx + i);
    }
}

/* dw += x^T dy in panels of dy; n of x's channels; co: a multiple of WIDE */
static void
linear_dw_panels (size_t rows, uint32_t ci, uint32_t n, uint32_t co, const float *x,
                  const float *dy, float *dw)
{
  float panel[DEEP * WIDE];

  for (size_t r = 0; r < rows; r += DEEP) {
    size_t m = rows - r < DEEP ? rows - r : DEEP;
    Patch patch = { .rows = 1, .columns = m, .x_step = ci, .y_step = WIDE, .ldw = co };

    for (uint32_t o = 0; o < co; o += WIDE) {
      copy_panel (m, co, dy + r * co + o, panel);
      outer (&patch, n, WIDE, x + r * ci, panel, dw + o);
    }
  }
}

/* Rows in blocks that stay in cache while every tile of dw reads them. */
static void
linear_dw_rows (size_t rows, uint32_t ci, uint32_t first, uint32_t n, uint32_t co, const float *x,
                const float *dy, float *dw, float *dbias)
{
  size_t block = 8192 / ((size_t) ci + co);

  block = block < 32 ? 32 : block;
  if (in_panels (rows, co))
    linear_dw_panels (rows, ci, n, co, x + first, dy, dw);
  else
    for (size_t r = 0; r < rows; r += block) {
      size_t m = rows - r < block ? rows - r : block;
      Patch patch = { .rows = 1, .columns = m, .x_step = ci, .y_step = co, .ldw = co };

      outer (&patch, n, co, x + r * ci + first, dy + r * co, dw);
    }
  if (dbias)
    add_columns (rows, co, dy, dbias);
}

static void
linear_dw (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *dy, float *dw,
           float *dbias)
{
  linear_dw_rows (rows, ci, 0, ci, co, x, dy, dw, dbias);
}

/* src with zero columns at its sides, c floats a pixel; src itself where it needs none. */
static const float *
dense_plane (const Plane *plane, size_t c, const float *src, float *scratch)
{
  size_t right = plane->wide - plane->left - plane->columns;
  float *to = scratch;

  if (!plane->left && !right)
    return src;
  for (uint32_t r = 0; r < plane->rows; r++) {
    memset (to, 0, plane->left * c * sizeof *to);
    to += plane->left * c;
    memcpy (to, src + (size_t) r * plane->columns * c, plane->columns * c * sizeof *to);
    to += plane->columns * c;
    memset (to, 0, right * c * sizeof *to);
    to += right * c;
  }
  return scratch;
}

/*
 * One sample. ci, co: channels of source and destination; w: [k][k][ci / groups][ldw], group j's
 * columns from j · hop floats on.
 */
static void
dense_sweep (const Sweep *s, uint32_t ci, uint32_t co, const float *src, const float *w, size_t ldw,
             size_t hop, const float *bias, float *dst, float *scratch)
{
  uint32_t groups = s->g->groups, gi = ci / groups, go = co / groups;
  size_t tap = (size_t) gi * co;
  Axis down = { 0 }, across = { 0 };
  Line l = { .down = &down,
             .across = &across,
             .ci = gi,
             .step = (size_t) s->step * ci,
             .to = (size_t) s->classes * co,
             .ldw = ldw,
             .add = s->back };

  src = dense_plane (&s->plane, ci, src, scratch);
  for (uint32_t q = 0; q < s->classes; q++) {
    size_t m = line_length (s, q);

    across_fill (s, q, ci, tap, &across);
    for (uint32_t r = 0; m && r < s->rows; r++) {
      float *to = dst + ((size_t) r * s->columns + q) * co;

      down_fill (s, r, ci, s->g->kernel * tap, &down);
      if (s->back && (!down.n || !across.n))
        continue;
      for (uint32_t j = 0; j < groups; j++)
        product (&l, m, go, src + j * gi, w + j * hop, bias ? bias + j * go : NULL, to + j * go);
    }
  }
}

/* wt: [k][k] of, group by group, [oc / groups][c / groups] */
static void
transpose_taps (const LodeConvGeometry *g, const float *w, float *wt)
{
  uint32_t gi = g->c / g->groups;

  for (uint32_t t = 0; t < g->kernel * g->kernel;
       t++, w += (size_t) gi * g->oc, wt += (size_t) gi * g->oc)
    for (uint32_t i = 0; i < gi; i++)
      for (uint32_t o = 0; o < g->oc; o++)
        wt[(size_t) o * gi + i] = w[(size_t) i * g->oc + o];
}

/* One sample, in bands of rows that stay in cache while all taps read them. */
static void
dense_dw (const LodeConvGeometry *g, const float *x, const float *dy, float *dw)
{
  uint32_t gi = g->c / g->groups, go = g->oc / g->groups, k = g->kernel;
  size_t row = (size_t) g->stride * g->w * g->c + (size_t) g->ow * g->oc, in, out;
  uint32_t band = (uint32_t) (8192 / row);
  Patch patch;

  band = band < 1 ? 1 : band;
  for (uint32_t y0 = 0; y0 < g->oh; y0 += band)
    for (uint32_t t = 0; t < k * k; t++) {
      uint32_t y1 = g->oh - y0 < band ? g->oh : y0 + band;

      if (!patch_of_tap (g, t / k, t % k, y0, y1, &patch, &in, &out))
        continue;
      for (uint32_t j = 0; j < g->groups; j++)
        outer (&patch, gi, go, x + in + j * gi, dy + out + j * go,
               dw + (size_t) t * gi * g->oc + j * go);
    }
}

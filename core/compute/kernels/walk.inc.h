/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a convolution walks an image, in the same terms for both directions: lines of output pixels
 * that share their taps, each tap an offset into the source and one into the weights.
 *
 * Forward, a line is a row of y, and its taps lie `stride` source pixels apart from pixel to pixel.
 * Back, it is the pixels of one row of dx whose column is q modulo stride: the same taps reach all
 * of them, from adjacent pixels of dy. The source's columns are padded with zeros, so a line has no
 * edges; rows outside the image are left out.
 */
enum { LONGEST_SIDE = 16 }; /* kernels with longer sides go to the plain table */

/* Taps along one direction: offsets in floats. */
typedef struct Axis {
  uint32_t n;
  ptrdiff_t in[LONGEST_SIDE];
  size_t tap[LONGEST_SIDE];
} Axis;

typedef struct Line {
  const Axis *down, *across;
  uint32_t ci; /* input channels that a tap sums */
  size_t step; /* floats between the inputs of adjacent pixels */
  size_t to;   /* floats between the outputs of adjacent pixels */
  size_t ldw;  /* floats between the weights of adjacent input channels */
  bool add;
} Line;

/* A patch of pixels for a weight gradient; all strides in floats. */
typedef struct Patch {
  size_t rows, columns, x_row, x_step, y_row, y_step, ldw;
  bool begin; /* the gradient is to be begun */
} Patch;

/* A source image of rows × columns between columns of zeros. */
typedef struct Plane {
  uint32_t rows, columns, left, wide;
} Plane;

typedef struct Sweep {
  const LodeConvGeometry *g;
  bool back;
  uint32_t rows, columns; /* of the image that is written (dw: of dy) */
  uint32_t classes, step; /* lines a row; source pixels from one pixel of a line to the next */
  Plane plane;
} Sweep;

/* What becomes of the gradient of an input before it is stored: nothing at all where scale x +
 * shift is not positive. x: parallel to the image that is written, NULL: no ReLU */
typedef struct Gate {
  const float *x, *scale, *shift;
} Gate;

/* `count` adjacent windows of a pool: the first has rows y0 … y1 − 1, columns x0 … x1 − 1; share: 1
 * / cells. */
typedef struct Clip {
  uint32_t count, y0, y1, x0, x1;
  float share;
} Clip;

/*
 * A row of n square tiles of an image, t->rows × t->columns pixels in all (the last tile may be cut
 * off), and of the same tiles as points; all strides in floats: from row to row and pixel to pixel
 * of the image, from tile to tile and plane to plane of the points.
 */
typedef struct Tiles {
  uint32_t n, rows, columns;
  size_t row, step, c, plane;
} Tiles;

static int64_t
floor_divide (int64_t a, int64_t b)
{
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* Zeros needed before and after `extent` pixels so that low … high can be read. */
static void
pad_extent (uint32_t extent, int64_t low, int64_t high, uint32_t *before, uint32_t *all)
{
  *before = low < 0 ? (uint32_t) -low : 0;
  *all = *before + (high >= extent ? (uint32_t) (high + 1) : extent);
}

static Sweep
sweep_forward (const LodeConvGeometry *g)
{
  int64_t reach = (int64_t) (g->kernel - 1) * g->dilation - g->pad;
  Sweep s = { .g = g, .rows = g->oh, .columns = g->ow, .classes = 1, .step = g->stride };

  s.plane = (Plane){ .rows = g->h, .columns = g->w };
  pad_extent (g->w, -(int64_t) g->pad, (int64_t) (g->ow - 1) * g->stride + reach, &s.plane.left,
              &s.plane.wide);
  return s;
}

static Sweep
sweep_back (const LodeConvGeometry *g)
{
  int64_t low = g->pad - (int64_t) (g->kernel - 1) * g->dilation,
          high = (int64_t) g->w - 1 + g->pad;
  Sweep s = {
    .g = g, .back = true, .rows = g->h, .columns = g->w, .classes = g->stride, .step = 1
  };

  s.plane = (Plane){ .rows = g->oh, .columns = g->ow };
  pad_extent (g->ow, floor_divide (low, g->stride), floor_divide (high, g->stride), &s.plane.left,
              &s.plane.wide);
  return s;
}

static size_t
plane_size (const Sweep *s)
{
  return (size_t) s->plane.rows * s->plane.wide;
}

/* The source pixel that tap k of output pixel `to` reads; false: none. */
static inline bool
source_of (const Sweep *s, uint32_t to, uint32_t k, int64_t *from)
{
  const LodeConvGeometry *g = s->g;

  if (!s->back) {
    *from = (int64_t) to * g->stride + (int64_t) k * g->dilation - g->pad;
    return true;
  }
  *from = (int64_t) to + g->pad - (int64_t) k * g->dilation;
  if (g->stride == 1)
    return true;
  if (*from % g->stride)
    return false;
  *from /= g->stride;
  return true;
}

/* Taps of row r that lie inside the image. pixel: floats a pixel of the plane; tap: floats a kernel
 * row. */
static inline void
down_fill (const Sweep *s, uint32_t r, size_t pixel, size_t tap, Axis *axis)
{
  int64_t from;

  axis->n = 0;
  for (uint32_t k = 0; k < s->g->kernel; k++)
    if (source_of (s, r, k, &from) && from >= 0 && from < s->plane.rows) {
      axis->in[axis->n] = (ptrdiff_t) ((size_t) from * s->plane.wide * pixel);
      axis->tap[axis->n++] = k * tap;
    }
}

/* Taps of the line of columns q, q + classes, … in order of source columns; tap: floats a kernel
 * column. */
static inline void
across_fill (const Sweep *s, uint32_t q, size_t pixel, size_t tap, Axis *axis)
{
  int64_t from;

  axis->n = 0;
  for (uint32_t i = 0; i < s->g->kernel; i++) {
    uint32_t k = s->back ? s->g->kernel - 1 - i : i;

    if (source_of (s, q, k, &from)) {
      axis->in[axis->n] = (ptrdiff_t) ((from + s->plane.left) * (int64_t) pixel);
      axis->tap[axis->n++] = k * tap;
    }
  }
}

/* Those taps of a line that, `shift` floats on, lie within `limit` floats: the taps of one edge
 * pixel. */
static inline void
across_trim (const Axis *line, ptrdiff_t shift, ptrdiff_t limit, Axis *pixel)
{
  pixel->n = 0;
  for (uint32_t i = 0; i < line->n; i++)
    if (line->in[i] + shift >= 0 && line->in[i] + shift < limit) {
      pixel->in[pixel->n] = line->in[i] + shift;
      pixel->tap[pixel->n++] = line->tap[i];
    }
}

/* Pixels [first, last) of a line of m that have all taps inside; taps ascend, step floats a pixel.
 */
static inline void
across_inside (const Axis *line, ptrdiff_t step, ptrdiff_t limit, size_t m, size_t *first,
               size_t *last)
{
  ptrdiff_t low = line->n ? line->in[0] : 0, high = line->n ? line->in[line->n - 1] : 0;

  *first = low < 0 ? (size_t) ((-low + step - 1) / step) : 0;
  *last = high < limit ? (size_t) ((limit - 1 - high) / step + 1) : 0;
  *first = *first < m ? *first : m;
  *last = *last < m ? *last : m;
  if (*last < *first)
    *last = *first;
}

static inline size_t
line_length (const Sweep *s, uint32_t q)
{
  return q < s->columns ? (s->columns - q + s->classes - 1) / s->classes : 0;
}

/* Outputs [first, last) for which tap k reads inside `extent` pixels. */
static void
outputs_inside (const LodeConvGeometry *g, uint32_t k, uint32_t extent, uint32_t outs,
                uint32_t *first, uint32_t *last)
{
  int64_t at = (int64_t) k * g->dilation - g->pad;
  int64_t low = at < 0 ? (-at + g->stride - 1) / g->stride : 0;
  int64_t high = floor_divide ((int64_t) extent - 1 - at, g->stride) + 1;

  high = high > outs ? outs : high;
  *first = (uint32_t) (low < high ? low : 0);
  *last = (uint32_t) (low < high ? high : 0);
}

/*
 * What tap (ky, kx) joins of one sample, for output rows [y0, y1); in, out: where the patch begins,
 * in floats. false: nothing.
 */
static bool
patch_of_tap (const LodeConvGeometry *g, uint32_t ky, uint32_t kx, uint32_t y0, uint32_t y1,
              Patch *patch, size_t *in, size_t *out)
{
  uint32_t top, bottom, left, right;
  size_t iy, ix;

  outputs_inside (g, ky, g->h, g->oh, &top, &bottom);
  outputs_inside (g, kx, g->w, g->ow, &left, &right);
  top = top > y0 ? top : y0;
  bottom = bottom < y1 ? bottom : y1;
  if (top >= bottom || left >= right)
    return false;
  iy = (size_t) ((int64_t) top * g->stride + (int64_t) ky * g->dilation - g->pad);
  ix = (size_t) ((int64_t) left * g->stride + (int64_t) kx * g->dilation - g->pad);
  *patch = (Patch){ .rows = bottom - top,
                    .columns = right - left,
                    .x_row = (size_t) g->stride * g->w * g->c,
                    .x_step = (size_t) g->stride * g->c,
                    .y_row = (size_t) g->ow * g->oc,
                    .y_step = g->oc,
                    .ldw = g->oc };
  *in = (iy * g->w + ix) * g->c;
  *out = ((size_t) top * g->ow + left) * g->oc;
  return true;
}

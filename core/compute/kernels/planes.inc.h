/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample as sliding depthwise kernels read it: plane after plane, each of one block of adjacent
 * channels (at offset channel · pixels), pixels of LANES floats. A plane begins with MARGIN zeros
 * and a row of zeros; each of its rows has MARGIN zeros behind it, so that no tile has edges: a
 * window reaches over the right side into its own row's zeros, over the left into those of the row
 * before.
 *
 * Laid out once, with scale, shift and ReLU applied, a sample serves the convolution, the gradient
 * of its weights and the mask of the gradient of its input, of any kernel that slides.
 */
enum { MARGIN = 4 };

typedef struct Planes {
  uint32_t rows, columns;
} Planes;

static inline size_t
planes_wide (const Planes *planes)
{
  return (size_t) planes->columns + MARGIN;
}

static inline size_t
planes_pixels (const Planes *planes)
{
  return MARGIN + (planes->rows + 1) * planes_wide (planes);
}

/* Pixels from a plane's begin to row r, −1 being the row of zeros. */
static inline ptrdiff_t
planes_row (const Planes *planes, int64_t r)
{
  return MARGIN + (ptrdiff_t) ((size_t) (r + 1) * planes_wide (planes));
}

static Planes
planes_in (const LodeConvGeometry *g)
{
  return (Planes){ g->h, g->w };
}

static Planes
planes_out (const LodeConvGeometry *g)
{
  return (Planes){ g->oh, g->ow };
}

/* Kernels that slide over planes: those that have tiles and reach no further than the margin. */
static bool
slides (const LodeConvGeometry *g)
{
  int64_t reach = (int64_t) (g->kernel - 1) * g->dilation;
  int64_t right = (int64_t) (g->ow - 1) * g->stride + reach - g->pad - (g->w - 1);
  int64_t back = floor_divide ((int64_t) g->w - 1 + g->pad, g->stride) - (g->ow - 1);

  return (g->kernel == 3 || g->kernel == 5) && g->dilation <= 2 && g->stride <= 2
         && g->pad <= MARGIN && g->pad - reach >= -MARGIN && right <= MARGIN && back <= MARGIN;
}

enum { LONGEST_SLIDE = 5 }; /* side of kernels that slide */

/* Taps of a kernel along one direction that read `apart` source pixels from each other, the first
 * one source pixel `first`; tap, hop: of the kernel, the first and the distance of two. */
typedef struct Taps {
  uint32_t n, apart;
  int64_t first;
  ptrdiff_t tap, hop;
} Taps;

/*
 * A convolution from planes to some pixels of an image: rows and columns at, at + step, …, between
 * which are `stride` source pixels. A gradient back through a stride is one such convolution per
 * residue of row and column, each with the taps that reach it.
 */
typedef struct Slide {
  Planes from, to;
  uint32_t c, side, stride, step, at_row, at_column;
  Taps down, across;
  bool add;
  const float *src, *w, *bias, *gate; /* gate: planes of the destination, or NULL */
  float *y;
} Slide;

/* Taps of the destination's pixels `at` modulo the sweep's classes. */
static Taps
taps_of (const Sweep *s, uint32_t at)
{
  Taps taps = { .apart = 1 };
  int64_t from;

  for (uint32_t i = 0; i < s->g->kernel; i++) {
    uint32_t k = s->back ? s->g->kernel - 1 - i : i;

    if (!source_of (s, at, k, &from))
      continue;
    if (taps.n++ == 0) {
      taps.first = from;
      taps.tap = k;
    } else if (taps.n == 2) {
      taps.hop = (ptrdiff_t) k - taps.tap;
      taps.apart = (uint32_t) (from - taps.first);
    }
  }
  return taps;
}

/* Output rows of a block of `lanes` channels whose input rows and gradients (lines of cache of all
 * channels) fill half of the first-level cache. */
static uint32_t
spread_rows (const LodeConvGeometry *g, size_t lanes)
{
  Planes planes = planes_in (g);
  size_t line = g->c * sizeof (float) < 64 ? g->c : 16;
  size_t row = g->stride * planes_wide (&planes) * lanes + g->ow * (line > lanes ? line : lanes);

  return (uint32_t) (4096 / row > 1 ? 4096 / row : 1);
}

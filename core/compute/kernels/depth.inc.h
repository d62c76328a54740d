/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolutions of one sample: of kernels that slide, from planes (planes.inc.h), of all
 * others, from a dense copy of what they read.
 */

static const LodeReading as_is = { NULL, NULL, false };

static size_t
image_size (const LodeConvGeometry *g)
{
  return (size_t) g->h * g->w * g->c;
}

static LodeReading
reading_at (const LodeReading *read, uint32_t channel)
{
  return (LodeReading){ read->scale ? read->scale + channel : NULL,
                        read->scale ? read->shift + channel : NULL, read->relu };
}

static size_t
depth_room (const LodeConvGeometry *g)
{
  Planes in = planes_in (g), out = planes_out (g);
  size_t a = planes_pixels (&in), b = planes_pixels (&out);

  return slides (g) ? (a > b ? a : b) * g->c : image_size (g);
}

static void
lay_planes (const Planes *planes, uint32_t c, const LodeReading *read, const float *x, float *to)
{
  size_t pixels = planes_pixels (planes);
  LodeReading part;
  uint32_t at = 0;

  for (; at + WIDE <= c; at += WIDE) {
    part = reading_at (read, at);
    WIDEST (lay_two) (planes, c, &part, x + at, to + at * pixels);
  }
#define CALL(n)                                                                                    \
  {                                                                                                \
    part = reading_at (read, at);                                                                  \
    F_OF (lay_one, n) (planes, c, &part, x + at, to + at * pixels);                                \
  }
  BLOCKS (c, CALL)
#undef CALL
}

static void
depth_lay (const LodeConvGeometry *g, const LodeReading *read, const float *x, float *planes)
{
  Planes in = planes_in (g);
  size_t rows = (size_t) g->h * g->w;

  if (slides (g))
    lay_planes (&in, g->c, read, x, planes);
  else if (read->scale)
    blend (rows, g->c, 1, &read->scale, &x, read->shift, read->relu, planes);
  else if (read->relu)
    relu (rows * g->c, x, planes);
  else
    memcpy (planes, x, rows * g->c * sizeof *x);
}

/* gate: planes of the size of dst, or NULL */
static void
slide_image (const Sweep *s, const Planes *planes, const float *src, const float *w,
             const float *bias, const float *gate, float *dst, bool add)
{
  Slide l = { .from = *planes, .to = { s->rows, s->columns } };

  l.c = s->g->c;
  l.side = s->g->kernel;
  l.stride = s->step;
  l.step = s->classes;
  l.add = add;
  l.src = src;
  l.w = w;
  l.bias = bias;
  l.gate = gate;
  l.y = dst;
  for (l.at_row = 0; l.at_row < l.step; l.at_row++)
    for (l.at_column = 0; l.at_column < l.step; l.at_column++) {
      uint32_t at = 0, blocks;

      l.down = taps_of (s, l.at_row);
      l.across = taps_of (s, l.at_column);
#define CALL(n)                                                                                    \
  blocks = (l.c - at) / n;                                                                         \
  F_OF (slide, n) (&l, at, blocks);                                                                \
  at += blocks * n;
      RUNS (CALL)
#undef CALL
    }
}

static void
taps_image (const Sweep *s, const float *src, const float *w, const float *bias, float *dst,
            bool add)
{
  uint32_t at = 0;

#define CALL(n) F_OF (taps, n) (s, src + at, w + at, bias ? bias + at : NULL, dst + at, add)
  BLOCKS (s->g->c, CALL)
#undef CALL
}

static void
depth (const LodeConvGeometry *g, const float *planes, const float *w, const float *bias, float *y)
{
  Sweep s = sweep_forward (g);
  Planes in = planes_in (g);

  if (slides (g))
    slide_image (&s, &in, planes, w, bias, NULL, y, false);
  else if (g->kernel > LONGEST_SIDE)
    lode_kernels_reference.conv (g, planes, w, bias, y, NULL);
  else
    taps_image (&s, planes, w, bias, y, false);
}

/* Gates a sample's gradient and adds it to dx, or begins that. */
static void
give_sample (size_t n, const float *h, const float *dh, bool first, float *dx)
{
  if (!h && first)
    memcpy (dx, dh, n * sizeof *dx);
  else if (!h)
    axpy (n, 1, dh, dx);
  else if (first)
    relu_mask (n, h, dh, dx);
  else
    relu_dx (n, h, dh, dx);
}

static void
depth_dx (const LodeConvGeometry *g, const float *gate, const float *w, const float *dy, bool first,
          float *dx, float *scratch)
{
  Sweep s = sweep_back (g);
  Planes out = planes_out (g);

  if (slides (g)) {
    lay_planes (&out, g->c, &as_is, dy, scratch);
    slide_image (&s, &out, scratch, w, NULL, gate, dx, !first);
    return;
  }
  memset (scratch, 0, image_size (g) * sizeof *scratch);
  if (g->kernel > LONGEST_SIDE)
    lode_kernels_reference.conv_dx (g, w, dy, scratch, NULL);
  else
    taps_image (&s, dy, w, NULL, scratch, true);
  give_sample (image_size (g), gate, scratch, first, dx);
}

static void
depth_dw (const LodeConvGeometry *g, const float *planes, const float *dy, float *dw)
{
  Planes in = planes_in (g);
  size_t pixels = planes_pixels (&in);
  bool slide = slides (g);
  uint32_t at = 0;

#define CALL(n)                                                                                    \
  if (slide)                                                                                       \
    F_OF (spread, n) (g, planes + at * pixels, dy + at, dw + at);                                  \
  else                                                                                             \
    F_OF (spread_taps, n) (g, planes + at, dy + at, dw + at);
  BLOCKS (g->c, CALL)
#undef CALL
}

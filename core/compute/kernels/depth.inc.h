/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Depthwise convolutions that apply scale, shift and ReLU to their input as they read it. Kernels
 * with a ring do so as they fill it, and gate the gradient of the input where a tile ends; the
 * others read a copy of a sample.
 */

/* A sample of h or of its gradient, where there is no ring; then what the convolution wants. */
static size_t
depth_copy (const LodeConvGeometry *g)
{
  size_t sample = (size_t) g->h * g->w * g->c;

  return slides (g) ? 0 : (sample + FLOATS_A_LINE - 1) / FLOATS_A_LINE * FLOATS_A_LINE;
}

static size_t
depth_scratch (const LodeConvGeometry *g)
{
  return 2 * depth_copy (g) + conv_scratch (g);
}

static LodeReading
reading_at (const LodeReading *read, uint32_t channel)
{
  return (LodeReading){ read->scale ? read->scale + channel : NULL,
                        read->scale ? read->shift + channel : NULL, read->relu };
}

/* h: of one sample, in scratch or x itself */
static const float *
read_sample (const LodeConvGeometry *g, const LodeReading *read, const float *x, float *h)
{
  size_t rows = (size_t) g->h * g->w;

  if (read->scale)
    blend (rows, g->c, 1, &read->scale, &x, read->shift, read->relu, h);
  else if (read->relu)
    relu (rows * g->c, x, h);
  else
    return x;
  return h;
}

static LodeConvGeometry
one_sample (const LodeConvGeometry *g)
{
  LodeConvGeometry one = *g;

  one.n = 1;
  return one;
}

static void
depth (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *w, float *y,
       float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->c;
  LodeConvGeometry one = one_sample (g);
  Sweep s = sweep_forward (&one);

  for (uint32_t i = 0; i < g->n; i++, x += in, y += out) {
    uint32_t at = 0;

    if (!slides (g)) {
      conv (&one, read_sample (g, read, x, scratch), w, NULL, y, scratch + 2 * depth_copy (g));
      continue;
    }
#define CALL(n)                                                                                    \
  {                                                                                                \
    s.read = reading_at (read, at);                                                                \
    F_OF (slide, n)                                                                                \
    (&s, x + at, w + at, NULL, &open_gate, y + at, false, next_line (scratch));                    \
  }
    BLOCKS (g->c, CALL)
#undef CALL
  }
}

/* Gates a sample's gradient and adds it to dx, or begins that. */
static void
give_sample (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *dh,
             bool first, float *h, float *dx)
{
  size_t n = (size_t) g->h * g->w * g->c;

  if (!read->relu && first)
    memcpy (dx, dh, n * sizeof *dx);
  else if (!read->relu)
    axpy (n, 1, dh, dx);
  else if (first)
    relu_mask (n, read_sample (g, read, x, h), dh, dx);
  else
    relu_dx (n, read_sample (g, read, x, h), dh, dx);
}

static void
depth_dx (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *w,
          const float *dy, bool first, float *dx, float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->c;
  LodeConvGeometry one = one_sample (g);
  Sweep s = sweep_up (&one);

  for (uint32_t i = 0; i < g->n; i++, x += in, dx += in, dy += out) {
    uint32_t at = 0;

    if (!slides (g)) {
      float *h = scratch, *dh = h + depth_copy (g);

      memset (dh, 0, in * sizeof *dh);
      conv_dx (&one, w, dy, dh, dh + depth_copy (g));
      give_sample (g, read, x, dh, first, h, dx);
      continue;
    }
#define CALL(n)                                                                                    \
  {                                                                                                \
    LodeReading part = reading_at (read, at);                                                      \
    Gate gate = { read->relu ? x + at : NULL, part.scale, part.shift };                            \
    F_OF (slide, n)                                                                                \
    (&s, dy + at, w + at, NULL, &gate, dx + at, !first, next_line (scratch));                      \
  }
    BLOCKS (g->c, CALL)
#undef CALL
  }
}

static void
depth_dw (const LodeConvGeometry *g, const LodeReading *read, const float *x, const float *dy,
          float *dw, float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->c;
  LodeConvGeometry one = one_sample (g);
  Sweep s = sweep_forward (&one);

  for (uint32_t i = 0; i < g->n; i++, x += in, dy += out) {
    uint32_t at = 0;

    if (!rings (g)) {
      conv_dw (&one, read_sample (g, read, x, scratch), dy, dw, NULL, scratch + 2 * depth_copy (g));
      continue;
    }
#define CALL(n)                                                                                    \
  {                                                                                                \
    s.read = reading_at (read, at);                                                                \
    F_OF (spread, n) (&s, x + at, dy + at, dw + at, next_line (scratch));                          \
  }
    BLOCKS (g->c, CALL)
#undef CALL
  }
}

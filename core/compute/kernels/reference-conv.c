/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions as their definition says: every value is a sum, in float64, over the taps that reach
 * it.
 */
#include "compute/kernels/reference.h"

#include <string.h>

static bool
is_depthwise (const LodeConvGeometry *g)
{
  return g->groups > 1 && g->groups == g->c && g->groups == g->oc;
}

static size_t
pixel_in (const LodeConvGeometry *g, uint32_t n, uint32_t y, uint32_t x)
{
  return (((size_t) n * g->h + y) * g->w + x) * g->c;
}

static size_t
pixel_out (const LodeConvGeometry *g, uint32_t n, uint32_t y, uint32_t x)
{
  return (((size_t) n * g->oh + y) * g->ow + x) * g->oc;
}

/* The weight of tap (ky, kx) between output channel o and the i-th input channel of its group. */
static size_t
weight_of (const LodeConvGeometry *g, uint32_t ky, uint32_t kx, uint32_t i, uint32_t o)
{
  size_t tap = (size_t) ky * g->kernel + kx;

  return is_depthwise (g) ? tap * g->c + o : (tap * (g->c / g->groups) + i) * g->oc + o;
}

/* The row (or column) that output row o reads with tap k; false: outside. */
static bool
reads (const LodeConvGeometry *g, uint32_t o, uint32_t k, uint32_t extent, uint32_t *in)
{
  int64_t at = (int64_t) o * g->stride + (int64_t) k * g->dilation - g->pad;

  *in = (uint32_t) at;
  return at >= 0 && at < extent;
}

/* The output row that reads row `in` with tap k; false: none. */
static bool
is_read (const LodeConvGeometry *g, uint32_t in, uint32_t k, uint32_t extent, uint32_t *o)
{
  int64_t at = (int64_t) in + g->pad - (int64_t) k * g->dilation;

  *o = (uint32_t) (at / g->stride);
  return at >= 0 && at % g->stride == 0 && *o < extent;
}

size_t
lode_reference_conv_scratch (const LodeConvGeometry *g)
{
  (void) g;
  return 0;
}

/* Output channel o of one pixel. */
static double
output_of (const LodeConvGeometry *g, const float *x, const float *w, uint32_t n, uint32_t oy,
           uint32_t ox, uint32_t o)
{
  uint32_t gi = g->c / g->groups, first = o / (g->oc / g->groups) * gi, iy, ix;
  double sum = 0;

  for (uint32_t ky = 0; ky < g->kernel; ky++)
    for (uint32_t kx = 0; kx < g->kernel; kx++) {
      if (!reads (g, oy, ky, g->h, &iy) || !reads (g, ox, kx, g->w, &ix))
        continue;
      for (uint32_t i = 0; i < gi; i++)
        sum += (double) x[pixel_in (g, n, iy, ix) + first + i]
               * (double) w[weight_of (g, ky, kx, i, o)];
    }
  return sum;
}

void
lode_reference_conv (const LodeConvGeometry *g, const float *x, const float *w, const float *bias,
                     float *y, float *scratch)
{
  (void) scratch;
  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        for (uint32_t o = 0; o < g->oc; o++)
          y[pixel_out (g, n, oy, ox) + o] =
              (float) (output_of (g, x, w, n, oy, ox, o) + (bias ? (double) bias[o] : 0));
}

/* The gradient of input channel c of one pixel. */
static double
input_gradient (const LodeConvGeometry *g, const float *w, const float *dy, uint32_t n, uint32_t iy,
                uint32_t ix, uint32_t c)
{
  uint32_t gi = g->c / g->groups, go = g->oc / g->groups, first = c / gi * go, oy, ox;
  double sum = 0;

  for (uint32_t ky = 0; ky < g->kernel; ky++)
    for (uint32_t kx = 0; kx < g->kernel; kx++) {
      if (!is_read (g, iy, ky, g->oh, &oy) || !is_read (g, ix, kx, g->ow, &ox))
        continue;
      for (uint32_t o = first; o < first + go; o++)
        sum += (double) dy[pixel_out (g, n, oy, ox) + o]
               * (double) w[weight_of (g, ky, kx, c % gi, o)];
    }
  return sum;
}

void
lode_reference_conv_dx (const LodeConvGeometry *g, const float *w, const float *dy, float *dx,
                        float *scratch)
{
  (void) scratch;
  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t iy = 0; iy < g->h; iy++)
      for (uint32_t ix = 0; ix < g->w; ix++)
        for (uint32_t c = 0; c < g->c; c++)
          dx[pixel_in (g, n, iy, ix) + c] += (float) input_gradient (g, w, dy, n, iy, ix, c);
}

static double
weight_gradient (const LodeConvGeometry *g, const float *x, const float *dy, uint32_t ky,
                 uint32_t kx, uint32_t i, uint32_t o)
{
  uint32_t gi = g->c / g->groups, c = o / (g->oc / g->groups) * gi + i, iy, ix;
  double sum = 0;

  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        if (reads (g, oy, ky, g->h, &iy) && reads (g, ox, kx, g->w, &ix))
          sum +=
              (double) x[pixel_in (g, n, iy, ix) + c] * (double) dy[pixel_out (g, n, oy, ox) + o];
  return sum;
}

void
lode_reference_conv_dw (const LodeConvGeometry *g, const float *x, const float *dy, float *dw,
                        float *dbias, float *scratch)
{
  (void) scratch;
  for (uint32_t ky = 0; ky < g->kernel; ky++)
    for (uint32_t kx = 0; kx < g->kernel; kx++)
      for (uint32_t i = 0; i < g->c / g->groups; i++)
        for (uint32_t o = 0; o < g->oc; o++)
          dw[weight_of (g, ky, kx, i, o)] += (float) weight_gradient (g, x, dy, ky, kx, i, o);
  for (uint32_t o = 0; dbias && o < g->oc; o++) {
    double sum = 0;

    for (size_t r = 0; r < (size_t) g->n * g->oh * g->ow; r++)
      sum += (double) dy[r * g->oc + o];
    dbias[o] += (float) sum;
  }
}

size_t
lode_reference_depth_room (const LodeConvGeometry *g)
{
  return (size_t) g->h * g->w * g->c;
}

/* Laid out: dense. */
void
lode_reference_depth_lay (const LodeConvGeometry *g, const LodeReading *read, const float *x,
                          float *h)
{
  for (size_t i = 0; i < lode_reference_depth_room (g); i++) {
    h[i] = read->scale ? x[i] * read->scale[i % g->c] + read->shift[i % g->c] : x[i];
    if (read->relu && h[i] < 0)
      h[i] = 0;
  }
}

static LodeConvGeometry
one_sample (const LodeConvGeometry *g)
{
  LodeConvGeometry one = *g;

  one.n = 1;
  return one;
}

void
lode_reference_depth (const LodeConvGeometry *g, const float *h, const float *w, const float *bias,
                      float *y)
{
  LodeConvGeometry one = one_sample (g);

  lode_reference_conv (&one, h, w, bias, y, NULL);
}

void
lode_reference_depth_dx (const LodeConvGeometry *g, const float *gate, const float *w,
                         const float *dy, bool first, float *dx, float *dh)
{
  LodeConvGeometry one = one_sample (g);

  memset (dh, 0, lode_reference_depth_room (g) * sizeof *dh);
  lode_reference_conv_dx (&one, w, dy, dh, NULL);
  for (size_t i = 0; i < lode_reference_depth_room (g); i++)
    dx[i] = (first ? 0 : dx[i]) + (!gate || gate[i] > 0 ? dh[i] : 0);
}

void
lode_reference_depth_dw (const LodeConvGeometry *g, const float *h, const float *dy, float *dw)
{
  LodeConvGeometry one = one_sample (g);

  lode_reference_conv_dw (&one, h, dy, dw, NULL, NULL);
}

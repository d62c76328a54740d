/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Winograd's kernels are compared with: the plain convolution of the image as it is read, with
 * weights that are kept as they are.
 */
#include "compute/kernels/reference.h"

#include <string.h>

static size_t
image_floats (const LodeConvGeometry *g)
{
  return (size_t) g->n * g->h * g->w * g->c;
}

static void
read_image (const LodeConvGeometry *g, const LodeReading *read, const float *x, float *h)
{
  for (size_t i = 0; i < image_floats (g); i++) {
    float v = read->scale ? read->scale[i % g->c] * x[i] + read->shift[i % g->c] : x[i];

    h[i] = read->relu && v < 0 ? 0 : v;
  }
}

bool
lode_reference_winograd_pays (const LodeConvGeometry *g)
{
  return g->kernel == 3 && g->stride == 1 && g->dilation == 1 && g->groups == 1;
}

size_t
lode_reference_winograd_weights (const LodeConvGeometry *g)
{
  return 9 * (size_t) g->c * g->oc;
}

size_t
lode_reference_winograd_scratch (const LodeConvGeometry *g)
{
  return 2 * image_floats (g);
}

void
lode_reference_winograd_turn (const LodeConvGeometry *g, bool back, const float *w, float *u)
{
  (void) back;
  memcpy (u, w, lode_reference_winograd_weights (g) * sizeof *u);
}

void
lode_reference_winograd (const LodeConvGeometry *g, const LodeReading *read, const float *x,
                         const float *u, const float *bias, float *y, float *scratch)
{
  read_image (g, read, x, scratch);
  lode_reference_conv (g, scratch, u, bias, y, NULL);
}

void
lode_reference_winograd_dx (const LodeConvGeometry *g, const LodeReading *read, const float *x,
                            const float *u, const float *dy, bool first, float *dx, float *scratch)
{
  size_t n = image_floats (g);
  float *h = scratch, *dh = h + n;

  read_image (g, read, x, h);
  memset (dh, 0, n * sizeof *dh);
  lode_reference_conv_dx (g, u, dy, dh, NULL);
  for (size_t i = 0; i < n; i++)
    dx[i] = (first ? 0 : dx[i]) + (read->relu && !(h[i] > 0) ? 0 : dh[i]);
}

void
lode_reference_winograd_dw (const LodeConvGeometry *g, const LodeReading *read, const float *x,
                            const float *dy, float *dw, float *dbias, float *scratch)
{
  read_image (g, read, x, scratch);
  lode_reference_conv_dw (g, scratch, dy, dw, dbias, NULL);
}

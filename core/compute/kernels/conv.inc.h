/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolutions of a chunk: which form a geometry takes, and its scratch.
 *
 * Pointwise is a linear layer over pixels. Depthwise runs on planes of one block of channels,
 * everything else as dense lines from a source with zero columns. Kernels too long for an Axis run
 * in plain loops.
 */
static bool
is_pointwise (const LodeConvGeometry *g)
{
  return g->kernel == 1 && g->stride == 1 && g->pad == 0 && g->groups == 1;
}

static bool
is_depthwise (const LodeConvGeometry *g)
{
  return g->groups > 1 && g->groups == g->c && g->c == g->oc;
}

/* Floats for a zero-padded sample of either direction. */
static size_t
dense_scratch (const LodeConvGeometry *g)
{
  Sweep forward = sweep_forward (g), back = sweep_back (g);
  size_t a = plane_size (&forward) * g->c, b = plane_size (&back) * g->oc;

  return a > b ? a : b;
}

/* Dense: transposed weights, then a sample. Depthwise: a sample's planes. */
static size_t
conv_scratch (const LodeConvGeometry *g)
{
  if (is_pointwise (g) || g->kernel > LONGEST_SIDE)
    return 0;
  if (is_depthwise (g))
    return slides (g) ? depth_room (g) : 0;
  return (size_t) g->kernel * g->kernel * (g->c / g->groups) * g->oc + dense_scratch (g);
}

static void
conv (const LodeConvGeometry *g, const float *x, const float *w, const float *bias, float *y,
      float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->oc;
  Sweep s;

  if (is_pointwise (g)) {
    linear ((size_t) g->n * g->h * g->w, g->c, g->oc, x, w, bias, y);
    return;
  }
  if (g->kernel > LONGEST_SIDE) {
    lode_kernels_reference.conv (g, x, w, bias, y, scratch);
    return;
  }
  s = sweep_forward (g);
  for (uint32_t i = 0; i < g->n; i++, x += in, y += out)
    if (is_depthwise (g) && slides (g)) {
      depth_lay (g, &as_is, x, scratch);
      depth (g, scratch, w, bias, y);
    } else if (is_depthwise (g)) {
      taps_image (&s, x, w, bias, y, false);
    } else {
      dense_sweep (&s, g->c, g->oc, x, w, g->oc, g->oc / g->groups, bias, y, scratch);
    }
}

static void
conv_dx (const LodeConvGeometry *g, const float *w, const float *dy, float *dx, float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->oc;
  size_t gi = g->c / g->groups, weights = (size_t) g->kernel * g->kernel * gi * g->oc;
  Sweep s;

  if (is_pointwise (g)) {
    linear_dx ((size_t) g->n * g->h * g->w, g->c, g->oc, w, dy, false, dx);
    return;
  }
  if (g->kernel > LONGEST_SIDE) {
    lode_kernels_reference.conv_dx (g, w, dy, dx, scratch);
    return;
  }
  s = sweep_back (g);
  if (!is_depthwise (g))
    transpose_taps (g, w, scratch);
  for (uint32_t i = 0; i < g->n; i++, dx += in, dy += out)
    if (is_depthwise (g) && slides (g))
      depth_dx (g, NULL, w, dy, false, dx, scratch);
    else if (is_depthwise (g))
      taps_image (&s, dy, w, NULL, dx, true);
    else
      dense_sweep (&s, g->oc, g->c, dy, scratch, gi, g->oc / g->groups * gi, NULL, dx,
                   scratch + weights);
}

static void
conv_dw (const LodeConvGeometry *g, const float *x, const float *dy, float *dw, float *dbias,
         float *scratch)
{
  size_t in = (size_t) g->h * g->w * g->c, out = (size_t) g->oh * g->ow * g->oc;

  if (is_pointwise (g)) {
    linear_dw ((size_t) g->n * g->h * g->w, g->c, g->oc, x, dy, dw, dbias);
    return;
  }
  if (g->kernel > LONGEST_SIDE) {
    lode_kernels_reference.conv_dw (g, x, dy, dw, dbias, scratch);
    return;
  }
  if (dbias)
    add_columns ((size_t) g->n * g->oh * g->ow, g->oc, dy, dbias);
  for (uint32_t i = 0; i < g->n; i++, x += in, dy += out)
    if (!is_depthwise (g)) {
      dense_dw (g, x, dy, dw);
    } else if (slides (g)) {
      depth_lay (g, &as_is, x, scratch);
      depth_dw (g, scratch, dy, dw);
    } else {
      depth_dw (g, x, dy, dw);
    }
}

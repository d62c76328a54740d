/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kernel in plain loops, written to be obviously right. Sums run in float64. Tests compare
 * with it; LODE_ISA=reference runs on it.
 */
#include "compute/kernels/reference.h"

#include <math.h>
#include <string.h>

static void
linear (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *w, const float *bias,
        float *y)
{
  for (size_t r = 0; r < rows; r++)
    for (uint32_t o = 0; o < co; o++) {
      double sum = bias ? (double) bias[o] : 0;

      for (uint32_t i = 0; i < ci; i++)
        sum += (double) x[r * ci + i] * (double) w[(size_t) i * co + o];
      y[r * co + o] = (float) sum;
    }
}

static void
linear_dx (size_t rows, uint32_t ci, uint32_t co, const float *w, const float *dy, bool first,
           float *dx)
{
  for (size_t r = 0; r < rows; r++)
    for (uint32_t i = 0; i < ci; i++) {
      double sum = 0;

      for (uint32_t o = 0; o < co; o++)
        sum += (double) dy[r * co + o] * (double) w[(size_t) i * co + o];
      dx[r * ci + i] = (first ? 0 : dx[r * ci + i]) + (float) sum;
    }
}

static void
linear_turn (uint32_t ci, uint32_t co, bool back, const float *w, float *u)
{
  for (uint32_t i = 0; i < ci; i++)
    for (uint32_t o = 0; o < co; o++)
      u[back ? (size_t) o * ci + i : (size_t) i * co + o] = w[(size_t) i * co + o];
}

static void
linear_turned (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *u,
               const float *bias, bool first, float *y)
{
  for (size_t r = 0; r < rows; r++)
    for (uint32_t o = 0; o < co; o++) {
      double sum = first ? bias ? (double) bias[o] : 0 : (double) y[r * co + o];

      for (uint32_t i = 0; i < ci; i++)
        sum += (double) x[r * ci + i] * (double) u[(size_t) i * co + o];
      y[r * co + o] = (float) sum;
    }
}

static void
linear_dw_rows (size_t rows, uint32_t ci, uint32_t first, uint32_t n, uint32_t co, const float *x,
                const float *dy, float *dw, float *dbias)
{
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t o = 0; o < co; o++) {
      double sum = 0;

      for (size_t r = 0; r < rows; r++)
        sum += (double) x[r * ci + first + i] * (double) dy[r * co + o];
      dw[(size_t) i * co + o] += (float) sum;
    }
  for (uint32_t o = 0; dbias && o < co; o++) {
    double sum = 0;

    for (size_t r = 0; r < rows; r++)
      sum += (double) dy[r * co + o];
    dbias[o] += (float) sum;
  }
}

static void
linear_dw (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *dy, float *dw,
           float *dbias)
{
  linear_dw_rows (rows, ci, 0, ci, co, x, dy, dw, dbias);
}

/* Offset of cell (ky, kx) of a window in the input, or −1 outside the image. */
static int64_t
cell (const LodePoolGeometry *g, uint32_t n, uint32_t oy, uint32_t ox, uint32_t k)
{
  int64_t iy = (int64_t) oy * g->stride + k / g->kernel - g->pad;
  int64_t ix = (int64_t) ox * g->stride + k % g->kernel - g->pad;

  if (iy < 0 || ix < 0 || iy >= g->h || ix >= g->w)
    return -1;
  return (((int64_t) n * g->h + iy) * g->w + ix) * g->c;
}

/* The cell of the first maximum in scan order (a NaN counts as one), or −1 for an empty window. */
static int64_t
first_maximum (const LodePoolGeometry *g, uint32_t n, uint32_t oy, uint32_t ox, uint32_t c,
               const float *x)
{
  int64_t best = -1;

  for (uint32_t k = 0; k < g->kernel * g->kernel; k++) {
    int64_t at = cell (g, n, oy, ox, k);

    if (at >= 0 && (best < 0 || x[at + c] > x[best] || isnan (x[at + c])))
      best = at + c;
  }
  return best;
}

static void
max_pool (const LodePoolGeometry *g, const float *x, float *y)
{
  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        for (uint32_t c = 0; c < g->c; c++) {
          int64_t at = first_maximum (g, n, oy, ox, c, x);

          *y++ = at < 0 ? 0 : x[at];
        }
}

static void
max_pool_dx (const LodePoolGeometry *g, const float *x, const float *y, const float *dy, float *dx)
{
  (void) y;
  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        for (uint32_t c = 0; c < g->c; c++, dy++) {
          int64_t at = first_maximum (g, n, oy, ox, c, x);

          if (at >= 0)
            dx[at] += *dy;
        }
}

static uint32_t
window_cells (const LodePoolGeometry *g, uint32_t oy, uint32_t ox)
{
  uint32_t cells = 0;

  for (uint32_t k = 0; k < g->kernel * g->kernel; k++)
    cells += cell (g, 0, oy, ox, k) >= 0;
  return cells;
}

static void
avg_pool (const LodePoolGeometry *g, const float *x, float *y)
{
  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        for (uint32_t c = 0; c < g->c; c++) {
          uint32_t cells = window_cells (g, oy, ox);
          double sum = 0;

          for (uint32_t k = 0; k < g->kernel * g->kernel; k++) {
            int64_t at = cell (g, n, oy, ox, k);

            sum += at < 0 ? 0 : (double) x[at + c];
          }
          *y++ = cells ? (float) (sum / cells) : 0;
        }
}

static void
avg_pool_dx (const LodePoolGeometry *g, const float *dy, float *dx)
{
  for (uint32_t n = 0; n < g->n; n++)
    for (uint32_t oy = 0; oy < g->oh; oy++)
      for (uint32_t ox = 0; ox < g->ow; ox++)
        for (uint32_t c = 0; c < g->c; c++, dy++)
          for (uint32_t k = 0; k < g->kernel * g->kernel; k++) {
            int64_t at = cell (g, n, oy, ox, k);

            if (at >= 0)
              dx[at + c] += *dy / (float) window_cells (g, oy, ox);
          }
}

static void
global_pool (uint32_t n, size_t pixels, uint32_t c, const float *x, float *y)
{
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t l = 0; l < c; l++) {
      double sum = 0;

      for (size_t p = 0; p < pixels; p++)
        sum += (double) x[(i * pixels + p) * c + l];
      y[(size_t) i * c + l] = (float) (sum / (double) pixels);
    }
}

static void
global_pool_dx (uint32_t n, size_t pixels, uint32_t c, const float *dy, float *dx)
{
  for (uint32_t i = 0; i < n; i++)
    for (size_t p = 0; p < pixels; p++)
      for (uint32_t l = 0; l < c; l++)
        dx[(i * pixels + p) * c + l] += dy[(size_t) i * c + l] / (float) pixels;
}

static void
norm_moments (size_t rows, uint32_t c, const float *x, const float *pivot, double *moments)
{
  for (uint32_t l = 0; l < c; l++) {
    moments[l] = moments[c + l] = 0;
    for (size_t r = 0; r < rows; r++) {
      double d = (double) x[r * c + l] - (double) pivot[l];

      moments[l] += d;
      moments[c + l] += d * d;
    }
  }
}

static void
norm_apply (size_t rows, uint32_t c, const float *x, const float *scale_, const float *shift,
            float *y)
{
  for (size_t i = 0; i < rows * c; i++)
    y[i] = x[i] * scale_[i % c] + shift[i % c];
}

static void
norm_sums (size_t rows, uint32_t c, const float *x, const float *mean, const float *invstd,
           const float *dy, double *sums)
{
  for (uint32_t l = 0; l < c; l++) {
    sums[l] = sums[c + l] = 0;
    for (size_t r = 0; r < rows; r++) {
      double g = (double) dy[r * c + l];

      sums[l] += g;
      sums[c + l] += g * ((double) x[r * c + l] - (double) mean[l]) * (double) invstd[l];
    }
  }
}

static void
norm_dx (size_t rows, uint32_t c, const float *x, const float *dy, const float *ka, const float *kb,
         const float *kc, float *dx)
{
  for (size_t i = 0; i < rows * c; i++)
    dx[i] += ka[i % c] * dy[i] + kb[i % c] * x[i] + kc[i % c];
}

static void
blend (size_t rows, uint32_t c, uint32_t m, const float *const *a, const float *const *x,
       const float *shift, bool relu_, float *y)
{
  for (size_t i = 0; i < rows * c; i++) {
    double sum = (double) (shift ? shift[i % c] : y[i]);

    for (uint32_t j = 0; j < m; j++)
      sum += (double) a[j][i % c] * (double) x[j][i];
    y[i] = relu_ && sum < 0 ? 0 : (float) sum;
  }
}

static void
cross (size_t rows, uint32_t c, uint32_t m, const float *g, const float *const *a,
       const float *const *b, const float *const *x, double *sums)
{
  memset (sums, 0, ((size_t) m + 1) * c * sizeof *sums);
  for (size_t i = 0; i < rows * c; i++) {
    sums[i % c] += (double) g[i];
    for (uint32_t j = 0; j < m; j++)
      sums[((size_t) j + 1) * c + i % c] +=
          (double) g[i] * ((double) x[j][i] * (double) a[j][i % c] + (double) b[j][i % c]);
  }
}

static void
relu (size_t n, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = x[i] < 0 ? 0 : x[i];
}

static void
relu_mask (size_t n, const float *y, const float *dy, float *dx)
{
  for (size_t i = 0; i < n; i++)
    dx[i] = y[i] > 0 ? dy[i] : 0;
}

static void
relu_dx (size_t n, const float *y, const float *dy, float *dx)
{
  for (size_t i = 0; i < n; i++)
    dx[i] += y[i] > 0 ? dy[i] : 0;
}

static void
fill (size_t n, float a, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = a;
}

static void
stream (size_t n, const float *x, float *y)
{
  memcpy (y, x, n * sizeof *y);
}

static void
scale (size_t n, float a, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] = a * x[i];
}

static void
axpy (size_t n, float a, const float *x, float *y)
{
  for (size_t i = 0; i < n; i++)
    y[i] += a * x[i];
}

static void
add (size_t n, const float *x, const float *y, float *z)
{
  for (size_t i = 0; i < n; i++)
    z[i] = x[i] + y[i];
}

static double
dot (size_t n, const float *x, const float *y)
{
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += (double) x[i] * (double) y[i];
  return sum;
}

static void
combine (size_t n, uint32_t m, const float *a, const float *const *x, float *y)
{
  for (size_t i = 0; i < n; i++) {
    double sum = 0;

    for (uint32_t j = 0; j < m; j++)
      sum += (double) a[j] * (double) x[j][i];
    y[i] = (float) sum;
  }
}

static void
dots (size_t n, uint32_t m, const float *g, const float *const *x, double *d)
{
  for (uint32_t j = 0; j < m; j++)
    d[j] = dot (n, g, x[j]);
}

static size_t
ceiling (size_t rounds, float *out)
{
  float x = 0;

  for (size_t r = 0; r < rounds; r++)
    x = x * 0.999f + 0.001f;
  *out = x;
  return rounds;
}

const LodeKernels lode_kernels_reference = {
  .isa = "reference",
  .width = 1,
  .ceiling = ceiling,
  .conv_scratch = lode_reference_conv_scratch,
  .conv = lode_reference_conv,
  .conv_dx = lode_reference_conv_dx,
  .conv_dw = lode_reference_conv_dw,
  .depth_room = lode_reference_depth_room,
  .depth_lay = lode_reference_depth_lay,
  .depth = lode_reference_depth,
  .depth_dx = lode_reference_depth_dx,
  .depth_dw = lode_reference_depth_dw,
  .winograd_pays = lode_reference_winograd_pays,
  .winograd_weights = lode_reference_winograd_weights,
  .winograd_scratch = lode_reference_winograd_scratch,
  .winograd_turn = lode_reference_winograd_turn,
  .winograd = lode_reference_winograd,
  .winograd_dx = lode_reference_winograd_dx,
  .winograd_dw = lode_reference_winograd_dw,
  .linear = linear,
  .linear_turn = linear_turn,
  .linear_turned = linear_turned,
  .linear_dx = linear_dx,
  .linear_dw = linear_dw,
  .linear_dw_rows = linear_dw_rows,
  .max_pool = max_pool,
  .max_pool_dx = max_pool_dx,
  .avg_pool = avg_pool,
  .avg_pool_dx = avg_pool_dx,
  .global_pool = global_pool,
  .global_pool_dx = global_pool_dx,
  .norm_moments = norm_moments,
  .norm_apply = norm_apply,
  .norm_sums = norm_sums,
  .norm_dx = norm_dx,
  .blend = blend,
  .cross = cross,
  .relu = relu,
  .relu_mask = relu_mask,
  .relu_dx = relu_dx,
  .fill = fill,
  .stream = stream,
  .scale = scale,
  .axpy = axpy,
  .add = add,
  .dot = dot,
  .combine = combine,
  .dots = dots,
};

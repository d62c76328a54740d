/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kernels: all arithmetic on tensors that is worth a machine's vector unit.
 *
 * One source (vector.c) is compiled per ISA level, the vector width following the ISA; one table is
 * chosen at start. `lode_kernels_reference` is the same table in plain loops, what tests compare
 * with.
 *
 * Every kernel works on one chunk of samples in the calling thread, is pure, allocates nothing, and
 * sums in an order that depends on the shapes alone. Tensors are dense NHWC float32; n counts the
 * samples of the chunk.
 * "+=" in a comment: the kernel adds to its output; "=": it overwrites.
 */
#ifndef LODE_CORE_KERNELS_H
#define LODE_CORE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A convolution of a chunk. Weights: dense [k][k][c/groups][oc]; depthwise (groups = c = oc)
 * [k][k][c]. */
typedef struct LodeConvGeometry {
  uint32_t n;
  uint32_t h, w, c;    /* input */
  uint32_t oh, ow, oc; /* output */
  uint32_t kernel, stride, dilation, groups;
  int32_t
      pad; /* pixels of zeros before the first row and column; negative: starts inside the image */
} LodeConvGeometry;

/* How a convolution reads its input: relu (scale x + shift), per channel; scale and shift NULL: 1
 * and 0. */
typedef struct LodeReading {
  const float *scale, *shift; /* [c] */
  bool relu;
} LodeReading;

typedef struct LodePoolGeometry {
  uint32_t n, h, w, c, oh, ow, kernel, stride, pad;
} LodePoolGeometry;

typedef struct LodeKernels {
  const char *isa; /* "portable", "x86-64-v3", "x86-64-v4", "reference" */
  uint32_t width;  /* floats in a vector */

  /* Multiply-adds as fast as they go, to compare with; how many there were. out: [width] */
  size_t (*ceiling) (size_t rounds, float *out);

  /* Floats of scratch that conv kernels want for this geometry (0: none); `scratch` arguments hold
   * that many. */
  size_t (*conv_scratch) (const LodeConvGeometry *);

  /* y = x * w (+ bias); bias [oc] or NULL. Chooses pointwise, depthwise or direct form by geometry.
   */
  void (*conv) (const LodeConvGeometry *, const float *x, const float *w, const float *bias,
                float *y, float *scratch);
  /* dx += w^T * dy */
  void (*conv_dx) (const LodeConvGeometry *, const float *w, const float *dy, float *dx,
                   float *scratch);
  /* dw += x^T dy; dbias += sum dy, or NULL */
  void (*conv_dw) (const LodeConvGeometry *, const float *x, const float *dy, float *dw,
                   float *dbias, float *scratch);

  /*
   * Depthwise convolution of one sample (geometry.n is not read) of h = read (x), which is laid out
   * once, in `room` floats, as all that follows reads it. dw += h^T dy; dx (+)= [h > 0] w^T dy
   * (gate NULL: all of it; first: "="). bias: [c] or NULL; scratch: depth_room floats.
   */
  size_t (*depth_room) (const LodeConvGeometry *);
  void (*depth_lay) (const LodeConvGeometry *, const LodeReading *, const float *x, float *laid);
  void (*depth) (const LodeConvGeometry *, const float *laid, const float *w, const float *bias,
                 float *y);
  void (*depth_dx) (const LodeConvGeometry *, const float *gate, const float *w, const float *dy,
                    bool first, float *dx, float *scratch);
  void (*depth_dw) (const LodeConvGeometry *, const float *laid, const float *dy, float *dw);

  /*
   * Winograd's form of a dense 3×3 convolution with stride 1, of h = read (x): less arithmetic, a
   * little less exact. It takes weights that winograd_turn has turned: u, for forward, or with
   * `back` for dx; winograd_weights floats. `pays`: the geometry has this form and gains by it.
   */
  bool (*winograd_pays) (const LodeConvGeometry *);
  size_t (*winograd_weights) (const LodeConvGeometry *);
  size_t (*winograd_scratch) (const LodeConvGeometry *);
  void (*winograd_turn) (const LodeConvGeometry *, bool back, const float *w, float *u);
  /* y = h * w (+ bias) */
  void (*winograd) (const LodeConvGeometry *, const LodeReading *, const float *x, const float *u,
                    const float *bias, float *y, float *scratch);
  /* dx (+)= [h > 0] w^T dy as in depth_dx */
  void (*winograd_dx) (const LodeConvGeometry *, const LodeReading *, const float *x,
                       const float *u, const float *dy, bool first, float *dx, float *scratch);
  /* dw += h^T dy; dbias += sum dy, or NULL */
  void (*winograd_dw) (const LodeConvGeometry *, const LodeReading *, const float *x,
                       const float *dy, float *dw, float *dbias, float *scratch);

  /* y = x w (+ bias) over `rows` rows. x: [rows][ci], w: [ci][co], y: [rows][co] */
  void (*linear) (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *w,
                  const float *bias, float *y);
  /*
   * The same with weights that linear_turn has turned into u: panels as wide as a tile, ci · co
   * floats, or with `back` those of w^T, whose product with dy is dx. first: "=", else "+=".
   */
  void (*linear_turn) (uint32_t ci, uint32_t co, bool back, const float *w, float *u);
  void (*linear_turned) (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *u,
                         const float *bias, bool first, float *y);
  /* dx += dy w^T; first: "=" */
  void (*linear_dx) (size_t rows, uint32_t ci, uint32_t co, const float *w, const float *dy,
                     bool first, float *dx);
  /* dw += x^T dy; dbias += sum dy, or NULL */
  void (*linear_dw) (size_t rows, uint32_t ci, uint32_t co, const float *x, const float *dy,
                     float *dw, float *dbias);
  /* The same of n rows of w from `first` on; dw: [n][co] */
  void (*linear_dw_rows) (size_t rows, uint32_t ci, uint32_t first, uint32_t n, uint32_t co,
                          const float *x, const float *dy, float *dw, float *dbias);

  /* First maximum of the window in scan order; NaN propagates. */
  void (*max_pool) (const LodePoolGeometry *, const float *x, float *y);
  /* dx += dy at the first maximum */
  void (*max_pool_dx) (const LodePoolGeometry *, const float *x, const float *y, const float *dy,
                       float *dx);
  void (*avg_pool) (const LodePoolGeometry *, const float *x, float *y);
  void (*avg_pool_dx) (const LodePoolGeometry *, const float *dy, float *dx); /* += */
  void (*global_pool) (uint32_t n, size_t pixels, uint32_t c, const float *x, float *y);
  void (*global_pool_dx) (uint32_t n, size_t pixels, uint32_t c, const float *dy,
                          float *dx); /* += */

  /* Batch norm. moments: [2][c] sum and sum of squares of (x - pivot[c]), float64, "=". */
  void (*norm_moments) (size_t rows, uint32_t c, const float *x, const float *pivot,
                        double *moments);
  /* y = x scale + shift, per channel */
  void (*norm_apply) (size_t rows, uint32_t c, const float *x, const float *scale,
                      const float *shift, float *y);
  /* sums: [2][c] sum dy and sum dy (x - mean) invstd, float64, "=" */
  void (*norm_sums) (size_t rows, uint32_t c, const float *x, const float *mean,
                     const float *invstd, const float *dy, double *sums);
  /* dx += ka dy + kb x + kc, per channel */
  void (*norm_dx) (size_t rows, uint32_t c, const float *x, const float *dy, const float *ka,
                   const float *kb, const float *kc, float *dx);

  /* y = shift + sum_i a[i] x[i] per channel, then ReLU if asked. a: [m] -> [c], x: [m] ->
   * [rows][c], shift: [c], or NULL: "+="; y may be x[0] */
  void (*blend) (size_t rows, uint32_t c, uint32_t m, const float *const *a, const float *const *x,
                 const float *shift, bool relu, float *y);
  /* sums: [m + 1][c] sum g, then sum g (a[i] x[i] + b[i]), float64, "=". a, b: [m] -> [c] */
  void (*cross) (size_t rows, uint32_t c, uint32_t m, const float *g, const float *const *a,
                 const float *const *b, const float *const *x, double *sums);

  void (*relu) (size_t n, const float *x, float *y);
  void (*relu_mask) (size_t n, const float *y, const float *dy, float *dx); /* dx = dy [y > 0] */
  void (*relu_dx) (size_t n, const float *y, const float *dy, float *dx);   /* dx += dy [y > 0] */

  void (*fill) (size_t n, float a, float *y);
  /* y = x, past the caches: for what will not be read again soon */
  void (*stream) (size_t n, const float *x, float *y);
  void (*scale) (size_t n, float a, const float *x, float *y);      /* y = a x */
  void (*axpy) (size_t n, float a, const float *x, float *y);       /* y += a x */
  void (*add) (size_t n, const float *x, const float *y, float *z); /* z = x + y */
  double (*dot) (size_t n, const float *x, const float *y);         /* in float64 */
  /* y = sum_i a[i] x[i] over m inputs in one pass; m <= 16 */
  void (*combine) (size_t n, uint32_t m, const float *a, const float *const *x, float *y);
  /* d[i] = <g, x[i]> for m inputs in one pass, float64; m <= 16 */
  void (*dots) (size_t n, uint32_t m, const float *g, const float *const *x, double *d);
} LodeKernels;

extern const LodeKernels lode_kernels_reference;

/*
 * The table for this machine, or for LODE_ISA (portable, x86-64-v3, x86-64-v4, reference) where
 * that is set. NULL and a message in *why (static text) where LODE_ISA names a level that this
 * machine lacks or that is unknown.
 */
const LodeKernels *lode_kernels_choose (const char *isa, const char **why);

/* Table number i of all that this machine can run, reference last; NULL behind the end. */
const LodeKernels *lode_kernels_at (uint32_t i);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fast kernels, compiled once per ISA level: LODE_KERNEL_TABLE names the table,
 * LODE_KERNEL_LANES the widest vector. One idea a file: walk.inc.h     how a convolution walks an
 * image lanes.inc.h    inner loops over a block of adjacent channels, included once per lane count:
 *                  tile (products), outer (their weight gradients), slide (depthwise), rows
 * (norms), window (pools) product, conv, pool, norm, elements: the kernels, which cut channels into
 * blocks and images into lines
 */
#include "compute/kernels/kernels.h"

#include <math.h>
#include <string.h>

#define PASTE2(a, b) a##_##b
#define PASTE(a, b) PASTE2 (a, b)
#define F(name) PASTE (name, LANES)
#define F_OF(name, lanes) name##_##lanes

/* Accumulators of a product's tile: half of the vector registers, 16 below AVX-512 and 32 with it.
 */
#if LODE_KERNEL_LANES == 16
#define TILE_PIXELS 16
#else
#define TILE_PIXELS 8
#endif

#include "compute/kernels/walk.inc.h"

#include "compute/kernels/planes.inc.h"

#define LANES 1
#include "compute/kernels/lanes.inc.h"
#undef LANES
#define LANES 4
#include "compute/kernels/lanes.inc.h"
#undef LANES
#if LODE_KERNEL_LANES >= 8
#define LANES 8
#include "compute/kernels/lanes.inc.h"
#undef LANES
#endif
#if LODE_KERNEL_LANES >= 16
#define LANES 16
#include "compute/kernels/lanes.inc.h"
#undef LANES
#endif

/* Calls name_<lanes> on successive blocks of channels, widest first; `at` is the block's first
 * channel. */
#if LODE_KERNEL_LANES >= 16
#define BLOCKS_16(c, call)                                                                         \
  for (; at + 16 <= (c); at += 16)                                                                 \
    call (16);
#else
#define BLOCKS_16(c, call)
#endif
#if LODE_KERNEL_LANES >= 8
#define BLOCKS_8(c, call)                                                                          \
  for (; at + 8 <= (c); at += 8)                                                                   \
    call (8);
#else
#define BLOCKS_8(c, call)
#endif
#define BLOCKS(c, call)                                                                            \
  BLOCKS_16 (c, call)                                                                              \
  BLOCKS_8 (c, call)                                                                               \
  for (; at + 4 <= (c); at += 4)                                                                   \
    call (4);                                                                                      \
  for (; at < (c); at++)                                                                           \
    call (1);

/* Calls `call` with each lane count, widest first. */
#if LODE_KERNEL_LANES >= 16
#define RUNS(call) call (16) call (8) call (4) call (1)
#elif LODE_KERNEL_LANES >= 8
#define RUNS(call) call (8) call (4) call (1)
#else
#define RUNS(call) call (4) call (1)
#endif

#define WIDEST(name) PASTE (name, LODE_KERNEL_LANES)
#define WIDE (2 * LODE_KERNEL_LANES)

#include "compute/kernels/product.inc.h"

#include "compute/kernels/pool.inc.h"

#include "compute/kernels/norm.inc.h"

#include "compute/kernels/elements.inc.h"

#include "compute/kernels/depth.inc.h"

#include "compute/kernels/conv.inc.h"

#include "compute/kernels/winograd.inc.h"

#include "compute/kernels/ceiling.inc.h"

extern const LodeKernels LODE_KERNEL_TABLE;

const LodeKernels LODE_KERNEL_TABLE = {
  .isa = LODE_KERNEL_ISA,
  .width = LODE_KERNEL_LANES,
  .ceiling = ceiling,
  .conv_scratch = conv_scratch,
  .conv = conv,
  .conv_dx = conv_dx,
  .conv_dw = conv_dw,
  .depth_room = depth_room,
  .depth_lay = depth_lay,
  .depth = depth,
  .depth_dx = depth_dx,
  .depth_dw = depth_dw,
  .winograd_pays = winograd_pays,
  .winograd_weights = winograd_weights,
  .winograd_scratch = winograd_scratch,
  .winograd_turn = winograd_turn,
  .winograd = winograd,
  .winograd_dx = winograd_dx,
  .winograd_dw = winograd_dw,
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

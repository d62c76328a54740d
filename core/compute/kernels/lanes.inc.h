/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All inner loops over a block of LANES adjacent channels. Included by vector.c once per lane
 * count, with LANES (1, 4, 8, 16) defined; F (name) gives each function its suffix.
 *
 * Lanes are channels and every sum runs in an order fixed by the shapes, so a wider vector changes
 * nothing in the bits. Tiles keep literal sizes: an array whose size is a variable would live in
 * memory, even if the variable is a constant argument of an inlined function.
 */
#if LANES == 1
typedef float F (vec);
typedef int32_t F (mask);
#else
typedef float F (vec) __attribute__ ((vector_size (LANES * 4), aligned (4), may_alias));
typedef int32_t F (mask) __attribute__ ((vector_size (LANES * 4), aligned (4), may_alias));
#endif
#define V F (vec)
#define LOAD(p) (*(const V *) (p))
#define STORE(p, v) (*(V *) (p) = (v))

#include "compute/kernels/rows.inc.h"

#include "compute/kernels/blend.inc.h"

#include "compute/kernels/tile.inc.h"

#include "compute/kernels/outer.inc.h"

#include "compute/kernels/slide.inc.h"

#include "compute/kernels/spread.inc.h"

#include "compute/kernels/window.inc.h"

#include "compute/kernels/transform.inc.h"

#undef V
#undef LOAD
#undef STORE

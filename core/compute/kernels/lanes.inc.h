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
/* Keeps a loaded vector in a register: multiply-adds that load for themselves run at three quarters
 * of the speed. */
#if defined __x86_64__ && LANES > 1
#define HOLD(v) __asm__("" : "+x"(v))
#else
#define HOLD(v) (void) (v)
#endif

/* a > b ? a : b, lane by lane; one instruction, where compilers make two or many of the same. */
static inline V
F (larger) (V a, V b)
{
#if LANES == 1
  return a > b ? a : b;
#elif LANES == 4 && defined __SSE__
  return (V) __builtin_ia32_maxps (a, b);
#elif LANES == 8 && defined __AVX__
  return (V) __builtin_ia32_maxps256 (a, b);
#elif LANES == 16 && defined __AVX512F__
  return (V) __builtin_ia32_maxps512_mask (a, b, a, -1, 4);
#else
  F (mask) m = a > b;

  return (V) ((m & (F (mask)) a) | (~m & (F (mask)) b));
#endif
}

static inline V
F (splat) (float s)
{
#if LANES == 1
  return s;
#elif LANES == 4
  return (V){ s, s, s, s };
#elif LANES == 8
  return (V){ s, s, s, s, s, s, s, s };
#else
  return (V){ s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s };
#endif
}

/* x < 0 ? 0 : x */
static inline V
F (rectify) (V x)
{
  return F (larger) ((V){ 0 }, x);
}

#include "compute/kernels/rows.inc.h"

#include "compute/kernels/blend.inc.h"

#include "compute/kernels/tile.inc.h"

#include "compute/kernels/outer.inc.h"

#include "compute/kernels/lay.inc.h"

#include "compute/kernels/slide.inc.h"

#include "compute/kernels/spread.inc.h"

#include "compute/kernels/window.inc.h"

#include "compute/kernels/transform.inc.h"

#undef V
#undef LOAD
#undef STORE
#undef HOLD

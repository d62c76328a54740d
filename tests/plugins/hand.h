/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Networks evaluated by plain loops in double, from the weights that a net has under given names:
 * what the engine's answer to a recorded network is compared with.
 */
#ifndef TEST_HAND_H
#define TEST_HAND_H

#include "../compute/fixture.h"
#include <math.h>

typedef struct Map {
  uint32_t n, h, w, c;
  double *at; /* [n][h][w][c] */
} Map;

typedef struct Hand {
  Net *net;
  GPtrArray *owner; /* of all values */
} Hand;

static inline Hand
hand_new (Net *net)
{
  return (Hand){ net, g_ptr_array_new_with_free_func (g_free) };
}

static inline size_t
map_size (const Map *x)
{
  return (size_t) x->n * x->h * x->w * x->c;
}

static inline Map
hand_map (Hand *hand, uint32_t n, uint32_t h, uint32_t w, uint32_t c)
{
  Map map = { n, h, w, c, g_new0 (double, (size_t) n *h *w *c) };

  g_ptr_array_add (hand->owner, map.at);
  return map;
}

static inline Map
hand_image (Hand *hand)
{
  Map map =
      hand_map (hand, hand->net->batch, hand->net->shape.h, hand->net->shape.w, hand->net->shape.c);

  for (size_t i = 0; i < map_size (&map); i++)
    map.at[i] = hand->net->image[i];
  return map;
}

static inline double *
map_at (const Map *x, uint32_t n, uint32_t h, uint32_t w)
{
  return x->at + (((size_t) n * x->h + h) * x->w + w) * x->c;
}

/* The values of a weight, NULL where there is none. size: what it must have */
static inline const float *
hand_weight (const Hand *hand, const char *name, const char *suffix, size_t size)
{
  g_autofree char *full = g_strconcat (name, suffix, NULL);
  int32_t slot = lode_layout_find (hand->net->weights, full);

  if (slot < 0)
    return NULL;
  g_assert_cmpuint (lode_slot_size (lode_layout_slot (hand->net->weights, (uint32_t) slot)), ==,
                    size);
  return ((LodeParamSet *) hand->net->w)->at[slot];
}

/* Adds what the pixel (h, w) of x contributes through one tap. weight: [ci][co] */
static inline void
hand_tap (const double *x, uint32_t ci, const float *weight, double *y, uint32_t co)
{
  for (uint32_t i = 0; i < ci; i++)
    for (uint32_t o = 0; o < co; o++)
      y[o] += x[i] * weight[i * co + o];
}

/* Pad (kernel − 1) / 2. The bias is used if the net has one. */
static inline Map
hand_conv (Hand *hand, const char *name, Map x, uint32_t co, uint32_t kernel, uint32_t stride)
{
  uint32_t pad = (kernel - 1) / 2;
  Map y = hand_map (hand, x.n, (x.h - 1) / stride + 1, (x.w - 1) / stride + 1, co);
  const float *weight = hand_weight (hand, name, ".weight", (size_t) kernel * kernel * x.c * co);
  const float *bias = hand_weight (hand, name, ".bias", co);

  if (!weight)
    g_error ("there is no weight %s", name);
  for (uint32_t i = 0; i < y.n * y.h * y.w; i++) {
    uint32_t n = i / (y.h * y.w), h = i / y.w % y.h, w = i % y.w;
    double *out = map_at (&y, n, h, w);

    for (uint32_t o = 0; bias && o < co; o++)
      out[o] = bias[o];
    for (uint32_t tap = 0; tap < kernel * kernel; tap++) {
      uint32_t r = h * stride + tap / kernel - pad, s = w * stride + tap % kernel - pad;

      if (r < x.h && s < x.w) /* −1 is large */
        hand_tap (map_at (&x, n, r, s), x.c, weight + (size_t) tap * x.c * co, out, co);
    }
  }
  return y;
}

/* With the statistics of the batch; the net must have a scale exactly where it is asked for. */
static inline Map
hand_norm (Hand *hand, const char *name, Map x, bool affine)
{
  const float *scale = hand_weight (hand, name, ".weight", x.c);
  const float *offset = hand_weight (hand, name, ".bias", x.c);
  size_t rows = map_size (&x) / x.c;
  Map y = hand_map (hand, x.n, x.h, x.w, x.c);

  if (affine != !!scale || affine != !!offset)
    g_error ("%s should %sbe affine", name, affine ? "" : "not ");
  for (uint32_t c = 0; c < x.c; c++) {
    double mean = 0, square = 0;

    for (size_t i = 0; i < rows; i++)
      mean += x.at[i * x.c + c] / (double) rows;
    for (size_t i = 0; i < rows; i++)
      square += (x.at[i * x.c + c] - mean) * (x.at[i * x.c + c] - mean) / (double) rows;
    for (size_t i = 0; i < rows; i++) {
      double value = (x.at[i * x.c + c] - mean) / sqrt (square + 1e-5);

      y.at[i * x.c + c] = affine ? value * scale[c] + offset[c] : value;
    }
  }
  return y;
}

static inline Map
hand_relu (Hand *hand, Map x)
{
  Map y = hand_map (hand, x.n, x.h, x.w, x.c);

  for (size_t i = 0; i < map_size (&x); i++)
    y.at[i] = MAX (x.at[i], 0);
  return y;
}

/* The mean or the largest of the window's pixels that lie inside the image. */
static inline Map
hand_pool (Hand *hand, Map x, uint32_t kernel, uint32_t stride, uint32_t pad, bool largest)
{
  Map y = hand_map (hand, x.n, (x.h + 2 * pad - kernel) / stride + 1,
                    (x.w + 2 * pad - kernel) / stride + 1, x.c);

  for (size_t i = 0; i < map_size (&y); i++) {
    uint32_t c = (uint32_t) (i % y.c), w = (uint32_t) (i / y.c % y.w);
    uint32_t h = (uint32_t) (i / y.c / y.w % y.h), n = (uint32_t) (i / y.c / y.w / y.h);
    double sum = 0, most = -INFINITY, count = 0;

    for (uint32_t tap = 0; tap < kernel * kernel; tap++) {
      uint32_t r = h * stride + tap / kernel - pad, s = w * stride + tap % kernel - pad;

      if (r < x.h && s < x.w) {
        sum += map_at (&x, n, r, s)[c];
        most = MAX (most, map_at (&x, n, r, s)[c]);
        count++;
      }
    }
    y.at[i] = largest ? most : sum / count;
  }
  return y;
}

/* y += factor · x */
static inline void
hand_add (Map *y, double factor, Map x)
{
  g_assert_cmpuint (map_size (y), ==, map_size (&x));
  g_assert_cmpuint (y->h, ==, x.h);
  for (size_t i = 0; i < map_size (y); i++)
    y->at[i] += factor * x.at[i];
}

static inline Map
hand_mean (Hand *hand, Map x)
{
  Map y = hand_map (hand, x.n, 1, 1, x.c);

  for (size_t i = 0; i < map_size (&x); i++)
    y.at[i / x.c / x.h / x.w * x.c + i % x.c] += x.at[i] / (x.h * x.w);
  return y;
}

/* Compares the net's first output, and frees what was computed by hand. */
static inline void
hand_compare (Hand *hand, Map y, double tolerance)
{
  LodeProgram *program = net_program (hand->net, 0);
  const float *found;
  uint32_t width;

  lode_program_forward (program, &hand->net->bind);
  found = lode_program_output (program, 0, &width);
  g_assert_cmpuint (y.n * width, ==, map_size (&y));
  for (size_t i = 0; i < map_size (&y); i++)
    if (!(fabs (found[i] - y.at[i]) <= tolerance * MAX (1, fabs (y.at[i]))))
      g_error ("feature %zu: %g, by hand %g", i % width, (double) found[i], y.at[i]);
  g_ptr_array_unref (hand->owner);
}

/* Moves every weight of a norm away from 1 and 0, where a mistake would not be seen. */
static inline void
hand_shake_norms (Net *net)
{
  LodeParamSet *set = (LodeParamSet *) net->w;
  LodeRng rng = { .key = 31 };

  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (net->weights, i);

    if (strstr (slot->name, "norm"))
      for (size_t j = 0; j < lode_slot_size (slot); j++)
        set->at[i][j] += 0.3f * (float) lode_rng_normal (&rng);
  }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A backbone that brings an operation, the sine of each value; who includes this writes its forward
 * and backward, one of them wrong.
 */
#ifndef CHECK_BAD_BACKBONE_H
#define CHECK_BAD_BACKBONE_H

#include "bad.h"

struct LodeBackbone {
  int unused;
};

static bool
sine_shape (const void *conf, uint32_t n, const LodeShape *in, LodeShape *out, uint32_t *weights)
{
  (void) conf;
  *out = *in;
  *weights = 0;
  return n == 1;
}

static size_t
size_of (const LodeOpChunk *chunk)
{
  return (size_t) chunk->n * chunk->shape.h * chunk->shape.w * chunk->shape.c;
}

static void sine_forward (const void *conf, const LodeOpChunk *chunk);
static void sine_backward (const void *conf, const LodeOpChunk *chunk);

static const LodeOp sine = { .size = sizeof (LodeOp),
                             .name = "sine",
                             .shape = sine_shape,
                             .forward = sine_forward,
                             .backward = sine_backward };

static LodeBackbone *
sine_create (const LodeHost *host, const void *conf, const LodeShape *input, GError **error)
{
  (void) host;
  (void) conf;
  (void) input;
  (void) error;
  return g_new0 (LodeBackbone, 1);
}

static void
sine_destroy (LodeBackbone *backbone)
{
  g_free (backbone);
}

static const LodeSpace *
sine_space (const LodeBackbone *backbone)
{
  static const LodeSpace none = { .size = sizeof none, .stride = sizeof (LodeDecision) };

  (void) backbone;
  return &none;
}

static bool
sine_build (const LodeBackbone *backbone, LodeGraph *graph, LodeBuild *build, GError **error)
{
  LodeValue x = lode_linear (graph, "first", build->image, 12, true);

  (void) backbone;
  (void) error;
  build->features = lode_op (graph, &sine, NULL, 1, &x, NULL);
  return true;
}

static const LodeBackboneOps ops = {
  .size = sizeof (LodeBackboneOps),
  .can = LODE_SHARE,
  .create = sine_create,
  .destroy = sine_destroy,
  .space = sine_space,
  .build = sine_build,
};

#endif

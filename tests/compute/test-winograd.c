/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd's form of convolutions, of every table that this machine can run, against the plain
 * convolution, whose sums run in float64: odd sizes, cut-off tiles, reading, gating, guards. Says
 * how exact it is.
 */
#include "buffer.h"
#include "compute/kernels/kernels.h"

/* One geometry with its tensors. */
typedef struct Case {
  LodeConvGeometry g;
  LodeReading read;
  Buffer x, w, bias, dy, scale, shift, scratch, u;
  Buffer y, y2, dx, dx2, dw, dw2, db, db2;
} Case;

static LodeConvGeometry
geometry (uint32_t n, uint32_t h, uint32_t w, uint32_t c, uint32_t oc, int32_t pad)
{
  return (LodeConvGeometry){
    n, h, w, c, h + 2 * (uint32_t) pad - 2, w + 2 * (uint32_t) pad - 2, oc, 3, 1, 1, 1, pad
  };
}

static Case
case_new (const LodeKernels *kernels, const LodeConvGeometry *g)
{
  size_t nx = (size_t) g->n * g->h * g->w * g->c, ny = (size_t) g->n * g->oh * g->ow * g->oc;
  size_t nw = 9 * (size_t) g->c * g->oc;
  Case t = { .g = *g };

  t.x = buffer (nx);
  t.w = buffer (nw);
  t.bias = buffer (g->oc);
  t.dy = buffer (ny);
  t.scale = buffer (g->c);
  t.shift = buffer (g->c);
  t.scratch = buffer (MAX (kernels->winograd_scratch (g), 2 * nx));
  t.u = buffer (MAX (kernels->winograd_weights (g), nw));
  t.y = buffer (ny);
  t.y2 = buffer (ny);
  t.dx = buffer (nx);
  t.dx2 = twin (&t.dx);
  t.dw = buffer (nw);
  t.dw2 = twin (&t.dw);
  t.db = buffer (g->oc);
  t.db2 = twin (&t.db);
  return t;
}

static void
case_clear (Case *t)
{
  for (size_t i = 0; i < GUARD; i++) {
    g_assert_true (t->scratch.at[t->scratch.n + i] == guard_value);
    g_assert_true (t->u.at[t->u.n + i] == guard_value);
  }
  for (Buffer *b = (Buffer *[]){ &t->x }[0]; b <= &t->u; b++)
    g_free (b->all);
}

static void
run (const LodeKernels *k, Case *t, bool first, bool bias, Buffer *y, Buffer *dx, Buffer *dw,
     Buffer *db)
{
  const LodeConvGeometry *g = &t->g;

  k->winograd_turn (g, false, t->w.at, t->u.at);
  k->winograd (g, &t->read, t->x.at, t->u.at, bias ? t->bias.at : NULL, y->at, t->scratch.at);
  k->winograd_turn (g, true, t->w.at, t->u.at);
  k->winograd_dx (g, &t->read, t->x.at, t->u.at, t->dy.at, first, dx->at, t->scratch.at);
  k->winograd_dw (g, &t->read, t->x.at, t->dy.at, dw->at, bias ? db->at : NULL, t->scratch.at);
}

/* Errors of y, dx, dw. */
static void
compare (const LodeKernels *kernels, const LodeConvGeometry *g, bool affine, bool relu, bool first,
         bool bias, double *error)
{
  Case t = case_new (kernels, g);
  double sums;

  t.read = (LodeReading){ affine ? t.scale.at : NULL, affine ? t.shift.at : NULL, relu };
  run (kernels, &t, first, bias, &t.y, &t.dx, &t.dw, &t.db);
  run (&lode_kernels_reference, &t, first, bias, &t.y2, &t.dx2, &t.dw2, &t.db2);
  error[0] = error_of (&t.y, &t.y2);
  error[1] = error_of (&t.dx, &t.dx2);
  error[2] = error_of (&t.dw, &t.dw2);
  sums = error_of (&t.db, &t.db2);
  g_assert_cmpfloat (sums, <, 1e-4);
  case_clear (&t);
}

static void
check (const LodeKernels *kernels, const LodeConvGeometry *g)
{
  uint32_t flags = lode_rng_below (&rng, 16);
  double error[3];

  compare (kernels, g, flags & 1, flags & 2, flags & 4, flags & 8, error);
  for (int i = 0; i < 3; i++)
    if (error[i] > 3e-5)
      g_error ("%s %u×%u×%u×%u → %u, pad %d: %s is off by %g", kernels->isa, g->n, g->h, g->w, g->c,
               g->oc, g->pad, (const char *[]){ "y", "dx", "dw" }[i], error[i]);
}

/* Every width of lanes and their rests, every cut of tiles, images smaller than a tile. */
static void
test_shapes (const void *data)
{
  static const uint32_t channels[] = { 1, 3, 8, 13, 16, 20, 31, 48, 130 };
  const LodeKernels *kernels = data;

  for (uint32_t h = 1; h <= 9; h++)
    for (uint32_t w = 1; w <= 9; w++) {
      LodeConvGeometry g = geometry (1 + lode_rng_below (&rng, 3), h, w,
                                     channels[lode_rng_below (&rng, G_N_ELEMENTS (channels))],
                                     channels[lode_rng_below (&rng, G_N_ELEMENTS (channels))], 1);

      check (kernels, &g);
    }
  for (int i = 0; i < 60; i++) {
    LodeConvGeometry g = geometry (1 + lode_rng_below (&rng, 9), 3 + lode_rng_below (&rng, 14),
                                   3 + lode_rng_below (&rng, 30),
                                   channels[lode_rng_below (&rng, G_N_ELEMENTS (channels))],
                                   channels[lode_rng_below (&rng, G_N_ELEMENTS (channels))],
                                   (int32_t) lode_rng_below (&rng, 3));

    check (kernels, &g);
  }
}

/* The shapes that networks have, and the widest: the figures of docs/performance.md. */
static void
test_error (const void *data)
{
  static const uint32_t shapes[][3] = { { 16, 32, 8 }, { 32, 16, 8 }, { 64, 8, 8 }, { 32, 14, 4 },
                                        { 128, 8, 4 }, { 256, 8, 2 }, { 512, 4, 2 } };
  const LodeKernels *kernels = data;

  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    LodeConvGeometry g =
        geometry (shapes[i][2], shapes[i][1], shapes[i][1], shapes[i][0], shapes[i][0], 1);
    double error[3];

    compare (kernels, &g, true, true, true, false, error);
    g_test_message ("%u channels, %u × %u: forward %.1e, input gradient %.1e, weight gradient %.1e",
                    g.c, g.h, g.w, error[0], error[1], error[2]);
    for (int j = 0; j < 3; j++)
      g_assert_cmpfloat (error[j], <, 2e-5);
  }
}

static void
test_pays (void)
{
  const LodeKernels *kernels = lode_kernels_at (0);
  LodeConvGeometry g = geometry (8, 32, 32, 16, 16, 1), stem = geometry (8, 32, 32, 3, 16, 1),
                   tiny = geometry (8, 2, 2, 64, 64, 1), strided = g, wide = g;

  strided.stride = 2;
  wide.kernel = 5;
  g_assert_true (kernels->winograd_pays (&g));
  g_assert_false (kernels->winograd_pays (&stem));
  g_assert_false (kernels->winograd_pays (&tiny));
  g_assert_false (kernels->winograd_pays (&strided));
  g_assert_false (kernels->winograd_pays (&wide));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (uint32_t i = 0; lode_kernels_at (i) && lode_kernels_at (i) != &lode_kernels_reference; i++) {
    g_autofree char *shapes = g_strdup_printf ("/winograd/%s/shapes", lode_kernels_at (i)->isa);
    g_autofree char *error = g_strdup_printf ("/winograd/%s/error", lode_kernels_at (i)->isa);

    g_test_add_data_func (shapes, lode_kernels_at (i), test_shapes);
    g_test_add_data_func (error, lode_kernels_at (i), test_error);
  }
  g_test_add_func ("/winograd/pays", test_pays);
  return g_test_run ();
}

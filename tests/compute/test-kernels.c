/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every kernel of every table that this machine can run, against the plain reference, over shapes
 * that break things. Outputs are surrounded by guards that no kernel may touch.
 */
#include "buffer.h"
#include "compute/kernels/kernels.h"

/* got and expected agree relative to the largest expected value; guards are whole. Frees both. */
static void
check (const char *what, Buffer *got, Buffer *expected, double tolerance)
{
  double error = error_of (got, expected);

  if (error > tolerance)
    g_error ("%s: error %g of the largest value", what, error);
}

static uint32_t
pick (const uint32_t *of, uint32_t n)
{
  return of[lode_rng_below (&rng, n)];
}

static LodeConvGeometry
random_conv (void)
{
  static const uint32_t channels[] = { 1, 3, 5, 8, 16, 17, 24, 48, 64, 130 };
  static const uint32_t kernels[] = { 1, 1, 2, 3, 3, 5, 7 };
  LodeConvGeometry g = { .n = 1 + lode_rng_below (&rng, 3),
                         .h = 1 + lode_rng_below (&rng, 12),
                         .w = 1 + lode_rng_below (&rng, 21),
                         .c = pick (channels, G_N_ELEMENTS (channels)),
                         .oc = pick (channels, G_N_ELEMENTS (channels)),
                         .kernel = pick (kernels, G_N_ELEMENTS (kernels)),
                         .stride = 1 + lode_rng_below (&rng, 2),
                         .dilation = 1 + lode_rng_below (&rng, 2),
                         .groups = 1 };
  int32_t reach = (int32_t) (g.dilation * (g.kernel - 1));
  uint32_t form = lode_rng_below (&rng, 4);

  if (form == 1)
    g.groups = g.oc = g.c;
  if (form == 2 && g.c % 2 == 0 && g.oc % 2 == 0)
    g.groups = 2;
  g.pad = form == 3 ? (int32_t) lode_rng_below (&rng, 3) - 1 : reach / 2;
  g.oh = (uint32_t) (MAX ((int32_t) g.h + 2 * g.pad - reach - 1, 0)) / g.stride + 1;
  g.ow = (uint32_t) (MAX ((int32_t) g.w + 2 * g.pad - reach - 1, 0)) / g.stride + 1;
  return g;
}

/* What chance may leave out: long rows, offsets, rings that wrap, kernels beyond the tiles. */
static const LodeConvGeometry chosen[] = {
  { 1, 1, 1, 16, 1, 1, 16, 3, 1, 1, 1, 1 },     { 2, 1, 1, 24, 1, 1, 24, 5, 1, 2, 24, 4 },
  { 2, 8, 8, 16, 4, 4, 8, 1, 2, 1, 1, -1 },     { 1, 7, 9, 10, 4, 5, 24, 1, 2, 1, 1, -1 },
  { 2, 9, 33, 16, 9, 33, 16, 3, 1, 1, 16, 1 },  { 1, 20, 35, 48, 20, 35, 48, 5, 1, 2, 48, 4 },
  { 1, 12, 31, 24, 6, 16, 24, 5, 2, 1, 24, 2 }, { 2, 6, 34, 17, 6, 34, 33, 3, 1, 1, 1, 1 },
  { 1, 11, 13, 32, 6, 7, 64, 3, 2, 1, 2, 1 },   { 1, 9, 9, 12, 3, 3, 12, 3, 3, 1, 12, 0 },
  { 1, 18, 19, 3, 4, 5, 5, 16, 1, 1, 1, 0 },    { 1, 18, 19, 4, 2, 3, 4, 17, 1, 1, 1, 0 },
  { 1, 18, 19, 4, 2, 3, 4, 17, 1, 1, 4, 0 },    { 1, 5, 5, 8, 3, 3, 8, 3, 1, 1, 8, 0 },
  { 1, 6, 6, 8, 6, 6, 8, 3, 1, 1, 8, -2 },      { 1, 3, 2, 8, 7, 6, 8, 3, 1, 2, 8, 4 },
  { 1, 5, 6, 8, 3, 3, 16, 3, 2, 3, 1, 3 },      { 1, 9, 8, 40, 3, 3, 40, 3, 3, 2, 40, 2 },
};

static void
check_conv (const LodeKernels *kernels, LodeConvGeometry g)
{
  const LodeKernels *reference = &lode_kernels_reference;
  size_t nx = (size_t) g.n * g.h * g.w * g.c, ny = (size_t) g.n * g.oh * g.ow * g.oc;
  size_t nw = (size_t) g.kernel * g.kernel * (g.c / g.groups) * g.oc;
  g_autofree char *what = g_strdup_printf (
      "%s conv %u×%u×%u×%u → %u, kernel %u stride %u dilation %u groups %u pad %d", kernels->isa,
      g.n, g.h, g.w, g.c, g.oc, g.kernel, g.stride, g.dilation, g.groups, g.pad);
  Buffer x = buffer (nx), w = buffer (nw), bias = buffer (g.oc), dy = buffer (ny);
  Buffer y = buffer (ny), y2 = buffer (ny), dx = buffer (nx), dx2 = twin (&dx), dw = buffer (nw),
         dw2 = twin (&dw);
  Buffer db = buffer (g.oc), db2 = twin (&db), scratch = buffer (kernels->conv_scratch (&g)),
         s2 = twin (&scratch);

  kernels->conv (&g, x.at, w.at, bias.at, y.at, scratch.at);
  reference->conv (&g, x.at, w.at, bias.at, y2.at, NULL);
  check (what, &y, &y2, 1e-5);
  kernels->conv_dx (&g, w.at, dy.at, dx.at, scratch.at);
  reference->conv_dx (&g, w.at, dy.at, dx2.at, NULL);
  check (what, &dx, &dx2, 1e-5);
  kernels->conv_dw (&g, x.at, dy.at, dw.at, db.at, scratch.at);
  reference->conv_dw (&g, x.at, dy.at, dw2.at, db2.at, NULL);
  check (what, &dw, &dw2, 2e-5);
  check (what, &db, &db2, 1e-4);
  check (what, &scratch, &s2, 1e9);
  g_free (x.all);
  g_free (w.all);
  g_free (bias.all);
  g_free (dy.all);
}

static void
check_pool (const LodeKernels *kernels)
{
  const LodeKernels *reference = &lode_kernels_reference;
  LodePoolGeometry g = { .n = 2,
                         .h = 1 + lode_rng_below (&rng, 9),
                         .w = 1 + lode_rng_below (&rng, 9),
                         .c = 1 + lode_rng_below (&rng, 70),
                         .kernel = 2 + lode_rng_below (&rng, 2),
                         .stride = 1 + lode_rng_below (&rng, 2) };

  g.pad = (g.kernel - 1) / 2;
  g.oh = (MAX (g.h + 2 * g.pad, g.kernel) - g.kernel) / g.stride + 1;
  g.ow = (MAX (g.w + 2 * g.pad, g.kernel) - g.kernel) / g.stride + 1;

  size_t nx = (size_t) g.n * g.h * g.w * g.c, ny = (size_t) g.n * g.oh * g.ow * g.c;
  Buffer x = buffer (nx), dy = buffer (ny), y = buffer (ny), y2 = buffer (ny), dx = buffer (nx),
         dx2 = twin (&dx);
  Buffer a = buffer (ny), a2 = buffer (ny), da = buffer (nx), da2 = twin (&da);

  /* ties: flat areas must give to their first pixel only */
  for (size_t i = 0; i < nx; i++)
    x.at[i] = (float) (lode_rng_below (&rng, 3));
  kernels->max_pool (&g, x.at, y.at);
  reference->max_pool (&g, x.at, y2.at);
  kernels->max_pool_dx (&g, x.at, y.at, dy.at, dx.at);
  reference->max_pool_dx (&g, x.at, y2.at, dy.at, dx2.at);
  check ("max_pool", &y, &y2, 0);
  check ("max_pool_dx", &dx, &dx2, 1e-6);
  kernels->avg_pool (&g, x.at, a.at);
  reference->avg_pool (&g, x.at, a2.at);
  check ("avg_pool", &a, &a2, 1e-6);
  kernels->avg_pool_dx (&g, dy.at, da.at);
  reference->avg_pool_dx (&g, dy.at, da2.at);
  check ("avg_pool_dx", &da, &da2, 1e-6);
  g_free (x.all);
  g_free (dy.all);
}

static void
check_global (const LodeKernels *kernels)
{
  const LodeKernels *reference = &lode_kernels_reference;
  uint32_t n = 1 + lode_rng_below (&rng, 3), c = 1 + lode_rng_below (&rng, 70);
  size_t pixels = 1 + lode_rng_below (&rng, 60);
  Buffer x = buffer (n * pixels * c), y = buffer (n * c), y2 = buffer (n * c);
  Buffer dx = buffer (n * pixels * c), dx2 = twin (&dx);

  kernels->global_pool_dx (n, pixels, c, y.at, dx.at);
  reference->global_pool_dx (n, pixels, c, y.at, dx2.at);
  check ("global_pool_dx", &dx, &dx2, 1e-6);
  kernels->global_pool (n, pixels, c, x.at, y.at);
  reference->global_pool (n, pixels, c, x.at, y2.at);
  check ("global_pool", &y, &y2, 1e-6);
  g_free (x.all);
}

/* A NaN anywhere in a window comes out, wherever it stands; other windows stay clean. */
static void
check_nan (const LodeKernels *kernels)
{
  enum { SIDE = 5, C = 21 };
  LodePoolGeometry g = { 1, SIDE, SIDE, C, SIDE, SIDE, 3, 1, 1 };

  for (uint32_t at = 0; at < SIDE * SIDE; at++) {
    Buffer x = buffer (SIDE * SIDE * C), y = buffer (SIDE * SIDE * C), z = buffer (SIDE * SIDE * C);
    uint32_t channel = at % C;

    x.at[at * C + channel] = NAN;
    kernels->max_pool (&g, x.at, y.at);
    kernels->relu (x.n, x.at, z.at);
    for (uint32_t i = 0; i < SIDE * SIDE; i++)
      for (uint32_t c = 0; c < C; c++) {
        bool near = abs ((int) (i / SIDE) - (int) (at / SIDE)) < 2
                    && abs ((int) (i % SIDE) - (int) (at % SIDE)) < 2;

        g_assert_true (!!isnan (y.at[i * C + c]) == (near && c == channel));
        g_assert_true (!!isnan (z.at[i * C + c]) == (i == at && c == channel));
      }
    g_free (x.all);
    g_free (y.all);
    g_free (z.all);
  }
}

/* Some rows of a weight's gradient. */
static void
check_linear_rows (const LodeKernels *kernels, size_t rows, uint32_t ci, uint32_t co,
                   const Buffer *x, const Buffer *dy)
{
  uint32_t first = lode_rng_below (&rng, ci), n = 1 + lode_rng_below (&rng, ci - first);
  Buffer dw = buffer ((size_t) n * co), dw2 = twin (&dw);

  kernels->linear_dw_rows (rows, ci, first, n, co, x->at, dy->at, dw.at, NULL);
  lode_kernels_reference.linear_dw_rows (rows, ci, first, n, co, x->at, dy->at, dw2.at, NULL);
  check ("linear_dw_rows", &dw, &dw2, 2e-5);
}

/* Both directions with weights that have been turned. */
static void
check_linear_turned (const LodeKernels *kernels, size_t rows, uint32_t ci, uint32_t co,
                     const Buffer *x, const Buffer *w, const Buffer *dy)
{
  bool first = lode_rng_below (&rng, 2);
  Buffer y = buffer (rows * co), y2 = twin (&y), dx = buffer (rows * ci), dx2 = twin (&dx);
  Buffer u = buffer ((size_t) ci * co), bias = buffer (co);

  kernels->linear_turn (ci, co, false, w->at, u.at);
  kernels->linear_turned (rows, ci, co, x->at, u.at, first ? bias.at : NULL, true, y.at);
  lode_kernels_reference.linear (rows, ci, co, x->at, w->at, first ? bias.at : NULL, y2.at);
  check ("linear_turned", &y, &y2, 1e-5);
  kernels->linear_turn (ci, co, true, w->at, u.at);
  kernels->linear_turned (rows, co, ci, dy->at, u.at, NULL, first, dx.at);
  lode_kernels_reference.linear_dx (rows, ci, co, w->at, dy->at, first, dx2.at);
  check ("linear_turned back", &dx, &dx2, 1e-5);
  g_free (u.all);
  g_free (bias.all);
}

static void
check_linear (const LodeKernels *kernels)
{
  static const uint32_t widths[] = { 1, 3, 5, 8, 10, 16, 17, 24, 48, 64, 100, 130, 160, 300 };
  const LodeKernels *reference = &lode_kernels_reference;
  bool first = lode_rng_below (&rng, 2);
  uint32_t ci = pick (widths, G_N_ELEMENTS (widths)), co = pick (widths, G_N_ELEMENTS (widths));
  size_t rows = 1 + lode_rng_below (&rng, 300);
  Buffer x = buffer (rows * ci), w = buffer ((size_t) ci * co), dy = buffer (rows * co),
         bias = buffer (co);
  Buffer y = buffer (rows * co), y2 = buffer (rows * co), dx = buffer (rows * ci), dx2 = twin (&dx);
  Buffer dw = buffer ((size_t) ci * co), dw2 = twin (&dw), db = buffer (co), db2 = twin (&db);
  g_autofree char *what = g_strdup_printf ("%s linear %zu × %u → %u", kernels->isa, rows, ci, co);
  const float *b = rows % 2 ? bias.at : NULL;

  kernels->linear (rows, ci, co, x.at, w.at, b, y.at);
  reference->linear (rows, ci, co, x.at, w.at, b, y2.at);
  check (what, &y, &y2, 1e-5);
  kernels->linear_dx (rows, ci, co, w.at, dy.at, first, dx.at);
  reference->linear_dx (rows, ci, co, w.at, dy.at, first, dx2.at);
  check (what, &dx, &dx2, 1e-5);
  kernels->linear_dw (rows, ci, co, x.at, dy.at, dw.at, db.at);
  reference->linear_dw (rows, ci, co, x.at, dy.at, dw2.at, db2.at);
  check (what, &dw, &dw2, 2e-5);
  check (what, &db, &db2, 2e-5);
  check_linear_rows (kernels, rows, ci, co, &x, &dy);
  check_linear_turned (kernels, rows, ci, co, &x, &w, &dy);
  g_free (x.all);
  g_free (w.all);
  g_free (dy.all);
  g_free (bias.all);
}

/* A depthwise convolution of one sample that is laid out through scale, shift and ReLU. */
static void
check_depth (const LodeKernels *kernels, LodeConvGeometry g)
{
  const LodeKernels *reference = &lode_kernels_reference;
  size_t nx = (size_t) g.h * g.w * g.c, ny = (size_t) g.oh * g.ow * g.c;
  size_t nw = (size_t) g.kernel * g.kernel * g.c;
  Buffer x = buffer (nx), w = buffer (nw), dy = buffer (ny), a = buffer (g.c), b = buffer (g.c);
  Buffer y = buffer (ny), y2 = buffer (ny), dx = buffer (nx), dx2 = twin (&dx), dw = buffer (nw),
         dw2 = twin (&dw), laid, scratch, laid2, scratch2;
  bool affine = lode_rng_below (&rng, 2), first = lode_rng_below (&rng, 2),
       relu = lode_rng_below (&rng, 3) > 0;
  const float *bias = lode_rng_below (&rng, 2) ? b.at : NULL;
  LodeReading read = { affine ? a.at : NULL, affine ? b.at : NULL, relu };

  g.n = 1;
  laid = buffer (kernels->depth_room (&g));
  scratch = buffer (kernels->depth_room (&g));
  laid2 = buffer (reference->depth_room (&g));
  scratch2 = buffer (reference->depth_room (&g));
  kernels->depth_lay (&g, &read, x.at, laid.at);
  reference->depth_lay (&g, &read, x.at, laid2.at);
  kernels->depth (&g, laid.at, w.at, bias, y.at);
  reference->depth (&g, laid2.at, w.at, bias, y2.at);
  check ("depth", &y, &y2, 1e-5);
  kernels->depth_dx (&g, relu ? laid.at : NULL, w.at, dy.at, first, dx.at, scratch.at);
  reference->depth_dx (&g, relu ? laid2.at : NULL, w.at, dy.at, first, dx2.at, scratch2.at);
  check ("depth_dx", &dx, &dx2, 1e-5);
  kernels->depth_dw (&g, laid.at, dy.at, dw.at);
  reference->depth_dw (&g, laid2.at, dy.at, dw2.at);
  check ("depth_dw", &dw, &dw2, 1e-5);
  for (size_t i = 0; i < GUARD; i++) {
    g_assert_true (scratch.at[scratch.n + i] == guard_value);
    g_assert_true (laid.at[laid.n + i] == guard_value);
  }
  for (size_t i = 0; i < 9; i++)
    g_free ((Buffer[]){ laid, scratch, laid2, scratch2, x, w, dy, a, b }[i].all);
}

/* Sums and scalar products of several tensors, per channel. */
static void
check_blend (const LodeKernels *kernels)
{
  const LodeKernels *reference = &lode_kernels_reference;
  uint32_t c = 1 + lode_rng_below (&rng, 70), m = lode_rng_below (&rng, 12);
  size_t rows = 1 + lode_rng_below (&rng, 300);
  bool relu = lode_rng_below (&rng, 2);
  Buffer x = buffer (rows * c), z = buffer (rows * c), a = buffer (c), b = buffer (c);
  Buffer y = buffer (rows * c), y2 = twin (&y);
  const float *in[12], *k[12], *d[12];
  g_autofree double *s = g_new (double, 13 * c), *s2 = g_new (double, 13 * c);

  for (uint32_t i = 0; i < 12; i++) {
    in[i] = i % 2 ? x.at : z.at;
    k[i] = i % 3 ? a.at : b.at;
    d[i] = i % 3 ? b.at : a.at;
  }
  kernels->blend (rows, c, m, k, in, a.at, relu, y.at);
  reference->blend (rows, c, m, k, in, a.at, relu, y2.at);
  check ("blend", &y, &y2, 1e-5);
  kernels->cross (rows, c, m, x.at, k, d, in, s);
  reference->cross (rows, c, m, x.at, k, d, in, s2);
  for (uint32_t i = 0; i < (m + 1) * c; i++)
    g_assert_cmpfloat_with_epsilon (s[i], s2[i], 1e-5 * (double) rows);
  g_free (x.all);
  g_free (z.all);
  g_free (a.all);
  g_free (b.all);
}

static void
check_norm (const LodeKernels *kernels)
{
  const LodeKernels *reference = &lode_kernels_reference;
  uint32_t c = 1 + lode_rng_below (&rng, 70);
  size_t rows = 1 + lode_rng_below (&rng, 300);
  Buffer x = buffer (rows * c), dy = buffer (rows * c), p = buffer (c), s = buffer (c),
         k = buffer (c);
  Buffer y = buffer (rows * c), y2 = buffer (rows * c), dx = buffer (rows * c), dx2 = twin (&dx);
  g_autofree double *m = g_new (double, 2 * c), *m2 = g_new (double, 2 * c);

  kernels->norm_moments (rows, c, x.at, p.at, m);
  reference->norm_moments (rows, c, x.at, p.at, m2);
  for (uint32_t i = 0; i < 2 * c; i++)
    g_assert_cmpfloat_with_epsilon (m[i], m2[i], 1e-5 * (double) rows);
  kernels->norm_sums (rows, c, x.at, p.at, s.at, dy.at, m);
  reference->norm_sums (rows, c, x.at, p.at, s.at, dy.at, m2);
  for (uint32_t i = 0; i < 2 * c; i++)
    g_assert_cmpfloat_with_epsilon (m[i], m2[i], 1e-5 * (double) rows);
  kernels->norm_apply (rows, c, x.at, p.at, s.at, y.at);
  reference->norm_apply (rows, c, x.at, p.at, s.at, y2.at);
  check ("norm_apply", &y, &y2, 1e-6);
  kernels->norm_dx (rows, c, x.at, dy.at, p.at, s.at, k.at, dx.at);
  reference->norm_dx (rows, c, x.at, dy.at, p.at, s.at, k.at, dx2.at);
  check ("norm_dx", &dx, &dx2, 1e-6);
  g_free (x.all);
  g_free (dy.all);
  g_free (p.all);
  g_free (s.all);
  g_free (k.all);
}

static void
check_elements (const LodeKernels *kernels)
{
  const LodeKernels *reference = &lode_kernels_reference;
  size_t n = 1 + lode_rng_below (&rng, 5000);
  Buffer x = buffer (n), g = buffer (n), v = buffer (n), w = buffer (n), y = buffer (n),
         y2 = twin (&y);
  const float *in[3] = { x.at, g.at, v.at };
  float gate[3] = { .3f, -2, .5f };
  double d[3], d2[3];

  kernels->dots (n, 3, w.at, in, d);
  reference->dots (n, 3, w.at, in, d2);
  for (int i = 0; i < 3; i++)
    g_assert_cmpfloat_with_epsilon (d[i], d2[i], 1e-6 * (double) n);
  kernels->combine (n, 3, gate, in, y.at);
  reference->combine (n, 3, gate, in, y2.at);
  kernels->stream (n / 2, x.at, y.at + n / 3);
  reference->stream (n / 2, x.at, y2.at + n / 3);
  kernels->relu_dx (n, x.at, g.at, y.at);
  reference->relu_dx (n, x.at, g.at, y2.at);
  check ("combine, relu_dx", &y, &y2, 1e-6);
  g_free (v.all);
  g_free (w.all);
  g_free (x.all);
  g_free (g.all);
}

/* The small loops, each over its own output. */
static void
check_loops (const LodeKernels *kernels)
{
  const LodeKernels *reference = &lode_kernels_reference;
  uint32_t c = 1 + lode_rng_below (&rng, 70), m = lode_rng_below (&rng, 17);
  size_t rows = 1 + lode_rng_below (&rng, 90), n = rows * c;
  Buffer x = buffer (n), z = buffer (n), y = buffer (n), y2 = twin (&y);
  const float *in[16];
  float gate[16];

  for (uint32_t i = 0; i < 16; i++) {
    in[i] = i % 2 ? x.at : z.at;
    gate[i] = (float) lode_rng_uniform (&rng);
  }
  kernels->axpy (n, .3f, x.at, y.at);
  reference->axpy (n, .3f, x.at, y2.at);
  check ("axpy", &y, &y2, 1e-6);
  y = buffer (n);
  y2 = buffer (n);
  kernels->fill (n, 3, y.at);
  for (size_t i = 0; i < n; i++)
    g_assert_true (y.at[i] == 3);
  kernels->scale (n, -2, x.at, y.at);
  reference->scale (n, -2, x.at, y2.at);
  check ("scale", &y, &y2, 0);
  y = buffer (n);
  y2 = buffer (n);
  kernels->add (n, x.at, z.at, y.at);
  reference->add (n, x.at, z.at, y2.at);
  check ("add", &y, &y2, 0);
  y = buffer (n);
  y2 = buffer (n);
  kernels->relu (n, x.at, y.at);
  reference->relu (n, x.at, y2.at);
  check ("relu", &y, &y2, 0);
  y = buffer (n);
  y2 = buffer (n);
  kernels->relu_mask (n, x.at, z.at, y.at);
  reference->relu_mask (n, x.at, z.at, y2.at);
  check ("relu_mask", &y, &y2, 0);
  y = buffer (n);
  y2 = buffer (n);
  kernels->combine (n, m, gate, in, y.at);
  reference->combine (n, m, gate, in, y2.at);
  check ("combine", &y, &y2, 1e-5);
  g_assert_cmpfloat_with_epsilon (kernels->dot (n, x.at, z.at), reference->dot (n, x.at, z.at),
                                  1e-6 * (double) n);
  g_free (x.all);
  g_free (z.all);
}

static void
test_table (const void *data)
{
  const LodeKernels *kernels = data;

  for (size_t i = 0; i < G_N_ELEMENTS (chosen); i++)
    check_conv (kernels, chosen[i]);
  for (int i = 0; i < 400; i++) {
    LodeConvGeometry g = random_conv ();

    if (i % 2)
      check_conv (kernels, g);
    if (g.groups > 1 && g.groups == g.c && g.c == g.oc)
      check_depth (kernels, g);
  }
  check_nan (kernels);
  for (int i = 0; i < 40; i++) {
    check_pool (kernels);
    check_norm (kernels);
    check_blend (kernels);
    check_elements (kernels);
    check_global (kernels);
    check_linear (kernels);
    check_loops (kernels);
  }
}

static void
test_choose (void)
{
  const char *why = NULL;

  g_assert_true (lode_kernels_choose (NULL, &why) == lode_kernels_at (0));
  g_assert_true (lode_kernels_choose ("reference", &why) == &lode_kernels_reference);
  g_assert_null (lode_kernels_choose ("pentium", &why));
  g_assert_nonnull (strstr (why, "no such level"));
}

/* All that a table gives for one geometry: y, dx, dw, in one buffer. */
static Buffer
conv_values (const LodeKernels *kernels, const LodeConvGeometry *g, const Buffer *x,
             const Buffer *w, const Buffer *dy)
{
  Buffer all = buffer (dy->n + x->n + w->n), scratch = buffer (kernels->conv_scratch (g));

  memset (all.at, 0, all.n * sizeof (float));
  kernels->conv (g, x->at, w->at, NULL, all.at, scratch.at);
  kernels->conv_dx (g, w->at, dy->at, all.at + dy->n, scratch.at);
  kernels->conv_dw (g, x->at, dy->at, all.at + dy->n + x->n, NULL, scratch.at);
  g_free (scratch.all);
  return all;
}

/* Lanes are channels and sums run in a fixed order: where channels fill lanes of four, the vector
 * width leaves no trace in the bits. (In single lanes the compiler may add products up without
 * fusing.) */
static void
check_width (const LodeKernels *a, const LodeKernels *b, LodeConvGeometry g)
{
  Buffer x = buffer ((size_t) g.n * g.h * g.w * g.c);
  Buffer w = buffer ((size_t) g.kernel * g.kernel * (g.c / g.groups) * g.oc);
  Buffer dy = buffer ((size_t) g.n * g.oh * g.ow * g.oc);
  Buffer one = conv_values (a, &g, &x, &w, &dy), two = conv_values (b, &g, &x, &w, &dy);

  if (memcmp (one.at, two.at, one.n * sizeof (float)))
    g_error ("%u×%u×%u → %u, kernel %u stride %u dilation %u groups %u pad %d: bits differ", g.h,
             g.w, g.c, g.oc, g.kernel, g.stride, g.dilation, g.groups, g.pad);
  g_free (x.all);
  g_free (w.all);
  g_free (dy.all);
  g_free (one.all);
  g_free (two.all);
}

static void
test_width (void)
{
  const char *why;
  const LodeKernels *a = lode_kernels_choose ("x86-64-v3", &why);
  const LodeKernels *b = lode_kernels_choose ("x86-64-v4", &why);

  if (!a || !b) {
    g_test_skip ("this machine lacks one of the two levels");
    return;
  }
  for (int i = 0; i < 150; i++) {
    LodeConvGeometry g = random_conv ();

    if (g.oc / g.groups % 4 == 0 || (g.groups == g.c && g.c % 4 == 0))
      if (g.c / g.groups % 4 == 0 || g.groups == g.c)
        check_width (a, b, g);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (uint32_t i = 0; lode_kernels_at (i); i++) {
    g_autofree char *path = g_strconcat ("/kernels/", lode_kernels_at (i)->isa, NULL);

    g_test_add_data_func (path, lode_kernels_at (i), test_table);
  }
  g_test_add_func ("/kernels/choose", test_choose);
  g_test_add_func ("/kernels/width-leaves-no-trace", test_width);
  return g_test_run ();
}

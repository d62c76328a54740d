/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speed of the kernels in GFLOP/s (convolutions) and GB/s (the rest), one thread, on chunks of 8
 * samples. Not a test: run it by hand, `ninja tests/compute/bench-kernels && LODE_ISA=x86-64-v3
 * tests/compute/bench-kernels`.
 */
#include "compute/kernels/kernels.h"

#include <glib.h>
#include <lode/rng.h>

typedef struct Bench {
  const LodeKernels *kernels;
  LodeConvGeometry g;
  LodeReading read;
  float *x, *w, *u, *y, *dx, *dw, *dy, *scratch, *channel[3];
  double *sums;
} Bench;

typedef void (*Run) (Bench *);

static uint32_t samples; /* 0: as many as stay in the second-level cache */

static float *
floats (size_t n)
{
  static LodeRng rng = { 3, 0 };
  float *a = g_aligned_alloc (n + 80, sizeof (float), 64);

  for (size_t i = 0; i < n; i++)
    a[i] = (float) lode_rng_uniform (&rng) - 0.5f;
  return a;
}

/* Seconds of one run: the best of many batches, each just long enough to time, so that some of them
 * have the processor to themselves. */
static double
best_time (Run run, Bench *b)
{
  double best = 1e9;

  run (b);
  for (int batch = 0; batch < 80; batch++) {
    gint64 start = g_get_monotonic_time (), now;
    int runs = 0;

    do {
      run (b);
      runs++;
    } while ((now = g_get_monotonic_time ()) - start < 300);
    best = MIN (best, (double) (now - start) * 1e-6 / runs);
  }
  return best;
}

static void
run_forward (Bench *b)
{
  b->kernels->conv (&b->g, b->x, b->w, NULL, b->y, b->scratch);
}

static void
run_dx (Bench *b)
{
  b->kernels->conv_dx (&b->g, b->w, b->dy, b->dx, b->scratch);
}

static void
run_dw (Bench *b)
{
  b->kernels->conv_dw (&b->g, b->x, b->dy, b->dw, NULL, b->scratch);
}

static void
run_winograd (Bench *b)
{
  b->kernels->winograd (&b->g, &b->read, b->x, b->u, NULL, b->y, b->scratch);
}

static void
run_winograd_dx (Bench *b)
{
  b->kernels->winograd_dx (&b->g, &b->read, b->x, b->u, b->dy, true, b->dx, b->scratch);
}

static void
run_winograd_dw (Bench *b)
{
  b->kernels->winograd_dw (&b->g, &b->read, b->x, b->dy, b->dw, NULL, b->scratch);
}

static size_t
inputs (const Bench *b)
{
  return (size_t) b->g.n * b->g.h * b->g.w;
}

static LodePoolGeometry
window (const Bench *b)
{
  return (LodePoolGeometry){ b->g.n, b->g.h, b->g.w, b->g.c, b->g.h, b->g.w, 3, 1, 1 };
}

static void
run_moments (Bench *b)
{
  b->kernels->norm_moments (inputs (b), b->g.c, b->x, b->channel[0], b->sums);
}

static void
run_sums (Bench *b)
{
  b->kernels->norm_sums (inputs (b), b->g.c, b->x, b->channel[0], b->channel[1], b->dy, b->sums);
}

static void
run_apply (Bench *b)
{
  b->kernels->norm_apply (inputs (b), b->g.c, b->x, b->channel[0], b->channel[1], b->y);
}

static void
run_norm_dx (Bench *b)
{
  b->kernels->norm_dx (inputs (b), b->g.c, b->x, b->dy, b->channel[0], b->channel[1], b->channel[2],
                       b->dx);
}

static void
run_max (Bench *b)
{
  LodePoolGeometry g = window (b);

  b->kernels->max_pool (&g, b->x, b->y);
}

static void
run_max_dx (Bench *b)
{
  LodePoolGeometry g = window (b);

  b->kernels->max_pool_dx (&g, b->x, b->y, b->dy, b->dx);
}

static void
run_avg (Bench *b)
{
  LodePoolGeometry g = window (b);

  b->kernels->avg_pool (&g, b->x, b->y);
}

static void
run_avg_dx (Bench *b)
{
  LodePoolGeometry g = window (b);

  b->kernels->avg_pool_dx (&g, b->dy, b->dx);
}

static void
run_relu (Bench *b)
{
  b->kernels->relu (inputs (b) * b->g.c, b->x, b->y);
}

static void
run_relu_dx (Bench *b)
{
  b->kernels->relu_dx (inputs (b) * b->g.c, b->y, b->dy, b->dx);
}

static void
run_combine (Bench *b)
{
  static const float a[] = { .1f, .2f, .3f, .4f };
  const float *in[] = { b->x, b->dy, b->dx, b->x };

  b->kernels->combine (inputs (b) * b->g.c, 4, a, in, b->y);
}

static void
run_dots (Bench *b)
{
  const float *in[] = { b->x, b->dy, b->dx, b->x };

  b->kernels->dots (inputs (b) * b->g.c, 4, b->y, in, b->sums);
}

static Bench
bench_new (const LodeKernels *kernels, uint32_t c, uint32_t oc, uint32_t side, uint32_t kernel,
           uint32_t stride, uint32_t dilation, uint32_t groups)
{
  uint32_t out = (side + stride - 1) / stride;
  uint32_t fit = (48 << 10) / (side * side * c + out * out * oc);
  LodeConvGeometry g = { samples ? samples : CLAMP (fit, 1, 32),
                         side,
                         side,
                         c,
                         out,
                         out,
                         oc,
                         kernel,
                         stride,
                         dilation,
                         groups,
                         (int32_t) (dilation * (kernel - 1) / 2) };
  size_t in = (size_t) g.n * side * side * c, wide = (size_t) g.n * out * out * oc;
  Bench b = { .kernels = kernels, .g = g };

  wide = MAX (wide, in);
  b.x = floats (in);
  b.y = floats (wide);
  b.dx = floats (in);
  b.dy = floats (wide);
  b.w = floats ((size_t) kernel * kernel * c * oc);
  b.dw = floats ((size_t) kernel * kernel * c * oc);
  b.u = floats (kernels->winograd_weights (&g));
  kernels->winograd_turn (&g, false, b.w, b.u);
  b.scratch = floats (MAX (kernels->conv_scratch (&g), kernels->winograd_scratch (&g)));
  b.sums = g_new (double, 2 * MAX (c, 16));
  for (int i = 0; i < 3; i++)
    b.channel[i] = floats (c);
  b.read = (LodeReading){ b.channel[0], b.channel[1], true };
  return b;
}

static void
bench_clear (Bench *b)
{
  float *all[] = { b->x,  b->y,       b->dx,         b->dy,         b->w,         b->u,
                   b->dw, b->scratch, b->channel[0], b->channel[1], b->channel[2] };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    g_aligned_free (all[i]);
  g_free (b->sums);
}

static void
bench_conv (const LodeKernels *kernels, const char *what, uint32_t c, uint32_t oc, uint32_t side,
            uint32_t kernel, uint32_t stride, uint32_t dilation, uint32_t groups)
{
  Bench b = bench_new (kernels, c, oc, side, kernel, stride, dilation, groups);
  double flop = 2e-9 * b.g.n * b.g.oh * b.g.ow * kernel * kernel * (c / groups) * oc;

  g_print ("%-22s %4u@%-3u %7.1f %7.1f %7.1f\n", what, c, side, flop / best_time (run_forward, &b),
           flop / best_time (run_dx, &b), flop / best_time (run_dw, &b));
  bench_clear (&b);
}

static void
bench_winograd (const LodeKernels *kernels, uint32_t c, uint32_t side)
{
  Bench b = bench_new (kernels, c, c, side, 3, 1, 1, 1);
  double flop = 2e-9 * b.g.n * side * side * 9 * c * c;

  g_print ("%-22s %4u@%-3u %7.1f %7.1f %7.1f\n", "winograd 3", c, side,
           flop / best_time (run_winograd, &b), flop / best_time (run_winograd_dx, &b),
           flop / best_time (run_winograd_dw, &b));
  bench_clear (&b);
}

static void
bench_rest (const LodeKernels *kernels, uint32_t c, uint32_t side)
{
  static const struct {
    const char *name;
    Run run;
    double streams;
  } rows[] = { { "moments", run_moments, 1 },   { "sums", run_sums, 2 },
               { "apply", run_apply, 2 },       { "norm dx", run_norm_dx, 4 },
               { "max pool", run_max, 2 },      { "max pool dx", run_max_dx, 5 },
               { "avg pool", run_avg, 2 },      { "avg pool dx", run_avg_dx, 3 },
               { "relu", run_relu, 2 },         { "relu dx", run_relu_dx, 4 },
               { "combine 4", run_combine, 5 }, { "dots 4", run_dots, 5 } };
  Bench b = bench_new (kernels, c, c, side, 1, 1, 1, 1);
  double giga = 4e-9 * (double) inputs (&b) * c;

  g_print ("GB/s %u@%u:", c, side);
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    g_print (" %s %.1f;", rows[i].name, rows[i].streams * giga / best_time (rows[i].run, &b));
  g_print ("\n");
  bench_clear (&b);
}

int
main (int argc, char **argv)
{
  static const uint32_t shapes[][2] = { { 16, 32 }, { 32, 16 }, { 64, 8 },
                                        { 8, 28 },  { 24, 14 }, { 48, 7 } };
  const char *why = NULL;
  const LodeKernels *kernels = lode_kernels_choose (g_getenv ("LODE_ISA"), &why);

  if (argc > 1)
    samples = (uint32_t) MAX (atoi (argv[1]), 1);
  if (!kernels) {
    g_printerr ("LODE_ISA: %s\n", why);
    return 1;
  }
  g_print ("%s, %u floats a vector, GFLOP/s\n%-31s forward      dx      dw\n", kernels->isa,
           kernels->width, "");
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    uint32_t c = shapes[i][0], side = shapes[i][1];

    bench_conv (kernels, "pointwise", c, c, side, 1, 1, 1, 1);
    bench_conv (kernels, "depthwise 3", c, c, side, 3, 1, 1, c);
    bench_conv (kernels, "depthwise 5", c, c, side, 5, 1, 1, c);
    bench_conv (kernels, "depthwise 3 dil 2", c, c, side, 3, 1, 2, c);
    bench_conv (kernels, "depthwise 5 dil 2", c, c, side, 5, 1, 2, c);
    bench_conv (kernels, "depthwise 3 stride 2", c, c, side, 3, 2, 1, c);
    bench_conv (kernels, "depthwise 5 stride 2", c, c, side, 5, 2, 1, c);
    bench_conv (kernels, "dense 3", c, c, side, 3, 1, 1, 1);
    bench_winograd (kernels, c, side);
    bench_conv (kernels, "dense 3 stride 2", c, 2 * c, side, 3, 2, 1, 1);
    bench_conv (kernels, "dense 3 groups 2", c, c, side, 3, 1, 1, 2);
  }
  bench_conv (kernels, "stem 3", 3, 48, 32, 3, 1, 1, 1);
  bench_rest (kernels, 16, 32);
  bench_rest (kernels, 64, 8);
  bench_rest (kernels, 8, 28);
  return 0;
}

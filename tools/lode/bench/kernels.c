/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode bench --kernels: arithmetic and traffic of each kernel, one thread, on as many samples as
 * stay in the second-level cache, beside two ceilings of this machine: multiply-adds that wait for
 * nothing, and a copy from memory to memory. Padding is not counted as arithmetic; traffic is each
 * tensor once. In cache, traffic may exceed the copy.
 */
#include "bench.h"

#include "common.h"
#include "compute/kernels/kernels.h"

#include <string.h>

enum { CACHE = 192 << 10, STREAM = 64 << 20 };

typedef struct Bench {
  const LodeKernels *kernels;
  LodeConvGeometry g;
  LodeReading read;
  float *x, *y, *dx, *dy, *w, *dw, *u, *ub, *scratch, *channel[3];
  double *sums;
  double peak, copy; /* GFLOP/s, GB/s */
} Bench;

typedef void (*Run) (Bench *);

static float *
floats (size_t n)
{
  float *a = g_aligned_alloc (n + 16, sizeof *a, 64);

  for (size_t i = 0; i < n; i++)
    a[i] = (float) (i % 29) * 0.05f - 0.7f;
  return a;
}

/* Seconds of one run: the best of many batches, so that some have the processor to themselves. */
static double
best_time (Run run, Bench *b)
{
  double best = 1e9;

  run (b);
  for (int batch = 0; batch < 60; batch++) {
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

static size_t
rows_in (const Bench *b)
{
  return (size_t) b->g.n * b->g.h * b->g.w;
}

static size_t
rows_out (const Bench *b)
{
  return (size_t) b->g.n * b->g.oh * b->g.ow;
}

static void
run_conv (Bench *b)
{
  b->kernels->conv (&b->g, b->x, b->w, NULL, b->y, b->scratch);
}

static void
run_conv_dx (Bench *b)
{
  b->kernels->conv_dx (&b->g, b->w, b->dy, b->dx, b->scratch);
}

static void
run_conv_dw (Bench *b)
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
  b->kernels->winograd_dx (&b->g, &b->read, b->x, b->ub, b->dy, true, b->dx, b->scratch);
}

static void
run_winograd_dw (Bench *b)
{
  b->kernels->winograd_dw (&b->g, &b->read, b->x, b->dy, b->dw, NULL, b->scratch);
}

static void
run_moments (Bench *b)
{
  b->kernels->norm_moments (rows_in (b), b->g.c, b->x, b->channel[0], b->sums);
}

static void
run_sums (Bench *b)
{
  b->kernels->norm_sums (rows_in (b), b->g.c, b->x, b->channel[0], b->channel[1], b->dy, b->sums);
}

static void
run_blend (Bench *b)
{
  const float *a[] = { b->channel[0], b->channel[1] }, *in[] = { b->x, b->dy };

  b->kernels->blend (rows_in (b), b->g.c, 2, a, in, b->channel[2], true, b->y);
}

static void
run_cross (Bench *b)
{
  const float *a[] = { b->channel[0], b->channel[1] }, *in[] = { b->x, b->y };

  b->kernels->cross (rows_in (b), b->g.c, 2, b->dy, a, a, in, b->sums);
}

static void
run_relu (Bench *b)
{
  b->kernels->relu (rows_in (b) * b->g.c, b->x, b->y);
}

static LodePoolGeometry
window (const Bench *b)
{
  return (LodePoolGeometry){ b->g.n, b->g.h, b->g.w, b->g.c, b->g.h, b->g.w, 3, 1, 1 };
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

static Bench
bench_new (const Bench *machine, const LodeConvGeometry *shape)
{
  Bench b = *machine;
  LodeConvGeometry g = *shape;
  size_t in = (size_t) g.h * g.w * g.c, out = (size_t) g.oh * g.ow * g.oc, weights;

  g.n = (uint32_t) CLAMP (CACHE / (sizeof (float) * (in + out)), 1, 64);
  b.g = g;
  in *= g.n;
  out = MAX (out * g.n, in);
  weights = (size_t) g.kernel * g.kernel * g.c / g.groups * g.oc;
  b.x = floats (in);
  b.y = floats (out);
  b.dx = floats (in);
  b.dy = floats (out);
  b.w = floats (weights);
  b.dw = floats (weights);
  b.u = floats (b.kernels->winograd_weights (&g));
  b.ub = floats (b.kernels->winograd_weights (&g));
  b.scratch = floats (MAX (b.kernels->conv_scratch (&g), b.kernels->winograd_scratch (&g)));
  b.sums = g_new (double, 4 * g.c);
  for (int i = 0; i < 3; i++)
    b.channel[i] = floats (g.c);
  b.read = (LodeReading){ b.channel[0], b.channel[1], true };
  return b;
}

static void
bench_clear (Bench *b)
{
  float *all[] = { b->x, b->y,  b->dx,      b->dy,         b->w,          b->dw,
                   b->u, b->ub, b->scratch, b->channel[0], b->channel[1], b->channel[2] };

  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    g_aligned_free (all[i]);
  g_free (b->sums);
}

/* flops 0: none that count */
static void
print_row (Bench *b, const char *name, const char *part, Run run, double flops, double bytes)
{
  double seconds = best_time (run, b), giga = 1e-9 / seconds;

  printf ("%-20s %-8s %3u → %-3u %2u × %-2u %9.1f µs", name, part, b->g.c, b->g.oc, b->g.h, b->g.w,
          1e6 * seconds);
  if (flops > 0)
    printf (" %8.1f GFLOP/s %4.0f %%", flops * giga, 100 * flops * giga / b->peak);
  else
    printf (" %23s", "");
  printf (" %7.1f GB/s %4.0f %%\n", bytes * giga, 100 * bytes * giga / b->copy);
  fflush (stdout);
}

/* Pairs of output and tap along one side that lie inside the image. */
static double
pairs (uint32_t outs, uint32_t extent, const LodeConvGeometry *g)
{
  uint32_t n = 0;

  for (uint32_t o = 0; o < outs; o++)
    for (uint32_t k = 0; k < g->kernel; k++) {
      int64_t at = (int64_t) o * g->stride + (int64_t) k * g->dilation - g->pad;

      n += at >= 0 && at < extent;
    }
  return n;
}

static double
conv_flops (const LodeConvGeometry *g)
{
  return 2.0 * g->n * pairs (g->oh, g->h, g) * pairs (g->ow, g->w, g) * (g->c / g->groups) * g->oc;
}

/* Of the direct form: Winograd's rate may be above the peak, since it does with less. */
static void
bench_conv (const Bench *machine, const char *name, const LodeConvGeometry *g, bool winograd)
{
  Bench b = bench_new (machine, g);
  double in = 4.0 * (double) rows_in (&b) * g->c, out = 4.0 * (double) rows_out (&b) * g->oc;
  double flops = conv_flops (&b.g);

  b.kernels->winograd_turn (&b.g, false, b.w, b.u);
  b.kernels->winograd_turn (&b.g, true, b.w, b.ub);
  print_row (&b, name, "forward", winograd ? run_winograd : run_conv, flops, in + out);
  print_row (&b, name, "input", winograd ? run_winograd_dx : run_conv_dx, flops, out + 2 * in);
  print_row (&b, name, "weights", winograd ? run_winograd_dw : run_conv_dw, flops, in + out);
  bench_clear (&b);
}

static LodeConvGeometry
conv_shape (uint32_t c, uint32_t oc, uint32_t side, uint32_t kernel, uint32_t stride,
            uint32_t dilation, uint32_t groups)
{
  uint32_t out = (side + stride - 1) / stride;

  return (LodeConvGeometry){ 1,      side,     side,   c,
                             out,    out,      oc,     kernel,
                             stride, dilation, groups, (int32_t) (dilation * (kernel - 1) / 2) };
}

static void
bench_convs (const Bench *machine, uint32_t c, uint32_t side)
{
  const struct {
    const char *name;
    LodeConvGeometry g;
    bool winograd;
  } rows[] = { { "1×1", conv_shape (c, c, side, 1, 1, 1, 1), false },
               { "3×3", conv_shape (c, c, side, 3, 1, 1, 1), false },
               { "3×3 winograd", conv_shape (c, c, side, 3, 1, 1, 1), true },
               { "3×3 stride 2", conv_shape (c, 2 * c, side, 3, 2, 1, 1), false },
               { "depthwise 3×3", conv_shape (c, c, side, 3, 1, 1, c), false },
               { "depthwise 5×5", conv_shape (c, c, side, 5, 1, 1, c), false },
               { "depthwise 5×5 by 2", conv_shape (c, c, side, 5, 1, 2, c), false },
               { "depthwise stride 2", conv_shape (c, c, side, 3, 2, 1, c), false } };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    bench_conv (machine, rows[i].name, &rows[i].g, rows[i].winograd);
}

static void
bench_passes (const Bench *machine, uint32_t c, uint32_t side)
{
  static const struct {
    const char *name, *part;
    Run run;
    double streams;
  } rows[] = {
    { "norm", "moments", run_moments, 1 },      { "norm", "sums", run_sums, 2 },
    { "sum of 2", "forward", run_blend, 3 },    { "sum of 2", "products", run_cross, 3 },
    { "relu", "forward", run_relu, 2 },         { "max pool 3×3", "forward", run_max, 2 },
    { "max pool 3×3", "input", run_max_dx, 5 }, { "avg pool 3×3", "forward", run_avg, 2 },
    { "avg pool 3×3", "input", run_avg_dx, 3 },
  };
  LodeConvGeometry g = conv_shape (c, c, side, 1, 1, 1, 1);
  Bench b = bench_new (machine, &g);
  double stream = 4.0 * (double) rows_in (&b) * c;

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    print_row (&b, rows[i].name, rows[i].part, rows[i].run, 0, rows[i].streams * stream);
  bench_clear (&b);
}

static void
run_ceiling (Bench *b)
{
  b->kernels->ceiling (20000, b->y);
}

static void
run_copy (Bench *b)
{
  memcpy (b->y, b->x, STREAM);
}

static void
find_ceilings (Bench *machine)
{
  float out[64];
  Bench b = { .kernels = machine->kernels, .y = out };

  machine->peak = 2e-9 * (double) b.kernels->ceiling (20000, out) / best_time (run_ceiling, &b);
  b.x = floats (STREAM / sizeof (float));
  b.y = floats (STREAM / sizeof (float));
  machine->copy = 2e-9 * STREAM / best_time (run_copy, &b);
  g_aligned_free (b.x);
  g_aligned_free (b.y);
}

int
bench_kernels (void)
{
  static const uint32_t shapes[][2] = { { 16, 32 }, { 32, 16 }, { 64, 8 }, { 24, 14 } };
  const char *why = NULL;
  Bench machine = { .kernels = lode_kernels_choose (g_getenv ("LODE_ISA"), &why) };

  if (!machine.kernels) {
    lode_say ("LODE_ISA: %s", why);
    return LODE_EXIT_USAGE;
  }
  find_ceilings (&machine);
  printf ("%s, %u floats a vector, one thread; at best %.1f GFLOP/s, and %.1f GB/s copied\n",
          machine.kernels->isa, machine.kernels->width, machine.peak, machine.copy);
  for (size_t i = 0; i < G_N_ELEMENTS (shapes); i++) {
    bench_convs (&machine, shapes[i][0], shapes[i][1]);
    bench_passes (&machine, shapes[i][0], shapes[i][1]);
  }
  return LODE_EXIT_DONE;
}

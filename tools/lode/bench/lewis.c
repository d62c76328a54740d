/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lode bench --lewis: Lewis weights of 100,000 × 512 random features in memory, or of .npy files as
 * they lie, beside the rate at which BLAS alone does the two products of a pass, one call a thread.
 */
#include "bench.h"

#include "common.h"
#include "linalg/factor.h"
#include "linalg/lewis.h"
#include <lode/rng.h>

#include <cblas.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>

enum { ROWS = 100000, WIDTH = 512, BLOCK = 4096, ROUNDS = 2 };

/* A triangular and a symmetric product of BLOCK rows, on each thread. */
typedef struct Products {
  uint32_t d;
  float *rows, *triangle, *sum; /* [threads] times [BLOCK][d], [d][d], [d][d] */
} Products;

static void
multiply (void *data, uint32_t chunk, uint32_t worker)
{
  Products *products = data;
  int d = (int) products->d;
  size_t square = (size_t) d * d;
  float *rows = products->rows + (size_t) worker * BLOCK * d,
        *triangle = products->triangle + worker * square;

  (void) chunk;
  cblas_strsm (CblasRowMajor, CblasRight, CblasUpper, CblasNoTrans, CblasNonUnit, BLOCK, d, 1,
               triangle, d, rows, d);
  cblas_ssyrk (CblasRowMajor, CblasUpper, CblasTrans, d, BLOCK, 1, rows, d, 0,
               products->sum + worker * square, d);
}

/* GFLOP/s of the two products on all threads at once, the best of some rounds. */
static double
ceiling (LodeThreads *threads, uint32_t d)
{
  uint32_t count = lode_threads_count (threads);
  size_t square = (size_t) d * d;
  Products products = { .d = d,
                        .rows = g_new (float, (size_t) count *BLOCK *d),
                        .triangle = g_new0 (float, count *square),
                        .sum = g_new0 (float, count *square) };
  double best = 0;

  for (size_t i = 0; i < (size_t) count * BLOCK * d; i++)
    products.rows[i] = (float) (i % 29) * 0.05f - 0.7f;
  for (size_t i = 0; i < count * square; i++)
    products.triangle[i] = i % square % (d + 1) ? 0 : 1;
  lode_blas_prepare ();
  for (int round = 0; round < 10; round++) {
    gint64 begin = g_get_monotonic_time ();

    lode_threads_run (threads, 8 * count, multiply, &products);
    best = MAX (best, 8.0 * count * BLOCK * 2.0 * square / 1e3
                          / (double) (g_get_monotonic_time () - begin));
  }
  g_free (products.rows);
  g_free (products.triangle);
  g_free (products.sum);
  return best;
}

static LodeRows *
random_features (float **memory)
{
  LodeRng rng = { .key = 1, .n = 0 };
  float *a = *memory = g_new (float, (size_t) ROWS *WIDTH);

  for (uint32_t i = 0; i < ROWS; i++) {
    float length = (float) exp (0.5 * lode_rng_normal (&rng));

    for (uint32_t j = 0; j < WIDTH; j++)
      *a++ = length * (float) (lode_rng_uniform (&rng) + lode_rng_uniform (&rng) - 1);
  }
  return lode_rows_memory ("random features", ROWS, WIDTH, false, *memory);
}

typedef struct Run {
  const char *name;
  LodeRows *rows;
  LodeLewisSpec spec;
  double peak; /* GFLOP/s */
  bool json;
} Run;

/* Peak of resident memory so far, MB. */
static double
resident (void)
{
  struct rusage usage;

  return getrusage (RUSAGE_SELF, &usage) ? 0 : (double) usage.ru_maxrss / 1e3;
}

static void
print_run (const Run *run, const LodeLewisFacts *facts, uint32_t threads, double seconds)
{
  uint32_t n = lode_rows_count (run->rows), d = lode_rows_width (run->rows);
  double products = run->spec.p == 2 ? 2 : 2.0 * facts->passes - 1, rate;

  rate = products * n * (double) d * d / seconds / 1e9;
  if (run->json)
    printf (
        "{\"workload\": \"lewis\", \"n\": %u, \"d\": %u, \"p\": %g, \"accelerated\": %s, "
        "\"threads\": %u, \"passes\": %u, \"seconds\": %.4f, \"pass_s\": %.4f, \"gflops\": %.1f, "
        "\"blas_gflops\": %.1f, \"wide\": %s, \"certificate\": %.3g, \"resident_mb\": %.0f}\n",
        n, d, run->spec.p, run->spec.step > 0 ? "false" : "true", threads, facts->passes, seconds,
        2 * seconds / products, rate, run->peak, facts->wide ? "true" : "false", facts->certificate,
        resident ());
  else
    printf ("%s  %u × %u  p %g%s  %u thread%s  %u passes in %.3f s, %.4f s each  %.1f GFLOP/s of "
            "%.1f (%.0f %%)  %s  certificate %.2g  %.0f MB resident\n",
            run->name, n, d, run->spec.p, run->spec.step > 0 ? " plain" : "", threads,
            threads == 1 ? " " : "s", facts->passes, seconds, 2 * seconds / products, rate,
            run->peak, 100 * rate / run->peak, facts->wide ? "float64" : "float32",
            facts->certificate, resident ());
  fflush (stdout);
}

static bool
time_run (const Run *run, LodeThreads *threads, uint32_t rounds, GError **error)
{
  g_autofree double *w = g_new (double, lode_rows_count (run->rows));
  LodeLewisFacts facts;
  double best = INFINITY;

  for (uint32_t round = 0; round < rounds; round++) {
    gint64 begin = g_get_monotonic_time ();

    if (!lode_lewis_weights (run->rows, &run->spec, threads, w, &facts, error))
      return false;
    best = MIN (best, (double) (g_get_monotonic_time () - begin) / 1e6);
  }
  print_run (run, &facts, lode_threads_count (threads), best);
  return true;
}

static bool
time_rows (const char *name, LodeRows *rows, LodeThreads *threads, bool json, GError **error)
{
  static const double p[] = { 1, 2, 4 };
  uint32_t rounds = lode_rows_count (rows) > 4 * ROWS ? 1 : ROUNDS;
  Run run = { .name = name, .rows = rows, .json = json };

  run.peak = ceiling (threads, lode_rows_width (rows));
  for (size_t i = 0; i < G_N_ELEMENTS (p); i++)
    for (int plain = 0; plain < (p[i] == 2 ? 1 : 2); plain++) {
      run.spec = (LodeLewisSpec){ .p = p[i], .step = plain ? 4 / (p[i] + 2) : 0 };
      if (!time_run (&run, threads, rounds, error))
        return false;
    }
  return true;
}

int
bench_lewis (char *const *files, uint32_t count, bool json)
{
  LodeThreads *threads = lode_threads_new (count ? count : lode_threads_available ());
  g_autofree float *memory = NULL;
  GError *error = NULL;
  bool ok = true;

  if (!*files) {
    g_autoptr (LodeRows) rows = random_features (&memory);

    ok = time_rows ("memory", rows, threads, json, &error);
  }
  for (; ok && *files; files++) {
    g_autoptr (LodeRows) rows = lode_rows_map (*files, &error);

    ok = rows && time_rows (*files, rows, threads, json, &error);
  }
  lode_threads_free (threads);
  return ok ? LODE_EXIT_DONE : lode_fail (error);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seconds of one training step (forward, then backward with the gradients of weights and, where the
 * network mixes, of gates) through the backbone plugins. Not a test: run it by hand,
 *
 *   ninja tests/compute/bench-step
 *   LODE_PLUGIN_PATH=plugins tests/compute/bench-step [--threads=N] [--steps=N] [--plain]
 * [--profile] [darts] [resnet20] [mlp]
 */
#include "../plugins/family.h"
#include "fixture.h"

#include <stdio.h>
#include <time.h>

static gint threads = 0, steps = 5, size = 0;
static gboolean plain, profile;

static const GOptionEntry entries[] = {
  { "threads", 't', 0, G_OPTION_ARG_INT, &threads, "0: 1 and 2", "N" },
  { "steps", 's', 0, G_OPTION_ARG_INT, &steps, "timed steps", "N" },
  { "batch", 'b', 0, G_OPTION_ARG_INT, &size, "samples; 0: as the peer has", "N" },
  { "plain", 0, 0, G_OPTION_ARG_NONE, &plain, "without fusion", NULL },
  { "profile", 'p', 0, G_OPTION_ARG_NONE, &profile, "shares of the kinds of steps", NULL },
  { NULL },
};

typedef struct Work {
  const char *name, *backbone;
  LodeShape shape;
  uint32_t batch;
  bool shared;
} Work;

static const Work works[] = {
  { "darts", "darts", { 32, 32, 3 }, 64, true },
  { "resnet20", "resnet", { 32, 32, 3 }, 128, false },
  { "mlp", "mlp", { 28, 28, 1 }, 128, false },
};

static Net *
record_work (const Work *work, const Family *family, uint32_t count)
{
  uint32_t batch = size ? (uint32_t) size : work->batch;
  Net *net = net_new (work->shape, batch, family->space, NULL);
  LodeBuild build = { .size = sizeof build, .image = net->x, .index = -1, .shared = work->shared };
  g_autoptr (GError) error = NULL;

  family->ops->build (family->backbone, net->graph, &build, &error);
  g_assert_no_error (error);
  lode_record_output (net->record, lode_linear (net->graph, "head", build.features, 10, true));
  net_ready (net, count, lode_kernels_at (0));
  lode_engine_fuse (net->engine, !plain);
  return net;
}

static void
print_profile (LodeEngine *engine)
{
  LodeShare share[64];
  uint32_t n = lode_engine_shares (engine, share, G_N_ELEMENTS (share));
  double all = 0;

  for (uint32_t i = 0; i < n; i++)
    all += share[i].seconds;
  for (uint32_t i = 0; i < n; i++)
    printf ("    %-20s %-14s %8.1f ms %5.1f %%\n", share[i].kind, share[i].part,
            1e3 * share[i].seconds / (steps + 2), 100 * share[i].seconds / all);
}

/* Processor seconds of all threads: what a step costs on a machine that others use too. */
static double
processor_time (void)
{
  struct timespec t;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* Seconds, and in *cpu processor seconds. */
static double
one_step (Net *net, LodeProgram *program, double *cpu)
{
  gint64 start = g_get_monotonic_time ();
  double before = processor_time ();
  uint32_t width;
  float *dy;

  lode_program_forward (program, &net->bind);
  lode_program_output (program, 0, &width);
  dy = lode_program_output_grad (program, 0);
  for (size_t j = 0; j < (size_t) net->batch * width; j++)
    dy[j] = (float) (j % 7) * 0.01f - 0.03f;
  lode_program_backward (program, &net->bind);
  *cpu = processor_time () - before;
  return (double) (g_get_monotonic_time () - start) * 1e-6;
}

static int
by_time (const void *a_, const void *b_)
{
  double a = *(const double *) a_, b = *(const double *) b_;

  return (a > b) - (a < b);
}

static void
bench_work (const Work *work, uint32_t count)
{
  Family *family = family_new (work->backbone, NULL);
  Net *net = record_work (work, family, count);
  uint32_t options = MAX (family->space ? family->space->options : 0, 1);
  g_autofree float *gate = g_new (float, options), *dgate = g_new (float, options);
  g_autofree double *time = g_new (double, steps), *cpu = g_new (double, steps);
  LodeProgram *program;

  for (uint32_t o = 0; o < options; o++)
    gate[o] = 0.125f;
  net->bind.gate = gate;
  net->bind.dgate = dgate;
  program = net_program (net, LODE_GRAD_WEIGHTS | (work->shared ? LODE_GRAD_GATES : 0));
  lode_engine_profile (net->engine, profile);
  for (int i = -2; i < steps; i++) {
    double used, now = one_step (net, program, &used);

    if (i >= 0) {
      time[i] = now;
      cpu[i] = used;
    }
  }
  qsort (time, (size_t) steps, sizeof *time, by_time);
  qsort (cpu, (size_t) steps, sizeof *cpu, by_time);
  printf ("{\"workload\": \"%s\", \"threads\": %u, \"batch\": %u, \"fused\": %s, \"min_s\": %.6f, "
          "\"median_s\": %.6f, \"cpu_s\": %.6f, \"arena_mb\": %.1f, \"steps\": %u}\n",
          work->name, count, net->batch, plain ? "false" : "true", time[0], time[steps / 2], cpu[0],
          (double) lode_program_bytes (program) / 1e6, lode_program_steps (program));
  if (profile)
    print_profile (net->engine);
  fflush (stdout);
  net_free (net);
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("[WORKLOAD…]");
  g_autoptr (GError) error = NULL;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  for (size_t w = 0; w < G_N_ELEMENTS (works); w++) {
    bool wanted = argc < 2;

    for (int i = 1; i < argc; i++)
      wanted |= g_str_equal (argv[i], works[w].name);
    for (uint32_t count = 1; wanted && count <= 2; count++)
      if (!threads || (uint32_t) threads == count)
        bench_work (&works[w], count);
  }
  return 0;
}

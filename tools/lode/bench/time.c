/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include "run/engine.h"
#include "run/host.h"

#include <stdlib.h>
#include <time.h>

enum { WARM = 2 };

/* What is timed, as a plugin would hold it. */
typedef struct Work {
  LodeNet *net;
  LodeOptim *optim;
  LodeStream *stream;
  LodeParams *grad;
  float *gate, *dgate; /* [options], or NULL */
  uint8_t *arch;       /* [space.n] with paths, or NULL */
  uint64_t *mask;      /* [space.n] what arch says */
  uint64_t drawn;      /* paths so far */
} Work;

static double
now (void)
{
  struct timespec t;

  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* All options of a decision alike, as at the start of a search. */
static float *
even_gates (const LodeSpace *space)
{
  float *gate = g_new (float, space->options);

  for (uint32_t i = 0, at = 0; i < space->n; i++)
    for (uint32_t o = 0, n = lode_space_at (space, i)->n; o < n; o++)
      gate[at++] = 1.f / (float) n;
  return gate;
}

/* The architecture that the stage is given, or the whole space, of which each pass may take a path.
 */
static bool
make_net (LodeStageHost *host, bool paths, Work *work, GError **error)
{
  bool shared = paths || host->spec->use[LODE_USE_SEARCH].loaded != NULL;
  LodeNetIn in = { .size = sizeof in, .shared = shared };
  const LodeSpace *space = lode_host_space (&host->base);
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n + 1);
  g_autofree uint8_t *arch = g_new0 (uint8_t, space->n + 1);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };

  if (!shared && space->n > 0) {
    if (!lode_arch_read (&host->base, "arch", 0, arch, error))
      return false;
    lode_space_one (space, arch, mask);
    in.choice = &choice;
  }
  work->net = lode_net_new (&host->base, &in, error);
  if (work->net && paths) {
    work->mask = g_steal_pointer (&mask);
    work->arch = g_steal_pointer (&arch);
  } else if (work->net && shared) {
    work->gate = even_gates (space);
    work->dgate = g_new0 (float, space->options);
  }
  return work->net != NULL;
}

static bool
open_work (LodeStageHost *host, bool paths, Work *work, GError **error)
{
  if (!make_net (host, paths, work, error))
    return false;
  work->optim = lode_optim_new (&host->base, work->net, error);
  work->stream = lode_stream_open (&host->base, LODE_ROLE_WEIGHTS, error);
  work->grad = lode_params_dup (lode_net_params (work->net), work->net, NULL);
  return work->optim && work->stream;
}

/* What the host keeps is closed by the host. */
static void
close_work (Work *work)
{
  lode_params_free (work->grad);
  g_free (work->gate);
  g_free (work->dgate);
  g_free (work->arch);
  g_free (work->mask);
}

/* Another path than the last ones: of a large space they hardly ever repeat. */
static void
draw_path (LodeStageHost *host, Work *work)
{
  LodeRng rng = lode_rng (&host->base, "paths", work->drawn++, 0);

  lode_sample (&host->base, work->arch, &rng);
  lode_space_one (lode_host_space (&host->base), work->arch, work->mask);
}

static bool
one_batch (LodeStageHost *host, Work *work, GError **error)
{
  const LodeBatch *batch = lode_stream_next (work->stream, error);
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS, .grad = work->grad };
  LodeChoice choice = { .size = sizeof choice, .gate = work->gate, .mask = work->mask };
  bool chosen = work->gate || work->mask, ok;

  if (!batch)
    return false;
  if (work->arch)
    draw_path (host, work);
  if (work->gate) {
    pass.want |= LODE_GATES;
    pass.dgate = work->dgate;
  }
  ok = lode_net_pass (work->net, batch, chosen ? &choice : NULL, &pass, error);
  lode_stream_release (work->stream, batch);
  if (ok)
    lode_optim_step (work->optim, lode_net_params (work->net), work->grad, LODE_CLIP);
  return ok;
}

static int
compare (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

static bool
time_steps (LodeStageHost *host, Work *work, uint32_t steps, double *seconds, GError **error)
{
  uint32_t batches = lode_stream_batches (work->stream);

  for (uint32_t i = 0; i < WARM + steps; i++) {
    double begun = now ();

    for (uint32_t b = 0; b < batches; b++)
      if (!one_batch (host, work, error))
        return false;
    if (i >= WARM)
      seconds[i - WARM] = now () - begun;
  }
  qsort (seconds, steps, sizeof *seconds, compare);
  return true;
}

/* As many steps again, with a clock around every step of the program. */
static bool
tell_shares (LodeStageHost *host, Work *work, uint32_t steps, GString *to, GError **error)
{
  LodeEngine *engine = host->shared->engine;
  LodeShare share[64];
  uint32_t n;
  double all = 0;

  lode_engine_profile (engine, true);
  for (uint32_t b = 0; b < steps * lode_stream_batches (work->stream); b++)
    if (!one_batch (host, work, error))
      return false;
  n = lode_engine_shares (engine, share, G_N_ELEMENTS (share));
  for (uint32_t i = 0; i < n; i++)
    all += share[i].seconds;
  for (uint32_t i = 0; i < n; i++)
    g_string_append_printf (to, "  %-14s %-12s %9.3f ms a step %5.1f %%\n", share[i].kind,
                            share[i].part, 1e3 * share[i].seconds / steps,
                            100 * share[i].seconds / all);
  lode_engine_profile (engine, false);
  return true;
}

static bool
time_host (LodeStageHost *host, uint32_t steps, Timing *timing, GError **error)
{
  g_autofree double *seconds = g_new (double, steps);
  Work work = { 0 };
  bool ok = open_work (host, timing->paths, &work, error)
            && time_steps (host, &work, steps, seconds, error);

  if (ok) {
    timing->batch = (uint32_t) host->spec->fit.batch;
    timing->params = lode_params_count (lode_net_params (work.net));
    timing->low = seconds[0];
    timing->median = (seconds[(steps - 1) / 2] + seconds[steps / 2]) / 2;
    timing->bytes = lode_engine_peak (host->shared->engine);
    if (timing->program)
      lode_program_explain (lode_engine_largest (host->shared->engine), timing->program);
  }
  if (ok && timing->shares)
    ok = tell_shares (host, &work, steps, timing->shares, error);
  close_work (&work);
  return ok;
}

bool
bench_time (const LodeExperiment *experiment, uint32_t threads, uint32_t steps, Timing *timing,
            GError **error)
{
  static const volatile int never = 0;
  LodeShared shared = { .experiment = experiment, .stop = &never };
  LodeStageHost *host;
  bool ok;

  shared.engine = lode_run_engine (experiment, threads, error);
  if (!shared.engine)
    return false;
  host = lode_host_new (&shared, lode_experiment_stage (experiment, 0));
  timing->threads = lode_threads_count (lode_engine_threads (shared.engine));
  ok = time_host (host, steps, timing, error);
  lode_host_free (host);
  lode_engine_free (shared.engine);
  return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table that plugins see, and the life of a stage's host.
 */
#include "run/host.h"

#include "compute/seed.h"
#include "data/find.h"
#include "data/pictures.h"
#include "data/records.h"
#include "exec/score.h"
#include "linalg/lewis.h"
#include "run/benchmark.h"
#include "statistics/distribution.h"
#include "statistics/rank.h"

static void
host_log (const LodeHost *base, uint32_t level, const char *text)
{
  const LodeStageHost *host = lode_host_of (base);
  const LodeWatch *watch = &host->shared->watch;

  if (watch->log)
    watch->log (watch->data, level, host->spec->name, text);
}

/* Samplers hear of the last validation through their streams. */
static void
host_metric (const LodeHost *base, const char *name, double value)
{
  LodeStageHost *host = lode_host_of (base);

  if (host->quiet)
    return;
  host->reported = true;
  if (host->shared->journal)
    lode_journal_value (host->shared->journal, name, value);
  if (strcmp (name, "valid_accuracy"))
    return;
  for (guint i = 0; i < host->open->len; i++) {
    const LodeOpen *open = g_ptr_array_index (host->open, i);

    if (open->what == LODE_OPEN_STREAM && open->role == LODE_ROLE_WEIGHTS)
      lode_stream_valid (open->object, value);
  }
}

static LodeRng
host_rng (const LodeHost *base, const char *name, uint64_t a, uint64_t b)
{
  return lode_seed_rng (lode_host_of (base)->seed, name, a, b);
}

static void
host_parallel (const LodeHost *base, uint32_t chunks, void (*f) (void *, uint32_t), void *data)
{
  lode_threads_each (lode_engine_threads (lode_host_of (base)->shared->engine), chunks, f, data);
}

static uint32_t
host_threads (const LodeHost *base)
{
  return lode_threads_count (lode_engine_threads (lode_host_of (base)->shared->engine));
}

static char *
host_find_data (const LodeHost *base, const char *name, GError **error)
{
  (void) base;
  return lode_data_find (name, error);
}

static void
hear (void *data, uint32_t level, const char *text)
{
  host_log (data, level, text);
}

static LodePictures *
host_pictures_new (const LodeHost *base, const LodePicturesIn *in, GError **error)
{
  LodeListener listener = { hear, (void *) base };

  return lode_pictures_decode (in, lode_engine_threads (lode_host_of (base)->shared->engine),
                               &listener, error);
}

static LodeRecords *
host_records_new (const LodeHost *base, const LodeRecordsIn *in, GError **error)
{
  (void) base;
  return lode_records_read (in, error);
}

static LodeBenchmark *
host_benchmark_open (const LodeHost *base, const char *name, GError **error)
{
  g_autofree char *path = lode_data_find (name, error);

  (void) base;
  return path ? lode_benchmark_read (path, error) : NULL;
}

static double
host_kendall (const LodeHost *base, uint32_t n, const double *x, const double *y)
{
  (void) base;
  return stat_kendall (n, x, y);
}

static double
host_spearman (const LodeHost *base, uint32_t n, const double *x, const double *y)
{
  (void) base;
  return stat_spearman (n, x, y);
}

static double
host_interval (const LodeHost *base, uint32_t n, const double *x, double level, double *sd)
{
  double deviation = stat_sd (n, x);

  (void) base;
  if (sd)
    *sd = deviation;
  return n < 2 ? NAN : deviation / sqrt (n) * stat_student_inverse (0.5 + 0.5 * level, n - 1.0);
}

static LodeRows *
host_rows_open (const LodeHost *base, const char *path, GError **error)
{
  (void) base;
  return lode_rows_map (path, error);
}

static bool
host_lewis (const LodeHost *base, LodeRows *rows, const LodeLewisIn *in, double *w,
            LodeLewisOut *out, GError **error)
{
  return lode_lewis_answer (rows, in, lode_engine_threads (lode_host_of (base)->shared->engine), w,
                            out, error);
}

static const LodeHostCalls calls = {
  .size = sizeof (LodeHostCalls),
  .log = host_log,
  .metric = host_metric,
  .rng = host_rng,
  .parallel = host_parallel,
  .find_data = host_find_data,
  .net_new = lode_host_net_new,
  .net_current = lode_host_net_current,
  .optim_new = lode_host_optim_new,
  .fit_new = lode_host_fit_new,
  .stream_open = lode_host_stream_open,
  .cost = lode_host_cost,
  .expect = lode_host_expect,
  .derive = lode_host_derive,
  .sample = lode_host_sample,
  .repair = lode_host_repair,
  .arch_key = lode_host_arch_key,
  .arch_write = lode_host_arch_write,
  .score = lode_host_score,
  .map = lode_host_map,
  .art_path = lode_host_art_path,
  .threads = host_threads,
  .pictures_new = host_pictures_new,
  .records_new = host_records_new,
  .benchmark_open = host_benchmark_open,
  .kendall = host_kendall,
  .spearman = host_spearman,
  .interval = host_interval,
  .known = lode_host_known,
  .best = lode_host_best,
  .spent = lode_host_spent,
  .rows_open = host_rows_open,
  .lewis = host_lewis,
};

/* The stage's strategy; the host borrows it, to save its state. */
static const LodeSearchOps *
host_search_new (const LodeHost *base, LodeSearch **search, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  const LodeUse *use = &host->spec->use[LODE_USE_SEARCH];
  const LodeSearchOps *ops = use->loaded->ops;
  LodeArchFamily family;

  if (!lode_host_backbone (host, &family, error))
    return NULL;
  *search = host->search = ops->create (base, use->conf, lode_arch_space (&family), error);
  return *search ? ops : NULL;
}

static void
host_result (const LodeHost *base, const char *name, double value)
{
  LodeStageHost *host = lode_host_of (base);
  LodeFigure figure = { g_strdup (name), value };

  for (guint i = 0; i < host->figures->len; i++)
    if (!strcmp (g_array_index (host->figures, LodeFigure, i).name, name)) {
      g_free (figure.name);
      g_array_index (host->figures, LodeFigure, i).value = value;
      return;
    }
  g_array_append_val (host->figures, figure);
}

static const LodeStageCalls stage_calls = {
  .size = sizeof (LodeStageCalls),
  .search_new = host_search_new,
  .space = lode_host_space,
  .arch_read = lode_host_arch_read,
  .arch_save = lode_host_arch_save,
  .net_save = lode_host_net_save,
  .net_open = lode_host_net_open,
  .result = host_result,
  .repeat = lode_host_repeat,
  .limit = lode_host_limit,
  .quote = lode_host_quote,
  .text_save = lode_host_text_save,
  .figures = lode_host_figures,
  .valid_figures = lode_host_valid_figures,
};

static void
clear_figure (gpointer figure)
{
  g_free (((LodeFigure *) figure)->name);
}

/* Streams of different stages are different, those of the same stage alike in every run. */
uint64_t
lode_stage_seed (uint64_t seed, const char *name)
{
  return lode_seed_rng (seed, name, 0, 0).key;
}

LodeStageHost *
lode_host_new (const LodeShared *shared, const LodeStageSpec *spec)
{
  LodeStageHost *host = g_new0 (LodeStageHost, 1);

  host->base = (LodeHost){ .size = sizeof (LodeHost),
                           .abi_major = LODE_ABI_MAJOR,
                           .abi_minor = LODE_ABI_MINOR,
                           .calls = &calls,
                           .stage = &stage_calls };
  host->shared = shared;
  host->spec = spec;
  host->seed = lode_stage_seed (lode_experiment_seed (shared->experiment, spec), spec->name);
  host->open = g_ptr_array_new ();
  host->figures = g_array_new (FALSE, TRUE, sizeof (LodeFigure));
  g_array_set_clear_func (host->figures, clear_figure);
  return host;
}

LodeCache *
lode_host_cache (LodeStageHost *host, GError **error)
{
  if (!host->cache)
    host->cache = lode_cache_open (host->shared->cache, error);
  return host->cache;
}

/* What plugins left open, last made first: a net's optimiser and streams go before it. */
static void
close_open (LodeStageHost *host)
{
  while (host->open->len > 0) {
    LodeOpen *open = g_ptr_array_index (host->open, host->open->len - 1);

    if (open->what == LODE_OPEN_NET)
      lode_net_free (open->object);
    else if (open->what == LODE_OPEN_OPTIM)
      lode_optim_free (open->object);
    else if (open->what == LODE_OPEN_STREAM)
      lode_stream_close (open->object);
    else
      lode_fit_free (open->object);
  }
}

#define DESTROY(host, kind, Ops, instance)                                                         \
  if ((host)->instance)                                                                            \
  ((const Ops *) (host)->spec->use[kind].loaded->ops)->destroy ((host)->instance)

void
lode_host_free (LodeStageHost *host)
{
  if (!host)
    return;
  DESTROY (host, LODE_USE_STAGE, LodeStageOps, stage);
  close_open (host);
  DESTROY (host, LODE_USE_EXECUTOR, LodeExecutorOps, scoring);
  DESTROY (host, LODE_USE_EXECUTOR, LodeExecutorOps, mapping);
  DESTROY (host, LODE_USE_EVALUATOR, LodeEvaluatorOps, evaluator);
  DESTROY (host, LODE_USE_SAMPLER, LodeSamplerOps, sampler);
  lode_cost_free (host->cost);
  DESTROY (host, LODE_USE_BACKBONE, LodeBackboneOps, backbone);
  lode_data_free (host->data);
  lode_book_close (host->book);
  lode_cache_free (host->cache);
  lode_memory_clear (&host->memory);
  g_ptr_array_unref (host->open);
  g_array_unref (host->figures);
  g_free (host->seen);
  g_free (host->best);
  g_free (host);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores and jobs for a stage's search.
 */
#include "run/host.h"

#include "error.h"

/* The evaluator is made when the first job arrives, in whichever process that is. */
static LodeEvaluator *
evaluator_of (LodeStageHost *host, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_EVALUATOR];

  if (!host->evaluator)
    host->evaluator =
        ((const LodeEvaluatorOps *) use->loaded->ops)->create (&host->base, use->conf, error);
  return host->evaluator;
}

static GBytes *
score_job (void *data, GBytes *job, GError **error)
{
  LodeStageHost *host = data;
  const LodeEvaluatorOps *ops = host->spec->use[LODE_USE_EVALUATOR].loaded->ops;
  LodeEvaluator *evaluator = evaluator_of (host, error);
  GBytes *result;

  if (!evaluator)
    return NULL;
  if (*host->shared->stop) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED, "stopped between scores");
    return NULL;
  }
  host->quiet = true;
  result = lode_score_job (ops, evaluator, lode_host_space (&host->base)->n, job, error);
  host->quiet = false;
  host->ledger.scores += result != NULL;
  return result;
}

static GBytes *
search_job (void *data, GBytes *job, GError **error)
{
  LodeStageHost *host = data;
  const LodeSearchOps *ops = host->spec->use[LODE_USE_SEARCH].loaded->ops;

  if (ops->work)
    return ops->work (host->search, job, error);
  g_set_error (error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_OPS,
               "search %s asked for jobs but has no member `work` to run them",
               host->spec->use[LODE_USE_SEARCH].loaded->plugin->name);
  return NULL;
}

/* One executor for scores, one for the search's own jobs. */
static LodeExecutor *
executor_of (LodeStageHost *host, LodeExecutor **slot, LodeJobFunc job, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_EXECUTOR];

  if (!use->loaded) {
    g_set_error (
        error, LODE_PLUGIN_ERROR, LODE_PLUGIN_ERROR_OPS,
        "search %s asks for jobs or scores without declaring that it needs SCORES or TASKS",
        host->spec->use[LODE_USE_SEARCH].loaded->plugin->name);
    return NULL;
  }
  if (!*slot)
    *slot = ((const LodeExecutorOps *) use->loaded->ops)
                ->create (&host->base, use->conf, job, host, error);
  return *slot;
}

/* A plan notes nothing. */
static bool
find_nothing (void *data, const char *key, double fidelity, LodeScore *score)
{
  const LodeScore *last = data;

  (void) key;
  (void) fidelity;
  if (!isfinite (last->seconds))
    return false;
  *score = *last;
  return true;
}

static bool
note_last (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
           GError **error)
{
  (void) key;
  (void) fidelity;
  (void) id;
  (void) error;
  *(LodeScore *) data = *score;
  return true;
}

static bool
open_book (LodeStageHost *host, GError **error)
{
  g_autofree char *name = NULL, *path = NULL;

  if (host->book || !host->shared->folder)
    return true;
  name = g_build_filename (host->spec->name, "scores.jsonl", NULL);
  path = lode_folder_file (host->shared->folder, name, error);
  return path && (host->book = lode_book_open (path, error)) != NULL;
}

bool
lode_host_score (const LodeHost *base, uint32_t n, const uint8_t *const *arch, double fidelity,
                 LodeScore *score, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeScore last = { .size = sizeof last, .seconds = NAN };
  LodeScorer scorer = { .host = base, .slice = 16 };

  if (!executor_of (host, &host->scoring, score_job, error) || !open_book (host, error))
    return false;
  scorer.length = lode_host_space (base)->n;
  scorer.executor_ops = host->spec->use[LODE_USE_EXECUTOR].loaded->ops;
  scorer.executor = host->scoring;
  scorer.book =
      host->book ? lode_book_view (host->book) : (LodeScoreBook){ &last, find_nothing, note_last };
  return lode_scorer_run (&scorer, n, arch, fidelity, score, error);
}

bool
lode_host_map (const LodeHost *base, uint32_t n, GBytes *const *job, GBytes **result,
               GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeExecutor *executor = executor_of (host, &host->mapping, search_job, error);

  return executor
         && ((const LodeExecutorOps *) host->spec->use[LODE_USE_EXECUTOR].loaded->ops)
                ->map (executor, n, job, result, error);
}

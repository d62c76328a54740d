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

/* What the host had counted before a score. */
typedef struct Counted {
  LodeLedger ledger;
  uint32_t labelled;
  uint8_t *seen; /* [n] */
} Counted;

/* Examples that were seen since, a bit each; NULL: none. */
static GBytes *
newly_seen (const LodeStageHost *host, const Counted *before)
{
  uint32_t n = lode_data_count (host->data, LODE_ROLE_WEIGHTS);
  uint8_t *bits;

  if (host->ledger.distinct == before->ledger.distinct)
    return NULL;
  bits = g_new0 (uint8_t, n / 8 + 1);
  for (uint32_t i = 0; i < n; i++)
    bits[i / 8] |= (uint8_t) ((host->seen[i] && !before->seen[i]) << (i % 8));
  return g_bytes_new_take (bits, n / 8 + 1);
}

/* A score that was made in this process is noted at once, not when the whole slice is done: it may
 * have taken an hour. */
static bool
note_job (LodeStageHost *host, GBytes *job, GBytes *result, const Counted *before, GError **error)
{
  double fidelity;
  g_autofree char *key = lode_score_job_key (&host->base, job, &fidelity);
  g_autoptr (GBytes) seen = newly_seen (host, before);
  const LodeLedger *was = &before->ledger, *is = &host->ledger;
  LodeScoreCost cost = { is->samples - was->samples, is->macs - was->macs, is->labels - was->labels,
                         host->labelled & ~before->labelled, seen };

  return lode_book_note (host->book, key, fidelity, lode_key_id (key),
                         g_bytes_get_data (result, NULL), &cost, error);
}

static GBytes *
run_score (LodeStageHost *host, GBytes *job, GError **error)
{
  const LodeEvaluatorOps *ops = host->spec->use[LODE_USE_EVALUATOR].loaded->ops;
  LodeEvaluator *evaluator = evaluator_of (host, error);
  uint32_t length = lode_host_space (&host->base)->n;
  GBytes *result;

  if (!evaluator)
    return NULL;
  host->quiet = true;
  result = lode_score_job (ops, evaluator, length, job, error);
  host->quiet = false;
  host->ledger.scores += result != NULL;
  if (ops->needs & LODE_VALID)
    lode_host_count_labels (host, LODE_ROLE_VALID);
  return result;
}

static GBytes *
score_job (void *data, GBytes *job, GError **error)
{
  LodeStageHost *host = data;
  Counted before = { host->ledger, host->labelled, NULL };
  GBytes *result;

  if (*host->shared->stop) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED, "stopped between scores");
    return NULL;
  }
  before.seen = g_memdup2 (host->seen, lode_data_count (host->data, LODE_ROLE_WEIGHTS) + (gsize) 1);
  result = run_score (host, job, error);
  if (result && host->book && !note_job (host, job, result, &before, error))
    g_clear_pointer (&result, g_bytes_unref);
  g_free (before.seen);
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
  host->book = path ? lode_book_open (path, error) : NULL;
  if (host->book)
    lode_book_owe (host->book, host->settled);
  return host->book != NULL;
}

/* The costs of a score that was made behind the last checkpoint, by a process that was killed. */
static void
charge (LodeStageHost *host, const LodeScoreCost *cost, double seconds)
{
  LodeLedger *ledger = &host->ledger;
  gsize bytes = 0;
  const uint8_t *bits = cost->seen ? g_bytes_get_data (cost->seen, &bytes) : NULL;
  uint32_t n = lode_data_count (host->data, LODE_ROLE_WEIGHTS);

  ledger->samples += cost->samples;
  ledger->macs += cost->macs;
  ledger->labels += cost->labels;
  ledger->scores++;
  ledger->wall += seconds;
  host->labelled |= cost->roles;
  for (uint32_t i = 0; i < n && i / 8 < bytes; i++)
    if (!host->seen[i] && (bits[i / 8] >> (i % 8) & 1)) {
      host->seen[i] = 1;
      ledger->distinct++;
    }
}

static bool
find_score (void *data, const char *key, double fidelity, LodeScore *score)
{
  LodeStageHost *host = data;
  LodeScoreBook book = lode_book_view (host->book);
  const LodeScoreCost *cost;

  if (!book.find (book.data, key, fidelity, score))
    return false;
  cost = lode_book_settle (host->book, key, fidelity);
  if (cost)
    charge (host, cost, score->seconds);
  return true;
}

/* What score_job has noted is not noted again. */
static bool
note_score (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
            GError **error)
{
  LodeStageHost *host = data;
  LodeScoreBook book = lode_book_view (host->book);
  LodeScore known = { .size = sizeof known };

  return book.find (book.data, key, fidelity, &known)
         || book.note (book.data, key, fidelity, id, score, error);
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
  scorer.book = host->book ? (LodeScoreBook){ host, find_score, note_score }
                           : (LodeScoreBook){ &last, find_nothing, note_last };
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

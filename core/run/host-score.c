/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores and jobs for a stage's search.
 */
#include "run/host.h"

#include "error.h"
#include "run/receipt.h"

/* The evaluator is made when the first job arrives, in whichever process that is. */
static LodeEvaluator *
evaluator_of (LodeStageHost *host, GError **error)
{
  const LodeUse *use = &host->spec->use[LODE_USE_EVALUATOR];

  g_autoptr (GError) failure = NULL;

  if (host->evaluator)
    return host->evaluator;
  host->evaluator =
      ((const LodeEvaluatorOps *) use->loaded->ops)->create (&host->base, use->conf, &failure);
  if (failure && failure->domain != LODE_RUN_ERROR && failure->domain != LODE_PLUGIN_ERROR)
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, failure->message);
  else if (failure)
    g_propagate_error (error, g_steal_pointer (&failure));
  if (!host->evaluator)
    g_prefix_error (error, "evaluator %s with backbone %s: ", use->loaded->plugin->name,
                    host->spec->use[LODE_USE_BACKBONE].loaded->plugin->name);
  return host->evaluator;
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
  LodeCounted before;

  if (*host->shared->stop) {
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED, "stopped between scores");
    return NULL;
  }
  before = lode_receipt_begin (host);
  return lode_receipt_end (host, &before, run_score (host, job, error));
}

static GBytes *
search_job (void *data, GBytes *job, GError **error)
{
  LodeStageHost *host = data;
  const LodeSearchOps *ops = host->spec->use[LODE_USE_SEARCH].loaded->ops;
  LodeCounted before;

  if (ops->work) {
    before = lode_receipt_begin (host);
    return lode_receipt_end (host, &before, ops->work (host->search, job, error));
  }
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

  if (!use->loaded && !host->spec->use[LODE_USE_SEARCH].loaded) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "stage %s asks for scores, but no evaluator is chosen: evaluator = { type = "
                 "\"<name>\"; };",
                 host->spec->name);
    return NULL;
  }
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

/* A plan notes nothing but the last score, which stands for all. */
typedef struct Planned {
  LodeStageHost *host;
  LodeScore last;
  double seconds; /* of all */
} Planned;

static bool
find_nothing (void *data, const char *key, double fidelity, LodeScore *score)
{
  const Planned *planned = data;

  (void) key;
  (void) fidelity;
  if (!isfinite (planned->last.seconds))
    return false;
  *score = planned->last;
  return true;
}

static bool
note_last (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
           GBytes *result, GError **error)
{
  Planned *planned = data;
  LodeScoreCost cost;
  bool ok = lode_receipt_book (planned->host, result, &cost, error);

  (void) key;
  (void) fidelity;
  (void) id;
  g_clear_pointer (&cost.seen, g_bytes_unref);
  planned->last = *score;
  planned->seconds += score->seconds;
  return ok;
}

bool
lode_host_open_book (LodeStageHost *host, GError **error)
{
  g_autofree char *name = NULL, *path = NULL;

  if (host->book || !host->shared->folder || host->memory.scores)
    return true;
  name = g_build_filename (host->spec->name, "scores.jsonl", NULL);
  path = lode_folder_file (host->shared->folder, name, error);
  host->book = path ? lode_book_open (path, error) : NULL;
  if (host->book && lode_host_simulates (host))
    lode_book_relax (host->book);
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
  if (!lode_host_simulates (host)) {
    ledger->wall += seconds;
    host->memory.seconds += seconds;
  }
  ledger->cpu += cost->cpu;
  host->labelled |= cost->roles;
  for (uint32_t i = 0; i < n && i / 8 < bytes; i++)
    if (!host->seen[i] && (bits[i / 8] >> (i % 8) & 1)) {
      host->seen[i] = LODE_SEEN_LABEL;
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

static bool
note_score (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
            GBytes *result, GError **error)
{
  LodeStageHost *host = data;
  LodeScoreCost cost;
  bool ok = lode_receipt_book (host, result, &cost, error)
            && lode_book_note (host->book, key, fidelity, id, score, &cost, error);

  host->memory.seconds += ok && !lode_host_simulates (host) ? score->seconds : 0;
  g_clear_pointer (&cost.seen, g_bytes_unref);
  return ok;
}

static void
charge_score (void *data, const char *key, double fidelity, LodeScore *score)
{
  lode_memory_charge (data, key, fidelity, score);
}

/* What workers that are copies of this process should find made. */
static bool
prepare (LodeStageHost *host, GError **error)
{
  const LodeEvaluatorOps *ops = host->spec->use[LODE_USE_EVALUATOR].loaded->ops;

  if (ops->needs & LODE_SHARE)
    lode_host_net_current (&host->base);
  return evaluator_of (host, error) != NULL;
}

/* Of loops that a plan cut short, the time that is left is spent side by side. */
static void
spread (const Planned *planned, double booked, int64_t begun)
{
  double took = (double) (g_get_monotonic_time () - begun) / 1e6;

  if (planned->seconds > took)
    planned->host->booked = booked + (planned->host->booked - booked) * took / planned->seconds;
}

bool
lode_host_score (const LodeHost *base, uint32_t n, const uint8_t *const *arch, double fidelity,
                 LodeScore *score, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  Planned planned = { host, { .size = sizeof planned.last, .seconds = NAN }, 0 };
  LodeScorer scorer = { .host = base, .slice = 16, .stop = host->shared->stop };
  double booked = host->booked;
  int64_t begun = g_get_monotonic_time ();
  bool ok;

  if (!executor_of (host, &host->scoring, score_job, error) || !lode_host_open_book (host, error)
      || !prepare (host, error))
    return false;
  scorer.length = lode_host_space (base)->n;
  scorer.executor_ops = host->spec->use[LODE_USE_EXECUTOR].loaded->ops;
  scorer.executor = host->scoring;
  scorer.book = host->memory.scores ? lode_memory_book (host)
                : host->book        ? (LodeScoreBook){ host, find_score, note_score, NULL }
                                    : (LodeScoreBook){ &planned, find_nothing, note_last, NULL };
  if (lode_host_simulates (host) && (host->memory.scores || host->book))
    scorer.book.charge = charge_score;
  ok = lode_scorer_run (&scorer, n, arch, fidelity, score, error);
  if (ok)
    lode_memory_take (host, n, arch, fidelity, score);
  if (host->shared->plan)
    spread (&planned, booked, begun);
  return ok;
}

bool
lode_host_quote (const LodeHost *base, const uint8_t *arch, LodeQuotes *quotes, GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  const LodeLoaded *evaluator = host->spec->use[LODE_USE_EVALUATOR].loaded;
  const LodeEvaluatorOps *ops = evaluator ? evaluator->ops : NULL;

  quotes->n = 0;
  if (!ops || !ops->quote)
    return true;
  return evaluator_of (host, error) && ops->quote (host->evaluator, arch, quotes, error);
}

/* Results without their receipts, which go to the ledger. */
static bool
book_all (LodeStageHost *host, uint32_t n, GBytes **result, GError **error)
{
  for (uint32_t i = 0; i < n; i++) {
    LodeScoreCost cost;
    bool ok = lode_receipt_book (host, result[i], &cost, error);
    GBytes *bare = ok ? lode_receipt_strip (result[i], error) : NULL;

    g_clear_pointer (&cost.seen, g_bytes_unref);
    if (!bare)
      return false;
    g_bytes_unref (result[i]);
    result[i] = bare;
  }
  return true;
}

bool
lode_host_map (const LodeHost *base, uint32_t n, GBytes *const *job, GBytes **result,
               GError **error)
{
  LodeStageHost *host = lode_host_of (base);
  LodeExecutor *executor = executor_of (host, &host->mapping, search_job, error);
  const LodeExecutorOps *ops = executor ? host->spec->use[LODE_USE_EXECUTOR].loaded->ops : NULL;

  if (!executor || !ops->map (executor, n, job, result, error))
    return false;
  if (book_all (host, n, result, error))
    return true;
  for (uint32_t i = 0; i < n; i++)
    g_clear_pointer (&result[i], g_bytes_unref);
  return false;
}

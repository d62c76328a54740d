/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every search looks back at: what has been scored, the best of it, what was spent; and
 * repetitions, which begin all of that anew.
 */
#include "run/host.h"

#include "run/receipt.h"

#include <lode/evaluator.h>
#include <math.h>
#include <string.h>

static char *
entry_name (const char *key, double fidelity)
{
  return g_strdup_printf ("%.17g %s", fidelity, key);
}

static bool
memory_find (void *data, const char *key, double fidelity, LodeScore *score)
{
  const LodeStageHost *host = data;
  g_autofree char *name = entry_name (key, fidelity);
  const LodeScore *found = g_hash_table_lookup (host->memory.scores, name);

  if (found && score)
    *score = *found;
  return found != NULL;
}

static bool
memory_note (void *data, const char *key, double fidelity, uint64_t id, const LodeScore *score,
             GBytes *result, GError **error)
{
  LodeStageHost *host = data;
  LodeScoreCost cost;
  bool ok = lode_receipt_book (host, result, &cost, error);

  (void) id;
  g_clear_pointer (&cost.seen, g_bytes_unref);
  if (ok && isfinite (score->seconds) && !lode_host_simulates (host))
    host->memory.seconds += score->seconds;
  g_hash_table_insert (host->memory.scores, entry_name (key, fidelity),
                       g_memdup2 (score, sizeof *score));
  return ok;
}

LodeScoreBook
lode_memory_book (LodeStageHost *host)
{
  return (LodeScoreBook){ host, memory_find, memory_note, NULL };
}

bool
lode_host_simulates (const LodeStageHost *host)
{
  const LodeLoaded *evaluator = host->spec->use[LODE_USE_EVALUATOR].loaded;

  return evaluator && (((const LodeEvaluatorOps *) evaluator->ops)->flags & LODE_SIMULATED);
}

/* Whether this is the first time that a score is asked for; then it is to be paid. */
static bool
is_unpaid (const LodeStageHost *host, const char *key, double fidelity)
{
  g_autofree char *name = host->memory.scores ? entry_name (key, fidelity) : NULL;

  return name ? !g_hash_table_contains (host->memory.paid, name)
              : lode_book_unpaid (host->book, key, fidelity);
}

static void
pay (LodeStageHost *host, const char *key, double fidelity, double seconds)
{
  if (host->memory.scores)
    g_hash_table_add (host->memory.paid, entry_name (key, fidelity));
  else
    lode_book_pay (host->book, key, fidelity);
  host->memory.seconds += seconds;
  host->ledger.simulated += seconds;
}

void
lode_memory_charge (LodeStageHost *host, const char *key, double fidelity, LodeScore *score)
{
  LodeMemory *memory = &host->memory;

  if (!is_unpaid (host, key, fidelity))
    return;
  if (host->limit > 0 && (memory->exhausted || memory->seconds + score->seconds > host->limit)) {
    host->ledger.simulated += host->limit - memory->seconds;
    memory->seconds = host->limit;
    memory->exhausted = true;
    score->failed = 1;
    score->value = -INFINITY;
    return;
  }
  pay (host, key, fidelity, score->seconds);
}

void
lode_host_limit (const LodeHost *base, double seconds)
{
  lode_host_of (base)->limit = seconds;
}

bool
lode_host_known (const LodeHost *base, const uint8_t *arch, double fidelity, LodeScore *score)
{
  LodeStageHost *host = lode_host_of (base);
  g_autofree char *key = lode_host_arch_key (base, arch);

  if (host->memory.scores)
    return memory_find (host, key, fidelity, score);
  return lode_host_open_book (host, NULL) && host->book
         && lode_book_known (host->book, key, fidelity, score);
}

static bool
is_better (const LodeMemory *memory, double fidelity, const LodeScore *score)
{
  if (score->failed || !isfinite (score->value))
    return false;
  if (!memory->best || fidelity > memory->fidelity)
    return true;
  return fidelity == memory->fidelity && score->value > memory->value;
}

void
lode_memory_take (LodeStageHost *host, uint32_t n, const uint8_t *const *arch, double fidelity,
                  const LodeScore *score)
{
  uint32_t length = lode_host_space (&host->base)->n;
  LodeMemory *memory = &host->memory;

  for (uint32_t i = 0; i < n; i++) {
    if (!is_better (memory, fidelity, &score[i]))
      continue;
    g_free (memory->best);
    memory->best = g_memdup2 (arch[i], (gsize) length + !length);
    memory->value = score[i].value;
    memory->fidelity = fidelity;
  }
  if (memory->best)
    host->base.calls->metric (&host->base, "best_score", memory->value);
}

bool
lode_host_best (const LodeHost *base, uint8_t *arch, LodeScore *score)
{
  const LodeMemory *memory = &lode_host_of (base)->memory;
  LodeRng rng = lode_rng (base, "best", 0, 0);

  if (!memory->best) {
    lode_host_sample (base, arch, &rng);
    return false;
  }
  memcpy (arch, memory->best, lode_host_space (base)->n);
  if (score) {
    *score = (LodeScore){ .size = sizeof *score, .value = memory->value };
    lode_host_known (base, arch, memory->fidelity, score);
  }
  return true;
}

void
lode_host_spent (const LodeHost *base, LodeSpent *spent)
{
  const LodeStageHost *host = lode_host_of (base);
  const LodeLedger *now = &host->ledger, *before = &host->memory.before;

  spent->scores = now->scores - before->scores;
  spent->samples = now->samples - before->samples;
  spent->macs = now->macs - before->macs;
  spent->seconds = host->memory.seconds;
  spent->wall = now->wall - before->wall;
}

/* Workers are copies of this process with the seed of before: they are made anew. */
static void
close_executors (LodeStageHost *host)
{
  const LodeUse *use = &host->spec->use[LODE_USE_EXECUTOR];
  const LodeExecutorOps *ops = use->loaded ? use->loaded->ops : NULL;

  if (!ops)
    return;
  ops->destroy (host->scoring);
  ops->destroy (host->mapping);
  host->scoring = host->mapping = NULL;
}

void
lode_host_repeat (const LodeHost *base, uint64_t i)
{
  LodeStageHost *host = lode_host_of (base);
  uint64_t seed = lode_experiment_seed (host->shared->experiment, host->spec);

  close_executors (host);
  lode_memory_clear (&host->memory);
  host->memory.scores = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  host->memory.paid = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  host->memory.before = host->ledger;
  host->seed = lode_stage_seed (seed + i, host->spec->name);
  host->search = NULL;
}

void
lode_memory_save (const LodeStageHost *host, LodeStore *store)
{
  const LodeMemory *memory = &host->memory;
  const double figures[] = { memory->value, memory->fidelity };

  if (!memory->best || memory->scores)
    return;
  lode_store_put (store, "run.best", LODE_TYPE_U8, lode_host_space (&host->base)->n, memory->best);
  lode_store_put (store, "run.best_score", LODE_TYPE_F64, G_N_ELEMENTS (figures), figures);
}

bool
lode_memory_load (LodeStageHost *host, const LodeStore *store, GError **error)
{
  uint32_t n = lode_host_space (&host->base)->n, type;
  g_autofree uint8_t *best = g_new0 (uint8_t, (size_t) n + 1);
  double figures[2];
  size_t count;

  if (!lode_store_count (store, "run.best", &type, &count)) {
    g_clear_pointer (&host->memory.best, g_free);
    return true;
  }
  if (!lode_store_get (store, "run.best", LODE_TYPE_U8, n, best, error)
      || !lode_arch_check (lode_host_space (&host->base), best, error)
      || !lode_store_get (store, "run.best_score", LODE_TYPE_F64, 2, figures, error))
    return false;
  g_free (host->memory.best);
  host->memory.best = g_steal_pointer (&best);
  host->memory.value = figures[0];
  host->memory.fidelity = figures[1];
  return true;
}

void
lode_memory_clear (LodeMemory *memory)
{
  g_clear_pointer (&memory->scores, g_hash_table_unref);
  g_clear_pointer (&memory->paid, g_hash_table_unref);
  g_free (memory->best);
  *memory = (LodeMemory){ 0 };
}

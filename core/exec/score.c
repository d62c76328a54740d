/* SPDX-License-Identifier: Apache-2.0 */
#include "exec/score.h"

#include "error.h"

#include <math.h>
#include <string.h>

/* A job on the wire: this head, then the architecture's bytes. */
typedef struct JobHead {
  uint64_t id;
  double fidelity;
} JobHead;

/* FNV-1a over the key's bytes. */
uint64_t
lode_key_id (const char *key)
{
  uint64_t hash = UINT64_C (0xcbf29ce484222325);

  for (; *key; key++)
    hash = (hash ^ (uint8_t) *key) * UINT64_C (0x100000001b3);
  return hash;
}

static GBytes *
encode (const uint8_t *arch, uint32_t length, uint64_t id, double fidelity)
{
  JobHead head = { id, fidelity };
  GByteArray *bytes = g_byte_array_sized_new ((guint) sizeof head + length);

  g_byte_array_append (bytes, (const guint8 *) &head, sizeof head);
  g_byte_array_append (bytes, arch, length);
  return g_byte_array_free_to_bytes (bytes);
}

GBytes *
lode_score_job (const LodeEvaluatorOps *ops, LodeEvaluator *evaluator, uint32_t length, GBytes *job,
                GError **error)
{
  gsize size;
  const uint8_t *data = g_bytes_get_data (job, &size);
  LodeScore score = { .size = sizeof score };
  JobHead head;

  if (size != sizeof head + length) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "a scoring job has %zu bytes, expected %zu: the worker runs another search space",
                 size, sizeof head + length);
    return NULL;
  }
  memcpy (&head, data, sizeof head);
  if (!ops->score (evaluator, data + sizeof head, head.id, head.fidelity, &score, error))
    return NULL;
  return g_bytes_new (&score, sizeof score);
}

/* The architectures of a request whose key is not in the book, each key once. */
typedef struct Pending {
  GPtrArray *job;    /* GBytes * */
  GPtrArray *key;    /* char *, borrowed from the request */
  GHashTable *index; /* key → position + 1 */
} Pending;

static void
pending_add (Pending *pending, const LodeScorer *scorer, char *key, const uint8_t *arch,
             double fidelity)
{
  if (g_hash_table_contains (pending->index, key))
    return;
  g_ptr_array_add (pending->job, encode (arch, scorer->length, lode_key_id (key), fidelity));
  g_ptr_array_add (pending->key, key);
  g_hash_table_insert (pending->index, key, GUINT_TO_POINTER (pending->key->len));
}

static bool
take_result (GBytes *result, LodeScore *score, GError **error)
{
  gsize size = 0;
  const void *data = result ? g_bytes_get_data (result, &size) : NULL;

  if (size < sizeof *score) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "a worker answered %zu bytes, expected a score of %zu", (size_t) size,
                 sizeof *score);
    return false;
  }
  memcpy (score, data, sizeof *score);
  if (score->failed || !isfinite (score->value)) {
    score->failed = score->failed ? score->failed : 1;
    score->value = -INFINITY;
  }
  return true;
}

/* Jobs given to the executor at once. */
typedef struct Slice {
  const LodeScorer *scorer;
  const Pending *pending;
  uint32_t first, n, noted;
  double fidelity;
} Slice;

static bool
note (Slice *slice, uint32_t i, GBytes *result, GError **error)
{
  const LodeScoreBook *book = &slice->scorer->book;
  const char *key = slice->pending->key->pdata[slice->first + i];
  LodeScore score = { .size = sizeof score };

  slice->noted++;
  return take_result (result, &score, error)
         && book->note (book->data, key, slice->fidelity, lode_key_id (key), &score, result, error);
}

/* A score is noted as soon as it is there: it may have taken an hour. */
static bool
arrived (void *data, uint32_t i, GBytes *result, GError **error)
{
  Slice *slice = data;
  const volatile int *stop = slice->scorer->stop;

  if (!note (slice, i, result, error))
    return false;
  if (!stop || !*stop || slice->first + slice->noted >= slice->pending->job->len)
    return true;
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_STOPPED, "stopped between scores");
  return false;
}

static bool
map_slice (Slice *slice, GError **error)
{
  const LodeScorer *scorer = slice->scorer;
  const LodeExecutorOps *ops = scorer->executor_ops;
  g_autofree GBytes **result = g_new0 (GBytes *, slice->n);
  bool ok;

  if (ops->watch)
    ops->watch (scorer->executor, arrived, slice);
  ok = ops->map (scorer->executor, slice->n, (GBytes **) slice->pending->job->pdata + slice->first,
                 result, error);
  if (ops->watch)
    ops->watch (scorer->executor, NULL, NULL);
  for (uint32_t i = 0; i < slice->n; i++) {
    ok = ok && (ops->watch || note (slice, i, result[i], error));
    g_clear_pointer (&result[i], g_bytes_unref);
  }
  return ok;
}

static bool
map_all (const LodeScorer *scorer, const Pending *pending, double fidelity, GError **error)
{
  uint32_t most = scorer->executor_ops->watch ? UINT32_MAX : MAX (scorer->slice, 1);
  uint32_t n;

  for (uint32_t first = 0; first < pending->job->len; first += n) {
    Slice slice = { scorer, pending, first, 0, 0, fidelity };

    slice.n = n = MIN (most, pending->job->len - first);
    if (!map_slice (&slice, error))
      return false;
  }
  return true;
}

bool
lode_scorer_run (const LodeScorer *scorer, uint32_t n, const uint8_t *const *arch, double fidelity,
                 LodeScore *score, GError **error)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GHashTable) index = g_hash_table_new (g_str_hash, g_str_equal);
  Pending pending = { jobs, names, index };

  for (uint32_t i = 0; i < n; i++) {
    LodeScore known = { .size = sizeof known };
    char *key = lode_arch_key (scorer->host, arch[i]);

    g_ptr_array_add (keys, key);
    if (!scorer->book.find (scorer->book.data, key, fidelity, &known))
      pending_add (&pending, scorer, key, arch[i], fidelity);
  }
  if (!map_all (scorer, &pending, fidelity, error))
    return false;
  for (uint32_t i = 0; i < n; i++) {
    scorer->book.find (scorer->book.data, keys->pdata[i], fidelity, &score[i]);
    if (scorer->book.charge)
      scorer->book.charge (scorer->book.data, keys->pdata[i], fidelity, &score[i]);
  }
  return true;
}

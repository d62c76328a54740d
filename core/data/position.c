/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a stream stands: epoch, next batch, and what its sampler picked. The rest follows from the
 * seed.
 */
#include "data/stream.h"

#include "error.h"

#include <math.h>
#include <string.h>

enum { FORMAT = 1 };
enum {
  AT_FORMAT,
  AT_SEED,
  AT_ROLE,
  AT_BATCH,
  AT_COUNT,
  AT_EPOCH,
  AT_NEXT,
  AT_BEGUN,
  AT_PICKS,
  AT_N
};

static void
put (LodeStore *store, const char *prefix, const char *name, uint32_t type, size_t n,
     const void *data)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  lode_store_put (store, full, type, n, data);
}

static bool
get (const LodeStore *store, const char *prefix, const char *name, uint32_t type, size_t n,
     void *data, GError **error)
{
  g_autofree char *full = g_strconcat (prefix, name, NULL);

  return lode_store_get (store, full, type, n, data, error);
}

void
lode_stream_save (const LodeStream *base, const char *prefix, LodeStore *store)
{
  const Stream *stream = (const Stream *) base;
  uint32_t picks = stream->begun && stream->selected ? stream->n : 0;
  g_autofree float *weight = g_new (float, (size_t) picks + 1);
  const uint64_t clock[AT_N] = { [AT_FORMAT] = FORMAT,
                                 [AT_SEED] = stream->spec.seed,
                                 [AT_ROLE] = stream->spec.role,
                                 [AT_BATCH] = stream->spec.batch,
                                 [AT_COUNT] = lode_data_count (stream->data, stream->spec.role),
                                 [AT_EPOCH] = stream->epoch,
                                 [AT_NEXT] = stream->next,
                                 [AT_BEGUN] = stream->begun,
                                 [AT_PICKS] = picks };

  for (uint32_t i = 0; i < picks; i++)
    weight[i] = stream->weight[stream->selected[i]];
  put (store, prefix, "clock", LODE_TYPE_U64, AT_N, clock);
  put (store, prefix, "valid", LODE_TYPE_F64, 1, &stream->valid);
  put (store, prefix, "phase", LODE_TYPE_U8, strlen (stream->phase) + 1, stream->phase);
  if (picks) {
    put (store, prefix, "picks", LODE_TYPE_U32, picks, stream->selected);
    put (store, prefix, "weight", LODE_TYPE_F32, picks, weight);
  }
}

static bool
refuse (GError **error, const char *prefix, const char *what, uint64_t found, uint64_t expected)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
               "the checkpoint's stream \"%s\" has %s %" G_GUINT64_FORMAT
               ", this one %" G_GUINT64_FORMAT "; resume with the run's own configuration and data",
               prefix, what, found, expected);
  return false;
}

static bool
check_clock (const Stream *stream, const char *prefix, const uint64_t *clock, GError **error)
{
  uint64_t count = lode_data_count (stream->data, stream->spec.role);
  bool asks = stream->spec.role == LODE_ROLE_WEIGHTS && stream->spec.select;

  if (clock[AT_FORMAT] != FORMAT)
    return refuse (error, prefix, "format", clock[AT_FORMAT], FORMAT);
  if (clock[AT_SEED] != stream->spec.seed)
    return refuse (error, prefix, "seed", clock[AT_SEED], stream->spec.seed);
  if (clock[AT_ROLE] != stream->spec.role)
    return refuse (error, prefix, "role", clock[AT_ROLE], stream->spec.role);
  if (clock[AT_BATCH] != stream->spec.batch)
    return refuse (error, prefix, "batch size", clock[AT_BATCH], stream->spec.batch);
  if (clock[AT_COUNT] != count)
    return refuse (error, prefix, "examples", clock[AT_COUNT], count);
  if (clock[AT_PICKS] > LODE_PERIOD_ROWS || (asks && clock[AT_BEGUN]) != (clock[AT_PICKS] > 0))
    return refuse (error, prefix, "picks", clock[AT_PICKS], asks ? count : 0);
  return true;
}

/* Examples that were picked, with weights: of one that comes more than once always the same. */
static bool
check_picks (const Stream *stream, const char *prefix, uint32_t n, const uint32_t *picks,
             const float *weight, GError **error)
{
  uint32_t count = lode_data_count (stream->data, stream->spec.role);
  g_autofree float *seen = g_new (float, (size_t) count + 1);

  for (uint32_t i = 0; i < count; i++)
    seen[i] = -1;
  for (uint32_t i = 0; i < n; i++) {
    if (picks[i] >= count || !isfinite (weight[i]) || weight[i] < 0
        || (seen[picks[i]] >= 0 && memcmp (&seen[picks[i]], &weight[i], sizeof *weight)))
      return refuse (error, prefix, "a damaged pick: example", picks[i], count);
    seen[picks[i]] = weight[i];
  }
  return true;
}

static char *
get_phase (const LodeStore *store, const char *prefix, GError **error)
{
  g_autofree char *name = g_strconcat (prefix, "phase", NULL), *phase = NULL;
  uint32_t type;
  size_t n = 0;

  if (!lode_store_count (store, name, &type, &n))
    n = 0;
  phase = g_malloc0 (n + 1);
  return get (store, prefix, "phase", LODE_TYPE_U8, n, phase, error) ? g_steal_pointer (&phase)
                                                                     : NULL;
}

static void
restore (Stream *stream, const uint64_t *clock, uint32_t *picks, float *spread)
{
  uint32_t n = clock[AT_PICKS] ? (uint32_t) clock[AT_PICKS] : (uint32_t) clock[AT_COUNT];

  lode_reader_drop (stream);
  stream->epoch = clock[AT_EPOCH];
  stream->begun = false;
  stream->next = 0;
  if (clock[AT_BEGUN]) {
    lode_period_restore (stream, n, picks, spread);
    stream->next = (uint32_t) clock[AT_NEXT];
  }
}

bool
lode_stream_load (LodeStream *base, const char *prefix, const LodeStore *store, GError **error)
{
  Stream *stream = (Stream *) base;
  uint64_t clock[AT_N];
  double valid;
  uint32_t n, count = lode_data_count (stream->data, stream->spec.role), batches;
  g_autofree char *phase = NULL;
  g_autofree uint32_t *picks = NULL;
  g_autofree float *weight = NULL, *spread = NULL;

  if (!get (store, prefix, "clock", LODE_TYPE_U64, AT_N, clock, error)
      || !get (store, prefix, "valid", LODE_TYPE_F64, 1, &valid, error)
      || !(phase = get_phase (store, prefix, error)) || !check_clock (stream, prefix, clock, error))
    return false;
  n = (uint32_t) clock[AT_PICKS];
  batches = lode_period_batches (stream, n ? n : count);
  if (clock[AT_NEXT] > batches)
    return refuse (error, prefix, "next batch", clock[AT_NEXT], batches);
  if (n) {
    picks = g_try_new (uint32_t, n);
    weight = g_try_new (float, n);
    spread = g_new0 (float, count);
    if (!picks || !weight)
      return refuse (error, prefix, "picks", n, count);
    if (!get (store, prefix, "picks", LODE_TYPE_U32, n, picks, error)
        || !get (store, prefix, "weight", LODE_TYPE_F32, n, weight, error)
        || !check_picks (stream, prefix, n, picks, weight, error))
      return false;
    for (uint32_t i = 0; i < n; i++)
      spread[picks[i]] = weight[i];
  }
  if (clock[AT_BEGUN])
    restore (stream, clock, g_steal_pointer (&picks), g_steal_pointer (&spread));
  else
    restore (stream, clock, NULL, NULL);
  stream->valid = valid;
  stream->phase = g_intern_string (phase);
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an epoch consists of: the whole split, or what a sampler picked of the pool, in the seed's
 * order.
 */
#include "data/stream.h"

#include "compute/seed.h"
#include "error.h"

#include <math.h>

static bool
shuffles (const Stream *stream)
{
  return stream->spec.role == LODE_ROLE_WEIGHTS || stream->spec.role == LODE_ROLE_ARCH;
}

uint32_t
lode_period_batches (const Stream *stream, uint32_t n)
{
  uint32_t size = stream->spec.batch;

  if (shuffles (stream) && stream->spec.drop_last && n >= size)
    return n / size;
  return n / size + (n % size > 0);
}

static void
shuffle (Stream *stream)
{
  LodeRng rng = lode_seed_rng (stream->spec.seed, "order", stream->spec.role, stream->epoch);

  for (uint32_t i = stream->n; i > 1; i--) {
    uint32_t j = lode_rng_below (&rng, i), swap = stream->order[i - 1];

    stream->order[i - 1] = stream->order[j];
    stream->order[j] = swap;
  }
}

void
lode_period_restore (Stream *stream, uint32_t n, uint32_t *selected, float *weight)
{
  stream->n = n;
  stream->order = g_renew (uint32_t, stream->order, (size_t) n + 1);
  for (uint32_t i = 0; i < n; i++)
    stream->order[i] = selected ? selected[i] : i;
  g_free (stream->selected);
  g_free (stream->weight);
  stream->selected = selected;
  stream->weight = weight;
  if (shuffles (stream))
    shuffle (stream);
  stream->batches = lode_period_batches (stream, n);
  stream->begun = true;
}

static bool refuse (GError **error, const Stream *stream, uint32_t i, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static bool
refuse (GError **error, const Stream *stream, uint32_t i, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list list;

  va_start (list, format);
  what = g_strdup_vprintf (format, list);
  va_end (list);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
               "the sampler's selection for epoch %" G_GUINT64_FORMAT " is wrong at pick %u: %s",
               stream->epoch, i, what);
  return false;
}

static bool
check_pick (const Stream *stream, const LodePicks *picks, uint32_t i, const uint32_t *index,
            bool *seen, GError **error)
{
  if (index[i] >= picks->room)
    return refuse (error, stream, i, "example %u; expected an index below the pool's %u", index[i],
                   picks->room);
  if (seen[index[i]])
    return refuse (error, stream, i, "example %u a second time; expected `times` to say so",
                   index[i]);
  if (!isfinite (picks->weight[i]) || picks->weight[i] < 0)
    return refuse (error, stream, i, "weight %g; expected a finite number of at least 0",
                   (double) picks->weight[i]);
  if (picks->times[i] == 0)
    return refuse (error, stream, i, "multiplicity 0; expected the example to be left out");
  return seen[index[i]] = true;
}

/* Σ of what each pick counts, and how many rows they come to. False: a pick is wrong. */
static bool
sum_picks (const Stream *stream, const LodePicks *picks, double *sum, uint64_t *rows,
           GError **error)
{
  const LodePool *pool = lode_data_pool (stream->data);
  g_autofree bool *seen = g_new0 (bool, (size_t) picks->room + 1);

  *sum = 0;
  *rows = 0;
  for (uint32_t i = 0; i < picks->n; i++) {
    if (!check_pick (stream, picks, i, picks->index, seen, error))
      return false;
    *sum += (double) picks->weight[i] * picks->times[i]
            * (double) lode_pool_weight (pool, picks->index[i]);
    *rows += picks->repeat ? picks->times[i] : 1;
  }
  if (!(*sum > 0))
    return refuse (error, stream, 0, "all %u weights are 0; expected at least one above", picks->n);
  if (*rows > LODE_PERIOD_ROWS)
    return refuse (error, stream, 0, "%" G_GUINT64_FORMAT " rows an epoch; expected at most %d",
                   *rows, LODE_PERIOD_ROWS);
  return true;
}

/* Checks the picks, and makes weight · times · the example's own weight a batch weight with mean 1
 * over the rows; where examples are repeated, without their times. */
static bool
accept (Stream *stream, const LodePicks *picks, GError **error)
{
  const LodePool *pool = lode_data_pool (stream->data);
  uint32_t *selected, at = 0;
  uint64_t rows;
  double sum;
  float *weight;

  if (picks->n == 0 || picks->n > picks->room)
    return refuse (error, stream, 0, "%u picks; expected 1 to %u, the size of the pool", picks->n,
                   picks->room);
  if (!sum_picks (stream, picks, &sum, &rows, error))
    return false;
  selected = g_new (uint32_t, rows);
  weight = g_new0 (float, picks->room);
  for (uint32_t i = 0; i < picks->n; i++) {
    uint32_t often = picks->repeat ? picks->times[i] : 1;
    double own = (double) picks->weight[i] * (picks->repeat ? 1 : picks->times[i])
                 * (double) lode_pool_weight (pool, picks->index[i]);

    weight[picks->index[i]] = (float) (own * (double) rows / sum);
    for (uint32_t t = 0; t < often; t++)
      selected[at++] = picks->index[i];
  }
  lode_period_restore (stream, (uint32_t) rows, selected, weight);
  return true;
}

/* Entries that the sampler forgets to set name no example. */
static bool
ask_sampler (Stream *stream, uint32_t room, GError **error)
{
  LodeAsk ask = { .size = sizeof ask,
                  .epoch = (uint32_t) MIN (stream->epoch, UINT32_MAX),
                  .phase = stream->phase,
                  .valid = stream->valid };
  g_autofree uint32_t *index = g_new (uint32_t, room), *times = g_new (uint32_t, room);
  g_autofree float *weight = g_new (float, room);
  LodePicks picks = {
    .size = sizeof picks, .room = room, .index = index, .times = times, .weight = weight
  };
  GError *own = NULL;
  bool ok;

  for (uint32_t i = 0; i < room; i++) {
    index[i] = UINT32_MAX;
    times[i] = 1;
    weight[i] = 1;
  }
  ok = stream->spec.select (stream->spec.select_data, &ask, &picks, &own);
  picks = (LodePicks){ .size = sizeof picks,
                       .room = room,
                       .n = picks.n,
                       .index = index,
                       .times = times,
                       .weight = weight,
                       .repeat = picks.repeat };
  if (ok && !own)
    return accept (stream, &picks, error);
  if (!own)
    return refuse (error, stream, 0, "it failed without saying why");
  g_propagate_error (error, own);
  return false;
}

bool
lode_period_begin (Stream *stream, GError **error)
{
  uint32_t room = lode_data_count (stream->data, stream->spec.role);

  if (stream->spec.role == LODE_ROLE_WEIGHTS && stream->spec.select) {
    if (!ask_sampler (stream, room, error))
      return false;
  } else
    lode_period_restore (stream, room, NULL, NULL);
  stream->next = 0;
  return true;
}

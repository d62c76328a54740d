/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of batches: opening, handing out, taking back.
 */
#include "data/stream.h"

#include "error.h"

#include <math.h>

static const LodeBatch *
stream_next (LodeStream *base, GError **error)
{
  Stream *stream = (Stream *) base;
  bool ended = stream->begun && stream->next >= stream->batches;
  Slot *slot;

  if (!stream->begun || ended) {
    uint64_t before = stream->epoch;

    lode_reader_drop (stream);
    stream->epoch += ended;
    if (!lode_period_begin (stream, error)) {
      stream->epoch = before;
      return NULL;
    }
  }
  slot = lode_reader_get (stream, error);
  if (!slot)
    return NULL;
  stream->next++;
  return &slot->batch;
}

static void
stream_release (LodeStream *base, const LodeBatch *batch)
{
  Stream *stream = (Stream *) base;

  pthread_mutex_lock (&stream->mutex);
  for (int i = 0; i < SLOTS; i++)
    if (&stream->slot[i].batch == batch && stream->slot[i].state == SLOT_HELD)
      stream->slot[i].state = SLOT_FREE;
  pthread_mutex_unlock (&stream->mutex);
}

static void
stream_phase (LodeStream *base, const char *phase)
{
  ((Stream *) base)->phase = phase ? phase : "";
}

static double
stream_epoch (const LodeStream *base)
{
  const Stream *stream = (const Stream *) base;

  return (double) stream->epoch + (stream->begun ? (double) stream->next / stream->batches : 0);
}

/* Before the first selection: as many as the whole split makes. */
static uint32_t
stream_batches (const LodeStream *base)
{
  const Stream *stream = (const Stream *) base;

  return stream->begun
             ? stream->batches
             : lode_period_batches (stream, lode_data_count (stream->data, stream->spec.role));
}

static void
stream_close (LodeStream *base)
{
  Stream *stream = (Stream *) base;

  lode_reader_stop (stream);
  g_free (stream->order);
  g_free (stream->selected);
  g_free (stream->weight);
  g_free (stream);
}

static const LodeStreamCalls stream_calls = { .size = sizeof (LodeStreamCalls),
                                              .next = stream_next,
                                              .release = stream_release,
                                              .phase = stream_phase,
                                              .epoch = stream_epoch,
                                              .batches = stream_batches,
                                              .close = stream_close };

static bool
refuse_empty (uint32_t role, GError **error)
{
  const char *what = "no examples are left for training; lower data.valid or data.arch";

  if (role == LODE_ROLE_ARCH)
    what = "no examples are set aside for the architecture's batches: data.arch is 0; set it to a "
           "share of "
           "the training split, for example data.arch = 0.5";
  else if (role == LODE_ROLE_VALID)
    what = "no examples are set aside for validation: data.valid is 0; set it to a number or share "
           "of the "
           "training part, for example data.valid = 0.1";
  else if (role == LODE_ROLE_TEST)
    what = "the data set has no test examples; set data.test to a number or share of the training "
           "part, for example data.test = 0.2, or leave out the stage that reads them";
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, what);
  return false;
}

static bool
check_spec (LodeData *data, const LodeStreamSpec *spec, GError **error)
{
  if (spec->role > LODE_ROLE_TEST || spec->batch == 0) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "a stream of role %u with batches of %u; expected a known role and at least 1",
                 spec->role, spec->batch);
    return false;
  }
  if (lode_data_count (data, spec->role) == 0)
    return refuse_empty (spec->role, error);
  return lode_part_load (data, lode_data_split (data, spec->role)->part, NULL, error);
}

LodeStream *
lode_stream_new (LodeData *data, const LodeStreamSpec *spec, GError **error)
{
  Stream *stream;

  if (!check_spec (data, spec, error))
    return NULL;
  stream = g_new0 (Stream, 1);
  stream->base.calls = &stream_calls;
  stream->data = data;
  stream->spec = *spec;
  stream->spec.batch = MIN (spec->batch, lode_data_count (data, spec->role));
  stream->spec.augment =
      spec->augment && (spec->role == LODE_ROLE_WEIGHTS || spec->role == LODE_ROLE_ARCH);
  stream->phase = "";
  stream->valid = NAN;
  if (lode_reader_start (stream, error))
    return &stream->base;
  stream_close (&stream->base);
  return NULL;
}

void
lode_stream_valid (LodeStream *base, double score)
{
  ((Stream *) base)->valid = score;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that fills batches ahead. A batch is a function of (seed, role, epoch, number) and of
 * the epoch's selection, so the thread has no state that could be lost. Its locks are POSIX ones:
 * ThreadSanitizer sees them, and not GLib's.
 */
#include "data/stream.h"

#include "compute/seed.h"
#include "error.h"

#include <string.h>

/* Mean 1 over the epoch. */
static float
weight_of (const Stream *stream, const LodePart *part, const LodeSplit *split, uint32_t i)
{
  if (stream->weight)
    return stream->weight[i];
  return part->weight ? (float) ((double) part->weight[split->at[i]] / split->weight) : 1;
}

static void
fill_rows (const Stream *stream, Slot *slot)
{
  const LodeData *data = stream->data;
  const LodeSplit *split = lode_data_split (data, stream->spec.role);
  const LodePart *part = &data->part[split->part];
  const uint32_t *order = stream->order + (size_t) slot->number * stream->spec.batch;
  size_t targets = data->info.targets;

  for (uint32_t i = 0; i < slot->batch.n; i++) {
    slot->index[i] = order[i];
    slot->example[i] = split->at[order[i]];
    slot->weight[i] = weight_of (stream, part, split, order[i]);
    if (slot->group && part->group)
      slot->group[i] = part->group[slot->example[i]];
    if (part->label)
      slot->label[i] = part->label[slot->example[i]];
    else if (part->target)
      memcpy (slot->target + i * targets, part->target + slot->example[i] * targets,
              targets * sizeof (float));
  }
}

/* Randomness of row i is that of (seed, role, epoch, number, i), whoever reads it and when. */
static bool
fill_pixels (const Stream *stream, Slot *slot)
{
  const LodeData *data = stream->data;
  uint32_t which = lode_data_split (data, stream->spec.role)->part;
  size_t values = lode_data_values (data), bytes = lode_data_bytes (data);
  const char *stored = data->part[which].pixel;
  LodeRng epoch = lode_seed_rng (stream->spec.seed, "augment", stream->spec.role, slot->epoch);
  uint64_t key = lode_seed_mix (epoch.key, slot->number);

  if (!stored
      && !lode_part_read (data, which, slot->batch.n, slot->example, slot->raw, &slot->error))
    return false;
  for (uint32_t i = 0; i < slot->batch.n; i++) {
    LodeRng rng = { lode_seed_mix (key, i), 0 };
    const char *sample =
        stored ? stored + slot->example[i] * bytes : (const char *) slot->raw + i * bytes;

    lode_sample_write (data, sample, stream->spec.augment ? &rng : NULL, slot->pixel + i * values);
    if (stream->spec.role == LODE_ROLE_TEST && data->conf.corrupt != LODE_CORRUPT_NONE)
      lode_corrupt (&data->shape, (uint32_t) data->conf.corrupt, (uint32_t) data->conf.strength,
                    lode_seed_rng (data->seed, "corrupt", slot->example[i], 0),
                    slot->pixel + i * values);
  }
  return true;
}

static void
fill (const Stream *stream, Slot *slot)
{
  const LodeStreamSpec *spec = &stream->spec;
  LodeRng epoch = lode_seed_rng (spec->seed, "batch", spec->role, slot->epoch);

  slot->batch =
      (LodeBatch){ .size = sizeof slot->batch,
                   .n = MIN (spec->batch, stream->n - slot->number * spec->batch),
                   .role = spec->role,
                   .shape = stream->data->shape,
                   .key = lode_seed_mix (epoch.key, slot->number),
                   .pixel = slot->pixel,
                   .index = slot->index,
                   .label = stream->data->info.classes ? slot->label : NULL,
                   .target = stream->data->info.targets ? slot->target : NULL,
                   .weight = slot->weight,
                   .group = stream->data->info.has & LODE_HAS_GROUP ? slot->group : NULL };
  fill_rows (stream, slot);
  fill_pixels (stream, slot);
}

static Slot *
find (Stream *stream, SlotState state)
{
  Slot *first = NULL;

  for (int i = 0; i < SLOTS; i++)
    if (stream->slot[i].state == state && (!first || stream->slot[i].number < first->number))
      first = &stream->slot[i];
  return first;
}

static void *
reader (void *data)
{
  Stream *stream = data;

  pthread_mutex_lock (&stream->mutex);
  while (!stream->quit) {
    Slot *slot = find (stream, SLOT_WANTED);

    if (!slot) {
      pthread_cond_wait (&stream->changed, &stream->mutex);
      continue;
    }
    slot->state = SLOT_FILLING;
    pthread_mutex_unlock (&stream->mutex);
    fill (stream, slot);
    pthread_mutex_lock (&stream->mutex);
    slot->state = SLOT_READY;
    pthread_cond_broadcast (&stream->changed);
  }
  pthread_mutex_unlock (&stream->mutex);
  return NULL;
}

/* The slot of a batch of this epoch that has been asked for, else a free one now WANTED, or NULL.
 */
static Slot *
request (Stream *stream, uint32_t number)
{
  Slot *slot = NULL;

  for (int i = 0; i < SLOTS; i++) {
    SlotState state = stream->slot[i].state;

    if (state != SLOT_FREE && state != SLOT_HELD && stream->slot[i].number == number)
      return &stream->slot[i];
  }
  slot = find (stream, SLOT_FREE);
  if (!slot)
    return NULL;
  slot->state = SLOT_WANTED;
  slot->epoch = stream->epoch;
  slot->number = number;
  return slot;
}

Slot *
lode_reader_get (Stream *stream, GError **error)
{
  Slot *slot;
  uint32_t held = 0;

  pthread_mutex_lock (&stream->mutex);
  for (int i = 0; i < SLOTS; i++)
    held += stream->slot[i].state == SLOT_HELD;
  slot = held < HELD ? request (stream, stream->next) : NULL;
  for (uint32_t i = 1; slot && i <= AHEAD && stream->next + i < stream->batches; i++)
    request (stream, stream->next + i);
  pthread_cond_broadcast (&stream->changed);
  while (slot && slot->state != SLOT_READY)
    pthread_cond_wait (&stream->changed, &stream->mutex);
  if (slot)
    slot->state = slot->error ? SLOT_FREE : SLOT_HELD;
  pthread_mutex_unlock (&stream->mutex);
  if (!slot)
    g_set_error (
        error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
        "%u batches of a stream are held already; expected at most %d: release one before the next",
        held, HELD);
  if (!slot || !slot->error)
    return slot;
  g_propagate_error (error, g_steal_pointer (&slot->error));
  return NULL;
}

void
lode_reader_drop (Stream *stream)
{
  pthread_mutex_lock (&stream->mutex);
  for (int i = 0; i < SLOTS; i++)
    if (stream->slot[i].state == SLOT_WANTED)
      stream->slot[i].state = SLOT_FREE;
  while (find (stream, SLOT_FILLING))
    pthread_cond_wait (&stream->changed, &stream->mutex);
  for (int i = 0; i < SLOTS; i++)
    if (stream->slot[i].state == SLOT_READY) {
      g_clear_error (&stream->slot[i].error);
      stream->slot[i].state = SLOT_FREE;
    }
  pthread_mutex_unlock (&stream->mutex);
}

static bool
make_slot (const Stream *stream, Slot *slot)
{
  const LodeData *data = stream->data;
  size_t n = stream->spec.batch, values = lode_data_values (data);
  bool stored = data->part[lode_data_split (data, stream->spec.role)->part].pixel;
  gsize total;

  if (!g_size_checked_mul (&total, n * sizeof (float), values))
    return false;
  slot->pixel = g_aligned_alloc (total, 1, 64);
  slot->raw = stored ? NULL : g_try_malloc_n (n, lode_data_bytes (data));
  slot->target = data->info.targets ? g_try_new (float, n * data->info.targets) : NULL;
  slot->label = data->info.classes ? g_try_new (int32_t, n) : NULL;
  slot->group = data->info.has & LODE_HAS_GROUP ? g_try_new (int32_t, n) : NULL;
  slot->weight = g_new (float, n);
  slot->index = g_new (uint32_t, n);
  slot->example = g_new (uint32_t, n);
  return slot->pixel && (stored || slot->raw) && (slot->group || !(data->info.has & LODE_HAS_GROUP))
         && (slot->target || slot->label || !(data->info.classes || data->info.targets));
}

bool
lode_reader_start (Stream *stream, GError **error)
{
  int failed;

  pthread_mutex_init (&stream->mutex, NULL);
  pthread_cond_init (&stream->changed, NULL);
  for (int i = 0; i < SLOTS; i++)
    if (!make_slot (stream, &stream->slot[i])) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                   "batches of %u do not fit into memory; take smaller ones", stream->spec.batch);
      return false;
    }
  failed = pthread_create (&stream->thread, NULL, reader, stream);
  stream->runs = failed == 0;
  if (failed)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "no thread could be started to read batches: %s", g_strerror (failed));
  return stream->runs;
}

void
lode_reader_stop (Stream *stream)
{
  if (stream->runs) {
    lode_reader_drop (stream);
    pthread_mutex_lock (&stream->mutex);
    stream->quit = true;
    pthread_cond_broadcast (&stream->changed);
    pthread_mutex_unlock (&stream->mutex);
    pthread_join (stream->thread, NULL);
  }
  pthread_mutex_destroy (&stream->mutex);
  pthread_cond_destroy (&stream->changed);
  for (int i = 0; i < SLOTS; i++) {
    Slot *slot = &stream->slot[i];

    g_aligned_free (slot->pixel);
    g_free (slot->raw);
    g_free (slot->target);
    g_free (slot->label);
    g_free (slot->group);
    g_free (slot->weight);
    g_free (slot->index);
    g_free (slot->example);
    g_clear_error (&slot->error);
  }
}

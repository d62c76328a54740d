/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures that are nearly those of another split: the same scene again, saved twice, shifted in
 * brightness. All pairs are compared as thumbnails of 8 × 8 greys, those that agree pixel by pixel.
 */
#include "data/near.h"

#include "data/private.h"

#include <math.h>
#include <string.h>

enum { THUMB = 8, VALUES = THUMB * THUMB, BLOCK = 64 };

static const double agreement = 0.99; /* correlation of thumbnails */

/* One example to be compared. */
typedef struct Item {
  uint32_t part, at;
  float thumb[VALUES]; /* of mean 0 and length 1 */
} Item;

typedef struct Search {
  const LodeData *data;
  GArray *train, *held; /* Item */
  double most;
  GArray **found; /* of each block of held ones: LodeNear */
  GMutex mutex;
  GError *error;
} Search;

static void
make_thumb (const LodeData *data, const uint8_t *pixel, float *thumb)
{
  LodeShape from = data->shape, to = { THUMB, THUMB, from.c };
  g_autofree uint8_t *small = g_malloc ((size_t) VALUES * from.c);
  double mean = 0, length = 0;

  lode_resize_bytes (pixel, (size_t) from.w * from.c, &from, small, &to);
  for (int i = 0; i < VALUES; i++) {
    thumb[i] = 0;
    for (uint32_t l = 0; l < from.c; l++)
      thumb[i] += (float) small[(size_t) i * from.c + l];
    mean += (double) thumb[i] / VALUES;
  }
  for (int i = 0; i < VALUES; i++) {
    thumb[i] -= (float) mean;
    length += (double) thumb[i] * (double) thumb[i];
  }
  for (int i = 0; i < VALUES; i++)
    thumb[i] = length > 0 ? (float) ((double) thumb[i] / sqrt (length)) : 0;
}

static bool
add_items (Search *search, const LodeSplit *split, GArray *items)
{
  const LodeData *data = search->data;
  g_autofree uint8_t *pixel = g_malloc (lode_data_bytes (data));

  for (uint32_t i = 0; i < split->n; i++) {
    Item item = { .part = split->part, .at = split->at[i] };

    if (!lode_part_read (data, split->part, 1, &item.at, pixel, &search->error))
      return false;
    make_thumb (data, pixel, item.thumb);
    g_array_append_val (items, item);
  }
  return true;
}

static float
correlate (const float *a, const float *b)
{
  float sum[8] = { 0 };

  for (int i = 0; i < VALUES; i += 8)
    for (int k = 0; k < 8; k++)
      sum[k] += a[i + k] * b[i + k];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/* Root of the mean squared difference of two examples, as a part of the whole range. */
static double
differ (const LodeData *data, const uint8_t *a, const uint8_t *b)
{
  size_t n = lode_data_values (data);
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sqrt (sum / (double) n) / 255;
}

static void
compare (Search *search, const Item *held, const Item *train, uint8_t *pixel, GArray *found)
{
  const LodeData *data = search->data;
  size_t bytes = lode_data_bytes (data);
  LodeNear near = { { train->part, held->part }, { train->at, held->at }, 0 };
  GError *error = NULL;

  if (!lode_part_read (data, train->part, 1, &train->at, pixel, &error)
      || !lode_part_read (data, held->part, 1, &held->at, pixel + bytes, &error)) {
    g_mutex_lock (&search->mutex);
    if (search->error)
      g_error_free (error);
    else
      search->error = error;
    g_mutex_unlock (&search->mutex);
    return;
  }
  near.distance = differ (data, pixel, pixel + bytes);
  if (near.distance > 0 && near.distance <= search->most)
    g_array_append_val (found, near);
}

static void
compare_block (void *data, uint32_t block, uint32_t worker)
{
  Search *search = data;
  GArray *found = search->found[block];
  g_autofree uint8_t *pixel = g_malloc (2 * lode_data_bytes (search->data));
  uint32_t end = MIN ((block + 1) * BLOCK, search->held->len);

  (void) worker;
  for (uint32_t h = block * BLOCK; h < end; h++)
    for (uint32_t t = 0; t < search->train->len; t++) {
      const Item *held = &g_array_index (search->held, Item, h);
      const Item *train = &g_array_index (search->train, Item, t);

      if ((double) correlate (held->thumb, train->thumb) >= agreement)
        compare (search, held, train, pixel, found);
    }
}

static int
by_distance (const void *a, const void *b)
{
  const LodeNear *x = a, *y = b;

  if (x->distance < y->distance || x->distance > y->distance)
    return x->distance < y->distance ? -1 : 1;
  return memcmp (x->at, y->at, sizeof x->at);
}

static GArray *
run_blocks (Search *search, LodeThreads *threads)
{
  GArray *all = g_array_new (FALSE, FALSE, sizeof (LodeNear));
  uint32_t blocks = (search->held->len + BLOCK - 1) / BLOCK;

  search->found = g_new (GArray *, blocks + 1);
  for (uint32_t b = 0; b < blocks; b++)
    search->found[b] = g_array_new (FALSE, FALSE, sizeof (LodeNear));
  lode_threads_run (threads, blocks, compare_block, search);
  for (uint32_t b = 0; b < blocks; b++) {
    g_array_append_vals (all, search->found[b]->data, search->found[b]->len);
    g_array_unref (search->found[b]);
  }
  g_free (search->found);
  g_array_sort (all, by_distance);
  return all;
}

GArray *
lode_data_near (const LodeData *data, LodeThreads *threads, double most, GError **error)
{
  Search search = { .data = data, .most = most };
  GArray *all = NULL;

  if (data->info.pixel != LODE_PIXEL_U8 || data->shape.h < THUMB || data->shape.w < THUMB)
    return g_array_new (FALSE, FALSE, sizeof (LodeNear));
  g_mutex_init (&search.mutex);
  search.train = g_array_new (FALSE, FALSE, sizeof (Item));
  search.held = g_array_new (FALSE, FALSE, sizeof (Item));
  if (add_items (&search, &data->weights, search.train)
      && add_items (&search, &data->arch, search.train)
      && add_items (&search, &data->valid, search.held)
      && add_items (&search, &data->test, search.held))
    all = run_blocks (&search, threads);
  g_array_unref (search.train);
  g_array_unref (search.held);
  g_mutex_clear (&search.mutex);
  if (search.error) {
    g_propagate_error (error, search.error);
    g_clear_pointer (&all, g_array_unref);
  }
  return all;
}

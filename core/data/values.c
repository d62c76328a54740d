/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool's examples as rows of their own normalised values: features where no model gives any.
 * Rows are made panel by panel, as they are asked for.
 */
#include "data/private.h"
#include "error.h"
#include "linalg/rows.h"

typedef struct Values {
  LodeSource source; /* first */
  const LodeData *data;
  float *panel; /* of the last call */
  char *raw;    /* samples as stored, where they are not in memory */
  uint32_t room;
} Values;

static void
make_room (Values *values, uint32_t n)
{
  if (n <= values->room)
    return;
  values->room = n;
  values->panel = g_renew (float, values->panel, (size_t) n * values->source.d);
  values->raw = g_realloc_n (values->raw, n, lode_data_bytes (values->data));
}

static const void *
values_panel (LodeSource *source, uint32_t first, uint32_t n, GError **error)
{
  Values *values = (Values *) source;
  const LodeData *data = values->data;
  const LodeSplit *split = &data->weights;
  const char *stored = data->part[split->part].pixel;
  size_t bytes = lode_data_bytes (data);

  make_room (values, n);
  if (!stored && !lode_part_read (data, split->part, n, split->at + first, values->raw, error))
    return NULL;
  for (uint32_t i = 0; i < n; i++)
    lode_sample_write (data,
                       stored ? stored + split->at[first + i] * bytes : values->raw + i * bytes,
                       NULL, values->panel + (size_t) i * source->d);
  return values->panel;
}

static void
values_clear (LodeSource *source)
{
  Values *values = (Values *) source;

  g_free (values->panel);
  g_free (values->raw);
}

LodeRows *
lode_data_rows (const LodePool *pool, uint32_t what, uint32_t model, GError **error)
{
  const LodeData *data = (const LodeData *) (const void *) pool;
  Values *values;

  if (what != LODE_FEATURES || model > 0) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "the pool has the examples' own values only, as features of model 0; asked for %s "
                 "of model %u",
                 what == LODE_FEATURES ? "features" : "something else", model);
    return NULL;
  }
  values = g_new0 (Values, 1);
  lode_source_init (&values->source, "the pool's own values", data->weights.n,
                    (uint32_t) lode_data_values (data), false);
  values->source.panel = values_panel;
  values->source.clear = values_clear;
  values->data = data;
  return &values->source.base;
}

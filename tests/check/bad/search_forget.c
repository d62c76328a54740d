/* SPDX-License-Identifier: Apache-2.0 */
/* Does not save all that its next draw depends on. */
#include "search.h"

static bool
forget_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  return draw_one (search, progress, error);
}

static void
forget_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;

  lode_store_put (store, "done", LODE_TYPE_U64, 1, &search->done);
  lode_store_put (store, "last", LODE_TYPE_U8, search->decisions, search->last);
}

static bool
forget_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  g_autofree uint8_t *last = g_new0 (uint8_t, search->decisions + 1);
  uint64_t done;

  if (!lode_store_get (store, "done", LODE_TYPE_U64, 1, &done, error)
      || !lode_store_get (store, "last", LODE_TYPE_U8, search->decisions, last, error))
    return false;
  search->done = MIN (done, (uint64_t) TRIALS);
  for (uint32_t i = 0; i < search->decisions; i++)
    search->last[i] = last[i] % lode_space_at (search->space, i)->n;
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = forget_save,
                                    .load = forget_load };

static const void *
forget_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = bad_create,
  .destroy = bad_destroy,
  .step = forget_step,
  .best = bad_best,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("search", "forget"), .query = forget_query };

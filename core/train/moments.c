/* SPDX-License-Identifier: Apache-2.0 */
#include "train/moments.h"

#include <string.h>

static const char HEAD[] = "head.";
static const char *const names[LODE_MOMENTS] = { "first.", "second." };

LodeMoments
lode_moments_new (LodeLayout *layout, uint32_t n)
{
  LodeMoments moments = { .layout = lode_layout_ref (layout),
                          .slots = lode_layout_count (layout),
                          .n = n };

  for (uint32_t i = 0; i < n; i++)
    moments.at[i] = lode_params_new (layout, NULL);
  moments.steps = g_new0 (uint64_t, MAX (moments.slots, 1));
  return moments;
}

void
lode_moments_clear (LodeMoments *moments)
{
  for (uint32_t i = 0; i < moments->n; i++)
    lode_params_free (moments->at[i]);
  lode_layout_unref (moments->layout);
  g_free (moments->steps);
  *moments = (LodeMoments){ 0 };
}

static float *
values_of (const LodeMoments *moments, uint32_t which, uint32_t slot)
{
  return ((LodeParamSet *) moments->at[which])->at[slot];
}

/* The slot of `old` whose moments a slot of the new layout takes over; −1: none. */
static int32_t
find_carried (const LodeMoments *old, const LodeLayout *layout, uint32_t slot)
{
  const LodeSlot *now = lode_layout_slot (layout, slot), *then;
  int32_t i = lode_layout_find (old->layout, now->name);

  if (i < 0 || (uint32_t) i >= old->slots
      || (layout != old->layout && g_str_has_prefix (now->name, HEAD)))
    return -1;
  then = lode_layout_slot (old->layout, (uint32_t) i);
  return memcmp (now->dim, then->dim, sizeof now->dim) == 0 ? i : -1;
}

void
lode_moments_follow (LodeMoments *moments, LodeLayout *layout)
{
  LodeMoments now;

  if (layout == moments->layout && lode_layout_count (layout) == moments->slots)
    return;
  now = lode_moments_new (layout, moments->n);
  for (uint32_t i = 0; i < now.slots; i++) {
    int32_t from = find_carried (moments, layout, i);
    size_t size = lode_slot_size (lode_layout_slot (layout, i));

    if (from < 0)
      continue;
    for (uint32_t m = 0; m < now.n; m++)
      memcpy (values_of (&now, m, i), values_of (moments, m, (uint32_t) from),
              size * sizeof (float));
    now.steps[i] = moments->steps[from];
  }
  lode_moments_clear (moments);
  *moments = now;
}

void
lode_moments_store (const LodeMoments *moments, const char *prefix, LodeStore *store)
{
  for (uint32_t i = 0; moments->n && i < moments->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (moments->layout, i);
    g_autofree char *steps = g_strconcat (prefix, "steps.", slot->name, NULL);

    for (uint32_t m = 0; m < moments->n; m++) {
      g_autofree char *name = g_strconcat (prefix, names[m], slot->name, NULL);

      lode_store_put (store, name, LODE_TYPE_F32, lode_slot_size (slot), values_of (moments, m, i));
    }
    lode_store_put (store, steps, LODE_TYPE_U64, 1, &moments->steps[i]);
  }
}

static bool
get_slot (LodeMoments *moments, uint32_t i, const char *prefix, const LodeStore *store,
          GError **error)
{
  const LodeSlot *slot = lode_layout_slot (moments->layout, i);
  g_autofree char *steps = g_strconcat (prefix, "steps.", slot->name, NULL);

  for (uint32_t m = 0; m < moments->n; m++) {
    g_autofree char *name = g_strconcat (prefix, names[m], slot->name, NULL);

    if (!lode_store_get (store, name, LODE_TYPE_F32, lode_slot_size (slot),
                         values_of (moments, m, i), error))
      return false;
  }
  return lode_store_get (store, steps, LODE_TYPE_U64, 1, &moments->steps[i], error);
}

bool
lode_moments_restore (LodeMoments *moments, const char *prefix, const LodeStore *store,
                      GError **error)
{
  LodeMoments read = lode_moments_new (moments->layout, moments->n);

  for (uint32_t i = 0; read.n && i < read.slots; i++)
    if (!get_slot (&read, i, prefix, store, error)) {
      lode_moments_clear (&read);
      return false;
    }
  lode_moments_clear (moments);
  *moments = read;
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* It saves its state and cannot load it. */
#include "sound.h"

#include <string.h>

static void
state_save (const void *instance, LodeStore *store)
{
  (void) instance;
  (void) store;
}

static const LodeStateOps state_ops = { .size = sizeof (LodeStateOps), .save = state_save };

static const void *
state_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) == 0 ? &state_ops : NULL;
}

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("state"),
                                             .query = state_query };

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sound, but older than this core: descriptor, vtable and options end before their last members,
 * and what lies there in the file is not meant for the core.
 */
#include "sound.h"

#include <stdlib.h>

static void
beyond_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  (void) loss;
  (void) in;
  (void) value;
  (void) grad;
  abort ();
}

static const void *
beyond_query (const char *id)
{
  (void) id;
  abort ();
}

static const LodeLossOps short_ops = {
  .size = offsetof (LodeLossOps, rows),
  .create = sound_create,
  .destroy = sound_destroy,
  .prepare = sound_prepare,
  .rows = beyond_rows,
};

/* As LodeOption was before `required`, and with what follows the table right behind it. */
typedef struct OldOption {
  const char *name, *doc;
  int32_t type;
  uint32_t offset;
  double number;
  const char *text;
  double min, max;
  const char *unit;
  const char *const *choices;
} OldOption;
_Static_assert(sizeof (OldOption) == offsetof (LodeOption, required), "the same as far as it goes");

static const struct {
  OldOption at[2];
  unsigned char behind[64];
} table = {
  { { "rate", "a number", LODE_OPTION_REAL, offsetof (Conf, rate), 0.5, NULL, 0, 1, NULL, NULL },
    { "epochs", "an integer", LODE_OPTION_INT, offsetof (Conf, epochs), 3, NULL, 1, 9, NULL,
      NULL } },
  { 1, 1, 1, 1 },
};

LODE_EXPORT const LodePlugin lode_plugin = {
  .magic = LODE_PLUGIN_MAGIC,
  .abi_major = LODE_ABI_MAJOR,
  .abi_minor = LODE_ABI_MINOR,
  .size = offsetof (LodePlugin, query),
  .build = LODE_BUILD,
  .kind = "loss",
  .name = "old",
  SOUND_TEXTS,
  .options = (const LodeOption *) (const void *) table.at,
  .n_options = 2,
  .option_size = sizeof (OldOption),
  .conf_size = sizeof (Conf),
  .ops = &short_ops,
  .query = beyond_query,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* Two required members are missing. */
#include "sound.h"

static const LodeLossOps ops = { .size = sizeof (LodeLossOps), .destroy = sound_destroy };

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, .kind = "loss", .name = "members",
                                             SOUND_TEXTS, .ops = &ops };

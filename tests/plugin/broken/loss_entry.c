/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object with no descriptor. */
#include "sound.h"

LODE_EXPORT const LodeLossOps lode_plugins = { .size = sizeof (LodeLossOps),
                                               .create = sound_create,
                                               .destroy = sound_destroy,
                                               .prepare = sound_prepare };

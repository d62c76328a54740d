/* SPDX-License-Identifier: Apache-2.0 */
/* It has no vtable at all. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, .kind = "loss", .name = "ops",
                                             SOUND_TEXTS };

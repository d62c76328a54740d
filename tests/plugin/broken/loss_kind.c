/* SPDX-License-Identifier: Apache-2.0 */
/* Its file is called a loss, it says that it is a sampler. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, .kind = "sampler", .name = "kind",
                                             SOUND_TEXTS, .ops = &sound_ops };

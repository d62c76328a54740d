/* SPDX-License-Identifier: Apache-2.0 */
/* It has no license. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD,       .kind = "loss",
                                             .name = "texts",        .version = "1.0",
                                             .summary = "a fixture", .ops = &sound_ops };

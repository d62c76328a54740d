/* SPDX-License-Identifier: Apache-2.0 */
/* It counts two options and has none. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("table"), .n_options = 2,
                                             .conf_size = sizeof (Conf) };

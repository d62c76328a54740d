/* SPDX-License-Identifier: Apache-2.0 */
/* Its name has a letter that names of plugins do not have. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("under_score") };

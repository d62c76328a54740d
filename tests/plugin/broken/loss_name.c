/* SPDX-License-Identifier: Apache-2.0 */
/* Its name is not the file's. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("other") };

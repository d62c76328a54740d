/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled with -ffast-math. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("fast") };

/* SPDX-License-Identifier: Apache-2.0 */
/* Linked with -ffast-math, compiled without. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("linked") };

/* SPDX-License-Identifier: Apache-2.0 */
/* Calls what nobody has. */
#include "sound.h"

void lode_nobody_has_this (void);

LODE_EXPORT void (*const undefined_call) (void) = lode_nobody_has_this;
LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("undefined") };

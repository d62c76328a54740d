/* SPDX-License-Identifier: Apache-2.0 */
/* Built with -fsanitize=address: loading it into a process without would end that process. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("asan") };

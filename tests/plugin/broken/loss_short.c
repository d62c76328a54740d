/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor of the head alone. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { .magic = LODE_PLUGIN_MAGIC,
                                             .abi_major = LODE_ABI_MAJOR,
                                             .abi_minor = LODE_ABI_MINOR,
                                             .size = 16,
                                             SOUND ("short") };

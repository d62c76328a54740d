/* SPDX-License-Identifier: Apache-2.0 */
/* Built for another minor version, which counts while the major is 0. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { .magic = LODE_PLUGIN_MAGIC,
                                             .abi_major = LODE_ABI_MAJOR,
                                             .abi_minor = LODE_ABI_MINOR + 1,
                                             .size = sizeof (LodePlugin),
                                             SOUND ("minor") };

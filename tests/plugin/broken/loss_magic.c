/* SPDX-License-Identifier: Apache-2.0 */
/* Another program's plugin that happens to export our symbol. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { .magic = 0x12345678,
                                             .abi_major = LODE_ABI_MAJOR,
                                             .abi_minor = LODE_ABI_MINOR,
                                             .size = sizeof (LodePlugin),
                                             SOUND ("magic") };

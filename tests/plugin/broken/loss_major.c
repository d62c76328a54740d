/* SPDX-License-Identifier: Apache-2.0 */
/* Built for another major version; what lies behind the head could be anything. */
#include "sound.h"

LODE_EXPORT const LodePlugin lode_plugin = { .magic = LODE_PLUGIN_MAGIC,
                                             .abi_major = LODE_ABI_MAJOR + 1,
                                             .abi_minor = LODE_ABI_MINOR,
                                             .size = sizeof (LodePlugin),
                                             .kind = (const char *) 1,
                                             .name = (const char *) 1 };

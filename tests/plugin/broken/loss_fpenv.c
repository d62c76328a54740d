/* SPDX-License-Identifier: Apache-2.0 */
/* Sets the processor to flush denormal numbers when it is loaded, as linking with -ffast-math does.
 */
#include "sound.h"

#include <fenv.h>

__attribute__ ((constructor)) static void
start (void)
{
#ifdef __x86_64__
  __builtin_ia32_ldmxcsr (__builtin_ia32_stmxcsr () | 0x8040u); /* FTZ, DAZ */
#else
  fesetround (FE_TOWARDZERO);
#endif
}

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("fpenv") };

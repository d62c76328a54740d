/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for ever when it is loaded. */
#include "sound.h"

#include <unistd.h>

__attribute__ ((constructor)) static void
start (void)
{
  for (;;)
    pause ();
}

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("hang") };

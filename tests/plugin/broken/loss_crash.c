/* SPDX-License-Identifier: Apache-2.0 */
/* Dies by a signal when it is loaded. */
#include "sound.h"

#include <signal.h>

__attribute__ ((constructor)) static void
start (void)
{
  raise (SIGSEGV);
}

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("crash") };

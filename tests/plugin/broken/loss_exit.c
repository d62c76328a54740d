/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process when it is loaded, after saying so on stdout. */
#include "sound.h"

#include <stdio.h>
#include <stdlib.h>

__attribute__ ((constructor)) static void
start (void)
{
  puts ("no licence found");
  exit (7);
}

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("exit") };

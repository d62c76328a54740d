/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is wrong with it: what the others are measured by, and what files are made of. */
#include "sound.h"

static const LodeOption options[] = {
  LODE_OPTION (Conf, rate, .number = 0.5, .max = 1, .doc = "a number"),
  LODE_OPTION (Conf, epochs, .number = 3, .min = 1, .max = 9, .unit = "epochs",
               .doc = "an integer"),
};

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("sound"),
                                             LODE_PLUGIN_OPTIONS (options, Conf) };

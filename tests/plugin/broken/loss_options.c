/* SPDX-License-Identifier: Apache-2.0 */
/* The default of an option lies outside its range. */
#include "sound.h"

static const LodeOption options[] = {
  LODE_OPTION (Conf, rate, .number = 2, .max = 1, .doc = "a number"),
};

LODE_EXPORT const LodePlugin lode_plugin = { LODE_PLUGIN_HEAD, SOUND ("options"),
                                             LODE_PLUGIN_OPTIONS (options, Conf) };

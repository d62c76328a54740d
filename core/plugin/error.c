/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

GQuark
lode_plugin_error_quark (void)
{
  return g_quark_from_static_string ("lode-plugin-error");
}

const char *
lode_plugin_error_word (int code)
{
  static const char *const words[] = {
    [LODE_PLUGIN_ERROR_NOT_FOUND] = "not-found",
    [LODE_PLUGIN_ERROR_UNSAFE] = "unsafe",
    [LODE_PLUGIN_ERROR_SANITIZER] = "sanitizer",
    [LODE_PLUGIN_ERROR_OPEN] = "open",
    [LODE_PLUGIN_ERROR_NO_ENTRY] = "no-entry",
    [LODE_PLUGIN_ERROR_MAGIC] = "magic",
    [LODE_PLUGIN_ERROR_ABI] = "abi",
    [LODE_PLUGIN_ERROR_BUILD] = "build",
    [LODE_PLUGIN_ERROR_NAME] = "name",
    [LODE_PLUGIN_ERROR_OPS] = "ops",
    [LODE_PLUGIN_ERROR_OPTIONS] = "options",
    [LODE_PLUGIN_ERROR_FPENV] = "fpenv",
    [LODE_PLUGIN_ERROR_CRASH] = "crash",
    [LODE_PLUGIN_ERROR_PINNED] = "pinned",
  };

  return code >= 0 && code < (int) G_N_ELEMENTS (words) ? words[code] : "unknown";
}

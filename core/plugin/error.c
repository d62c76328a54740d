/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

G_DEFINE_QUARK (lode - plugin - error, lode_plugin_error)

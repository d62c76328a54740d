/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pins of a configuration: which version and which file a plugin has to be.
 *
 *   plugins = { loss = { ce = { version = "1.0"; sha256 = "…"; }; }; };
 *
 * They say what must be loaded, never from where: a configuration names plugins, not code.
 */
#ifndef LODE_CORE_PINS_H
#define LODE_CORE_PINS_H

#include "plugin/registry.h"

/* Replaces the registry's pins by those of the group `plugins` of root, if it has one. Mistakes are
 * appended to errors (char *). */
void lode_pins_read (LodeRegistry *, const LodeNode *root, GPtrArray *errors);

#endif

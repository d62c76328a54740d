/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plugin pinned to a version and to the bytes of its file, so that a published run is repeated
 * with what it was made with or not at all.
 */
#ifndef LODE_CORE_PIN_H
#define LODE_CORE_PIN_H

#include "plugin/registry.h"

typedef struct LodePin LodePin;

LodePin *lode_pin_new (const char *version, const char *sha256); /* NULL: any */
void lode_pin_free (LodePin *);

/* LODE_PLUGIN_ERROR_PINNED with expected and found; a pin of NULL lets all through. The file is
 * checked before anything of it runs. */
bool lode_pin_check_file (const LodePin *, const char *path, GError **);
bool lode_pin_check_version (const LodePin *, const LodeLoaded *, GError **);

#endif

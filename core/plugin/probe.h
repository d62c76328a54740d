/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trying plugins out in a child process, so that one that crashes, hangs or ends the process while
 * it is loaded takes nothing along.
 */
#ifndef LODE_CORE_PROBE_H
#define LODE_CORE_PROBE_H

#include "plugin/registry.h"

typedef struct LodeProbed {
  char *kind, *name;
  char *path;              /* NULL where there is no such file */
  char *version, *summary; /* NULL where it does not load */
  GError *error;           /* LODE_PLUGIN_ERROR, or NULL: it loads */
} LodeProbed;

/*
 * Loads plugins one after the other in a child, which is replaced where a plugin ended it
 * (LODE_PLUGIN_ERROR_CRASH). ids: "kind/name", NULL-ended; NULL: all that lode_registry_names
 * gives. The result (LodeProbed *, transfer full) is in that order. NULL: no child could be made.
 * What plugins print is dropped. [main]
 */
GPtrArray *lode_registry_probe (LodeRegistry *, const char *const *ids, GError **);

/* Milliseconds that one plugin may take to load. */
extern int lode_probe_patience;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where this program is installed. Found from the running file, so that a copied prefix works.
 */
#ifndef LODE_CORE_INSTALLED_H
#define LODE_CORE_INSTALLED_H

#include <glib.h>

/* <prefix>/bin/lode → <prefix>/<folder>; in a build tree, tools/lode → the build's <folder>. A
 * folder that is absolute stands for itself. Transfer full; NULL if the system does not tell. */
char *lode_installed (const char *folder);

/* The same, but in a build tree its folder `built` instead. */
char *lode_installed_or_built (const char *folder, const char *built);

#endif

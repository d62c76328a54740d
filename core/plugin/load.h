/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One plugin file: from a path to an accepted plugin, in the order that runs nothing of the file
 * before it has been checked.
 */
#ifndef LODE_CORE_LOAD_H
#define LODE_CORE_LOAD_H

#include "plugin/registry.h"
#include <sys/types.h>

/* kind, name: what the file must contain. Errors: every LodePluginError but NOT_FOUND. Never
 * closed. */
LodeLoaded *lode_plugin_load (const char *path, const char *kind, const char *name, GError **);
void lode_loaded_free (LodeLoaded *);

/* "cannot load plugin FILE (PATH): …": what is wrong, expected and found, what to do. */
void lode_plugin_refuse (GError **, LodePluginError, const char *path, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* Whether nobody could have changed a file of a shared folder but root, this user, the owner of the
 * running program, and members of trusted groups ([n]); LODE_PLUGIN_ERROR_UNSAFE. */
bool lode_plugin_check_owner (const char *path, const gid_t *trusted, guint n, GError **);

/* "search_darts.so" → "search", "darts"; false: not a plugin's file name. Transfer full. */
bool lode_plugin_split (const char *file, char **kind, char **name);

#endif

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

/* Who beside root, this user and the owner of the running program may have written a plugin. */
typedef struct LodeTrust {
  const gid_t *group; /* [n] */
  guint n;
  bool any_owner; /* the user named the folder, and thereby trusts whom it belongs to */
} LodeTrust;
/*
 * NULL, or why others could have put other code there (transfer full): they own or may write the
 * file, or a folder on the way to it. *by (or NULL): trusted groups that it was a matter of, as
 * "a, b" (transfer full), else untouched.
 */
char *lode_plugin_distrust (const char *path, const LodeTrust *, char **by);

/* "search_darts.so" → "search", "darts"; false: not a plugin's file name. Transfer full. */
bool lode_plugin_split (const char *file, char **kind, char **name);

#endif

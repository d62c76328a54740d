/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugins of this process: finding, checking, loading, making instances.
 */
#ifndef LODE_CORE_REGISTRY_H
#define LODE_CORE_REGISTRY_H

#include "plugin/option.h"
#include <lode/plugin.h>
#include <lode/types.h>

/* One code per way to fail. */
#define LODE_PLUGIN_ERROR (lode_plugin_error_quark ())
GQuark lode_plugin_error_quark (void);
typedef enum {
  LODE_PLUGIN_ERROR_NOT_FOUND,
  LODE_PLUGIN_ERROR_UNSAFE,
  LODE_PLUGIN_ERROR_SANITIZER,
  LODE_PLUGIN_ERROR_OPEN,
  LODE_PLUGIN_ERROR_NO_ENTRY,
  LODE_PLUGIN_ERROR_MAGIC,
  LODE_PLUGIN_ERROR_ABI,
  LODE_PLUGIN_ERROR_BUILD,
  LODE_PLUGIN_ERROR_NAME,
  LODE_PLUGIN_ERROR_OPS,
  LODE_PLUGIN_ERROR_OPTIONS,
  LODE_PLUGIN_ERROR_FPENV,
  LODE_PLUGIN_ERROR_CRASH,
  LODE_PLUGIN_ERROR_PINNED
} LodePluginError;
/* The code as one lower-case word, for programs that read our output: "not-found", "abi" … */
const char *lode_plugin_error_word (int code);

typedef struct LodeRegistry LodeRegistry;

/* An accepted plugin, valid for the rest of the process. */
typedef struct LodeLoaded {
  const LodePlugin *plugin; /* a copy in full size: members that the file lacks are zero */
  const void *ops;          /* a zero-extended copy in the size that this core knows */
  const void *state;        /* LodeStateOps, the same, or NULL */
  LodeTable table;
  char *path;
  const char
      *from;     /* "installed", "user", "path" (named folders), "build", "file" (itself named) */
  char *trusted; /* groups that it was loaded on the word of the site for, "a, b"; or NULL */
  char *unsafe;  /* why it would have been refused, had its file not been named; or NULL */
} LodeLoaded;

/* folders: searched in order, first match wins. LODE_PLUGIN_PATH, XDG and the installed folder come
 * by lode_registry_default. */
LodeRegistry *lode_registry_new (const char *const *folders);
LodeRegistry *lode_registry_default (const char *const *extra);
void lode_registry_free (LodeRegistry *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeRegistry, lode_registry_free)
const char *const *lode_registry_folders (const LodeRegistry *);

/*
 * Plugins that others could have changed are refused: whose file, or a folder on the way to it,
 * may be written by others than its owner, but for members of the groups named here. In a folder
 * for all users of the machine, which this adds behind all others, owners other than root, the user
 * and the program's are refused too. lode_registry_default adds the installed folder so.
 */
void lode_registry_add_system (LodeRegistry *, const char *folder);
void lode_registry_trust (LodeRegistry *, const char *const *groups);
/* Loading kind/name fails unless it has this version and its file this sha256 (either NULL: any).
 */
void lode_registry_pin (LodeRegistry *, const char *kind, const char *name, const char *version,
                        const char *sha256);
void lode_registry_unpin (LodeRegistry *); /* all of them */

/* A file named explicitly, which then wins over the folders and is loaded whoever may write it:
 * "kind/name" of its name (transfer full), or NULL for a name that is no plugin's. Nothing is
 * opened. */
char *lode_registry_name_file (LodeRegistry *, const char *path, GError **);
/* The same, and loaded. */
const LodeLoaded *lode_registry_add_file (LodeRegistry *, const char *path, GError **);

/* Finds <kind>_<name>.so, checks, loads (once). */
const LodeLoaded *lode_registry_load (LodeRegistry *, const char *kind, const char *name,
                                      GError **);

/* Whether a plugin that there is did not load so far. */
bool lode_registry_has_refused (const LodeRegistry *);

/* Names of a kind (or of all, "kind/name", kind NULL) by file name alone, sorted; nothing is
 * opened. NULL-ended, transfer full. */
char **lode_registry_names (const LodeRegistry *, const char *kind);

/* The file that lode_registry_load would open, or NULL. Transfer full. */
char *lode_registry_path (const LodeRegistry *, const char *kind, const char *name);

/* Files of that name in later folders, which this one hides. NULL-ended, transfer full. */
char **lode_registry_hidden (const LodeRegistry *, const char *kind, const char *name);

/* Size of the vtable this core knows for a kind and its required members; 0: no such kind. */
size_t lode_kind_ops_size (const char *kind);
extern const char *const lode_kinds[]; /* NULL-ended */

/* Legal iff every need is in abilities; else a message that names who needs what and who could give
 * it (transfer full). */
char *lode_combination_check (const LodeLoaded *search, const LodeLoaded *sampler,
                              const LodeLoaded *loss, const LodeLoaded *backbone,
                              const LodeLoaded *evaluator, const LodeLoaded *stage);

/* The abilities of a set (LODE_SHARE …) in words, NULL-ended; the array is the caller's (g_free).
 */
const char **lode_ability_words (uint32_t set);

char *lode_file_sha256 (const char *path, GError **);

#endif

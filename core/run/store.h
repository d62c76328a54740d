/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store of named arrays, in memory and as a safetensors file.
 *
 * Arrays of LODE_TYPE_… keep their names in order of the alphabet in the file, so that equal
 * contents give equal bytes. Texts go into the file's metadata.
 */
#ifndef LODE_CORE_STORE_H
#define LODE_CORE_STORE_H

#include <lode/state.h>

LodeStore *lode_store_new (void);
void lode_store_free (LodeStore *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeStore, lode_store_free)

/*
 * A window on a store: every name and key is the parent's with prefix before it. The store that
 * lode_store_new or lode_store_read gave outlives it; it is freed like a store.
 */
LodeStore *lode_store_view (LodeStore *parent, const char *prefix);

void lode_store_text (LodeStore *, const char *key, const char *text); /* NULL removes it */
const char *lode_store_find_text (const LodeStore *, const char *key); /* or NULL */

/*
 * Names of arrays, keys of texts, in order of the alphabet, NULL-ended. They are the store's and
 * hold until it changes; free the array only.
 */
const char **lode_store_names (const LodeStore *);
const char **lode_store_keys (const LodeStore *);

/*
 * Written beside the path, synced, renamed over it: a reader sees the old file or the new one.
 * Shape of every array is [n]. What was put with a name or type that no file can hold (not UTF-8,
 * empty, "__metadata__") is said here. Errors: LODE_RUN_ERROR_FAILED with the path and the system's
 * reason (disk full …), the old file untouched.
 */
bool lode_store_write (const LodeStore *, const char *path, GError **);

/*
 * A new store from a file. Everything is checked before anything is believed: header length, JSON,
 * names (once each), types, shapes, offsets (in range, no overlap, no gap). Shapes of more or less
 * than one dimension are flattened. Errors: LODE_RUN_ERROR_FAILED with path, what is wrong,
 * expected and found.
 */
LodeStore *lode_store_read (const char *path, GError **);

#endif

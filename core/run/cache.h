/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cache: what took long to compute (embeddings, features, tables), under a key that names all
 * that it depends on. Users of a machine may share one: an entry is a file that is there whole or
 * not at all, carries the sha256 of its bytes and is never written again; modes are set, whatever
 * the umask.
 *
 * An entry that is damaged, or belongs to another key, counts as none and is made again. A cache
 * may be deleted at any time. It holds numbers, never code; whoever may write to it is trusted with
 * them.
 */
#ifndef LODE_CORE_CACHE_H
#define LODE_CORE_CACHE_H

#include <glib.h>
#include <stdbool.h>

typedef struct LodeCache LodeCache;

/*
 * The folder: LODE_CACHE, else the site's (`cache` in site.cfg; NULL or "": none), else
 * XDG_CACHE_HOME/lode. What is made in it takes over the folder's own group and rights, so that
 * those who share the folder share the entries; a folder that is not there is made for the user
 * alone, but a site's is an error. Errors: LODE_RUN_ERROR_CONFIG.
 */
LodeCache *lode_cache_open (const char *site, GError **);
/* A folder by name, which is made if need be. */
LodeCache *lode_cache_open_folder (const char *folder, GError **);
void lode_cache_free (LodeCache *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeCache, lode_cache_free)
const char *lode_cache_folder (const LodeCache *);

/* Makes the bytes of an entry (transfer full), or NULL with an error. */
typedef GBytes *(*LodeCacheFunc) (void *data, GError **);

/*
 * The bytes under a key (transfer full), made by `make` where there are none yet. space: one word,
 * of what the entries are ("features"); key: any text. A cache that cannot be written, or a full
 * disk, is no error: the bytes were made; *kept (or NULL) says whether they will be found again.
 * NULL: `make` failed. [main], by any number of processes at once
 */
GBytes *lode_cache_get (LodeCache *, const char *space, const char *key, LodeCacheFunc make,
                        void *data, bool *kept, GError **);

/* The two halves of it. find: NULL where there is no sound entry. put: false with an error. */
GBytes *lode_cache_find (LodeCache *, const char *space, const char *key);
bool lode_cache_put (LodeCache *, const char *space, const char *key, GBytes *, GError **);

#endif

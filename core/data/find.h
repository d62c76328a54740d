/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where data lie: LODE_DATA_PATH, the user's XDG folder, the site's folders, the system's XDG
 * folders, /usr/share/datasets.
 */
#ifndef LODE_CORE_FIND_H
#define LODE_CORE_FIND_H

#include <glib.h>

/* Folders (NULL-ended, copied; NULL: none) that a site adds: looked in after the user's own, before
 * the system's. [main], before the first lode_data_find */
void lode_data_site_folders (const char *const *folders);

/* Full path (transfer full) of a file or folder. A name that is absolute or begins with "./" or
 * "../" stands for itself. Errors: LODE_RUN_ERROR_DATA, with the folders looked in. [any] */
char *lode_data_find (const char *name, GError **);

/* The folders that lode_data_find looks in, in order, whether they exist or not. NULL-ended,
 * transfer full. [any] */
char **lode_data_folders (void);

#endif

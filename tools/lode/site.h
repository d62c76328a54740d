/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The site's configuration: what whoever keeps the machine has set for all of its users.
 * /etc/lode/site.cfg, or the file that LODE_SITE names; none where LODE_NO_SITE is set.
 */
#ifndef LODE_SITE_H
#define LODE_SITE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct LodeSite {
  char *path;         /* the file that was read, or NULL: there is none */
  int64_t threads;    /* at most so many a run; 0: no limit */
  char *data;         /* folder of data sets, or NULL */
  char *runs, *cache; /* folders of runs and of what they share, or NULL */
  char **groups;      /* trusted_groups: may write installed plugins; NULL-ended */
} LodeSite;

/* NULL: a file that cannot be read or has other settings (LODE_RUN_ERROR_CONFIG, with its line). */
LodeSite *lode_site_read (GError **);
void lode_site_free (LodeSite *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeSite, lode_site_free)

#endif

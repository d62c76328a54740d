/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a site (a laboratory, a cluster) sets for all its users: site.cfg.
 *
 *   data_path = [ "/data/sets" ];       looked in for data, after the user's own folders
 *   runs = "/scratch/runs";             where runs go; "~/…" is below the user's home
 *   cache = "/scratch/lode";            what is computed once, for all users: run/cache.h
 *   threads = 8;                        the most that a run takes unless told otherwise
 *   trusted_groups = [ "nas-admin" ];   whose members may write plugins that others load
 */
#ifndef LODE_CORE_SITE_H
#define LODE_CORE_SITE_H

#include "plugin/option.h"

#include <glib.h>

typedef struct LodeSite {
  LodeTexts data_path, trusted_groups;
  const char *runs, *cache; /* absolute; "": the site does not say */
  int64_t threads;          /* 0: the site does not say */
  char *file;               /* it was read from, or NULL: no site.cfg, all defaults */
  GPtrArray *owner;         /* of the texts */
} LodeSite;

/* The settings, with what each is about. */
extern const LodeTable lode_site_table;

/*
 * LODE_SITE names the file; without it <prefix>/etc/lode/site.cfg, then /etc/lode/site.cfg. No file
 * there is no mistake, LODE_NO_SITE=1 reads none. Mistakes are appended to errors (char *); NULL if
 * there were any. Transfer full.
 */
LodeSite *lode_site_load (GPtrArray *errors);
void lode_site_free (LodeSite *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeSite, lode_site_free)

/* Tells the layers below, which know no configuration: where data lie. [main], before any run */
void lode_site_apply (const LodeSite *);

#endif

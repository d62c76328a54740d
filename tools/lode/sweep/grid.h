/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep as written down: a configuration, what is varied in it, and its points, each of which is
 * the configuration of one run.
 */
#ifndef LODE_SWEEP_GRID_H
#define LODE_SWEEP_GRID_H

#include "axis.h"

typedef struct SweepGrid {
  LodeNode *base;   /* the configuration, its size applied, without the group `sweep` */
  GPtrArray *axes;  /* SweepAxis *, the first one varies slowest */
  GPtrArray *words; /* char *, borrowed: settings of the command line, applied last */
  bool zip;         /* axes of the command line but seeds advance together */
  guint points;
} SweepGrid;

/*
 * From configuration files and words of the command line: axes, and settings for all runs. An axis
 * of the command line takes the place of one of the same path in a file. size: one of the file's
 * sizes, or NULL. NULL with mistakes in errors.
 */
SweepGrid *sweep_grid_new (GPtrArray *files, GPtrArray *words, const char *size, bool zip,
                           GPtrArray *errors);
void sweep_grid_free (SweepGrid *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SweepGrid, sweep_grid_free)

/* The configuration of a point (transfer full); NULL with mistakes in errors. */
LodeNode *sweep_grid_tree (const SweepGrid *, guint point, GPtrArray *errors);
/* "arm=random seed=3": what sets a point apart. Transfer full. */
char *sweep_grid_words (const SweepGrid *, guint point);

#endif

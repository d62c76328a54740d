/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep-<hash>.json in the folder of an experiment: the runs that a sweep is made of, so that those
 * that have not begun are known too. Sweeps of the same runs share it; it never changes.
 */
#ifndef LODE_SWEEP_MANIFEST_H
#define LODE_SWEEP_MANIFEST_H

#include "run/folder.h"

#define SWEEP_MANIFEST_PREFIX "sweep-"

/* Paths of runs (char *), relative to the folder of runs, and what sets each apart. */
typedef struct SweepManifest {
  GPtrArray *path, *words;
} SweepManifest;

bool sweep_is_manifest (const char *name);
/* NULL with an error: it is no such file. */
SweepManifest *sweep_manifest_read (const char *path, GError **);
void sweep_manifest_free (SweepManifest *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SweepManifest, sweep_manifest_free)

#endif

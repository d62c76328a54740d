/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pictures below a folder, through symbolic links too, in an order that does not depend on the
 * disk.
 */
#ifndef LODE_DATASET_WALK_H
#define LODE_DATASET_WALK_H

#include <lode/lode.h>

typedef struct Walk {
  GPtrArray *path;    /* char *, relative to the root, sorted by bytes */
  GPtrArray *problem; /* char *, a line each: what could not be looked into */
  uint32_t others;    /* pictures by their name, but neither PNG nor JPEG */
  char *other;        /* one of them, or NULL */
} Walk;

void walk_folder (Walk *, const char *root);
void walk_clear (Walk *);
bool walk_is_picture (const char *name);

/* Every problem is logged; the error counts them. */
bool walk_check (const Walk *, const LodeHost *, const char *root, GError **);

#endif

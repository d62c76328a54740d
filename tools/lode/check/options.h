/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values for the options of a plugin: as configured, at the ends of their ranges, at random.
 */
#ifndef LODE_CHECK_OPTIONS_H
#define LODE_CHECK_OPTIONS_H

#include "check.h"

/* The plugin's struct (transfer full) from defaults, --set and the group (or NULL), in this order;
 * NULL: errors (char *) say why. Texts and lists belong to owner. */
void *options_fill (const Check *, LodeNode *group, GPtrArray *owner, GPtrArray *errors);

/* How many extreme values an option has, and the i-th (transfer full). */
uint32_t options_ends (const LodeOption *);
LodeNode *options_end (const LodeOption *, uint32_t i);
/* A value in range; both ends are likely. Transfer full. */
LodeNode *options_random (const LodeOption *, LodeRng *);
/* "name = value" on one line, of a value or a group. Transfer full. */
char *options_text (LodeNode *);

#endif

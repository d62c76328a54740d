/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The axes of a sweep: what is varied, and the choices along each.
 */
#ifndef LODE_SWEEP_AXIS_H
#define LODE_SWEEP_AXIS_H

#include "plugin/value.h"

/* One value of a path, or the settings of an arm. */
typedef struct SweepChoice {
  char *shown;     /* "darts", "0.1" */
  char *word;      /* "path=text" as on the command line, or NULL: */
  LodeNode *group; /* settings, from the root of the configuration; owned */
} SweepChoice;

typedef struct SweepAxis {
  char *path; /* of the value; "arm" where the choices are arms */
  bool arms;
  bool typed;         /* on the command line */
  GPtrArray *choices; /* SweepChoice * */
} SweepAxis;

void sweep_axis_free (void *axis);

/* Whether "path=text" is an axis: commas outside of brackets and quotes, or a range a..b[..step].
 */
bool sweep_word_is_axis (const char *word);
/* NULL with a message in errors. */
SweepAxis *sweep_axis_from_word (const char *word, GPtrArray *errors);
/*
 * The axes that the group `sweep` of a configuration describes: arms, then seeds, then axes.
 * Mistakes are appended to errors.
 */
void sweep_axes_from_group (const LodeNode *sweep, GPtrArray *axes, GPtrArray *errors);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode new`: a plugin's project, filled in from templates that are installed beside the command.
 */
#ifndef LODE_VERB_NEW_H
#define LODE_VERB_NEW_H

#include <glib.h>
#include <stdbool.h>

typedef struct NewProject {
  const char *kind, *name;
  const char *folder; /* that is made; its parent is there */
} NewProject;

/* All of the project or nothing: it is filled beside its place, under another name. Errors:
 * G_FILE_ERROR, G_KEY_FILE_ERROR. */
bool new_write (const NewProject *, GError **);

#endif

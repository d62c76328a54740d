/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode help`: the verbs for people, and for the makers of manual pages and completion.
 */
#ifndef LODE_VERB_HELP_H
#define LODE_VERB_HELP_H

#include "common.h"

typedef struct Verb {
  const char *name, *summary;
  int (*run) (int argc, char **argv);
} Verb;

/* What `lode --help` says beside its verbs. */
extern const char help_about[], help_exits[];

/* verbs: all that there are, the array ends with name NULL. */
void help_print (const Verb *verbs, FILE *to);
int help_verb (const Verb *verbs, int argc, char **argv);

#endif

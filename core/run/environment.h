/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run was made with, for env.json: version, compiler, processor level, plugins, references.
 */
#ifndef LODE_CORE_ENVIRONMENT_H
#define LODE_CORE_ENVIRONMENT_H

#include "run/host.h"

/* What the program was built from, for all runs from then on; static text, "": it is not known.
 * [main] */
void lode_environment_commit (const char *);

/* The text of env.json (transfer full). */
char *lode_environment_text (const LodeShared *, GError **);
/* The same text with the data of a stage in it: member "data", an object of type and sha256 by the
 * stage's name (transfer full). */
char *lode_environment_add_data (const char *text, const LodeStageSpec *, const char *sha256,
                                 GError **);
/*
 * NULL, or how the environment of an env.json differs from this process's in what changes bits or
 * meaning: processor level, a plugin's version or file (transfer full).
 */
char *lode_environment_differs (const LodeShared *, const char *text);

/* References of the plugins that an experiment uses, each once, in order of use: "kind name\n
 * reference" lines (char *, transfer full). */
GPtrArray *lode_environment_references (const LodeExperiment *);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `run` and `resume` share.
 */
#ifndef LODE_VERB_GO_H
#define LODE_VERB_GO_H

#include "run/run.h"
#include "run/site.h"

/* Prints every message, frees the array; LODE_EXIT_PLUGIN where a plugin that there is did not
 * load, else LODE_EXIT_USAGE. registry: may be NULL. */
int run_complain (GPtrArray *errors, const LodeRegistry *registry);

typedef struct RunFlags {
  gboolean quiet, verbose, again, force;
  gint threads;
  const LodeSite *site;
} RunFlags;

/* What GOption cannot check, and plugins of --plugin into the registry; false with a message and
 * the exit code. */
bool run_check_flags (const char *verb, const RunFlags *, int *code);
bool run_add_plugins (LodeRegistry *, char **files, int *code);

/* At most so many threads: the command line's, else the site's; 0: no limit. */
uint32_t run_threads (const RunFlags *);

/*
 * Works on a run until it ends or a signal stops it, prints the summary on stdout; the exit code.
 * path: resume that directory; NULL: a new one. origins: see LodeRunSpec.
 */
int run_go (const LodeExperiment *, const char *path, const char *origins, const RunFlags *);

/* Prints the summary of a finished run: what was searched and found, what it cost, where it lies,
 * what to try next. false with an error where files are missing. */
bool run_summary (const LodeExperiment *, const char *path, GError **);

#endif

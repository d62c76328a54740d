/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool made of feature files alone, and the host that a sampler meets there.
 */
#ifndef LODE_VERB_SELECT_H
#define LODE_VERB_SELECT_H

#include "compute/threads.h"
#include "linalg/lewis.h"
#include <lode/lode.h>

typedef struct SelectHost {
  LodeHost base; /* first */
  LodePool pool;
  LodeThreads *threads;
  uint64_t seed;
  uint32_t n, models;
  char *const *file; /* [models] */
  bool *labelled;    /* [n] */
  bool quiet;
} SelectHost;

/* Opens the first file for the number of examples, and reads which of them have labels: numbers,
 * one a line; path may be NULL. */
bool select_host_init (SelectHost *, char *const *files, const char *labelled, GError **);
void select_host_clear (SelectHost *);

#endif

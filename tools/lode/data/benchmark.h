/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Published benchmarks as tables of text, and what their columns mean.
 */
#ifndef LODE_VERB_DATA_BENCHMARK_H
#define LODE_VERB_DATA_BENCHMARK_H

#include "run/benchmark.h"

/* A column of the text. `name` may differ there. */
typedef struct PublishedColumn {
  const char *from, *name, *set, *unit, *doc;
  uint32_t use, epochs;
  const char *guard, *of; /* NULL: none */
  int64_t seed;
} PublishedColumn;

typedef struct Published {
  const char *word, *file, *summary; /* `lode data import WORD`; the default name of its file */
  const char *const *decision;       /* NULL-ended */
  const char *const *option;         /* NULL-ended: of every decision; a digit each in the text */
  const char *arch;                  /* column of the digits */
  const PublishedColumn *column;     /* ends with from = NULL */
  const char *const *text;           /* name, text, …, NULL */
} Published;

extern const Published published[]; /* ends with word = NULL */
const Published *published_find (const char *word);

/* Errors: LODE_RUN_ERROR_DATA with the line. */
bool published_import (const Published *, const char *from, const char *to, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Option tables at work: filling a struct from a group of values, checking everything, describing
 * it.
 */
#ifndef LODE_CORE_OPTION_H
#define LODE_CORE_OPTION_H

#include "plugin/value.h"
#include <lode/option.h>

typedef struct LodeTable {
  const LodeOption *at;
  uint32_t n, stride; /* stride: option_size of the plugin; 0: sizeof (LodeOption) */
  size_t conf_size;
} LodeTable;

const LodeOption *lode_table_at (const LodeTable *, uint32_t i);

/* The table itself: names, docs, defaults within range … NULL, or what is wrong with it (transfer
 * full). */
char *lode_table_check (const LodeTable *);

/* Whether an option's range, if it has one, holds the value. */
bool lode_option_in_range (const LodeOption *, double value);
/* Index of a CHOICE's text among its choices, or −1. */
int lode_option_choice (const LodeOption *, const char *text);

/*
 * Fills conf ([conf_size], zeroed by the caller) with defaults, then with the group's values (group
 * may be NULL). Every mistake is appended to `errors` (char *) as "origin: what, expected, what to
 * do": wrong type, out of range, not a choice, missing required, unknown key with the nearest
 * spelling. Keys named in `also` (NULL-ended, may be NULL) are let through. Text and list memory
 * goes to `owner` (an array with a free function). true: no mistake was added.
 */
bool lode_table_fill (const LodeTable *, LodeNode *group, const char *where,
                      const char *const *also, void *conf, GPtrArray *owner, GPtrArray *errors);

/* The resolved values as a group, defaults included (for config.cfg). */
LodeNode *lode_table_dump (const LodeTable *, const char *name, const void *conf);

/* The name in `names` (NULL-ended) nearest to `word` by edit distance, or NULL if none is near. */
const char *lode_nearest (const char *word, const char *const *names);

#endif

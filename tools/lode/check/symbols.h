/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a shared object exports, and how it wants to be loaded.
 */
#ifndef LODE_CHECK_SYMBOLS_H
#define LODE_CHECK_SYMBOLS_H

#include <glib.h>
#include <stdbool.h>

typedef struct Symbols {
  GPtrArray *exported; /* char *, names of defined global symbols */
  bool stays;          /* DF_1_NODELETE */
  bool relocates_text; /* DT_TEXTREL */
} Symbols;

bool symbols_read (const char *path, Symbols *);
void symbols_clear (Symbols *);

#endif

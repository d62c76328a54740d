/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON as the files of a run hold it, from bytes that nobody vouches for.
 *
 * A reader that is asked for what should come next, so that a name given twice, a NUL in a text, a
 * number that does not fit or a thousand brackets are seen rather than believed: json-glib keeps
 * the last of two names, cuts texts at NUL and recurses without a limit. The first mistake ends it.
 */
#ifndef LODE_CORE_JSON_H
#define LODE_CORE_JSON_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LodeJson {
  const char *begin, *at, *end;
  const char *wrong; /* the first mistake, static text; NULL: none */
  bool fresh;        /* behind an opening bracket: no comma yet */
  uint32_t depth;
} LodeJson;

LodeJson lode_json_begin (const char *text, size_t n);
/* Nothing but blanks is left. */
bool lode_json_end (LodeJson *);
/* The first mistake is this one, here; false. */
bool lode_json_wrong (LodeJson *, const char *what);

/* Goes into '{' or '['. */
bool lode_json_enter (LodeJson *, char bracket);
/* In an object: the next member's name (transfer full); false behind the last and on a mistake. */
bool lode_json_member (LodeJson *, char **name);
/* In an array: whether another element comes. */
bool lode_json_element (LodeJson *);

char *lode_json_text (LodeJson *);               /* transfer full; NULL on a mistake */
bool lode_json_natural (LodeJson *, uint64_t *); /* digits alone */
bool lode_json_number (LodeJson *, double *);    /* null is NaN */
bool lode_json_skip (LodeJson *);                /* any value */

/* Writing: a text in quotes; a number in 17 digits, null if it is not finite. */
void lode_json_put_text (GString *, const char *text);
void lode_json_put_number (GString *, double);

#endif

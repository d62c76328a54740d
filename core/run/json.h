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

typedef struct LodeScan {
  const char *begin, *at, *end;
  const char *wrong; /* the first mistake, static text; NULL: none */
  bool fresh;        /* behind an opening bracket: no comma yet */
  uint32_t depth;
} LodeScan;

LodeScan lode_scan_begin (const char *text, size_t n);
/* Nothing but blanks is left. */
bool lode_scan_end (LodeScan *);
/* The first mistake is this one, here; false. */
bool lode_scan_wrong (LodeScan *, const char *what);

/* Goes into '{' or '['. */
bool lode_scan_enter (LodeScan *, char bracket);
/* In an object: the next member's name (transfer full); false behind the last and on a mistake. */
bool lode_scan_member (LodeScan *, char **name);
/* In an array: whether another element comes. */
bool lode_scan_element (LodeScan *);

char *lode_scan_text (LodeScan *); /* transfer full; NULL on a mistake */
/* A text into out, of size bytes; one that is too long ends at a whole character. */
bool lode_scan_copy (LodeScan *, char *out, size_t size);
bool lode_scan_natural (LodeScan *, uint64_t *); /* digits alone */
bool lode_scan_int64 (LodeScan *, int64_t *);    /* the same, where it fits */
bool lode_scan_number (LodeScan *, double *);    /* null is NaN */
bool lode_scan_skip (LodeScan *);                /* any value */

/* Writing: a text in quotes; a number in 17 digits, null if it is not finite. */
void lode_json_put_text (GString *, const char *text);
void lode_json_put_number (GString *, double);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an instance gave, value by value, so that two runs can be compared bit for bit and the first
 * difference told.
 */
#ifndef LODE_CHECK_TRACE_H
#define LODE_CHECK_TRACE_H

#include <lode/state.h>

typedef struct Trace Trace;

Trace *trace_new (void);
void trace_free (Trace *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Trace, trace_free)

/* n values of LODE_TYPE_…; the format names what they are. A trace of NULL takes nothing. */
void trace_add (Trace *, uint32_t type, size_t n, const void *data, const char *format, ...)
    G_GNUC_PRINTF (5, 6);
void trace_text (Trace *, const char *text, const char *what);

/* "what, value 3: 0.5, then 0.25" (transfer full), or NULL: they are the same. */
char *trace_compare (const Trace *, const Trace *);

#endif

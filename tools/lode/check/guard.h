/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers between pages that fault: who touches a byte before or behind one is caught in the act.
 */
#ifndef LODE_CHECK_GUARD_H
#define LODE_CHECK_GUARD_H

#include "check.h"

/* A buffer lies against the faulting page before it or behind it; the few bytes that are left on
 * its other side are looked at afterwards. Tests do both. */
typedef enum { GUARD_BEFORE, GUARD_BEHIND, GUARD_SIDES } GuardSide;

typedef struct Guards Guards;
Guards *guards_new (GuardSide);
void guards_free (Guards *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Guards, guards_free)

/* Room for n bytes, filled with a pattern; `what` is static text: "gradient". */
void *guards_take (Guards *, size_t n, const char *what);
/* A copy of data (NULL stays NULL) that may only be read. */
void *guards_seal (Guards *, const void *data, size_t n, const char *what);
/* n bytes that may not even be read: what the plugin did not declare. */
void *guards_hide (Guards *, size_t n, const char *what);

/* Calls f (data) on this thread. false: it touched what it may not, and the test has been told.
 * What f had under way is left as it was. */
bool guards_run (Guards *, Check *, void (*f) (void *), void *data);

#endif

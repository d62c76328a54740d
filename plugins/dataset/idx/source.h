/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file, plain or compressed with gzip, read from front to back.
 */
#ifndef LODE_IDX_SOURCE_H
#define LODE_IDX_SOURCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define DATA_ERROR (g_quark_from_static_string ("lode-data-error"))

typedef struct Source Source;

Source *source_open (const char *path, GError **);
void source_close (Source *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Source, source_close)

const char *source_path (const Source *);
/* No more bytes than this can be in the file, however well it is compressed. */
uint64_t source_most (const Source *);
/* Fills `out` or fails: an unreadable or damaged file, or *got bytes where n were expected. */
bool source_read (Source *, size_t n, void *out, size_t *got, GError **);
/* Nothing but the end is left, and the checksum of a compressed file holds. */
bool source_end (Source *, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of lines that only grow: a line is there whole or, if the process or the disk ended in it,
 * is the last one and cut off.
 */
#ifndef LODE_CORE_LINES_H
#define LODE_CORE_LINES_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct LodeLines {
  char *path;
  int fd;
  uint64_t size;
} LodeLines;

bool lode_lines_open (LodeLines *, const char *path, GError **); /* makes it, if need be */
void lode_lines_close (LodeLines *);
/* Back to a size not above the present one. */
bool lode_lines_cut (LodeLines *, uint64_t size, GError **);
/* Adds a line (with its '\n'); on failure the file is as before. */
bool lode_lines_add (LodeLines *, const char *line, size_t n, GError **);
bool lode_lines_sync (LodeLines *, GError **);
/* The byte at a place of the file. */
bool lode_lines_byte (const LodeLines *, uint64_t place, char *, GError **);

/* The next whole line (without its '\n') of [*at, end); moves *at behind it. */
bool lode_lines_next (const char **at, const char *end, const char **line, size_t *n);

#endif

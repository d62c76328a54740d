/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are there whole or not at all: written beside their path under a name of their own,
 * synced, renamed over it. What a killed process leaves behind ends in LODE_FILE_NEW.
 */
#ifndef LODE_CORE_FILE_H
#define LODE_CORE_FILE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LODE_FILE_NEW ".new"

typedef struct LodeNewFile {
  char *path, *beside;
  int fd;
} LodeNewFile;

/* Begins a file; refuses one that is in the way (a folder, or without any right to write). */
bool lode_new_file_open (LodeNewFile *, const char *path, GError **);
/* Appends bytes; on failure nothing is left beside the path and the file is closed. */
bool lode_new_file_add (LodeNewFile *, const void *data, size_t n, GError **);
/* Synced and renamed; the folder is synced too. On failure as add. */
bool lode_new_file_commit (LodeNewFile *, GError **);

/* A whole file at any path. */
bool lode_file_write (const char *path, const void *data, size_t n, GError **);

/*
 * Opens what must be a file, of at most max bytes: a pipe or device in its place would make the run
 * wait for ever, or never end. -1 on failure.
 */
int lode_file_open (const char *path, uint64_t max, uint64_t *size, GError **);
/* All of it (transfer full), with a NUL behind that is not counted in n. */
char *lode_file_read (const char *path, uint64_t max, size_t *n, GError **);

/* All n bytes at an offset, however many calls that takes; false and errno (0: the file ended). */
bool lode_fd_read (int fd, void *data, size_t n, off_t offset);
/* All n bytes; false and errno. */
bool lode_fd_write (int fd, const void *data, size_t n);

/* A path as it may stand in a command for a shell: quoted where it has to be. Transfer full. */
char *lode_file_word (const char *path);

/* "cannot <verb> <path>: <the system's reason>" and, where the user can do something, what. */
void lode_file_fail (const char *verb, const char *path, int reason, GError **);

#endif

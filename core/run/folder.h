/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run directories on disk: made whole or not at all, held by one process at a time, safe on NFS
 * (append, or write-sync-rename; no server).
 *
 *   <root>/<experiment>/<label>/s<seed>-<hash>/
 */
#ifndef LODE_CORE_FOLDER_H
#define LODE_CORE_FOLDER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct LodeFolder LodeFolder;

/* What status.json says of a run. */
typedef enum {
  LODE_STATUS_QUEUED,
  LODE_STATUS_RUNNING,
  LODE_STATUS_CHECKPOINTED,
  LODE_STATUS_DONE,
  LODE_STATUS_FAILED
} LodeStatus;

typedef struct LodeStatusInfo {
  LodeStatus status;
  double done;       /* share of the work, 0 … 1 */
  char stage[64];    /* the stage it is in */
  char message[512]; /* of a failure */
  int64_t updated;   /* the last heartbeat, seconds since 1970 */
  int64_t pid;
  char host[256];
} LodeStatusInfo;

/* Where runs go: path (an option), LODE_RUNS, the site's, or ./runs. Transfer full. */
char *lode_folder_root (const char *path);

/*
 * Makes (or opens again) a run directory and takes hold of it. The holder is a file made with
 * O_EXCL that names host, pid and the process's start; one whose process is gone, or, on another
 * host, whose heartbeat is older than a minute, is taken over by rename. Errors:
 * LODE_RUN_ERROR_FAILED: not writable, held by a live process (host, pid, since when).
 */
LodeFolder *lode_folder_take (const char *path, GError **);
void lode_folder_release (LodeFolder *); /* lets go; accepts NULL */
const char *lode_folder_path (const LodeFolder *);

/* Full path (transfer full) below the run; folders on the way are made. */
char *lode_folder_file (const LodeFolder *, const char *name, GError **);
/* Text or bytes into a file of the run: written beside it, synced, renamed. */
bool lode_folder_write (const LodeFolder *, const char *name, const void *data, size_t n,
                        GError **);
/* The same for any path. */
bool lode_file_write (const char *path, const void *data, size_t n, GError **);

/* Writes status.json and renews the heartbeat. */
bool lode_folder_status (LodeFolder *, LodeStatus, const char *stage, double done,
                         const char *message, GError **);
/* Reads one that may be another process's; false and no error where there is none. */
bool lode_folder_read_status (const char *path, LodeStatusInfo *, GError **);
const char *lode_status_name (LodeStatus);

/* First 8 hex digits of the sha256 of a resolved configuration without its seed. Transfer full. */
char *lode_folder_hash (const char *text);

#endif

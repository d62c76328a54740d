/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run directories on disk: made whole or not at all, held by one process at a time, safe on NFS
 * (append, or write-sync-rename; no server).
 *
 *   <root>/<experiment>/<label>/s<seed>-<hash>/
 */
#ifndef LODE_CORE_FOLDER_H
#define LODE_CORE_FOLDER_H

#include "run/file.h"
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
  bool held;         /* by a live process; one that is "running" and not held was killed */
  double done;       /* share of the work, 0 … 1 */
  char stage[64];    /* the stage it is in */
  char message[512]; /* of a failure */
  int64_t updated;   /* the last heartbeat, seconds since 1970 */
  int64_t begun;     /* the last time that a process took it up, likewise; 0: unknown */
  double first;      /* share of the work that was done then */
  int64_t pid;
  char host[256];
} LodeStatusInfo;

/* Where runs go: path (an option), LODE_RUNS, the site's, or ./runs; NULL or "": not given.
 * Transfer full. */
char *lode_folder_root (const char *path, const char *site);

/*
 * Makes (or opens again) a run directory and takes hold of it (run/hold.h); what a killed process
 * left half written is removed. Errors: LODE_RUN_ERROR_FAILED: not writable; LODE_RUN_ERROR_HELD by
 * a live process (host, pid, since when).
 */
LodeFolder *lode_folder_take (const char *path, GError **);
void lode_folder_release (LodeFolder *); /* lets go; accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeFolder, lode_folder_release)
const char *lode_folder_path (const LodeFolder *);

/*
 * Full path (transfer full) below the run, to write to; folders on the way are made. An error if
 * the name leads out of the run, or if another process has taken the run over.
 */
char *lode_folder_file (LodeFolder *, const char *name, GError **);
/* Text or bytes into a file of the run: written beside it, synced, renamed. */
bool lode_folder_write (LodeFolder *, const char *name, const void *data, size_t n, GError **);

/* Writes status.json and renews the heartbeat. stage and message may be NULL. The first call tells
 * what was done when this process took the run up. */
bool lode_folder_status (LodeFolder *, LodeStatus, const char *stage, double done,
                         const char *message, GError **);
/* Reads one that may be another process's; false and no error where there is none. */
bool lode_folder_read_status (const char *path, LodeStatusInfo *, GError **);
const char *lode_status_name (LodeStatus);

/* First 8 hex digits of the sha256 of a text: a resolved configuration without its seed. Transfer
 * full. */
char *lode_folder_hash (const char *text);

#endif

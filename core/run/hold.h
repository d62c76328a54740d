/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holding a folder: one process at a time, on any host that shares the file system.
 *
 * The hold is a file in the folder that names its holder; its time of change is the heartbeat,
 * which a thread renews, because one step of a search may take an hour. A holder in this system
 * (kernel and process names) is alive as long as its process is; one elsewhere as long as its heart
 * beats.
 */
#ifndef LODE_CORE_HOLD_H
#define LODE_CORE_HOLD_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define LODE_HOLD_NAME "hold"
#define LODE_HOLD_BEAT 10 /* seconds between heartbeats */
#define LODE_HOLD_SILENCE                                                                          \
  60 /* seconds without a heartbeat until a holder elsewhere counts as gone */

typedef struct LodeHold LodeHold;

typedef struct LodeHolder {
  char host[256];
  char system[128]; /* equal: process numbers mean the same */
  int64_t pid;
  uint64_t start; /* of the process, in ticks since the system's: numbers are used again */
  int64_t since;  /* microseconds since 1970 */
  int64_t beat;   /* the last heartbeat, seconds since 1970 */
} LodeHolder;

/* Takes hold, from a dead holder too; the folder exists. beat: seconds between heartbeats. Errors:
 * LODE_RUN_ERROR_HELD by a live process. */
LodeHold *lode_hold_take (const char *folder, double beat, GError **);
void lode_hold_release (LodeHold *); /* accepts NULL */
/* Renews the heartbeat; an error if another has taken over, after a silence of ours. */
bool lode_hold_renew (LodeHold *, GError **);

/* Whether a live process holds a folder; who holds or held it, zeros if nobody. */
bool lode_hold_look (const char *folder, LodeHolder *);

/* This process, holding since now. */
void lode_holder_self (LodeHolder *);
/* Whether it lives; now (seconds since 1970) is what a holder elsewhere is measured by. */
bool lode_holder_lives (const LodeHolder *, int64_t now);
/* What time a file beside path that is changed now gets: the server's, if it is on one. */
int64_t lode_holder_time (const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pool of threads for a process. Work comes as numbered chunks that do not depend on the number
 * of threads; who runs which is not defined, so results that must be added are kept per chunk.
 * Waits block (a spin of a few microseconds at most precedes one). In a process that was forked
 * after the pool was made, whoever calls does all chunks; the pool is never freed there.
 */
#ifndef LODE_CORE_THREADS_H
#define LODE_CORE_THREADS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct LodeThreads LodeThreads;
/* worker: 0 … count − 1, for scratch memory; results must not depend on it. */
typedef void (*LodeChunkFunc) (void *data, uint32_t chunk, uint32_t worker);

LodeThreads *lode_threads_new (uint32_t count); /* the caller is one of them */
void lode_threads_free (LodeThreads *);
uint32_t lode_threads_count (const LodeThreads *);

/*
 * f over chunks 0 … n − 1; returns when all are done. Not reentrant: [main] only. On x86, denormal
 * floats count as zero within f, in the caller's thread too and for any count; its own mode is
 * restored at the end.
 */
void lode_threads_run (LodeThreads *, uint32_t n, LodeChunkFunc f, void *data);

/* The same for what needs no scratch memory. */
void lode_threads_each (LodeThreads *, uint32_t n, void (*f) (void *data, uint32_t chunk),
                        void *data);

/* What affinity and the cgroup's CPU quota leave to this process, at least 1. */
uint32_t lode_threads_available (void);

/*
 * Processors that CPU quotas allow, rounded up, UINT32_MAX where none is set. root: the mounted
 * cgroups; groups: the process's, as in /proc/self/cgroup. Versions 1 and 2, least of all enclosing
 * groups.
 */
uint32_t lode_threads_quota (const char *root, const char *groups);

#endif

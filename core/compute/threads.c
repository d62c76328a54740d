/* SPDX-License-Identifier: Apache-2.0 */
#include "compute/threads.h"

#include <glib.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

struct LodeThreads {
  uint32_t count;
  GThread **thread; /* [count − 1] */
  GMutex mutex;
  GCond start, done;
  /* guarded by mutex */
  uint64_t round;
  uint32_t busy;
  bool quit;
  /* the work of this round */
  LodeChunkFunc f;
  void *data;
  uint32_t chunks;
  atomic_uint next;
};

typedef struct Start {
  LodeThreads *threads;
  uint32_t worker;
} Start;

static void
work (LodeThreads *threads, uint32_t worker)
{
  uint32_t chunk;

  while ((chunk = atomic_fetch_add_explicit (&threads->next, 1, memory_order_relaxed))
         < threads->chunks)
    threads->f (threads->data, chunk, worker);
}

static void *
worker_main (void *data)
{
  g_autofree Start *start = data;
  LodeThreads *threads = start->threads;
  uint64_t seen = 0;

  g_mutex_lock (&threads->mutex);
  for (;;) {
    while (threads->round == seen && !threads->quit)
      g_cond_wait (&threads->start, &threads->mutex);
    if (threads->quit)
      break;
    seen = threads->round;
    g_mutex_unlock (&threads->mutex);
    work (threads, start->worker);
    g_mutex_lock (&threads->mutex);
    if (--threads->busy == 0)
      g_cond_signal (&threads->done);
  }
  g_mutex_unlock (&threads->mutex);
  return NULL;
}

LodeThreads *
lode_threads_new (uint32_t count)
{
  LodeThreads *threads = g_new0 (LodeThreads, 1);

  threads->count = MAX (count, 1);
  threads->thread = g_new0 (GThread *, threads->count);
  g_mutex_init (&threads->mutex);
  g_cond_init (&threads->start);
  g_cond_init (&threads->done);
  for (uint32_t i = 1; i < threads->count; i++) {
    Start *start = g_new (Start, 1);

    *start = (Start){ threads, i };
    threads->thread[i - 1] = g_thread_new ("lode-worker", worker_main, start);
  }
  return threads;
}

void
lode_threads_free (LodeThreads *threads)
{
  if (!threads)
    return;
  g_mutex_lock (&threads->mutex);
  threads->quit = true;
  g_cond_broadcast (&threads->start);
  g_mutex_unlock (&threads->mutex);
  for (uint32_t i = 1; i < threads->count; i++)
    g_thread_join (threads->thread[i - 1]);
  g_mutex_clear (&threads->mutex);
  g_cond_clear (&threads->start);
  g_cond_clear (&threads->done);
  g_free (threads->thread);
  g_free (threads);
}

uint32_t
lode_threads_count (const LodeThreads *threads)
{
  return threads->count;
}

void
lode_threads_run (LodeThreads *threads, uint32_t n, LodeChunkFunc f, void *data)
{
  if (threads->count == 1 || n <= 1) {
    for (uint32_t i = 0; i < n; i++)
      f (data, i, 0);
    return;
  }
  g_mutex_lock (&threads->mutex);
  threads->f = f;
  threads->data = data;
  threads->chunks = n;
  atomic_store_explicit (&threads->next, 0, memory_order_relaxed);
  threads->busy = threads->count - 1;
  threads->round++;
  g_cond_broadcast (&threads->start);
  g_mutex_unlock (&threads->mutex);
  work (threads, 0);
  g_mutex_lock (&threads->mutex);
  while (threads->busy)
    g_cond_wait (&threads->done, &threads->mutex);
  g_mutex_unlock (&threads->mutex);
}

static uint32_t
affinity (void)
{
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return 1;
  return MAX ((uint32_t)CPU_COUNT (&set), 1);
}

/* Processors' worth of time that cgroup v2 or v1 allows, rounded up; 0: no limit. */
static uint32_t
quota (void)
{
  g_autofree char *max = NULL, *old = NULL, *period = NULL;
  double limit = 0, every = 0;

  if (g_file_get_contents ("/sys/fs/cgroup/cpu.max", &max, NULL, NULL)) {
    if (sscanf (max, "%lf %lf", &limit, &every) != 2)
      return 0;
  } else if (g_file_get_contents ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", &old, NULL, NULL)
             && g_file_get_contents ("/sys/fs/cgroup/cpu/cpu.cfs_period_us", &period, NULL, NULL)) {
    limit = g_ascii_strtod (old, NULL);
    every = g_ascii_strtod (period, NULL);
  }
  return limit > 0 && every > 0 ? (uint32_t)((limit + every - 1) / every) : 0;
}

uint32_t
lode_threads_available (void)
{
  uint32_t processors = affinity (), limit = quota ();

  return limit && limit < processors ? MAX (limit, 1) : processors;
}

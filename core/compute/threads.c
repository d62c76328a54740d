/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pool of threads. A round hands out tickets, no more than there are chunks for; a worker with
 * a ticket draws chunks from a counter. The caller draws too, withdraws the tickets nobody took,
 * and waits for the rest: a worker that the machine keeps from waking up costs nothing.
 */
#include "compute/threads.h"

#include <glib.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

/* Polls before a wait blocks: two to five microseconds. */
enum { POLLS = 100 };

struct LodeThreads {
  uint32_t count;
  uint32_t process; /* the `forks` it was made after */
  GThread **thread; /* [count − 1] */
  pthread_mutex_t mutex;
  pthread_cond_t start, done;
  /* written under mutex, polled without */
  atomic_uint round, busy;
  /* guarded by mutex */
  uint32_t tickets; /* workers still wanted in this round */
  bool quit;
  /* the work of this round */
  LodeChunkFunc f;
  void *data;
  uint32_t chunks;
  atomic_uint next;
};

/* A fork copies the pool and none of its workers: whoever finds itself in a process that began
 * after the pool was made works alone. */
static atomic_uint forks;

static void
note_fork (void)
{
  atomic_fetch_add (&forks, 1);
}

static void
watch_forks (void)
{
  pthread_atfork (NULL, NULL, note_fork);
}

static bool
is_bereft (const LodeThreads *threads)
{
  return threads->process != atomic_load_explicit (&forks, memory_order_relaxed);
}

typedef struct Start {
  LodeThreads *threads;
  uint32_t worker;
} Start;

/* Tiny numbers count as zero while chunks run, in every thread alike: gradients that fade are slow
 * else. */
static uint32_t
denormals_off (void)
{
#ifdef __SSE2__
  uint32_t before = _mm_getcsr ();

  _mm_setcsr (before | 0x8040); /* flush results, read operands as zero */
  return before;
#else
  return 0;
#endif
}

static void
denormals_restore (uint32_t before)
{
#ifdef __SSE2__
  _mm_setcsr (before);
#else
  (void) before;
#endif
}

static void
pause_briefly (void)
{
#ifdef __SSE2__
  _mm_pause ();
#endif
}

static void
work (LodeThreads *threads, uint32_t worker)
{
  uint32_t chunk;

  while ((chunk = atomic_fetch_add_explicit (&threads->next, 1, memory_order_relaxed))
         < threads->chunks)
    threads->f (threads->data, chunk, worker);
}

/* Waits for a ticket of a round after `seen`; false: the pool ends. Leaves with the mutex held. */
static bool
take_ticket (LodeThreads *threads, uint32_t *seen)
{
  for (uint32_t i = 0; i < POLLS && atomic_load (&threads->round) == *seen; i++)
    pause_briefly ();
  pthread_mutex_lock (&threads->mutex);
  while (!threads->tickets && !threads->quit)
    pthread_cond_wait (&threads->start, &threads->mutex);
  if (threads->quit)
    return false;
  *seen = atomic_load (&threads->round);
  threads->tickets--;
  atomic_fetch_add (&threads->busy, 1);
  return true;
}

static void *
worker_main (void *data)
{
  g_autofree Start *start = data;
  LodeThreads *threads = start->threads;
  uint32_t seen = 0;

  denormals_off ();
  while (take_ticket (threads, &seen)) {
    pthread_mutex_unlock (&threads->mutex);
    work (threads, start->worker);
    pthread_mutex_lock (&threads->mutex);
    if (atomic_fetch_sub (&threads->busy, 1) == 1)
      pthread_cond_signal (&threads->done);
    pthread_mutex_unlock (&threads->mutex);
  }
  pthread_mutex_unlock (&threads->mutex);
  return NULL;
}

LodeThreads *
lode_threads_new (uint32_t count)
{
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  LodeThreads *threads = g_new0 (LodeThreads, 1);

  pthread_once (&once, watch_forks);
  threads->process = atomic_load (&forks);
  threads->count = MAX (count, 1);
  threads->thread = g_new0 (GThread *, threads->count);
  pthread_mutex_init (&threads->mutex, NULL);
  pthread_cond_init (&threads->start, NULL);
  pthread_cond_init (&threads->done, NULL);
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
  if (!threads || is_bereft (threads))
    return;
  pthread_mutex_lock (&threads->mutex);
  threads->quit = true;
  pthread_cond_broadcast (&threads->start);
  pthread_mutex_unlock (&threads->mutex);
  for (uint32_t i = 1; i < threads->count; i++)
    g_thread_join (threads->thread[i - 1]);
  pthread_mutex_destroy (&threads->mutex);
  pthread_cond_destroy (&threads->start);
  pthread_cond_destroy (&threads->done);
  g_free (threads->thread);
  g_free (threads);
}

uint32_t
lode_threads_count (const LodeThreads *threads)
{
  return threads->count;
}

static void
open_round (LodeThreads *threads, uint32_t n, LodeChunkFunc f, void *data)
{
  pthread_mutex_lock (&threads->mutex);
  threads->f = f;
  threads->data = data;
  threads->chunks = n;
  atomic_store_explicit (&threads->next, 0, memory_order_relaxed);
  threads->tickets = MIN (n, threads->count) - 1;
  atomic_fetch_add (&threads->round, 1);
  for (uint32_t i = 0; i < threads->tickets; i++)
    pthread_cond_signal (&threads->start);
  pthread_mutex_unlock (&threads->mutex);
}

/* Waits for those who work; who has not woken up by now is not waited for. */
static void
close_round (LodeThreads *threads)
{
  pthread_mutex_lock (&threads->mutex);
  threads->tickets = 0;
  pthread_mutex_unlock (&threads->mutex);
  for (uint32_t i = 0; i < POLLS && atomic_load (&threads->busy); i++)
    pause_briefly ();
  pthread_mutex_lock (&threads->mutex);
  while (atomic_load (&threads->busy))
    pthread_cond_wait (&threads->done, &threads->mutex);
  pthread_mutex_unlock (&threads->mutex);
}

void
lode_threads_run (LodeThreads *threads, uint32_t n, LodeChunkFunc f, void *data)
{
  uint32_t before = denormals_off ();

  if (threads->count == 1 || n <= 1 || is_bereft (threads)) {
    for (uint32_t i = 0; i < n; i++)
      f (data, i, 0);
  } else {
    open_round (threads, n, f, data);
    work (threads, 0);
    close_round (threads);
  }
  denormals_restore (before);
}

typedef struct Each {
  void (*f) (void *, uint32_t);
  void *data;
} Each;

static void
run_each (void *data, uint32_t chunk, uint32_t worker)
{
  const Each *each = data;

  (void) worker;
  each->f (each->data, chunk);
}

void
lode_threads_each (LodeThreads *threads, uint32_t n, void (*f) (void *, uint32_t), void *data)
{
  Each each = { f, data };

  lode_threads_run (threads, n, run_each, &each);
}

static uint32_t
affinity (void)
{
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return 1;
  return MAX ((uint32_t) CPU_COUNT (&set), 1);
}

/* Processors' worth of time that one group's files allow, rounded up; G_MAXUINT32: no limit. */
static uint32_t
group_quota (const char *folder)
{
  g_autofree char *file = g_build_filename (folder, "cpu.max", NULL);
  g_autofree char *file_quota = g_build_filename (folder, "cpu.cfs_quota_us", NULL);
  g_autofree char *file_period = g_build_filename (folder, "cpu.cfs_period_us", NULL);
  g_autofree char *max = NULL, *old = NULL, *period = NULL;
  double limit = 0, every = 0;

  if (g_file_get_contents (file, &max, NULL, NULL)) {
    char *rest;

    limit = g_ascii_strtod (max, &rest); /* "max": no number, no limit */
    every = g_ascii_strtod (rest, NULL);
  } else if (g_file_get_contents (file_quota, &old, NULL, NULL)
             && g_file_get_contents (file_period, &period, NULL, NULL)) {
    limit = g_ascii_strtod (old, NULL); /* −1: no limit */
    every = g_ascii_strtod (period, NULL);
  }
  return limit > 0 && every > 0 ? (uint32_t) MIN (ceil (limit / every), 1e6) : G_MAXUINT32;
}

/* The least of a group and all that it lies in. */
static uint32_t
nested_quota (const char *root, const char *group)
{
  g_autofree char *path = g_strdup (group);
  uint32_t least = G_MAXUINT32;

  for (;;) {
    g_autofree char *folder = g_build_filename (root, path, NULL);
    char *slash = strrchr (path, '/');
    uint32_t quota = group_quota (folder);

    least = MIN (least, quota);
    if (!slash)
      return least;
    *slash = 0;
  }
}

uint32_t
lode_threads_quota (const char *root, const char *groups)
{
  g_auto (GStrv) lines = g_strsplit (groups, "\n", -1);
  uint32_t least = G_MAXUINT32;

  for (char **line = lines; *line; line++) {
    g_auto (GStrv) part = g_strsplit (*line, ":", 3);
    g_auto (GStrv) controllers = NULL;
    g_autofree char *below = NULL;
    uint32_t quota = G_MAXUINT32;

    if (g_strv_length (part) < 3)
      continue;
    controllers = g_strsplit (part[1], ",", -1);
    below = g_build_filename (root, part[1], NULL);
    if (!*part[1])
      quota = nested_quota (root, part[2]);
    else if (g_strv_contains ((const char *const *) controllers, "cpu"))
      quota = nested_quota (below, part[2]);
    least = MIN (least, quota);
  }
  return least;
}

uint32_t
lode_threads_available (void)
{
  g_autofree char *groups = NULL;
  uint32_t processors = affinity (), limit = G_MAXUINT32;

  if (g_file_get_contents ("/proc/self/cgroup", &groups, NULL, NULL))
    limit = lode_threads_quota ("/sys/fs/cgroup", groups);
  return MAX (MIN (processors, limit), 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs in processes of this machine, one thread each. The workers of a map are copies of this
 * process as it is when the map begins, so they hold all that it holds, weights of a super-network
 * included, and nothing has to be sent but results.
 */
#include "worker.h"

#include <errno.h>
#include <poll.h>

enum { TRIES = 3 }; /* of a job whose worker dies */

typedef struct Conf {
  int64_t workers;
} Conf;

struct LodeExecutor {
  LodeJobFunc run;
  void *data;
  uint32_t workers;
  LodeDoneFunc done; /* or NULL */
  void *done_data;
};

/* A map under way. */
typedef struct Map {
  LodeExecutor *executor;
  Work work;
  GBytes **result;  /* [work.n] */
  uint32_t next;    /* job never given so far */
  GArray *again;    /* uint32_t: jobs that were lost */
  uint8_t *lost;    /* [work.n] how often */
  uint32_t failed;  /* the first job that failed, work.n: none */
  GError *error;    /* its error */
  uint32_t workers; /* at most */
  Worker *worker;   /* [workers] */
} Map;

static LodeExecutor *
local_create (const LodeHost *host, const void *conf, LodeJobFunc run, void *data, GError **error)
{
  int64_t workers = ((const Conf *) conf)->workers;
  LodeExecutor *executor = g_new0 (LodeExecutor, 1);

  (void) error;
  executor->run = run;
  executor->data = data;
  executor->workers = workers ? (uint32_t) workers : lode_threads (host);
  return executor;
}

/* No worker outlives its map. */
static void
local_destroy (LodeExecutor *executor)
{
  g_free (executor);
}

/* The workers of later maps are copies of this process and see what it holds. */
static bool
local_share (LodeExecutor *executor, const char *name, GBytes *bytes, GError **error)
{
  (void) executor;
  (void) name;
  (void) bytes;
  (void) error;
  return true;
}

static void
local_watch (LodeExecutor *executor, LodeDoneFunc done, void *data)
{
  executor->done = done;
  executor->done_data = data;
}

/* Of jobs that fail the first one counts, as if they had been done one after the other. */
static void
fail (Map *map, uint32_t job, GError *error)
{
  if (job >= map->failed && map->error) {
    g_error_free (error);
    return;
  }
  g_clear_error (&map->error);
  map->error = error;
  map->failed = job;
}

static bool
next_job (Map *map, uint32_t *job)
{
  if (map->error)
    return false;
  if (map->again->len > 0) {
    *job = g_array_index (map->again, uint32_t, 0);
    g_array_remove_index (map->again, 0);
    return true;
  }
  if (map->next >= map->work.n)
    return false;
  *job = map->next++;
  return true;
}

/* Gives a job to whoever is idle; processes are started as they are needed. Fewer workers than
 * wanted do as well, none do not. */
static void
give_jobs (Map *map)
{
  for (uint32_t i = 0; i < map->workers; i++) {
    Worker *worker = &map->worker[i];
    g_autoptr (GError) error = NULL;
    bool others = false;
    uint32_t job;

    if (worker->busy || !next_job (map, &job))
      continue;
    if (worker->pid || worker_start (map->worker, i, map->workers, &map->work, &error)) {
      worker_give (worker, job);
      continue;
    }
    g_array_prepend_val (map->again, job);
    for (uint32_t k = 0; k < map->workers; k++)
      others = others || map->worker[k].pid;
    if (!others)
      fail (map, job, g_steal_pointer (&error));
    return;
  }
}

static void
take_back (Map *map, uint32_t job, const char *how)
{
  GError *error = NULL;

  if (++map->lost[job] < TRIES) {
    g_array_append_val (map->again, job);
    return;
  }
  g_set_error (&error, g_quark_from_static_string ("lode-local"), 1,
               "executor local: job %u of %u was lost %d times, its worker ended by %s; try fewer "
               "(executor.local.workers), or executor.type = \"here\" to see it happen",
               job + 1, map->work.n, TRIES, how);
  fail (map, job, error);
}

static void
take_answer (Map *map, Worker *worker)
{
  const LodeExecutor *executor = map->executor;
  uint32_t job = worker->job;
  g_autofree char *how = NULL;
  GError *error = NULL;

  switch (worker_answer (worker, &map->result[job], &error, &how)) {
  case ANSWER_LOST:
    take_back (map, job, how);
    return;
  case ANSWER_ERROR:
    fail (map, job, error);
    return;
  default:
    if (executor->done && !executor->done (executor->done_data, job, map->result[job], &error))
      fail (map, job, error);
  }
}

/* Blocks until somebody answers; false: nobody is at work. */
static bool
wait_for_answers (Map *map)
{
  g_autofree struct pollfd *line = g_new0 (struct pollfd, map->workers);
  bool busy = false;

  for (uint32_t i = 0; i < map->workers; i++) {
    line[i] = (struct pollfd){ map->worker[i].busy ? map->worker[i].fd : -1, POLLIN, 0 };
    busy = busy || map->worker[i].busy;
  }
  if (!busy)
    return false;
  while (poll (line, map->workers, -1) < 0 && (errno == EINTR || errno == EAGAIN))
    ;
  for (uint32_t i = 0; i < map->workers; i++)
    if (line[i].revents)
      take_answer (map, &map->worker[i]);
  return true;
}

/* After a failure no job is given any more, but those in hand come to their end. */
static bool
local_map (LodeExecutor *executor, uint32_t n, GBytes *const *job, GBytes **result, GError **error)
{
  g_autofree uint8_t *lost = g_new0 (uint8_t, (size_t) n + 1);
  g_autoptr (GArray) again = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  Map map = { .executor = executor,
              .work = { executor->run, executor->data, n, job },
              .result = result,
              .again = again,
              .lost = lost,
              .failed = n,
              .workers = MIN (n, executor->workers) };
  g_autofree Worker *worker = map.worker = g_new0 (Worker, (size_t) map.workers + 1);

  do
    give_jobs (&map);
  while (wait_for_answers (&map));
  for (uint32_t i = 0; i < map.workers; i++)
    worker_end (&worker[i]);
  if (!map.error)
    return true;
  for (uint32_t i = 0; i < n; i++)
    g_clear_pointer (&result[i], g_bytes_unref);
  g_propagate_error (error, map.error);
  return false;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, workers, .number = 0, .min = 0, .max = 1024, .unit = "processes",
               .doc = "jobs at a time; 0: as many as the run has threads. Changes no result"),
};

static const LodeExecutorOps ops = {
  .size = sizeof (LodeExecutorOps),
  .create = local_create,
  .destroy = local_destroy,
  .share = local_share,
  .map = local_map,
  .watch = local_watch,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "executor",
  .name = "local",
  .version = "1.0",
  .summary = "jobs in worker processes of this machine, one thread each",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs in this process, one after the other.
 */
#include <lode/lode.h>

struct LodeExecutor {
  LodeJobFunc run;
  void *data;
  LodeDoneFunc done; /* or NULL */
  void *done_data;
};

static LodeExecutor *
here_create (const LodeHost *host, const void *conf, LodeJobFunc run, void *data, GError **error)
{
  LodeExecutor *executor = g_new0 (LodeExecutor, 1);

  (void) host;
  (void) conf;
  (void) error;
  executor->run = run;
  executor->data = data;
  return executor;
}

static void
here_destroy (LodeExecutor *executor)
{
  g_free (executor);
}

/* Jobs of this process see what it holds. */
static bool
here_share (LodeExecutor *executor, const char *name, GBytes *bytes, GError **error)
{
  (void) executor;
  (void) name;
  (void) bytes;
  (void) error;
  return true;
}

static void
here_watch (LodeExecutor *executor, LodeDoneFunc done, void *data)
{
  executor->done = done;
  executor->done_data = data;
}

static bool
here_map (LodeExecutor *executor, uint32_t n, GBytes *const *job, GBytes **result, GError **error)
{
  for (uint32_t i = 0; i < n; i++) {
    result[i] = executor->run (executor->data, job[i], error);
    if (result[i] && (!executor->done || executor->done (executor->done_data, i, result[i], error)))
      continue;
    for (uint32_t k = 0; k <= i; k++)
      g_clear_pointer (&result[k], g_bytes_unref);
    return false;
  }
  return true;
}

static const LodeExecutorOps ops = {
  .size = sizeof (LodeExecutorOps),
  .create = here_create,
  .destroy = here_destroy,
  .share = here_share,
  .map = here_map,
  .watch = here_watch,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "executor",
  .name = "here",
  .version = "1.0",
  .summary = "jobs in this process, one after the other",
  .license = "Apache-2.0",
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Jobs in this process, one after the other.
 */
#include <lode/lode.h>

struct LodeExecutor {
  LodeJobFunc run;
  void *data;
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

static bool
here_map (LodeExecutor *executor, uint32_t n, GBytes *const *job, GBytes **result, GError **error)
{
  for (uint32_t i = 0; i < n; i++) {
    result[i] = executor->run (executor->data, job[i], error);
    if (result[i])
      continue;
    while (i-- > 0)
      g_clear_pointer (&result[i], g_bytes_unref);
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sampler may ask where there are feature files and nothing else.
 */
#include "select.h"

#include "common.h"
#include "compute/seed.h"
#include "data/find.h"
#include "error.h"

#include <errno.h>

static const SelectHost *
of_pool (const LodePool *pool)
{
  return (const SelectHost *) (const void *) ((const char *) pool - offsetof (SelectHost, pool));
}

static const SelectHost *
of_host (const LodeHost *base)
{
  return (const SelectHost *) (const void *) base;
}

static void
host_log (const LodeHost *base, uint32_t level, const char *text)
{
  if (level == LODE_LOG_WARNING || (level == LODE_LOG_INFO && !of_host (base)->quiet))
    lode_say ("%s", text);
}

static void
host_metric (const LodeHost *base, const char *name, double value)
{
  if (!of_host (base)->quiet)
    lode_say ("%s %.6g", name, value);
}

static LodeRng
host_rng (const LodeHost *base, const char *name, uint64_t a, uint64_t b)
{
  return lode_seed_rng (of_host (base)->seed, name, a, b);
}

static void
host_parallel (const LodeHost *base, uint32_t chunks, void (*f) (void *, uint32_t), void *data)
{
  lode_threads_each (of_host (base)->threads, chunks, f, data);
}

static uint32_t
host_threads (const LodeHost *base)
{
  return lode_threads_count (of_host (base)->threads);
}

static char *
host_find_data (const LodeHost *base, const char *name, GError **error)
{
  (void) base;
  return lode_data_find (name, error);
}

static LodeRows *
host_rows_open (const LodeHost *base, const char *path, GError **error)
{
  (void) base;
  return lode_rows_map (path, error);
}

static bool
host_lewis (const LodeHost *base, LodeRows *rows, const LodeLewisIn *in, double *w,
            LodeLewisOut *out, GError **error)
{
  return lode_lewis_answer (rows, in, of_host (base)->threads, w, out, error);
}

static const LodeHostCalls host_calls = {
  .size = sizeof (LodeHostCalls),
  .log = host_log,
  .metric = host_metric,
  .rng = host_rng,
  .parallel = host_parallel,
  .find_data = host_find_data,
  .threads = host_threads,
  .rows_open = host_rows_open,
  .lewis = host_lewis,
};

static uint32_t
pool_count (const LodePool *pool)
{
  return of_pool (pool)->n;
}

static uint32_t
pool_classes (const LodePool *pool)
{
  (void) pool;
  return 1;
}

/* Which label an example has is not known here, only whether. */
static int32_t
pool_label (const LodePool *pool, uint32_t i)
{
  return of_pool (pool)->labelled[i] ? 0 : -1;
}

static float
pool_weight (const LodePool *pool, uint32_t i)
{
  (void) pool;
  (void) i;
  return 1;
}

static int32_t
pool_group (const LodePool *pool, uint32_t i)
{
  (void) pool;
  (void) i;
  return -1;
}

static uint32_t
pool_models (const LodePool *pool)
{
  return of_pool (pool)->models;
}

static LodeRows *
pool_rows (const LodePool *pool, uint32_t what, uint32_t model, GError **error)
{
  const SelectHost *host = of_pool (pool);

  if (what == LODE_FEATURES && model < host->models)
    return lode_rows_map (host->file[model], error);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
               "there are features of %u models and nothing else", host->models);
  return NULL;
}

static const LodePoolCalls pool_calls = {
  .size = sizeof (LodePoolCalls),
  .count = pool_count,
  .classes = pool_classes,
  .label = pool_label,
  .weight = pool_weight,
  .group = pool_group,
  .models = pool_models,
  .rows = pool_rows,
};

static bool
read_labelled (SelectHost *host, const char *path, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) failure = NULL;
  g_auto (GStrv) lines = NULL;

  if (!g_file_get_contents (path, &text, NULL, &failure)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s", failure->message);
    return false;
  }
  lines = g_strsplit (text, "\n", -1);
  for (uint32_t i = 0; lines[i]; i++) {
    guint64 at;

    if (!*g_strstrip (lines[i]))
      continue;
    if (!g_ascii_string_to_unsigned (lines[i], 10, 0, host->n - 1, &at, NULL)) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                   "%s:%u: expected the number of an example, 0 to %u", path, i + 1, host->n - 1);
      return false;
    }
    host->labelled[at] = true;
  }
  return true;
}

bool
select_host_init (SelectHost *host, char *const *files, const char *labelled, GError **error)
{
  g_autoptr (LodeRows) rows = lode_rows_map (files[0], error);

  if (!rows)
    return false;
  host->base = (LodeHost){ .size = sizeof (LodeHost),
                           .abi_major = LODE_ABI_MAJOR,
                           .abi_minor = LODE_ABI_MINOR,
                           .calls = &host_calls };
  host->pool.calls = &pool_calls;
  host->n = lode_rows_count (rows);
  host->file = files;
  while (files[host->models])
    host->models++;
  host->labelled = g_new0 (bool, host->n);
  return !labelled || read_labelled (host, labelled, error);
}

void
select_host_clear (SelectHost *host)
{
  g_free (host->labelled);
}

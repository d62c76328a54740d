/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole pool, every epoch.
 */
#include <lode/lode.h>

struct LodeSampler {
  const LodePool *pool;
};

static LodeSampler *
full_create (const LodeHost *host, const void *conf, const LodePool *pool, GError **error)
{
  LodeSampler *sampler = g_new0 (LodeSampler, 1);

  (void) host;
  (void) conf;
  (void) error;
  sampler->pool = pool;
  return sampler;
}

static void
full_destroy (LodeSampler *sampler)
{
  g_free (sampler);
}

static bool
full_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  uint32_t count = lode_pool_count (sampler->pool);

  if (ask->budget && ask->budget < count) {
    g_set_error (error, g_quark_from_static_string ("lode-full"), 0,
                 "sampler full: %u of %u examples asked for, it only gives all; use sampler.type = "
                 "\"uniform\"",
                 ask->budget, count);
    return false;
  }
  for (uint32_t i = 0; i < count; i++)
    picks->index[i] = i;
  picks->n = count;
  return true;
}

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .when = LODE_WHEN_EPOCH,
  .create = full_create,
  .destroy = full_destroy,
  .select = full_select,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD, .kind = "sampler",           .name = "full",
  .version = "1.0", .summary = "the whole pool", .license = "Apache-2.0",
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A uniform draw from the pool without replacement: the same one for the whole run, or a fresh one
 * each epoch. A draw is a function of (seed, round, epoch), so there is no state to save.
 */
#include <lode/lode.h>

typedef struct Conf {
  double size;
  bool resample;
} Conf;

struct LodeSampler {
  const LodeHost *host;
  const LodePool *pool;
  Conf conf;
};

static LodeSampler *
uniform_create (const LodeHost *host, const void *conf, const LodePool *pool, GError **error)
{
  LodeSampler *sampler = g_new0 (LodeSampler, 1);

  (void) error;
  sampler->host = host;
  sampler->pool = pool;
  sampler->conf = *(const Conf *) conf;
  return sampler;
}

static void
uniform_destroy (LodeSampler *sampler)
{
  g_free (sampler);
}

/* How many to draw; 0 with an error set. */
static uint32_t
wanted (const LodeSampler *sampler, const LodeAsk *ask, uint32_t count, GError **error)
{
  double size = sampler->conf.size;
  double n = ask->budget ? ask->budget : size <= 1 ? floor (size * count + 0.5) : floor (size);

  n = fmax (n, 1);
  if (n > count) {
    g_set_error (
        error, g_quark_from_static_string ("lode-uniform"), 0,
        "sampler uniform: %.0f examples asked for, the pool has %u; lower sampler.uniform.size", n,
        count);
    return 0;
  }
  return (uint32_t) n;
}

/* The first n steps of a Fisher–Yates shuffle. */
static bool
uniform_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  uint32_t count = lode_pool_count (sampler->pool), n = wanted (sampler, ask, count, error);
  LodeRng rng =
      lode_rng (sampler->host, "sampler", ask->round, sampler->conf.resample ? ask->epoch : 0);
  g_autofree uint32_t *order = NULL;

  if (n == 0)
    return false;
  order = g_new (uint32_t, count);
  for (uint32_t i = 0; i < count; i++)
    order[i] = i;
  for (uint32_t i = 0; i < n; i++) {
    uint32_t j = i + lode_rng_below (&rng, count - i), picked = order[j];

    order[j] = order[i];
    picks->index[i] = picked;
  }
  picks->n = n;
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, size, .number = 0.1, .max = 4e9, .above_min = true, .tunable = true,
               .log_scale = true, .unit = "examples or share",
               .doc = "how much is drawn: a share of the pool up to 1, a number above"),
  LODE_OPTION (Conf, resample, .number = 0, .doc = "draw afresh each epoch"),
};

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .when = LODE_WHEN_EPOCH,
  .create = uniform_create,
  .destroy = uniform_destroy,
  .select = uniform_select,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "sampler",
  .name = "uniform",
  .version = "1.0",
  .summary = "a uniform draw from the pool, fixed or fresh each epoch",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

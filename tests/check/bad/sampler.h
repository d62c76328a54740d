/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sampler of half of the pool, whose picks the files beside this one spoil.
 */
#ifndef CHECK_BAD_SAMPLER_H
#define CHECK_BAD_SAMPLER_H

#include "bad.h"

struct LodeSampler {
  const LodePool *pool;
};

static LodeSampler *
bad_create (const LodeHost *host, const void *conf, const LodePool *pool, GError **error)
{
  LodeSampler *sampler = g_new0 (LodeSampler, 1);

  (void) host;
  (void) conf;
  (void) error;
  sampler->pool = pool;
  return sampler;
}

static void
bad_destroy (LodeSampler *sampler)
{
  g_free (sampler);
}

/* Every second example, beginning where the epoch says. */
static inline bool
pick_half (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  uint32_t count = lode_pool_count (sampler->pool);

  if (ask->budget) {
    g_set_error_literal (error, g_quark_from_static_string ("lode-bad"), 0,
                         "this sampler only gives half of the pool");
    return false;
  }
  for (uint32_t i = ask->epoch % 2; i < count; i += 2)
    picks->index[picks->n++] = i;
  return true;
}

#endif

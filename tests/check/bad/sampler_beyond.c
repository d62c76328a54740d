/* SPDX-License-Identifier: Apache-2.0 */
/* Gives an index that the pool does not have. */
#include "sampler.h"

static bool
beyond_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  bool ok = pick_half (sampler, ask, picks, error);

  if (ok)
    picks->index[3] = lode_pool_count (sampler->pool);
  return ok;
}

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .when = LODE_WHEN_EPOCH,
  .create = bad_create,
  .destroy = bad_destroy,
  .select = beyond_select,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("sampler", "beyond") };

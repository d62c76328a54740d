/* SPDX-License-Identifier: Apache-2.0 */
/* Gives an index twice, from the third epoch on. */
#include "sampler.h"

static bool
again_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  bool ok = pick_half (sampler, ask, picks, error);

  if (ok && ask->epoch >= 2)
    picks->index[3] = picks->index[7];
  return ok;
}

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .when = LODE_WHEN_EPOCH,
  .create = bad_create,
  .destroy = bad_destroy,
  .select = again_select,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("sampler", "again") };

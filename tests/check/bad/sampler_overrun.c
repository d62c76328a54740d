/* SPDX-License-Identifier: Apache-2.0 */
/* Writes one pick more than the host has room for. */
#include "sampler.h"

static bool
overrun_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  bool ok = pick_half (sampler, ask, picks, error);

  if (ok)
    picks->index[picks->room] = 0;
  return ok;
}

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .when = LODE_WHEN_EPOCH,
  .create = bad_create,
  .destroy = bad_destroy,
  .select = overrun_select,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("sampler", "overrun") };

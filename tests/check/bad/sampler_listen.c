/* SPDX-License-Identifier: Apache-2.0 */
/* Reads labels of the rows that are reported, which it did not declare. */
#include "sampler.h"

static void
listen_observe (LodeSampler *sampler, const LodeSeen *seen)
{
  static volatile int32_t last;

  (void) sampler;
  for (uint32_t i = 0; i < seen->n; i++)
    last = seen->label[i];
  (void) last;
}

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .when = LODE_WHEN_EPOCH,
  .create = bad_create,
  .destroy = bad_destroy,
  .select = pick_half,
  .observe = listen_observe,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("sampler", "listen") };

/* SPDX-License-Identifier: Apache-2.0 */
/* Prints when it is prepared. */
#include "loss.h"

static bool
talk_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
              GError **error)
{
  g_print ("prepared for %u classes\n", k);
  return bad_prepare (loss, k, count, table, error);
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = bad_create,
  .destroy = bad_destroy,
  .prepare = talk_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "talk") };

/* SPDX-License-Identifier: Apache-2.0 */
/* Its gradient is off by a factor of 0.995. */
#include "loss.h"

static void
bad_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  (void) loss;
  for (uint32_t i = 0; i < in->n; i++)
    value[i] = square (in, i, 0.995, grad);
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = bad_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
  .rows = bad_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "slope") };

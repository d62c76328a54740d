/* SPDX-License-Identifier: Apache-2.0 */
/* Centres its values over the chunk, so that one row that is not a number spoils all others. */
#include "loss.h"

static void
spill_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  float mean = 0;

  (void) loss;
  for (uint32_t i = 0; i < in->n; i++)
    mean += (value[i] = square (in, i, 1, grad)) / (float) in->n;
  for (uint32_t i = 0; i < in->n; i++)
    value[i] += 0 * mean;
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = bad_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
  .rows = spill_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "spill") };

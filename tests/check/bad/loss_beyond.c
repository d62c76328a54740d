/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the label behind the last row's. */
#include "loss.h"

static void
beyond_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  (void) loss;
  for (uint32_t i = 0; i < in->n; i++)
    value[i] = square (in, i, 1, grad) + (in->label && in->label[i + 1] == -12345);
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = bad_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
  .rows = beyond_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "beyond") };

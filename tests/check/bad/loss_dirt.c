/* SPDX-License-Identifier: Apache-2.0 */
/* Adds memory that nobody has written to its values. */
#include "loss.h"

struct LodeLoss {
  uint32_t unset[10];
};

static LodeLoss *
dirt_create (const LodeHost *host, const void *conf, GError **error)
{
  (void) host;
  (void) conf;
  (void) error;
  return g_new (LodeLoss, 1);
}

static void
dirt_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  for (uint32_t i = 0; i < in->n; i++)
    value[i] = square (in, i, 1, grad) + 1e-6f * (float) (loss->unset[9] & 0xffff);
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = dirt_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
  .rows = dirt_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "dirt") };

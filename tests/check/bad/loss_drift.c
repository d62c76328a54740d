/* SPDX-License-Identifier: Apache-2.0 */
/* Every instance after the first gives slightly larger losses: it is not deterministic. */
#include "loss.h"

static int made;

struct LodeLoss {
  int number;
};

static LodeLoss *
drift_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = bad_create (host, conf, error);

  loss->number = made++;
  return loss;
}

static void
drift_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  for (uint32_t i = 0; i < in->n; i++)
    value[i] = square (in, i, 1, grad) + 1e-3f * (float) loss->number;
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = drift_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
  .rows = drift_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "drift") };

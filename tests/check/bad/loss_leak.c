/* SPDX-License-Identifier: Apache-2.0 */
/* Forgets 24 bytes whenever an instance is destroyed. */
#include "loss.h"

struct LodeLoss {
  void *forgotten;
};

static LodeLoss *
leak_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = bad_create (host, conf, error);

  loss->forgotten = g_malloc (24);
  return loss;
}

static void
leak_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  (void) loss;
  for (uint32_t i = 0; i < in->n; i++)
    value[i] = square (in, i, 1, grad);
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = leak_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
  .rows = leak_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "leak") };

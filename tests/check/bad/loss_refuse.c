/* SPDX-License-Identifier: Apache-2.0 */
/* Refuses one end of its option's range and does not say why. */
#include "loss.h"

typedef struct Conf {
  int64_t order;
} Conf;

static LodeLoss *
refuse_create (const LodeHost *host, const void *conf, GError **error)
{
  return ((const Conf *) conf)->order == 9 ? NULL : bad_create (host, conf, error);
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, order, .number = 2, .min = 1, .max = 9, .doc = "a number"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = refuse_create,
  .destroy = bad_destroy,
  .prepare = bad_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("loss", "refuse"),
                                             LODE_PLUGIN_OPTIONS (options, Conf) };

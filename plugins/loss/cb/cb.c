/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy weighted by the effective number of examples: ω_y ∝ (1 − β) / (1 − β^n_y), of mean
 * 1 over classes (Cui et al. 2019, eq. 4).
 */
#include <lode/lode.h>

typedef struct Conf {
  double beta;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
cb_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
cb_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
cb_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  g_autofree double *weight = g_new (double, k);

  if (!lode_class_required (count, "cb", error))
    return false;
  lode_class_inverse_effective (k, count, loss->conf.beta, weight);
  lode_class_put (k, weight, table->weight);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, beta, .number = 0.9999, .max = 1, .tunable = true,
               .doc = "0: all classes weigh alike, 1: by inverse frequency"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = cb_create,
  .destroy = cb_destroy,
  .prepare = cb_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "cb",
  .version = "1.0",
  .summary = "cross-entropy weighted by effective numbers of examples",
  .license = "Apache-2.0",
  .reference = "Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie. Class-Balanced Loss Based on "
               "Effective Number of Samples. CVPR 2019",
  .bibtex = "@inproceedings{cui2019class,\n"
            "  title = {Class-Balanced Loss Based on Effective Number of Samples},\n"
            "  author = {Cui, Yin and Jia, Menglin and Lin, Tsung-Yi and Song, Yang and Belongie, "
            "Serge},\n"
            "  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},\n"
            "  pages = {9268--9277},\n"
            "  year = {2019}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

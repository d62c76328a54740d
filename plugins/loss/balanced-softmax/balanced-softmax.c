/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Balanced softmax: softmax cross-entropy of a_c = z_c + log n_c (Ren et al. 2020, eq. 4). A
 * constant added to all shifts changes nothing, so this is logit adjustment with τ = 1.
 */
#include <lode/lode.h>

struct LodeLoss {
  uint32_t classes; /* as last prepared */
};

static LodeLoss *
balanced_softmax_create (const LodeHost *host, const void *conf, GError **error)
{
  (void) host;
  (void) conf;
  (void) error;
  return g_new0 (LodeLoss, 1);
}

static void
balanced_softmax_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
balanced_softmax_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
                          GError **error)
{
  g_autofree double *shift = g_new (double, k);

  if (!lode_class_required (count, "balanced-softmax", error))
    return false;
  loss->classes = k;
  lode_class_counts (k, count, shift);
  for (uint32_t c = 0; c < k; c++)
    table->shift[c] = (float) log (shift[c]);
  return true;
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = balanced_softmax_create,
  .destroy = balanced_softmax_destroy,
  .prepare = balanced_softmax_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "balanced-softmax",
  .version = "1.0",
  .summary = "softmax of classes as frequent as their counts",
  .license = "Apache-2.0",
  .reference =
      "J. Ren et al. Balanced Meta-Softmax for Long-Tailed Visual Recognition. NeurIPS 2020",
  .bibtex = "@inproceedings{ren2020balanced,\n"
            "  title = {Balanced Meta-Softmax for Long-Tailed Visual Recognition},\n"
            "  author = {Ren, Jiawei and Yu, Cunjun and Sheng, Shunan and Ma, Xiao and Zhao, Haiyu "
            "and Yi, Shuai\n"
            "            and Li, Hongsheng},\n"
            "  booktitle = {Advances in Neural Information Processing Systems},\n"
            "  volume = {33},\n"
            "  year = {2020}\n"
            "}\n",
  .ops = &ops,
};

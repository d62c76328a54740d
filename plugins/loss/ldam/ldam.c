/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label-distribution-aware margins: softmax cross-entropy of a_c = s (z_c − m_y [c = y]),
 * m_c = C n_c^−1/4, C such that the largest margin is `margin` (Cao et al. 2019, eq. 11–13). z are
 * cosines of features and classifiers; a linear head can be asked for.
 */
#include <lode/lode.h>

typedef struct Conf {
  double margin, scale;
  bool cosine;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
ldam_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
ldam_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
ldam_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
              GError **error)
{
  g_autofree double *margin = g_new (double, k);
  const Conf *conf = &loss->conf;
  double least;

  if (!lode_class_required (count, "ldam", error))
    return false;
  least = lode_class_least (k, count);
  lode_class_counts (k, count, margin);
  for (uint32_t c = 0; c < k; c++)
    table->margin[c] = (float) (conf->scale * conf->margin * pow (least / margin[c], 0.25));
  if (conf->cosine)
    table->cosine = (float) conf->scale;
  else
    for (uint32_t c = 0; c < k; c++)
      table->scale[c] = (float) conf->scale;
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, margin, .number = 0.5, .max = 2, .tunable = true,
               .doc = "margin of the rarest class"),
  LODE_OPTION (Conf, scale, .number = 30, .max = 1000, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "factor of cosines and margins"),
  LODE_OPTION (Conf, cosine, .number = 1,
               .doc = "with a head of normalised features and weights; else a linear one"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = ldam_create,
  .destroy = ldam_destroy,
  .prepare = ldam_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "ldam",
  .version = "1.0",
  .summary = "softmax with margins larger for rare classes, on a cosine head",
  .license = "Apache-2.0",
  .reference = "K. Cao, C. Wei, A. Gaidon, N. Arechiga, T. Ma. Learning Imbalanced Datasets with "
               "Label-Distribution-Aware Margin Loss. NeurIPS 2019",
  .bibtex = "@inproceedings{cao2019learning,\n"
            "  title = {Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss},\n"
            "  author = {Cao, Kaidi and Wei, Colin and Gaidon, Adrien and Arechiga, Nikos and Ma, "
            "Tengyu},\n"
            "  booktitle = {Advances in Neural Information Processing Systems},\n"
            "  volume = {32},\n"
            "  year = {2019}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

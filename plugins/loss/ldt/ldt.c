/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Label-dependent temperatures: softmax cross-entropy of a_c = δ_y z_c, all logits of an example
 * scaled by the factor of its own class, δ_c = (n_c / max n)^γ (Behnia et al. 2023, eq. 3). γ = 1/2
 * leads classifiers to the geometry of balanced data.
 */
#include <lode/lode.h>

enum { NORMALISE_MAX, NORMALISE_SUM };
static const char *const ways[] = { "max", "sum", NULL };

typedef struct Conf {
  double gamma;
  int32_t normalise;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
ldt_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
ldt_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
ldt_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  g_autofree double *scale = g_new (double, k);

  if (!lode_class_required (count, "ldt", error))
    return false;
  lode_class_ratio (k, count, loss->conf.gamma, scale);
  if (loss->conf.normalise == NORMALISE_SUM)
    lode_class_mean_one (k, scale);
  lode_class_put (k, scale, table->scale);
  table->by_label = true;
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, gamma, .number = 0.5, .min = -4, .max = 4, .tunable = true,
               .doc = "a class of n examples has the factor n^gamma, more for frequent ones"),
  LODE_OPTION (Conf, normalise, .choices = ways,
               .doc = "scale of the factors: the largest is 1, or they sum to the classes"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = ldt_create,
  .destroy = ldt_destroy,
  .prepare = ldt_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "ldt",
  .version = "1.0",
  .summary = "cross-entropy with a factor of all logits by the example's class",
  .license = "Apache-2.0",
  .reference = "T. Behnia, G. R. Kini, V. Vakilian, C. Thrampoulidis. On the Implicit Geometry of "
               "Cross-Entropy Parameterizations for Label-Imbalanced Data. AISTATS 2023",
  .bibtex = "@inproceedings{behnia2023implicit,\n"
            "  title = {On the Implicit Geometry of Cross-Entropy Parameterizations for "
            "Label-Imbalanced Data},\n"
            "  author = {Behnia, Tina and Kini, Ganesh Ramachandra and Vakilian, Vala and "
            "Thrampoulidis, Christos},\n"
            "  booktitle = {International Conference on Artificial Intelligence and Statistics},\n"
            "  pages = {10815--10838},\n"
            "  year = {2023}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Class-dependent temperatures: softmax cross-entropy of a_c = δ_c z_c, δ_c = (n_c / max n)^γ (Ye
 * et al. 2020, eq. 3, where a_c = 1 / δ_c). δ is smaller for rare classes, which must reach larger
 * logits.
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
cdt_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
cdt_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
cdt_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  g_autofree double *scale = g_new (double, k);

  if (!lode_class_required (count, "cdt", error))
    return false;
  lode_class_ratio (k, count, loss->conf.gamma, scale);
  if (loss->conf.normalise == NORMALISE_SUM)
    lode_class_mean_one (k, scale);
  lode_class_put (k, scale, table->scale);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, gamma, .number = 0.2, .min = -4, .max = 4, .tunable = true,
               .doc = "a class of n examples has the factor n^gamma, more for frequent ones"),
  LODE_OPTION (Conf, normalise, .choices = ways,
               .doc = "scale of the factors: the largest is 1, or they sum to the classes"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = cdt_create,
  .destroy = cdt_destroy,
  .prepare = cdt_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "cdt",
  .version = "1.0",
  .summary = "cross-entropy with a factor of each logit by its class",
  .license = "Apache-2.0",
  .reference = "H.-J. Ye, H.-Y. Chen, D.-C. Zhan, W.-L. Chao. Identifying and Compensating for "
               "Feature Deviation in Imbalanced Deep Learning. arXiv 2001.01385, 2020",
  .bibtex = "@article{ye2020identifying,\n"
            "  title = {Identifying and Compensating for Feature Deviation in Imbalanced Deep "
            "Learning},\n"
            "  author = {Ye, Han-Jia and Chen, Hong-You and Zhan, De-Chuan and Chao, Wei-Lun},\n"
            "  journal = {arXiv preprint arXiv:2001.01385},\n"
            "  year = {2020}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vector scaling: softmax cross-entropy of a_c = δ_c z_c + ι_c, δ_c = (n_c / max n)^γ and
 * ι_c = τ log π_c (Kini et al. 2021, eq. 2, with the sign of ι that their code has). Weights of
 * classes are the option fit.reweight.
 */
#include <lode/lode.h>

enum { NORMALISE_MAX, NORMALISE_SUM };
static const char *const ways[] = { "max", "sum", NULL };

typedef struct Conf {
  double gamma, tau;
  int32_t normalise;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
vs_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
vs_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
vs_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  g_autofree double *scale = g_new (double, k), *shift = g_new (double, k);

  if (!lode_class_required (count, "vs", error))
    return false;
  lode_class_ratio (k, count, loss->conf.gamma, scale);
  if (loss->conf.normalise == NORMALISE_SUM)
    lode_class_mean_one (k, scale);
  lode_class_put (k, scale, table->scale);
  lode_class_log_prior (k, count, shift);
  for (uint32_t c = 0; c < k; c++)
    table->shift[c] = (float) (loss->conf.tau * shift[c]);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, gamma, .number = 0.2, .min = -4, .max = 4, .tunable = true,
               .doc = "a class of n examples has the factor n^gamma, more for frequent ones"),
  LODE_OPTION (Conf, tau, .number = 1.2, .max = 10, .tunable = true,
               .doc = "how much of the prior's logarithm is added"),
  LODE_OPTION (Conf, normalise, .choices = ways,
               .doc = "scale of the factors: the largest is 1, or they sum to the classes"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = vs_create,
  .destroy = vs_destroy,
  .prepare = vs_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "vs",
  .version = "1.0",
  .summary = "cross-entropy with a factor and a shift of each logit by its class",
  .license = "Apache-2.0",
  .reference = "G. R. Kini, O. Paraskevas, S. Oymak, C. Thrampoulidis. Label-Imbalanced and "
               "Group-Sensitive Classification under Overparameterization. NeurIPS 2021",
  .bibtex = "@inproceedings{kini2021label,\n"
            "  title = {Label-Imbalanced and Group-Sensitive Classification under "
            "Overparameterization},\n"
            "  author = {Kini, Ganesh Ramachandra and Paraskevas, Orestis and Oymak, Samet\n"
            "            and Thrampoulidis, Christos},\n"
            "  booktitle = {Advances in Neural Information Processing Systems},\n"
            "  volume = {34},\n"
            "  year = {2021}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

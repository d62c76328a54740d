/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logit adjustment: softmax cross-entropy of a_c = z_c + τ log π_c (Menon et al. 2021, eq. 10). The
 * shift acts in training alone: decisions are taken on raw logits.
 */
#include <lode/lode.h>

typedef struct Conf {
  double tau;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
la_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
la_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
la_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  g_autofree double *shift = g_new (double, k);

  if (!lode_class_required (count, "la", error))
    return false;
  lode_class_log_prior (k, count, shift);
  for (uint32_t c = 0; c < k; c++)
    table->shift[c] = (float) (loss->conf.tau * shift[c]);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, tau, .number = 1, .max = 10, .tunable = true,
               .doc = "how much of the prior's logarithm is added; 0: plain cross-entropy"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = la_create,
  .destroy = la_destroy,
  .prepare = la_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "la",
  .version = "1.0",
  .summary = "logit adjustment by the classes' priors",
  .license = "Apache-2.0",
  .reference = "A. K. Menon et al. Long-Tail Learning via Logit Adjustment. ICLR 2021",
  .bibtex = "@inproceedings{menon2021long,\n"
            "  title = {Long-Tail Learning via Logit Adjustment},\n"
            "  author = {Menon, Aditya Krishna and Jayasumana, Sadeep and Rawat, Ankit Singh and "
            "Jain, Himanshu\n"
            "            and Veit, Andreas and Kumar, Sanjiv},\n"
            "  booktitle = {International Conference on Learning Representations},\n"
            "  year = {2021}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mean squared error: value = 1/k Σ_c (z_c − t_c)². The target t is the
 * example's vector of reals, or its class as a one-hot vector (Brier 1950, on raw logits).
 */
#include <lode/lode.h>

struct LodeLoss {
  uint32_t outputs; /* as last prepared */
};

static LodeLoss *
mse_create (const LodeHost *host, const void *conf, GError **error)
{
  (void) host;
  (void) conf;
  (void) error;
  return g_new0 (LodeLoss, 1);
}

static void
mse_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
mse_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  (void) count;
  (void) table;
  (void) error;
  loss->outputs = k;
  return true;
}

static void
mse_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  (void) loss;
  for (uint32_t i = 0; i < in->n; i++) {
    double sum = 0;

    for (uint32_t c = 0; c < in->k; c++) {
      size_t at = (size_t) i * in->k + c;
      double target = in->target ? (double) in->target[at] : in->label[i] == (int32_t) c;
      double off = (double) in->logit[at] - target;

      sum += off * off;
      grad[at] = (float) (2 * off / in->k);
    }
    value[i] = (float) (sum / in->k);
  }
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = mse_create,
  .destroy = mse_destroy,
  .prepare = mse_prepare,
  .rows = mse_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "mse",
  .version = "1.0",
  .summary = "mean squared error, of real targets or one-hot classes",
  .license = "Apache-2.0",
  .reference = "L. Hui, M. Belkin. Evaluation of Neural Architectures Trained with Square Loss vs "
               "Cross-Entropy in "
               "Classification Tasks. ICLR 2021",
  .bibtex =
      "@inproceedings{hui2021evaluation,\n"
      "  title = {Evaluation of Neural Architectures Trained with Square Loss vs Cross-Entropy in\n"
      "           Classification Tasks},\n"
      "  author = {Hui, Like and Belkin, Mikhail},\n"
      "  booktitle = {International Conference on Learning Representations},\n"
      "  year = {2021}\n"
      "}\n",
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax cross-entropy: the class table as it comes, so the host's kernel is all there is to do.
 */
#include <lode/lode.h>

struct LodeLoss {
  uint32_t classes; /* as last prepared */
};

static LodeLoss *
ce_create (const LodeHost *host, const void *conf, GError **error)
{
  (void) host;
  (void) conf;
  (void) error;
  return g_new0 (LodeLoss, 1);
}

static void
ce_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
ce_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  (void) table;
  if (!count) {
    g_set_error_literal (
        error, g_quark_from_static_string ("lode-ce"), 0,
        "loss ce: the data set's targets are reals, cross-entropy needs classes; use loss.type = "
        "\"mse\"");
    return false;
  }
  loss->classes = k;
  return true;
}

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = ce_create,
  .destroy = ce_destroy,
  .prepare = ce_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "ce",
  .version = "1.0",
  .summary = "softmax cross-entropy",
  .license = "Apache-2.0",
  .reference = "J. S. Bridle. Probabilistic Interpretation of Feedforward Classification Network "
               "Outputs, with "
               "Relationships to Statistical Pattern Recognition. Neurocomputing, Springer 1990",
  .bibtex = "@incollection{bridle1990probabilistic,\n"
            "  title = {Probabilistic Interpretation of Feedforward Classification Network "
            "Outputs, with\n"
            "           Relationships to Statistical Pattern Recognition},\n"
            "  author = {Bridle, John S.},\n"
            "  booktitle = {Neurocomputing: Algorithms, Architectures and Applications},\n"
            "  publisher = {Springer},\n"
            "  pages = {227--236},\n"
            "  year = {1990}\n"
            "}\n",
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cross-entropy weighted by inverse class frequency: ω_y ∝ n_y^−power, of mean 1 over classes
 * (King & Zeng 2001 for two classes).
 */
#include <lode/lode.h>

typedef struct Conf {
  double power;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
wce_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
wce_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
wce_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  g_autofree double *weight = g_new (double, k);

  if (!lode_class_required (count, "wce", error))
    return false;
  lode_class_inverse (k, count, loss->conf.power, weight);
  lode_class_put (k, weight, table->weight);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, power, .number = 1, .max = 4, .tunable = true,
               .doc = "a class of n examples weighs n^-power; 0: all alike"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = wce_create,
  .destroy = wce_destroy,
  .prepare = wce_prepare,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "wce",
  .version = "1.0",
  .summary = "cross-entropy weighted by inverse class frequency",
  .license = "Apache-2.0",
  .reference =
      "G. King, L. Zeng. Logistic Regression in Rare Events Data. Political Analysis 9(2), 2001",
  .bibtex = "@article{king2001logistic,\n"
            "  title = {Logistic Regression in Rare Events Data},\n"
            "  author = {King, Gary and Zeng, Langche},\n"
            "  journal = {Political Analysis},\n"
            "  volume = {9},\n"
            "  number = {2},\n"
            "  pages = {137--163},\n"
            "  year = {2001}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

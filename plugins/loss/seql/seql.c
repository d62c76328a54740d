/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Softmax equalization: −log of e^z_y / Σ_j w_j e^z_j, where w_j = 0 for a rare class other than y
 * in some rows, else 1, so that frequent classes do not push rare ones down (Tan et al. 2020, eq.
 * 6–8). Rare are classes with a share of the examples below `share`; in a row each of them is left
 * out with chance `chance`.
 */
#include <lode/lode.h>

typedef struct Conf {
  double share, chance;
} Conf;

struct LodeLoss {
  Conf conf;
  bool *rare; /* [k] as last prepared */
};

static LodeLoss *
seql_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
seql_destroy (LodeLoss *loss)
{
  if (loss)
    g_free (loss->rare);
  g_free (loss);
}

static bool
seql_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
              GError **error)
{
  g_autofree double *prior = g_new (double, k);

  (void) table;
  if (!lode_class_required (count, "seql", error))
    return false;
  lode_class_log_prior (k, count, prior);
  loss->rare = g_renew (bool, loss->rare, k);
  for (uint32_t c = 0; c < k; c++)
    loss->rare[c] = exp (prior[c]) < loss->conf.share;
  return true;
}

/* Whether class c competes in a row of this key. */
static bool
competes (const LodeLoss *loss, uint64_t key, uint32_t c)
{
  LodeRng rng = { .key = key, .n = c };

  return !loss->rare[c] || lode_rng_uniform (&rng) >= loss->conf.chance;
}

/* The stream of row i, at (key, row): a key of its own for its classes. */
static uint64_t
row_key (const LodeLossIn *in, uint32_t i)
{
  LodeRng rng = { .key = in->key, .n = i };

  return lode_rng_bits (&rng);
}

/* ∂L/∂z_c = p_c − [c = y], p over the classes that compete; y always does. */
static double
row (const LodeLoss *loss, uint64_t key, uint32_t k, const float *z, uint32_t y, float *grad)
{
  double most = (double) z[y], sum = 0;

  for (uint32_t c = 0; c < k; c++) {
    grad[c] = c == y || competes (loss, key, c);
    if (grad[c] > 0 && (double) z[c] > most)
      most = (double) z[c];
  }
  for (uint32_t c = 0; c < k; c++)
    if (grad[c] > 0)
      sum += exp ((double) z[c] - most);
  for (uint32_t c = 0; c < k; c++)
    if (grad[c] > 0)
      grad[c] = (float) (exp ((double) z[c] - most) / sum - (c == y));
  return log (sum) + (most - (double) z[y]);
}

static void
seql_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  for (uint32_t i = 0; i < in->n; i++) {
    size_t at = (size_t) i * in->k;

    value[i] = (float) row (loss, row_key (in, i), in->k, in->logit + at, (uint32_t) in->label[i],
                            grad + at);
  }
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, share, .number = 0.005, .max = 1, .tunable = true,
               .doc = "classes with less than this share of the examples are rare"),
  LODE_OPTION (Conf, chance, .number = 0.9, .max = 1, .tunable = true,
               .doc = "with which a rare class is left out of a row that is not its own"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = seql_create,
  .destroy = seql_destroy,
  .prepare = seql_prepare,
  .rows = seql_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "seql",
  .version = "1.0",
  .summary = "softmax from which rare classes that are not the label's are left out at random",
  .license = "Apache-2.0",
  .reference = "J. Tan et al. Equalization Loss for Long-Tailed Object Recognition. CVPR 2020",
  .bibtex =
      "@inproceedings{tan2020equalization,\n"
      "  title = {Equalization Loss for Long-Tailed Object Recognition},\n"
      "  author = {Tan, Jingru and Wang, Changbao and Li, Buyu and Li, Quanquan and Ouyang, Wanli\n"
      "            and Yin, Changqing and Yan, Junjie},\n"
      "  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition},\n"
      "  pages = {11662--11671},\n"
      "  year = {2020}\n"
      "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

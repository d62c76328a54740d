/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distillation (Hinton, Vinyals & Dean 2015): cross-entropy with the label, and the divergence from
 * what a teacher says at a temperature,
 *
 *   l = (1 − a) CE (z, y) + a T² KL (softmax (ẑ / T) ‖ softmax (z / T)).
 *
 * Where no teacher speaks, in validation and in the auxiliary head, it is cross-entropy alone.
 */
#include <lode/lode.h>

typedef struct Conf {
  double weight, temperature;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
kd_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
kd_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
kd_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table, GError **error)
{
  (void) loss;
  (void) k;
  (void) table;
  if (count)
    return true;
  g_set_error_literal (error, g_quark_from_static_string ("lode-kd"), 0,
                       "loss kd: the data set's targets are reals, distillation needs classes; use "
                       "loss.type = \"mse\"");
  return false;
}

/* log Σ exp (z / T) */
static double
log_sum (uint32_t k, const float *z, double temperature)
{
  double top = z[0], sum = 0;

  for (uint32_t c = 1; c < k; c++)
    top = MAX (top, (double) z[c]);
  for (uint32_t c = 0; c < k; c++)
    sum += exp (((double) z[c] - top) / temperature);
  return top / temperature + log (sum);
}

/* Adds share · CE. z, grad: [k] */
static double
add_hard (uint32_t k, const float *z, int32_t label, double share, float *grad)
{
  double all = log_sum (k, z, 1);

  for (uint32_t c = 0; c < k; c++)
    grad[c] = (float) (share * (exp ((double) z[c] - all) - (c == (uint32_t) label)));
  return share * (all - (double) z[label]);
}

/* Adds share · T² · KL, whose gradient is share · T · (softmax (z / T) − softmax (ẑ / T)). */
static double
add_soft (uint32_t k, const float *z, const float *teacher, double share, double t, float *grad)
{
  double all = log_sum (k, z, t), want = log_sum (k, teacher, t), sum = 0;

  for (uint32_t c = 0; c < k; c++) {
    double log_p = (double) z[c] / t - all, log_q = (double) teacher[c] / t - want;

    sum += exp (log_q) * (log_q - log_p);
    grad[c] = (float) ((double) grad[c] + share * t * (exp (log_p) - exp (log_q)));
  }
  return share * t * t * sum;
}

static void
kd_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  const Conf *conf = &loss->conf;
  double soft = in->teacher ? conf->weight : 0;

  for (uint32_t i = 0; i < in->n; i++) {
    size_t at = (size_t) i * in->k;
    double sum = add_hard (in->k, in->logit + at, in->label[i], 1 - soft, grad + at);

    if (in->teacher)
      sum += add_soft (in->k, in->logit + at, in->teacher + at, soft, conf->temperature, grad + at);
    value[i] = (float) sum;
  }
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, weight, .number = 0.9, .max = 1, .tunable = true,
               .doc = "share of the teacher; the label has the rest"),
  LODE_OPTION (Conf, temperature, .number = 4, .max = 1e4, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "divides both logits before they are compared"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .needs = LODE_TEACHER,
  .create = kd_create,
  .destroy = kd_destroy,
  .prepare = kd_prepare,
  .rows = kd_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "kd",
  .version = "1.0",
  .summary = "cross-entropy and the divergence from a teacher",
  .license = "Apache-2.0",
  .reference = "G. Hinton, O. Vinyals, J. Dean. Distilling the Knowledge in a Neural Network. NIPS "
               "2014 Deep Learning Workshop",
  .bibtex = "@article{hinton2015distilling,\n"
            "  title = {Distilling the Knowledge in a Neural Network},\n"
            "  author = {Hinton, Geoffrey and Vinyals, Oriol and Dean, Jeff},\n"
            "  journal = {arXiv:1503.02531},\n"
            "  year = {2015},\n"
            "  url = {https://arxiv.org/abs/1503.02531}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

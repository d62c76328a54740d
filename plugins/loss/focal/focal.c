/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Focal loss of two forms. softmax: −(1 − p_y)^γ log p_y. sigmoid: −Σ_c (1 − q_c)^γ log q_c, where
 * q_c = σ(z_c) for the example's class and 1 − σ(z_c) for others (Lin et al. 2017, eq. 4; Cui et
 * al. 2019, eq. 9). Weights of classes are the option fit.reweight.
 *
 * log p and log (1 − p) are worked out apart, so that neither loses digits where p is near 0 or 1.
 */
#include <lode/lode.h>

enum { FORM_SOFTMAX, FORM_SIGMOID };
static const char *const forms[] = { "softmax", "sigmoid", NULL };

typedef struct Conf {
  double gamma;
  int32_t form;
} Conf;

struct LodeLoss {
  Conf conf;
};

static LodeLoss *
focal_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeLoss *loss = g_new0 (LodeLoss, 1);

  (void) host;
  (void) error;
  loss->conf = *(const Conf *) conf;
  return loss;
}

static void
focal_destroy (LodeLoss *loss)
{
  g_free (loss);
}

static bool
focal_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
               GError **error)
{
  (void) loss;
  (void) k;
  (void) table;
  return lode_class_required (count, "focal", error);
}

static double
softplus (double x)
{
  return (x > 0 ? x : 0) + log1p (exp (-fabs (x)));
}

/* log Σ exp z, over all but `without` (−1: over all). z: [k] */
static double
log_sum (uint32_t k, const float *z, int32_t without)
{
  double most = -INFINITY, sum = 0;

  for (uint32_t c = 0; c < k; c++)
    if ((int32_t) c != without && (double) z[c] > most)
      most = (double) z[c];
  for (uint32_t c = 0; c < k; c++)
    if ((int32_t) c != without)
      sum += exp ((double) z[c] - most);
  return sum > 0 ? most + log (sum) : -INFINITY;
}

/* ∂L/∂z_c = φ ([c = y] − p_c), φ = −(1 − p)^γ (1 − γ p log p / (1 − p)). */
static double
softmax_row (double gamma, uint32_t k, const float *z, uint32_t y, float *grad)
{
  double all = log_sum (k, z, -1), log_rest = log_sum (k, z, (int32_t) y) - all;
  double rest = exp (log_rest), log_p = rest < 0.5 ? log1p (-rest) : (double) z[y] - all;
  double ratio = rest > 1e-8 ? -log_p / rest : 1;
  double power = gamma > 0 ? exp (gamma * log_rest) : 1;
  double phi = -power * (1 + gamma * exp (log_p) * ratio);

  for (uint32_t c = 0; c < k; c++)
    grad[c] = (float) (phi * (c == y ? rest : -exp ((double) z[c] - all)));
  return -power * log_p;
}

/* ∂L/∂z_c = s (1 − q)^γ (γ q log q − (1 − q)), s = 1 for the example's class, else −1. */
static double
sigmoid_row (double gamma, uint32_t k, const float *z, uint32_t y, float *grad)
{
  double sum = 0;

  for (uint32_t c = 0; c < k; c++) {
    double sign = c == y ? 1 : -1, u = sign * (double) z[c];
    double log_q = -softplus (-u), log_rest = -softplus (u), power = exp (gamma * log_rest);

    sum -= power * log_q;
    grad[c] = (float) (sign * power * (gamma * exp (log_q) * log_q - exp (log_rest)));
  }
  return sum;
}

static void
focal_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  const Conf *conf = &loss->conf;

  for (uint32_t i = 0; i < in->n; i++) {
    size_t at = (size_t) i * in->k;
    uint32_t y = (uint32_t) in->label[i];

    value[i] = (float) (conf->form == FORM_SIGMOID
                            ? sigmoid_row (conf->gamma, in->k, in->logit + at, y, grad + at)
                            : softmax_row (conf->gamma, in->k, in->logit + at, y, grad + at));
  }
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, gamma, .number = 2, .max = 10, .tunable = true,
               .doc = "how much less an example counts that is well classified; 0: not at all"),
  LODE_OPTION (Conf, form, .choices = forms,
               .doc = "one softmax over the classes, or a sigmoid for each"),
};

static const LodeLossOps ops = {
  .size = sizeof (LodeLossOps),
  .create = focal_create,
  .destroy = focal_destroy,
  .prepare = focal_prepare,
  .rows = focal_rows,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "loss",
  .name = "focal",
  .version = "1.0",
  .summary = "cross-entropy that counts well-classified examples for less",
  .license = "Apache-2.0",
  .reference = "T.-Y. Lin, P. Goyal, R. Girshick, K. He, P. Dollár. Focal Loss for Dense Object "
               "Detection. ICCV 2017",
  .bibtex = "@inproceedings{lin2017focal,\n"
            "  title = {Focal Loss for Dense Object Detection},\n"
            "  author = {Lin, Tsung-Yi and Goyal, Priya and Girshick, Ross and He, Kaiming and "
            "Doll{\\'a}r, Piotr},\n"
            "  booktitle = {IEEE International Conference on Computer Vision},\n"
            "  pages = {2980--2988},\n"
            "  year = {2017}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One round of labels for several models at once: rows are drawn with probabilities in proportion
 * to the largest Lewis weight that any model gives them, and weighted so that every model's ℓp loss
 * on what was drawn stands for that on the pool. Labels are not looked at, but to tell examples
 * that are labelled already.
 */
#include "draw.h"

typedef struct Conf {
  double p, size, uniform, ridge, tolerance;
  bool intercept;
  int32_t draw, score;
  LodeTexts features;
} Conf;

enum { DRAW_REPEATED, DRAW_POISSON, DRAW_RACE };
enum { SCORE_UNLABELLED, SCORE_ALL };

static const char *const draws[] = { "repeated", "poisson", "race", NULL };
static const char *const scores[] = { "unlabelled", "all", NULL };

struct LodeSampler {
  const LodeHost *host;
  const LodePool *pool;
  Conf conf;
  uint32_t n;   /* examples to draw from */
  uint32_t *at; /* [n] of the pool */
  double *prob; /* [n] */
  double *most; /* [pool] largest weights */
  double total; /* of the largest weights that are drawn from */
  uint32_t models;
};

static LodeSampler *
lewis_create (const LodeHost *host, const void *conf, const LodePool *pool, GError **error)
{
  LodeSampler *sampler = g_new0 (LodeSampler, 1);

  (void) error;
  sampler->host = host;
  sampler->pool = pool;
  sampler->conf = *(const Conf *) conf;
  return sampler;
}

static void
lewis_destroy (LodeSampler *sampler)
{
  if (!sampler)
    return;
  g_free (sampler->at);
  g_free (sampler->prob);
  g_free (sampler->most);
  g_free (sampler);
}

static LodeRows *
open_model (const LodeSampler *sampler, uint32_t model, GError **error)
{
  g_autofree char *path = NULL;

  if (!sampler->conf.features.n)
    return lode_pool_rows (sampler->pool, LODE_FEATURES, model, error);
  path = lode_find_data (sampler->host, sampler->conf.features.at[model], error);
  return path ? lode_rows_open (sampler->host, path, error) : NULL;
}

/* Says what the weights are worth. */
static void
tell (const LodeSampler *sampler, uint32_t model, uint32_t width, const LodeLewisOut *out)
{
  g_autofree char *text = g_strdup_printf (
      "model %u: %u features of rank %u, weights sum to %.4g, each within %.2g %%; %u passes",
      model, width, out->rank, out->sum, 100 * expm1 (out->certificate), out->passes);

  lode_log (sampler->host, LODE_LOG_INFO, text);
}

/* The larger of what there is and this model's weights. rows: those to score */
static bool
weigh (LodeSampler *sampler, uint32_t model, LodeRows *rows, uint32_t n, const uint32_t *at,
       GError **error)
{
  const Conf *conf = &sampler->conf;
  LodeLewisIn in = { .size = sizeof in,
                     .p = conf->p,
                     .tolerance = conf->tolerance,
                     .ridge = conf->ridge,
                     .intercept = conf->intercept };
  LodeLewisOut out = { .size = sizeof out };
  g_autofree double *w = g_new (double, n);

  if (!lode_lewis (sampler->host, rows, &in, w, &out, error))
    return false;
  tell (sampler, model, lode_rows_width (rows), &out);
  for (uint32_t i = 0; i < n; i++)
    sampler->most[at[i]] = MAX (sampler->most[at[i]], w[i]);
  return true;
}

static bool
score_model (LodeSampler *sampler, uint32_t model, uint32_t n, const uint32_t *at, GError **error)
{
  uint32_t count = lode_pool_count (sampler->pool);
  LodeRows *rows = open_model (sampler, model, error), *some;
  bool ok;

  if (!rows)
    return false;
  if (lode_rows_count (rows) != count) {
    g_set_error (
        error, DRAW_ERROR, 0,
        "sampler lewis: model %u%s%s has features of %u examples, the pool has %u; expected "
        "one row for each, in its order",
        model, sampler->conf.features.n ? ", " : "",
        sampler->conf.features.n ? sampler->conf.features.at[model] : "", lode_rows_count (rows),
        count);
    lode_rows_free (rows);
    return false;
  }
  some = n < count ? lode_rows_pick (rows, n, at) : NULL;
  ok = weigh (sampler, model, some ? some : rows, n, at, error);
  lode_rows_free (some);
  lode_rows_free (rows);
  return ok;
}

/* Examples without a label, or all. Transfer full. */
static uint32_t *
list_rows (const LodeSampler *sampler, bool all, uint32_t *n)
{
  uint32_t count = lode_pool_count (sampler->pool);
  uint32_t *at = g_new (uint32_t, count);

  *n = 0;
  for (uint32_t i = 0; i < count; i++)
    if (all || lode_pool_label (sampler->pool, i) < 0)
      at[(*n)++] = i;
  return at;
}

static void
mix (LodeSampler *sampler)
{
  double total = 0, uniform = sampler->conf.uniform;
  g_autofree char *text = NULL;

  for (uint32_t i = 0; i < sampler->n; i++)
    total += sampler->most[sampler->at[i]];
  sampler->prob = g_new (double, sampler->n);
  for (uint32_t i = 0; i < sampler->n; i++)
    sampler->prob[i] = (total > 0 ? (1 - uniform) * sampler->most[sampler->at[i]] / total : 0)
                       + uniform / sampler->n;
  text = g_strdup_printf ("%u models, largest weights sum to %.6g over %u examples",
                          sampler->models, total, sampler->n);
  lode_log (sampler->host, LODE_LOG_INFO, text);
  sampler->total = total;
}

/* Probabilities, once: they do not depend on what was asked for. */
static bool
prepare (LodeSampler *sampler, GError **error)
{
  uint32_t n, model;
  g_autofree uint32_t *scored = NULL;

  if (sampler->prob)
    return true;
  g_free (sampler->at);
  g_free (sampler->most);
  sampler->at = list_rows (sampler, false, &sampler->n);
  scored = list_rows (sampler, sampler->conf.score == SCORE_ALL, &n);
  sampler->most = g_new0 (double, lode_pool_count (sampler->pool));
  sampler->models = sampler->conf.features.n ? (uint32_t) sampler->conf.features.n
                                             : lode_pool_models (sampler->pool);
  if (sampler->n == 0) {
    g_set_error (error, DRAW_ERROR, 0,
                 "sampler lewis: every example is labelled already; nothing is left to choose");
    return false;
  }
  for (model = 0; model < sampler->models; model++)
    if (!score_model (sampler, model, n, scored, error))
      return false;
  mix (sampler);
  return true;
}

static uint32_t
wanted (const LodeSampler *sampler, const LodeAsk *ask, GError **error)
{
  double size = sampler->conf.size;
  double n = ask->budget ? ask->budget : size <= 1 ? floor (size * sampler->n + 0.5) : floor (size);

  if (n <= sampler->n)
    return (uint32_t) MAX (n, 1);
  g_set_error (error, DRAW_ERROR, 0,
               "sampler lewis: %.0f examples asked for, the pool has %u without a label; lower the "
               "budget (sampler.lewis.size)",
               n, sampler->n);
  return 0;
}

static bool
lewis_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  static bool (*const how[]) (Draw *, GError **) = { draw_repeated, draw_poisson, draw_race };
  g_autofree double *weight = NULL;
  Draw draw = { .index = picks->index, .times = picks->times };

  if (!prepare (sampler, error) || !(draw.budget = wanted (sampler, ask, error)))
    return false;
  draw.n = sampler->n;
  draw.prob = sampler->prob;
  draw.rng = lode_rng (sampler->host, "sampler", ask->round, 0);
  draw.weight = weight = g_new (double, sampler->n);
  if (!how[sampler->conf.draw](&draw, error))
    return false;
  picks->n = draw.found;
  for (uint32_t i = 0; i < draw.found; i++) {
    picks->index[i] = sampler->at[picks->index[i]];
    picks->weight[i] = (float) weight[i];
  }
  lode_metric (sampler->host, "lewis_total", sampler->total);
  lode_metric (sampler->host, "lewis_draws", draw.draws);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, p, .number = 2, .max = 20, .above_min = true, .tunable = true,
               .doc = "of the ℓp loss that the sample is to stand for; 2: leverage scores"),
  LODE_OPTION (Conf, size, .number = 0.1, .max = 4e9, .above_min = true, .tunable = true,
               .log_scale = true, .unit = "examples or share",
               .doc = "how many distinct examples: a share of those without a label up to 1, a "
                      "number above; where no budget is given"),
  LODE_OPTION (Conf, uniform, .number = 0, .max = 1, .tunable = true,
               .doc = "share of uniform probabilities mixed in; bounds the weights"),
  LODE_OPTION (Conf, ridge, .number = 0, .max = 1e6,
               .doc = "added to the weighted Gram matrix, as a share of a column's mean square"),
  LODE_OPTION (Conf, tolerance, .number = 1e-3, .min = 1e-12, .max = 1,
               .doc = "largest logarithm by which a weight may miss its equation"),
  LODE_OPTION (Conf, intercept, .number = 1, .doc = "features get a column of ones, as heads have"),
  LODE_OPTION (Conf, draw, .choices = draws,
               .doc = "with replacement until so many are distinct; each by itself; or a race "
                      "without replacement"),
  LODE_OPTION (Conf, score, .choices = scores,
               .doc = "whether labelled examples take part in the weights; none is drawn"),
  LODE_OPTION (Conf, features,
               .doc = ".npy files of features, one a model, a row for each example of the pool; "
                      "empty: those of the stage's models, else the examples' own values"),
};

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .needs = LODE_FEATURES,
  .when = LODE_WHEN_ROUND,
  .create = lewis_create,
  .destroy = lewis_destroy,
  .select = lewis_select,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "sampler",
  .name = "lewis",
  .version = "1.0",
  .summary = "one-shot active learning: draws by the largest Lewis weight over several models",
  .license = "Apache-2.0",
  .reference = "Huang, Li, Sun, Tang: One-shot Active Learning Based on Lewis Weight Sampling for "
               "Multiple Deep Models, ICLR 2024, arXiv:2405.14121",
  .bibtex = "@inproceedings{huang2024lewis,\n"
            "  title = {One-shot Active Learning Based on {L}ewis Weight Sampling for Multiple "
            "Deep Models},\n"
            "  author = {Huang, Sheng-Jun and Li, Yi and Sun, Yiming and Tang, Ying-Peng},\n"
            "  booktitle = {International Conference on Learning Representations},\n"
            "  year = {2024}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

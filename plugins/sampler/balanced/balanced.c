/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Epochs in which a class of n examples has a share ∝ n^power (Kang et al. 2020, §4.1): 0 all
 * classes alike, ½ square-root, 1 as they are. Progressive where `ramp` is given: the share goes
 * from that of the data to that of `power` over so many epochs.
 *
 * Shares are met to within one row, and the examples of a class come equally often to within one:
 * who comes once more is drawn afresh each epoch. So a selection is a function of (seed, round,
 * epoch), and there is no state to save.
 */
#include <lode/lode.h>

typedef struct Conf {
  double power, size, ramp;
} Conf;

struct LodeSampler {
  const LodeHost *host;
  const LodePool *pool;
  Conf conf;
};

static LodeSampler *
balanced_create (const LodeHost *host, const void *conf, const LodePool *pool, GError **error)
{
  LodeSampler *sampler = g_new0 (LodeSampler, 1);

  (void) error;
  sampler->host = host;
  sampler->pool = pool;
  sampler->conf = *(const Conf *) conf;
  return sampler;
}

static void
balanced_destroy (LodeSampler *sampler)
{
  g_free (sampler);
}

/* The pool by classes. */
typedef struct Classes {
  uint32_t k, n;   /* n: labelled examples */
  uint32_t *start; /* [k + 1] into at */
  uint32_t *at;    /* [n] examples of class 0, of class 1 … */
  double *share;   /* [k] of the epoch */
  uint32_t *rows;  /* [k] of the epoch */
} Classes;

static void
classes_clear (Classes *of)
{
  g_free (of->start);
  g_free (of->at);
  g_free (of->share);
  g_free (of->rows);
}

static void
classes_fill (Classes *of, const LodePool *pool)
{
  uint32_t count = lode_pool_count (pool), k = of->k = lode_pool_classes (pool);
  g_autofree uint32_t *fill = NULL;

  of->start = g_new0 (uint32_t, (size_t) k + 2);
  of->at = g_new (uint32_t, (size_t) count + 1);
  of->share = g_new0 (double, (size_t) k + 1);
  of->rows = g_new0 (uint32_t, (size_t) k + 1);
  for (uint32_t i = 0; i < count; i++)
    if (lode_pool_label (pool, i) >= 0)
      of->start[lode_pool_label (pool, i) + 1]++;
  for (uint32_t c = 0; c < k; c++)
    of->start[c + 1] += of->start[c];
  fill = g_memdup2 (of->start, ((gsize) k + 1) * sizeof *fill);
  of->n = of->start[k];
  for (uint32_t i = 0; i < count; i++)
    if (lode_pool_label (pool, i) >= 0)
      of->at[fill[lode_pool_label (pool, i)]++] = i;
}

/* (1 − t) n_c / n + t n_c^power / Σ n^power; 0 for a class without examples. */
static void
set_shares (Classes *of, const Conf *conf, uint32_t epoch)
{
  double t = conf->ramp > 0 ? MIN (epoch / conf->ramp, 1) : 1, sum = 0;

  for (uint32_t c = 0; c < of->k; c++) {
    double n = of->start[c + 1] - of->start[c];

    sum += of->share[c] = n > 0 ? pow (n, conf->power) : 0;
  }
  for (uint32_t c = 0; c < of->k; c++)
    of->share[c] = (1 - t) * (of->start[c + 1] - of->start[c]) / of->n + t * of->share[c] / sum;
}

/* Whole rows that sum to total: those whose remainders are largest get one more, the first of
 * equals. */
static void
apportion (Classes *of, uint32_t total)
{
  uint32_t given = 0;

  for (uint32_t c = 0; c < of->k; c++)
    given += of->rows[c] = (uint32_t) (of->share[c] * total);
  for (; given < total; given++) {
    uint32_t best = 0;
    double most = -INFINITY;

    for (uint32_t c = 0; c < of->k; c++)
      if (of->share[c] > 0 && of->share[c] * total - of->rows[c] > most) {
        most = of->share[c] * total - of->rows[c];
        best = c;
      }
    of->rows[best]++;
  }
}

/* The examples of a class in a drawn order: the first ones come once more. */
static void
pick_class (const Classes *of, uint32_t c, LodeRng rng, LodePicks *picks)
{
  uint32_t *at = of->at + of->start[c], n = of->start[c + 1] - of->start[c];

  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = lode_rng_below (&rng, i), swap = at[i - 1];

    at[i - 1] = at[j];
    at[j] = swap;
  }
  for (uint32_t i = 0; i < n; i++) {
    uint32_t times = of->rows[c] / n + (i < of->rows[c] % n);

    if (times == 0)
      break;
    picks->index[picks->n] = at[i];
    picks->times[picks->n++] = times;
  }
}

static bool
balanced_select (LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  const Conf *conf = &sampler->conf;
  Classes of = { 0 };
  double rows;

  classes_fill (&of, sampler->pool);
  if (of.n == 0) {
    classes_clear (&of);
    g_set_error_literal (error, g_quark_from_static_string ("lode-balanced"), 0,
                         "sampler balanced: the pool has no example with a class; use sampler.type "
                         "= \"full\"");
    return false;
  }
  rows = ask->budget ? ask->budget : MAX (floor (conf->size * of.n + 0.5), 1);
  set_shares (&of, conf, ask->epoch);
  apportion (&of, (uint32_t) rows);
  picks->n = 0;
  picks->repeat = true;
  for (uint32_t c = 0; c < of.k; c++)
    pick_class (&of, c,
                lode_rng (sampler->host, "sampler", ask->round, (uint64_t) ask->epoch << 32 | c),
                picks);
  classes_clear (&of);
  return true;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, power, .number = 0, .max = 1, .tunable = true,
               .doc = "a class of n examples has a share ~ n^power: 0 balanced, 0.5 square-root"),
  LODE_OPTION (Conf, size, .number = 1, .max = 100, .above_min = true,
               .doc = "rows of an epoch, as a multiple of the pool"),
  LODE_OPTION (Conf, ramp, .number = 0, .max = 1e6, .unit = "epochs",
               .doc = "epochs in which shares go from the data's to those of power, 0: at once"),
};

static const LodeSamplerOps ops = {
  .size = sizeof (LodeSamplerOps),
  .needs = LODE_LABELS,
  .when = LODE_WHEN_EPOCH,
  .create = balanced_create,
  .destroy = balanced_destroy,
  .select = balanced_select,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "sampler",
  .name = "balanced",
  .version = "1.0",
  .summary = "classes in shares of n^power: balanced, square-root, progressive",
  .license = "Apache-2.0",
  .reference = "B. Kang et al. Decoupling Representation and Classifier for Long-Tailed "
               "Recognition. ICLR 2020",
  .bibtex = "@inproceedings{kang2020decoupling,\n"
            "  title = {Decoupling Representation and Classifier for Long-Tailed Recognition},\n"
            "  author = {Kang, Bingyi and Xie, Saining and Rohrbach, Marcus and Yan, Zhicheng and\n"
            "            Gordo, Albert and Feng, Jiashi and Kalantidis, Yannis},\n"
            "  booktitle = {International Conference on Learning Representations},\n"
            "  year = {2020}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

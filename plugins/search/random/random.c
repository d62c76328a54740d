/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random search (Li & Talwalkar 2019): architectures drawn from the space, scored in batches, the
 * best one kept. Trial t draws from the stream ("search", t), whatever the batch.
 */
#include <lode/lode.h>

#include <string.h>

typedef struct Conf {
  int64_t trials, batch;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  Conf conf;
  const LodeSpace *space;
  uint32_t decisions;
  uint64_t done; /* trials */
  double score;  /* of the best; −infinity before the first that succeeded */
  uint8_t *best; /* [decisions] */
};

static void
draw (const LodeSearch *search, uint64_t trial, uint8_t *arch)
{
  LodeRng rng = lode_rng (search->host, "search", trial, 0);

  lode_sample (search->host, arch, &rng);
}

static LodeSearch *
random_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeSearch *search = g_new0 (LodeSearch, 1);

  (void) error;
  search->host = host;
  search->conf = *(const Conf *) conf;
  search->space = space;
  search->decisions = space->n;
  search->score = -INFINITY;
  search->best = g_new0 (uint8_t, space->n + 1);
  draw (search, 0, search->best);
  return search;
}

static void
random_destroy (LodeSearch *search)
{
  if (!search)
    return;
  g_free (search->best);
  g_free (search);
}

/* Ties keep the earlier trial. score: [n], arch: [n] → [decisions] */
static void
keep_best (LodeSearch *search, uint32_t n, const uint8_t *const *arch, const LodeScore *score)
{
  for (uint32_t i = 0; i < n; i++)
    if (!score[i].failed && score[i].value > search->score) {
      search->score = score[i].value;
      memcpy (search->best, arch[i], search->decisions);
    }
}

static bool
random_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint64_t trials = (uint64_t) search->conf.trials, left = trials - search->done;
  uint32_t n = (uint32_t) MIN ((uint64_t) search->conf.batch, left);
  g_autofree uint8_t *memory = g_new0 (uint8_t, (size_t) n * search->decisions + 1);
  g_autofree const uint8_t **arch = g_new0 (const uint8_t *, n + 1);
  g_autofree LodeScore *score = g_new0 (LodeScore, n + 1);

  for (uint32_t i = 0; i < n; i++) {
    uint8_t *to = memory + (size_t) i * search->decisions;

    draw (search, search->done + i, to);
    arch[i] = to;
    score[i].size = sizeof *score;
  }
  if (!lode_score (search->host, n, arch, 1, score, error))
    return false;
  keep_best (search, n, arch, score);
  search->done += n;
  if (isfinite (search->score))
    lode_metric (search->host, "best_score", search->score);
  progress->done = search->done;
  progress->of = trials;
  progress->phase = "search";
  progress->end = search->done >= trials;
  return true;
}

static void
random_best (const LodeSearch *search, uint8_t *arch)
{
  memcpy (arch, search->best, search->decisions);
}

static void
random_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;

  lode_store_put (store, "done", LODE_TYPE_U64, 1, &search->done);
  lode_store_put (store, "score", LODE_TYPE_F64, 1, &search->score);
  lode_store_put (store, "best", LODE_TYPE_U8, search->decisions, search->best);
}

/* A checkpoint of another space has options that this one lacks. */
static bool
check_best (const LodeSearch *search, const uint8_t *best, GError **error)
{
  for (uint32_t i = 0; i < search->decisions; i++) {
    const LodeDecision *decision = lode_space_at (search->space, i);

    if (best[i] < decision->n)
      continue;
    g_set_error (error, g_quark_from_static_string ("lode-random"), 0,
                 "search random: its saved best architecture has option %u at %s, expected 0 to "
                 "%u: the checkpoint is of another search space",
                 best[i], decision->name, decision->n - 1);
    return false;
  }
  return true;
}

static bool
random_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  g_autofree uint8_t *best = g_new0 (uint8_t, search->decisions + 1);
  uint64_t done;
  double score;

  if (!lode_store_get (store, "done", LODE_TYPE_U64, 1, &done, error)
      || !lode_store_get (store, "score", LODE_TYPE_F64, 1, &score, error)
      || !lode_store_get (store, "best", LODE_TYPE_U8, search->decisions, best, error)
      || !check_best (search, best, error))
    return false;
  search->done = MIN (done, (uint64_t) search->conf.trials);
  search->score = score;
  memcpy (search->best, best, search->decisions);
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = random_save,
                                    .load = random_load };

static const void *
random_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, trials, .number = 10, .min = 1, .max = 1e9, .unit = "architectures",
               .doc = "architectures drawn and scored"),
  LODE_OPTION (Conf, batch, .number = 1, .min = 1, .max = 65536, .unit = "architectures",
               .doc = "architectures scored in one step, so that an executor can spread them"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = random_create,
  .destroy = random_destroy,
  .step = random_step,
  .best = random_best,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "random",
  .version = "1.0",
  .summary = "random architectures, the best one kept",
  .license = "Apache-2.0",
  .reference = "L. Li, A. Talwalkar. Random Search and Reproducibility for Neural Architecture "
               "Search. UAI 2019",
  .bibtex = "@inproceedings{li2019random,\n"
            "  title = {Random Search and Reproducibility for Neural Architecture Search},\n"
            "  author = {Li, Liam and Talwalkar, Ameet},\n"
            "  booktitle = {Conference on Uncertainty in Artificial Intelligence},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1902.07638}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = random_query,
};

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
  uint32_t decisions;
  uint64_t done; /* trials */
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
  search->decisions = space->n;
  return search;
}

static void
random_destroy (LodeSearch *search)
{
  g_free (search);
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
  search->done += n;
  progress->done = search->done;
  progress->of = trials;
  progress->phase = "search";
  progress->end = search->done >= trials;
  return true;
}

static void
random_best (const LodeSearch *search, uint8_t *arch)
{
  lode_best (search->host, arch, NULL);
}

static void
random_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;

  lode_store_put (store, "done", LODE_TYPE_U64, 1, &search->done);
}

static bool
random_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  uint64_t done;

  if (!lode_store_get (store, "done", LODE_TYPE_U64, 1, &done, error))
    return false;
  search->done = MIN (done, (uint64_t) search->conf.trials);
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

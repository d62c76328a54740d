/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evolution. `aging`: the winner of a tournament is mutated, and the oldest of the population dies
 * (Real et al. 2019, algorithm 1); `worst`: the worst one dies; `generations`: the best of all that
 * was ever scored are mutated and crossed (Guo et al. 2020, algorithm 1). No canonical form is
 * scored twice. Child t draws from the stream ("search", t), whatever the batch.
 */
#include "children.h"

#include <string.h>

enum { AGING, WORST, GENERATIONS };

typedef struct Conf {
  int32_t mode;
  int64_t scores, population, sample, parents, batch, tries;
  double mutation, crossover, max_macs, max_params;
} Conf;

/* In `generations` the parents, best first; else the population, oldest first. */
struct LodeSearch {
  const LodeHost *host;
  Conf conf;
  const LodeSpace *space;
  uint32_t n, room;
  double *value; /* [room] scores; −infinity: failed */
  uint8_t *arch; /* [room][space.n] */
  uint64_t born; /* children */
  bool over;     /* the space holds no other */
};

static uint8_t *
arch_at (const LodeSearch *search, uint32_t i)
{
  return search->arch + (gsize) i * search->space->n;
}

static void
ea_destroy (LodeSearch *search)
{
  if (!search)
    return;
  g_free (search->value);
  g_free (search->arch);
  g_free (search);
}

static bool
check_conf (const Conf *conf, GError **error)
{
  if (conf->mode == GENERATIONS || conf->sample <= conf->population)
    return true;
  g_set_error (error, g_quark_from_static_string ("lode-ea"), 0,
               "search ea: a tournament of sample = %" G_GINT64_FORMAT
               " in a population of %" G_GINT64_FORMAT "; expected at most as many",
               conf->sample, conf->population);
  return false;
}

static LodeSearch *
ea_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeSearch *search;

  if (!check_conf (conf, error))
    return NULL;
  search = g_new0 (LodeSearch, 1);
  search->host = host;
  search->conf = *(const Conf *) conf;
  search->space = space;
  search->room = (uint32_t) (search->conf.mode == GENERATIONS ? search->conf.parents
                                                              : search->conf.population);
  search->value = g_new0 (double, search->room);
  search->arch = g_new0 (uint8_t, (gsize) search->room * space->n + 1);
  return search;
}

/* The best of `sample` different ones; the older of equals. */
static const uint8_t *
tournament (const LodeSearch *search, LodeRng *rng)
{
  uint32_t left = search->n, need = (uint32_t) search->conf.sample, best = search->n;

  for (uint32_t i = 0; i < search->n && need > 0; i++, left--) {
    if (lode_rng_below (rng, left) >= need)
      continue;
    need--;
    if (best == search->n || search->value[i] > search->value[best])
      best = i;
  }
  return arch_at (search, best);
}

static const uint8_t *
pick (const LodeSearch *search, LodeRng *rng)
{
  if (search->conf.mode == GENERATIONS)
    return arch_at (search, lode_rng_below (rng, search->n));
  return tournament (search, rng);
}

static double
crossover (const Conf *conf)
{
  return conf->crossover >= 0 ? conf->crossover : conf->mode == GENERATIONS ? 0.5 : 0;
}

static bool
make_child (const LodeSearch *search, const Nursery *nursery, uint64_t number, uint8_t *child,
            GError **error)
{
  LodeRng rng = lode_rng (search->host, "search", number, 0);
  bool first = number < (uint64_t) search->conf.population || search->n == 0;
  const uint8_t *father = NULL, *mother = NULL;

  if (!first) {
    bool two = lode_rng_uniform (&rng) < crossover (&search->conf);

    father = pick (search, &rng);
    mother = two ? pick (search, &rng) : NULL;
  }
  return ea_child (nursery, father, mother, &rng, child, error);
}

/* Children one after the other; how many were found. child: [most][space.n] */
static bool
make_children (LodeSearch *search, uint32_t most, uint8_t *child, uint32_t *n, GError **error)
{
  const Conf *conf = &search->conf;
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  double mutation = conf->mutation >= 0 ? conf->mutation : conf->mode == GENERATIONS ? 0.1 : 0;
  Nursery nursery = { search->host,     search->space,          mutation, conf->max_macs,
                      conf->max_params, (uint32_t) conf->tries, keys };
  GError *failure = NULL;

  for (*n = 0; *n < most; (*n)++)
    if (!make_child (search, &nursery, search->born + *n, child + (gsize) *n * search->space->n,
                     &failure))
      break;
  search->over = !failure && *n < most;
  if (failure)
    g_propagate_error (error, failure);
  return !failure;
}

static void
remove_at (LodeSearch *search, uint32_t i)
{
  uint32_t behind = --search->n - i;

  memmove (search->value + i, search->value + i + 1, behind * sizeof *search->value);
  memmove (arch_at (search, i), arch_at (search, i + 1), (gsize) behind * search->space->n);
}

static void
insert_at (LodeSearch *search, uint32_t i, double value, const uint8_t *arch)
{
  uint32_t behind = search->n++ - i;

  memmove (search->value + i + 1, search->value + i, behind * sizeof *search->value);
  memmove (arch_at (search, i + 1), arch_at (search, i), (gsize) behind * search->space->n);
  search->value[i] = value;
  memcpy (arch_at (search, i), arch, search->space->n);
}

/* The older of equals dies. */
static uint32_t
find_worst (const LodeSearch *search)
{
  uint32_t worst = 0;

  for (uint32_t i = 1; i < search->n; i++)
    if (search->value[i] < search->value[worst])
      worst = i;
  return worst;
}

static void
take_in (LodeSearch *search, double value, const uint8_t *arch)
{
  uint32_t at = search->n;

  if (search->conf.mode == GENERATIONS) {
    while (at > 0 && value > search->value[at - 1])
      at--;
    if (at >= search->room)
      return;
    if (search->n == search->room)
      search->n--;
    insert_at (search, at, value, arch);
    return;
  }
  if (search->n == search->room)
    remove_at (search, search->conf.mode == AGING ? 0 : find_worst (search));
  insert_at (search, search->n, value, arch);
}

/* A generation is as large as the population; a first population ends where a batch does. */
static uint32_t
litter (const LodeSearch *search)
{
  uint64_t left = (uint64_t) search->conf.scores - search->born;
  uint64_t population = (uint64_t) search->conf.population;
  uint64_t most = search->conf.mode == GENERATIONS ? population : (uint64_t) search->conf.batch;

  if (search->born < population)
    most = MIN (most, population - search->born);
  return (uint32_t) MIN (most, left);
}

static bool
score_all (LodeSearch *search, uint32_t n, const uint8_t *child, GError **error)
{
  g_autofree const uint8_t **arch = g_new0 (const uint8_t *, (gsize) n + 1);
  g_autofree LodeScore *score = g_new0 (LodeScore, (gsize) n + 1);

  for (uint32_t i = 0; i < n; i++) {
    arch[i] = child + (gsize) i * search->space->n;
    score[i].size = sizeof *score;
  }
  if (n > 0 && !lode_score (search->host, n, arch, 1, score, error))
    return false;
  for (uint32_t i = 0; i < n; i++)
    take_in (search, score[i].failed ? -INFINITY : score[i].value, arch[i]);
  search->born += n;
  return true;
}

static bool
complain_limits (GError **error)
{
  g_set_error_literal (error, g_quark_from_static_string ("lode-ea"), 0,
                       "search ea: no architecture within max_macs and max_params was found; "
                       "raise them, or raise tries");
  return false;
}

static bool
ea_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint32_t most = litter (search), n = 0;
  g_autofree uint8_t *child = g_new0 (uint8_t, (gsize) most * search->space->n + 1);

  if (!make_children (search, most, child, &n, error) || !score_all (search, n, child, error))
    return false;
  if (search->over && search->born == 0)
    return complain_limits (error);
  if (search->over)
    lode_log (search->host, LODE_LOG_INFO,
              "search ea: nothing that is new and within the limits was found any more");
  progress->done = search->born;
  progress->of = (uint64_t) search->conf.scores;
  progress->phase = search->born < (uint64_t) search->conf.population ? "population" : "search";
  progress->end = search->over || progress->done >= progress->of;
  return true;
}

static void
ea_best (const LodeSearch *search, uint8_t *arch)
{
  lode_best (search->host, arch, NULL);
}

static void
ea_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;
  const uint64_t clock[] = { search->born, search->n };

  lode_store_put (store, "clock", LODE_TYPE_U64, G_N_ELEMENTS (clock), clock);
  lode_store_put (store, "value", LODE_TYPE_F64, search->n, search->value);
  lode_store_put (store, "arch", LODE_TYPE_U8, (size_t) search->n * search->space->n, search->arch);
}

/* A checkpoint of another space has options that this one lacks. */
static bool
check_archs (const LodeSearch *search, uint64_t n, const uint8_t *arch, GError **error)
{
  for (uint64_t i = 0; i < n * search->space->n; i++) {
    const LodeDecision *decision = lode_space_at (search->space, (uint32_t) (i % search->space->n));

    if (arch[i] < decision->n)
      continue;
    g_set_error (error, g_quark_from_static_string ("lode-ea"), 0,
                 "search ea: its saved population has option %u at %s, expected 0 to %u: the "
                 "checkpoint is of another search space",
                 arch[i], decision->name, decision->n - 1);
    return false;
  }
  return true;
}

static bool
ea_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  g_autofree double *value = g_new0 (double, search->room);
  g_autofree uint8_t *arch = g_new0 (uint8_t, (gsize) search->room * search->space->n + 1);
  uint64_t clock[2];

  if (!lode_store_get (store, "clock", LODE_TYPE_U64, 2, clock, error))
    return false;
  clock[1] = MIN (clock[1], search->room);
  if (!lode_store_get (store, "value", LODE_TYPE_F64, clock[1], value, error)
      || !lode_store_get (store, "arch", LODE_TYPE_U8, clock[1] * search->space->n, arch, error)
      || !check_archs (search, clock[1], arch, error))
    return false;
  search->born = MIN (clock[0], (uint64_t) search->conf.scores);
  search->n = (uint32_t) clock[1];
  memcpy (search->value, value, search->n * sizeof *value);
  memcpy (search->arch, arch, (gsize) search->n * search->space->n);
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = ea_save,
                                    .load = ea_load };

static const void *
ea_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const char *const modes[] = { "aging", "worst", "generations", NULL };

static const LodeOption options[] = {
  LODE_OPTION (Conf, mode, .choices = modes,
               .doc =
                   "who dies and who breeds: the oldest dies, the worst dies, or the best of all "
                   "breed a generation"),
  LODE_OPTION (Conf, scores, .number = 1000, .min = 1, .max = 1e9, .unit = "architectures",
               .doc = "architectures scored in all"),
  LODE_OPTION (Conf, population, .number = 50, .min = 1, .max = 65536, .unit = "architectures",
               .doc = "drawn at random at the start; alive at a time, or bred in a generation"),
  LODE_OPTION (Conf, sample, .number = 10, .min = 1, .max = 65536, .unit = "architectures",
               .doc = "different ones of the population that a tournament is between"),
  LODE_OPTION (Conf, parents, .number = 10, .min = 1, .max = 65536, .unit = "architectures",
               .doc = "the best of all so far, from which generations are bred"),
  LODE_OPTION (Conf, batch, .number = 1, .min = 1, .max = 65536, .unit = "architectures",
               .doc = "children of the same population, scored in one step so that an executor can "
                      "spread them; a generation always is"),
  LODE_OPTION (Conf, mutation, .number = -1, .min = -1, .max = 1, .tunable = true,
               .doc = "chance that a decision is redrawn; 0: exactly one takes another option; −1: "
                      "0.1 in generations, else 0"),
  LODE_OPTION (Conf, crossover, .number = -1, .min = -1, .max = 1, .tunable = true,
               .doc = "share of children with two parents, each decision of either; −1: 0.5 in "
                      "generations, else 0"),
  LODE_OPTION (Conf, tries, .number = 10, .min = 1, .max = 1e6, .unit = "draws",
               .doc = "draws of a child that is new and within the limits, before it is drawn at "
                      "random"),
  LODE_OPTION (Conf, max_macs, .number = 0, .min = 0, .max = 1e18, .unit = "multiply-adds",
               .doc = "most that an architecture may cost a sample; 0: no limit"),
  LODE_OPTION (Conf, max_params, .number = 0, .min = 0, .max = 1e18, .unit = "weights",
               .doc = "most that an architecture may have; 0: no limit"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = ea_create,
  .destroy = ea_destroy,
  .step = ea_step,
  .best = ea_best,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "ea",
  .version = "1.0",
  .summary = "evolution: tournaments with or without aging, or generations with crossover",
  .license = "Apache-2.0",
  .reference = "E. Real, A. Aggarwal, Y. Huang, Q. V. Le. Regularized Evolution for Image "
               "Classifier Architecture Search. AAAI 2019",
  .bibtex = "@inproceedings{real2019regularized,\n"
            "  title = {Regularized Evolution for Image Classifier Architecture Search},\n"
            "  author = {Real, Esteban and Aggarwal, Alok and Huang, Yanping and Le, Quoc V.},\n"
            "  booktitle = {AAAI Conference on Artificial Intelligence},\n"
            "  year = {2019},\n"
            "  url = {https://arxiv.org/abs/1802.01548}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = ea_query,
};

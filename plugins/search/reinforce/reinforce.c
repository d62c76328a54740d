/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REINFORCE (Williams 1992) with a categorical policy per decision: architectures are drawn from a
 * softmax over θ, and θ climbs (r − b) ∇ log p, b a moving mean of the rewards. It is the baseline
 * of that name in NAS-Bench-201. Draw t is from the stream ("search", t).
 */
#include <lode/lode.h>

#include <string.h>

typedef struct Conf {
  int64_t trials, batch;
  double rate, baseline, entropy;
} Conf;

struct LodeSearch {
  const LodeHost *host;
  Conf conf;
  const LodeSpace *space;
  double *theta, *adam, *prob, *grad; /* [options], adam: [2 · options + 1] */
  double moving[2], worst;            /* of the rewards, and the weight it has; the lowest reward */
  uint64_t done;                      /* trials */
  float *gate;                        /* [options] what stand () shows */
};

/* x, p: [n] */
static void
softmax (uint32_t n, const double *x, double *p)
{
  double top = x[0], sum = 0;

  for (uint32_t i = 1; i < n; i++)
    top = MAX (top, x[i]);
  for (uint32_t i = 0; i < n; i++)
    sum += p[i] = exp (x[i] - top);
  for (uint32_t i = 0; i < n; i++)
    p[i] /= sum;
}

static void
set_policy (LodeSearch *search)
{
  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n;

    softmax (n, search->theta + first, search->prob + first);
    first += n;
  }
  for (uint32_t o = 0; o < search->space->options; o++)
    search->gate[o] = (float) search->prob[o];
}

static LodeSearch *
reinforce_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeSearch *search = g_new0 (LodeSearch, 1);
  size_t n = (size_t) space->options + 1;

  (void) error;
  search->host = host;
  search->conf = *(const Conf *) conf;
  search->space = space;
  search->theta = g_new0 (double, n);
  search->prob = g_new0 (double, n);
  search->grad = g_new0 (double, n);
  search->adam = g_new0 (double, 2 * n);
  search->gate = g_new0 (float, n);
  search->worst = INFINITY;
  set_policy (search);
  return search;
}

static void
reinforce_destroy (LodeSearch *search)
{
  if (!search)
    return;
  g_free (search->theta);
  g_free (search->prob);
  g_free (search->grad);
  g_free (search->adam);
  g_free (search->gate);
  g_free (search);
}

/* What cannot be built as drawn is made legal, and the policy learns of what was built. */
static void
draw (const LodeSearch *search, uint64_t trial, uint8_t *arch)
{
  LodeRng rng = lode_rng (search->host, "search", trial, 0);

  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n, o = 0;
    double u = lode_rng_uniform (&rng);

    while (o + 1 < n && u >= search->prob[first + o])
      u -= search->prob[first + o++];
    arch[i] = (uint8_t) o;
    first += n;
  }
  lode_repair (search->host, arch, &rng);
}

/* −∇ of (r − b) log p (arch): added, times 1 / batch */
static void
add_gradient (LodeSearch *search, const uint8_t *arch, double advantage)
{
  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n;

    for (uint32_t o = 0; o < n; o++)
      search->grad[first + o] -= advantage * ((o == arch[i]) - search->prob[first + o]);
    first += n;
  }
}

/* −∇ of the entropy H: ∂H/∂θ_o = −p_o (log p_o + H), per decision. */
static void
add_entropy (LodeSearch *search)
{
  for (uint32_t i = 0, first = 0; i < search->space->n; i++) {
    uint32_t n = lode_space_at (search->space, i)->n;
    const double *p = search->prob + first;
    double entropy = 0;

    for (uint32_t o = 0; o < n; o++)
      entropy -= p[o] > 0 ? p[o] * log (p[o]) : 0;
    for (uint32_t o = 0; o < n; o++)
      search->grad[first + o] +=
          p[o] > 0 ? search->conf.entropy * p[o] * (log (p[o]) + entropy) : 0;
    first += n;
  }
}

/* The reward of a score; one that failed is as bad as the worst so far. */
static double
reward_of (LodeSearch *search, const LodeScore *score)
{
  if (!score->failed)
    search->worst = MIN (search->worst, score->value);
  return score->failed ? search->worst : score->value;
}

static double
baseline (const LodeSearch *search)
{
  return search->moving[1] > 0 ? search->moving[0] / search->moving[1] : 0;
}

static void
learn (LodeSearch *search, uint32_t n, const uint8_t *const *arch, const LodeScore *score)
{
  double keep = search->conf.baseline;

  memset (search->grad, 0, search->space->options * sizeof *search->grad);
  for (uint32_t i = 0; i < n; i++) {
    double reward = reward_of (search, &score[i]);

    if (!isfinite (reward))
      continue;
    search->moving[0] = keep * search->moving[0] + (1 - keep) * reward;
    search->moving[1] = keep * search->moving[1] + (1 - keep);
    add_gradient (search, arch[i], (reward - baseline (search)) / n);
  }
  add_entropy (search);
  if (search->space->options > 0)
    lode_adam (search->adam, search->space->options, search->theta, search->grad, search->conf.rate,
               0.9, 0.999, 0);
  set_policy (search);
}

static bool
reinforce_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint64_t trials = (uint64_t) search->conf.trials, left = trials - search->done;
  uint32_t n = (uint32_t) MIN ((uint64_t) search->conf.batch, left);
  g_autofree uint8_t *memory = g_new0 (uint8_t, (size_t) n * search->space->n + 1);
  g_autofree const uint8_t **arch = g_new0 (const uint8_t *, n + 1);
  g_autofree LodeScore *score = g_new0 (LodeScore, n + 1);

  for (uint32_t i = 0; i < n; i++) {
    uint8_t *to = memory + (size_t) i * search->space->n;

    draw (search, search->done + i, to);
    arch[i] = to;
    score[i].size = sizeof *score;
  }
  if (!lode_score (search->host, n, arch, 1, score, error))
    return false;
  learn (search, n, arch, score);
  search->done += n;
  lode_metric (search->host, "reward_mean", baseline (search));
  progress->done = search->done;
  progress->of = trials;
  progress->phase = "search";
  progress->end = search->done >= trials;
  return true;
}

static void
reinforce_best (const LodeSearch *search, uint8_t *arch)
{
  lode_best (search->host, arch, NULL);
}

static void
reinforce_stand (const LodeSearch *search, LodeChoice *choice)
{
  choice->mask = NULL;
  choice->gate = search->gate;
  choice->drop = NULL;
}

static void
reinforce_save (const void *instance, LodeStore *store)
{
  const LodeSearch *search = instance;
  const double rewards[] = { search->moving[0], search->moving[1], search->worst };
  uint32_t n = search->space->options;

  lode_store_put (store, "done", LODE_TYPE_U64, 1, &search->done);
  lode_store_put (store, "rewards", LODE_TYPE_F64, G_N_ELEMENTS (rewards), rewards);
  lode_store_put (store, "theta", LODE_TYPE_F64, n, search->theta);
  lode_store_put (store, "adam", LODE_TYPE_F64, 2 * (size_t) n + 1, search->adam);
}

static bool
check_finite (uint32_t n, const double *x, GError **error)
{
  for (uint32_t i = 0; i < n; i++)
    if (!isfinite (x[i]) || fabs (x[i]) > 1e6) {
      g_set_error (error, g_quark_from_static_string ("lode-reinforce"), 0,
                   "search reinforce: the checkpoint's policy holds %g; it is damaged", x[i]);
      return false;
    }
  return true;
}

/* Mean squares, and the count behind them. */
static bool
check_moments (uint32_t n, const double *x, GError **error)
{
  for (uint32_t i = 0; i < n; i++)
    if (!(x[i] >= 0 && x[i] < 1e18)) {
      g_set_error (error, g_quark_from_static_string ("lode-reinforce"), 0,
                   "search reinforce: the checkpoint's moments hold %g; it is damaged", x[i]);
      return false;
    }
  return true;
}

static bool
reinforce_load (void *instance, const LodeStore *store, GError **error)
{
  LodeSearch *search = instance;
  uint32_t n = search->space->options;
  g_autofree double *theta = g_new0 (double, (size_t) n + 1);
  g_autofree double *adam = g_new0 (double, 2 * (size_t) n + 1);
  double rewards[3];
  uint64_t done;

  if (!lode_store_get (store, "done", LODE_TYPE_U64, 1, &done, error)
      || !lode_store_get (store, "rewards", LODE_TYPE_F64, 3, rewards, error)
      || !lode_store_get (store, "theta", LODE_TYPE_F64, n, theta, error)
      || !lode_store_get (store, "adam", LODE_TYPE_F64, 2 * (size_t) n + 1, adam, error)
      || !check_finite (n, theta, error) || !check_finite (2, rewards, error)
      || !check_finite (n, adam, error) || !check_moments (n + 1, adam + n, error))
    return false;
  search->done = MIN (done, (uint64_t) search->conf.trials);
  search->moving[0] = rewards[0];
  search->moving[1] = rewards[1];
  search->worst = rewards[2];
  memcpy (search->theta, theta, n * sizeof *theta);
  memcpy (search->adam, adam, (2 * (size_t) n + 1) * sizeof *adam);
  set_policy (search);
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = reinforce_save,
                                    .load = reinforce_load };

static const void *
reinforce_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, trials, .number = 1000, .min = 1, .max = 1e9, .unit = "architectures",
               .doc = "architectures drawn; one that is drawn again is not scored again"),
  LODE_OPTION (Conf, batch, .number = 1, .min = 1, .max = 65536, .unit = "architectures",
               .doc = "architectures drawn from the same policy, scored in one step so that an "
                      "executor can spread them"),
  LODE_OPTION (Conf, rate, .number = 0.05, .max = 10, .above_min = true, .tunable = true,
               .log_scale = true, .doc = "learning rate of the policy (Adam)"),
  LODE_OPTION (Conf, baseline, .number = 0.9, .max = 0.9999, .tunable = true,
               .doc = "share of the moving mean of rewards that the next reward leaves"),
  LODE_OPTION (Conf, entropy, .number = 0, .max = 100, .tunable = true,
               .doc = "weight of the policy's entropy, which keeps it from settling early"),
};

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = reinforce_create,
  .destroy = reinforce_destroy,
  .step = reinforce_step,
  .best = reinforce_best,
  .stand = reinforce_stand,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "search",
  .name = "reinforce",
  .version = "1.0",
  .summary = "policy gradient: a categorical policy per decision with a moving baseline",
  .license = "Apache-2.0",
  .reference = "R. J. Williams. Simple Statistical Gradient-Following Algorithms for Connectionist "
               "Reinforcement Learning. Machine Learning 8, 1992",
  .bibtex = "@article{williams1992simple,\n"
            "  title = {Simple Statistical Gradient-Following Algorithms for Connectionist "
            "Reinforcement Learning},\n"
            "  author = {Williams, Ronald J.},\n"
            "  journal = {Machine Learning},\n"
            "  volume = {8},\n"
            "  pages = {229--256},\n"
            "  year = {1992}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = reinforce_query,
};

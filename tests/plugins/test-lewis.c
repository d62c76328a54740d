/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sampler lewis: probabilities of several models, what a draw weighs, nested selections, and that
 * it beats a uniform draw where rows differ.
 */
#include "../../plugins/sampler/lewis/draw.h"
#include "family.h"
#include "linalg/factor.h"
#include "linalg/lewis.h"

#include <cblas.h>
#include <math.h>

enum { MOST_MODELS = 24 };

/* A pool of examples with features of some models. */
typedef struct World {
  LodeHost host;
  LodePool pool;
  uint32_t n, models;
  uint32_t count[MOST_MODELS], width[MOST_MODELS];
  const float *features[MOST_MODELS];
  const int32_t *label; /* [n] or NULL: −1 */
  uint64_t seed;
  double total, draws;
} World;

static World *
world_of_pool (const LodePool *pool)
{
  return (World *) ((char *) (uintptr_t) pool - offsetof (World, pool));
}

static void
world_log (const LodeHost *host, uint32_t level, const char *text)
{
  (void) host;
  (void) level;
  (void) text;
}

static void
world_metric (const LodeHost *host, const char *name, double value)
{
  World *world = (World *) (uintptr_t) host;

  if (!strcmp (name, "lewis_total"))
    world->total = value;
  else
    world->draws = value;
}

static LodeRng
world_rng (const LodeHost *host, const char *name, uint64_t a, uint64_t b)
{
  const World *world = (const World *) host;

  g_assert_cmpstr (name, ==, "sampler");
  return (LodeRng){ .key = world->seed * 7919 + a * 31 + b };
}

static bool
world_lewis (const LodeHost *host, LodeRows *rows, const LodeLewisIn *in, double *w,
             LodeLewisOut *out, GError **error)
{
  LodeThreads *threads = lode_threads_new (2);
  bool ok = lode_lewis_answer (rows, in, threads, w, out, error);

  (void) host;
  lode_threads_free (threads);
  return ok;
}

static uint32_t
world_count (const LodePool *pool)
{
  return world_of_pool (pool)->n;
}

static int32_t
world_label (const LodePool *pool, uint32_t i)
{
  const World *world = world_of_pool (pool);

  return world->label ? world->label[i] : -1;
}

static uint32_t
world_models (const LodePool *pool)
{
  return world_of_pool (pool)->models;
}

static LodeRows *
world_rows (const LodePool *pool, uint32_t what, uint32_t model, GError **error)
{
  const World *world = world_of_pool (pool);

  (void) error;
  g_assert_cmpuint (what, ==, LODE_FEATURES);
  return lode_rows_memory ("a model", world->count[model] ? world->count[model] : world->n,
                           world->width[model], false, world->features[model]);
}

static const LodeHostCalls host_calls = { .size = sizeof (LodeHostCalls),
                                          .log = world_log,
                                          .metric = world_metric,
                                          .rng = world_rng,
                                          .lewis = world_lewis };
static const LodePoolCalls pool_calls = { .size = sizeof (LodePoolCalls),
                                          .count = world_count,
                                          .label = world_label,
                                          .models = world_models,
                                          .rows = world_rows };

static const float one[6][2] = { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 2, -1 }, { 0, 3 }, { 1, 2 } };
static const float two[6][2] = { { 1, 1 }, { 2, 0 }, { 0, 1 }, { 1, -1 }, { -1, 2 }, { 3, 1 } };

static World
pair (void)
{
  return (World){ .host = { .size = sizeof (LodeHost), .calls = &host_calls },
                  .pool = { &pool_calls },
                  .n = 6,
                  .models = 2,
                  .width = { 2, 2 },
                  .features = { one[0], two[0] },
                  .seed = 5 };
}

typedef struct Picked {
  LodePicks picks;
  uint32_t *index, *times;
  float *weight;
} Picked;

static void
picked_clear (Picked *p)
{
  g_free (p->index);
  g_free (p->times);
  g_free (p->weight);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Picked, picked_clear)

/* Options as text: "p = 1.0; intercept = false;". */
static bool
pick (World *world, const char *options, uint32_t budget, Picked *p, GError **error)
{
  const LodeLoaded *loaded = test_load ("sampler", "lewis");
  const LodeSamplerOps *ops = loaded->ops;
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  LodeNode *group = lode_node_new (LODE_VALUE_GROUP, "lewis", "test");
  g_auto (GStrv) words = g_strsplit (options, " ", -1);
  LodeAsk ask = { .size = sizeof ask, .budget = budget, .valid = NAN };
  LodeSampler *sampler;
  bool ok;

  for (char **word = words; *word && **word; word++) {
    g_auto (GStrv) part = g_strsplit (*word, "=", 2);
    bool truth = !strcmp (part[1], "false"), number = g_ascii_isdigit (*part[1]);
    LodeNode *node = lode_node_new (truth    ? LODE_VALUE_BOOL
                                    : number ? LODE_VALUE_REAL
                                             : LODE_VALUE_TEXT,
                                    part[0], "test");

    node->real = number ? g_ascii_strtod (part[1], NULL) : 0;
    node->text = truth || number ? NULL : g_strdup (part[1]);
    lode_node_set (group, node);
  }
  *p = (Picked){ .index = g_new (uint32_t, world->n),
                 .times = g_new (uint32_t, world->n),
                 .weight = g_new (float, world->n) };
  p->picks = (LodePicks){ sizeof (LodePicks), world->n, 0, p->index, p->times, p->weight };
  sampler = ops->create (&world->host, test_conf (loaded, group, owner), &world->pool, error);
  g_assert_nonnull (sampler);
  ok = ops->select (sampler, &ask, &p->picks, error);
  ops->destroy (sampler);
  return ok;
}

#define PICK(world, options, budget, p)                                                            \
  do {                                                                                             \
    GError *failure_ = NULL;                                                                       \
    bool ok_ = pick (world, options, budget, p, &failure_);                                        \
                                                                                                   \
    g_assert_no_error (failure_);                                                                  \
    g_assert_true (ok_);                                                                           \
  } while (0)

/* T, and c = times / (m prob) for whatever was drawn. */
static void
test_two_models (void)
{
  static const double prob[6] = {
    .06835741, .09942896, .07465569, .26662748, .23614377, .25478670
  };
  static const struct {
    const char *options;
    double total;
  } totals[] = { { "p=1 intercept=false tolerance=1e-10", 2.32870903 },
                 { "p=1.5 intercept=false tolerance=1e-10", 2.43176465 },
                 { "p=2 intercept=false tolerance=1e-10", 2.53415620 },
                 { "p=3 intercept=false tolerance=1e-10", 2.69050673 },
                 { "p=4 intercept=false tolerance=1e-10", 2.79194727 },
                 { "p=6 intercept=false tolerance=1e-10", 2.88814906 } };
  World world = pair ();
  double times = 0;

  for (size_t i = 0; i < G_N_ELEMENTS (totals); i++) {
    g_auto (Picked) p = { 0 };

    PICK (&world, totals[i].options, 4, &p);
    g_assert_cmpfloat (fabs (world.total - totals[i].total), <=, 2e-8);
    g_assert_cmpuint (p.picks.n, ==, 4);
    times = 0;
    for (uint32_t k = 0; k < 4; k++)
      times += p.times[k];
    g_assert_true (times >= 4 && times <= world.draws && world.draws <= times);
    for (uint32_t k = 0; i == 2 && k < 4; k++)
      g_assert_cmpfloat (fabs (p.weight[k] * world.draws * prob[p.index[k]] - 1), <=, 1e-6);
  }
}

/* The order of models, a model twice, and threads change nothing. */
static void
test_models (void)
{
  World world = pair (), turned = pair (), more = pair ();
  g_auto (Picked) a = { 0 }, b = { 0 }, c = { 0 };

  turned.features[0] = two[0];
  turned.features[1] = one[0];
  more.models = 3;
  more.features[2] = one[0];
  more.width[2] = 2;
  PICK (&world, "p=1", 5, &a);
  PICK (&turned, "p=1", 5, &b);
  PICK (&more, "p=1", 5, &c);
  g_assert_cmpmem (a.index, 5 * sizeof *a.index, b.index, 5 * sizeof *b.index);
  g_assert_cmpmem (a.weight, 5 * sizeof *a.weight, b.weight, 5 * sizeof *b.weight);
  g_assert_cmpmem (a.weight, 5 * sizeof *a.weight, c.weight, 5 * sizeof *c.weight);
}

static float *
heavy (uint32_t n, uint32_t d, uint64_t key)
{
  LodeRng rng = { .key = key };
  float *a = g_new (float, (size_t) n *d);

  for (uint32_t i = 0; i < n; i++) {
    double length = exp (lode_rng_normal (&rng));

    for (uint32_t j = 0; j < d; j++)
      a[(size_t) i * d + j] = (float) (length * lode_rng_normal (&rng));
  }
  return a;
}

/* A larger budget continues a smaller one, in each way to draw. */
static void
test_prefix (void)
{
  enum { N = 500, D = 6 };
  static const char *const ways[] = { "draw=repeated", "draw=poisson", "draw=race" };
  g_autofree float *a = heavy (N, D, 2);
  World world = pair ();

  world.n = N;
  world.models = 1;
  world.width[0] = D;
  world.features[0] = a;
  for (size_t i = 0; i < G_N_ELEMENTS (ways); i++) {
    g_auto (Picked) few = { 0 }, many = { 0 };

    PICK (&world, ways[i], 60, &few);
    PICK (&world, ways[i], 180, &many);
    g_assert_cmpuint (few.picks.n, <, many.picks.n);
    g_assert_cmpmem (few.index, few.picks.n * sizeof *few.index, many.index,
                     few.picks.n * sizeof *many.index);
    if (i != 1)
      g_assert_cmpuint (many.picks.n, ==, 180);
    world.seed++;
    picked_clear (&few);
    PICK (&world, ways[i], 60, &few);
    g_assert_true (memcmp (few.index, many.index, 50 * sizeof *few.index) != 0);
    world.seed--;
  }
}

/* Labelled examples are not drawn; they lower what is drawn where they are scored. */
static void
test_labelled (void)
{
  enum { N = 40, D = 3 };
  g_autofree float *a = heavy (N, D, 3);
  int32_t label[N];
  World world = pair ();
  g_auto (Picked) apart = { 0 }, all = { 0 };
  double total;

  for (uint32_t i = 0; i < N; i++)
    label[i] = i % 4 ? -1 : 2;
  world.n = N;
  world.models = 1;
  world.width[0] = D;
  world.features[0] = a;
  world.label = label;
  PICK (&world, "p=1", 30, &apart);
  for (uint32_t i = 0; i < 30; i++)
    g_assert_cmpuint (apart.index[i] % 4, >, 0);
  total = world.total;
  g_assert_cmpfloat (fabs (total - D - 1), <=, 0.02); /* the rank, with the column of ones */
  PICK (&world, "p=1 score=all", 30, &all);
  g_assert_cmpfloat (world.total, <, total - 0.1);
  for (uint32_t i = 0; i < 30; i++)
    g_assert_cmpuint (all.index[i] % 4, >, 0);
}

/* E [Σ over draws of 1 / (m p)] = n, and for losses too; Poisson and race likewise. */
static void
test_unbiased (void)
{
  enum { N = 400, BUDGET = 60, RUNS = 400 };
  static bool (*const ways[]) (Draw *, GError **) = { draw_repeated, draw_poisson, draw_race };
  double prob[N], loss[N], sum = 0, truth = 0;
  LodeRng rng = { .key = 9 };

  for (uint32_t i = 0; i < N; i++) {
    sum += prob[i] = exp (0.7 * lode_rng_normal (&rng));
    truth += loss[i] = 0.5 + lode_rng_uniform (&rng);
  }
  for (uint32_t i = 0; i < N; i++)
    prob[i] /= sum;
  for (size_t way = 0; way < G_N_ELEMENTS (ways); way++) {
    double count[2] = { 0 }, of_loss[2] = { 0 };

    for (uint32_t run = 0; run < RUNS; run++) {
      uint32_t index[N], times[N];
      double weight[N], weights = 0, losses = 0;
      Draw draw = { N, BUDGET, prob, { run * 7 + 1, 0 }, 0, index, times, weight, 0 };

      g_assert_true (ways[way](&draw, NULL));
      for (uint32_t i = 0; i < draw.found; i++) {
        weights += weight[i] * times[i];
        losses += weight[i] * times[i] * loss[index[i]];
      }
      count[0] += weights / RUNS;
      count[1] += weights * weights / RUNS;
      of_loss[0] += losses / RUNS;
      of_loss[1] += losses * losses / RUNS;
    }
    g_test_message ("way %zu: %g of %d, loss %g of %g", way, count[0], N, of_loss[0], truth);
    g_assert_cmpfloat (fabs (count[0] - N), <=,
                       4 * sqrt ((count[1] - count[0] * count[0]) / RUNS) + 0.006 * N);
    g_assert_cmpfloat (fabs (of_loss[0] - truth), <=,
                       4 * sqrt ((of_loss[1] - of_loss[0] * of_loss[0]) / RUNS) + 0.006 * truth);
  }
}

static void
test_expected (void)
{
  enum { N = 2000 };
  double prob[N];
  double found = 0;

  for (uint32_t i = 0; i < N; i++)
    prob[i] = 1. / N;
  g_assert_cmpfloat (fabs (draw_expected (N, prob, 1000) - N * log (2)), <=, 3);
  for (uint32_t run = 0; run < 30; run++) {
    g_autofree uint32_t *index = g_new (uint32_t, N), *times = g_new (uint32_t, N);
    g_autofree double *weight = g_new (double, N);
    Draw draw = { N, 1000, prob, { run + 50, 0 }, 0, index, times, weight, 0 };

    g_assert_true (draw_repeated (&draw, NULL));
    found += draw.draws / 30;
  }
  g_assert_cmpfloat (fabs (found - N * log (2)), <=, 20);
}

/* Least squares on what was drawn: excess loss on all rows, as a share. */
static double
excess (uint32_t n, uint32_t d, const float *a, const double *y, const Draw *draw, double least)
{
  g_autofree double *gram = g_new0 (double, d *d), *theta = g_new0 (double, d);
  double loss = 0;

  for (uint32_t k = 0; k < draw->found; k++) {
    const float *row = a + (size_t) draw->index[k] * d;
    double by = draw->weight[k] * draw->times[k];

    for (uint32_t i = 0; i < d; i++) {
      theta[i] += by * row[i] * y[draw->index[k]];
      for (uint32_t j = i; j < d; j++)
        gram[i * d + j] += by * row[i] * row[j];
    }
  }
  g_assert_true (lode_factor (d, gram));
  lode_factor_solve (d, gram, 1, theta);
  for (uint32_t k = 0; k < n; k++) {
    double r = y[k];

    for (uint32_t i = 0; i < d; i++)
      r -= a[(size_t) k * d + i] * theta[i];
    loss += r * r;
  }
  return loss / least - 1;
}

/* Leverage scores against uniform on heavy rows: about a third of the excess loss. */
static void
test_beats_uniform (void)
{
  enum { N = 20000, D = 20, RUNS = 60, BUDGET = 200 };
  g_autofree float *a = heavy (N, D, 4);
  g_autofree double *y = g_new (double, N), *prob = g_new (double, N), *flat = g_new (double, N);
  g_autofree uint32_t *index = g_new (uint32_t, N), *times = g_new (uint32_t, N);
  g_autofree double *weight = g_new (double, N);
  g_autoptr (LodeRows) rows = lode_rows_memory ("rows", N, D, false, a);
  LodeThreads *threads = lode_threads_new (2);
  LodeRng rng = { .key = 10 };
  double mean[2] = { 0 }, least = 0;
  Draw all = { N, N, NULL, { 0, 0 }, N, index, times, weight, N };

  for (uint32_t i = 0; i < N; i++) {
    y[i] = lode_rng_normal (&rng);
    index[i] = i;
    times[i] = 1;
    weight[i] = 1;
  }
  least = 1 + excess (N, D, a, y, &all, 1);
  g_assert_true (lode_lewis_weights (rows, &(LodeLewisSpec){ .p = 2 }, threads, prob, NULL, NULL));
  for (uint32_t i = 0; i < N; i++) {
    prob[i] /= D;
    flat[i] = 1. / N;
  }
  for (uint32_t run = 0; run < RUNS; run++)
    for (int uniform = 0; uniform < 2; uniform++) {
      Draw draw = { N, BUDGET, uniform ? flat : prob, { run + 1, 0 }, 0, index, times, weight, 0 };

      g_assert_true (draw_repeated (&draw, NULL));
      mean[uniform] += excess (N, D, a, y, &draw, least) / RUNS;
    }
  g_test_message ("excess loss %.3f by leverage, %.3f uniform", mean[0], mean[1]);
  g_assert_cmpfloat (mean[0], <, mean[1] / 2);
  g_assert_cmpfloat (mean[0], >, 0.06);
  g_assert_cmpfloat (mean[0], <, 0.2);
  lode_threads_free (threads);
}

/* ReLU features of random projections of one latent: T against the number of models, within 5 % of
 * values from NumPy; of a latent each, T grows faster. */
static void
test_total (void)
{
  enum { N = 10000, D = 64, LATENT = 48, K = 20 };
  static const uint32_t at[] = { 1, 2, 5, 10, 20 };
  static const double shared[] = { 64, 70.8, 79.2, 84.4, 89.1 };
  LodeThreads *threads = lode_threads_new (2);
  g_autofree float *latent = g_new (float, N *LATENT), *a = g_new (float, N *D);
  float projection[LATENT][D];

  for (int kind = 0; kind < 2; kind++) {
    g_autofree double *most = g_new0 (double, N), *w = g_new (double, N);
    g_autoptr (LodeRows) rows = lode_rows_memory ("rows", N, D, false, a);
    LodeRng rng = { .key = 20 };

    for (uint32_t k = 0, next = 0; k < K; k++) {
      double total = 0;

      for (uint32_t i = 0; (k == 0 || kind) && i < N * LATENT; i++)
        latent[i] = (float) lode_rng_normal (&rng);
      for (uint32_t i = 0; i < LATENT * D; i++)
        projection[i / D][i % D] = (float) lode_rng_normal (&rng);
      cblas_sgemm (CblasRowMajor, CblasNoTrans, CblasNoTrans, N, D, LATENT, 1, latent, LATENT,
                   projection[0], D, 0, a, D);
      for (uint32_t i = 0; i < N * D; i++)
        a[i] = MAX (a[i], 0);
      g_assert_true (lode_lewis_weights (rows, &(LodeLewisSpec){ .p = 2 }, threads, w, NULL, NULL));
      for (uint32_t i = 0; i < N; i++)
        total += most[i] = MAX (most[i], w[i]);
      if (k + 1 != at[next])
        continue;
      g_test_message ("%u models: %.1f", k + 1, total);
      if (kind == 0)
        g_assert_cmpfloat (fabs (total / shared[next] - 1), <=, 0.05);
      else
        g_assert_cmpfloat (total, >=, shared[next] * (k ? 1.03 : 0.999));
      g_assert_cmpfloat (total, <=, (k + 1) * D * 1.0001);
      next++;
    }
  }
  lode_threads_free (threads);
}

static void
refuse (World *world, const char *options, uint32_t budget, const char *words)
{
  g_auto (Picked) p = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_false (pick (world, options, budget, &p, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static void
test_refusals (void)
{
  World world = pair (), other = pair (), bad = pair (), sparse = pair (), done = pair ();
  float broken[6][2], spare[6][2] = { { 1, 0 }, { 0, 1 } };
  static const int32_t label[6] = { 0 };

  refuse (&world, "", 7, "7 examples asked for, the pool has 6");
  other.count[1] = 5;
  refuse (&other, "", 3, "model 1 has features of 5 examples, the pool has 6");
  memcpy (broken, one, sizeof broken);
  broken[4][1] = NAN;
  bad.features[1] = broken[0];
  refuse (&bad, "", 3, "row 4, column 1");
  sparse.models = 1;
  sparse.features[0] = spare[0];
  refuse (&sparse, "intercept=false", 3, "3 examples asked for, 2 of 6 have a weight");
  done.label = label;
  refuse (&done, "", 1, "labelled already");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  lode_blas_prepare ();
  g_test_add_func ("/lewis/two-models", test_two_models);
  g_test_add_func ("/lewis/models", test_models);
  g_test_add_func ("/lewis/prefix", test_prefix);
  g_test_add_func ("/lewis/labelled", test_labelled);
  g_test_add_func ("/lewis/unbiased", test_unbiased);
  g_test_add_func ("/lewis/expected", test_expected);
  g_test_add_func ("/lewis/beats-uniform", test_beats_uniform);
  g_test_add_func ("/lewis/total", test_total);
  g_test_add_func ("/lewis/refusals", test_refusals);
  return g_test_run ();
}

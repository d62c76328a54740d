/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group `robust`: nothing, one, the largest, what is not a number, and scores that fail. A plugin
 * does its work or refuses with a reason; it neither dies nor spoils what lies beside.
 */
#include "guard.h"
#include "world.h"

#include "backbone.h"
#include "linalg/rows.h"

enum { K = 5, ROWS = 12, BAD_ROW = 4 };

static const double many_counts[] = { 40, 30, 20, 10, 5 };

typedef struct Loss {
  World *world;
  const LodeLossOps *ops;
  LodeCriterion criterion;
  bool real;
} Loss;

/* NULL error: it refuses such targets. count: [k] */
static bool
loss_prepare (Loss *loss, uint32_t k)
{
  g_autofree double *count = g_new (double, k);
  g_autoptr (GError) error = NULL;

  for (uint32_t c = 0; c < k; c++)
    count[c] = many_counts[c % K];
  return lode_criterion_prepare (&loss->criterion, loss->ops, loss->world->instance, k,
                                 loss->real ? NULL : count, &error);
}

/* value: [n], grad: [n][k]; logit: [n][k] stands for targets and teacher too. */
static void
loss_run (const Loss *loss, uint32_t n, const float *logit, float *value, float *grad)
{
  uint32_t k = loss->criterion.k;
  g_autofree int32_t *label = g_new0 (int32_t, n + 1);
  g_autofree float *target = g_new0 (float, (size_t) n *k + 1);
  LodeBatch batch = { .size = sizeof batch, .n = n, .key = 7 };

  for (uint32_t i = 0; i < n; i++) {
    label[i] = (int32_t) (i % k);
    target[(size_t) i * k + i % k] = 1;
  }
  batch.label = loss->real ? NULL : label;
  batch.target = loss->real ? target : NULL;
  lode_criterion_run (&loss->criterion, lode_engine_threads (loss->world->shared.engine), &batch,
                      logit, loss->ops->needs & LODE_TEACHER ? target : NULL, 0, value, grad);
}

static float *
loss_logits (Check *check, size_t n)
{
  LodeRng rng = check_rng (check, "robust", n);
  float *logit = g_new (float, n + 1);

  for (size_t i = 0; i < n; i++)
    logit[i] = (float) lode_rng_normal (&rng);
  return logit;
}

/* One row holds `bad`: the others keep their bits. A NaN shows in its own row, or a run that went
 * astray would go on unseen. */
static bool
loss_spoil (const Loss *loss, float bad)
{
  Check *check = loss->world->check;
  g_autofree float *logit = loss_logits (check, ROWS * K);
  float value[2][ROWS], grad[2][ROWS * K];
  bool seen = false;

  loss_run (loss, ROWS, logit, value[0], grad[0]);
  for (uint32_t c = 0; c < K; c++)
    logit[BAD_ROW * K + c] = bad;
  loss_run (loss, ROWS, logit, value[1], grad[1]);
  for (uint32_t i = 0; i < ROWS; i++)
    if (i != BAD_ROW
        && (memcmp (&value[0][i], &value[1][i], sizeof (float))
            || memcmp (&grad[0][i * K], &grad[1][i * K], K * sizeof (float))))
      return check_fail (check,
                         "expected logits of %g in one row to leave the others alone, found row %u "
                         "changed from %.9g to %.9g",
                         (double) bad, i, (double) value[0][i], (double) value[1][i]);
  for (uint32_t c = 0; c < K; c++)
    seen |= !isfinite (grad[1][BAD_ROW * K + c]);
  if (isnan (bad) && !seen && isfinite (value[1][BAD_ROW]))
    return check_fail (check,
                       "expected logits that are NaN to show in value or gradient, found %g: a run "
                       "that diverged would go on",
                       (double) value[1][BAD_ROW]);
  return true;
}

/* Many classes, and many rows: finite. */
static bool
loss_large (Loss *loss, uint32_t n, uint32_t k)
{
  Check *check = loss->world->check;
  size_t all = (size_t) n * k;
  g_autofree float *logit = NULL, *value = NULL, *grad = NULL;

  if (!loss_prepare (loss, k))
    return true;
  logit = loss_logits (check, all);
  value = g_new0 (float, n + 1);
  grad = g_new0 (float, all + 1);
  loss_run (loss, n, logit, value, grad);
  for (uint32_t i = 0; i < n; i++)
    if (!isfinite (value[i]) || !isfinite (grad[(size_t) i * k]))
      return check_fail (check,
                         "expected finite values of %u rows of %u logits, found %g in row %u", n, k,
                         (double) value[i], i);
  return true;
}

static void
loss_empty (void *data)
{
  const Loss *loss = data;
  const LodeLossIn in = { .size = sizeof in, .k = loss->criterion.k };

  loss->ops->rows (loss->world->instance, &in, NULL, NULL);
}

static bool
loss_all (Loss *loss)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY, 3e38f };
  g_autoptr (Guards) guards = guards_new (GUARD_BEFORE);

  if (!loss_prepare (loss, K))
    return true;
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    if (!loss_spoil (loss, bad[i]))
      return false;
  if (loss->ops->rows && !guards_run (guards, loss->world->check, loss_empty, loss))
    return false;
  return loss_large (loss, 200000, K) && loss_large (loss, 3, 50000) && loss_large (loss, 9, 2);
}

static void
test_loss (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);

  for (int real = 0; world && real < 2; real++) {
    Loss loss = { .world = world, .ops = world->ops, .real = real };

    if (!loss_all (&loss))
      return;
    lode_criterion_clear (&loss.criterion);
  }
}

typedef struct Pool {
  LodePool base;
  uint32_t count, classes;
  bool shows;     /* its labels */
  uint64_t asked; /* labels */
} Pool;

static uint32_t
pool_count (const LodePool *pool)
{
  return ((const Pool *) pool)->count;
}

static uint32_t
pool_classes (const LodePool *pool)
{
  return ((const Pool *) pool)->classes;
}

static int32_t
pool_label (const LodePool *base, uint32_t i)
{
  Pool *pool = (Pool *) (uintptr_t) base;

  pool->asked++;
  return pool->shows && i < pool->count && pool->classes ? (int32_t) (i % pool->classes) : -1;
}

static float
pool_weight (const LodePool *pool, uint32_t i)
{
  (void) pool;
  (void) i;
  return 1;
}

static int32_t
pool_group (const LodePool *pool, uint32_t i)
{
  (void) pool;
  (void) i;
  return -1;
}

/* Features of a pool: an integer of −8 to 7 in each place, the same every time. */
typedef struct Features {
  LodeSource source;
  float *row; /* [LODE_PANEL][WIDTH] */
} Features;

enum { WIDTH = 8 };

static const void *
features_panel (LodeSource *source, uint32_t first, uint32_t n, GError **error)
{
  Features *features = (Features *) source;

  (void) error;
  for (uint32_t i = 0; i < n * WIDTH; i++)
    features->row[i] = (float) (((first * WIDTH + i) * 2654435761u >> 28)) - 8;
  return features->row;
}

static void
features_clear (LodeSource *source)
{
  g_free (((Features *) source)->row);
}

static LodeRows *
pool_rows (const LodePool *pool, uint32_t what, uint32_t model, GError **error)
{
  Features *features = g_new0 (Features, 1);

  (void) what;
  (void) model;
  (void) error;
  lode_source_init (&features->source, "features", pool_count (pool), WIDTH, false);
  features->row = g_new (float, (size_t) LODE_PANEL *WIDTH);
  features->source.panel = features_panel;
  features->source.clear = features_clear;
  return &features->source.base;
}

static uint32_t
pool_models (const LodePool *pool)
{
  (void) pool;
  return 1;
}

static const LodePoolCalls pool_calls = { .size = sizeof (LodePoolCalls),
                                          .count = pool_count,
                                          .classes = pool_classes,
                                          .label = pool_label,
                                          .weight = pool_weight,
                                          .group = pool_group,
                                          .models = pool_models,
                                          .rows = pool_rows };

static Pool
pool_of (const LodeSamplerOps *ops, uint32_t count, uint32_t classes)
{
  return (Pool){ { &pool_calls }, count, classes, (ops->needs & LODE_LABELS) != 0, 0 };
}

/* Legal picks, or an error with a reason. */
static bool
pick (World *world, LodeSampler *sampler, const LodeAsk *ask, LodePicks *picks, const char *what)
{
  g_autofree bool *seen = g_new0 (bool, picks->room + 1);
  GError *error = NULL;

  picks->n = 0;
  for (uint32_t i = 0; i < picks->room; i++) {
    picks->index[i] = UINT32_MAX;
    picks->times[i] = 1;
    picks->weight[i] = 1;
  }
  if (!((const LodeSamplerOps *) world->ops)->select (sampler, ask, picks, &error))
    return check_refusal (world->check, what, error);
  if (picks->room == 0 && picks->n == 0)
    return true;
  if (picks->n == 0 || picks->n > picks->room)
    return check_fail (world->check, "%s: expected 1 … %u picks or a refusal, found %u", what,
                       picks->room, picks->n);
  for (uint32_t i = 0; i < picks->n; i++) {
    if (picks->index[i] >= picks->room || seen[picks->index[i]])
      return check_fail (world->check,
                         "%s: expected indices below %u, each once, found %u at pick %u", what,
                         picks->room, picks->index[i], i);
    if (!isfinite (picks->weight[i]) || picks->weight[i] < 0)
      return check_fail (world->check, "%s: expected finite weights of at least 0, found %g", what,
                         (double) picks->weight[i]);
    seen[picks->index[i]] = true;
  }
  return true;
}

/* Rows of nothing, then rows of numbers that are none. */
static void
observe_nonsense (World *world, LodeSampler *sampler, const LodePicks *picks, uint32_t k)
{
  static const float bad[] = { NAN, INFINITY, -INFINITY, 0 };
  const LodeSamplerOps *ops = world->ops;
  g_autofree float *prob = g_new (float, k + 1);
  LodeSeen seen = { .size = sizeof seen, .k = k };

  if (!ops->observe || picks->n == 0)
    return;
  ops->observe (sampler, &seen);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++) {
    int32_t label = (int32_t) (picks->index[0] % MAX (k, 1));

    for (uint32_t c = 0; c < k; c++)
      prob[c] = bad[i];
    seen = (LodeSeen){ sizeof seen, 1, k, picks->index, &label, prob, &bad[i] };
    ops->observe (sampler, &seen);
  }
}

static bool
try_pool (World *world, Pool *pool, const char *what)
{
  static const double valid[] = { NAN, 0.5, INFINITY, -INFINITY };
  const LodeSamplerOps *ops = world->ops;
  g_autofree uint32_t *index = g_new (uint32_t, pool->count + 1),
                      *times = g_new (uint32_t, pool->count + 1);
  g_autofree float *weight = g_new (float, pool->count + 1);
  LodePicks picks = { sizeof picks, pool->count, 0, index, times, weight };
  GError *error = NULL;
  LodeSampler *sampler = ops->create (&world->host->base, world->conf, &pool->base, &error);
  bool ok = true;

  if (!sampler)
    return check_refusal (world->check, what, error);
  for (uint32_t i = 0; ok && i < G_N_ELEMENTS (valid); i++) {
    LodeAsk ask = { .size = sizeof ask, .phase = "search", .valid = valid[i] };

    ask.epoch = ops->when == LODE_WHEN_EPOCH ? i : 0;
    ask.round = ops->when == LODE_WHEN_ROUND ? i : 0;
    ok = pick (world, sampler, &ask, &picks, what);
    if (ok)
      observe_nonsense (world, sampler, &picks, pool->classes);
  }
  ops->destroy (sampler);
  return ok;
}

static void
test_sampler (Check *check)
{
  static const struct {
    uint32_t count, classes;
    const char *what;
  } sizes[] = { { 0, 4, "a pool of no examples" },
                { 1, 4, "a pool of one example" },
                { 2, 2, "a pool of two examples" },
                { 9, 0, "a pool with real targets" },
                { 300000, 1000, "a pool of 300000 examples" } };
  g_autoptr (World) world = world_ready (check, 1);

  for (size_t i = 0; world && i < G_N_ELEMENTS (sizes); i++) {
    Pool pool = pool_of (world->ops, sizes[i].count, sizes[i].classes);

    if (!try_pool (world, &pool, sizes[i].what))
      return;
  }
}

/* A label is −1 to who did not declare that he reads labels; to ask is a mistake all the same. A
 * sampler of rounds may ask which labels were bought. */
static void
test_labels (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  const LodeSamplerOps *ops = check->loaded->ops;
  Pool pool = pool_of (ops, 60, 4);

  if (ops->needs & LODE_LABELS || ops->when == LODE_WHEN_ROUND)
    check_skip (check, "it declares that it reads labels");
  else if (world && try_pool (world, &pool, "a selection") && pool.asked > 0)
    check_fail (check,
                "expected it to read no label that it did not declare (its needs lack "
                "LODE_LABELS), found it asking for %" G_GUINT64_FORMAT " of a pool of %u",
                pool.asked, pool.count);
}

static bool
steps_with (Check *check, WorldScores scores, const char *what, bool *asks)
{
  g_autoptr (World) world = world_ready (check, 1);
  GError *error = NULL;

  if (!world)
    return false;
  world->scores = scores;
  if (world_work (world, 24, NULL, &error))
    error = NULL;
  *asks = world->scored > 0 || error;
  if (error && (error->domain == WORLD_ERROR || scores != SCORES_BREAK)) {
    g_autofree char *text = g_strdup (error->message);

    g_error_free (error);
    return check_fail (check, "expected it to go on %s, found: %s", what, text);
  }
  if (scores == SCORES_BREAK && *asks)
    return check_refusal (check, what, error);
  return true;
}

static void
test_failing (Check *check)
{
  bool asks = false;

  if (!(((const LodeSearchOps *) check->loaded->ops)->needs & LODE_SCORES))
    check_skip (check, "it asks for no scores");
  else if (steps_with (check, SCORES_FAIL, "where all scores fail", &asks)
           && steps_with (check, SCORES_FAIL_SOME, "where every other score fails", &asks))
    steps_with (check, SCORES_BREAK, "a step whose scoring breaks down", &asks);
}

/* Once it has said of how many units its work is, it takes no more. */
static void
test_budget (Check *check)
{
  enum { MOST = 100000, PATIENCE = 30 };
  g_autoptr (World) world = world_ready (check, 1);
  gint64 end = g_get_monotonic_time () + PATIENCE * G_USEC_PER_SEC;
  GError *error = NULL;
  uint32_t steps;

  if (!world)
    return;
  if (((const LodeSearchOps *) world->ops)->needs & LODE_SCORES)
    world->scores = SCORES_FAIL_SOME; /* quickly */
  for (steps = 0; steps < MOST && !world->ended && g_get_monotonic_time () < end; steps++)
    if (!world_work (world, 1, NULL, &error)) {
      check_fail_error (check, "a step", error);
      return;
    }
  if (!world->ended && steps < MOST)
    check_skip (check, "it goes on after %u steps and %d s", steps, PATIENCE);
  else if (!world->ended)
    check_fail (check, "expected it to end, found it going on after %u steps", steps);
}

static void
test_backbone (Check *check)
{
  static const float bad[] = { NAN, INFINITY, 3e38f };
  g_autoptr (World) world = world_ready (check, 1);
  g_autofree uint8_t *arch = world ? small_arch (world, 0) : NULL;
  LodeArchFamily family = world ? small_family (world) : (LodeArchFamily){ 0 };
  g_autofree uint64_t *mask = NULL;
  LodeChoice choice = { .size = sizeof choice };
  GError *error = NULL;
  Small small;

  if (!world)
    return;
  choice.mask = mask = g_new0 (uint64_t, lode_arch_space (&family)->n + 1);
  lode_space_one (lode_arch_space (&family), arch, mask);
  if (!small_open (&small, world, false, lode_arch_space (&family)->n ? &choice : NULL, &error))
    check_fail_error (check, "a net", error);
  for (size_t i = 0; small.batch && i < G_N_ELEMENTS (bad); i++) {
    LodeBatch batch = *small.batch;
    size_t n = (size_t) batch.shape.h * batch.shape.w * batch.shape.c;
    g_autofree float *pixel = g_new (float, n);
    LodePass pass = { .size = sizeof pass, .want = LODE_STORED };

    for (size_t p = 0; p < n; p++)
      pixel[p] = bad[i];
    batch.n = 1;
    batch.pixel = pixel;
    if (!lode_net_pass (small.net, &batch, NULL, &pass, &error)
        && !check_refusal (check, "a batch of one that is not a number", error))
      break;
    error = NULL;
  }
  small_close (&small);
}

static void
test_dataset (Check *check)
{
  g_autoptr (World) world = world_ready (check, 1);
  const LodeDatasetOps *ops = check->loaded->ops;
  LodeDataInfo info = { .size = sizeof info };
  GError *error = NULL;
  uint32_t count;
  g_autofree uint32_t *index = NULL;
  g_autofree int32_t *label = NULL;
  LodeExamples want = { .size = sizeof want };

  if (!world)
    return;
  ops->info (world->instance, &info);
  count = MIN (info.count[LODE_PART_TRAIN], 1u << 20);
  if (!ops->read (world->instance, LODE_PART_TRAIN, &want, &error)) {
    check_fail_error (check, "a read of no examples", error);
    return;
  }
  want.index = index = g_new (uint32_t, count + 1);
  want.label = label = g_new (int32_t, count + 1);
  for (want.n = 0; want.n < count; want.n++)
    index[want.n] = want.n;
  if (!info.classes)
    want.label = NULL;
  if (!ops->read (world->instance, LODE_PART_TRAIN, &want, &error))
    check_fail_error (check, "a read of the labels of all examples at once", error);
}

/* Digests of up to `most` examples of a part; NULL and the test has been told. Transfer full. */
static GPtrArray *
digests (World *world, const LodeDataInfo *info, uint32_t part, uint32_t most)
{
  size_t bytes = (size_t) info->shape.h * info->shape.w * info->shape.c
                 * (info->pixel == LODE_PIXEL_F32 ? 4 : 1);
  g_autofree uint8_t *pixel = g_malloc0 (bytes + 1);
  g_autoptr (GPtrArray) all = g_ptr_array_new_with_free_func (g_free);
  GError *error = NULL;

  for (uint32_t i = 0; i < MIN (info->count[part], most); i++) {
    LodeExamples want = { .size = sizeof want, .n = 1, .index = &i, .pixel = pixel };

    if (!((const LodeDatasetOps *) world->ops)->read (world->instance, part, &want, &error)) {
      check_fail_error (world->check, "a read", error);
      return NULL;
    }
    g_ptr_array_add (all, g_compute_checksum_for_data (G_CHECKSUM_SHA256, pixel, bytes));
  }
  return g_steal_pointer (&all);
}

/* How many of these are among those. */
static uint32_t
shared (const GPtrArray *these, const GPtrArray *those)
{
  g_autoptr (GHashTable) set = g_hash_table_new (g_str_hash, g_str_equal);
  uint32_t n = 0;

  for (guint i = 0; i < those->len; i++)
    g_hash_table_add (set, those->pdata[i]);
  for (guint i = 0; i < these->len; i++)
    n += g_hash_table_contains (set, these->pdata[i]);
  return n;
}

/* Opened again: the same examples in the same order; those of the test part are others. A few bytes
 * of pixels may well occur twice. */
static void
test_splits (Check *check)
{
  enum { LOOK = 1000, LEAST_BYTES = 16 };
  g_autoptr (World) world = world_ready (check, 1);
  g_autoptr (World) again = world ? world_ready (check, 1) : NULL;
  LodeDataInfo info = { .size = sizeof info };
  g_autoptr (GPtrArray) train = NULL;
  g_autoptr (GPtrArray) twice = NULL;
  g_autoptr (GPtrArray) test = NULL;

  if (!again)
    return;
  ((const LodeDatasetOps *) world->ops)->info (world->instance, &info);
  train = digests (world, &info, LODE_PART_TRAIN, LOOK);
  twice = train ? digests (again, &info, LODE_PART_TRAIN, LOOK) : NULL;
  test = twice ? digests (world, &info, LODE_PART_TEST, LOOK) : NULL;
  for (guint i = 0; test && i < train->len; i++)
    if (strcmp (train->pdata[i], twice->pdata[i])) {
      check_fail (check,
                  "expected the same examples in the same order when opened again, found example "
                  "%u to differ",
                  i);
      return;
    }
  if (test && test->len > 1 && (size_t) info.shape.h * info.shape.w * info.shape.c >= LEAST_BYTES
      && shared (test, train) * 2 > test->len)
    check_fail (check,
                "expected the test part to hold examples of its own, found %u of %u in the "
                "training part",
                shared (test, train), test->len);
}

const CheckTest check_robust_tests[] = {
  { "robust/loss", "loss",
    "takes no rows, many rows, many classes; NaN and Inf stay in their row, and show", test_loss },
  { "robust/sampler", "sampler",
    "picks from pools of one to 300000 or refuses; hears of NaN and goes on", test_sampler },
  { "robust/labels", "sampler", "reads no label that it did not declare", test_labels },
  { "robust/scores", "search", "goes on where scores fail, hands on why scoring broke down",
    test_failing },
  { "robust/budget", "search", "ends, and takes no more steps than it says", test_budget },
  { "robust/backbone", "backbone", "its nets take a batch of one, and inputs that are no numbers",
    test_backbone },
  { "robust/dataset", "dataset", "reads no examples, and all labels at once", test_dataset },
  { "robust/splits", "dataset",
    "gives the same examples in the same order when opened again, others for the test",
    test_splits },
  { NULL },
};

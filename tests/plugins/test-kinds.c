/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses, samplers, evaluators, executors and stages on the toy host; and what holds for every
 * plugin.
 */
#include "error.h"
#include "family.h"
#include "toy-host.h"

/* losses */
static void
test_ce (void)
{
  const LodeLossOps *ops = test_load ("loss", "ce")->ops;
  float scale[3] = { 1, 1, 1 }, shift[3] = { 0 }, margin[3] = { 0 }, weight[3] = { 1, 1, 1 };
  LodeClassTable table = {
    .size = sizeof table, .scale = scale, .shift = shift, .margin = margin, .weight = weight
  };
  const double count[3] = { 5, 1, 9 };
  g_autoptr (GError) error = NULL;
  LodeLoss *loss = ops->create (NULL, NULL, &error);

  g_assert_null (ops->rows);
  g_assert_true (ops->prepare (loss, 3, count, &table, &error));
  for (int c = 0; c < 3; c++)
    g_assert_true (scale[c] == 1 && shift[c] == 0 && margin[c] == 0 && weight[c] == 1);
  g_assert_false (table.by_label || table.cosine > 0);
  g_assert_false (ops->prepare (loss, 3, NULL, &table, &error));
  g_assert_nonnull (strstr (error->message, "mse"));
  ops->destroy (loss);
}

static double
mse_sum (const LodeLossOps *ops, const LodeLoss *loss, const LodeLossIn *in, float *grad)
{
  float value[2];

  ops->rows (loss, in, value, grad);
  return (double) value[0] + (double) value[1];
}

static void
test_mse (void)
{
  const LodeLossOps *ops = test_load ("loss", "mse")->ops;
  LodeLoss *loss = ops->create (NULL, NULL, NULL);
  float logit[6] = { 0.5f, -1, 2, 0, 3, 1 }, grad[6], other[6], value[2], spare[6];
  const float target[6] = { 0, 0, 1, 1, 0, 0 };
  const int32_t label[2] = { 2, 0 };
  LodeLossIn in = { .size = sizeof in, .n = 2, .k = 3, .logit = logit, .label = label };
  LodeLossIn real = { .size = sizeof in, .n = 2, .k = 3, .logit = logit, .target = target };

  g_assert_true (ops->prepare (loss, 3, NULL, NULL, NULL));
  ops->rows (loss, &in, value, grad);
  g_assert_cmpfloat_with_epsilon (value[0], (0.25 + 1 + 1) / 3, 1e-6);
  g_assert_cmpfloat_with_epsilon (value[1], (1.0 + 9 + 1) / 3, 1e-6);
  g_assert_cmpfloat_with_epsilon (mse_sum (ops, loss, &real, other),
                                  (double) value[0] + (double) value[1], 1e-6);
  g_assert_cmpmem (grad, sizeof grad, other, sizeof other);
  for (int i = 0; i < 6; i++) {
    float keep = logit[i];
    double up, down;

    logit[i] = keep + 0.125f;
    up = mse_sum (ops, loss, &in, spare);
    logit[i] = keep - 0.125f;
    down = mse_sum (ops, loss, &in, spare);
    logit[i] = keep;
    g_assert_cmpfloat_with_epsilon ((up - down) / 0.25, grad[i], 1e-5);
  }
  ops->destroy (loss);
}

/* samplers */
typedef struct Draw {
  uint32_t index[TOY_POOL], times[TOY_POOL];
  float weight[TOY_POOL];
  LodePicks picks;
} Draw;

static bool
draw (const char *name, double size, bool resample, LodeAsk ask, Draw *to, GError **error)
{
  const LodeLoaded *loaded = test_load ("sampler", name);
  const LodeSamplerOps *ops = loaded->ops;
  struct {
    double size;
    bool resample;
  } conf = { size, resample };
  Toy *toy = toy_new ();
  LodeSampler *sampler = ops->create (&toy->host, &conf, &toy->pool, error);
  bool ok;

  to->picks = (LodePicks){ .size = sizeof (LodePicks),
                           .room = TOY_POOL,
                           .index = to->index,
                           .times = to->times,
                           .weight = to->weight };
  ask.size = sizeof ask;
  ask.valid = NAN;
  ok = ops->select (sampler, &ask, &to->picks, error);
  ops->destroy (sampler);
  toy_free (toy);
  return ok;
}

static uint32_t
distinct (const Draw *at)
{
  bool seen[TOY_POOL] = { false };
  uint32_t n = 0;

  for (uint32_t i = 0; i < at->picks.n; i++) {
    g_assert_cmpuint (at->index[i], <, TOY_POOL);
    n += !seen[at->index[i]];
    seen[at->index[i]] = true;
  }
  return n;
}

static void
test_full (void)
{
  g_autoptr (GError) error = NULL;
  Draw all;

  g_assert_true (draw ("full", 0, false, (LodeAsk){ .epoch = 3 }, &all, &error));
  g_assert_cmpuint (all.picks.n, ==, TOY_POOL);
  g_assert_cmpuint (distinct (&all), ==, TOY_POOL);
  g_assert_true (draw ("full", 0, false, (LodeAsk){ .budget = TOY_POOL }, &all, &error));
  g_assert_false (draw ("full", 0, false, (LodeAsk){ .budget = 7 }, &all, &error));
  g_assert_nonnull (strstr (error->message, "7 of 50"));
}

static void
test_uniform (void)
{
  static const struct {
    double size;
    uint32_t budget, want;
  } golden[] = { { 0.1, 0, 5 },   { 1, 0, 50 },    { 12, 0, 12 },
                 { 0.001, 0, 1 }, { 0.1, 20, 20 }, { 50, 0, 50 } };
  g_autoptr (GError) error = NULL;
  Draw a, b;

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    g_assert_true (draw ("uniform", golden[i].size, false, (LodeAsk){ .budget = golden[i].budget },
                         &a, &error));
    g_assert_cmpuint (a.picks.n, ==, golden[i].want);
    g_assert_cmpuint (distinct (&a), ==, golden[i].want);
  }
  draw ("uniform", 20, false, (LodeAsk){ .epoch = 0 }, &a, NULL);
  draw ("uniform", 20, false, (LodeAsk){ .epoch = 4 }, &b, NULL);
  g_assert_cmpmem (a.index, 80, b.index, 80);
  draw ("uniform", 20, false, (LodeAsk){ .round = 1 }, &b, NULL);
  g_assert_true (memcmp (a.index, b.index, 80) != 0);
  draw ("uniform", 20, true, (LodeAsk){ .epoch = 0 }, &a, NULL);
  draw ("uniform", 20, true, (LodeAsk){ .epoch = 1 }, &b, NULL);
  g_assert_true (memcmp (a.index, b.index, 80) != 0);
  g_assert_false (draw ("uniform", 51, false, (LodeAsk){ 0 }, &a, &error));
  g_assert_nonnull (strstr (error->message, "51 examples asked for, the pool has 50"));
}

/* Every example is drawn about as often as any other. */
static void
test_uniform_is_uniform (void)
{
  uint32_t seen[TOY_POOL] = { 0 };
  Draw a;

  for (uint32_t epoch = 0; epoch < 2000; epoch++) {
    draw ("uniform", 10, true, (LodeAsk){ .epoch = epoch }, &a, NULL);
    for (uint32_t i = 0; i < a.picks.n; i++)
      seen[a.index[i]]++;
  }
  for (uint32_t i = 0; i < TOY_POOL; i++) { /* 400, six deviations of 18 */
    g_assert_cmpuint (seen[i], >, 290);
    g_assert_cmpuint (seen[i], <, 510);
  }
}

/* evaluators */
static const struct {
  const char *figure;
} by_accuracy = { "accuracy" };

typedef struct Shared {
  int64_t recalibrate;
  const char *figure;
} Shared;

static bool
score (Toy *toy, const char *name, const void *conf, double fidelity, LodeScore *to, GError **error)
{
  const LodeEvaluatorOps *ops = test_load ("evaluator", name)->ops;
  LodeEvaluator *evaluator = ops->create (&toy->host, conf, error);
  const uint8_t arch[TOY_DECISIONS] = { 1, 2 };
  bool ok;

  *to = (LodeScore){ .size = sizeof *to };
  ok = ops->score (evaluator, arch, 77, fidelity, to, error);
  ops->destroy (evaluator);
  return ok;
}

static void
test_train_score (void)
{
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  LodeScore found;

  g_assert_true (score (toy, "train", &by_accuracy, 1, &found, &error));
  g_assert_cmpuint (toy->fit_steps, ==, 10);
  g_assert_cmpuint (toy->net_id, ==, 77);
  g_assert_cmpfloat_with_epsilon (found.value, (toy->slope[1] + toy->slope[5]) / 10, 1e-12);
  g_assert_cmpuint (found.macs, ==, 101);
  g_assert_cmpuint (found.params, ==, 10);
  g_assert_cmpint (found.failed, ==, 0);
  g_assert_true (score (toy, "train", &by_accuracy, 0.3, &found, &error));
  g_assert_cmpuint (toy->fit_steps, ==, 13);
  toy_free (toy);
}

/* Diverging is a score; anything else is an error. */
static void
test_train_fails (void)
{
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  LodeScore found;

  g_set_error_literal (&toy->fit_error, LODE_RUN_ERROR, LODE_RUN_ERROR_NUMBER, "not finite");
  g_assert_true (score (toy, "train", &by_accuracy, 1, &found, &error));
  g_assert_cmpint (found.failed, !=, 0);
  g_assert_true (isinf (found.value) && found.value < 0);
  g_set_error_literal (&toy->fit_error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "disk full");
  g_assert_false (score (toy, "train", &by_accuracy, 1, &found, &error));
  g_assert_cmpstr (error->message, ==, "disk full");
  toy_free (toy);
}

static void
test_shared_score (void)
{
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  LodeNetIn in = { .size = sizeof in, .shared = true };
  const Shared batches = { 4, "accuracy" }, none = { 0, "accuracy" }, by_nll = { 0, "nll" };
  LodeScore found;
  LodeNet *net;

  g_assert_false (score (toy, "shared", &batches, 1, &found, &error));
  g_assert_nonnull (strstr (error->message, "no super-network"));
  g_clear_error (&error);
  net = lode_net_new (&toy->host, &in, NULL);
  g_assert_true (score (toy, "shared", &batches, 1, &found, &error));
  g_assert_cmpuint (toy->recalibrated, ==, 4);
  g_assert_cmpfloat_with_epsilon (found.value, (toy->slope[1] + toy->slope[5]) / 10, 1e-12);
  g_assert_true (score (toy, "shared", &none, 1, &found, &error));
  g_assert_cmpuint (toy->recalibrated, ==, 4);
  g_assert_true (score (toy, "shared", &by_nll, 1, &found, &error));
  g_assert_cmpfloat_with_epsilon (found.value, -(toy->slope[1] + toy->slope[5]) / 10, 1e-12);
  g_assert_cmpuint (toy->foreign_writes, ==, 0);
  lode_net_free (net);
  toy_free (toy);
}

/* executors */
static GBytes *
double_job (void *data, GBytes *job, GError **error)
{
  const uint8_t *x = g_bytes_get_data (job, NULL);
  uint8_t y = (uint8_t) (2 * *x);

  *(int *) data += 1;
  if (*x == 13) {
    g_set_error_literal (error, g_quark_from_static_string ("toy"), 0, "unlucky");
    return NULL;
  }
  return g_bytes_new (&y, 1);
}

static void
test_here (void)
{
  const LodeExecutorOps *ops = test_load ("executor", "here")->ops;
  GBytes *job[20], *result[20] = { NULL };
  g_autoptr (GError) error = NULL;
  int runs = 0;
  LodeExecutor *executor = ops->create (NULL, NULL, double_job, &runs, &error);

  for (uint8_t i = 0; i < 20; i++)
    job[i] = g_bytes_new (&i, 1);
  g_assert_true (ops->share (executor, "w", job[0], &error));
  g_assert_true (ops->map (executor, 13, job, result, &error));
  for (uint8_t i = 0; i < 13; i++) {
    g_assert_cmpuint (*(const uint8_t *) g_bytes_get_data (result[i], NULL), ==, 2 * i);
    g_clear_pointer (&result[i], g_bytes_unref);
  }
  g_assert_false (ops->map (executor, 20, job, result, &error));
  g_assert_cmpstr (error->message, ==, "unlucky");
  g_assert_cmpint (runs, ==, 13 + 14);
  for (int i = 0; i < 20; i++) {
    g_assert_null (result[i]);
    g_bytes_unref (job[i]);
  }
  ops->destroy (executor);
}

/* stages */
typedef struct Staged {
  Toy *toy;
  const LodeStageOps *ops;
  const LodeStateOps *state;
  LodeStage *stage;
  GPtrArray *owner;
  LodeProgress progress;
} Staged;

static Staged
stage_new (const char *name, Toy *toy, GError **error)
{
  const LodeLoaded *loaded = test_load ("stage", name);
  Staged at = {
    .toy = toy, .ops = loaded->ops, .state = loaded->state, .progress.size = sizeof (LodeProgress)
  };

  at.owner = g_ptr_array_new_with_free_func (g_free);
  at.stage = at.ops->create (&toy->host, test_conf (loaded, NULL, at.owner), error);
  return at;
}

static void
stage_steps (Staged *at, uint32_t n)
{
  g_autoptr (GError) error = NULL;

  for (uint32_t i = 0; i < n; i++) {
    g_assert_false (at->progress.end);
    at->ops->step (at->stage, &at->progress, &error);
    g_assert_no_error (error);
  }
}

static void
stage_free (Staged *at)
{
  at->ops->destroy (at->stage);
  g_ptr_array_unref (at->owner);
}

static void
test_search_stage (void)
{
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  const LodeLoaded *random = test_load ("search", "random");
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  LodeNode *group = test_group ();
  Staged at;

  test_set (group, "trials", 40);
  test_set (group, "batch", 10);
  toy->search_ops = random->ops;
  toy->search_conf = test_conf (random, group, owner);
  at = stage_new ("search", toy, &error);
  stage_steps (&at, 3);
  g_assert_cmpuint (g_hash_table_size (toy->result), ==, 0);
  stage_steps (&at, 1);
  g_assert_true (at.progress.end);
  g_assert_cmpuint (3 * toy->saved_arch[0] + toy->saved_arch[1], ==, 7);
  g_assert_cmpfloat (toy_value (toy->result, "macs"), ==, 102);
  g_assert_cmpfloat (toy_value (toy->result, "params"), ==, 10);
  stage_free (&at);
  toy_free (toy);
}

static void
test_train_stage (void)
{
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  Staged at = stage_new ("train", toy, &error);

  g_assert_cmpuint (toy->net->mask[0], ==, 1 << 1);
  g_assert_cmpuint (toy->net->mask[1], ==, 1 << 2);
  g_assert_false (toy->net->shared);
  stage_steps (&at, 9);
  g_assert_cmpuint (toy->saved_nets, ==, 0);
  stage_steps (&at, 1);
  g_assert_true (at.progress.end);
  g_assert_cmpuint (toy->saved_nets, ==, 1);
  g_assert_cmpfloat_with_epsilon (toy_value (toy->result, "valid_accuracy"),
                                  (toy->slope[1] + toy->slope[5]) / 10, 1e-12);
  stage_free (&at);
  toy_free (toy);
}

static void
test_train_without (void)
{
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  Staged at;

  toy->no_arch_port = true;
  at = stage_new ("train", toy, &error);
  g_assert_null (at.stage);
  g_assert_nonnull (strstr (error->message, "connect an architecture"));
  stage_free (&at);
  toy->no_space = toy->no_valid = true;
  g_clear_error (&error);
  at = stage_new ("train", toy, &error);
  g_assert_no_error (error);
  stage_steps (&at, 10);
  g_assert_cmpuint (toy->saved_nets, ==, 1);
  g_assert_cmpuint (toy->measured, ==, 0);
  g_assert_cmpuint (g_hash_table_size (toy->result), ==, 2);
  g_assert_cmpfloat (toy_value (toy->result, "params"), ==, 10);
  stage_free (&at);
  toy_free (toy);
}

static void
test_evaluate_stage (void)
{
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();
  Staged at = stage_new ("evaluate", toy, &error);

  g_assert_cmpuint (at.ops->rights, ==, LODE_RIGHT_TEST);
  stage_steps (&at, TOY_BATCHES);
  g_assert_true (at.progress.end);
  g_assert_cmpstr (toy->log->str, ==, "T:s T:s T:s T:s ");
  g_assert_cmpfloat (toy_value (toy->result, "test_accuracy"), ==, 0.5);
  g_assert_true (isfinite (toy_value (toy->result, "test_loss")));
  stage_free (&at);
  toy_free (toy);
}

static void
test_evaluate_resume (void)
{
  for (uint32_t stop = 0; stop < TOY_BATCHES; stop++) {
    g_autoptr (GError) error = NULL;
    Toy *whole_toy = toy_new (), *part_toy = toy_new (), *rest_toy = toy_new ();
    Staged whole = stage_new ("evaluate", whole_toy, &error),
           part = stage_new ("evaluate", part_toy, &error),
           rest = stage_new ("evaluate", rest_toy, &error);
    ToyStore *store = toy_store_new ();

    stage_steps (&whole, TOY_BATCHES);
    stage_steps (&part, stop);
    g_assert_false (rest.state->load (rest.stage, &store->base, &error));
    g_clear_error (&error);
    part.state->save (part.stage, &store->base);
    g_assert_true (rest.state->load (rest.stage, &store->base, &error));
    toy_carry_over (rest_toy, part_toy);
    stage_steps (&rest, TOY_BATCHES - stop);
    g_assert_true (rest.progress.end);
    g_assert_cmpfloat (toy_value (whole_toy->result, "test_loss"), ==,
                       toy_value (rest_toy->result, "test_loss"));
    g_assert_cmpfloat (toy_value (whole_toy->result, "test_accuracy"), ==,
                       toy_value (rest_toy->result, "test_accuracy"));
    stage_free (&whole);
    stage_free (&part);
    stage_free (&rest);
    toy_store_free (store);
    toy_free (whole_toy);
    toy_free (part_toy);
    toy_free (rest_toy);
  }
}

/* what holds for every plugin */
/* Those that begin without a file. */
static bool
is_ours (const char *id)
{
  return !g_str_has_prefix (id, "dataset/") && strcmp (id, "evaluator/table");
}

static void
test_descriptors (void)
{
  g_auto (GStrv) ids = lode_registry_names (test_registry (), NULL);

  g_assert_cmpuint (g_strv_length (ids), >=, 15);
  for (char **id = ids; *id; id++) {
    g_auto (GStrv) part = g_strsplit (*id, "/", 2);
    const LodeLoaded *loaded = test_load (part[0], part[1]);
    g_autofree char *wrong = lode_table_check (&loaded->table);

    g_assert_cmpstr (wrong, ==, NULL);
    g_assert_cmpstr (loaded->plugin->license, ==, "Apache-2.0");
    g_assert_true (loaded->plugin->summary && *loaded->plugin->summary
                   && !strchr (loaded->plugin->summary, '\n'));
    g_assert_true (!loaded->plugin->reference == !loaded->plugin->bibtex);
    g_assert_true (!loaded->plugin->bibtex || g_str_has_prefix (loaded->plugin->bibtex, "@"));
  }
}

static void *
create (const char *kind, const void *ops, Toy *toy, const void *conf, GError **error)
{
  LodeShape shape = { 8, 8, 3 };

  if (!strcmp (kind, "backbone"))
    return ((const LodeBackboneOps *) ops)->create (&toy->host, conf, &shape, error);
  if (!strcmp (kind, "loss"))
    return ((const LodeLossOps *) ops)->create (&toy->host, conf, error);
  if (!strcmp (kind, "sampler"))
    return ((const LodeSamplerOps *) ops)->create (&toy->host, conf, &toy->pool, error);
  if (!strcmp (kind, "search"))
    return ((const LodeSearchOps *) ops)->create (&toy->host, conf, &toy_space, error);
  if (!strcmp (kind, "evaluator"))
    return ((const LodeEvaluatorOps *) ops)->create (&toy->host, conf, error);
  if (!strcmp (kind, "executor"))
    return ((const LodeExecutorOps *) ops)->create (&toy->host, conf, double_job, NULL, error);
  return ((const LodeStageOps *) ops)->create (&toy->host, conf, error);
}

static void
destroy (const char *kind, const void *ops, void *instance)
{
  if (!strcmp (kind, "backbone"))
    ((const LodeBackboneOps *) ops)->destroy (instance);
  else if (!strcmp (kind, "loss"))
    ((const LodeLossOps *) ops)->destroy (instance);
  else if (!strcmp (kind, "sampler"))
    ((const LodeSamplerOps *) ops)->destroy (instance);
  else if (!strcmp (kind, "search"))
    ((const LodeSearchOps *) ops)->destroy (instance);
  else if (!strcmp (kind, "evaluator"))
    ((const LodeEvaluatorOps *) ops)->destroy (instance);
  else if (!strcmp (kind, "executor"))
    ((const LodeExecutorOps *) ops)->destroy (instance);
  else
    ((const LodeStageOps *) ops)->destroy (instance);
}

/* Made and destroyed a hundred times, two alive at once; destroy takes NULL; the host gets all
 * back. */
static void
test_life (void)
{
  g_auto (GStrv) ids = lode_registry_names (test_registry (), NULL);

  for (char **id = ids; *id; id++) {
    g_auto (GStrv) part = g_strsplit (*id, "/", 2);
    const LodeLoaded *loaded = test_load (part[0], part[1]);
    g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
    const LodeLoaded *random = test_load ("search", "random");
    void *conf, *before = NULL;
    Toy *toy;

    if (!is_ours (*id))
      continue;
    toy = toy_new ();
    toy->search_ops = random->ops;
    toy->search_conf = test_conf (random, NULL, owner);
    conf = test_conf (loaded, NULL, owner);
    destroy (part[0], loaded->ops, NULL);
    for (int i = 0; i < 100; i++) {
      g_autoptr (GError) error = NULL;
      void *instance = create (part[0], loaded->ops, toy, conf, &error);

      g_assert_no_error (error);
      g_assert_nonnull (instance);
      destroy (part[0], loaded->ops, before);
      before = instance;
    }
    destroy (part[0], loaded->ops, before);
    toy_free (toy);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/loss/ce", test_ce);
  g_test_add_func ("/loss/mse", test_mse);
  g_test_add_func ("/sampler/full", test_full);
  g_test_add_func ("/sampler/uniform", test_uniform);
  g_test_add_func ("/sampler/uniform-is-uniform", test_uniform_is_uniform);
  g_test_add_func ("/evaluator/train", test_train_score);
  g_test_add_func ("/evaluator/train-fails", test_train_fails);
  g_test_add_func ("/evaluator/shared", test_shared_score);
  g_test_add_func ("/executor/here", test_here);
  g_test_add_func ("/stage/search", test_search_stage);
  g_test_add_func ("/stage/train", test_train_stage);
  g_test_add_func ("/stage/train-without", test_train_without);
  g_test_add_func ("/stage/evaluate", test_evaluate_stage);
  g_test_add_func ("/stage/evaluate-resume", test_evaluate_resume);
  g_test_add_func ("/plugins/descriptors", test_descriptors);
  g_test_add_func ("/plugins/life", test_life);
  return g_test_run ();
}

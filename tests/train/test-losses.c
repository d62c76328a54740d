/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses: gradients against differences, the reduction worked out by hand, plugin rows, the same
 * bits for any number of threads, tables that are refused.
 */
#include "fake-loss.h"
#include <lode/rng.h>

/* A batch of random rows with a random table; weights of examples and classes differ from 1. */
typedef struct Batch {
  LodeBatch base; /* first */
  uint32_t k;
  float *logit, *weight, *target, *value, *grad;
  int32_t *label;
} Batch;

static float
draw (LodeRng *rng, double low, double high)
{
  return (float) (low + (high - low) * lode_rng_uniform (rng));
}

static Batch
batch_new (uint32_t n, uint32_t k, uint64_t key)
{
  LodeRng rng = { .key = key };
  Batch batch = { .base = { .size = sizeof (LodeBatch), .n = n, .key = key }, .k = k };

  batch.logit = g_new (float, n *k);
  batch.target = g_new (float, n *k);
  batch.weight = g_new (float, n);
  batch.value = g_new0 (float, n);
  batch.grad = g_new0 (float, n *k);
  batch.label = g_new (int32_t, n);
  for (uint32_t i = 0; i < n * k; i++) {
    batch.logit[i] = (float) (2 * lode_rng_normal (&rng));
    batch.target[i] = draw (&rng, 0, 1);
  }
  for (uint32_t i = 0; i < n; i++) {
    batch.weight[i] = draw (&rng, 0.2, 1.8);
    batch.label[i] = (int32_t) lode_rng_below (&rng, k);
  }
  batch.base.label = batch.label;
  batch.base.weight = batch.weight;
  return batch;
}

static void
batch_free (Batch *batch)
{
  g_free (batch->logit);
  g_free (batch->target);
  g_free (batch->weight);
  g_free (batch->value);
  g_free (batch->grad);
  g_free (batch->label);
}

static LodeLoss
random_loss (uint32_t k, uint64_t key)
{
  LodeRng rng = { .key = key };
  LodeLoss loss = loss_new (k);

  for (uint32_t c = 0; c < k; c++) {
    loss.scale[c] = draw (&rng, 0.4, 1.5);
    loss.shift[c] = draw (&rng, -1, 1);
    loss.margin[c] = draw (&rng, -0.5, 0.5);
    loss.weight[c] = draw (&rng, 0.1, 3);
  }
  return loss;
}

static LodeReduced
run_batch (const LodeCriterion *criterion, LodeThreads *threads, Batch *batch, double smoothing)
{
  return lode_criterion_run (criterion, threads, &batch->base, batch->logit, NULL, smoothing,
                             batch->value, batch->grad);
}

static double
batch_loss (const LodeCriterion *criterion, Batch *batch, double smoothing)
{
  g_autofree float *value = g_new (float, batch->base.n);

  return lode_reduced_mean (lode_criterion_run (criterion, one_thread (), &batch->base,
                                                batch->logit, NULL, smoothing, value, NULL));
}

/* Every gradient against a central difference of the batch's mean. */
static void
check_gradient (const LodeCriterion *criterion, Batch *batch, double smoothing)
{
  run_batch (criterion, one_thread (), batch, smoothing);
  for (uint32_t i = 0; i < batch->base.n * batch->k; i++) {
    float keep = batch->logit[i];
    volatile float up = keep + 0x1p-7f, down = keep - 0x1p-7f;
    double more, less;

    batch->logit[i] = up;
    more = batch_loss (criterion, batch, smoothing);
    batch->logit[i] = down;
    less = batch_loss (criterion, batch, smoothing);
    batch->logit[i] = keep;
    assert_near ((double) batch->grad[i], (more - less) / ((double) up - (double) down), 1e-4);
  }
}

static void
test_gradients (void)
{
  for (uint32_t trial = 0; trial < 6; trial++) {
    Batch batch = batch_new (7, 5, 100 + trial);
    LodeLoss loss = random_loss (5, trial);
    LodeCriterion criterion;

    loss.by_label = trial % 2;
    criterion = prepare (&loss, &table_ops, 5);
    check_gradient (&criterion, &batch, trial < 3 ? 0 : 0.15);
    batch.base.weight = NULL;
    batch.base.label = NULL; /* the targets as they are, their mass not 1 */
    batch.base.target = batch.target;
    check_gradient (&criterion, &batch, 0);
    lode_criterion_clear (&criterion);
    batch_free (&batch);
  }
}

/* Two rows with e = (2, ½), c = (3, 1): L = (2·3 l_0 + ½·1 l_1) / (3 + 1); without e it is the
 * weighted mean, without both the mean; batches add up. */
static void
test_reduction (void)
{
  Batch batch = batch_new (2, 4, 9);
  LodeLoss loss = loss_new (4), none = loss_new (4);
  LodeCriterion criterion, flat = prepare (&none, &table_ops, 4);
  LodeReduced both, part[2];

  batch.weight[0] = 2;
  batch.weight[1] = 0.5f;
  batch.label[0] = 1;
  batch.label[1] = 2;
  loss.weight[1] = 3;
  criterion = prepare (&loss, &table_ops, 4);
  both = run_batch (&criterion, one_thread (), &batch, 0);
  assert_near (lode_reduced_mean (both),
               (6 * (double) batch.value[0] + 0.5 * (double) batch.value[1]) / 4, 1e-12);
  batch.base.weight = NULL;
  assert_near (lode_reduced_mean (run_batch (&criterion, one_thread (), &batch, 0)),
               (3 * (double) batch.value[0] + (double) batch.value[1]) / 4, 1e-12);
  assert_near (lode_reduced_mean (run_batch (&flat, one_thread (), &batch, 0)),
               ((double) batch.value[0] + (double) batch.value[1]) / 2, 1e-12);
  batch.base.weight = batch.weight;
  for (uint32_t i = 0; i < 2; i++) {
    LodeBatch one = {
      .size = sizeof one, .n = 1, .label = batch.label + i, .weight = batch.weight + i
    };
    float value;

    part[i] = lode_criterion_run (&criterion, one_thread (), &one, batch.logit + 4 * i, NULL, 0,
                                  &value, NULL);
  }
  assert_near (part[0].sum + part[1].sum, both.sum, 1e-12);
  assert_near (part[0].weight + part[1].weight, both.weight, 1e-12);
  lode_criterion_clear (&criterion);
  lode_criterion_clear (&flat);
  batch_free (&batch);
}

static void
test_no_weight (void)
{
  Batch batch = batch_new (3, 4, 10);
  LodeLoss loss = loss_new (4);
  LodeCriterion criterion;
  LodeReduced reduced;

  memset (loss.weight, 0, sizeof loss.weight);
  batch.logit[5] = NAN; /* of no weight either */
  criterion = prepare (&loss, &table_ops, 4);
  reduced = run_batch (&criterion, one_thread (), &batch, 0);
  g_assert_cmpfloat (lode_reduced_mean (reduced), ==, 0);
  for (uint32_t i = 0; i < 12; i++)
    g_assert_cmpfloat ((double) batch.grad[i], ==, 0);
  lode_criterion_clear (&criterion);
  batch_free (&batch);
}

/* Logits that overflow a naive exponential. */
static void
test_extremes (void)
{
  const float z[] = { 30000, -30000, 1e30f, 0, 88, 89, -INFINITY, 3 };
  const int32_t label[] = { 1, 0, 1, 1 };
  LodeBatch batch = { .size = sizeof batch, .n = 4, .label = label };
  LodeLoss loss = loss_new (2);
  LodeCriterion criterion = prepare (&loss, &table_ops, 2);
  float value[4], grad[8], prob[8];

  lode_criterion_run (&criterion, one_thread (), &batch, z, NULL, 0, value, grad);
  assert_near ((double) value[0], 60000, 1e-7);
  assert_near ((double) value[1], 0, 1e-12);
  assert_near ((double) value[2], log1p (exp (-1)), 1e-7);
  assert_near ((double) value[3], 0, 1e-12);
  assert_near ((double) grad[0], 0.25, 1e-7);
  assert_near ((double) grad[1], -0.25, 1e-7);
  g_assert_cmpfloat ((double) grad[6], ==, 0);
  lode_softmax (one_thread (), 4, 2, z, prob);
  assert_near ((double) prob[0], 1, 0);
  assert_near ((double) prob[4], 1 / (1 + exp (1)), 1e-7);
  assert_near ((double) prob[6], 0, 0);
  lode_criterion_clear (&criterion);
}

/* A plugin's rows: half of Σ (z − t)² by class, or by real targets, with noise at its key. */
static void
square_rows (const LodeLoss *loss, const LodeLossIn *in, float *value, float *grad)
{
  for (uint32_t i = 0; i < in->n; i++) {
    LodeRng rng = { .key = in->key, .n = i };
    double noise = loss ? lode_rng_uniform (&rng) : 0, sum = 0;

    for (uint32_t c = 0; c < in->k; c++) {
      size_t at = (size_t) i * in->k + c;
      double t = in->target ? (double) in->target[at] : in->label[i] == (int32_t) c;
      double off = (double) in->logit[at] - t;

      if (in->teacher)
        off += (double) in->teacher[at];
      sum += off * off / 2;
      grad[at] = (float) off;
    }
    value[i] = (float) (sum + noise);
  }
}

static const LodeLossOps rows_ops = { .size = sizeof rows_ops,
                                      .prepare = fake_prepare,
                                      .rows = square_rows };

static void
test_rows (void)
{
  Batch batch = batch_new (6, 3, 11);
  LodeLoss loss = random_loss (3, 4);
  LodeCriterion criterion = prepare (&loss, &rows_ops, 3);
  double weight = 0, sum = 0;
  LodeReduced reduced = run_batch (&criterion, one_thread (), &batch, 0.3);

  for (uint32_t i = 0; i < 6; i++) {
    LodeRng rng = { .key = batch.base.key, .n = i };
    double own = 0, c = (double) loss.weight[batch.label[i]];

    for (uint32_t j = 0; j < 3; j++)
      own += pow ((double) batch.logit[3 * i + j] - (batch.label[i] == (int32_t) j), 2) / 2;
    own += lode_rng_uniform (&rng);
    assert_near ((double) batch.value[i], own, 1e-6);
    weight += c;
    sum += (double) batch.weight[i] * c * own;
  }
  assert_near (reduced.weight, weight, 1e-9);
  assert_near (reduced.sum, sum, 1e-6);
  for (uint32_t i = 0; i < 18; i++) {
    double off = (double) batch.logit[i] - (batch.label[i / 3] == (int32_t) (i % 3));
    double c = (double) loss.weight[batch.label[i / 3]];

    assert_near ((double) batch.grad[i], off * (double) batch.weight[i / 3] * c / weight, 1e-6);
  }
  lode_criterion_clear (&criterion);
  batch_free (&batch);
}

/* Real targets: class weights are 1; a teacher's logits arrive; no instance is needed. */
static void
test_real_targets (void)
{
  Batch batch = batch_new (500, 9, 12);
  LodeCriterion criterion = prepare (NULL, &rows_ops, 9);
  g_autofree float *teacher = g_memdup2 (batch.target, 500 * 9 * sizeof (float));
  LodeReduced reduced;

  batch.base.label = NULL;
  batch.base.target = batch.target;
  reduced = lode_criterion_run (&criterion, one_thread (), &batch.base, batch.logit, teacher, 0,
                                batch.value, batch.grad);
  g_assert_cmpfloat (reduced.weight, ==, 500);
  for (uint32_t i = 0; i < 500; i++) {
    double own = 0;

    for (uint32_t c = 0; c < 9; c++) {
      double z = (double) batch.logit[9 * i + c];

      own += z * z / 2;
      assert_near ((double) batch.grad[9 * i + c], z * (double) batch.weight[i] / 500, 1e-6);
    }
    assert_near ((double) batch.value[i], own, 1e-6);
  }
  lode_criterion_clear (&criterion);
  batch_free (&batch);
}

/* One batch with 1, 2 and 4 threads; prob is included. n is no multiple of a chunk. */
static void
check_threads (const LodeCriterion *criterion, uint32_t n, uint32_t k)
{
  Batch batch = batch_new (n, k, 13);
  size_t bytes = (size_t) n * k * sizeof (float);
  g_autofree float *prob = g_malloc (bytes), *grad = g_malloc (bytes);
  g_autofree float *value = g_new (float, n), *same = g_malloc (bytes);
  LodeReduced first = run_batch (criterion, one_thread (), &batch, 0.1);

  memcpy (grad, batch.grad, bytes);
  memcpy (value, batch.value, n * sizeof (float));
  lode_softmax (one_thread (), n, k, batch.logit, prob);
  for (uint32_t count = 2; count <= 4; count += 2) {
    LodeThreads *threads = lode_threads_new (count);
    LodeReduced reduced = run_batch (criterion, threads, &batch, 0.1);

    lode_softmax (threads, n, k, batch.logit, same);
    g_assert_cmpmem (&reduced, sizeof reduced, &first, sizeof first);
    g_assert_cmpmem (batch.grad, bytes, grad, bytes);
    g_assert_cmpmem (batch.value, n * sizeof (float), value, n * sizeof (float));
    g_assert_cmpmem (same, bytes, prob, bytes);
    lode_threads_free (threads);
  }
  batch_free (&batch);
}

static void
test_threads (void)
{
  LodeLoss loss = random_loss (10, 3);
  LodeCriterion table = prepare (&loss, &table_ops, 10), rows = prepare (&loss, &rows_ops, 10);

  check_threads (&table, 1500, 10);
  check_threads (&rows, 1500, 10);
  lode_criterion_clear (&table);
  lode_criterion_clear (&rows);
}

/* Chunks draw noise of their own: no value comes twice. */
static void
test_chunk_keys (void)
{
  Batch batch = batch_new (2000, 10, 14);
  LodeLoss loss = loss_new (10);
  LodeCriterion rows = prepare (&loss, &rows_ops, 10);
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  memset (batch.logit, 0, 2000 * 10 * sizeof (float));
  run_batch (&rows, one_thread (), &batch, 0);
  for (uint32_t i = 0; i < 2000; i++)
    g_hash_table_add (seen, GUINT_TO_POINTER ((guint) (batch.value[i] * 0x1p22f)));
  g_assert_cmpuint (g_hash_table_size (seen), >, 1990);
  lode_criterion_clear (&rows);
  batch_free (&batch);
}

static void
assert_refused (LodeCriterion *criterion, LodeLoss *loss, int code, const char *text)
{
  g_autoptr (GError) error = NULL;
  LodeCriterion before = *criterion;

  g_assert_false (lode_criterion_prepare (criterion, &table_ops, loss, 4, NULL, &error));
  g_assert_error (error, LODE_RUN_ERROR, code);
  if (!strstr (error->message, text))
    g_error ("\"%s\" does not mention \"%s\"", error->message, text);
  g_assert_cmpmem (criterion, sizeof before, &before, sizeof before);
}

/* A bad table is refused by name, and what was prepared before still serves. */
static void
test_bad_tables (void)
{
  LodeLoss good = loss_new (4), bad;
  LodeCriterion criterion = prepare (&good, &table_ops, 4);

#define WITH(member, value, code, text)                                                            \
  G_STMT_START                                                                                     \
  {                                                                                                \
    bad = loss_new (4);                                                                            \
    bad.member = value;                                                                            \
    assert_refused (&criterion, &bad, code, text);                                                 \
  }                                                                                                \
  G_STMT_END
  WITH (scale[2], NAN, LODE_RUN_ERROR_NUMBER, "scale of class 2");
  WITH (shift[0], -INFINITY, LODE_RUN_ERROR_NUMBER, "shift of class 0");
  WITH (margin[3], INFINITY, LODE_RUN_ERROR_NUMBER, "margin of class 3");
  WITH (weight[1], NAN, LODE_RUN_ERROR_NUMBER, "weight of class 1");
  WITH (weight[1], -0.5f, LODE_RUN_ERROR_CONFIG, "weight of class 1 is -0.5");
  WITH (cosine, -1, LODE_RUN_ERROR_CONFIG, "cosine");
  WITH (cosine, NAN, LODE_RUN_ERROR_NUMBER, "cosine");
  WITH (fails, true, LODE_RUN_ERROR_CONFIG, "does not say why");
#undef WITH
  good.cosine = 30;
  good.by_label = true;
  g_assert_true (lode_criterion_prepare (&criterion, &table_ops, &good, 3, NULL, NULL));
  g_assert_cmpuint (criterion.k, ==, 3);
  g_assert_true (criterion.table.by_label && criterion.table.cosine == 30);
  lode_criterion_clear (&criterion);
  g_assert_null (criterion.memory);
  lode_criterion_clear (&criterion);
}

static void
test_correct (void)
{
  const float z[] = { 1, 2, 2, 3, 3, 3, NAN, 1, 0, 0, NAN, 1, -1, -INFINITY, -2 };
  const int32_t label[] = { 1, 0, 0, 2, 0 }, other[] = { 2, 1, 1, 1, 2 };

  g_assert_cmpuint (lode_correct (5, 3, z, label), ==, 3);
  g_assert_cmpuint (lode_correct (5, 3, z, other), ==, 0);
  g_assert_cmpuint (lode_correct (0, 3, z, label), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses/gradients", test_gradients);
  g_test_add_func ("/losses/reduction", test_reduction);
  g_test_add_func ("/losses/no-weight", test_no_weight);
  g_test_add_func ("/losses/extremes", test_extremes);
  g_test_add_func ("/losses/rows", test_rows);
  g_test_add_func ("/losses/real-targets", test_real_targets);
  g_test_add_func ("/losses/threads", test_threads);
  g_test_add_func ("/losses/chunk-keys", test_chunk_keys);
  g_test_add_func ("/losses/bad-tables", test_bad_tables);
  g_test_add_func ("/losses/correct", test_correct);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Searches on the toy host: order of passes, first updates worked out by hand, resuming, best
 * answers.
 */
#include "family.h"
#include "toy-host.h"

typedef struct Run {
  Toy *toy;
  const LodeSearchOps *ops;
  const LodeStateOps *state;
  LodeSearch *search;
  GPtrArray *owner;
  LodeProgress progress;
} Run;

/* group: taken over, or NULL */
static Run *
run_new (const char *name, LodeNode *group)
{
  const LodeLoaded *loaded = test_load ("search", name);
  g_autoptr (GError) error = NULL;
  Run *run = g_new0 (Run, 1);

  run->owner = g_ptr_array_new_with_free_func (g_free);
  run->toy = toy_new ();
  run->ops = loaded->ops;
  run->state = loaded->state;
  run->search =
      run->ops->create (&run->toy->host, test_conf (loaded, group, run->owner), &toy_space, &error);
  run->progress.size = sizeof run->progress;
  g_assert_no_error (error);
  return run;
}

static void
run_free (Run *run)
{
  run->ops->destroy (run->search);
  toy_free (run->toy);
  g_ptr_array_unref (run->owner);
  g_free (run);
}

static void
run_steps (Run *run, uint32_t n)
{
  g_autoptr (GError) error = NULL;

  for (uint32_t i = 0; i < n; i++) {
    run->ops->step (run->search, &run->progress, &error);
    g_assert_no_error (error);
  }
}

static ToyStore *
run_save (const Run *run)
{
  ToyStore *store = toy_store_new ();

  run->state->save (run->search, &store->base);
  return store;
}

static void
run_load (Run *run, const ToyStore *store)
{
  g_autoptr (GError) error = NULL;

  run->state->load (run->search, &store->base, &error);
  g_assert_no_error (error);
}

static void
assert_same_store (const ToyStore *x, const ToyStore *y)
{
  GHashTableIter iter;
  gpointer name, bytes;

  g_assert_cmpuint (g_hash_table_size (x->at), ==, g_hash_table_size (y->at));
  g_hash_table_iter_init (&iter, x->at);
  while (g_hash_table_iter_next (&iter, &name, &bytes))
    if (!g_bytes_equal (bytes, g_hash_table_lookup (y->at, name)))
      g_error ("array %s differs", (char *) name);
}

/* All arrays of two searches are the same bytes. */
static void
assert_same_state (const Run *a, const Run *b)
{
  ToyStore *x = run_save (a), *y = run_save (b);

  assert_same_store (x, y);
  toy_store_free (x);
  toy_store_free (y);
}

static void
read_alpha (const Run *run, double *alpha)
{
  ToyStore *store = run_save (run);

  g_assert_true (toy_store_get (&store->base, "alpha", LODE_TYPE_F64, TOY_OPTIONS, alpha, NULL));
  toy_store_free (store);
}

static LodeNode *
order (int64_t number)
{
  LodeNode *group = test_group ();

  test_set (group, "order", number);
  return group;
}

static void
test_passes (void)
{
  LodeNode *group = order (1);
  Run *first = run_new ("darts", order (1)), *second = run_new ("darts", order (2)), *warm;

  test_set (group, "warmup", 1);
  warm = run_new ("darts", group);
  run_steps (first, 1);
  g_assert_cmpstr (first->toy->log->str, ==, "A:g W:wot ");
  run_steps (second, 1);
  g_assert_cmpstr (second->toy->log->str, ==, "W:w A:wg@ W:g@ W:g@ W:wot ");
  run_steps (warm, 1);
  g_assert_cmpstr (warm->progress.phase, ==, "warm-up");
  run_steps (warm, TOY_BATCHES - 1);
  g_assert_cmpstr (warm->toy->log->str, ==, "W:wot W:wot W:wot W:wot ");
  g_string_truncate (warm->toy->log, 0);
  run_steps (warm, 1);
  g_assert_cmpstr (warm->toy->log->str, ==, "A:g W:wot ");
  g_assert_cmpstr (warm->progress.phase, ==, "search");
  run_free (first);
  run_free (second);
  run_free (warm);
}

/* Softmax in float64, gates in float32. */
static double
mix_of (const Toy *toy, const double *alpha, double *p)
{
  double a = 0;

  for (int i = 0; i < TOY_OPTIONS; i += 3) {
    double sum = exp (alpha[i]) + exp (alpha[i + 1]) + exp (alpha[i + 2]);

    for (int o = i; o < i + 3; o++) {
      p[o] = exp (alpha[o]) / sum;
      a += toy->slope[o] * p[o];
    }
  }
  return a;
}

/* The first update of Adam moves every α by its rate against the sign of the gradient (plus decay);
 * the weights' update then sees the new gates. */
static void
test_first_update (void)
{
  Run *run = run_new ("darts", NULL);
  double before[TOY_OPTIONS], after[TOY_OPTIONS], p[TOY_OPTIONS], a, w = run->toy->start, s;
  LodeBatch held = { .key = 1001 }, train = { .key = 1 };

  read_alpha (run, before);
  mix_of (run->toy, before, p);
  run_steps (run, 1);
  read_alpha (run, after);
  for (int o = 0; o < TOY_OPTIONS; o++) {
    double mean = 0, g;

    for (int j = o / 3 * 3; j < o / 3 * 3 + 3; j++)
      mean += p[j] * run->toy->slope[j];
    g = p[o] * (run->toy->slope[o] - mean) * toy_scale (&held) * (w - 2) + 1e-3 * before[o];
    g_assert_cmpfloat (fabs (before[o]), <, 0.01);
    g_assert_cmpfloat_with_epsilon (after[o] - before[o], -3e-4 * g / (fabs (g) + 1e-8), 1e-9);
  }
  a = mix_of (run->toy, after, p);
  s = toy_scale (&train);
  g_assert_cmpfloat_with_epsilon (run->toy->net->own.w, w - run->toy->rate * s * 2 * (w - a), 1e-6);
  run_free (run);
}

/* The gradient sums to zero over a decision's options: without decay a decision's α keep their mean
 * while Adam's moments say so. */
static void
test_sum_to_zero (void)
{
  Run *run = run_new ("darts", NULL);
  ToyStore *store;
  double adam[2 * TOY_OPTIONS + 1], alpha[TOY_OPTIONS];

  read_alpha (run, alpha);
  run_steps (run, 1);
  store = run_save (run);
  g_assert_true (
      toy_store_get (&store->base, "adam", LODE_TYPE_F64, 2 * TOY_OPTIONS + 1, adam, NULL));
  for (int i = 0; i < TOY_OPTIONS; i += 3) {
    double decay = 0.5 * 1e-3 * (alpha[i] + alpha[i + 1] + alpha[i + 2]);

    g_assert_cmpfloat_with_epsilon (adam[i] + adam[i + 1] + adam[i + 2], decay, 1e-12);
    g_assert_cmpfloat (fabs (adam[i]) + fabs (adam[i + 1]), >, 1e-3);
  }
  toy_store_free (store);
  run_free (run);
}

static void
test_orders_agree_at_zero (void)
{
  Run *first = run_new ("darts", order (1)), *second = run_new ("darts", order (2)),
      *ahead = run_new ("darts", order (2));

  first->toy->xi = second->toy->xi = 0;
  run_steps (first, 12);
  run_steps (second, 12);
  run_steps (ahead, 12);
  assert_same_state (first, second);
  g_assert_cmpfloat (first->toy->net->own.w, ==, second->toy->net->own.w);
  g_assert_cmpfloat (first->toy->net->own.w, !=, ahead->toy->net->own.w);
  g_assert_cmpuint (second->toy->foreign_writes, ==, 0);
  run_free (first);
  run_free (second);
  run_free (ahead);
}

/* Stopped after any number of steps and continued elsewhere: the same bits. */
static void
test_resume (void)
{
  for (int64_t o = 1; o <= 2; o++)
    for (uint32_t stop = 0; stop <= 13; stop += stop == 3 ? 1 : 3) {
      Run *whole = run_new ("darts", order (o)), *part = run_new ("darts", order (o)),
          *rest = run_new ("darts", order (o));
      ToyStore *store;

      run_steps (whole, 14);
      run_steps (part, stop);
      store = run_save (part);
      run_steps (rest, 2); /* what a load must overwrite */
      toy_carry_over (rest->toy, part->toy);
      run_load (rest, store);
      run_steps (rest, 14 - stop);
      assert_same_state (whole, rest);
      g_assert_cmpfloat (whole->toy->net->own.w, ==, rest->toy->net->own.w);
      g_assert_true (stop == 14 || whole->progress.done == rest->progress.done);
      toy_store_free (store);
      run_free (whole);
      run_free (part);
      run_free (rest);
    }
}

/* Loading fails for every array that is missing, and then changes nothing. */
static void
assert_wants_every_array (Run *run, const Run *other)
{
  ToyStore *full = run_save (other), *before = run_save (run);
  g_autoptr (GList) names = g_hash_table_get_keys (full->at);

  g_assert_nonnull (names);
  for (GList *name = names; name; name = name->next) {
    ToyStore *cut = run_save (other), *after;
    g_autoptr (GError) error = NULL;

    g_hash_table_remove (cut->at, name->data);
    g_assert_false (run->state->load (run->search, &cut->base, &error));
    g_assert_nonnull (strstr (error->message, name->data));
    after = run_save (run);
    assert_same_store (before, after);
    toy_store_free (after);
    toy_store_free (cut);
  }
  toy_store_free (before);
  toy_store_free (full);
}

static void
test_bad_store (void)
{
  Run *run = run_new ("darts", NULL), *other = run_new ("darts", NULL);

  run_steps (run, 2);
  run_steps (other, 6);
  assert_wants_every_array (run, other);
  run_steps (run, 1);
  run_free (run);
  run_free (other);
  run = run_new ("random", NULL);
  other = run_new ("random", NULL);
  run_steps (other, 4);
  assert_wants_every_array (run, other);
  run_free (run);
  run_free (other);
}

/* Held-out loss falls with a while w < 2: the option of the largest slope wins, in each decision.
 */
static void
test_finds (void)
{
  LodeNode *group = test_group ();
  Run *run;
  LodeChoice stand = { .size = sizeof stand };
  uint8_t arch[TOY_DECISIONS];

  test_set (group, "rate", 1);
  run = run_new ("darts", group);
  run->toy->rate = 1e-4;
  run_steps (run, TOY_BATCHES * 5);
  g_assert_true (run->progress.end);
  g_assert_cmpuint (run->progress.done, ==, run->progress.of);
  run->ops->best (run->search, arch);
  g_assert_cmpuint (arch[0] * 10 + arch[1], ==, 22);
  run->ops->stand (run->search, &stand);
  g_assert_cmpfloat (stand.gate[2], >, 0.9f);
  g_assert_cmpfloat_with_epsilon (stand.gate[3] + stand.gate[4] + stand.gate[5], 1, 1e-6);
  g_assert_cmpuint (stand.mask[1], ==, 7);
  run_free (run);
}

static void
test_metrics (void)
{
  Run *run = run_new ("darts", NULL);

  run_steps (run, TOY_BATCHES - 1);
  g_assert_cmpuint (g_hash_table_size (run->toy->metric), ==, 0);
  run_steps (run, 1);
  g_assert_cmpfloat_with_epsilon (toy_value (run->toy->metric, "gate_entropy"), log (3), 1e-4);
  g_assert_cmpfloat (toy_value (run->toy->metric, "train_accuracy"), ==, 0.5);
  g_assert_cmpfloat (toy_value (run->toy->metric, "arch_accuracy"), ==, 0.5);
  g_assert_cmpfloat (toy_value (run->toy->metric, "rate"), ==, 0.05);
  g_assert_cmpfloat (toy_value (run->toy->metric, "skips_left")
                         + toy_value (run->toy->metric, "skips_right"),
                     <=, 2);
  g_assert_true (isfinite (toy_value (run->toy->metric, "train_loss")));
  run_free (run);
}

static void
test_nothing_to_decide (void)
{
  const LodeLoaded *loaded = test_load ("search", "darts");
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GError) error = NULL;
  Toy *toy = toy_new ();

  g_assert_null (((const LodeSearchOps *) loaded->ops)
                     ->create (&toy->host, test_conf (loaded, NULL, owner), &toy_empty, &error));
  g_assert_nonnull (strstr (error->message, "nothing to decide"));
  toy_free (toy);
}

static LodeNode *
trials (int64_t n, int64_t batch)
{
  LodeNode *group = test_group ();

  test_set (group, "trials", n);
  test_set (group, "batch", batch);
  return group;
}

/* Same trials for any batch; the last batch is what is left; the failing optimum is passed over. */
static void
test_random (void)
{
  for (int64_t batch = 1; batch <= 64; batch += 7) {
    Run *one = run_new ("random", trials (40, 1)), *many = run_new ("random", trials (40, batch));
    uint8_t arch[TOY_DECISIONS];

    while (!one->progress.end)
      run_steps (one, 1);
    while (!many->progress.end)
      run_steps (many, 1);
    g_assert_cmpuint (one->toy->scored, ==, 40);
    g_assert_cmpuint (many->toy->scored, ==, 40);
    assert_same_state (one, many);
    one->ops->best (one->search, arch);
    g_assert_cmpuint (3 * arch[0] + arch[1], ==, 7);
    g_assert_cmpfloat (toy_value (one->toy->metric, "best_score"), ==, 7);
    run_free (one);
    run_free (many);
  }
}

static void
test_random_resume (void)
{
  Run *whole = run_new ("random", trials (20, 3)), *part = run_new ("random", trials (20, 3)),
      *rest = run_new ("random", trials (20, 3));
  ToyStore *store;

  run_steps (whole, 7);
  run_steps (part, 3);
  store = run_save (part);
  run_load (rest, store);
  run_steps (rest, 4);
  assert_same_state (whole, rest);
  g_assert_true (whole->progress.end && rest->progress.end);
  toy_store_free (store);
  run_free (whole);
  run_free (part);
  run_free (rest);
}

static void
test_random_all_fail (void)
{
  Run *run = run_new ("random", trials (5, 2));
  uint8_t arch[TOY_DECISIONS] = { 9, 9 };

  run->toy->fail_every_score = true;
  run_steps (run, 3);
  run->ops->best (run->search, arch);
  g_assert_cmpuint (arch[0], <, 3);
  g_assert_cmpuint (arch[1], <, 3);
  g_assert_cmpuint (g_hash_table_size (run->toy->metric), ==, 0);
  run_free (run);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/search/darts/passes", test_passes);
  g_test_add_func ("/search/darts/first-update", test_first_update);
  g_test_add_func ("/search/darts/sum-to-zero", test_sum_to_zero);
  g_test_add_func ("/search/darts/orders-agree-at-zero", test_orders_agree_at_zero);
  g_test_add_func ("/search/darts/resume", test_resume);
  g_test_add_func ("/search/darts/finds", test_finds);
  g_test_add_func ("/search/darts/metrics", test_metrics);
  g_test_add_func ("/search/darts/nothing-to-decide", test_nothing_to_decide);
  g_test_add_func ("/search/random/best", test_random);
  g_test_add_func ("/search/random/resume", test_random_resume);
  g_test_add_func ("/search/random/all-fail", test_random_all_fail);
  g_test_add_func ("/search/bad-store", test_bad_store);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses for unequal classes: which of them are equal to which, what does not change them, how they
 * are averaged, and gradients against central differences.
 */
#include "ready-loss.h"

#include <lode/rng.h>

/* random rows */
typedef struct Rows {
  LodeBatch batch;
  float logit[N * K], value[N], grad[N * K];
  int32_t label[N];
  LodeReduced reduced;
} Rows;

static void
rows_fill (Rows *rows, uint64_t key)
{
  LodeRng rng = { .key = key };

  for (int i = 0; i < N * K; i++)
    rows->logit[i] = (float) (2 * lode_rng_normal (&rng));
  for (int i = 0; i < N; i++)
    rows->label[i] = (int32_t) lode_rng_below (&rng, K);
  rows->batch = (LodeBatch){ .size = sizeof (LodeBatch), .n = N, .key = key, .label = rows->label };
}

static void
rows_run (Rows *rows, const LodeCriterion *criterion)
{
  rows->batch.label = rows->label;
  rows->reduced = lode_criterion_run (criterion, one_thread (), &rows->batch, rows->logit, NULL, 0,
                                      rows->value, rows->grad);
}

/* Means and gradients of a batch agree under two losses. shift: added to all logits of the second.
 */
static void
assert_same_at (const char *a, const char *a_options, const char *b, const char *b_options,
                const double *count, float shift)
{
  Ready one = ready_for (a, a_options, K, count), two = ready_for (b, b_options, K, count);
  Rows x, y;

  g_test_message ("%s { %s } and %s { %s }", a, a_options, b, b_options);
  rows_fill (&x, 5);
  rows_fill (&y, 5);
  for (int i = 0; i < N * K; i++)
    y.logit[i] += shift;
  rows_run (&x, &one.criterion);
  rows_run (&y, &two.criterion);
  assert_near (lode_reduced_mean (x.reduced), lode_reduced_mean (y.reduced), 1e-6);
  for (int i = 0; i < N * K; i++)
    assert_near ((double) x.grad[i], (double) y.grad[i], 1e-6);
  ready_clear (&one);
  ready_clear (&two);
}

static void
assert_same (const char *a, const char *a_options, const char *b, const char *b_options)
{
  assert_same_at (a, a_options, b, b_options, counts, 0);
}

static void
test_equal (void)
{
  static const char *const plain[] = {
    "focal", "gamma = 0;",          "wce",  "power = 0;",
    "cb",    "beta = 0;",           "la",   "tau = 0;",
    "cdt",   "gamma = 0;",          "ldt",  "gamma = 0;",
    "vs",    "gamma = 0; tau = 0;", "ldam", "margin = 0; scale = 1; cosine = false;",
    "seql",  "share = 0;",          "seql", "share = 1; chance = 0;"
  };

  for (size_t i = 0; i < G_N_ELEMENTS (plain); i += 2)
    assert_same (plain[i], plain[i + 1], "ce", "");
  assert_same ("vs", "gamma = 0; tau = 1;", "la", "");
  assert_same ("vs", "gamma = 0.2; tau = 0;", "cdt", "");
  assert_same ("la", "", "balanced-softmax", "");
  assert_same ("cb", "beta = 1;", "wce", "");
}

static void
test_balanced (void)
{
  static const char *const losses[] = { "wce", "cb", "la", "balanced-softmax", "cdt", "ldt", "vs" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++)
    assert_same_at (losses[i], "", "ce", "", even, 0);
}

/* A loss reweighted by the fit is the loss that weighs by itself. */
static void
test_reweight (void)
{
  const LodeReweight inverse = { LODE_REWEIGHT_INVERSE, 1, 0 },
                     effective = { LODE_REWEIGHT_EFFECTIVE, 0, 0.999 };
  Ready plain = ready_for ("vs", "gamma = 0; tau = 0;", K, counts),
        wce = ready_for ("wce", "", K, counts), ce = ready_for ("ce", "", K, counts),
        cb = ready_for ("cb", "beta = 0.999;", K, counts);

  lode_criterion_reweight (&plain.criterion, &inverse, counts);
  lode_criterion_reweight (&ce.criterion, &effective, counts);
  for (int c = 0; c < K; c++) {
    assert_near ((double) plain.criterion.table.weight[c], (double) wce.criterion.table.weight[c],
                 1e-6);
    assert_near ((double) ce.criterion.table.weight[c], (double) cb.criterion.table.weight[c],
                 1e-6);
  }
  ready_clear (&plain);
  ready_clear (&wce);
  ready_clear (&ce);
  ready_clear (&cb);
}

/* Σ_c ∂L/∂z_c = 0, but where each logit has a factor of its own: there Σ_c 1/δ_c ∂L/∂z_c = 0. */
static void
test_sums (void)
{
  static const char *const losses[] = { "ce",   "wce",   "cb",   "la",  "balanced-softmax",
                                        "ldam", "focal", "seql", "ldt", "cdt",
                                        "vs" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++) {
    Ready ready =
        ready_for (losses[i], strcmp (losses[i], "seql") ? "" : "share = 0.1;", K, counts);
    const LodeClassTable *table = &ready.criterion.table;
    Rows rows;
    double plain = 0;

    rows_fill (&rows, 6);
    rows_run (&rows, &ready.criterion);
    for (int r = 0; r < N; r++) {
      double sum = 0, own = 0;

      for (int c = 0; c < K; c++) {
        sum += (double) rows.grad[r * K + c] / (table->by_label ? 1 : (double) table->scale[c]);
        own += (double) rows.grad[r * K + c];
      }
      g_assert_cmpfloat_with_epsilon (sum, 0, 1e-6);
      plain += fabs (own);
    }
    g_assert_true ((plain > 1e-3) == (!strcmp (losses[i], "cdt") || !strcmp (losses[i], "vs")));
    ready_clear (&ready);
  }
}

/* A constant added to all logits changes nothing but where each has a factor of its own. */
static void
test_shifted (void)
{
  static const char *const losses[] = { "ce", "wce", "la", "ldt", "focal", "seql" };
  Ready cdt = ready_for ("cdt", "", K, counts);
  Rows rows;
  double before;

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++)
    assert_same_at (losses[i], "", losses[i], "", counts, 1.5f);
  rows_fill (&rows, 5);
  rows_run (&rows, &cdt.criterion);
  before = lode_reduced_mean (rows.reduced);
  for (int i = 0; i < N * K; i++)
    rows.logit[i] += 1.5f;
  rows_run (&rows, &cdt.criterion);
  g_assert_cmpfloat (fabs (lode_reduced_mean (rows.reduced) - before), >, 1e-3);
  ready_clear (&cdt);
}

/* Factors scaled by s are logits scaled by s: normalise = "sum" against "max". */
static void
test_normalise (void)
{
  static const char *const losses[] = { "cdt", "ldt", "vs" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++) {
    Ready max = ready_for (losses[i], "", K, counts),
          sum = ready_for (losses[i], "normalise = \"sum\";", K, counts);
    double s = (double) sum.criterion.table.scale[0] / (double) max.criterion.table.scale[0];
    double total = 0;
    Rows x, y;

    rows_fill (&x, 7);
    rows_fill (&y, 7);
    for (int c = 0; c < K; c++)
      total += (double) sum.criterion.table.scale[c];
    assert_near (total, K, 1e-6);
    for (int j = 0; j < N * K; j++)
      y.logit[j] *= (float) s;
    rows_run (&x, &sum.criterion);
    rows_run (&y, &max.criterion);
    assert_near (lode_reduced_mean (x.reduced), lode_reduced_mean (y.reduced), 1e-5);
    for (int j = 0; j < N * K; j++)
      assert_near ((double) x.grad[j], s * (double) y.grad[j], 1e-5);
    ready_clear (&max);
    ready_clear (&sum);
  }
}

/* The weighted mean, against the mean of weighted losses: they differ by Σω of the batch. */
static void
test_reduction (void)
{
  Ready wce = ready_for ("wce", "", K, counts), ce = ready_for ("ce", "", K, counts);
  double sum = 0, weight = 0;
  Rows rows, plain;

  rows_fill (&rows, 8);
  rows_fill (&plain, 8);
  rows_run (&rows, &wce.criterion);
  rows_run (&plain, &ce.criterion);
  for (int i = 0; i < N; i++) {
    double w = (double) wce.criterion.table.weight[rows.label[i]];

    sum += w * (double) plain.value[i];
    weight += w;
  }
  assert_near (lode_reduced_mean (rows.reduced), sum / weight, 1e-6);
  g_assert_cmpfloat (fabs (sum / weight - sum / N), >, 1e-3);
  ready_clear (&wce);
  ready_clear (&ce);
}

/* Every gradient against a central difference of the batch's mean. */
static void
check_gradient (const char *loss, const char *options)
{
  Ready ready = ready_for (loss, options, K, counts);
  Rows rows, moved;

  g_test_message ("%s { %s }", loss, options);
  rows_fill (&rows, 9);
  rows_run (&rows, &ready.criterion);
  for (int i = 0; i < N * K; i++) {
    volatile float up = rows.logit[i] + 0x1p-7f, down = rows.logit[i] - 0x1p-7f;
    double more;

    moved = rows;
    moved.logit[i] = up;
    rows_run (&moved, &ready.criterion);
    more = lode_reduced_mean (moved.reduced);
    moved.logit[i] = down;
    rows_run (&moved, &ready.criterion);
    assert_near ((double) rows.grad[i],
                 (more - lode_reduced_mean (moved.reduced)) / ((double) up - (double) down), 2e-4);
  }
  ready_clear (&ready);
}

static void
test_gradients (void)
{
  static const char *const losses[] = { "wce", "cb",  "la", "balanced-softmax",
                                        "cdt", "ldt", "vs", "ldam" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++)
    check_gradient (losses[i], strcmp (losses[i], "ldam") ? "" : "scale = 4; cosine = false;");
  for (int form = 0; form < 2; form++)
    for (int g = 0; g < 4; g++) {
      static const double gamma[] = { 0, 0.5, 1, 2.5 };
      g_autofree char *options =
          g_strdup_printf ("form = \"%s\"; gamma = %.1f;", form ? "sigmoid" : "softmax", gamma[g]);

      check_gradient ("focal", options);
    }
  check_gradient ("seql", "share = 0.1; chance = 0.5;");
}

/* Rows that are certain, either way: finite, and as the limit has it. */
static void
test_certain (void)
{
  static const float z[] = { 200, -200, -200, -200 };
  static const char *const options[] = { "gamma = 0.5;", "gamma = 2;",
                                         "form = \"sigmoid\"; gamma = 0.5;" };

  for (size_t i = 0; i < G_N_ELEMENTS (options); i++)
    for (int32_t label = 0; label < 2; label++) {
      Ready ready = ready_for ("focal", options[i], K, counts);
      LodeBatch batch = { .size = sizeof batch, .n = 1, .label = &label };
      float value, grad[K];

      lode_criterion_run (&ready.criterion, one_thread (), &batch, z, NULL, 0, &value, grad);
      for (int c = 0; c < K; c++)
        g_assert_true (isfinite (grad[c]));
      assert_near ((double) value, label ? 400 : 0, 1e-6);
      ready_clear (&ready);
    }
}

/* A rare class is left out of other classes' rows about as often as `chance` says, by the batch's
 * key alone, and never of its own. */
static void
test_chance (void)
{
  Ready ready = ready_for ("seql", "share = 0.04; chance = 0.9;", K, counts);
  uint32_t left = 0, all = 0;
  Rows rows, again;

  for (uint64_t key = 0; key < 200; key++) {
    rows_fill (&rows, key);
    rows_run (&rows, &ready.criterion);
    for (int i = 0; i < N; i++)
      for (int32_t c = 0; c < K; c++) {
        bool zero = rows.grad[i * K + c] == 0;

        g_assert_false (zero && (c < 2 || c == rows.label[i]));
        if (c >= 2 && c != rows.label[i]) {
          left += zero;
          all++;
        }
      }
  }
  again = rows;
  rows_run (&again, &ready.criterion);
  g_assert_cmpmem (again.grad, sizeof again.grad, rows.grad, sizeof rows.grad);
  g_assert_cmpfloat_with_epsilon ((double) left / all, 0.9, 6 * sqrt (0.09 / all));
  ready_clear (&ready);
}

static void
test_reals (void)
{
  static const char *const losses[] = { "wce",   "cb",  "la", "balanced-softmax",
                                        "cdt",   "ldt", "vs", "ldam",
                                        "focal", "seql" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++) {
    Ready ready = ready_for (losses[i], "", K, counts);
    g_autoptr (GError) error = NULL;
    LodeCriterion none = { 0 };

    g_assert_false (lode_criterion_prepare (&none, ready.ops, ready.loss, K, NULL, &error));
    g_assert_nonnull (strstr (error->message, losses[i]));
    g_assert_nonnull (strstr (error->message, "mse"));
    ready_clear (&ready);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/losses-related/equal", test_equal);
  g_test_add_func ("/losses-related/balanced", test_balanced);
  g_test_add_func ("/losses-related/reweight", test_reweight);
  g_test_add_func ("/losses-related/sums", test_sums);
  g_test_add_func ("/losses-related/shifted", test_shifted);
  g_test_add_func ("/losses-related/normalise", test_normalise);
  g_test_add_func ("/losses-related/reduction", test_reduction);
  g_test_add_func ("/losses-related/gradients", test_gradients);
  g_test_add_func ("/losses-related/certain", test_certain);
  g_test_add_func ("/losses-related/chance", test_chance);
  g_test_add_func ("/losses-related/reals", test_reals);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Losses for unequal classes: printed values and gradients, the constants of a class profile, which
 * of them are equal to which, and gradients against central differences.
 */
#include "plugins/family.h"
#include "run/config.h"
#include "train/losses.h"

#include <lode/classes.h>
#include <lode/rng.h>
#include <math.h>

enum { K = 4, N = 24 };

static const double counts[K] = { 1000, 300, 50, 10 }, even[K] = { 25, 25, 25, 25 };
static const float logits[K] = { 1.2f, -0.4f, 0.7f, 0.1f };

/* A loss with options, made ready for K classes or more. */
typedef struct Ready {
  const LodeLossOps *ops;
  LodeLoss *loss;
  LodeCriterion criterion;
  GPtrArray *owner;
} Ready;

static Ready
ready_for (const char *name, const char *options, uint32_t k, const double *count)
{
  const LodeLoaded *loaded = test_load ("loss", name);
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  LodeNode *group = *options ? lode_config_parse_text ("test", options, errors) : NULL;
  Ready ready = { .ops = loaded->ops, .owner = g_ptr_array_new_with_free_func (g_free) };
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (errors->len, ==, 0);
  ready.loss = ready.ops->create (NULL, test_conf (loaded, group, ready.owner), &error);
  g_assert_no_error (error);
  g_assert_true (
      lode_criterion_prepare (&ready.criterion, ready.ops, ready.loss, k, count, &error));
  g_assert_no_error (error);
  return ready;
}

static void
ready_clear (Ready *ready)
{
  lode_criterion_clear (&ready->criterion);
  ready->ops->destroy (ready->loss);
  g_ptr_array_unref (ready->owner);
}

static LodeThreads *
one_thread (void)
{
  static LodeThreads *threads;

  if (!threads)
    threads = lode_threads_new (1);
  return threads;
}

static void
assert_near (double found, double expected, double tolerance)
{
  if (!(fabs (found - expected) <= tolerance * fmax (1, fabs (expected))))
    g_error ("found %.10g, expected %.10g", found, expected);
}

/* printed values */
static const struct Golden {
  const char *loss, *options;
  int32_t label;
  double value, gradient[K];
  double factor; /* the printed gradient is in logits that the head multiplies by this */
} golden[] = {
  { "ce", "", 0, 0.7614123093, { -0.5329935964, 0.0942869668, 0.2832537020, 0.1554529276 }, 1 },
  { "ce", "", 3, 1.8614123093, { 0.4670064036, 0.0942869668, 0.2832537020, -0.8445470724 }, 1 },
  { "wce", "", 3, 5.9884578315, { 1.5024334699, 0.3033360861, 0.9112719637, -2.7170415196 }, 1 },
  { "cb", "", 0, 0.0256995273, { -0.0179898372, 0.0031824157, 0.0095605051, 0.0052469164 }, 1 },
  { "cb", "", 3, 5.9817755449, { 1.5007569630, 0.3029976052, 0.9102551108, -2.7140096789 }, 1 },
  { "focal", "", 0, 0.2163036640, { -0.3534443719, 0.0625245744, 0.1878342019, 0.1030855957 }, 1 },
  { "focal", "", 3, 1.3276704922, { 0.5613507596, 0.1133347637, 0.3404764465, -1.0151619699 }, 1 },
  { "focal",
    "gamma = 1;",
    3,
    1.5720503163,
    { 0.5295427946, 0.1069128464, 0.3211839405, -0.9576395815 },
    1 },
  { "focal",
    "form = \"sigmoid\";",
    0,
    0.7944317451,
    { -0.0340855937, 0.1635614451, 0.6251938956, 0.3395946153 },
    1 },
  { "focal",
    "form = \"sigmoid\"; gamma = 0;",
    3,
    3.7238804287,
    { 0.7685247835, 0.4013123399, 0.6681877722, -0.4750208125 },
    1 },
  { "ldam",
    "scale = 1; cosine = false;",
    0,
    0.8487834017,
    { -0.5720647593, 0.1011986848, 0.3040176504, 0.1668484241 },
    1 },
  { "ldam",
    "scale = 1; cosine = false;",
    3,
    2.2982957517,
    { 0.4974323300, 0.1004298554, 0.3017079593, -0.8995701446 },
    1 },
  { "ldam", "cosine = false;", 3, 48.0000003059, { 29.9999908229, 0, 9.1771e-6, -30.0 }, 1 },
  { "ldam", "", 3, 48.0000003059, { 29.9999908229, 0, 9.1771e-6, -30.0 }, 30 },
  { "la", "", 0, 0.0900456183, { -0.0861105058, 0.0553533320, 0.0277150999, 0.0030420739 }, 1 },
  { "la", "", 3, 5.7952158043, { 0.9138894942, 0.0553533320, 0.0277150999, -0.9969579261 }, 1 },
  { "balanced-softmax",
    "",
    0,
    0.0900456183,
    { -0.0861105058, 0.0553533320, 0.0277150999, 0.0030420739 },
    1 },
  { "balanced-softmax",
    "",
    3,
    5.7952158043,
    { 0.9138894942, 0.0553533320, 0.0277150999, -0.9969579261 },
    1 },
  { "cdt", "", 0, 0.6809648080, { -0.4938715600, 0.0874961398, 0.1229945698, 0.0631534293 }, 1 },
  { "cdt", "", 3, 1.8411540910, { 0.5061284400, 0.0874961398, 0.1229945698, -0.3349537413 }, 1 },
  { "ldt", "", 3, 1.4181185666, { 0.0270328183, 0.0230358482, 0.0257144122, -0.0757830786 }, 1 },
  { "vs",
    "tau = 1.25;",
    0,
    0.0585363627,
    { -0.0568560555, 0.0361999275, 0.0054189567, 0.0003721467 },
    1 },
  { "vs",
    "tau = 1.25;",
    3,
    6.9751883781,
    { 0.9431439445, 0.0361999275, 0.0054189567, -0.3977350238 },
    1 },
  { "seql",
    "share = 0.04; chance = 1;",
    0,
    0.1839007409,
    { -0.1679816149, 0.1679816149, 0, 0 },
    1 },
  { "seql",
    "share = 0.04; chance = 1;",
    3,
    1.5283789700,
    { 0.6515644446, 0.1315485926, 0, -0.7831130372 },
    1 },
};

/* Of one row alone: weights stand in the sum, which the batch's own gradient is divided by. */
static void
assert_golden (const LodeCriterion *criterion, const struct Golden *row)
{
  LodeBatch batch = { .size = sizeof batch, .n = 1, .label = &row->label };
  float own, grad[K], logit[K];
  LodeReduced reduced;

  for (int c = 0; c < K; c++)
    logit[c] = (float) row->factor * logits[c];
  reduced = lode_criterion_run (criterion, one_thread (), &batch, logit, NULL, 0, &own, grad);
  assert_near (reduced.sum, row->value, 1e-6);
  for (int c = 0; c < K; c++)
    assert_near ((double) grad[c] * reduced.weight * row->factor, row->gradient[c], 1e-6);
}

static void
test_golden (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    Ready ready = ready_for (golden[i].loss, golden[i].options, K, counts);

    g_test_message ("%s { %s }, label %d", golden[i].loss, golden[i].options, golden[i].label);
    assert_golden (&ready.criterion, &golden[i]);
    g_assert_true ((ready.criterion.table.cosine > 0) == (golden[i].factor > 1));
    ready_clear (&ready);
  }
}

/* Effective numbers beside the loss's own table: weights of the fit. */
static void
test_golden_reweighted (void)
{
  const struct Golden row = { "vs",
                              "tau = 1.25;",
                              3,
                              22.4152440880,
                              { 3.0308574594, 0.1163309386, 0.0174141874, -1.2781486547 },
                              1 };
  const LodeReweight by = { LODE_REWEIGHT_EFFECTIVE, 1, 0.9999 };
  Ready ready = ready_for (row.loss, row.options, K, counts);

  lode_criterion_reweight (&ready.criterion, &by, counts);
  assert_golden (&ready.criterion, &row);
  ready_clear (&ready);
}

/* the exponential profile of ten classes, ratio 100, 12406 examples */
static const double profile[] = { 5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50 };

static void
assert_row (const char *loss, const char *options, size_t row, const double *expected)
{
  Ready ready = ready_for (loss, options, 10, profile);
  const float *found = *(float *const *) ((const char *) &ready.criterion.table + row);

  for (int c = 0; c < 10; c++)
    g_assert_cmpfloat_with_epsilon ((double) found[c], expected[c], 1e-6);
  ready_clear (&ready);
}

static void
test_profile (void)
{
  static const double weight[] = { .050611, .076900, .121134,  .195037,  .318805,
                                   .524590, .868349, 1.442627, 2.409223, 3.992724 },
                      margin[] = { .158114, .179697, .204238, .232091, .263829,
                                   .299768, .340675, .387221, .440497, .5 },
                      prior[] = { -.908742,  -1.420568, -1.932618, -2.444001, -2.956685,
                                  -3.467511, -3.979198, -4.491462, -5.007095, -5.513913 },
                      scale[] = { 1,       .902700, .814830, .735613, .663923,
                                  .599443, .541132, .488437, .440577, .398107 };

  assert_row ("cb", "", offsetof (LodeClassTable, weight), weight);
  assert_row ("ldam", "scale = 1;", offsetof (LodeClassTable, margin), margin);
  assert_row ("la", "", offsetof (LodeClassTable, shift), prior);
  assert_row ("cdt", "", offsetof (LodeClassTable, scale), scale);
  assert_row ("vs", "", offsetof (LodeClassTable, scale), scale);
}

/* E_n = 1 + β E_{n−1}; the ends of β; no digits lost close to 1. */
static void
test_effective (void)
{
  double e = 0;

  for (int n = 1; n <= 200; n++) {
    e = 1 + 0.99 * e;
    assert_near (lode_class_effective (n, 0.99), e, 1e-12);
    assert_near (lode_class_effective (n, 0), 1, 0);
    assert_near (lode_class_effective (n, 1), n, 0);
    assert_near (lode_class_effective (n, 1 - 1e-12), n, 1e-9);
  }
}

/* A class without examples counts as the rarest that has some. */
static void
test_empty_class (void)
{
  static const double with[K] = { 90, 0, 9, 0 }, like[K] = { 90, 9, 9, 9 };
  static const char *const losses[] = { "wce", "cb",  "la", "balanced-softmax",
                                        "cdt", "ldt", "vs", "ldam" };

  for (size_t i = 0; i < G_N_ELEMENTS (losses); i++) {
    Ready a = ready_for (losses[i], "", K, with), b = ready_for (losses[i], "", K, like);

    g_assert_cmpmem (a.criterion.memory, 4 * K * sizeof (float), b.criterion.memory,
                     4 * K * sizeof (float));
    ready_clear (&a);
    ready_clear (&b);
  }
}

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
  g_test_add_func ("/losses/golden", test_golden);
  g_test_add_func ("/losses/golden/reweighted", test_golden_reweighted);
  g_test_add_func ("/losses/profile", test_profile);
  g_test_add_func ("/losses/effective", test_effective);
  g_test_add_func ("/losses/empty-class", test_empty_class);
  g_test_add_func ("/losses/equal", test_equal);
  g_test_add_func ("/losses/balanced", test_balanced);
  g_test_add_func ("/losses/reweight", test_reweight);
  g_test_add_func ("/losses/sums", test_sums);
  g_test_add_func ("/losses/shifted", test_shifted);
  g_test_add_func ("/losses/normalise", test_normalise);
  g_test_add_func ("/losses/reduction", test_reduction);
  g_test_add_func ("/losses/gradients", test_gradients);
  g_test_add_func ("/losses/certain", test_certain);
  g_test_add_func ("/losses/chance", test_chance);
  g_test_add_func ("/losses/reals", test_reals);
  return g_test_run ();
}

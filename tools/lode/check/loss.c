/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `loss`: prepared for classes or real targets, run on random rows by the core, and its
 * gradient held against differences.
 */
#include "slope.h"
#include "world.h"

enum { K = 5, ROWS = 2000, FEW = 24 };

static void *
loss_create (World *world, const void *conf, GError **error)
{
  return ((const LodeLossOps *) world->ops)->create (&world->host->base, conf, error);
}

static void
loss_destroy (const void *ops, void *instance)
{
  ((const LodeLossOps *) ops)->destroy (instance);
}

/* Rows of logits with what a loss may look at. */
typedef struct Rows {
  LodeBatch batch;
  float *logit, *teacher, *target; /* [n][K]; teacher and target or NULL */
  int32_t *label;                  /* [n], or NULL */
} Rows;

static Rows
rows_new (const Check *check, uint32_t n, bool real, uint64_t which)
{
  LodeRng rng = check_rng (check, "rows", which);
  size_t all = (size_t) n * K;
  bool teacher = ((const LodeLossOps *) check->loaded->ops)->needs & LODE_TEACHER;
  Rows rows = { .logit = g_new (float, all),
                .teacher = teacher ? g_new (float, all) : NULL,
                .target = real ? g_new (float, all) : NULL,
                .label = real ? NULL : g_new (int32_t, n) };

  for (size_t i = 0; i < all; i++) {
    rows.logit[i] = (float) (1.5 * lode_rng_normal (&rng));
    if (teacher)
      rows.teacher[i] = (float) (1.5 * lode_rng_normal (&rng));
    if (real)
      rows.target[i] = (float) lode_rng_normal (&rng);
  }
  for (uint32_t i = 0; !real && i < n; i++)
    rows.label[i] = (int32_t) lode_rng_below (&rng, K);
  rows.batch = (LodeBatch){ .size = sizeof (LodeBatch), .n = n, .key = which };
  rows.batch.label = rows.label;
  rows.batch.target = rows.target;
  return rows;
}

static void
rows_clear (Rows *rows)
{
  g_free (rows->logit);
  g_free (rows->teacher);
  g_free (rows->target);
  g_free (rows->label);
}

/* For K classes of unequal counts, or K reals. */
static bool
prepare (World *world, bool real, LodeCriterion *criterion, GError **error)
{
  static const double count[K] = { 50, 20, 10, 5, 2 };

  return lode_criterion_prepare (criterion, world->ops, world->instance, K, real ? NULL : count,
                                 error);
}

static LodeReduced
run (const World *world, const LodeCriterion *criterion, const Rows *rows, float *value,
     float *grad)
{
  return lode_criterion_run (criterion, lode_engine_threads (world->shared.engine), &rows->batch,
                             rows->logit, rows->teacher, 0, value, grad);
}

/* In turn for classes and for reals; a kind of target that it refuses is passed over, not both. */
static bool
loss_work (World *world, uint64_t unit, GError **error)
{
  bool real = unit % 2;
  LodeCriterion criterion = { 0 };
  g_autofree float *value = g_new (float, ROWS), *grad = g_new (float, ROWS *K);
  g_autoptr (GError) refused = NULL;
  Rows rows;

  if (!prepare (world, real, &criterion, &refused)) {
    if (prepare (world, !real, &criterion, error))
      lode_criterion_clear (&criterion);
    return !error || !*error;
  }
  rows = rows_new (world->check, ROWS, real, unit);
  run (world, &criterion, &rows, value, grad);
  trace_add (world->trace, LODE_TYPE_F32, ROWS, value, "values of rows %" G_GUINT64_FORMAT, unit);
  trace_add (world->trace, LODE_TYPE_F32, ROWS * K, grad, "gradient of rows %" G_GUINT64_FORMAT,
             unit);
  rows_clear (&rows);
  lode_criterion_clear (&criterion);
  return true;
}

const Driver check_loss_driver = { "loss", LODE_USE_LOSS, loss_create, loss_destroy, loss_work, 4 };

/* A test for classes and one for reals; one of them may be refused. */
typedef bool (*LossTest) (World *, const LodeCriterion *, const Rows *);

static void
for_targets (Check *check, uint32_t n, LossTest test)
{
  g_autoptr (World) world = world_ready (check, 1);
  g_autoptr (GError) refused = NULL;
  uint32_t done = 0;

  for (int real = 0; world && real < 2; real++) {
    LodeCriterion criterion = { 0 };
    Rows rows;

    g_clear_error (&refused);
    if (!prepare (world, real, &criterion, &refused))
      continue;
    done++;
    rows = rows_new (check, n, real, 1000);
    test (world, &criterion, &rows);
    rows_clear (&rows);
    lode_criterion_clear (&criterion);
  }
  if (world && done == 0)
    check_fail (check, "expected it to be prepared for classes or for reals, found neither: %s",
                refused->message);
}

/* The loss of every row as a function of one of its logits. */
typedef struct Along {
  World *world;
  const LodeCriterion *criterion;
  const Rows *rows;
  uint32_t column;
  float *value; /* [n] */
} Along;

static void
values_along (void *data, double t, double *y)
{
  const Along *along = data;
  uint32_t n = along->rows->batch.n;
  float *logit = along->rows->logit;
  g_autofree float *keep = g_memdup2 (logit, (gsize) n * K * sizeof *logit);

  for (uint32_t i = 0; i < n; i++)
    logit[(size_t) i * K + along->column] =
        (float) ((double) logit[(size_t) i * K + along->column] + t);
  run (along->world, along->criterion, along->rows, along->value, NULL);
  for (uint32_t i = 0; i < n; i++)
    y[i] = (double) along->value[i];
  memcpy (logit, keep, (gsize) n * K * sizeof *logit);
}

/* What the core divides a row's own gradient by, in a batch of these rows alone. */
static double
factor_of (const LodeCriterion *criterion, const Rows *rows, uint32_t i)
{
  double sum = 0, own = rows->label ? (double) criterion->table.weight[rows->label[i]] : 1;

  for (uint32_t j = 0; j < rows->batch.n; j++)
    sum += rows->label ? (double) criterion->table.weight[rows->label[j]] : 1;
  return sum > 0 ? own / sum : 0;
}

/* slope: [K][n], grad: [n][K]. A small entry is judged on the scale of its row. */
static bool
judge (Check *check, const LodeCriterion *criterion, const Rows *rows, const Slope *slope,
       const float *grad)
{
  uint32_t n = rows->batch.n, known = 0, all = 0;

  for (uint32_t i = 0; i < n; i++) {
    double factor = factor_of (criterion, rows, i), most = 0;

    for (uint32_t c = 0; c < K; c++)
      most = fmax (most, fabs (slope[c * n + i].value));
    for (uint32_t c = 0; factor > 0 && c < K; c++) {
      const Slope *s = &slope[c * n + i];
      double found = (double) grad[(size_t) i * K + c] / factor;
      double scale = fmax (fabs (s->value), 0.2 * most);

      Verdict verdict = slope_judge (s, found, scale);

      all++;
      known += verdict == SLOPE_AGREES;
      if (verdict == SLOPE_DIFFERS)
        return check_fail (check,
                           "expected the gradient %.6g in logit %u of a row (central differences), "
                           "found %.6g, a factor of %.5g",
                           s->value, c, found, found / s->value);
    }
  }
  if (2 * known < all)
    return check_skip (check, "only %u of %u slopes are known: too many kinks, or too little slope",
                       known, all);
  return true;
}

static bool
check_gradient (World *world, const LodeCriterion *criterion, const Rows *rows)
{
  uint32_t n = rows->batch.n;
  g_autofree float *value = g_new (float, n), *grad = g_new (float, (size_t) n *K);
  g_autofree Slope *slope = g_new (Slope, (size_t) n * K);
  Along along = { world, criterion, rows, 0, value };

  run (world, criterion, rows, value, grad);
  for (; along.column < K; along.column++)
    slope_take (values_along, &along, n, 0.5, slope + (size_t) along.column * n);
  return judge (world->check, criterion, rows, slope, grad);
}

static void
test_gradient (Check *check)
{
  for_targets (check, FEW, check_gradient);
}

static bool
check_finite (World *world, const LodeCriterion *criterion, const Rows *rows)
{
  static const float sizes[] = { 0, 1e-30f, 1e-3f, 30, 1e4f };
  uint32_t n = rows->batch.n;
  g_autofree float *value = g_new (float, n), *grad = g_new (float, (size_t) n *K);

  for (size_t s = 0; s < G_N_ELEMENTS (sizes); s++) {
    for (size_t i = 0; i < (size_t) n * K; i++)
      rows->logit[i] = i % 3 ? sizes[s] : -sizes[s];
    run (world, criterion, rows, value, grad);
    for (uint32_t i = 0; i < n; i++)
      if (!isfinite (value[i]))
        return check_fail (world->check, "expected finite values for logits of ±%g, found %g",
                           (double) sizes[s], (double) value[i]);
    for (size_t i = 0; i < (size_t) n * K; i++)
      if (!isfinite (grad[i]))
        return check_fail (world->check, "expected finite gradients for logits of ±%g, found %g",
                           (double) sizes[s], (double) grad[i]);
  }
  return true;
}

static void
test_finite (Check *check)
{
  for_targets (check, FEW, check_finite);
}

/* Rows are each other's business only through the class table: one alone has the same value. */
static bool
check_alone (World *world, const LodeCriterion *criterion, const Rows *rows)
{
  uint32_t n = rows->batch.n;
  g_autofree float *value = g_new (float, n), *grad = g_new (float, (size_t) n *K);
  Rows one = *rows;
  float alone, slope[K];

  run (world, criterion, rows, value, grad);
  one.batch.n = 1;
  run (world, criterion, &one, &alone, slope);
  if (memcmp (&alone, value, sizeof alone))
    return check_fail (world->check,
                       "expected a row's value to be its own, found %.9g among others and %.9g "
                       "alone",
                       (double) *value, (double) alone);
  return true;
}

static void
test_alone (Check *check)
{
  for_targets (check, FEW, check_alone);
}

const CheckTest check_loss_tests[] = {
  { "loss/finite", "loss", "is finite for logits of every size", test_finite },
  { "loss/alone", "loss", "gives a row a value of its own", test_alone },
  { "gradients/loss", "loss",
    "its gradient, of rows or of the class table, agrees with central differences", test_gradient },
  { NULL },
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Metrics against printed examples, and against scikit-learn on made-up rows; groups, intervals,
 * names that are refused, and figures of a net.
 */
#include "train/fixture.h"

#include <math.h>

static LodeThreads *
threads_of (uint32_t n)
{
  static LodeThreads *threads[5];

  if (!threads[n])
    threads[n] = lode_threads_new (n);
  return threads[n];
}

static LodeMetricsIn
in_of (const LodeMetricsConf *conf, uint32_t k)
{
  return (LodeMetricsIn){ .conf = conf, .k = k };
}

static double
value_of (const LodeOutcomes *of, const LodeMetricsIn *in, const char *name)
{
  g_autoptr (GError) error = NULL;
  LodeMetric metric;

  g_assert_true (lode_metric_parse (name, in, &metric, &error));
  g_assert_no_error (error);
  return lode_metric_value (of, &metric);
}

static void
assert_value (const LodeOutcomes *of, const LodeMetricsIn *in, const char *name, double expected,
              double tolerance)
{
  double found = value_of (of, in, name);

  if (!(fabs (found - expected) <= tolerance))
    g_error ("%s is %.12g, expected %.12g", name, found, expected);
}

/* Rows of a confusion matrix, sure of their decisions. */
static LodeOutcomes *
of_matrix (const LodeMetricsIn *in, const uint32_t *cells)
{
  uint32_t k = in->k, n = 0, at = 0;
  g_autofree float *logit = NULL;
  g_autofree int32_t *label = NULL;

  for (uint32_t i = 0; i < k * k; i++)
    n += cells[i];
  logit = g_new0 (float, (size_t) n *k);
  label = g_new (int32_t, n);
  for (uint32_t c = 0; c < k; c++)
    for (uint32_t d = 0; d < k; d++)
      for (uint32_t i = 0; i < cells[c * k + d]; i++, at++) {
        label[at] = (int32_t) c;
        logit[at * k + d] = 5;
      }
  return lode_outcomes_new (in, n, logit, label, NULL);
}

static void
test_matrix_of_four (void)
{
  static const uint32_t cells[] = { 90, 6, 3, 1, 10, 80, 6, 4, 20, 15, 60, 5, 30, 20, 25, 25 };
  LodeMetricsIn in = in_of (lode_metrics_default (), 4);
  g_autoptr (LodeOutcomes) of = of_matrix (&in, cells);
  static const double recall[] = { .9, .8, .6, .25 },
                      precision[] = { .6, .661157, .638298, .714286 },
                      f1[] = { .72, .723982, .618557, .370370 };

  for (int c = 0; c < 4; c++) {
    g_autofree char *r = g_strdup_printf ("recall:%d", c), *p = g_strdup_printf ("precision:%d", c),
                    *f = g_strdup_printf ("f1:%d", c);

    assert_value (of, &in, r, recall[c], 1e-12);
    assert_value (of, &in, p, precision[c], 5e-7);
    assert_value (of, &in, f, f1[c], 5e-7);
  }
  assert_value (of, &in, "accuracy", .6375, 1e-12);
  assert_value (of, &in, "balanced_accuracy", .6375, 1e-12);
  assert_value (of, &in, "macro_f1", .6082272430, 1e-9);
  assert_value (of, &in, "g_mean", .5732656753, 1e-9);
  assert_value (of, &in, "harmonic_recall", .4982698962, 1e-9);
  assert_value (of, &in, "worst_recall", .25, 1e-12);
}

static void
test_matrix_of_three (void)
{
  static const uint32_t cells[] = { 950, 30, 20, 40, 50, 10, 8, 4, 8 };
  LodeMetricsIn in = in_of (lode_metrics_default (), 3);
  g_autoptr (LodeOutcomes) of = of_matrix (&in, cells);

  assert_value (of, &in, "accuracy", .9, 1e-12);
  assert_value (of, &in, "balanced_accuracy", .6166666667, 1e-9);
  assert_value (of, &in, "f1:2", .275862, 5e-7);
  assert_value (of, &in, "macro_f1", .5900970936, 1e-9);
  assert_value (of, &in, "weighted_f1", .9025143022, 1e-9);
  assert_value (of, &in, "g_mean", .5748897079, 1e-9);
  assert_value (of, &in, "worst_recall", .4, 1e-12);
  assert_value (of, &in, "kappa", .4926387316, 1e-9);
  assert_value (of, &in, "mcc", .4932563931, 1e-9);
  assert_value (of, &in, "false_alarm:0", 48.0 / 120, 1e-12);
}

/* Printed confidences; the other two classes share the rest. */
static void
test_calibration (void)
{
  static const double conf[] = { .95, .91, .85, .82, .77, .66, .64, .58, .51, .42, .39, .98 };
  static const int32_t right[] = { 1, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1 };
  LodeMetricsConf ten = *lode_metrics_default ();
  LodeMetricsIn in = in_of (&ten, 3), usual = in_of (lode_metrics_default (), 3);
  g_autoptr (LodeOutcomes) of = NULL;
  g_autoptr (LodeOutcomes) fifteen = NULL;
  float logit[12 * 3] = { 0 };
  int32_t label[12];

  ten.bins = 10;
  for (int i = 0; i < 12; i++) {
    logit[3 * i] = (float) log (conf[i] / ((1 - conf[i]) / 2));
    label[i] = right[i] ? 0 : 1;
  }
  of = lode_outcomes_new (&in, 12, logit, label, NULL);
  fifteen = lode_outcomes_new (&usual, 12, logit, label, NULL);
  assert_value (of, &in, "ece", .1883333333, 1e-6);
  assert_value (of, &in, "mce", .42, 1e-6);
  assert_value (fifteen, &usual, "ece", .27, 1e-6);
}

static void
test_ranking (void)
{
  static const double score[] = { .9, .8, .8, .7, .6, .5, .5, .3, .2, .1 };
  static const int32_t label[] = { 1, 1, 0, 1, 0, 1, 0, 0, 0, 0 };
  LodeMetricsIn in = in_of (lode_metrics_default (), 2);
  g_autoptr (LodeOutcomes) of = NULL;
  float logit[20] = { 0 };

  for (int i = 0; i < 10; i++)
    logit[2 * i + 1] = (float) log (score[i] / (1 - score[i]));
  of = lode_outcomes_new (&in, 10, logit, label, NULL);
  assert_value (of, &in, "auroc:1", .8333333333, 1e-9);
  assert_value (of, &in, "auroc", .8333333333, 1e-9); /* of two classes both are the same */
  assert_value (of, &in, "recall_at:1:0", .25, 1e-12);
  assert_value (of, &in, "recall_at:1:0.17", .75, 1e-12);
  assert_value (of, &in, "recall_at:1:1", 1, 1e-12);
}

/* 200 rows of four unequal classes, with ties. */
enum { ROWS = 200 };

typedef struct Made {
  float logit[ROWS * 4];
  int32_t label[ROWS], group[ROWS];
} Made;

static void
make_rows (Made *made)
{
  for (int i = 0; i < ROWS; i++) {
    int r = (i * 7 + i / 5) % 17, y = r < 9 ? 0 : r < 13 ? 1 : r < 16 ? 2 : 3;

    for (int c = 0; c < 4; c++)
      made->logit[4 * i + c] =
          (float) ((i * 37 + c * 61 + i * i * 7 * c) % 64) / 16 - 2 + (c == y ? 1 : 0);
    made->label[i] = y;
    made->group[i] = i % 3;
  }
}

static LodeOutcomes *
of_made (const LodeMetricsIn *in)
{
  Made made;

  make_rows (&made);
  return lode_outcomes_new (in, ROWS, made.logit, made.label, made.group);
}

static const double costs[] = { 0, 1, 2, 3, 4, 0, 1, 1, 5, 2, 0, 1, 10, 6, 3, 0 },
                    weights[] = { 1, 2, 5, 20 };

/* What scikit-learn 1.9 says of these rows. */
static void
test_peer (void)
{
  static const struct {
    const char *name;
    double value;
  } peer[] = {
    { "accuracy", 0.67 },
    { "balanced_accuracy", 0.67326479956 },
    { "macro_f1", 0.600990216276 },
    { "weighted_f1", 0.693882688764 },
    { "precision", 0.592809231879 },
    { "recall:2", 0.694444444444 },
    { "f1:1", 0.628571428571 },
    { "precision:3", 0.28 },
    { "kappa", 0.527491408935 },
    { "mcc", 0.547802667033 },
    { "nll", 1.08071495819 },
    { "brier", 0.546900500189 },
    { "auroc", 0.799852628918 },
    { "auroc:3", 0.789321789322 },
    { "average_precision", 0.621623096272 },
    { "average_precision:2", 0.563031886518 },
    { "recall_at:2:0.05", 0.277777777778 },
    { "recall_at:2:0.2", 0.722222222222 },
    { "recall_at:2:0", 0.277777777778 },
    { "cost", 0.615 },
    { "cost_accuracy", 0.845283018868 },
    { "ece", 0.14604645821 },
    { "balanced_ece", 0.209608435424 },
    { "classwise_ece", 0.173692159281 },
    { "worst_group:balanced_accuracy", 0.549702380952 },
    { "group_gap:balanced_accuracy", 0.227611296361 },
    { "worst_group:nll", 1.11836068779 },
  };
  LodeMetricsConf conf = *lode_metrics_default ();
  LodeMetricsIn in = in_of (&conf, 4);
  g_autoptr (LodeOutcomes) of = of_made (&in);
  g_autoptr (LodeOutcomes) weighed = NULL;
  LodeMetricsConf by_weight = conf;
  LodeMetricsIn other = in_of (&by_weight, 4);

  conf.cost = (LodeReals){ 16, costs };
  for (size_t i = 0; i < G_N_ELEMENTS (peer); i++)
    assert_value (of, &in, peer[i].name, peer[i].value, 1e-10);
  by_weight.weights = (LodeReals){ 4, weights };
  weighed = of_made (&other);
  assert_value (weighed, &other, "cost_accuracy", 0.667779632721, 1e-10);
}

/* Classes by their training examples: borders are medium; a kind without classes is not defined. */
static void
test_shots (void)
{
  static const uint32_t cells[] = { 9, 1, 0, 0, 0, 8, 2, 0, 0, 0, 7, 3, 4, 0, 0, 6 };
  static const double some[] = { 101, 100, 20, 19 }, many[] = { 500, 400, 300, 200 },
                      step[] = { 50, 50, 5, 5 };
  LodeMetricsIn in = in_of (lode_metrics_default (), 4);
  g_autoptr (LodeOutcomes) of = NULL;
  g_autoptr (LodeOutcomes) all = NULL;
  g_autoptr (LodeOutcomes) two = NULL;

  in.count = some;
  of = of_matrix (&in, cells);
  assert_value (of, &in, "many", .9, 1e-12);
  assert_value (of, &in, "medium", .75, 1e-12);
  assert_value (of, &in, "few", .6, 1e-12);
  in.count = many;
  all = of_matrix (&in, cells);
  assert_value (all, &in, "many", .75, 1e-12);
  g_assert_true (isnan (value_of (all, &in, "few")));
  in.count = step;
  two = of_matrix (&in, cells);
  assert_value (two, &in, "majority", .85, 1e-12);
  assert_value (two, &in, "minority", .65, 1e-12);
}

/* Classes without rows are left out, rows without labels too; a class never decided has precision
 * 0; a logit that is no number is a mistake. */
static void
test_edges (void)
{
  const float logit[] = { 1, 0, 0, 0, 1, 0, 2, 2, 0, NAN, 0, 9, 5, 0, 0 };
  const int32_t label[] = { 0, 1, 0, 0, -1 };
  LodeMetricsIn in = in_of (lode_metrics_default (), 3);
  g_autoptr (LodeOutcomes) of = lode_outcomes_new (&in, 5, logit, label, NULL);
  g_autoptr (LodeOutcomes) none = lode_outcomes_new (&in, 0, logit, label, NULL);

  assert_value (of, &in, "accuracy", .75, 1e-12);
  assert_value (of, &in, "balanced_accuracy", (2.0 / 3 + 1) / 2, 1e-12);
  g_assert_true (isnan (value_of (of, &in, "recall:2")));
  g_assert_true (isnan (value_of (of, &in, "auroc:2")));
  g_assert_true (isnan (value_of (of, &in, "worst_group:accuracy")));
  g_assert_true (isnan (value_of (none, &in, "accuracy")));
  g_assert_true (isnan (value_of (none, &in, "mcc")));
}

/* The worst of groups is what one of them says alone. */
static void
test_groups (void)
{
  LodeMetricsIn in = in_of (lode_metrics_default (), 4);
  g_autoptr (LodeOutcomes) of = of_made (&in);
  double least = INFINITY, most = -INFINITY;
  const int32_t *group;
  uint32_t n = lode_outcomes_groups (of, &group);
  LodeMetric metric;
  Made made;

  make_rows (&made);
  g_assert_true (lode_metric_parse ("accuracy", &in, &metric, NULL));
  g_assert_cmpuint (n, ==, 3);
  for (uint32_t g = 0; g < n; g++) {
    double value = lode_metric_of_group (of, &metric, group[g]);
    g_autoptr (LodeOutcomes) alone = NULL;
    Made part;
    uint32_t m = 0;

    for (int i = 0; i < ROWS; i++)
      if (made.group[i] == group[g]) {
        memcpy (part.logit + 4 * m, made.logit + 4 * i, 4 * sizeof (float));
        part.label[m++] = made.label[i];
      }
    alone = lode_outcomes_new (&in, m, part.logit, part.label, NULL);
    g_assert_cmpfloat (lode_metric_value (alone, &metric), ==, value);
    least = fmin (least, value);
    most = fmax (most, value);
  }
  assert_value (of, &in, "worst_group:accuracy", least, 0);
  assert_value (of, &in, "group_gap:accuracy", most - least, 1e-15);
}

/* Intervals: the same for any number of threads, other ones for another seed, of about the width
 * that the normal distribution has, and narrower with more rows. */
static void
test_intervals (void)
{
  LodeMetricsIn in = in_of (lode_metrics_default (), 4);
  g_autoptr (LodeOutcomes) of = of_made (&in);
  static const char *const names[] = { "accuracy", "auroc:2", "worst_group:accuracy", "nll" };
  LodeMetric metric[4];
  LodeInterval one[4], two[4], other[4];
  double sd = sqrt (0.67 * 0.33 / ROWS);

  for (int j = 0; j < 4; j++)
    g_assert_true (lode_metric_parse (names[j], &in, &metric[j], NULL));
  lode_metric_intervals (of, threads_of (1), 7, 4, metric, one);
  lode_metric_intervals (of, threads_of (3), 7, 4, metric, two);
  lode_metric_intervals (of, threads_of (1), 8, 4, metric, other);
  g_assert_cmpmem (one, sizeof one, two, sizeof two);
  for (int j = 0; j < 4; j++) {
    g_assert_cmpfloat (one[j].low, <, one[j].value);
    g_assert_cmpfloat (one[j].high, >, one[j].value);
  }
  g_assert_cmpfloat (one[3].low, !=, other[3].low);
  g_assert_cmpfloat_with_epsilon (one[0].low, 0.67 - 1.96 * sd, 0.012);
  g_assert_cmpfloat_with_epsilon (one[0].high, 0.67 + 1.96 * sd, 0.012);
}

/* Of many samples of rows with a known accuracy, the intervals of about 95 in 100 hold it. */
static void
test_coverage (void)
{
  LodeMetricsConf conf = *lode_metrics_default ();
  LodeMetricsIn in = in_of (&conf, 2);
  uint32_t held = 0, trials = 300;
  LodeMetric metric;

  conf.bootstrap = 200;
  g_assert_true (lode_metric_parse ("accuracy", &in, &metric, NULL));
  for (uint32_t t = 0; t < trials; t++) {
    g_autoptr (LodeOutcomes) of = NULL;
    float logit[2 * 120] = { 0 };
    int32_t label[120] = { 0 };
    LodeInterval interval;
    LodeRng rng = { .key = 1000 + t };

    for (int i = 0; i < 120; i++)
      logit[2 * i + (lode_rng_uniform (&rng) >= 0.7)] = 1;
    of = lode_outcomes_new (&in, 120, logit, label, NULL);
    lode_metric_intervals (of, threads_of (1), t, 1, &metric, &interval);
    held += interval.low <= 0.7 && 0.7 <= interval.high;
  }
  g_assert_cmpuint (held, >, trials * 90 / 100);
  g_assert_cmpuint (held, <, trials);
}

static void
keep_name (void *data, const char *name, const LodeInterval *interval)
{
  g_string_append_printf (data, "%s%s ", name, isnan (interval->low) ? "" : "+");
}

static void
test_report (void)
{
  static const char *const names[] = { "accuracy", "groups:recall:1", "worst_group:nll" };
  LodeMetricsConf conf = *lode_metrics_default ();
  LodeMetricsIn in = in_of (&conf, 4);
  g_autoptr (LodeOutcomes) of = of_made (&in);
  g_autoptr (GString) told = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  conf.report = (LodeTexts){ 3, names };
  conf.bootstrap = 20;
  g_assert_true (lode_metrics_report (of, threads_of (1), 1, keep_name, told, &error));
  g_assert_cmpstr (told->str, ==,
                   "accuracy+ recall:1_group_0+ recall:1_group_1+ recall:1_group_2+ "
                   "worst_group:nll+ ");
  conf.bootstrap = 0;
  g_string_truncate (told, 0);
  g_assert_true (lode_metrics_report (of, threads_of (1), 1, keep_name, told, &error));
  g_assert_null (strchr (told->str, '+'));
}

static const char *
name_of (const void *data, uint32_t c)
{
  return ((const char *const *) data)[c];
}

static void
test_names (void)
{
  static const char *const classes[] = { "cat", "3", "dog", "owl" };
  static const struct {
    const char *text, *word;
  } wrong[] = { { "sharpness", "there is no \"sharpness\"; expected one of loss, accuracy" },
                { "", "expected the name" },
                { "worst_group", "expected the name" },
                { "accuracy:cat", "too much" },
                { "recall:cow", "no class \"cow\" among the 4" },
                { "recall:4", "0 … 3" },
                { "recall:cat:0.1", "too much" },
                { "recall_at:cat", "CLASS:RATE" },
                { "recall_at:cat:1.5", "no rate" },
                { "recall_at:cat:x", "no rate" },
                { "cost", "metrics.cost" },
                { "few", "training examples" } };
  LodeMetricsConf conf = *lode_metrics_default ();
  LodeMetricsIn in = { .conf = &conf, .k = 4, .class_name = name_of, .data = classes };
  LodeMetric metric;

  g_assert_true (lode_metric_parse ("group_gap:recall:dog", &in, &metric, NULL));
  g_assert_cmpuint (metric.c, ==, 2);
  g_assert_cmpint (lode_metric_sign (&metric), ==, -1);
  g_assert_true (lode_metric_parse ("recall:3", &in, &metric, NULL)); /* a name before a number */
  g_assert_cmpuint (metric.c, ==, 1);
  g_assert_cmpint (lode_metric_sign (&metric), ==, 1);
  g_assert_true (lode_metric_parse ("recall_at:owl:0.05", &in, &metric, NULL));
  g_assert_cmpfloat (metric.rate, ==, 0.05);
  for (size_t i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (lode_metric_parse (wrong[i].text, &in, &metric, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
    if (!strstr (error->message, wrong[i].word))
      g_error ("%s does not say %s", error->message, wrong[i].word);
  }
  conf.cost = (LodeReals){ 3, costs };
  g_assert_false (lode_metric_parse ("cost", &in, &metric, NULL));
  conf.cost = (LodeReals){ 16, costs };
  g_assert_true (lode_metric_parse ("cost", &in, &metric, NULL));
  conf.cost.n = 0;
  conf.weights = (LodeReals){ 4, weights };
  g_assert_true (lode_metric_parse ("cost_accuracy", &in, &metric, NULL));
}

/* A net's figures over its validation split are those of its logits; scores count errors negative.
 */
static void
test_net (void)
{
  static int32_t groups[48];
  Fake fake = small_images ();
  LodeDataConf conf = small_conf ();
  Bench *bench;
  double balanced, score, nll, gap;
  g_autoptr (GError) error = NULL;
  g_autoptr (LodeOutcomes) of = NULL;
  const int32_t *group;

  for (int i = 0; i < 48; i++)
    groups[i] = i / 2;
  fake.has = LODE_HAS_GROUP;
  fake.part[LODE_PART_TRAIN].group = groups;
  bench = bench_new ("mlp", NULL, "ce", &fake, &conf, 2);
  bench_make (bench, (LodeNetIn){ 0 });
  of = lode_net_outcomes (bench->net, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lode_outcomes_groups (of, &group), >, 3);
  g_assert_true (lode_net_measure (bench->net, NULL, NULL, "balanced_accuracy", &balanced, &error));
  g_assert_cmpfloat (balanced, ==, lode_metric_value (of, &(LodeMetric){ .what = 1 }));
  g_assert_true (lode_net_measure (bench->net, NULL, NULL, "nll", &nll, &error));
  g_assert_true (lode_net_measure (bench->net, NULL, NULL, "loss", &score, &error));
  g_assert_cmpfloat_with_epsilon (nll, score, 1e-6);
  g_assert_true (lode_net_score (bench->net, NULL, NULL, "nll", &score, &error));
  g_assert_cmpfloat (score, ==, -nll);
  g_assert_true (lode_net_score (bench->net, NULL, NULL, "loss", &score, &error));
  g_assert_cmpfloat (score, <, 0);
  g_assert_true (lode_net_score (bench->net, NULL, NULL, "accuracy", &score, &error));
  g_assert_cmpfloat (score, >=, 0);
  g_assert_true (lode_net_score (bench->net, NULL, NULL, "group_gap:nll", &gap, &error));
  g_assert_cmpfloat (gap, <, 0);
  g_assert_false (lode_net_score (bench->net, NULL, NULL, "many", &score, &error));
  g_assert_nonnull (strstr (error->message, "not defined"));
  g_assert_cmpuint (lode_net_logits (bench->net), ==, 4);
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/metric/matrix-of-four", test_matrix_of_four);
  g_test_add_func ("/metric/matrix-of-three", test_matrix_of_three);
  g_test_add_func ("/metric/calibration", test_calibration);
  g_test_add_func ("/metric/ranking", test_ranking);
  g_test_add_func ("/metric/peer", test_peer);
  g_test_add_func ("/metric/shots", test_shots);
  g_test_add_func ("/metric/edges", test_edges);
  g_test_add_func ("/metric/groups", test_groups);
  g_test_add_func ("/metric/intervals", test_intervals);
  g_test_add_func ("/metric/coverage", test_coverage);
  g_test_add_func ("/metric/report", test_report);
  g_test_add_func ("/metric/names", test_names);
  g_test_add_func ("/metric/net", test_net);
  return g_test_run ();
}

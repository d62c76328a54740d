/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics themselves, over rows that count a number of times.
 *
 * Recall and precision of each class from the confusion matrix; ranking metrics from rows in
 * falling order of the class's probability, equal ones taken together; calibration from equal bins
 * (lo, hi] (Naeini et al. 2015).
 */
#include "train/metric-private.h"

#include <math.h>

static double
cell (const Draw *draw, uint32_t label, uint32_t decision)
{
  return draw->confusion[(size_t) label * (draw->of->k + 1) + decision];
}

static double
hits (const Draw *draw)
{
  double sum = 0;

  for (uint32_t c = 0; c < draw->of->k; c++)
    sum += cell (draw, c, c);
  return sum;
}

static double
recall_of (const Draw *draw, uint32_t c)
{
  return draw->size[c] > 0 ? cell (draw, c, c) / draw->size[c] : NAN;
}

/* 0 where the class is never decided. */
static double
precision_of (const Draw *draw, uint32_t c)
{
  return draw->taken[c] > 0 ? cell (draw, c, c) / draw->taken[c] : 0;
}

/* 2 hits / (rows + decisions), which is the harmonic mean of the two above; 0 without hits. */
static double
f1_of (const Draw *draw, uint32_t c)
{
  double both = draw->size[c] + draw->taken[c];

  return both > 0 ? 2 * cell (draw, c, c) / both : 0;
}

typedef double (*ClassFunc) (const Draw *, uint32_t c);
typedef bool (*Keep) (const Draw *, uint32_t c);

/* Mean over classes with rows (and that keep says, if given) of what is defined. */
static double
mean_of (const Draw *draw, ClassFunc of, Keep keep)
{
  double sum = 0, n = 0;

  for (uint32_t c = 0; c < draw->of->k; c++) {
    double value = draw->size[c] > 0 && (!keep || keep (draw, c)) ? of (draw, c) : NAN;

    if (!isnan (value)) {
      sum += value;
      n++;
    }
  }
  return n > 0 ? sum / n : NAN;
}

static double
one_or_mean (const Draw *draw, const LodeMetric *metric, ClassFunc of)
{
  if (metric->c == UINT32_MAX)
    return mean_of (draw, of, NULL);
  return draw->size[metric->c] > 0 ? of (draw, metric->c) : NAN;
}

static double
value_accuracy (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return draw->total > 0 ? hits (draw) / draw->total : NAN;
}

static double
value_balanced (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return mean_of (draw, recall_of, NULL);
}

static double
value_recall (const Draw *draw, const LodeMetric *metric)
{
  return one_or_mean (draw, metric, recall_of);
}

static double
value_precision (const Draw *draw, const LodeMetric *metric)
{
  return one_or_mean (draw, metric, precision_of);
}

static double
value_f1 (const Draw *draw, const LodeMetric *metric)
{
  return one_or_mean (draw, metric, f1_of);
}

static double
value_worst (const Draw *draw, const LodeMetric *metric)
{
  double worst = NAN;

  (void) metric;
  for (uint32_t c = 0; c < draw->of->k; c++)
    if (draw->size[c] > 0)
      worst = fmin (worst, recall_of (draw, c));
  return worst;
}

static double
log_recall (const Draw *draw, uint32_t c)
{
  return log (recall_of (draw, c));
}

static double
inverse_recall (const Draw *draw, uint32_t c)
{
  return 1 / recall_of (draw, c);
}

/* 0 if any recall is (Kubat & Matwin 1997). */
static double
value_g_mean (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return exp (mean_of (draw, log_recall, NULL));
}

static double
value_harmonic (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return 1 / mean_of (draw, inverse_recall, NULL);
}

static double
value_weighted_f1 (const Draw *draw, const LodeMetric *metric)
{
  double sum = 0;

  (void) metric;
  for (uint32_t c = 0; c < draw->of->k; c++)
    sum += draw->size[c] * f1_of (draw, c);
  return draw->total > 0 ? sum / draw->total : NAN;
}

/* (p_o − p_e) / (1 − p_e) (Cohen 1960) */
static double
value_kappa (const Draw *draw, const LodeMetric *metric)
{
  double by_chance = 0, total = draw->total;

  (void) metric;
  for (uint32_t c = 0; c < draw->of->k; c++)
    by_chance += draw->size[c] * draw->taken[c] / (total * total);
  return by_chance < 1 ? (hits (draw) / total - by_chance) / (1 - by_chance) : NAN;
}

/* Of several classes (Gorodkin 2004); 0 where only one is decided, or there is only one. */
static double
value_mcc (const Draw *draw, const LodeMetric *metric)
{
  double both = 0, rows = 0, columns = 0, total = draw->total, under;

  (void) metric;
  for (uint32_t c = 0; c < draw->of->k; c++) {
    both += draw->size[c] * draw->taken[c];
    rows += draw->size[c] * draw->size[c];
    columns += draw->taken[c] * draw->taken[c];
  }
  under = (total * total - columns) * (total * total - rows);
  return under > 0 ? (total * hits (draw) - both) / sqrt (under) : 0;
}

/* classes by their training examples */
static bool
is_many (const Draw *draw, uint32_t c)
{
  return draw->of->in.count[c] > draw->of->in.conf->many;
}

static bool
is_few (const Draw *draw, uint32_t c)
{
  return draw->of->in.count[c] < draw->of->in.conf->few;
}

static bool
is_medium (const Draw *draw, uint32_t c)
{
  return !is_many (draw, c) && !is_few (draw, c);
}

/* Above the geometric mean of the largest and the least class. */
static bool
is_majority (const Draw *draw, uint32_t c)
{
  const double *count = draw->of->in.count;
  double most = 0, least = INFINITY;

  for (uint32_t j = 0; j < draw->of->k; j++) {
    most = fmax (most, count[j]);
    least = fmin (least, count[j]);
  }
  return count[c] >= sqrt (most * least);
}

static bool
is_minority (const Draw *draw, uint32_t c)
{
  return !is_majority (draw, c);
}

static double
value_many (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return mean_of (draw, recall_of, is_many);
}

static double
value_medium (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return mean_of (draw, recall_of, is_medium);
}

static double
value_few (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return mean_of (draw, recall_of, is_few);
}

static double
value_majority (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return mean_of (draw, recall_of, is_majority);
}

static double
value_minority (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return mean_of (draw, recall_of, is_minority);
}

/* Part of the other classes' rows that is decided for the class. */
static double
false_alarm_of (const Draw *draw, uint32_t c)
{
  double others = draw->total - draw->size[c];

  return others > 0 ? (draw->taken[c] - cell (draw, c, c)) / others : NAN;
}

static double
value_false_alarm (const Draw *draw, const LodeMetric *metric)
{
  return one_or_mean (draw, metric, false_alarm_of);
}

/* ranking */
/* Rows of equal probability of a class, from the largest: how many are of it, how many not. */
typedef struct Block {
  double yes, no;
} Block;

static bool
next_block (const Draw *draw, uint32_t c, uint32_t *at, Block *block)
{
  const LodeOutcomes *of = draw->of;
  const uint32_t *order = of->order + (size_t) c * of->n;
  double score;

  if (*at >= of->n)
    return false;
  *block = (Block){ 0, 0 };
  score = of->prob[(size_t) order[*at] * of->k + c];
  for (; *at < of->n && of->prob[(size_t) order[*at] * of->k + c] == score; ++*at) {
    uint32_t i = order[*at];

    if (of->label[i] == c)
      block->yes += draw->times[i];
    else
      block->no += draw->times[i];
  }
  return true;
}

/* P (s⁺ > s⁻) + P (tie) / 2 of one class against the rest */
static double
auroc_of (const Draw *draw, uint32_t c)
{
  double yes = draw->size[c], no = draw->total - yes, area = 0, above = 0;
  Block block;

  if (!(yes > 0 && no > 0))
    return NAN;
  for (uint32_t at = 0; next_block (draw, c, &at, &block); above += block.yes)
    area += block.no * (above + block.yes / 2);
  return area / (yes * no);
}

/* Σ (R_i − R_{i−1}) P_i over thresholds, no interpolation */
static double
precision_average (const Draw *draw, uint32_t c)
{
  double yes = 0, all = 0, sum = 0;
  Block block;

  if (!(draw->size[c] > 0))
    return NAN;
  for (uint32_t at = 0; next_block (draw, c, &at, &block);) {
    yes += block.yes;
    all += block.yes + block.no;
    sum += all > 0 ? block.yes * yes / all : 0;
  }
  return sum / draw->size[c];
}

static double
value_auroc (const Draw *draw, const LodeMetric *metric)
{
  return one_or_mean (draw, metric, auroc_of);
}

static double
value_precision_average (const Draw *draw, const LodeMetric *metric)
{
  return one_or_mean (draw, metric, precision_average);
}

/* The largest recall of a threshold that raises no more false alarms than the rate. */
static double
value_recall_at (const Draw *draw, const LodeMetric *metric)
{
  double yes = 0, no = 0, others = draw->total - draw->size[metric->c], best = 0;
  Block block;

  if (!(draw->size[metric->c] > 0 && others > 0))
    return NAN;
  for (uint32_t at = 0; next_block (draw, metric->c, &at, &block);) {
    yes += block.yes;
    no += block.no;
    if (no <= metric->rate * others)
      best = yes / draw->size[metric->c];
  }
  return best;
}

/* probabilities and calibration */
static double
value_nll (const Draw *draw, const LodeMetric *metric)
{
  double sum = 0;

  (void) metric;
  for (uint32_t i = 0; i < draw->of->n; i++)
    if (draw->times[i] > 0)
      sum -= draw->times[i] * draw->of->log_label[i];
  return draw->total > 0 ? sum / draw->total : NAN;
}

/* Σ_c (p_c − [c = y])² (Brier 1950) */
static double
value_brier (const Draw *draw, const LodeMetric *metric)
{
  const LodeOutcomes *of = draw->of;
  double sum = 0;

  (void) metric;
  for (uint32_t i = 0; i < of->n; i++)
    for (uint32_t c = 0; draw->times[i] > 0 && c < of->k; c++) {
      double off = of->prob[(size_t) i * of->k + c] - (of->label[i] == c);

      sum += draw->times[i] * off * off;
    }
  return draw->total > 0 ? sum / draw->total : NAN;
}

/* What bins hold: rows, those that came true, the probability that was claimed. */
typedef struct Bins {
  uint32_t n;
  double *rows, *came, *claimed; /* [n] */
} Bins;

static Bins
bins_new (const Draw *draw)
{
  uint32_t n = (uint32_t) draw->of->in.conf->bins;
  double *memory = g_new0 (double, 3 * (size_t) n);

  return (Bins){ n, memory, memory + n, memory + 2 * (size_t) n };
}

static void
bins_add (Bins *bins, double claimed, bool came, double rows)
{
  double at = ceil (claimed * bins->n) - 1;
  uint32_t b = at > 0 ? MIN ((uint32_t) at, bins->n - 1) : 0;

  bins->rows[b] += rows;
  bins->came[b] += came ? rows : 0;
  bins->claimed[b] += rows * claimed;
}

/* Σ_b rows_b / Σ rows · |came − claimed| of the bin, or the largest of them; frees the bins. */
static double
bins_error (Bins *bins, bool largest)
{
  double sum = 0, total = 0, most = 0;

  for (uint32_t b = 0; b < bins->n; b++) {
    double off = fabs (bins->came[b] - bins->claimed[b]);

    sum += off;
    total += bins->rows[b];
    if (bins->rows[b] > 0)
      most = fmax (most, off / bins->rows[b]);
  }
  g_free (bins->rows);
  return !(total > 0) ? NAN : largest ? most : sum / total;
}

/* Of the decisions; balanced: every class has the same weight. */
static double
decisions_error (const Draw *draw, bool balanced, bool largest)
{
  const LodeOutcomes *of = draw->of;
  Bins bins = bins_new (draw);

  for (uint32_t i = 0; i < of->n; i++) {
    double rows = draw->times[i], claimed = 0;

    if (!(rows > 0))
      continue;
    for (uint32_t c = 0; c < of->k; c++)
      claimed = fmax (claimed, of->prob[(size_t) i * of->k + c]);
    bins_add (&bins, claimed, of->decision[i] == of->label[i],
              balanced ? rows / draw->size[of->label[i]] : rows);
  }
  return bins_error (&bins, largest);
}

static double
value_ece (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return decisions_error (draw, false, false);
}

static double
value_mce (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return decisions_error (draw, false, true);
}

static double
value_balanced_ece (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return decisions_error (draw, true, false);
}

/* Of each class's probability, whatever is decided; mean over all classes. */
static double
value_classwise_ece (const Draw *draw, const LodeMetric *metric)
{
  const LodeOutcomes *of = draw->of;
  double sum = 0;

  (void) metric;
  for (uint32_t c = 0; c < of->k; c++) {
    Bins bins = bins_new (draw);

    for (uint32_t i = 0; i < of->n; i++)
      if (draw->times[i] > 0)
        bins_add (&bins, of->prob[(size_t) i * of->k + c], of->label[i] == c, draw->times[i]);
    sum += bins_error (&bins, false);
  }
  return sum / of->k;
}

/* costs */
/* Of deciding `decision` for a row of `label`: the matrix, else the label's weight where it is
 * wrong. A decision that could not be taken costs the most. */
static double
cost_of (const LodeOutcomes *of, uint32_t label, uint32_t decision)
{
  const LodeMetricsConf *conf = of->in.conf;
  double most = 0;

  if (!conf->cost.n)
    return decision == label ? 0 : conf->weights.at[label];
  if (decision < of->k)
    return conf->cost.at[(size_t) label * of->k + decision];
  for (uint32_t c = 0; c < of->k; c++)
    most = fmax (most, conf->cost.at[(size_t) label * of->k + c]);
  return most;
}

static double
total_cost (const Draw *draw)
{
  double sum = 0;

  for (uint32_t c = 0; c < draw->of->k; c++)
    for (uint32_t d = 0; d <= draw->of->k; d++)
      if (cell (draw, c, d) > 0)
        sum += cell (draw, c, d) * cost_of (draw->of, c, d);
  return sum;
}

static double
value_cost (const Draw *draw, const LodeMetric *metric)
{
  (void) metric;
  return draw->total > 0 ? total_cost (draw) / draw->total : NAN;
}

/* 1 − cost / the cost of the worst decisions: Σ w_y [right] / Σ w_y for weights of classes. */
static double
value_cost_accuracy (const Draw *draw, const LodeMetric *metric)
{
  double worst = 0;

  (void) metric;
  for (uint32_t c = 0; c < draw->of->k; c++)
    worst += draw->size[c] * cost_of (draw->of, c, draw->of->k);
  return worst > 0 ? 1 - total_cost (draw) / worst : NAN;
}

const Value lode_metric_values[] = {
  { "accuracy", value_accuracy, 1 },
  { "balanced_accuracy", value_balanced, 1 },
  { "recall", value_recall, 1, .by_class = true },
  { "precision", value_precision, 1, .by_class = true },
  { "f1", value_f1, 1, .by_class = true },
  { "macro_f1", value_f1, 1 },
  { "weighted_f1", value_weighted_f1, 1 },
  { "worst_recall", value_worst, 1 },
  { "g_mean", value_g_mean, 1 },
  { "harmonic_recall", value_harmonic, 1 },
  { "kappa", value_kappa, 1 },
  { "mcc", value_mcc, 1 },
  { "many", value_many, 1, .asks = ASKS_COUNTS },
  { "medium", value_medium, 1, .asks = ASKS_COUNTS },
  { "few", value_few, 1, .asks = ASKS_COUNTS },
  { "majority", value_majority, 1, .asks = ASKS_COUNTS },
  { "minority", value_minority, 1, .asks = ASKS_COUNTS },
  { "false_alarm", value_false_alarm, -1, .by_class = true },
  { "auroc", value_auroc, 1, .by_class = true },
  { "average_precision", value_precision_average, 1, .by_class = true },
  { "recall_at", value_recall_at, 1, .by_class = true, .by_rate = true, .named = true },
  { "nll", value_nll, -1 },
  { "brier", value_brier, -1 },
  { "ece", value_ece, -1 },
  { "mce", value_mce, -1 },
  { "balanced_ece", value_balanced_ece, -1 },
  { "classwise_ece", value_classwise_ece, -1 },
  { "cost", value_cost, -1, .asks = ASKS_COST },
  { "cost_accuracy", value_cost_accuracy, 1, .asks = ASKS_COST },
};
const uint32_t lode_metric_values_n = G_N_ELEMENTS (lode_metric_values);

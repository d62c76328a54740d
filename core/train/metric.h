/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of merit: what is made of the logits of a split, in float64.
 *
 * A metric is a text: NAME, NAME:CLASS or NAME:CLASS:RATE (a class by name or number), and before
 * it worst_group:, group_gap: or groups:. Each is a function of rows that count a number of times,
 * so a group is rows that count once among others that do not, and an interval is the spread over
 * rows drawn again. Decisions are the largest logit, the lowest of equals. docs/metrics.md names
 * all.
 */
#ifndef LODE_CORE_METRIC_H
#define LODE_CORE_METRIC_H

#include "compute/threads.h"
#include "data/data.h"
#include <lode/option.h>

/* The `metrics` group of a stage. */
typedef struct LodeMetricsConf {
  LodeTexts report;  /* metrics of the test split, and of validation after training */
  int64_t bins;      /* of calibration errors */
  int64_t bootstrap; /* draws of an interval, 0: none */
  double confidence; /* of an interval */
  double many, few;  /* training examples: more, fewer */
  LodeReals weights; /* [k] of classes, or none */
  LodeReals cost;    /* [k][k] of deciding the column for a row, or none */
} LodeMetricsConf;

extern const LodeOption lode_metrics_options[];
extern const uint32_t lode_metrics_options_n;

/* Defaults, for whoever has no such group. */
const LodeMetricsConf *lode_metrics_default (void);

/* What names and options refer to. */
typedef struct LodeMetricsIn {
  const LodeMetricsConf *conf;
  uint32_t k;
  const char *(*class_name) (const void *, uint32_t); /* or NULL */
  const void *data;
  const double *count; /* [k] training examples, or NULL */
} LodeMetricsIn;

/* Classes and counts of a data set; its head may have other classes (k): then they have no names.
 */
LodeMetricsIn lode_metrics_in (const LodeMetricsConf *, const LodeData *, uint32_t k);

enum { LODE_SCOPE_ALL, LODE_SCOPE_WORST, LODE_SCOPE_GAP, LODE_SCOPE_EACH };

typedef struct LodeMetric {
  uint32_t what;  /* its place in the table of names */
  uint32_t scope; /* LODE_SCOPE_… */
  uint32_t c;     /* of a class */
  double rate;    /* of false alarms */
} LodeMetric;

/* LODE_RUN_ERROR_CONFIG: no such metric or class, a cost without a matrix … */
bool lode_metric_parse (const char *text, const LodeMetricsIn *, LodeMetric *, GError **);
/* 1: larger is better, −1: smaller is. */
int lode_metric_sign (const LodeMetric *);

/* Rows with what a net says of them. Those without a label are left out. */
typedef struct LodeOutcomes LodeOutcomes;

/* logit: [n][k]; group: [n], or NULL. All is copied. */
LodeOutcomes *lode_outcomes_new (const LodeMetricsIn *, uint32_t n, const float *logit,
                                 const int32_t *label, const int32_t *group);
void lode_outcomes_free (LodeOutcomes *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeOutcomes, lode_outcomes_free)

/* Groups that rows are of, ascending. */
uint32_t lode_outcomes_groups (const LodeOutcomes *, const int32_t **group);

/* NaN where it is not defined: no rows of a class, no classes of a kind. */
double lode_metric_value (const LodeOutcomes *, const LodeMetric *);
/* Of one group alone; the metric's scope is ignored. */
double lode_metric_of_group (const LodeOutcomes *, const LodeMetric *, int32_t group);

typedef struct LodeInterval {
  double value, low, high; /* NaN: not defined */
} LodeInterval;

/* Percentile intervals (Efron 1979) of conf->bootstrap draws of n rows with replacement: the same
 * for a seed, for any number of threads. Draws in which a metric is not defined are left out.
 * metric, out: [m] */
void lode_metric_intervals (const LodeOutcomes *, LodeThreads *, uint64_t seed, uint32_t m,
                            const LodeMetric *metric, LodeInterval *out);

/* The metrics of conf->report: name, with `groups:` one for each group, value and interval. Errors
 * as in parse. */
typedef void (*LodeMetricFunc) (void *data, const char *name, const LodeInterval *);
bool lode_metrics_report (const LodeOutcomes *, LodeThreads *, uint64_t seed, LodeMetricFunc,
                          void *data, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of metrics: rows made ready, and rows drawn.
 */
#ifndef LODE_CORE_METRIC_PRIVATE_H
#define LODE_CORE_METRIC_PRIVATE_H

#include "train/metric.h"

struct LodeOutcomes {
  LodeMetricsIn in;
  uint32_t n, k;
  double *prob;       /* [n][k] softmax */
  double *log_label;  /* [n] log p of the label */
  uint32_t *label;    /* [n] */
  uint32_t *decision; /* [n]; k: a logit is not a number */
  int32_t *group;     /* [n], or NULL */
  int32_t *groups;    /* [group_n] distinct, ascending */
  uint32_t group_n;
  uint32_t *order; /* [k][n] rows by falling probability of the class */
};

/* Rows with how often each counts. */
typedef struct Draw {
  const LodeOutcomes *of;
  const double *times; /* [n] */
  double *confusion;   /* [k][k + 1] row: label, column: decision */
  double *size;        /* [k] rows of a class */
  double *taken;       /* [k] rows decided for a class */
  double total;
} Draw;

typedef struct Value {
  const char *name;
  double (*of) (const Draw *, const LodeMetric *);
  int sign;
  bool by_class, by_rate; /* a class may be named; a class and a rate must be */
  bool named;             /* a class must be */
  uint32_t asks;          /* ASKS_… */
} Value;

enum { ASKS_NOTHING, ASKS_COUNTS, ASKS_COST };

extern const Value lode_metric_values[];
extern const uint32_t lode_metric_values_n;

Draw *lode_draw_new (const LodeOutcomes *);
void lode_draw_set (Draw *, const double *times);
void lode_draw_free (Draw *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Draw, lode_draw_free)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the two scorings that are compared come from.
 */
#ifndef RANK_SCORING_H
#define RANK_SCORING_H

#include <lode/lode.h>

typedef struct Conf {
  const char *table, *x, *y;
  int64_t sample;
  LodeReals top;
} Conf;

/* A scoring of n architectures: the mean of its seeds, NaN where it has none. */
typedef struct Scoring {
  const char *name;
  bool evaluator; /* filled by the stage, score by score */
  uint32_t seeds;
  double **seed; /* [seeds][n] */
  double *value; /* [n] */
} Scoring;

typedef struct Subject {
  const LodeHost *host;
  const Conf *conf;
  uint32_t n, decisions;
  GByteArray *archs;    /* [n][decisions] */
  LodeBenchmark *table; /* or NULL */
  Scoring x, y;
} Subject;

bool rank_subject_open (Subject *, GError **);
void rank_subject_clear (Subject *);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in groups by what differs, and pairs of groups over everything that does not.
 */
#ifndef LODE_COMPARE_GROUPS_H
#define LODE_COMPARE_GROUPS_H

#include "runs.h"
#include "statistics.h"

typedef struct CompareGroup {
  char *name;
  GPtrArray *runs;          /* CompareRun * */
  double mean[RUN_COLUMNS]; /* NaN: unknown */
  double sd[RUN_COLUMNS];
  double metric, metric_sd;
  guint n, seeds; /* runs that have the metric, independent seeds among them */
  StatVariance variance;
} CompareGroup;

typedef enum {
  VERDICT_FEW,   /* under five independent pairs: numbers alone */
  VERDICT_NONE,  /* the interval holds 0 */
  VERDICT_LEANS, /* it does not, but p is above 0.05 */
  VERDICT_BETTER /* it does not, and p, corrected, is 0.05 at most */
} Verdict;

typedef struct ComparePair {
  guint a, b;         /* groups; differences are a − b */
  guint pairs, units; /* of runs; of independent seeds, over which differences are averaged */
  guint wins, ties;   /* units in which a is better, and as good */
  double mean, sd, p, p_holm, effect;
  StatInterval interval;
  Verdict verdict;
  bool first; /* a is the better one */
} ComparePair;

typedef struct Comparison {
  const CompareRuns *runs;
  const char *metric;
  bool larger;        /* is better */
  bool wilcoxon;      /* instead of the permutation test */
  bool searches;      /* independent seeds are those of the search */
  GPtrArray *factors; /* const char *: paths by which groups differ; NULL: none chosen, all */
  GPtrArray *others;  /* paths that differ within groups */
  GPtrArray *groups;  /* CompareGroup * */
  GArray *pairs;      /* ComparePair */
  GPtrArray *notes;   /* char * */
} Comparison;

/* What the caller wants; NULL or false: as it comes. */
typedef struct CompareWish {
  char **by; /* paths, or ends of them, or "label" */
  const char *metric, *baseline;
  bool force, wilcoxon, smaller;
} CompareWish;

/* NULL with an error: nothing to compare, unknown paths, benchmarks mixed. */
Comparison *compare_new (const CompareRuns *, const CompareWish *, GError **error);
void compare_free (Comparison *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Comparison, compare_free)

/* "a better than b", "no difference shown" … Transfer full. */
char *compare_verdict (const Comparison *, const ComparePair *);

/* differ.c: paths at which kinds differ (const char *, sorted); transfer full. */
GPtrArray *compare_differing (const CompareRuns *);
/* The end of a path that people know it by: without "stages.<stage>.". */
const char *compare_short (const char *path);
/* benchmark.c: what is mixed but for the paths chosen, in a message (transfer full); NULL: nothing.
 */
char *compare_mixed (const CompareRuns *, GPtrArray *differing, GPtrArray *chosen);
/* group.c: groups of the comparison, named. */
bool compare_group (Comparison *, GPtrArray *differing, char **by, GError **error);
/* name.c: names of the groups, as short as tells them apart; value: [groups] of a path. */
void compare_name (Comparison *, GPtrArray *differing);
/* The value of a path in a run; "label" is one. NULL: it has none. */
const char *compare_value (const CompareRun *, const char *path);
/* pair.c: all pairs, or each with the baseline; what is statistical about them. */
bool compare_pairs (Comparison *, const char *baseline, GError **error);

#endif

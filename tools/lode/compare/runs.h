/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finished runs as a comparison sees them: what was configured, the seeds, the figures and costs.
 */
#ifndef LODE_COMPARE_RUNS_H
#define LODE_COMPARE_RUNS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What every run is asked for; NaN where it does not say. */
enum {
  RUN_ACCURACY, /* on the test split */
  RUN_BALANCED, /* the same, each class alike */
  RUN_SEARCH_CPU,
  RUN_SEARCH_MACS,
  RUN_FINAL_CPU, /* training and whatever else is neither search nor evaluation */
  RUN_FINAL_MACS,
  RUN_LABELS, /* used by the search, or by the training where nothing is searched */
  RUN_DISTINCT,
  RUN_PARAMS, /* of the network that came out, and its multiply-adds for one example */
  RUN_MACS,
  RUN_MEMORY,
  RUN_COLUMNS
};

typedef struct RunColumn {
  const char *key, *head; /* of machine-readable tables, of tables for people */
  double scale;           /* value times scale is what the head's unit says */
  int decimals;
  bool spread; /* shown with its standard deviation */
} RunColumn;

extern const RunColumn run_columns[RUN_COLUMNS];

typedef struct RunFigure {
  const char *stage, *name; /* interned */
  double value;
} RunFigure;

/* A configuration without seeds, label and what changes no result. */
typedef struct RunKind {
  GHashTable *value; /* path → text (char *, interned) */
  GHashTable *stage; /* name → its type; both interned */
} RunKind;

typedef struct CompareRun {
  char *path;
  char *label;
  uint64_t seed, search_seed, train_seed;
  bool searches; /* a stage of it searches */
  const RunKind *kind;
  double value[RUN_COLUMNS];
  GArray *figures;   /* RunFigure */
  GHashTable *facts; /* "train.data.sha256" → text: what the data and the space were; interned */
} CompareRun;

typedef struct CompareRuns {
  GPtrArray *runs;  /* CompareRun *, sorted by path */
  GPtrArray *kinds; /* RunKind * */
  GPtrArray *notes; /* char *: what was left out, and why */
  guint unfinished;
} CompareRuns;

/* The runs that the folders are or hold. NULL: a folder is not there. */
CompareRuns *compare_runs_read (char **folders, GError **error);
void compare_runs_free (CompareRuns *);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CompareRuns, compare_runs_free)

/* read.c: one run; NULL with an error. kinds: text of a configuration → RunKind, grows. */
CompareRun *compare_run_read (const char *path, GHashTable *kinds, GError **error);
void compare_run_free (void *run);
/* kind.c: of a configuration's text, from the table or new. */
const RunKind *compare_kind_of (GHashTable *kinds, const char *text, GError **error);
void compare_kind_free (void *kind);

/* A figure: "name" of the last stage that has it, or "stage.name"; NaN where there is none. */
double compare_run_figure (const CompareRun *, const char *name);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A space trained whole: its networks, each of which is trained once for every data set and seed,
 * and the benchmark that comes of it.
 */
#ifndef LODE_VERB_DATA_BUILD_TABLE_H
#define LODE_VERB_DATA_BUILD_TABLE_H

#include "run/benchmark.h"
#include "sweep/sweep.h"

typedef struct BuildConf {
  const char *file, *title;
  int64_t seeds;
} BuildConf;

/* The architectures of a space; those of the same key share a row. */
typedef struct Cells {
  LodeArchFamily family;
  uint32_t decisions;
  GByteArray *arch; /* [n][decisions] */
  GArray *row;      /* uint32_t [n] */
  GPtrArray *text;  /* char * [rows]: of the first of each */
} Cells;

/* Every legal architecture of the backbone that the experiment's stage uses. */
bool cells_find (Cells *, LodeStageHost *, GError **);
void cells_clear (Cells *);

/* All that has been trained, as a file. train, test: names of stages. */
typedef struct Collect {
  const BuildConf *conf;
  const Cells *cells;
  const Sweep *sweep;
  GPtrArray *sets; /* char * */
  const char *train, *test;
} Collect;

bool collect_write (const Collect *, const char *path, GError **);

#endif

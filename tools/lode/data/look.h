/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the words of `lode data` share: telling which plugin reads a path, and opening it as a run
 * would, without a run.
 */
#ifndef LODE_VERB_DATA_H
#define LODE_VERB_DATA_H

#include "common.h"
#include "compute/threads.h"
#include "data/data.h"
#include "run/config.h"
#include "run/experiment.h"

/* What a path is taken for. */
typedef struct Guess {
  const char *type;   /* of the dataset plugin; NULL: nothing that is known */
  const char *option; /* that the path goes to */
  const char *also;   /* another assignment of the plugin's, or NULL */
} Guess;

Guess data_guess (const char *path);

/* A data set opened by its plugin. */
typedef struct Opened {
  LodeRegistry *registry;
  LodeNode *root; /* the configuration: data and one stage */
  LodeExperiment *experiment;
  const LodeStageSpec *spec;
  const LodeDatasetOps *ops;
  LodeThreads *threads;
  LodeHost host;    /* what the plugin sees */
  LodeDataset *set; /* NULL once `data` has it */
  LodeDataInfo info;
  LodeData *data;  /* or NULL: not split yet */
  GPtrArray *said; /* char *: what the plugin logged; warnings begin with "warning: " */
  bool loud;       /* warnings go to stderr as they come */
} Opened;

/* Words are PATH, then assignments of the configuration ("data.side=32"); PATH may be an
 * experiment's .cfg. NULL: what is wrong has been printed, *code is what the verb returns. */
Opened *data_open (char *const *words, bool loud, int *code);
void data_close (Opened *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Opened, data_close)
/* Splits it as its configuration says; conf NULL: as it stands there. */
bool data_split (Opened *, const LodeDataConf *conf, GError **);
/* All that a part carries beside pixels (transfer full each; NULL: has none). n + 1 long. */
typedef struct Carried {
  uint32_t n;
  int32_t *label, *group, *split;
  float *target, *weight;
} Carried;
bool data_carried (const Opened *, uint32_t part, Carried *, GError **);
void carried_clear (Carried *);

/* A value of the tree as text, with a path that may hold anything. */
void data_set_text (LodeNode *root, const char *group, const char *name, const char *text);

/* PNG: pixel [h][w][c], c 1 or 3. png.c */
bool data_write_png (const char *path, const uint8_t *pixel, uint32_t w, uint32_t h, uint32_t c,
                     GError **);

/* The words: argv[0] is "data check" and so on. */
int data_list (int argc, char **argv);
int data_check (int argc, char **argv);
int data_stats (int argc, char **argv);
int data_sheet (int argc, char **argv);
int data_import (int argc, char **argv);
int data_build_table (int argc, char **argv);

/* recipe.c: a whole experiment for a data set of that kind, as configuration; NULL: nothing can be
 * trained on it, *why says so. counts: [classes] of labelled examples. Transfer full. */
char *data_recipe (const Opened *, const char *name, const uint32_t *counts, uint32_t labelled,
                   char **why);

#endif

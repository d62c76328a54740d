/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An experiment: stages whose plugins are loaded and whose options are checked, from a tree of
 * configuration values.
 *
 * A stage's groups (data, backbone, loss, sampler, search, evaluator, executor, fit) begin as the
 * experiment's, take over those of the stage whose net it is given, and end with its own.
 */
#ifndef LODE_CORE_EXPERIMENT_H
#define LODE_CORE_EXPERIMENT_H

#include "data/data.h"
#include "plugin/registry.h"
#include "train/optim.h"
#include <lode/stage.h>

/* What a stage uses; each has a group in the configuration, and is of a kind. */
enum {
  LODE_USE_DATASET,
  LODE_USE_BACKBONE,
  LODE_USE_LOSS,
  LODE_USE_SAMPLER,
  LODE_USE_SEARCH,
  LODE_USE_EVALUATOR,
  LODE_USE_EXECUTOR,
  LODE_USE_ARCH_LOSS,
  LODE_USE_STAGE,
  LODE_USES
};
extern const char *const lode_use_kinds[LODE_USES];

/* A plugin in use, with the struct that its options filled. */
typedef struct LodeUse {
  const LodeLoaded *loaded; /* NULL: the stage has none of this kind */
  void *conf;
} LodeUse;

/* What an input port is connected to. */
typedef struct LodeLink {
  const LodePort *port;
  GPtrArray *from; /* char *: earlier stages, "stage.port", paths of files, architectures as text */
} LodeLink;

typedef struct LodeStageSpec {
  char *name;
  LodeUse use[LODE_USES];
  LodeDataConf data;
  LodeFitConf fit;
  LodeMetricsConf metrics;
  GPtrArray *links;   /* LodeLink * */
  LodeNode *groups;   /* its groups before defaults, as other stages take them over */
  LodeNode *resolved; /* all of it, defaults included */
} LodeStageSpec;

typedef struct LodeExperimentConf {
  const char *experiment, *label, *runs;
  int64_t seed, search_seed, train_seed; /* the latter two −1: as seed */
  int64_t threads;
  double checkpoint;
  bool winograd;
} LodeExperimentConf;

typedef struct LodeExperiment {
  LodeExperimentConf conf;
  GPtrArray *stages;  /* LodeStageSpec * */
  LodeNode *resolved; /* what config.cfg holds: parsed again it gives the same experiment */
  GPtrArray *owner;   /* memory of texts and lists */
} LodeExperiment;

extern const LodeOption lode_experiment_options[];
extern const uint32_t lode_experiment_options_n;

/*
 * Loads every plugin that a stage needs and checks all there is to check before anything runs:
 * names, options, ports, combinations. Mistakes are appended to errors (char *); NULL if there were
 * any. root: may be changed in what is marked as used.
 */
LodeExperiment *lode_experiment_new (LodeRegistry *, LodeNode *root, GPtrArray *errors);
void lode_experiment_free (LodeExperiment *);

static inline const LodeStageSpec *
lode_experiment_stage (const LodeExperiment *experiment, uint32_t i)
{
  return g_ptr_array_index (experiment->stages, i);
}
/* The seed of a stage: the search's where it hosts one, else that of training. */
uint64_t lode_experiment_seed (const LodeExperiment *, const LodeStageSpec *);
/* The stage of that name, or −1. */
int lode_experiment_find (const LodeExperiment *, const char *name);

const LodeLink *lode_stage_link (const LodeStageSpec *, const char *port); /* or NULL */
/* Whether a link is the text of an architecture itself. */
bool lode_link_is_text (const LodeLink *, uint32_t i);
/* "stage" or "stage.port" as position and output port; −1 for a file or a text. */
int lode_link_source (const LodeExperiment *, const LodeLink *, uint32_t i, const LodePort **port);

#endif

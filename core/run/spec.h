/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of an experiment: one stage read from its group.
 */
#ifndef LODE_CORE_SPEC_H
#define LODE_CORE_SPEC_H

#include "run/experiment.h"

#include <string.h>

/* Names of the groups that a stage takes over from the experiment, NULL-ended. */
extern const char *const lode_spec_groups[];

/* One stage; common: the experiment's groups. Never NULL: what is wrong is in errors. Stages before
 * it are in experiment->stages. */
LodeStageSpec *lode_spec_new (LodeRegistry *, LodeExperiment *, const LodeNode *common,
                              LodeNode *group, GPtrArray *errors);
void lode_spec_free (LodeStageSpec *);

/* Values of a dump come from the configuration, each from where it says there, or are defaults. */
void lode_spec_trace (LodeNode *dump, const LodeNode *given);

/* links.c: reads the ports of a stage's group. */
void lode_spec_links (LodeStageSpec *, const LodeExperiment *, LodeNode *group, GPtrArray *errors);
/* The groups of the stage or file whose net an input port is given, merged into `groups`. */
void lode_spec_inherit (const LodeStageSpec *, const LodeExperiment *, LodeNode *groups,
                        GPtrArray *errors);

#endif

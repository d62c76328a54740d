/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an experiment will cost, before it starts: every stage is begun for real, on the real data,
 * and measured for a moment; the rest is the same again, so many times. Inputs that earlier stages
 * would give are made up (a random architecture, a fresh net). Nothing is written.
 */
#ifndef LODE_CORE_PLAN_H
#define LODE_CORE_PLAN_H

#include "run/host.h"

typedef struct LodePlanStage {
  LodeLedger ledger; /* expected at the end; wall in seconds, cpu unset */
  uint64_t steps;    /* of the stage; 0: it does not tell */
  uint64_t params;   /* weights of the largest net it made */
  uint64_t bytes;    /* peak memory of the process up to this stage */
} LodePlanStage;

/* seconds: how long to measure, at least. Errors: as running the stage would give. */
bool lode_plan_stage (const LodeExperiment *, uint32_t stage, uint32_t threads, double seconds,
                      LodePlanStage *, GError **);

/* The step of a training loop under a plan: a few for real, the rest booked. Called by open.c. */
bool lode_plan_fit_step (LodeOpen *, LodeProgress *, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.json: the final figures of a stage, and of a run.
 */
#ifndef LODE_CORE_RESULT_H
#define LODE_CORE_RESULT_H

#include "run/host.h"

/* <stage>/result.json: figures, cost, peak memory, digest of the data. */
bool lode_result_stage (const LodeStageHost *, GError **);
/* result.json of the run: all of its stages' in one, with names and seed. */
bool lode_result_run (const LodeShared *, GError **);

#endif

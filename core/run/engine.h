/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine of a run: threads and kernels as configuration, environment and machine say.
 */
#ifndef LODE_CORE_RUN_ENGINE_H
#define LODE_CORE_RUN_ENGINE_H

#include "run/experiment.h"

/* most: at most so many threads; 0: no limit of the caller's. Errors: LODE_RUN_ERROR_CONFIG for an
 * LODE_ISA that this machine lacks. */
LodeEngine *lode_run_engine (const LodeExperiment *, uint32_t most, GError **);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `lode sweep --plan` prints.
 */
#ifndef LODE_SWEEP_PLAN_H
#define LODE_SWEEP_PLAN_H

#include "sweep.h"

/* Measures one run of each configuration for a moment; the exit code. */
int sweep_plan (const Sweep *, bool json);

#endif

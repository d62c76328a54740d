/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `lode run --plan` prints.
 */
#ifndef LODE_VERB_PRINT_PLAN_H
#define LODE_VERB_PRINT_PLAN_H

#include "go.h"

/* The expected cost of every stage and of all, as a table or as JSON; the exit code. */
int plan_print (const LodeExperiment *, const RunFlags *, bool json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LODE_LIST_H
#define LODE_LIST_H

#include "common.h"

#include "plugin/probe.h"

/* Prints which searches go with which backbones, losses, samplers and evaluators in a stage called
 * `stage`. probed: LodeProbed *, of all kinds; those that do not load are left out. */
int lode_list_matrix (LodeRegistry *, GPtrArray *probed, const char *stage, bool as_json);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many examples of each class there are to be: profiles of unequal classes.
 */
#ifndef LODE_CORE_PROFILE_H
#define LODE_CORE_PROFILE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum { LODE_PROFILE_NONE, LODE_PROFILE_EXP, LODE_PROFILE_STEP };

typedef struct LodeProfile {
  int32_t kind;    /* LODE_PROFILE_… */
  double ratio;    /* of the largest class to the smallest, at least 1 */
  uint32_t most;   /* examples of the largest class */
  double minority; /* STEP: share of the classes that are small */
} LodeProfile;

/*
 * EXP: ⌊most · ratio^(−c / (k − 1))⌋ for c = 0 … k − 1. STEP: most for the first ⌊(1 − minority) k⌋
 * classes, ⌊most / ratio⌋ for the others. At least 1. want: [k]
 */
void lode_profile_counts (const LodeProfile *, uint32_t k, uint32_t *want);

#endif

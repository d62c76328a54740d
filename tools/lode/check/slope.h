/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slopes by central differences, tight enough to see a gradient that is off by a factor of 0.995,
 * and honest about where they cannot be taken.
 */
#ifndef LODE_CHECK_SLOPE_H
#define LODE_CHECK_SLOPE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Slope {
  double value;
  double error; /* what value may be off by; infinite at a kink or where nothing can be said */
} Slope;

/*
 * The slope at 0 of n functions at once. f fills y: [n] at t. Steps of `step`, a half of it … are
 * tried; per function the three neighbours that agree best, extrapolated to order four
 * (Richardson), are taken, if no smaller step contradicts them. A kink within the steps keeps
 * neighbours apart until it falls outside them; one at 0 shows in slopes to the left and the right
 * that do not approach each other.
 */
typedef void (*SlopeFunc) (void *data, double t, double *y);
void slope_take (SlopeFunc f, void *data, uint32_t n, double step, Slope *slope);

/*
 * What a slope says of a gradient. AGREES: within 0.2 % of the scale, where 0.995 of a correct one
 * is not. LOOSELY: the slope is known less well than that, and agrees as far as it is known.
 */
typedef enum { SLOPE_UNKNOWN, SLOPE_LOOSELY, SLOPE_AGREES, SLOPE_DIFFERS } Verdict;
Verdict slope_judge (const Slope *, double found, double scale);

#endif

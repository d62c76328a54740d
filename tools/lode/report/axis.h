/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An axis of a plot: its range, and round numbers along it.
 */
#ifndef LODE_REPORT_AXIS_H
#define LODE_REPORT_AXIS_H

#include "format.h"

#include <stdbool.h>
#include <stdint.h>

enum { AXIS_TICKS = 24 };

typedef struct Axis {
  double low, high; /* of the values, or of their decimal logarithms */
  double from, to;  /* where these lie in the drawing */
  bool log, whole;  /* whole: ticks at whole numbers alone */
  uint32_t n;
  double tick[AXIS_TICKS];
  ReportWord label[AXIS_TICKS];
} Axis;

/* Air at both ends, a share of the range, none across zero; a constant gets a range around it. */
void axis_widen (Axis *, double share);
/* Ticks and labels: about `most` of them. */
void axis_tick (Axis *, uint32_t most);
/*
 * Round numbers (1, 2, 5 times a power of ten) within low … high, which differ: `most` steps at
 * most, each `least` at least. tick: [AXIS_TICKS]; returns how many. *step is their distance.
 */
uint32_t axis_ticks (double low, double high, uint32_t most, double least, double *tick,
                     double *step);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person sees of a run while it goes: a bar with the time left on a terminal, else a line at
 * the beginning and end of each stage. On stderr.
 */
#ifndef LODE_VERB_WATCH_H
#define LODE_VERB_WATCH_H

#include "run/host.h"

typedef struct Watch {
  bool quiet, verbose, bar; /* bar: stderr is a terminal */
  bool drawn;               /* a bar stands on the last line */
  const LodeStageSpec *spec;
  uint32_t stage, stages;
  double begun, told; /* seconds; of the stage, of the last drawing */
  double first;       /* share of the stage that was done when it began here */
} Watch;

void watch_init (Watch *, bool quiet, bool verbose);
LodeWatch watch_view (Watch *);
/* Takes the bar off the screen, before other lines. */
void watch_clear (Watch *);
/* "1 h 02 min", "3 min 05 s", "12.3 s". Transfer full. */
char *watch_time (double seconds);

#endif

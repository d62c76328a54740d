/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guards against the collapse into skips: when to stop, and which architecture to answer with then.
 */
#ifndef DARTS_GUARD_H
#define DARTS_GUARD_H

#include <lode/lode.h>

typedef struct Guard {
  /* the caller's */
  const LodeSpace *space;
  int64_t max_skips; /* in a group of decisions; < 0: any number */
  int64_t from;      /* the curvature stops nothing before this epoch */
  double ratio;      /* of curvatures that stops; 0: none does */

  uint8_t *before; /* [space.n] the architecture an epoch ago */
  uint8_t *answer; /* [space.n] in force once stopped */
  bool stopped;
  GArray *curvature; /* double: of each evaluation */
  GByteArray *archs; /* [evaluations][space.n] */
} Guard;

/* arch: the one to begin with */
void guard_init (Guard *, const uint8_t *arch);
void guard_clear (Guard *);

/* The most skips that a group of decisions has in an architecture. */
uint32_t guard_skips (const LodeSpace *, const uint8_t *arch);
/* At the end of an epoch: stops where a group has more skips than it may have, and answers with the
 * architecture of the epoch before (Liang et al. 2019). Why it stopped, or NULL. */
const char *guard_look (Guard *, const uint8_t *arch);
/*
 * The largest eigenvalue has been found at the end of an epoch (from 1). With v the mean over five
 * evaluations, stops where v now is more than `ratio` times v four evaluations earlier, and answers
 * with the architecture that stood in the middle of those (Zela et al. 2020, §4.3). Why, or NULL.
 */
const char *guard_curvature (Guard *, double value, uint64_t epoch, const uint8_t *arch);

void guard_save (const Guard *, LodeStore *);
bool guard_load (Guard *, const LodeStore *, GError **);

#endif

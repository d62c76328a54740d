/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which paths of a super-network a batch trains: one drawn uniformly, one drawn evenly over what
 * paths cost, or as many as there are options, each option once.
 */
#ifndef SPOS_PATHS_H
#define SPOS_PATHS_H

#include <lode/lode.h>

enum { PATHS_UNIFORM, PATHS_FAIR, PATHS_COST };

typedef struct Paths {
  const LodeHost *host;
  const LodeSpace *space;
  int32_t kind;
  uint32_t tries;
  double max_macs;  /* 0: no limit */
  double low, high; /* multiply-adds, with PATHS_COST */
  uint32_t n;       /* paths of a batch */
  uint8_t *arch;    /* [n][space.n] */
} Paths;

/* kind, tries and max_macs are the caller's. */
bool spos_paths_init (Paths *, const LodeHost *, const LodeSpace *, GError **);
void spos_paths_clear (Paths *);
/* Fills paths->arch for a batch of that number. */
bool spos_paths_draw (Paths *, uint64_t batch, GError **);

#endif

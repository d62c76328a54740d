/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kind `search`: the strategy. One bounded unit of work per step, and the best architecture so far.
 *
 * create → (step → save?)* → best → destroy. After any step `best` gives the anytime answer. All
 * randomness comes from lode_rng, all state goes through lode.state/1: a killed search continues with the same bits.
 */
#ifndef LODE_SEARCH_H
#define LODE_SEARCH_H

#include <lode/host.h>
#include <lode/space.h>

typedef struct LodeSearch LodeSearch;

typedef struct LodeSearchOps {
  size_t size;
  uint32_t needs, reserved; /* LODE_SHARE, LODE_MIX, LODE_SCORES … */
  /* [main]; also called in each worker process where `work` exists. */
  LodeSearch *(*create) (const LodeHost *, const void *conf, const LodeSpace *, GError **);
  void (*destroy) (LodeSearch *);                                  /* [main] accepts NULL */
  bool (*step) (LodeSearch *, LodeProgress *, GError **);          /* [main] */
  void (*best) (const LodeSearch *, uint8_t *arch);                /* [main] arch: [space.n] */
  /* OPTIONAL */
  void (*stand) (const LodeSearch *, LodeChoice *);                /* [main] what stands for it now: α as gates */
  GBytes *(*work) (LodeSearch *, GBytes *job, GError **);          /* [main] pure in job and shared sets */
} LodeSearchOps;

#endif

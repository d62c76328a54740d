/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A search that draws, scores and keeps the last; the files beside this one spoil it.
 */
#ifndef CHECK_BAD_SEARCH_H
#define CHECK_BAD_SEARCH_H

#include "bad.h"

struct LodeSearch {
  const LodeHost *host;
  const LodeSpace *space;
  uint32_t decisions;
  uint64_t done;
  uint64_t luck; /* goes into every draw */
  uint8_t *last; /* [decisions] */
};

enum { TRIALS = 12 };

static LodeSearch *
bad_create (const LodeHost *host, const void *conf, const LodeSpace *space, GError **error)
{
  LodeSearch *search = g_new0 (LodeSearch, 1);

  (void) conf;
  (void) error;
  search->host = host;
  search->space = space;
  search->decisions = space->n;
  search->last = g_new0 (uint8_t, space->n + 1);
  return search;
}

static void
bad_destroy (LodeSearch *search)
{
  if (!search)
    return;
  g_free (search->last);
  g_free (search);
}

static inline bool
draw_one (LodeSearch *search, LodeProgress *progress, GError **error)
{
  LodeRng rng = lode_rng (search->host, "search", search->done, search->luck);
  const uint8_t *arch[] = { search->last };
  LodeScore score = { .size = sizeof score };

  lode_sample (search->host, search->last, &rng);
  search->luck += lode_rng_bits (&rng);
  progress->done = ++search->done;
  progress->of = TRIALS;
  progress->end = search->done >= TRIALS;
  return lode_score (search->host, 1, arch, 1, &score, error);
}

static void
bad_best (const LodeSearch *search, uint8_t *arch)
{
  memcpy (arch, search->last, search->decisions);
}

#endif

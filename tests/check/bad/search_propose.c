/* SPDX-License-Identifier: Apache-2.0 */
/* Has an architecture scored that is none of the space. */
#include "search.h"

static bool
propose_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  const uint8_t *arch[] = { search->last };
  LodeScore score = { .size = sizeof score };

  search->last[1] = 77;
  progress->done = ++search->done;
  return lode_score (search->host, 1, arch, 1, &score, error);
}

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = bad_create,
  .destroy = bad_destroy,
  .step = propose_step,
  .best = bad_best,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("search", "propose") };

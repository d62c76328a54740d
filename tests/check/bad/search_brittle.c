/* SPDX-License-Identifier: Apache-2.0 */
/* Gives up where a score failed. */
#include "search.h"

static bool
brittle_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  uint8_t arch[256] = { 0 };
  const uint8_t *const ask[] = { arch };
  LodeScore score = { .size = sizeof score };

  if (!lode_score (search->host, 1, ask, 1, &score, error))
    return false;
  progress->done = ++search->done;
  progress->of = TRIALS;
  progress->end = search->done >= TRIALS;
  if (score.failed)
    g_set_error_literal (error, g_quark_from_static_string ("lode-bad"), 0, "the score is bad");
  return !score.failed;
}

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = bad_create,
  .destroy = bad_destroy,
  .step = brittle_step,
  .best = bad_best,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("search", "brittle") };

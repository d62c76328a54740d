/* SPDX-License-Identifier: Apache-2.0 */
/* Writes to nowhere in its second step. */
#include "search.h"

static bool
crash_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  volatile int *nowhere = NULL;

  if (search->done == 1)
    *nowhere = 1;
  return draw_one (search, progress, error);
}

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = bad_create,
  .destroy = bad_destroy,
  .step = crash_step,
  .best = bad_best,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("search", "crash") };

/* SPDX-License-Identifier: Apache-2.0 */
/* Never comes back from its second step. */
#include "search.h"

static bool
hang_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  for (volatile int on = search->done == 1; on;)
    ;
  return draw_one (search, progress, error);
}

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = bad_create,
  .destroy = bad_destroy,
  .step = hang_step,
  .best = bad_best,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("search", "hang") };

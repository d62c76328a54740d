/* SPDX-License-Identifier: Apache-2.0 */
/* Its best architecture is none of the space once it has made a step. */
#include "search.h"

static bool
stray_step (LodeSearch *search, LodeProgress *progress, GError **error)
{
  return draw_one (search, progress, error);
}

static void
stray_best (const LodeSearch *search, uint8_t *arch)
{
  bad_best (search, arch);
  if (search->done > 0)
    arch[0] = 200;
}

static const LodeSearchOps ops = {
  .size = sizeof (LodeSearchOps),
  .needs = LODE_SCORES,
  .create = bad_create,
  .destroy = bad_destroy,
  .step = stray_step,
  .best = stray_best,
};

LODE_EXPORT const LodePlugin lode_plugin = { BAD ("search", "stray") };

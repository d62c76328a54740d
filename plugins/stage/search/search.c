/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a search to its end and hands on the best architecture.
 */
#include <lode/lode.h>

struct LodeStage {
  const LodeHost *host;
  const LodeSearchOps *ops;
  LodeSearch *search;
};

static LodeStage *
search_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  (void) conf;
  stage->host = host;
  stage->ops = lode_search_new (host, &stage->search, error);
  if (!stage->ops)
    g_clear_pointer (&stage, g_free);
  return stage;
}

static void
search_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  stage->ops->destroy (stage->search);
  g_free (stage);
}

/* The best architecture as artefact, its cost as figures. */
static bool
hand_on (LodeStage *stage, GError **error)
{
  g_autofree uint8_t *arch = g_new0 (uint8_t, lode_stage_space (stage->host)->n + 1);
  uint64_t macs, params;

  stage->ops->best (stage->search, arch);
  if (!lode_arch_save (stage->host, "arch", arch, error)
      || !lode_cost (stage->host, arch, &macs, &params, error))
    return false;
  lode_result (stage->host, "macs", (double) macs);
  lode_result (stage->host, "params", (double) params);
  return true;
}

static bool
search_step (LodeStage *stage, LodeProgress *progress, GError **error)
{
  return stage->ops->step (stage->search, progress, error)
         && (!progress->end || hand_on (stage, error));
}

static const LodePort in[] = { { "net", LODE_ART_NET, false, false }, { NULL } };
static const LodePort out[] = { { "arch", LODE_ART_ARCH, true, false }, { NULL } };

static const LodeStageOps ops = {
  .size = sizeof (LodeStageOps),
  .gives = LODE_SCORES | LODE_LABELS | LODE_SEEN | LODE_FEATURES | LODE_PROBS | LODE_EMBEDDING
           | LODE_VALID,
  .in = in,
  .out = out,
  .create = search_create,
  .destroy = search_destroy,
  .step = search_step,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "stage",
  .name = "search",
  .version = "1.0",
  .summary = "runs a search and hands on the best architecture",
  .license = "Apache-2.0",
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a search to its end, or until a budget is spent, and hands on the best architecture and the
 * super-network where the search trained one. With `repeat` it runs the search over and over, from
 * one seed after the other: for scores that cost next to nothing, such as those of a table.
 */
#include "repeat.h"

#include <string.h>

typedef struct Conf {
  int64_t scores, samples;
  double macs, seconds, wall;
  int64_t repeat;
} Conf;

struct LodeStage {
  const LodeHost *host;
  Conf conf;
  const LodeSearchOps *ops;
  LodeSearch *search;
  Repeats repeats;
};

static bool
search_open (LodeStage *stage, GError **error)
{
  if (stage->ops)
    stage->ops->destroy (stage->search);
  stage->search = NULL;
  stage->ops = lode_search_new (stage->host, &stage->search, error);
  return stage->ops != NULL;
}

static void
search_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  if (stage->ops)
    stage->ops->destroy (stage->search);
  search_repeats_clear (&stage->repeats);
  g_free (stage);
}

static LodeStage *
search_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  stage->host = host;
  stage->conf = *(const Conf *) conf;
  lode_stage_limit (host, stage->conf.seconds);
  if (search_open (stage, error)) {
    search_repeats_init (&stage->repeats, lode_stage_space (host)->n);
    return stage;
  }
  search_destroy (stage);
  return NULL;
}

/* Whether a budget is spent. 0 is no budget. */
static bool
is_spent (const LodeStage *stage)
{
  const Conf *conf = &stage->conf;
  LodeSpent spent = { .size = sizeof spent };

  lode_spent (stage->host, &spent);
  return (conf->scores > 0 && spent.scores >= (uint64_t) conf->scores)
         || (conf->samples > 0 && spent.samples >= (uint64_t) conf->samples)
         || (conf->macs > 0 && (double) spent.macs >= conf->macs)
         || (conf->seconds > 0 && spent.seconds >= conf->seconds)
         || (conf->wall > 0 && spent.wall >= conf->wall);
}

static bool
advance (LodeStage *stage, LodeProgress *progress, GError **error)
{
  if (!stage->ops->step (stage->search, progress, error))
    return false;
  progress->end = progress->end || is_spent (stage);
  return true;
}

/* A super-network that this search trained, rather than was given. */
static bool
hand_on_net (LodeStage *stage, GError **error)
{
  g_autofree char *given = lode_art_path (stage->host, "net", 0, NULL);
  LodeNet *net = given ? NULL : lode_net_current (stage->host);

  return !net || lode_net_save (stage->host, "shared", net, NULL, error);
}

/* The best architecture as artefact, its cost as figures. */
static bool
hand_on (LodeStage *stage, const uint8_t *arch, GError **error)
{
  uint64_t macs, params;

  if (!lode_arch_save (stage->host, "arch", arch, error)
      || !lode_cost (stage->host, arch, &macs, &params, error))
    return false;
  lode_result (stage->host, "macs", (double) macs);
  lode_result (stage->host, "params", (double) params);
  return true;
}

static bool
end_once (LodeStage *stage, GError **error)
{
  uint32_t n = lode_stage_space (stage->host)->n;
  g_autofree uint8_t *arch = g_new0 (uint8_t, (gsize) n + 1);
  LodeScore score = { .size = sizeof score };
  LodeQuotes quotes = { .size = sizeof quotes };

  if (lode_best (stage->host, arch, &score))
    lode_result (stage->host, "best_score", score.value);
  stage->ops->best (stage->search, arch);
  if (!lode_stage_quote (stage->host, arch, &quotes, error))
    return false;
  for (uint32_t i = 0; i < quotes.n; i++)
    lode_result (stage->host, quotes.name[i], quotes.value[i]);
  return hand_on (stage, arch, error) && hand_on_net (stage, error);
}

/* A whole repetition; the first one's architecture stands for the stage. */
static bool
repeat_step (LodeStage *stage, LodeProgress *progress, GError **error)
{
  g_autofree uint8_t *arch = g_new0 (uint8_t, (gsize) stage->repeats.decisions + 1);
  LodeProgress within = { .size = sizeof within };

  stage->ops->destroy (stage->search);
  stage->ops = NULL;
  lode_stage_repeat (stage->host, stage->repeats.n);
  if (!search_open (stage, error))
    return false;
  while (!within.end)
    if (!advance (stage, &within, error))
      return false;
  stage->ops->best (stage->search, arch);
  if (!search_repeats_add (&stage->repeats, stage->host, arch, error))
    return false;
  progress->done = stage->repeats.n;
  progress->of = (uint64_t) stage->conf.repeat;
  progress->phase = "repeat";
  progress->end = progress->done >= progress->of;
  return !progress->end
         || (search_repeats_write (&stage->repeats, stage->host, error)
             && hand_on (stage, stage->repeats.archs->data, error));
}

static bool
search_step (LodeStage *stage, LodeProgress *progress, GError **error)
{
  if (stage->conf.repeat > 0)
    return repeat_step (stage, progress, error);
  return advance (stage, progress, error) && (!progress->end || end_once (stage, error));
}

static void
search_save (const void *instance, LodeStore *store)
{
  search_repeats_save (&((const LodeStage *) instance)->repeats, store);
}

static bool
search_load (void *instance, const LodeStore *store, GError **error)
{
  return search_repeats_load (&((LodeStage *) instance)->repeats, store, error);
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = search_save,
                                    .load = search_load };

static const void *
search_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodePort in[] = { { "net", LODE_ART_NET, false, false }, { NULL } };
static const LodePort out[] = { { "arch", LODE_ART_ARCH, true, false },
                                { "shared", LODE_ART_NET, false, false },
                                { "repeats", LODE_ART_SCORES, false, false },
                                { NULL } };

static const LodeOption options[] = {
  LODE_OPTION (Conf, scores, .number = 0, .min = 0, .max = 1e15, .unit = "architectures",
               .doc = "ends the search when so many have been scored; 0: it ends by itself"),
  LODE_OPTION (Conf, samples, .number = 0, .min = 0, .max = 1e15, .unit = "samples",
               .doc = "ends it when so many have gone through a network; 0: no such budget"),
  LODE_OPTION (Conf, macs, .number = 0, .min = 0, .max = 1e24, .unit = "multiply-adds",
               .doc = "ends it when so many were made, backward passes counting twice; 0: no such "
                      "budget"),
  LODE_OPTION (Conf, seconds, .number = 0, .min = 0, .max = 1e12, .unit = "seconds",
               .doc = "ends it when its scores say that they took so long; of a table's, whose "
                      "time is simulated, the one that goes beyond is cut off. 0: no such "
                      "budget"),
  LODE_OPTION (Conf, wall, .number = 0, .min = 0, .max = 1e12, .unit = "seconds",
               .doc =
                   "ends it after so long by the clock, which gives other results every time; 0: "
                   "no such budget"),
  LODE_OPTION (Conf, repeat, .number = 0, .min = 0, .max = 1e6, .unit = "searches",
               .doc = "runs the search from so many seeds, the run's and those behind it, for "
                      "scores that cost next to nothing; 0: once"),
};

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
  .summary = "runs a search within its budget and hands on the best architecture",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
  .query = search_query,
};

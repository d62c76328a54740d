/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A score by training: the architecture from fresh weights by the stage's `fit` group, for its
 * budget times the fidelity, then a metric of validation.
 */
#include <lode/lode.h>

typedef struct Conf {
  const char *figure;
} Conf;

struct LodeEvaluator {
  const LodeHost *host;
  Conf conf;
};

static LodeEvaluator *
train_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeEvaluator *evaluator = g_new0 (LodeEvaluator, 1);

  (void) error;
  evaluator->host = host;
  evaluator->conf = *(const Conf *) conf;
  return evaluator;
}

static void
train_destroy (LodeEvaluator *evaluator)
{
  g_free (evaluator);
}

/* Steps the loop until its share of the budget is spent. */
static bool
fit (LodeFit *loop, double fidelity, GError **error)
{
  LodeProgress progress = { .size = sizeof progress };

  while (!progress.end
         && (progress.of == 0 || (double) progress.done < fidelity * (double) progress.of))
    if (!lode_fit_step (loop, &progress, error))
      return false;
  return true;
}

static bool
train (const LodeEvaluator *evaluator, const LodeChoice *choice, LodeNet *net, double fidelity,
       double *value, GError **error)
{
  LodeFit *loop = lode_fit_new (evaluator->host, net, choice, error);
  bool ok = loop && fit (loop, fidelity, error)
            && lode_net_score (net, choice, NULL, evaluator->conf.figure, value, error);

  lode_fit_free (loop);
  return ok;
}

/* A fresh net of the choice, trained and measured. Weights that ran away are a property of the
 * architecture, hence a score; any other error is not. */
static bool
score_choice (const LodeEvaluator *evaluator, const LodeChoice *choice, uint64_t id,
              double fidelity, LodeScore *score, GError **error)
{
  LodeNetIn in = { .size = sizeof in, .choice = choice, .id = id };
  LodeNet *net = lode_net_new (evaluator->host, &in, error);
  g_autoptr (GError) failure = NULL;

  if (!net)
    return false;
  score->failed = !train (evaluator, choice, net, fidelity, &score->value, &failure);
  lode_net_free (net);
  if (!score->failed)
    return true;
  score->value = -INFINITY;
  if (lode_error_diverged (failure))
    return true;
  g_propagate_error (error, g_steal_pointer (&failure));
  return false;
}

static bool
train_score (LodeEvaluator *evaluator, const uint8_t *arch, uint64_t id, double fidelity,
             LodeScore *score, GError **error)
{
  const LodeHost *host = evaluator->host;
  const LodeSpace *space = lode_stage_space (host);
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n + 1);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  int64_t start = g_get_monotonic_time ();
  bool ok;

  lode_space_one (space, arch, mask);
  ok = lode_cost (host, arch, &score->macs, &score->params, error)
       && score_choice (evaluator, &choice, id, fidelity, score, error);
  score->seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  return ok;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, figure, .text = "accuracy",
               .doc = "metric of validation that is the score; errors and costs count negative"),
};

static const LodeEvaluatorOps ops = {
  .size = sizeof (LodeEvaluatorOps),
  .needs = LODE_VALID,
  .create = train_create,
  .destroy = train_destroy,
  .score = train_score,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "evaluator",
  .name = "train",
  .version = "1.0",
  .summary = "a metric of validation after training from fresh weights",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

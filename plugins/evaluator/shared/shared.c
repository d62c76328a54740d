/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A score by the weights of a super-network: the architecture's path through it, with batch-norm
 * statistics of its own re-estimated (Guo et al. 2020, §3.4), then a metric of validation. No
 * weight changes.
 */
#include <lode/lode.h>

typedef struct Conf {
  int64_t recalibrate;
  const char *figure;
} Conf;

struct LodeEvaluator {
  const LodeHost *host;
  Conf conf;
};

static LodeEvaluator *
shared_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeEvaluator *evaluator = g_new0 (LodeEvaluator, 1);

  (void) error;
  evaluator->host = host;
  evaluator->conf = *(const Conf *) conf;
  return evaluator;
}

static void
shared_destroy (LodeEvaluator *evaluator)
{
  g_free (evaluator);
}

/* Statistics of the choice's own, or NULL for the net's. */
static bool
measure (const LodeEvaluator *evaluator, LodeNet *net, const LodeChoice *choice, double *value,
         GError **error)
{
  LodeStats *stats = evaluator->conf.recalibrate ? lode_stats_new (net) : NULL;
  bool ok =
      !stats
      || lode_net_recalibrate (net, choice, (uint32_t) evaluator->conf.recalibrate, stats, error);

  ok = ok && lode_net_score (net, choice, stats, evaluator->conf.figure, value, error);
  lode_stats_free (stats);
  return ok;
}

static bool
shared_score (LodeEvaluator *evaluator, const uint8_t *arch, uint64_t id, double fidelity,
              LodeScore *score, GError **error)
{
  LodeNet *net = lode_net_current (evaluator->host);
  int64_t start = g_get_monotonic_time ();
  g_autofree uint64_t *mask = NULL;
  g_autoptr (GError) failure = NULL;
  LodeChoice choice = { .size = sizeof choice };

  (void) id;
  (void) fidelity;
  if (!net) {
    g_set_error_literal (
        error, g_quark_from_static_string ("lode-shared"), 0,
        "evaluator shared: there is no super-network; connect one with net = \"<stage>\"; or use "
        "evaluator.type = \"train\"");
    return false;
  }
  mask = g_new0 (uint64_t, lode_net_space (net)->n + 1);
  lode_space_one (lode_net_space (net), arch, mask);
  choice.mask = mask;
  if (!lode_cost (evaluator->host, arch, &score->macs, &score->params, error))
    return false;
  score->failed = !measure (evaluator, net, &choice, &score->value, &failure);
  score->seconds = (double) (g_get_monotonic_time () - start) / 1e6;
  if (!score->failed)
    return true;
  score->value = -INFINITY;
  if (lode_error_diverged (failure))
    return true;
  g_propagate_error (error, g_steal_pointer (&failure));
  return false;
}

static const LodeOption options[] = {
  LODE_OPTION (Conf, recalibrate, .number = 4, .min = 0, .max = 65536, .unit = "batches",
               .doc = "batches that re-estimate the norms of each architecture; 0: the "
                      "super-network's statistics"),
  LODE_OPTION (Conf, figure, .text = "accuracy",
               .doc = "metric of validation that is the score; errors and costs count negative"),
};

static const LodeEvaluatorOps ops = {
  .size = sizeof (LodeEvaluatorOps),
  .needs = LODE_SHARE | LODE_VALID,
  .create = shared_create,
  .destroy = shared_destroy,
  .score = shared_score,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "evaluator",
  .name = "shared",
  .version = "1.0",
  .summary = "a metric of validation with the weights of a super-network",
  .license = "Apache-2.0",
  .reference = "Z. Guo et al. Single Path One-Shot Neural Architecture Search with Uniform "
               "Sampling. ECCV 2020",
  .bibtex = "@inproceedings{guo2020single,\n"
            "  title = {Single Path One-Shot Neural Architecture Search with Uniform Sampling},\n"
            "  author = {Guo, Zichao and Zhang, Xiangyu and Mu, Haoyuan and Heng, Wen and Liu, "
            "Zechun and Wei, Yichen\n"
            "            and Sun, Jian},\n"
            "  booktitle = {European Conference on Computer Vision},\n"
            "  year = {2020},\n"
            "  url = {https://arxiv.org/abs/1904.00420}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one look at the test split: a trained net on all of it, with stored statistics. One step is
 * one batch.
 */
#include <lode/lode.h>

#include <string.h>

struct LodeStage {
  const LodeHost *host;
  LodeNet *net;
  LodeStream *test;
  bool classes;     /* targets are classes */
  uint64_t batches; /* seen */
  double loss, correct, n;
};

static void
evaluate_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  lode_stream_close (stage->test);
  lode_net_free (stage->net);
  g_free (stage);
}

static LodeStage *
evaluate_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  (void) conf;
  stage->host = host;
  stage->net = lode_net_open (host, "net", 0, error);
  if (stage->net)
    stage->test = lode_stream_open (host, LODE_ROLE_TEST, error);
  if (stage->test)
    return stage;
  evaluate_destroy (stage);
  return NULL;
}

static bool
look (LodeStage *stage, const LodeBatch *batch, GError **error)
{
  LodePass pass = { .size = sizeof pass, .want = LODE_STORED };

  if (!lode_net_pass (stage->net, batch, NULL, &pass, error))
    return false;
  stage->classes = batch->label != NULL;
  stage->loss += pass.loss * pass.n;
  stage->correct += pass.correct;
  stage->n += pass.n;
  return true;
}

static void
report (const LodeStage *stage)
{
  if (stage->classes)
    lode_result (stage->host, "test_accuracy", stage->correct / stage->n);
  lode_result (stage->host, "test_loss", stage->loss / stage->n);
}

static bool
evaluate_step (LodeStage *stage, LodeProgress *progress, GError **error)
{
  const LodeBatch *batch = lode_stream_next (stage->test, error);
  uint32_t batches = lode_stream_batches (stage->test);
  bool ok = batch && look (stage, batch, error);

  if (batch)
    lode_stream_release (stage->test, batch);
  if (!ok)
    return false;
  progress->done = ++stage->batches;
  progress->of = batches;
  progress->phase = "test";
  progress->end = stage->batches >= batches;
  if (progress->end)
    report (stage);
  return true;
}

static void
evaluate_save (const void *instance, LodeStore *store)
{
  const LodeStage *stage = instance;
  const double sums[] = { stage->loss, stage->correct, stage->n, stage->classes };

  lode_store_put (store, "batches", LODE_TYPE_U64, 1, &stage->batches);
  lode_store_put (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums);
}

static bool
evaluate_load (void *instance, const LodeStore *store, GError **error)
{
  LodeStage *stage = instance;
  uint64_t batches;
  double sums[4];

  if (!lode_store_get (store, "batches", LODE_TYPE_U64, 1, &batches, error)
      || !lode_store_get (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums, error))
    return false;
  stage->batches = batches;
  stage->loss = sums[0];
  stage->correct = sums[1];
  stage->n = sums[2];
  stage->classes = sums[3] > 0;
  return true;
}

static const LodeStateOps state = { .size = sizeof (LodeStateOps),
                                    .save = evaluate_save,
                                    .load = evaluate_load };

static const void *
evaluate_query (const char *id)
{
  return strcmp (id, LODE_STATE_ID) ? NULL : &state;
}

static const LodePort in[] = { { "net", LODE_ART_NET, true, false }, { NULL } };
static const LodePort out[] = { { NULL } };

static const LodeStageOps ops = {
  .size = sizeof (LodeStageOps),
  .gives = LODE_LABELS | LODE_SEEN | LODE_FEATURES | LODE_PROBS | LODE_EMBEDDING | LODE_VALID,
  .rights = LODE_RIGHT_TEST,
  .in = in,
  .out = out,
  .create = evaluate_create,
  .destroy = evaluate_destroy,
  .step = evaluate_step,
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "stage",
  .name = "evaluate",
  .version = "1.0",
  .summary = "accuracy and loss of a trained net on the test split",
  .license = "Apache-2.0",
  .ops = &ops,
  .query = evaluate_query,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one look at the test split: a trained net on all of it, with stored statistics. One step is
 * one batch.
 */
#include <lode/lode.h>

#include <string.h>

enum { MOST_CLASSES = 1 << 24 }; /* that a checkpoint is believed */

struct LodeStage {
  const LodeHost *host;
  LodeNet *net;
  LodeStream *test;
  bool classes;     /* targets are classes */
  uint64_t batches; /* seen */
  double loss, correct, n;
  GArray *seen, *hits; /* double, of each class so far */
};

static void
evaluate_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  lode_stream_close (stage->test);
  lode_net_free (stage->net);
  g_array_unref (stage->seen);
  g_array_unref (stage->hits);
  g_free (stage);
}

static LodeStage *
evaluate_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  (void) conf;
  stage->host = host;
  stage->seen = g_array_new (FALSE, TRUE, sizeof (double));
  stage->hits = g_array_new (FALSE, TRUE, sizeof (double));
  stage->net = lode_net_open (host, "net", 0, error);
  if (stage->net)
    stage->test = lode_stream_open (host, LODE_ROLE_TEST, error);
  if (stage->test)
    return stage;
  evaluate_destroy (stage);
  return NULL;
}

/* hit: [n] */
static void
count_classes (LodeStage *stage, const LodeBatch *batch, const uint8_t *hit)
{
  for (uint32_t i = 0; batch->label && i < batch->n; i++) {
    uint32_t label = (uint32_t) batch->label[i];

    if (batch->label[i] < 0)
      continue;
    if (label >= stage->seen->len) {
      g_array_set_size (stage->seen, label + 1);
      g_array_set_size (stage->hits, label + 1);
    }
    g_array_index (stage->seen, double, label)++;
    g_array_index (stage->hits, double, label) += hit[i];
  }
}

/* Mean accuracy of the classes that the split holds (Brodersen et al. 2010). */
static double
balanced (const LodeStage *stage)
{
  double sum = 0, classes = 0;

  for (uint32_t c = 0; c < stage->seen->len; c++)
    if (g_array_index (stage->seen, double, c) > 0) {
      sum += g_array_index (stage->hits, double, c) / g_array_index (stage->seen, double, c);
      classes++;
    }
  return sum / classes;
}

static bool
look (LodeStage *stage, const LodeBatch *batch, GError **error)
{
  g_autofree uint8_t *hit = g_new0 (uint8_t, (size_t) batch->n + 1);
  LodePass pass = { .size = sizeof pass, .want = LODE_STORED, .hit = hit };

  if (!lode_net_pass (stage->net, batch, NULL, &pass, error))
    return false;
  stage->classes = batch->label != NULL;
  stage->loss += pass.loss * pass.n;
  stage->correct += pass.correct;
  stage->n += pass.n;
  count_classes (stage, batch, hit);
  return true;
}

static void
report (const LodeStage *stage)
{
  if (stage->classes) {
    lode_result (stage->host, "test_accuracy", stage->correct / stage->n);
    lode_result (stage->host, "test_balanced_accuracy", balanced (stage));
  }
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
  lode_store_put (store, "classes", LODE_TYPE_U32, 1, &stage->seen->len);
  lode_store_put (store, "seen", LODE_TYPE_F64, stage->seen->len, stage->seen->data);
  lode_store_put (store, "hits", LODE_TYPE_F64, stage->hits->len, stage->hits->data);
}

static bool
load_classes (LodeStage *stage, const LodeStore *store, GError **error)
{
  uint32_t classes;

  if (!lode_store_get (store, "classes", LODE_TYPE_U32, 1, &classes, error))
    return false;
  if (classes > MOST_CLASSES) {
    g_set_error (error, g_quark_from_static_string ("lode-evaluate"), 0,
                 "stage evaluate: its checkpoint counts %u classes, expected %u at most", classes,
                 (unsigned) MOST_CLASSES);
    return false;
  }
  g_array_set_size (stage->seen, classes);
  g_array_set_size (stage->hits, classes);
  return lode_store_get (store, "seen", LODE_TYPE_F64, classes, stage->seen->data, error)
         && lode_store_get (store, "hits", LODE_TYPE_F64, classes, stage->hits->data, error);
}

static bool
evaluate_load (void *instance, const LodeStore *store, GError **error)
{
  LodeStage *stage = instance;
  uint64_t batches;
  double sums[4];

  if (!lode_store_get (store, "batches", LODE_TYPE_U64, 1, &batches, error)
      || !lode_store_get (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums, error)
      || !load_classes (stage, store, error))
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
  /* A teacher is for training: nothing asks for one here. */
  .gives = LODE_LABELS | LODE_SEEN | LODE_FEATURES | LODE_PROBS | LODE_EMBEDDING | LODE_VALID
           | LODE_TEACHER,
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

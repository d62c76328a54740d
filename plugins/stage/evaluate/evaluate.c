/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one look at the test split: a trained net on all of it, with stored statistics, then the
 * metrics of what it says. One step is one batch.
 */
#include <lode/lode.h>

#include <string.h>

enum { MOST_ROWS = 1 << 28 }; /* that a checkpoint is believed */

struct LodeStage {
  const LodeHost *host;
  LodeNet *net;
  LodeStream *test;
  bool classes, grouped; /* targets are classes; examples have groups */
  uint64_t batches;      /* seen */
  double loss, n;
  GArray *logit, *label, *group; /* float [n][k], int32_t [n] of classes so far */
};

static void
evaluate_destroy (LodeStage *stage)
{
  if (!stage)
    return;
  lode_stream_close (stage->test);
  lode_net_free (stage->net);
  g_array_unref (stage->logit);
  g_array_unref (stage->label);
  g_array_unref (stage->group);
  g_free (stage);
}

static LodeStage *
evaluate_create (const LodeHost *host, const void *conf, GError **error)
{
  LodeStage *stage = g_new0 (LodeStage, 1);

  (void) conf;
  stage->host = host;
  stage->logit = g_array_new (FALSE, TRUE, sizeof (float));
  stage->label = g_array_new (FALSE, TRUE, sizeof (int32_t));
  stage->group = g_array_new (FALSE, TRUE, sizeof (int32_t));
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
  uint32_t k = lode_net_logits (stage->net);
  g_autofree float *logit = g_new (float, (size_t) batch->n *k);
  LodePass pass = { .size = sizeof pass, .want = LODE_STORED, .logit = logit };

  if (!lode_net_pass (stage->net, batch, NULL, &pass, error))
    return false;
  stage->loss += pass.loss * pass.n;
  stage->n += pass.n;
  stage->classes = batch->label != NULL;
  stage->grouped = batch->group != NULL;
  if (!batch->label)
    return true;
  g_array_append_vals (stage->logit, logit, batch->n * k);
  g_array_append_vals (stage->label, batch->label, batch->n);
  if (batch->group)
    g_array_append_vals (stage->group, batch->group, batch->n);
  return true;
}

static bool
report (const LodeStage *stage, GError **error)
{
  LodeLogits logits = { .size = sizeof logits,
                        .n = stage->label->len,
                        .k = lode_net_logits (stage->net),
                        .logit = (const float *) (void *) stage->logit->data,
                        .label = (const int32_t *) (void *) stage->label->data,
                        .group =
                            stage->grouped ? (const int32_t *) (void *) stage->group->data : NULL };

  if (stage->classes && !lode_figures (stage->host, "test", &logits, error))
    return false;
  lode_result (stage->host, "test_loss", stage->loss / stage->n);
  return true;
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
  return !progress->end || report (stage, error);
}

static void
evaluate_save (const void *instance, LodeStore *store)
{
  const LodeStage *stage = instance;
  const double sums[] = { stage->loss, stage->n, stage->classes, stage->grouped };
  const uint32_t length[] = { stage->logit->len, stage->label->len, stage->group->len };

  lode_store_put (store, "batches", LODE_TYPE_U64, 1, &stage->batches);
  lode_store_put (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums);
  lode_store_put (store, "length", LODE_TYPE_U32, G_N_ELEMENTS (length), length);
  lode_store_put (store, "logit", LODE_TYPE_F32, stage->logit->len, stage->logit->data);
  lode_store_put (store, "label", LODE_TYPE_I32, stage->label->len, stage->label->data);
  lode_store_put (store, "group", LODE_TYPE_I32, stage->group->len, stage->group->data);
}

static bool
check_length (const LodeStage *stage, const uint32_t *length, GError **error)
{
  uint64_t k = lode_net_logits (stage->net);

  if (length[1] <= MOST_ROWS && length[0] == k * length[1]
      && (length[2] == 0 || length[2] == length[1]))
    return true;
  g_set_error (error, g_quark_from_static_string ("lode-evaluate"), 0,
               "stage evaluate: its checkpoint holds %u logits, %u labels and %u groups, expected "
               "%" G_GUINT64_FORMAT " logits a label and as many groups or none",
               length[0], length[1], length[2], k);
  return false;
}

static bool
load_rows (LodeStage *stage, const LodeStore *store, GError **error)
{
  uint32_t length[3];

  if (!lode_store_get (store, "length", LODE_TYPE_U32, G_N_ELEMENTS (length), length, error)
      || !check_length (stage, length, error))
    return false;
  g_array_set_size (stage->logit, length[0]);
  g_array_set_size (stage->label, length[1]);
  g_array_set_size (stage->group, length[2]);
  return lode_store_get (store, "logit", LODE_TYPE_F32, length[0], stage->logit->data, error)
         && lode_store_get (store, "label", LODE_TYPE_I32, length[1], stage->label->data, error)
         && lode_store_get (store, "group", LODE_TYPE_I32, length[2], stage->group->data, error);
}

static bool
evaluate_load (void *instance, const LodeStore *store, GError **error)
{
  LodeStage *stage = instance;
  uint64_t batches;
  double sums[4];

  if (!lode_store_get (store, "batches", LODE_TYPE_U64, 1, &batches, error)
      || !lode_store_get (store, "sums", LODE_TYPE_F64, G_N_ELEMENTS (sums), sums, error)
      || !load_rows (stage, store, error))
    return false;
  stage->batches = batches;
  stage->loss = sums[0];
  stage->n = sums[1];
  stage->classes = sums[2] > 0;
  stage->grouped = sums[3] > 0;
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
  .summary = "metrics and loss of a trained net on the test split",
  .license = "Apache-2.0",
  .ops = &ops,
  .query = evaluate_query,
};

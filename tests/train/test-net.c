/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pass does besides gradients: outputs, statistics, reports, the ledger, freezing, partial
 * sets, and what it refuses.
 */
#include "train/fixture.h"

typedef struct Hand {
  Bench *bench;
  LodeStream *stream;
  const LodeBatch *batch;
  LodeParams *grad;
  float *dgate;
} Hand;

/* A super-network and a batch of the weights' stream. */
static Hand
hand_new (LodeNetIn in)
{
  Hand hand = { .bench = cells_bench (2) };

  bench_make (hand.bench, in);
  hand.stream = bench_stream (hand.bench, LODE_ROLE_WEIGHTS, 6);
  hand.batch = next_of (hand.stream);
  hand.grad = lode_params_dup (lode_net_params (hand.bench->net), hand.bench->net, NULL);
  hand.dgate = g_new0 (float, lode_net_space (hand.bench->net)->options + 1);
  return hand;
}

static void
hand_clear (Hand *hand)
{
  lode_stream_release (hand->stream, hand->batch);
  lode_stream_close (hand->stream);
  lode_params_free (hand->grad);
  g_free (hand->dgate);
  bench_free (hand->bench);
}

static double
loss_of (Hand *hand, uint32_t want, const LodeChoice *choice)
{
  LodePass pass = { .size = sizeof pass, .want = want, .grad = hand->grad, .dgate = hand->dgate };

  pass_of (hand->bench->net, hand->batch, choice, &pass);
  return pass.loss;
}

static void
refuse_pass (Hand *hand, const LodeBatch *batch, LodePass pass, int code, const char *text)
{
  g_autoptr (GError) error = NULL;
  uint64_t before = net_hash (hand->bench->net);

  pass.size = sizeof pass;
  g_assert_false (lode_net_pass (hand->bench->net, batch, NULL, &pass, &error));
  g_assert_error (error, LODE_RUN_ERROR, code);
  if (!strstr (error->message, text))
    g_error ("\"%s\" does not mention \"%s\"", error->message, text);
  g_assert_cmpuint (net_hash (hand->bench->net), ==, before);
}

/* Logits, features, loss and hits agree with each other. */
static void
test_outputs (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  LodeNet *net = hand.bench->net;
  const LodeParamSet *w = (const LodeParamSet *) lode_net_params (net);
  const LodeSlot *head =
      lode_layout_slot (w->layout, (uint32_t) lode_layout_find (w->layout, "head.weight"));
  uint32_t n = hand.batch->n, k = 4, d = head->dim[2], correct = 0;
  g_autofree float *logit = g_new (float, n *k), *feature = g_new (float, (size_t) n *d);
  const float *weight = w->at[lode_layout_find (w->layout, "head.weight")];
  const float *bias = w->at[lode_layout_find (w->layout, "head.bias")];
  g_autofree uint8_t *hit = g_new0 (uint8_t, n);
  LodePass pass = { .size = sizeof pass, .logit = logit, .feature = feature, .hit = hit };
  double loss = 0;

  pass_of (net, hand.batch, NULL, &pass);
  for (uint32_t i = 0; i < n; i++) {
    double sum = 0;
    uint32_t best = 0;

    for (uint32_t c = 0; c < k; c++) {
      double z = (double) bias[c];

      for (uint32_t j = 0; j < d; j++)
        z += (double) feature[i * d + j] * (double) weight[j * k + c];
      g_assert_cmpfloat_with_epsilon (z, (double) logit[i * k + c], 1e-4);
      sum += exp ((double) logit[i * k + c]);
      best = logit[i * k + c] > logit[i * k + best] ? c : best;
    }
    correct += (int32_t) best == hand.batch->label[i];
    g_assert_cmpuint (hit[i], ==, (int32_t) best == hand.batch->label[i]);
    loss += (log (sum) - (double) logit[i * k + (uint32_t) hand.batch->label[i]]) / n;
  }
  g_assert_cmpuint (pass.n, ==, n);
  g_assert_cmpuint (pass.correct, ==, correct);
  g_assert_cmpfloat_with_epsilon (pass.loss, loss, 1e-5);
  hand_clear (&hand);
}

/* Statistics move with TRACK alone; with the batch's they play no part. */
static void
test_statistics (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  LodeNet *net = hand.bench->net;
  uint64_t fresh = stats_hash (lode_net_stats (net)), moved;
  double batch = loss_of (&hand, 0, NULL), stored = loss_of (&hand, LODE_STORED, NULL);
  LodeStats *own = lode_stats_new (net);
  LodePass pass = { .size = sizeof pass, .want = LODE_TRACK, .stats = own };

  g_assert_cmpuint (stats_hash (lode_net_stats (net)), ==, fresh);
  g_assert_cmpfloat (batch, !=, stored);
  g_assert_cmpfloat (loss_of (&hand, LODE_TRACK, NULL), ==, batch);
  moved = stats_hash (lode_net_stats (net));
  g_assert_cmpuint (moved, !=, fresh);
  g_assert_cmpfloat (loss_of (&hand, 0, NULL), ==, batch);
  g_assert_cmpfloat (loss_of (&hand, LODE_STORED, NULL), !=, stored);
  pass_of (net, hand.batch, NULL, &pass); /* into a set of one's own */
  g_assert_cmpuint (stats_hash (own), ==, moved);
  g_assert_cmpuint (stats_hash (lode_net_stats (net)), ==, moved);
  lode_stats_free (own);
  hand_clear (&hand);
}

/* OBSERVE tells of labelled batches of the weights' stream, and nothing else does. */
static void
test_observe (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  Bench *bench = hand.bench;
  LodeBatch other = *hand.batch;
  double loss = loss_of (&hand, LODE_WEIGHTS, NULL);
  LodePass pass = { .size = sizeof pass, .want = LODE_OBSERVE };

  g_assert_cmpuint (bench->seen, ==, 0);
  loss_of (&hand, LODE_WEIGHTS | LODE_OBSERVE, NULL);
  g_assert_cmpuint (bench->seen, ==, 1);
  g_assert_cmpfloat_with_epsilon (bench->seen_loss, loss, 1e-6);
  for (uint32_t i = 0; i < hand.batch->n; i++) {
    double sum = 0;

    for (uint32_t c = 0; c < 4; c++)
      sum += (double) bench->prob[i * 4 + c];
    g_assert_cmpfloat_with_epsilon (sum, 1, 1e-5);
  }
  other.role = LODE_ROLE_ARCH;
  pass_of (bench->net, &other, NULL, &pass);
  g_assert_cmpuint (bench->seen, ==, 1);
  hand_clear (&hand);
}

/* Every pass is booked: its samples, and whether backward went below the head. */
static void
test_count (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  Bench *bench = hand.bench;
  uint64_t macs;

  g_assert_true (lode_net_cost (&bench->spec, &(LodeNetIn){ .shared = true }, &macs, NULL, NULL));
  loss_of (&hand, 0, NULL);
  g_assert_cmpuint (bench->counted, ==, 6);
  g_assert_cmpuint (bench->macs, ==, macs);
  g_assert_cmpuint (bench->deep, ==, 0);
  loss_of (&hand, LODE_WEIGHTS, NULL);
  g_assert_cmpuint (bench->deep, ==, 1);
  lode_net_freeze (bench->net, "backbone.", true);
  loss_of (&hand, LODE_WEIGHTS, NULL);
  g_assert_cmpuint (bench->deep, ==, 1);
  loss_of (&hand, LODE_WEIGHTS | LODE_GATES, NULL);
  g_assert_cmpuint (bench->deep, ==, 2);
  lode_net_freeze (bench->net, "backbone.stem", false);
  loss_of (&hand, LODE_WEIGHTS, NULL);
  g_assert_cmpuint (bench->deep, ==, 3);
  g_assert_cmpuint (bench->counted, ==, 30);
  hand_clear (&hand);
}

/* Frozen weights get no gradient and keep no mark; the others' is what it was. */
static void
test_freeze (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  LodeNet *net = hand.bench->net;
  LodeParams *whole = lode_params_dup (hand.grad, net, NULL);
  const LodeParamSet *g = (const LodeParamSet *) hand.grad, *all = (const LodeParamSet *) whole;
  size_t bytes, frozen_bytes;
  uint64_t macs, whole_macs;
  double loss = loss_of (&hand, LODE_WEIGHTS, NULL);

  lode_params_copy (whole, hand.grad);
  lode_net_freeze (net, "backbone.", true);
  g_assert_cmpfloat (loss_of (&hand, LODE_WEIGHTS, NULL), ==, loss);
  for (uint32_t i = 0; i < g->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (g->layout, i);
    bool head = g_str_has_prefix (slot->name, "head.");

    bytes = lode_slot_size (slot) * sizeof (float);
    g_assert_true (g->touched[i] == head);
    if (head)
      g_assert_cmpmem (g->at[i], bytes, all->at[i], bytes);
    for (size_t j = 0; !head && j < lode_slot_size (slot); j++)
      g_assert_cmpfloat (g->at[i][j], ==, 0);
  }
  g_assert_true (lode_net_footprint (net, 6, LODE_GRAD_WEIGHTS, &frozen_bytes, &macs, NULL));
  lode_net_freeze (net, "", false);
  loss_of (&hand, LODE_WEIGHTS, NULL);
  g_assert_cmpuint (params_hash (hand.grad), ==, params_hash (whole));
  g_assert_true (lode_net_footprint (net, 6, LODE_GRAD_WEIGHTS, &bytes, &whole_macs, NULL));
  g_assert_cmpuint (macs, ==, whole_macs);
  g_assert_cmpuint (macs, ==, hand.bench->macs);
  g_assert_cmpuint (frozen_bytes, <, bytes); /* nothing below the head is kept for backward */
  lode_params_free (whole);
  hand_clear (&hand);
}

/* One path: its weights alone are copied, suffice for a pass, and get the gradient of the whole
 * set's pass. */
static void
test_path (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  LodeNet *net = hand.bench->net;
  const LodeSpace *space = lode_net_space (net);
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n);
  g_autofree uint8_t *arch = g_new0 (uint8_t, space->n);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  LodeParams *part, *grad;
  LodeRng rng = { .key = 3 };
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS };
  uint64_t params;
  double loss;

  hand.bench->family->ops->sample (hand.bench->family->backbone, arch, &rng);
  lode_space_one (space, arch, mask);
  part = lode_params_dup (lode_net_params (net), net, &choice);
  grad = lode_params_dup (part, net, NULL);
  g_assert_true (lode_net_cost (
      &hand.bench->spec, &(LodeNetIn){ .shared = true, .choice = &choice }, NULL, &params, NULL));
  g_assert_cmpuint (lode_params_count (part), ==, params);
  g_assert_cmpuint (lode_params_count (grad), ==, params);
  loss = loss_of (&hand, LODE_WEIGHTS, &choice);
  pass.at = part;
  pass.grad = grad;
  pass_of (net, hand.batch, &choice, &pass);
  g_assert_cmpfloat (pass.loss, ==, loss);
  for (uint32_t i = 0; i < ((LodeParamSet *) grad)->slots; i++) {
    const LodeParamSet *a = (const LodeParamSet *) grad, *b = (const LodeParamSet *) hand.grad;
    size_t bytes = lode_slot_size (lode_layout_slot (a->layout, i)) * sizeof (float);

    g_assert_true (b->touched[i] == (a->at[i] != NULL));
    if (a->at[i])
      g_assert_cmpmem (a->at[i], bytes, b->at[i], bytes);
  }
  pass.grad = hand.grad;
  refuse_pass (&hand, hand.batch, pass, LODE_RUN_ERROR_CONFIG, "lacks");
  lode_params_free (part);
  lode_params_free (grad);
  hand_clear (&hand);
}

/* At other weights the net's own are not read, and never written. */
static void
test_other_weights (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  LodeNet *net = hand.bench->net;
  LodeParams *other = lode_params_dup (lode_net_params (net), net, NULL);
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS, .at = other, .grad = hand.grad };
  uint64_t own = params_hash (lode_net_params (net));
  double loss = loss_of (&hand, 0, NULL);

  lode_params_axpy (other, 0.5, other);
  pass_of (net, hand.batch, NULL, &pass);
  g_assert_cmpfloat (pass.loss, !=, loss);
  g_assert_cmpfloat (loss_of (&hand, 0, NULL), ==, loss);
  g_assert_cmpuint (params_hash (lode_net_params (net)), ==, own);
  lode_params_free (other);
  hand_clear (&hand);
}

/* The auxiliary loss adds up, and moves the second head. */
static void
test_auxiliary (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true, .aux = true });
  LodeNet *net = hand.bench->net;
  LodePass pass = { .size = sizeof pass, .want = LODE_AUX, .aux_weight = 0 };
  const LodeParamSet *g = (const LodeParamSet *) hand.grad;
  int32_t slot = lode_layout_find (g->layout, "head.auxiliary.weight");
  double plain = loss_of (&hand, LODE_WEIGHTS, NULL), half;

  g_assert_cmpint (slot, >=, 0);
  g_assert_false (g->touched[slot]);
  pass_of (net, hand.batch, NULL, &pass);
  g_assert_cmpfloat (pass.loss, ==, plain);
  pass.aux_weight = 0.5f;
  pass_of (net, hand.batch, NULL, &pass);
  half = pass.loss - plain;
  g_assert_cmpfloat (half, >, 0.1);
  pass.aux_weight = 1;
  pass.want |= LODE_WEIGHTS;
  pass.grad = hand.grad;
  pass_of (net, hand.batch, NULL, &pass);
  g_assert_cmpfloat_with_epsilon (pass.loss - plain, 2 * half, 1e-6);
  g_assert_true (g->touched[slot]);
  hand_clear (&hand);
}

/* Smoothing is for gradients: another loss there, the plain one elsewhere. */
static void
test_smoothing (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  Bench *bench = hand.bench;
  double plain = loss_of (&hand, LODE_WEIGHTS, NULL);

  g_assert_cmpfloat (loss_of (&hand, 0, NULL), ==, plain);
  bench->spec.label_smoothing = 0.2;
  bench_make (bench, (LodeNetIn){ .shared = true });
  g_assert_cmpfloat (loss_of (&hand, 0, NULL), ==, plain);
  lode_params_free (hand.grad);
  hand.grad = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);
  g_assert_cmpfloat (loss_of (&hand, LODE_WEIGHTS, NULL), !=, plain);
  hand_clear (&hand);
}

/* A picture that is not a number: which batch, which examples; nothing of it stays behind. */
static void
test_not_a_number (void)
{
  static const char *const name[] = { "darts", "resnet", "mlp" };

  for (int i = 0; i < 3; i++) {
    Fake fake = small_images ();
    LodeDataConf conf = small_conf ();
    Hand hand = { .bench = bench_new (name[i], i ? NULL : cells_group (4, 3, 2), "ce", &fake, &conf,
                                      1) };
    size_t size = 6 * 8 * 8 * 3;
    g_autofree float *pixel = NULL;
    g_autofree char *key = NULL, *examples = NULL;
    LodeBatch bad;

    bench_make (hand.bench, (LodeNetIn){ .shared = true });
    hand.stream = bench_stream (hand.bench, LODE_ROLE_WEIGHTS, 6);
    hand.batch = next_of (hand.stream);
    hand.grad = lode_params_dup (lode_net_params (hand.bench->net), hand.bench->net, NULL);
    pixel = g_memdup2 (hand.batch->pixel, size * sizeof *pixel);
    pixel[size / 2] = NAN;
    bad = *hand.batch;
    bad.pixel = pixel;
    key = g_strdup_printf ("%016" G_GINT64_MODIFIER "x", bad.key);
    examples = g_strdup_printf ("examples %u, %u, %u", bad.index[0], bad.index[1], bad.index[2]);
    for (int track = 0; track < 2; track++) {
      LodePass pass = { .want = LODE_WEIGHTS | (track ? LODE_TRACK : 0) | LODE_OBSERVE,
                        .grad = hand.grad };

      refuse_pass (&hand, &bad, pass, LODE_RUN_ERROR_NUMBER, key);
      refuse_pass (&hand, &bad, pass, LODE_RUN_ERROR_NUMBER, examples);
    }
    g_assert_cmpuint (hand.bench->seen, ==, 0);
    g_assert_cmpfloat (lode_params_dot (hand.grad, hand.grad), ==, 0);
    g_assert_true (isfinite (loss_of (&hand, LODE_WEIGHTS | LODE_TRACK, NULL)));
    hand_clear (&hand);
  }
}

static void
test_refused (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true }),
       other = hand_new ((LodeNetIn){ .shared = true });
  LodeNet *net = hand.bench->net;
  int32_t label[6] = { 0, 1, 2, 3, 4, 0 };
  LodeBatch batch = *hand.batch;
  LodeStats *foreign = lode_stats_new (other.bench->net);

  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_WEIGHTS }, LODE_RUN_ERROR_CONFIG,
               "no set to write it to");
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_GATES }, LODE_RUN_ERROR_CONFIG, "no array");
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_STORED | LODE_TRACK }, LODE_RUN_ERROR_CONFIG,
               "not both");
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_AUX }, LODE_RUN_ERROR_CONFIG, "aux");
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_WEIGHTS, .grad = lode_net_params (net) },
               LODE_RUN_ERROR_CONFIG, "overwrite");
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_WEIGHTS, .grad = other.grad },
               LODE_RUN_ERROR_CONFIG, "another net");
  refuse_pass (&hand, &batch, (LodePass){ .at = other.grad }, LODE_RUN_ERROR_CONFIG, "another net");
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_TRACK, .stats = foreign },
               LODE_RUN_ERROR_CONFIG, "another net");
  batch.shape.w = 7;
  refuse_pass (&hand, &batch, (LodePass){ 0 }, LODE_RUN_ERROR_CONFIG, "8 × 7 × 3");
  batch = *hand.batch;
  batch.n = 0;
  refuse_pass (&hand, &batch, (LodePass){ 0 }, LODE_RUN_ERROR_CONFIG, "0 samples");
  batch = *hand.batch;
  batch.label = label;
  refuse_pass (&hand, &batch, (LodePass){ 0 }, LODE_RUN_ERROR_CONFIG, "class 4");
  label[4] = -1;
  refuse_pass (&hand, &batch, (LodePass){ .want = LODE_WEIGHTS, .grad = hand.grad },
               LODE_RUN_ERROR_DATA, "no label");
  lode_stats_free (foreign);
  hand_clear (&hand);
  hand_clear (&other);
}

/* Rows without a class still have logits; the loss says that there is none. */
static void
test_unlabelled (void)
{
  Hand hand = hand_new ((LodeNetIn){ .shared = true });
  int32_t label[6] = { -1, -1, -1, -1, -1, -1 };
  float logit[2][24];
  LodeBatch batch = *hand.batch;
  uint8_t hit[6] = { 1, 1, 1, 1, 1, 1 };
  LodePass pass = { .size = sizeof pass, .logit = logit[0] };

  pass_of (hand.bench->net, &batch, NULL, &pass);
  batch.label = label;
  pass.hit = hit;
  pass.logit = logit[1];
  pass_of (hand.bench->net, &batch, NULL, &pass);
  g_assert_cmpmem (logit[0], sizeof logit[0], logit[1], sizeof logit[1]);
  g_assert_true (isnan (pass.loss));
  g_assert_cmpuint (pass.correct, ==, 0);
  for (int i = 0; i < 6; i++)
    g_assert_cmpuint (hit[i], ==, 0);
  hand_clear (&hand);
}

/* A mask of another space's weights, and a choice that the net was not made for. */
static void
test_choices (void)
{
  Bench *bench = cells_bench (1);
  const LodeSpace *space = bench->family->space;
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n), *other = g_new0 (uint64_t, space->n);
  LodeChoice own = { .size = sizeof own, .mask = mask }, not = { .size = sizeof not };
  LodePass pass = { .size = sizeof pass };
  g_autoptr (GError) error = NULL;
  LodeStream *stream;
  const LodeBatch *batch;
  LodeParams *copy;

  lode_space_all (space, mask);
  lode_space_all (space, other);
  mask[0] = 1 << 4; /* the first edge of the normal cell: a separable convolution alone */
  bench_make (bench, (LodeNetIn){ .shared = true, .choice = &own });
  g_assert_cmpmem (lode_net_mask (bench->net), space->n * sizeof *mask, mask,
                   space->n * sizeof *mask);
  stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 6);
  batch = next_of (stream);
  pass_of (bench->net, batch, NULL, &pass);
  pass_of (bench->net, batch, &not, &pass); /* a choice without a mask: the net's own */
  not .mask = other;
  g_assert_false (lode_net_pass (bench->net, batch, &not, &pass, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  copy = lode_params_dup (lode_net_params (bench->net), bench->net, &not );
  g_assert_cmpuint (lode_params_count (copy), ==, lode_params_count (lode_net_params (bench->net)));
  pass_of (bench->net, batch, NULL, &pass); /* a refused choice leaves no trace */
  lode_params_free (copy);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/net/outputs", test_outputs);
  g_test_add_func ("/net/statistics", test_statistics);
  g_test_add_func ("/net/observe", test_observe);
  g_test_add_func ("/net/count", test_count);
  g_test_add_func ("/net/freeze", test_freeze);
  g_test_add_func ("/net/path", test_path);
  g_test_add_func ("/net/other-weights", test_other_weights);
  g_test_add_func ("/net/auxiliary", test_auxiliary);
  g_test_add_func ("/net/smoothing", test_smoothing);
  g_test_add_func ("/net/not-a-number", test_not_a_number);
  g_test_add_func ("/net/refused", test_refused);
  g_test_add_func ("/net/unlabelled", test_unlabelled);
  g_test_add_func ("/net/choices", test_choices);
  return g_test_run ();
}

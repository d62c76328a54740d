/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validation figures against what passes say, statistics re-estimated against those of one batch of
 * everything, and nets of real targets or fed by the example's index.
 */
#include "train/fixture.h"

/* Batches of eight, the last one smaller: the figures of all rows. */
static void
test_figures (void)
{
  Bench *bench = cells_bench (2);
  LodeStream *stream;
  double accuracy, loss, hits = 0, sum = 0, value;
  uint32_t n = 0;
  g_autoptr (GError) error = NULL;

  bench->spec.batch = 6;
  bench_make (bench, (LodeNetIn){ .shared = true });
  g_assert_true (lode_net_recalibrate (bench->net, NULL, 3, NULL, &error));
  stream = stream_of (bench->data, (LodeStreamSpec){ .role = LODE_ROLE_VALID, .batch = 5 });
  for (uint32_t i = 0, batches = lode_stream_batches (stream); i < batches; i++) {
    const LodeBatch *batch = next_of (stream);
    LodePass pass = { .size = sizeof pass, .want = LODE_STORED };

    pass_of (bench->net, batch, NULL, &pass);
    hits += pass.correct;
    sum += pass.loss * pass.n;
    n += pass.n;
    lode_stream_release (stream, batch);
  }
  lode_stream_close (stream);
  g_assert_cmpuint (n, ==, 16);
  g_assert_true (lode_net_measure_both (bench->net, NULL, NULL, &accuracy, &loss, &error));
  g_assert_cmpfloat (accuracy, ==, hits / n);
  g_assert_cmpfloat_with_epsilon (loss, sum / n, 1e-6);
  g_assert_true (lode_net_measure (bench->net, NULL, NULL, "accuracy", &value, &error));
  g_assert_cmpfloat (value, ==, accuracy);
  g_assert_true (lode_net_measure (bench->net, NULL, NULL, "loss", &value, &error));
  g_assert_cmpfloat (value, ==, loss);
  g_assert_false (lode_net_measure (bench->net, NULL, NULL, "beauty", &value, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "beauty"));
  bench_free (bench);
}

/* Nothing is dropped out in validation, whatever the choice says; its gates count. */
static void
test_choice (void)
{
  Bench *bench = cells_bench (1);
  const LodeSpace *space = bench->family->space;
  g_autofree float *gate = some_gates (space, 3), *drop = g_new0 (float, space->options);
  LodeChoice choice = { .size = sizeof choice, .gate = gate };
  double plain, gated, dropped;

  bench_make (bench, (LodeNetIn){ .shared = true });
  for (uint32_t o = 0; o < space->options; o++)
    drop[o] = 0.5f;
  g_assert_true (lode_net_measure (bench->net, NULL, NULL, "loss", &plain, NULL));
  g_assert_true (lode_net_measure (bench->net, &choice, NULL, "loss", &gated, NULL));
  choice.drop = drop;
  g_assert_true (lode_net_measure (bench->net, &choice, NULL, "loss", &dropped, NULL));
  g_assert_cmpfloat (plain, !=, gated);
  g_assert_cmpfloat (dropped, ==, gated);
  bench_free (bench);
}

/* [2][c] mean and variance of the first norm */
static const float *
stem (LodeNet *net, LodeStats *stats, size_t *n)
{
  const LodeStatSet *set = (const LodeStatSet *) stats;
  int32_t slot = lode_layout_find (set->layout, "backbone.stem.norm");

  (void) net;
  g_assert_cmpint (slot, >=, 0);
  *n = lode_slot_size (lode_layout_slot (set->layout, (uint32_t) slot));
  return set->at[slot];
}

/* The stem's input is the image, so pooled over batches of any size its moments are those of all
 * examples at once. */
static void
test_pooled (void)
{
  Bench *bench = cells_bench (2);
  LodeStats *one, *many, *again;
  g_autoptr (GError) error = NULL;
  const float *a, *b;
  uint64_t net, hash;
  size_t n;

  bench->spec.batch = 32;
  bench_make (bench, (LodeNetIn){ .shared = true });
  one = lode_stats_new (bench->net);
  g_assert_true (lode_net_recalibrate (bench->net, NULL, 1, one, &error));
  bench->spec.batch = 5;
  bench_make (bench, (LodeNetIn){ .shared = true });
  many = lode_stats_new (bench->net);
  net = net_hash (bench->net);
  g_assert_true (lode_net_recalibrate (bench->net, NULL, 100, many, &error));
  g_assert_cmpuint (net_hash (bench->net), ==, net);
  g_assert_cmpuint (bench->counted, ==, 32 + 32); /* all of the pool, once */
  a = stem (bench->net, one, &n);
  b = stem (bench->net, many, &n);
  for (size_t j = 0; j < n; j++)
    g_assert_cmpfloat_with_epsilon ((double) a[j], (double) b[j],
                                    1e-5 + 1e-5 * fabs ((double) a[j]));
  hash = stats_hash (many);
  again = lode_stats_new (bench->net);
  g_assert_true (lode_net_recalibrate (bench->net, NULL, 100, again, &error));
  g_assert_cmpuint (stats_hash (again), ==, hash);
  g_assert_true (lode_net_recalibrate (bench->net, NULL, 100, many, &error)); /* anew, not on top */
  g_assert_cmpuint (stats_hash (many), ==, hash);
  lode_stats_free (one);
  lode_stats_free (many);
  lode_stats_free (again);
  bench_free (bench);
}

/* Statistics of a path alone move; the rest of the set stays. */
static void
test_path (void)
{
  Bench *bench = cells_bench (1);
  const LodeSpace *space = bench->family->space;
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  LodeStatSet *set;
  uint32_t moved = 0, stayed = 0;

  for (uint32_t i = 0; i < space->n; i++)
    mask[i] = 1 << 4;
  bench_make (bench, (LodeNetIn){ .shared = true });
  g_assert_true (lode_net_recalibrate (bench->net, &choice, 2, NULL, NULL));
  set = (LodeStatSet *) lode_net_stats (bench->net);
  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (set->layout, i);
    bool is_path = !strstr (slot->name, "_3x3.") == !strstr (slot->name, "_5x5.")
                   || strstr (slot->name, "sep_conv_3x3.");
    bool fresh = set->at[i][0] == 0 && set->at[i][slot->dim[3]] == 1;

    if (strstr (slot->name, "skip_connect"))
      is_path = false;
    g_assert_true (fresh != is_path);
    moved += !fresh;
    stayed += fresh;
  }
  g_assert_cmpuint (moved, >, 5);
  g_assert_cmpuint (stayed, >, 5);
  bench_free (bench);
}

/* Weights that are no numbers: said so, and the statistics stay. */
static void
test_not_finite (void)
{
  Bench *bench = cells_bench (1);
  g_autoptr (GError) error = NULL;
  LodeParamSet *set;
  uint64_t before;
  double value = 5;

  bench_make (bench, (LodeNetIn){ .shared = true });
  set = (LodeParamSet *) lode_net_params (bench->net);
  set->at[0][0] = INFINITY;
  before = stats_hash (lode_net_stats (bench->net));
  g_assert_false (lode_net_recalibrate (bench->net, NULL, 2, NULL, &error));
  g_assert_true (lode_error_diverged (error));
  g_clear_error (&error);
  g_assert_cmpuint (stats_hash (lode_net_stats (bench->net)), ==, before);
  g_assert_false (lode_net_measure (bench->net, NULL, NULL, "loss", &value, &error));
  g_assert_true (lode_error_diverged (error));
  g_assert_cmpfloat (value, ==, 5);
  bench_free (bench);
}

static void
test_no_split (void)
{
  Fake fake = small_images ();
  LodeDataConf conf = plain_conf ();
  Bench *bench = bench_new ("mlp", NULL, "ce", &fake, &conf, 1);
  g_autoptr (GError) error = NULL;
  double value;

  bench_make (bench, (LodeNetIn){ 0 });
  g_assert_false (lode_net_measure (bench->net, NULL, NULL, "loss", &value, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  bench_free (bench);
}

/* Real targets: a head as wide as they are, a loss, no accuracy, nothing to observe. */
static void
test_targets (void)
{
  Fake fake = { .shape = { 4, 4, 1 }, .targets = 3, .part = { { .n = 40 }, { .n = 4 } } };
  LodeDataConf conf = small_conf ();
  Bench *bench = bench_new ("mlp", NULL, "mse", &fake, &conf, 1);
  LodeStream *stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 6);
  const LodeBatch *batch = next_of (stream);
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS | LODE_OBSERVE };
  g_autoptr (GError) error = NULL;
  double accuracy, loss, first;

  bench_make (bench, (LodeNetIn){ 0 });
  g_assert_cmpuint (lode_net_outputs (bench->net), ==, 3);
  pass.grad = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);
  pass_of (bench->net, batch, NULL, &pass);
  first = pass.loss;
  g_assert_cmpuint (bench->seen, ==, 0);
  lode_params_axpy (lode_net_params (bench->net), -1e-4, pass.grad);
  pass_of (bench->net, batch, NULL, &pass);
  g_assert_cmpfloat (pass.loss, <, first);
  g_assert_true (lode_net_measure_both (bench->net, NULL, NULL, &accuracy, &loss, &error));
  g_assert_true (isnan (accuracy) && loss > 0);
  g_assert_false (lode_net_measure (bench->net, NULL, NULL, "accuracy", &accuracy, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_clear_error (&error);
  g_assert_null (lode_net_make (&bench->spec, &(LodeNetIn){ .classes = 4 }, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_clear_error (&error);
  g_assert_false (lode_net_head (bench->net, 4, NULL, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  lode_params_free (pass.grad);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  bench_free (bench);
}

/* A backbone that is a table of the pool's examples. */
static const LodeSpace nothing = { .size = sizeof (LodeSpace), .stride = sizeof (LodeDecision) };

static const LodeSpace *
rows_space (const LodeBackbone *backbone)
{
  (void) backbone;
  return &nothing;
}

static bool
rows_build (const LodeBackbone *backbone, LodeGraph *graph, LodeBuild *build, GError **error)
{
  (void) backbone;
  (void) error;
  build->features = lode_table (graph, "rows", build->index, build->examples, 5);
  return true;
}

static const LodeBackboneOps rows_ops = { .size = sizeof (LodeBackboneOps),
                                          .space = rows_space,
                                          .build = rows_build };

static void
test_index (void)
{
  Bench *bench = cells_bench (1);
  LodeStream *stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 6);
  const LodeBatch *batch = next_of (stream);
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS };
  g_autoptr (GError) error = NULL;
  const LodeParamSet *g;
  double value;

  bench->spec.backbone_ops = &rows_ops;
  bench->spec.backbone = NULL;
  bench_make (bench, (LodeNetIn){ 0 });
  pass.grad = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);
  g = (const LodeParamSet *) pass.grad;
  pass_of (bench->net, batch, NULL, &pass);
  for (uint32_t row = 0; row < 32; row++) {
    bool in_batch = false, moved = false;

    for (uint32_t i = 0; i < batch->n; i++)
      in_batch = in_batch || batch->index[i] == row;
    for (uint32_t j = 0; j < 5; j++)
      moved = moved || g->at[0][row * 5 + j] != 0;
    g_assert_true (in_batch == moved);
  }
  g_assert_false (lode_net_measure (bench->net, NULL, NULL, "loss", &value, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "index"));
  lode_params_free (pass.grad);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/measure/figures", test_figures);
  g_test_add_func ("/measure/choice", test_choice);
  g_test_add_func ("/measure/pooled", test_pooled);
  g_test_add_func ("/measure/path", test_path);
  g_test_add_func ("/measure/not-finite", test_not_finite);
  g_test_add_func ("/measure/no-split", test_no_split);
  g_test_add_func ("/measure/targets", test_targets);
  g_test_add_func ("/measure/index", test_index);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: what is compiled for what, dropout, frozen and absent weights, the same bits for any
 * number of threads, the cache, and the time that recording and compiling take.
 */
#include "network.h"

enum { CELLS = 8 };

static const LodeConv conv4 = { sizeof (LodeConv), .channels = 4, .kernel = 3 };

static void
random_mask (LodeRng *rng, uint64_t *mask)
{
  for (uint32_t i = 0; i < EDGES; i++)
    mask[i] = UINT64_C (1) << lode_rng_below (rng, OPTIONS)
              | UINT64_C (1) << lode_rng_below (rng, OPTIONS);
}

/* A stream of choices that never repeat: seconds per operation, recording, compiling and finding
 * included. */
static void
test_compile_time (void)
{
  Net *net = net_new ((LodeShape){ 32, 32, 3 }, 64, &space, NULL);
  LodeRng rng = { .key = 3 };
  uint64_t mask[EDGES], ops = 0;
  double record = 0, compile = 0;
  g_autoptr (GTimer) timer = g_timer_new ();

  lode_record_output (net->record, record_network (net->graph, net->x, CELLS, 16));
  lode_layout_seal (net->weights, true);
  lode_layout_seal (net->stats, true);
  net->engine = lode_engine_new (1, lode_kernels_at (0));
  for (uint32_t i = 0; i < 60; i++) {
    random_mask (&rng, mask);
    g_timer_start (timer);
    lode_record_reset (net->record, &space, mask);
    net->x = lode_record_image (net->record, &net->shape);
    lode_record_output (net->record, record_network (net->graph, net->x, CELLS, 16));
    record += g_timer_elapsed (timer, NULL);
    g_timer_start (timer);
    net_program (net, LODE_GRAD_WEIGHTS);
    compile += g_timer_elapsed (timer, NULL);
    ops += lode_record_ops (net->record);
  }
  g_test_message ("recording %.2f µs, compiling %.2f µs an op (%u ops a choice)",
                  1e6 * record / (double) ops, 1e6 * compile / (double) ops, (uint32_t) (ops / 60));
  net_free (net);
}

static LodeValue
record_small (Net *net)
{
  LodeValue y = lode_conv (net->graph, "a", net->x, &conv4);

  y = lode_relu (net->graph, lode_norm (net->graph, "n", y, true));
  return lode_linear (net->graph, "fc", lode_global_pool (net->graph, y), 3, true);
}

static const float *
grad_of (Net *net, const char *name)
{
  int32_t slot = lode_layout_find (net->weights, name);

  g_assert_cmpint (slot, >=, 0);
  return ((LodeParamSet *) net->g)->at[slot];
}

static bool
all_zero (const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (x[i] != 0)
      return false;
  return true;
}

/* Frozen weights get nothing, what lies above them only is not run, and the others' gradients stay.
 */
static void
test_frozen (void)
{
  Net *net = net_new ((LodeShape){ 5, 5, 3 }, 9, NULL, NULL);
  LodeParamSet *g;
  float keep[12];
  uint32_t steps;

  lode_record_output (net->record, record_small (net));
  net_ready (net, 1, lode_kernels_at (0));
  g = (LodeParamSet *) net->g;
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  memcpy (keep, grad_of (net, "fc.weight"), sizeof keep);
  g_assert_false (all_zero (grad_of (net, "a.weight"), 108));
  steps = lode_program_steps (net_program (net, LODE_GRAD_WEIGHTS));
  lode_layout_freeze (net->weights, "a.", true);
  lode_layout_freeze (net->weights, "n.", true);
  g_assert_cmpuint (lode_program_steps (net_program (net, LODE_GRAD_WEIGHTS)), <, steps);
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  g_assert_true (all_zero (grad_of (net, "a.weight"), 108));
  g_assert_true (all_zero (grad_of (net, "n.weight"), 4));
  g_assert_cmpmem (keep, sizeof keep, grad_of (net, "fc.weight"), sizeof keep);
  g_assert_false (g->touched[lode_layout_find (net->weights, "a.weight")]);
  g_assert_true (g->touched[lode_layout_find (net->weights, "fc.bias")]);
  lode_layout_freeze (net->weights, "fc.weight", true);
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  g_assert_true (all_zero (grad_of (net, "fc.weight"), 12));
  g_assert_false (all_zero (grad_of (net, "fc.bias"), 3));
  net_free (net);
}

/* Gradients go to the slots that the set has, with the values a whole set gets. */
static void
test_partial_sets (void)
{
  Net *net = net_new ((LodeShape){ 5, 5, 3 }, 9, NULL, NULL);
  bool want[8] = { false };
  g_autofree float *keep = NULL;
  LodeParams *whole, *part;

  lode_record_output (net->record, record_small (net));
  net_ready (net, 2, lode_kernels_at (0));
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  keep = g_memdup2 (grad_of (net, "a.weight"), 108 * sizeof *keep);
  want[lode_layout_find (net->weights, "a.weight")] = true;
  part = lode_params_new (net->weights, want);
  whole = net->g;
  net->bind.grad = net->g = part;
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  g_assert_cmpmem (keep, 108 * sizeof *keep, grad_of (net, "a.weight"), 108 * sizeof *keep);
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  g_assert_cmpmem (keep, 108 * sizeof *keep, grad_of (net, "a.weight"), 108 * sizeof *keep);
  lode_params_free (whole);
  net_free (net);
}

/* A set that lacks a weight the program reads: said, and nothing is run. */
static void
test_lacking (void)
{
  Net *net = net_new ((LodeShape){ 5, 5, 3 }, 9, NULL, NULL);
  bool want[8] = { true };
  LodeParams *part;

  lode_record_output (net->record, record_small (net));
  net_ready (net, 1, lode_kernels_at (0));
  part = lode_params_new (net->weights, want);
  net->bind.weights = part;
  g_test_expect_message (NULL, G_LOG_LEVEL_CRITICAL, "*the weight set lacks slot*");
  lode_program_forward (net_program (net, 0), &net->bind);
  g_test_assert_expected_messages ();
  lode_params_free (part);
  net_free (net);
}

/* A gradient of one choice is cleared before that of another is written. */
static void
test_touched (void)
{
  Net *net = net_new ((LodeShape){ 3, 3, 2 }, 4, &space, NULL);
  uint64_t mask[EDGES];
  LodeParamSet *g;

  for (uint32_t pass = 0; pass < 3; pass++) {
    LodeValue part[OPTIONS];

    memset (mask, 0, sizeof mask);
    mask[0] = pass == 0 ? 3 : pass == 1 ? 1 : 2;
    lode_record_reset (net->record, &space, mask);
    net->x = lode_record_image (net->record, &net->shape);
    for (uint32_t o = 0; o < OPTIONS; o++)
      part[o] = lode_graph_wants (net->graph, 0, o)
                    ? lode_conv (net->graph, option_names[o], net->x, &conv4)
                    : -1;
    lode_record_output (net->record, lode_mix (net->graph, 0, part));
    net_ready (net, 1, lode_kernels_at (0));
    g = (LodeParamSet *) net->g;
    net_pass (net, LODE_GRAD_WEIGHTS, 1);
    g_assert_cmpint (all_zero (g->at[0], 72), ==, pass == 2);
    g_assert_cmpint (all_zero (g->at[1], 72), ==, pass == 1);
    g_assert_cmpint (g->touched[0], ==, pass != 2);
    g_assert_cmpint (g->touched[1], ==, pass != 1);
  }
  net_free (net);
}

/* Only gates: their gradient is that of the pass that wants everything, and no weight gradient is
 * made. */
static void
test_gates_only (void)
{
  Net *net = net_new ((LodeShape){ 6, 6, 3 }, 10, &space, NULL);
  float gate[EDGES * OPTIONS], both[EDGES * OPTIONS], only[EDGES * OPTIONS];
  uint32_t steps;

  for (uint32_t i = 0; i < EDGES * OPTIONS; i++)
    gate[i] = 0.05f + 0.01f * (float) (i % 7);
  lode_record_output (net->record, record_network (net->graph, net->x, 2, 4));
  net_ready (net, 1, lode_kernels_at (0));
  net->bind.gate = gate;
  net->bind.dgate = both;
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  steps = lode_program_steps (net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES));
  net->bind.dgate = only;
  lode_params_clear (net->g);
  net_pass (net, LODE_GRAD_GATES, 1);
  g_assert_cmpmem (only, sizeof only, both, sizeof both);
  g_assert_true (all_zero (((LodeParamSet *) net->g)->data, ((LodeParamSet *) net->g)->size));
  g_assert_cmpuint (lode_program_steps (net_program (net, LODE_GRAD_GATES)), <, steps);
  for (uint32_t e = 0; e < EDGES; e++) /* option a is zero */
    g_assert_cmpfloat (only[e * OPTIONS], ==, 0);
  net_free (net);
}

/* A search network: the same bits for any number of threads, forward and backward, dropout
 * included. */
static void
test_threads (void)
{
  g_autofree float *want = NULL;
  float gate[EDGES * OPTIONS], drop[EDGES * OPTIONS], dgate[3][EDGES * OPTIONS];

  for (uint32_t i = 0; i < EDGES * OPTIONS; i++) {
    gate[i] = 0.1f + 0.01f * (float) (i % 5);
    drop[i] = i % OPTIONS == 3 ? 0.3f : 0;
  }
  for (uint32_t i = 0; i < 3; i++) {
    Net *net = net_new ((LodeShape){ 16, 16, 3 }, 21, &space, NULL);
    LodeParamSet *g;

    lode_record_output (net->record, record_network (net->graph, net->x, 1, 8));
    net_ready (net, 1u << i, lode_kernels_at (0));
    net->bind.gate = gate;
    net->bind.drop = drop;
    net->bind.dgate = dgate[i];
    net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
    g = (LodeParamSet *) net->g;
    if (!want)
      want = g_memdup2 (g->data, g->size * sizeof (float));
    g_assert_cmpmem (g->data, g->size * sizeof (float), want, g->size * sizeof (float));
    g_assert_cmpmem (dgate[i], sizeof dgate[i], dgate[0], sizeof dgate[0]);
    net_free (net);
  }
}

/* The share dropped is the rate, what is kept is scaled, and each sample's mask is its own. */
static void
test_dropout (void)
{
  Net *net = net_new ((LodeShape){ 8, 8, 5 }, 40, &space, NULL);
  LodeValue part[OPTIONS] = { net->x, -1, -1, -1, -1, -1, -1, -1 };
  float drop[EDGES * OPTIONS] = { 0.3f };
  size_t n = 40 * 320, dropped = 0, same = 0;
  const float *y;

  lode_record_output (net->record, lode_mix (net->graph, 0, part));
  net_ready (net, 2, lode_kernels_at (0));
  net->bind.drop = drop;
  lode_program_forward (net_program (net, 0), &net->bind);
  y = lode_program_output (net_program (net, 0), 0, NULL);
  for (size_t i = 0; i < n; i++) {
    dropped += y[i] == 0;
    same += i >= 320 && (y[i] == 0) == (y[i - 320] == 0);
    g_assert_true (y[i] == 0 || fabsf (y[i] - net->image[i] / 0.7f) <= 1e-5f * fabsf (y[i]));
  }
  g_assert_cmpfloat_with_epsilon ((double) dropped / (double) n, 0.3, 0.02);
  g_assert_cmpfloat_with_epsilon ((double) same / (double) (n - 320), 0.58, 0.03);
  net_free (net);
}

/* Same structure, same program; another batch, want or structure, another; the oldest are
 * forgotten. */
static void
test_cache (void)
{
  Net *net = net_new ((LodeShape){ 5, 5, 3 }, 3, &space, NULL);
  LodeProgram *a, *b;
  uint64_t hash;

  lode_record_output (net->record, record_small (net));
  net_ready (net, 1, lode_kernels_at (0));
  hash = lode_record_hash (net->record);
  a = net_program (net, 0);
  b = net_program (net, LODE_GRAD_WEIGHTS);
  g_assert_true (a != b);
  lode_record_reset (net->record, &space, NULL);
  net->x = lode_record_image (net->record, &net->shape);
  lode_record_output (net->record, record_small (net));
  g_assert_cmpuint (lode_record_hash (net->record), ==, hash);
  g_assert_true (a == net_program (net, 0));
  for (net->batch = 4; net->batch < 300; net->batch++)
    net_program (net, 0);
  g_assert_cmpuint (lode_program_bytes (net_program (net, 0)), >, 0);
  net_free (net);
}

/* Several outputs, one of them inside the network, and a value that is read and is an output too.
 */
static void
test_outputs (void)
{
  Net *net = net_new ((LodeShape){ 4, 4, 3 }, 9, NULL, NULL);
  LodeValue a = lode_conv (net->graph, "a", net->x, &conv4);
  LodeValue b = lode_norm (net->graph, "n", a, true);
  LodeValue c = lode_global_pool (net->graph, lode_add (net->graph, 2, (LodeValue[]){ b, a }));

  lode_record_output (net->record, lode_linear (net->graph, "fc", c, 3, true));
  lode_record_output (net->record, b);
  lode_record_output (net->record, c);
  net_ready (net, 1, lode_kernels_at (0));
  net_check (net, 3, 20, 1e-2, 3e-3);
  net_free (net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  space_fill ();
  g_test_add_func ("/program/compile-time", test_compile_time);
  g_test_add_func ("/program/frozen", test_frozen);
  g_test_add_func ("/program/partial-sets", test_partial_sets);
  g_test_add_func ("/program/lacking", test_lacking);
  g_test_add_func ("/program/touched", test_touched);
  g_test_add_func ("/program/gates-only", test_gates_only);
  g_test_add_func ("/program/threads", test_threads);
  g_test_add_func ("/program/dropout", test_dropout);
  g_test_add_func ("/program/cache", test_cache);
  g_test_add_func ("/program/outputs", test_outputs);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: what is compiled for what, the modes of batch norm, interpolation of widths, dropout,
 * frozen and absent weights, the cache, and the time that recording and compiling take.
 */
#include "compute/step.h"
#include "fixture.h"

enum { EDGES = 14, OPTIONS = 8, CELLS = 8 };

static const char *const option_names[OPTIONS] = { "a", "b", "c", "d", "e", "f", "g", "h" };
static LodeDecision decisions[EDGES];
static LodeSpace space = { sizeof (LodeSpace), sizeof (LodeDecision), EDGES, EDGES *OPTIONS,
                           decisions };

static const LodeConv conv4 = { sizeof (LodeConv), .channels = 4, .kernel = 3 };

/* One cell edge's options, as a differentiable search has them. */
static LodeValue
record_option (LodeGraph *graph, const char *name, LodeValue x, uint32_t option, uint32_t channels)
{
  LodeConv depth = { sizeof (LodeConv), .kernel = option & 1 ? 5 : 3, .groups = LODE_DEPTHWISE };
  LodeConv point = { sizeof (LodeConv), .channels = channels };
  LodeWindow three = { sizeof (LodeWindow), 3, 1, LODE_PAD_SAME };
  char full[64], *end = g_stpcpy (full, name);

  *end++ = (char) ('a' + option);
  *end = 0;
  if (option == 0)
    return lode_zero (graph, x, 1);
  if (option == 3)
    return x;
  if (option == 1)
    return lode_norm (graph, full, lode_max_pool (graph, x, &three), false);
  if (option == 2)
    return lode_norm (graph, full, lode_avg_pool (graph, x, &three), false);
  depth.dilation = option > 5 ? 2 : 1;
  for (uint32_t half = 0; half < (option > 5 ? 1u : 2u); half++) {
    end[0] = (char) ('0' + half);
    end[1] = 'd';
    end[2] = 0;
    x = lode_conv (graph, full, lode_relu (graph, x), &depth);
    end[1] = 'p';
    x = lode_norm (graph, full, lode_conv (graph, full, x, &point), false);
  }
  return x;
}

/* A stack of cells of four nodes; every edge mixes the options that the choice has. */
static LodeValue
record_network (LodeGraph *graph, LodeValue x, uint32_t cells, uint32_t channels)
{
  LodeConv three = { sizeof (LodeConv), .channels = channels, .kernel = 3 };
  LodeConv point = { sizeof (LodeConv), .channels = channels };
  LodeValue before = lode_norm (graph, "stem.norm", lode_conv (graph, "stem", x, &three), true);
  LodeValue last = before;

  for (uint32_t cell = 0; cell < cells; cell++) {
    char name[32] = "cell0.pre0", edge_name[32] = "cell0.edge00.";
    LodeValue node[6];
    uint32_t edge = 0;

    name[4] = edge_name[4] = (char) ('0' + cell);
    for (uint32_t i = 0; i < 2; i++) {
      name[9] = (char) ('0' + i);
      node[i] =
          lode_norm (graph, name,
                     lode_conv (graph, name, lode_relu (graph, i ? last : before), &point), false);
    }
    for (uint32_t n = 2; n < 6; n++) {
      LodeValue sum[5];

      for (uint32_t from = 0; from < n; from++, edge++) {
        LodeValue part[OPTIONS];

        edge_name[10] = (char) ('0' + edge / 10);
        edge_name[11] = (char) ('0' + edge % 10);
        for (uint32_t o = 0; o < OPTIONS; o++)
          part[o] = lode_graph_wants (graph, edge, o)
                        ? record_option (graph, edge_name, node[from], o, channels)
                        : -1;
        sum[from] = lode_mix (graph, edge, part);
      }
      node[n] = lode_add (graph, n, sum);
    }
    before = last;
    last = lode_concat (graph, 4, node + 2);
  }
  return lode_linear (graph, "fc", lode_global_pool (graph, last), 10, true);
}

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

/* Mean and population variance of channel c over all rows. x: [rows][channels] */
static void
plain_moments (const float *x, size_t rows, size_t channels, size_t c, double *mean, double *var)
{
  *mean = *var = 0;
  for (size_t r = 0; r < rows; r++)
    *mean += x[r * channels + c] / (double) rows;
  for (size_t r = 0; r < rows; r++)
    *var += (x[r * channels + c] - *mean) * (x[r * channels + c] - *mean) / (double) rows;
}

/* Batch, running, pooled and stored statistics against plain formulas; large means cost nothing. */
static void
test_norm_modes (void)
{
  Net *net = net_new ((LodeShape){ 3, 5, 4 }, 19, NULL, NULL);
  size_t rows = 19 * 15;
  LodeStatSet *s;
  LodeProgram *program;
  const float *y;

  for (size_t i = 0; i < rows * 4; i++)
    net->image[i] = net->image[i] * (float) (1 + i % 4) + (i % 4 == 2 ? 1000 : 0);
  lode_record_output (net->record, lode_norm (net->graph, "n", net->x, false));
  net_ready (net, 1, lode_kernels_at (0));
  s = (LodeStatSet *) net->s;
  program = net_program (net, 0);
  for (int mode = LODE_STATS_BATCH; mode <= LODE_STATS_POOL; mode++) {
    net->bind.mode = (LodeStatsMode) mode;
    lode_program_forward (program, &net->bind);
    y = lode_program_output (program, 0, NULL);
    for (size_t c = 0; c < 4; c++) {
      double mean, var, m, v;

      plain_moments (net->image, rows, 4, c, &mean, &var);
      plain_moments (y, rows, 4, c, &m, &v);
      g_assert_cmpfloat_with_epsilon (m, 0, 2e-5 * (1 + mean * mean * 1e-3));
      g_assert_cmpfloat_with_epsilon (v, var / (var + 1e-5), 1e-4);
      if (mode == LODE_STATS_BATCH) {
        g_assert_cmpfloat (s->at[0][c], ==, 0);
        g_assert_cmpfloat (s->at[0][4 + c], ==, 1);
      } else if (mode == LODE_STATS_TRACK) {
        g_assert_cmpfloat_with_epsilon (s->at[0][c], 0.1 * mean, 1e-6 + 1e-6 * fabs (mean));
        g_assert_cmpfloat_with_epsilon (
            s->at[0][4 + c], 0.9 + 0.1 * var * (double) rows / (double) (rows - 1), 1e-5);
      } else {
        g_assert_cmpfloat_with_epsilon (s->at[0][c], mean, 1e-6 + 1e-6 * fabs (mean));
        g_assert_cmpfloat_with_epsilon (s->at[0][4 + c], var, 1e-5 * (1 + var));
      }
    }
  }
  net->bind.mode = LODE_STATS_STORED;
  lode_program_forward (program, &net->bind);
  y = lode_program_output (program, 0, NULL);
  for (size_t i = 0; i < rows * 4; i++) {
    double mean = s->at[0][i % 4], var = s->at[0][4 + i % 4];

    g_assert_cmpfloat_with_epsilon (y[i], (net->image[i] - mean) / sqrt (var + 1e-5), 5e-4);
  }
  net_free (net);
}

/* Pooled over two batches, mean and variance are those of their union, not the average. */
static void
test_norm_pool (void)
{
  Net *net = net_new ((LodeShape){ 2, 2, 3 }, 20, NULL, NULL);
  LodeStatSet *s;
  float *all = net->image;

  for (size_t i = 120; i < 240; i++)
    all[i] = 3 * all[i] + 5;
  lode_record_output (net->record, lode_norm (net->graph, "n", net->x, false));
  net->batch = 10;
  net_ready (net, 1, lode_kernels_at (0));
  s = (LodeStatSet *) net->s;
  net->bind.mode = LODE_STATS_POOL;
  for (uint32_t i = 0; i < 2; i++) {
    net->bind.image = all + 120 * i;
    lode_program_forward (net_program (net, 0), &net->bind);
  }
  g_assert_cmpfloat (s->pooled[0], ==, 80);
  for (size_t c = 0; c < 3; c++) {
    double mean, var;

    plain_moments (all, 80, 3, c, &mean, &var);
    g_assert_cmpfloat_with_epsilon (s->at[0][c], mean, 1e-5);
    g_assert_cmpfloat_with_epsilon (s->at[0][3 + c], var, 1e-4);
  }
  net_free (net);
}

/* Gradients with stored statistics: norm is then a fixed affine map. */
static void
test_norm_stored_gradient (void)
{
  Net *net = net_new ((LodeShape){ 3, 3, 3 }, 9, NULL, NULL);
  LodeStatSet *s;

  lode_record_output (
      net->record, lode_norm (net->graph, "n", record_shift (net->graph, "shift", net->x), true));
  net_ready (net, 1, lode_kernels_at (0));
  s = (LodeStatSet *) net->s;
  for (uint32_t i = 0; i < 6; i++)
    s->at[0][i] = 0.3f + 0.2f * (float) i;
  net->bind.mode = LODE_STATS_STORED;
  net_check (net, 1, 27, 1e-2, 1e-3);
  net_free (net);
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

/* Training keeps what backward reads and frees the rest; forward alone needs a fraction. */
static void
test_memory (void)
{
  Net *net = net_new ((LodeShape){ 16, 16, 3 }, 16, &space, NULL);
  size_t train, infer;

  lode_record_output (net->record, record_network (net->graph, net->x, 3, 8));
  net_ready (net, 1, lode_kernels_at (0));
  train = lode_program_bytes (net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES));
  infer = lode_program_bytes (net_program (net, 0));
  g_test_message ("training %.1f MB, forward alone %.1f MB", (double) train * 1e-6,
                  (double) infer * 1e-6);
  g_assert_cmpuint (infer * 2, <, train);
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  g_assert_cmpuint (lode_engine_peak (net->engine), >=, 1);
  net_free (net);
}

/* No two buffers that live at the same time share memory, and each lies within the arena, aligned.
 */
static void
test_plan (void)
{
  Net *net = net_new ((LodeShape){ 9, 9, 3 }, 11, &space, NULL);
  const LodeProgram *p;

  lode_record_output (net->record, record_network (net->graph, net->x, 2, 5));
  net_ready (net, 1, lode_kernels_at (0));
  p = net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES);
  for (uint32_t i = 0; i < p->buffers; i++) {
    const LodeBuffer *a = &p->buffer[i];

    g_assert_cmpuint (a->offset % 64, ==, 0);
    g_assert_cmpuint (a->offset + a->bytes, <=, p->bytes);
    for (uint32_t j = 0; j < i; j++) {
      const LodeBuffer *b = &p->buffer[j];

      g_assert_true (a->dies < b->born || b->dies < a->born || a->offset + a->bytes <= b->offset
                     || b->offset + b->bytes <= a->offset);
    }
  }
  net_free (net);
}

/* Gives every buffer memory of its own, full of NaN. */
static void
spread_buffers (Net *net, LodeProgram *p)
{
  p->bytes = 0;
  for (uint32_t i = 0; i < p->buffers; i++) {
    p->buffer[i].offset = p->bytes;
    p->bytes += p->buffer[i].bytes;
  }
  memset (lode_engine_arena (net->engine, p->bytes), 0xff, p->bytes);
}

/* Sharing memory changes nothing, and nothing is read that this pass did not write. */
static void
test_sharing (void)
{
  Net *net = net_new ((LodeShape){ 9, 9, 3 }, 11, &space, NULL);
  float gate[EDGES * OPTIONS], drop[EDGES * OPTIONS], dgate[2][EDGES * OPTIONS];
  LodeParamSet *g;
  g_autofree float *want = NULL;
  LodeProgram *p;

  for (uint32_t i = 0; i < EDGES * OPTIONS; i++) {
    gate[i] = 0.1f + 0.02f * (float) (i % 5);
    drop[i] = i % OPTIONS == 4 ? 0.2f : 0;
  }
  lode_record_output (net->record, record_network (net->graph, net->x, 2, 5));
  net_ready (net, 1, lode_kernels_at (0));
  net->bind.gate = gate;
  net->bind.drop = drop;
  g = (LodeParamSet *) net->g;
  net->bind.dgate = dgate[0];
  p = net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES);
  memset (lode_engine_arena (net->engine, p->bytes), 0xff, p->bytes);
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  want = g_memdup2 (g->data, g->size * sizeof (float));
  spread_buffers (net, p);
  net->bind.dgate = dgate[1];
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  g_assert_cmpmem (g->data, g->size * sizeof (float), want, g->size * sizeof (float));
  g_assert_cmpmem (dgate[1], sizeof dgate[1], dgate[0], sizeof dgate[0]);
  g_assert_false (isnan (lode_params_dot (net->g, net->g)));
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
  for (uint32_t i = 0; i < EDGES; i++)
    decisions[i] = (LodeDecision){
      .name = "edge", .group = "g", .n = OPTIONS, .option = option_names, .from = -1, .to = -1
    };
  g_test_add_func ("/program/compile-time", test_compile_time);
  g_test_add_func ("/program/frozen", test_frozen);
  g_test_add_func ("/program/partial-sets", test_partial_sets);
  g_test_add_func ("/program/lacking", test_lacking);
  g_test_add_func ("/program/touched", test_touched);
  g_test_add_func ("/program/gates-only", test_gates_only);
  g_test_add_func ("/program/threads", test_threads);
  g_test_add_func ("/program/norm-modes", test_norm_modes);
  g_test_add_func ("/program/norm-pool", test_norm_pool);
  g_test_add_func ("/program/norm-stored-gradient", test_norm_stored_gradient);
  g_test_add_func ("/program/dropout", test_dropout);
  g_test_add_func ("/program/cache", test_cache);
  g_test_add_func ("/program/memory", test_memory);
  g_test_add_func ("/program/plan", test_plan);
  g_test_add_func ("/program/sharing", test_sharing);
  g_test_add_func ("/program/outputs", test_outputs);
  return g_test_run ();
}

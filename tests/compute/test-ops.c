/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every operation: its gradient against central differences, its values and gradients under every
 * table of kernels against the reference, the same bits for 1, 2 and 4 threads; over shapes that
 * break things.
 */
#include "fixture.h"

typedef struct Case {
  const char *name;
  LodeShape shape;
  uint32_t batch;
  LodeValue (*record) (LodeGraph *, LodeValue x, const struct Case *);
  LodeConv conv;
  LodeWindow window;
  uint32_t number; /* channels, stride … */
  bool gates;
  float drop;
  double tolerance; /* of gradients; 0: 4e-3. Kinks of ReLU and maximum need more */
} Case;

static const char *const option_names[] = { "a", "b", "c" };
static const LodeDecision decisions[] = {
  { .name = "edge", .group = "g", .n = 3, .option = option_names, .from = -1, .to = -1 },
  { .name = "other", .group = "g", .n = 3, .option = option_names, .from = -1, .to = -1 },
};
static const LodeSpace space = { sizeof (LodeSpace), sizeof (LodeDecision), 2, 6, decisions };

static LodeValue
record_conv (LodeGraph *graph, LodeValue x, const Case *test)
{
  return lode_conv (graph, "c", record_shift (graph, "shift", x), &test->conv);
}

/* The leading channels of a wider weight. */
static LodeValue
record_lent (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue y =
      lode_conv (graph, "wide", record_shift (graph, "shift", x),
                 &(LodeConv){ sizeof (LodeConv), .channels = 7, .kernel = 3, .bias = true });
  LodeConv narrow = { sizeof (LodeConv), .channels = test->number };
  LodeValue z = lode_conv (graph, "w", y, &(LodeConv){ sizeof (LodeConv), .channels = 7 });

  z = lode_conv (graph, "narrow", lode_norm (graph, "n", z, true), &narrow);
  z = lode_norm (graph, "n", z, true);
  z = lode_conv (graph, "w", z, &(LodeConv){ sizeof (LodeConv), .channels = 3 });
  z = lode_conv (graph, "d", lode_add (graph, 2, (LodeValue[]){ z, y }),
                 &(LodeConv){ sizeof (LodeConv), .kernel = 3, .groups = LODE_DEPTHWISE });
  z = lode_conv (graph, "d", lode_conv (graph, "w", z, &narrow),
                 &(LodeConv){ sizeof (LodeConv), .kernel = 3, .groups = LODE_DEPTHWISE });
  return z;
}

static LodeValue
record_linear (LodeGraph *graph, LodeValue x, const Case *test)
{
  return lode_linear (graph, "fc", record_shift (graph, "shift", x), test->number, true);
}

static LodeValue
record_cosine (LodeGraph *graph, LodeValue x, const Case *test)
{
  return lode_record_cosine ((LodeRecord *) graph, "head", record_shift (graph, "shift", x),
                             test->number, 4);
}

static LodeValue
record_norm (LodeGraph *graph, LodeValue x, const Case *test)
{
  return lode_norm (graph, "n", record_shift (graph, "shift", x), test->number);
}

static LodeValue
record_relu (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue y = record_shift (graph, "shift", x);

  (void) test;
  return lode_add (graph, 2, (LodeValue[]){ lode_relu (graph, y), y });
}

static LodeValue
record_max (LodeGraph *graph, LodeValue x, const Case *test)
{
  return lode_max_pool (graph, record_shift (graph, "shift", x), &test->window);
}

static LodeValue
record_avg (LodeGraph *graph, LodeValue x, const Case *test)
{
  return lode_avg_pool (graph, record_shift (graph, "shift", x), &test->window);
}

static LodeValue
record_global (LodeGraph *graph, LodeValue x, const Case *test)
{
  (void) test;
  return lode_global_pool (graph, record_shift (graph, "shift", x));
}

static LodeValue
record_join (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue a = record_shift (graph, "shift", x);
  LodeValue b = lode_conv (graph, "b", a, &(LodeConv){ sizeof (LodeConv), .channels = 5 });
  LodeValue c = lode_conv (graph, "c", b, &(LodeConv){ sizeof (LodeConv), .channels = 2 });
  LodeValue sum = lode_add (graph, 4, (LodeValue[]){ c, a, b, a });

  (void) test;
  return lode_concat (graph, 4,
                      (LodeValue[]){ sum, a, lode_add (graph, 2, (LodeValue[]){ b, sum }), b });
}

static LodeValue
record_spread (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue a = record_shift (graph, "shift", x);
  LodeShape s;
  LodeValue wide, narrow;

  lode_graph_shape (graph, a, &s);
  wide = lode_shortcut (graph, a, s.c + 3, test->number);
  narrow = lode_shortcut (graph, a, MAX (s.c - 1, 1), test->number);
  return lode_add (graph, 3, (LodeValue[]){ wide, narrow, lode_zero (graph, a, test->number) });
}

static LodeValue
record_mix (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue a = record_shift (graph, "shift", x);
  LodeConv one = { sizeof (LodeConv), .channels = 3 }, two = { sizeof (LodeConv), .channels = 3 };
  LodeWindow three = { sizeof (LodeWindow), 3, 1, LODE_PAD_SAME };
  LodeValue y, z;

  one.channels = test->number ? test->number : 3;
  y = lode_mix (
      graph, 0,
      (LodeValue[]){ lode_conv (graph, "a", a, &one), -1, lode_conv (graph, "b", a, &two) });
  z = lode_mix (graph, 1,
                (LodeValue[]){ y, lode_zero (graph, y, 1), lode_avg_pool (graph, y, &three) });
  return lode_add (graph, 2, (LodeValue[]){ z, lode_mix (graph, 0, (LodeValue[]){ y, y, z }) });
}

static LodeValue
record_drop (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue a = record_shift (graph, "shift", x);

  (void) test;
  return lode_concat (graph, 2,
                      (LodeValue[]){ lode_drop_path (graph, a), lode_drop_path (graph, a) });
}

static LodeValue
record_table (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue i = lode_record_index ((LodeRecord *) graph);

  (void) x;
  return lode_linear (graph, "fc", lode_table (graph, "t", i, 6, test->number), 3, false);
}

/* y_i = x_i − mean over the batch: couples samples. */
static bool
centre_shape (const void *conf, uint32_t n, const LodeShape *in, LodeShape *out, uint32_t *weights)
{
  (void) conf;
  *out = in[0];
  *weights = 1;
  return n == 1;
}

static void
centre_forward (const void *conf, const LodeOpChunk *chunk)
{
  size_t size = (size_t) chunk->shape.h * chunk->shape.w * chunk->shape.c;
  float scale = *(const float *) conf * chunk->weight[0];

  for (size_t i = 0; i < size; i++) {
    float mean = 0;

    for (size_t s = 0; s < chunk->n; s++)
      mean += chunk->in[0][s * size + i] / (float) chunk->n;
    for (size_t s = 0; s < chunk->n; s++)
      chunk->out[s * size + i] = scale * (chunk->in[0][s * size + i] - mean);
  }
}

static void
centre_backward (const void *conf, const LodeOpChunk *chunk)
{
  size_t size = (size_t) chunk->shape.h * chunk->shape.w * chunk->shape.c;
  float scale = *(const float *) conf * chunk->weight[0];

  for (size_t i = 0; i < size; i++) {
    float mean = 0;

    for (size_t s = 0; s < chunk->n; s++)
      mean += chunk->dout[s * size + i] / (float) chunk->n;
    for (size_t s = 0; s < chunk->n; s++) {
      if (chunk->din[0])
        chunk->din[0][s * size + i] += scale * (chunk->dout[s * size + i] - mean);
      if (chunk->dweight)
        *chunk->dweight += chunk->dout[s * size + i] * chunk->out[s * size + i] / chunk->weight[0];
    }
  }
}

static const LodeOp centre_op = {
  .size = sizeof (LodeOp),
  .name = "centre",
  .flags = LODE_OP_WHOLE,
  .shape = centre_shape,
  .forward = centre_forward,
  .backward = centre_backward,
  .conf_size = sizeof (float),
};

static LodeValue
record_centre (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeValue a = record_shift (graph, "shift", x);
  LodeConv conv = { sizeof (LodeConv), .channels = test->number };
  LodeValue b = lode_conv (graph, "c", a, &conv);
  LodeValue c = lode_op (graph, &centre_op, "centre", 1, &b, &(float){ 1.5f });
  LodeValue d = lode_op (graph, &centre_op, "other", 1, &c, &(float){ 0.5f });

  return lode_add (graph, 3, (LodeValue[]){ lode_conv (graph, "e", c, &conv), b, d });
}

/* Samples so large that a unit goes through a region in several blocks: what it sums must go on. */
static LodeValue
record_blocks (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeConv point = { sizeof (LodeConv), .channels = test->number, .bias = true };
  LodeWindow eight = { sizeof (LodeWindow), 8, 8, LODE_PAD_NONE };
  LodeValue y = lode_norm (graph, "n", x, true), z = lode_conv (graph, "c", y, &point);
  LodeValue mix = lode_mix (graph, 0, (LodeValue[]){ y, x, -1 });

  z = lode_norm (graph, "m", z, true);
  mix = lode_mix (
      graph, 1,
      (LodeValue[]){ lode_avg_pool (graph, mix, &eight), -1, lode_avg_pool (graph, z, &eight) });
  return lode_linear (graph, "fc", lode_global_pool (graph, mix), 3, true);
}

/* What a search cell looks like: norms behind norms, several readers of every value. */
static LodeValue
record_cell (LodeGraph *graph, LodeValue x, const Case *test)
{
  LodeConv point = { sizeof (LodeConv), .channels = test->number };
  LodeConv depth = { sizeof (LodeConv), .kernel = 3, .groups = LODE_DEPTHWISE, .pad = 2,
                     .dilation = 2 };
  LodeWindow three = { sizeof (LodeWindow), 3, 1, LODE_PAD_SAME };
  LodeValue node[3], part[3];

  node[0] = lode_norm (graph, "stem.norm", lode_conv (graph, "stem", x, &point), true);
  for (uint32_t i = 1; i < 3; i++) {
    LodeValue y = node[i - 1];
    g_autofree char *a = g_strdup_printf ("%u.a", i), *b = g_strdup_printf ("%u.b", i);
    g_autofree char *c = g_strdup_printf ("%u.c", i), *d = g_strdup_printf ("%u.d", i);

    part[0] = lode_norm (
        graph, a, lode_conv (graph, b, lode_conv (graph, a, lode_relu (graph, y), &depth), &point),
        false);
    part[1] = lode_norm (graph, c, lode_max_pool (graph, y, &three), false);
    part[2] = lode_norm (graph, d, lode_avg_pool (graph, y, &three), false);
    node[i] = lode_add (graph, 2,
                        (LodeValue[]){ lode_mix (graph, 0, part),
                                       lode_mix (graph, 1, (LodeValue[]){ node[0], -1, y }) });
  }
  x = lode_global_pool (graph, lode_concat (graph, 2, node + 1));
  return lode_linear (graph, "fc", lode_drop_path (graph, x), 4, true);
}

#define CONV(...) .record = record_conv, .conv = { sizeof (LodeConv), __VA_ARGS__ }
#define WINDOW(...) .window = { sizeof (LodeWindow), __VA_ARGS__ }

static const Case cases[] = {
  { "conv-1x1", { 5, 4, 3 }, 9, CONV (.channels = 5, .bias = true) },
  { "conv-pixel", { 1, 1, 4 }, 1, CONV (.channels = 3, .kernel = 3, .bias = true) },
  { "conv-3x3", { 6, 7, 5 }, 3, CONV (.channels = 17, .kernel = 3) },
  { "conv-3x3-16", { 8, 8, 16 }, 2, CONV (.channels = 16, .kernel = 3) },
  { "conv-strided-odd",
    { 7, 5, 3 },
    10,
    CONV (.channels = 4, .kernel = 3, .stride = 2, .bias = true) },
  { "conv-dilated", { 9, 6, 2 }, 2, CONV (.channels = 3, .kernel = 3, .dilation = 2, .stride = 2) },
  { "conv-even-kernel", { 6, 6, 3 }, 2, CONV (.channels = 2, .kernel = 2, .pad = LODE_PAD_NONE) },
  { "conv-groups", { 5, 5, 6 }, 3, CONV (.channels = 9, .kernel = 3, .groups = 3, .bias = true) },
  { "conv-depthwise", { 6, 5, 19 }, 3, CONV (.kernel = 5, .groups = LODE_DEPTHWISE) },
  { "conv-depthwise-strided",
    { 7, 7, 5 },
    9,
    CONV (.kernel = 3, .stride = 2, .dilation = 2, .groups = LODE_DEPTHWISE, .bias = true) },
  { "conv-offset", { 6, 6, 3 }, 2, CONV (.channels = 4, .stride = 2, .offset = 1) },
  { "conv-offset-odd",
    { 7, 5, 3 },
    2,
    CONV (.channels = 4, .kernel = 3, .stride = 2, .offset = 1) },
  { "lent", { 4, 5, 3 }, 9, .record = record_lent, .number = 5 },
  { "linear", { 3, 2, 3 }, 17, .record = record_linear, .number = 11 },
  { "linear-one", { 1, 1, 20 }, 1, .record = record_linear, .number = 1 },
  { "cosine", { 1, 1, 19 }, 9, .record = record_cosine, .number = 7 },
  { "norm", { 5, 3, 5 }, 9, .record = record_norm, .number = 0 },
  { "norm-affine", { 3, 3, 17 }, 10, .record = record_norm, .number = 1 },
  { "relu", { 3, 4, 5 }, 9, .record = record_relu },
  { "max-pool", { 7, 6, 3 }, 3, .record = record_max, WINDOW (3, 2, LODE_PAD_SAME) },
  { "max-pool-1", { 5, 5, 17 }, 2, .record = record_max, WINDOW (3, 1, LODE_PAD_SAME) },
  { "max-pool-2", { 5, 5, 2 }, 2, .record = record_max, WINDOW (0) },
  { "avg-pool", { 7, 6, 3 }, 3, .record = record_avg, WINDOW (3, 2, LODE_PAD_SAME) },
  { "avg-pool-none", { 7, 5, 18 }, 9, .record = record_avg, WINDOW (5, 3, LODE_PAD_NONE) },
  { "global-pool", { 5, 3, 9 }, 9, .record = record_global },
  { "join", { 3, 3, 4 }, 9, .record = record_join },
  { "spread", { 5, 4, 3 }, 9, .record = record_spread, .number = 2 },
  { "mix", { 4, 3, 3 }, 9, .record = record_mix, .gates = true },
  { "mix-drop", { 4, 3, 3 }, 17, .record = record_mix, .gates = true, .drop = 0.4f },
  { "mix-widths", { 3, 3, 3 }, 9, .record = record_mix, .gates = true, .number = 7 },
  { "mix-widths-drop",
    { 3, 3, 2 },
    9,
    .record = record_mix,
    .gates = true,
    .number = 2,
    .drop = 0.3f },
  { "drop-path", { 2, 3, 4 }, 19, .record = record_drop, .drop = 0.5f },
  { "table", { 1, 1, 1 }, 11, .record = record_table, .number = 7 },
  { "whole", { 2, 2, 3 }, 11, .record = record_centre, .number = 4 },
  { "blocks", { 33, 32, 65 }, 10, .record = record_blocks, .number = 3, .gates = true },
  { "cell",
    { 6, 5, 3 },
    17,
    .record = record_cell,
    .number = 6,
    .gates = true,
    .drop = 0.25f,
    .tolerance = 1e-2 },
};

/* Gates and rates of every case; dgate: [space.options] */
static void
bind_gates (Net *net, const Case *test, float *gate, float *drop, float *dgate)
{
  for (uint32_t o = 0; o < space.options; o++) {
    gate[o] = 0.3f + 0.2f * (float) o;
    drop[o] = o % 2 ? test->drop : 0;
  }
  net->bind.gate = gate;
  net->bind.drop = drop;
  net->bind.drop_path = test->drop;
  net->bind.dgate = test->gates ? dgate : NULL;
}

static Net *
case_net (const Case *test, uint32_t threads, const LodeKernels *kernels)
{
  Net *net = net_new (test->shape, test->batch, &space, NULL);

  lode_record_output (net->record, test->record (net->graph, net->x, test));
  net_ready (net, threads, kernels);
  return net;
}

static void
check_gradient (gconstpointer data)
{
  const Case *test = data;
  Net *net = case_net (test, 1, &lode_kernels_reference);
  double tolerance = test->tolerance > 0 ? test->tolerance : 4e-3;
  float gate[6], drop[6], dgate[6];

  bind_gates (net, test, gate, drop, dgate);
  net_check (net, 1, 9, 4e-3, tolerance);
  if (test->gates) {
    net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
    for (uint32_t o = 0; o < space.options; o++) {
      double found = dgate[o], slope = net_nearest (net, &gate[o], found, 4e-3, 1);

      g_assert_cmpfloat_with_epsilon (found, slope, tolerance * (1 + fabs (slope)));
    }
  }
  net_free (net);
}

/* All values of a pass in one list: output, weight gradients, gate gradients. */
static GArray *
case_values (const Case *test, uint32_t threads, const LodeKernels *kernels)
{
  Net *net = case_net (test, threads, kernels);
  GArray *all = g_array_new (FALSE, FALSE, sizeof (float));
  LodeParamSet *g = (LodeParamSet *) net->g;
  float gate[6], drop[6], dgate[6] = { 0 };
  LodeProgram *program;
  uint32_t width;
  const float *y;

  bind_gates (net, test, gate, drop, dgate);
  net_pass (net, LODE_GRAD_WEIGHTS | (test->gates ? LODE_GRAD_GATES : 0), 1);
  for (uint32_t i = 0; i < g->slots; i++)
    g_array_append_vals (all, g->at[i],
                         (guint) lode_slot_size (lode_layout_slot (net->weights, i)));
  g_array_append_vals (all, dgate, 6);
  program = net_program (net, 0);
  lode_program_forward (program, &net->bind);
  y = lode_program_output (program, 0, &width);
  g_array_append_vals (all, y, width * test->batch);
  net_free (net);
  return all;
}

static void
check_tables (gconstpointer data)
{
  g_autoptr (GArray) want = case_values (data, 1, &lode_kernels_reference);
  const LodeKernels *kernels;

  for (uint32_t i = 0; (kernels = lode_kernels_at (i)); i++) {
    g_autoptr (GArray) found = case_values (data, 1, kernels);
    double most = 1e-3;

    g_assert_cmpuint (found->len, ==, want->len);
    for (guint j = 0; j < want->len; j++)
      most = MAX (most, fabs (g_array_index (want, float, j)));
    for (guint j = 0; j < want->len; j++)
      g_assert_cmpfloat_with_epsilon (g_array_index (found, float, j),
                                      g_array_index (want, float, j), 2e-5 * most);
  }
}

static void
check_threads (gconstpointer data)
{
  const LodeKernels *kernels = lode_kernels_at (0);
  g_autoptr (GArray) want = case_values (data, 1, kernels);

  for (uint32_t threads = 2; threads <= 4; threads += 2) {
    g_autoptr (GArray) found = case_values (data, threads, kernels);

    g_assert_cmpmem (found->data, found->len * sizeof (float), want->data,
                     want->len * sizeof (float));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *gradient = g_strdup_printf ("/ops/gradient/%s", cases[i].name);
    g_autofree char *tables = g_strdup_printf ("/ops/tables/%s", cases[i].name);
    g_autofree char *threads = g_strdup_printf ("/ops/threads/%s", cases[i].name);

    g_test_add_data_func (gradient, &cases[i], check_gradient);
    g_test_add_data_func (tables, &cases[i], check_tables);
    g_test_add_data_func (threads, &cases[i], check_threads);
  }
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fusion changes nothing: random networks of all operations, fused against plain, in outputs,
 * gradients of weights and gates, and statistics; for all modes of batch norm, dropout, frozen
 * weights, lent channels, absent options, batches of one. And what is found in networks whose
 * fusion is known.
 */
#include "compute/step.h"
#include "fixture.h"

enum { EDGES = 4, OPTIONS = 6, MOST = 64 };

static const char *const option_names[OPTIONS] = { "a", "b", "c", "d", "e", "f" };
static LodeDecision decisions[EDGES];
static const LodeSpace space = { sizeof (LodeSpace), sizeof (LodeDecision), EDGES, EDGES *OPTIONS,
                                 decisions };

/* A network under construction: values of one image size, later ones more likely to be read. */
typedef struct Grower {
  LodeRng rng;
  LodeGraph *graph;
  LodeValue value[MOST];
  uint32_t values, names, channels;
} Grower;

static uint32_t
below (Grower *g, uint32_t n)
{
  return lode_rng_below (&g->rng, n);
}

static LodeValue
pick (Grower *g)
{
  uint32_t near = MIN (g->values, 4);

  return below (g, 3) ? g->value[g->values - 1 - below (g, near)] : g->value[below (g, g->values)];
}

static char *
name_of (Grower *g)
{
  return g_strdup_printf ("w%u", g->names++);
}

static LodeValue
grow_conv (Grower *g, LodeValue x)
{
  LodeConv conv = { sizeof conv, .channels = g->channels, .kernel = below (g, 3) ? 1 : 3,
                    .bias = below (g, 4) == 0 };
  g_autofree char *name = name_of (g);

  return lode_conv (g->graph, name, x, &conv);
}

static LodeValue
grow_norm (Grower *g, LodeValue x)
{
  g_autofree char *name = name_of (g);

  return lode_norm (g->graph, name, x, below (g, 2));
}

/* Some of ReLU, depthwise and dense convolution, norm. */
static LodeValue
grow_chain (Grower *g, LodeValue x)
{
  LodeConv depth = { sizeof depth, .kernel = below (g, 2) ? 3 : 5, .groups = LODE_DEPTHWISE,
                     .dilation = 1 + below (g, 2) };

  if (below (g, 4))
    x = lode_relu (g->graph, x);
  if (below (g, 3)) {
    g_autofree char *name = name_of (g);

    x = lode_conv (g->graph, name, x, &depth);
  }
  x = grow_conv (g, x);
  return below (g, 5) ? grow_norm (g, x) : x;
}

static LodeValue
grow_pool (Grower *g, LodeValue x)
{
  LodeWindow window = { sizeof window, 3, 1, LODE_PAD_SAME };

  x = below (g, 2) ? lode_max_pool (g->graph, x, &window) : lode_avg_pool (g->graph, x, &window);
  return below (g, 4) ? grow_norm (g, x) : x;
}

static LodeValue
grow_option (Grower *g, LodeValue x, uint32_t option)
{
  if (option == 0)
    return lode_zero (g->graph, x, 1);
  if (option == 1)
    return x;
  return option < 4 ? grow_pool (g, x) : grow_chain (g, x);
}

static LodeValue
grow_mix (Grower *g)
{
  LodeValue part[OPTIONS], x = pick (g);
  uint32_t decision = below (g, EDGES), n = 0;

  for (uint32_t o = 0; o < OPTIONS; o++) {
    part[o] = below (g, 3) ? grow_option (g, x, o) : -1;
    n += part[o] >= 0;
  }
  if (!n)
    part[1] = x;
  return lode_mix (g->graph, decision, part);
}

static LodeValue
grow_add (Grower *g)
{
  LodeValue x[5];
  uint32_t n = 2 + below (g, 4);

  for (uint32_t i = 0; i < n; i++)
    switch (below (g, 5)) {
    case 0:
    case 1:
      x[i] = grow_mix (g);
      break;
    case 2:
      x[i] = pick (g);
      break;
    case 3:
      x[i] = lode_relu (g->graph, grow_norm (g, grow_conv (g, pick (g))));
      break;
    default:
      x[i] = grow_chain (g, pick (g));
    }
  return lode_add (g->graph, n, x);
}

static LodeValue
grow_one (Grower *g)
{
  switch (below (g, 8)) {
  case 0:
    return grow_pool (g, pick (g));
  case 1:
    return lode_relu (g->graph, pick (g));
  case 2:
    return grow_mix (g);
  case 3:
  case 4:
    return below (g, 2) ? grow_add (g) : lode_relu (g->graph, grow_add (g));
  case 5:
    return lode_drop_path (g->graph, pick (g));
  case 6:
    if (below (g, 2)) {
      LodeValue both = lode_concat (g->graph, 2, (LodeValue[]){ pick (g), pick (g) });
      LodeValue part[OPTIONS] = { -1, -1, -1, -1, grow_norm (g, both), -1 };

      return grow_conv (g, lode_mix (g->graph, below (g, EDGES), part));
    }
    return grow_conv (g, lode_concat (g->graph, 2, (LodeValue[]){ pick (g), pick (g) }));
  default:
    return grow_chain (g, pick (g));
  }
}

/* A network of its seed alone; outputs: a linear layer, and sometimes an inner value. */
static uint32_t
grow_network (Net *net, uint32_t seed)
{
  Grower g = { .rng = { .key = seed }, .graph = net->graph };
  LodeConv stem = { sizeof stem, .kernel = 3 };
  LodeValue last;
  uint32_t ops = 4 + below (&g, 8);

  g.channels = stem.channels = 1 + below (&g, 20);
  g.value[g.values++] = lode_conv (net->graph, "stem", net->x, &stem);
  for (uint32_t i = 0; i < ops; i++)
    g.value[g.values++] = grow_one (&g);
  last = lode_global_pool (
      net->graph, lode_add (net->graph, 2, (LodeValue[]){ pick (&g), g.value[g.values - 1] }));
  lode_record_output (net->record, lode_linear (net->graph, "fc", last, 3, true));
  if (below (&g, 3))
    return 1;
  last = g.value[g.values - 1];
  lode_record_output (net->record, last == net->x ? last : grow_conv (&g, last));
  return 2;
}

/* Everything that a pass gives. */
typedef struct Result {
  GArray *value, *grad, *stats;
  float dgate[EDGES * OPTIONS];
} Result;

static void
result_clear (Result *r)
{
  g_array_unref (r->value);
  g_array_unref (r->grad);
  g_array_unref (r->stats);
}

typedef struct Setting {
  uint32_t seed, threads;
  bool fuse;
  const LodeKernels *kernels;
  bool stream; /* units write past the caches */
} Setting;

static void
bind_setting (Net *net, LodeRng *rng, float *gate, float *drop)
{
  for (uint32_t o = 0; o < EDGES * OPTIONS; o++) {
    gate[o] = 0.1f + (float) lode_rng_uniform (rng);
    drop[o] = lode_rng_below (rng, 5) ? 0 : 0.3f;
  }
  net->bind.gate = gate;
  net->bind.drop = lode_rng_below (rng, 2) ? drop : NULL;
  net->bind.drop_path = 0.2f;
  net->bind.mode = (LodeStatsMode) lode_rng_below (rng, 4);
}

static Result
run_setting (Setting s)
{
  LodeRng rng = { .key = 1000 + s.seed };
  LodeShape shape = { 3 + lode_rng_below (&rng, 6), 3 + lode_rng_below (&rng, 6), 3 };
  uint32_t batch = lode_rng_below (&rng, 4) ? 2 + lode_rng_below (&rng, 18) : 1;
  uint32_t want = 1 + lode_rng_below (&rng, 3), outputs;
  Net *net = net_new (shape, batch, &space, NULL);
  float gate[EDGES * OPTIONS], drop[EDGES * OPTIONS];
  Result r = { g_array_new (FALSE, FALSE, sizeof (float)),
               g_array_new (FALSE, FALSE, sizeof (float)),
               g_array_new (FALSE, FALSE, sizeof (float)),
               { 0 } };
  LodeParamSet *g;
  LodeStatSet *stats;

  outputs = grow_network (net, s.seed);
  for (uint32_t i = 0; i < lode_layout_count (net->weights); i++)
    if (lode_rng_below (&rng, 6) == 0)
      lode_layout_freeze (net->weights, lode_layout_slot (net->weights, i)->name, true);
  net_ready (net, s.threads, s.kernels);
  lode_engine_fuse (net->engine, s.fuse);
  if (s.stream)
    lode_engine_stream (net->engine, 0);
  bind_setting (net, &rng, gate, drop);
  net->bind.dgate = r.dgate;
  net_pass (net, want, outputs);
  g = (LodeParamSet *) net->g;
  stats = (LodeStatSet *) net->s;
  g_array_append_vals (r.grad, g->data, (guint) g->size);
  g_array_append_vals (r.stats, stats->data, (guint) stats->size);
  for (uint32_t o = 0; o < outputs; o++) {
    uint32_t width;
    LodeProgram *program = net_program (net, want);
    const float *y;

    lode_program_forward (program, &net->bind);
    y = lode_program_output (program, o, &width);
    g_array_append_vals (r.value, y, width * batch);
  }
  net_free (net);
  return r;
}

/* Largest difference, of the largest value. */
static double
distance (const float *a, const float *b, size_t n)
{
  double most = 1e-3, worst = 0;

  for (size_t i = 0; i < n; i++) {
    most = MAX (most, fabs ((double) b[i]));
    worst = MAX (worst, fabs ((double) a[i] - (double) b[i]));
    g_assert_false (isnan (a[i]));
  }
  return worst / most;
}

static double
distance_all (const Result *a, const Result *b)
{
  double d = distance (a->dgate, b->dgate, EDGES * OPTIONS);

  g_assert_cmpuint (a->value->len, ==, b->value->len);
  d = MAX (d, distance ((float *) (void *) a->value->data, (float *) (void *) b->value->data,
                        b->value->len));
  d = MAX (d, distance ((float *) (void *) a->stats->data, (float *) (void *) b->stats->data,
                        b->stats->len));
  return MAX (d, distance ((float *) (void *) a->grad->data, (float *) (void *) b->grad->data,
                           b->grad->len));
}

/* Rounding may flip a ReLU whose input is all but zero; it does in few networks. */
static void
test_same (gconstpointer data)
{
  const LodeKernels *kernels = data;
  uint32_t far = 0, networks = 150;

  for (uint32_t seed = 0; seed < networks; seed++) {
    Result plain = run_setting ((Setting){ seed, 1, false, kernels });
    Result fused = run_setting ((Setting){ seed, 1, true, kernels });
    double d = distance_all (&fused, &plain);

    if (d > 2e-3)
      g_test_message ("network %u: %g", seed, d);
    far += d > 2e-3;
    result_clear (&plain);
    result_clear (&fused);
  }
  g_assert_cmpuint (far, <=, networks / 50);
}

static void
assert_same_bits (const GArray *a, const GArray *b)
{
  g_assert_cmpmem (a->data, a->len * sizeof (float), b->data, b->len * sizeof (float));
}

static void
test_threads (void)
{
  for (uint32_t seed = 0; seed < 40; seed++) {
    Result one = run_setting ((Setting){ seed, 1, true, lode_kernels_at (0) });

    for (uint32_t threads = 2; threads <= 4; threads += 2) {
      Result many =
          run_setting ((Setting){ seed, threads, true, lode_kernels_at (0), threads == 4 });

      assert_same_bits (one.value, many.value);
      assert_same_bits (one.grad, many.grad);
      assert_same_bits (one.stats, many.stats);
      g_assert_cmpmem (one.dgate, sizeof one.dgate, many.dgate, sizeof many.dgate);
      result_clear (&many);
    }
    result_clear (&one);
  }
}

static uint32_t
count_kind (const LodeProgram *p, LodeKindId kind)
{
  uint32_t n = 0;

  for (uint32_t v = 0; v < p->nodes; v++)
    n += lode_node_runs (p, v) && p->node[v].kind == kind;
  return n;
}

/* The program says what it does. */
static void
check_text (const LodeProgram *p)
{
  static const char *const says[] = { "arena",
                                      "region 0, forward",
                                      "[relu, depthwise 3×3, dense 1×1, moments of norm",
                                      "gated",
                                      "gradient made from that of",
                                      "norm",
                                      "settle",
                                      "max pool",
                                      "backward" };
  g_autoptr (GString) text = g_string_new (NULL);

  lode_program_explain (p, text);
  for (size_t i = 0; i < G_N_ELEMENTS (says); i++)
    g_assert_nonnull (strstr (text->str, says[i]));
}

/* A mixed edge: one unit a half, one sum, no norm stored, no gradient of a norm stored. */
static void
test_edge (void)
{
  Net *net = net_new ((LodeShape){ 6, 6, 4 }, 3, &space, NULL);
  LodeGraph *graph = net->graph;
  LodeConv point = { sizeof point, .channels = 4 };
  LodeConv depth = { sizeof depth, .kernel = 3, .groups = LODE_DEPTHWISE };
  LodeWindow three = { sizeof three, 3, 1, LODE_PAD_SAME };
  LodeValue x = lode_conv (graph, "stem", net->x, &point), h = x, part[OPTIONS], sum[2];
  const LodeProgram *p;

  for (uint32_t half = 0; half < 2; half++) {
    h = lode_conv (graph, half ? "d1" : "d0", lode_relu (graph, h), &depth);
    h = lode_norm (graph, half ? "n1" : "n0", lode_conv (graph, half ? "p1" : "p0", h, &point),
                   false);
  }
  part[0] = lode_zero (graph, x, 1);
  part[1] = x;
  part[2] = lode_norm (graph, "m", lode_max_pool (graph, x, &three), false);
  part[3] = lode_norm (graph, "a", lode_avg_pool (graph, x, &three), false);
  part[4] = h;
  part[5] = -1;
  sum[0] = lode_mix (graph, 0, part);
  sum[1] = lode_mix (graph, 1, (LodeValue[]){ -1, x, -1, part[2], -1, -1 });
  lode_record_output (
      net->record,
      lode_linear (graph, "fc", lode_global_pool (graph, lode_add (graph, 2, sum)), 2, true));
  net_ready (net, 1, lode_kernels_at (0));
  p = net_program (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES);
  g_assert_cmpuint (count_kind (p, LODE_KIND_UNIT), ==, 3);
  g_assert_cmpuint (count_kind (p, LODE_KIND_SUM), ==, 1);
  g_assert_cmpuint (count_kind (p, LODE_KIND_CONV), ==, 0);
  g_assert_cmpuint (count_kind (p, LODE_KIND_RELU), ==, 0);
  g_assert_cmpuint (count_kind (p, LODE_KIND_MIX), ==, 0);
  for (uint32_t v = 0; v < p->nodes; v++)
    if (p->node[v].kind == LODE_KIND_NORM
        && p->node[p->input[p->node[v].first]].kind != LODE_KIND_IMAGE)
      g_assert_true (p->node_flag[v] & LODE_NODE_VIEW);
  check_text (p);
  net_free (net);
}

/* Gates' and weights' gradients of the fused network against central differences. */
static void
test_differences (void)
{
  for (uint32_t seed = 200; seed < 206; seed++) {
    Net *net = net_new ((LodeShape){ 5, 4, 3 }, 6, &space, NULL);
    float gate[EDGES * OPTIONS], dgate[EDGES * OPTIONS];
    uint32_t outputs = grow_network (net, seed);

    for (uint32_t o = 0; o < EDGES * OPTIONS; o++)
      gate[o] = 0.2f + 0.05f * (float) (o % 7);
    net_ready (net, 1, &lode_kernels_reference);
    net->bind.gate = gate;
    net->bind.dgate = dgate;
    net_check (net, outputs, 3, 1e-2, 0.1);
    net_free (net);
  }
}

/* Gradients of relu (norm a) + (relu (norm b), or b itself) behind two convolutions of the image.
 */
static GArray *
gradient_of_masks (bool fuse, bool twice)
{
  Net *net = net_new ((LodeShape){ 6, 5, 3 }, 9, NULL, NULL);
  LodeGraph *graph = net->graph;
  LodeConv point = { sizeof point, .channels = 8 };
  LodeValue a = lode_conv (graph, "a", net->x, &point), b = lode_conv (graph, "b", net->x, &point);
  GArray *all = g_array_new (FALSE, FALSE, sizeof (float));
  LodeParamSet *grad;

  a = lode_relu (graph, lode_norm (graph, "na", a, true));
  if (twice)
    b = lode_relu (graph, lode_norm (graph, "nb", b, true));
  lode_record_output (net->record, lode_add (graph, 2, (LodeValue[]){ a, b }));
  net_ready (net, 1, lode_kernels_at (0));
  lode_engine_fuse (net->engine, fuse);
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  grad = (LodeParamSet *) net->g;
  g_array_append_vals (all, grad->data, (guint) grad->size);
  net_free (net);
  return all;
}

/* An addition hands its gradient on as it is; a ReLU that masks it must not mask it for others. */
static void
test_masks (void)
{
  for (int twice = 0; twice < 2; twice++) {
    g_autoptr (GArray) plain = gradient_of_masks (false, twice);
    g_autoptr (GArray) fused = gradient_of_masks (true, twice);

    g_assert_cmpfloat (
        distance ((float *) (void *) fused->data, (float *) (void *) plain->data, plain->len), <,
        1e-4);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (uint32_t i = 0; i < EDGES; i++)
    decisions[i] = (LodeDecision){
      .name = "edge", .group = "g", .n = OPTIONS, .option = option_names, .from = -1, .to = -1
    };
  for (uint32_t i = 0; lode_kernels_at (i); i++) {
    g_autofree char *path = g_strconcat ("/fuse/same/", lode_kernels_at (i)->isa, NULL);

    g_test_add_data_func (path, lode_kernels_at (i), test_same);
  }
  g_test_add_func ("/fuse/threads", test_threads);
  g_test_add_func ("/fuse/edge", test_edge);
  g_test_add_func ("/fuse/masks", test_masks);
  g_test_add_func ("/fuse/differences", test_differences);
  return g_test_run ();
}

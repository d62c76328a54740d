/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording: shapes, absent values, counts, widths that are lent and widened, and every mistake
 * with its message.
 */
#include "error.h"
#include "network.h"

static const LodeConv conv4 = { sizeof (LodeConv), .channels = 4, .kernel = 3 };

/* Channel-wise interpolation: the values of Dong & Yang 2019 worked out by hand. */
static void
test_widths (void)
{
  static const struct {
    uint32_t c, wide;
    float want[6];
  } golden[] = { { 3, 4, { 1, 1.5f, 2.5f, 3 } },
                 { 2, 4, { 1, 1, 2, 2 } },
                 { 2, 3, { 1, 1.5f, 2 } },
                 { 4, 6, { 1, 1.5f, 2, 3, 3.5f, 4 } },
                 { 5, 5, { 1, 2, 3, 4, 5 } } };

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    Net *net = net_new ((LodeShape){ 1, 1, golden[i].c }, 1, &space, NULL);
    LodeValue wide = lode_shortcut (net->graph, net->x, golden[i].wide, 1);
    LodeValue part[OPTIONS] = { -1, -1, net->x, -1, wide, -1, -1, -1 };
    float gate[EDGES * OPTIONS] = { 0, 0, 1, 0, 0 };
    const float *y;
    uint32_t width;

    for (uint32_t c = 0; c < golden[i].c; c++)
      net->image[c] = (float) (c + 1);
    lode_record_output (net->record, lode_mix (net->graph, 0, part));
    net_ready (net, 1, lode_kernels_at (0));
    net->bind.gate = gate;
    lode_program_forward (net_program (net, 0), &net->bind);
    y = lode_program_output (net_program (net, 0), 0, &width);
    g_assert_cmpuint (width, ==, golden[i].wide);
    for (uint32_t c = 0; c < width; c++)
      g_assert_cmpfloat_with_epsilon (y[c], golden[i].want[c], 1e-6);
    net_free (net);
  }
}

/* The right pixels: shifted by the offset, zeros behind the edge; and the shapes of strided
 * operations. */
static void
test_offset (void)
{
  Net *net = net_new ((LodeShape){ 5, 4, 1 }, 1, NULL, NULL);
  LodeConv shifted = { sizeof (LodeConv), .channels = 1, .stride = 2, .offset = 1 };
  LodeValue y = lode_conv (net->graph, "c", net->x, &shifted);
  const float want[6] = { 5, 7, 13, 15, 0, 0 }, *found;
  LodeShape s;

  for (int i = 0; i < 20; i++)
    net->image[i] = (float) i;
  g_assert_true (lode_graph_shape (net->graph, y, &s));
  g_assert_cmpuint (s.h, ==, 3);
  g_assert_cmpuint (s.w, ==, 2);
  lode_graph_shape (net->graph, lode_zero (net->graph, net->x, 2), &s);
  g_assert_cmpuint (s.h * 10 + s.w, ==, 32);
  lode_graph_shape (net->graph, lode_max_pool (net->graph, net->x, NULL), &s);
  g_assert_cmpuint (s.h * 10 + s.w, ==, 22);
  lode_record_output (net->record, y);
  net_ready (net, 1, lode_kernels_at (0));
  ((LodeParamSet *) net->w)->at[0][0] = 1;
  lode_program_forward (net_program (net, 0), &net->bind);
  found = lode_program_output (net_program (net, 0), 0, NULL);
  g_assert_cmpmem (found, sizeof want, want, sizeof want);
  net_free (net);
}

/* Every mistake is told with its operation and name; the first counts; nothing crashes on. */
static void
check_mistake (Net *net, const char *pattern)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) again = NULL;

  g_assert_false (lode_record_check (net->record, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  if (!g_pattern_match_simple (pattern, error->message))
    g_error ("\"%s\" does not match \"%s\"", error->message, pattern);
  g_assert_cmpint (lode_relu (net->graph, net->x), ==, -1);
  net->engine = lode_engine_new (1, lode_kernels_at (0));
  g_assert_null (lode_engine_program (net->engine, net->record, 4, 0, &again));
  g_assert_nonnull (again);
  net_free (net);
}

static Net *
mistake_net (void)
{
  Net *net = net_new ((LodeShape){ 4, 4, 6 }, 2, &space, NULL);

  lode_record_scope (net->record, "backbone.");
  return net;
}

static void
check_conv_mistakes (void)
{
  LodeConv conv = { sizeof (LodeConv), .channels = 4, .kernel = 3 };
  LodeConv wide = { sizeof (LodeConv), .channels = 5, .kernel = 3 };
  LodeConv large = { sizeof (LodeConv), .channels = 4, .kernel = 7, .pad = LODE_PAD_NONE };
  LodeConv groups = { sizeof (LodeConv), .channels = 4, .groups = 3 };
  Net *net;

  net = mistake_net ();
  lode_conv (net->graph, "x", net->x, &conv);
  g_assert_cmpint (lode_conv (net->graph, "x", net->x, &wide), ==, -1);
  lode_graph_fail (net->graph, "later");
  check_mistake (net, "*conv \"backbone.x\"*3 × 3 × 6 × 4*3 × 3 × 6 × 5*");

  net = mistake_net ();
  lode_conv (net->graph, "x", net->x, &conv);
  lode_norm (net->graph, "x", net->x, true);
  check_mistake (net, "*norm \"backbone.x\"*another kind*");

  net = mistake_net ();
  lode_conv (net->graph, "x", net->x, &large);
  check_mistake (net, "*conv \"backbone.x\"*kernel of 7*4 × 4*");

  net = mistake_net ();
  lode_conv (net->graph, "x", net->x, &groups);
  check_mistake (net, "*conv \"backbone.x\"*4 channels from 6 in 3 groups*");

  net = mistake_net ();
  lode_conv (net->graph, NULL, net->x, &conv);
  check_mistake (net, "*conv*no name*");
}

static void
check_size_mistakes (void)
{
  Net *net;

  net = mistake_net ();
  lode_layout_seal (net->weights, true);
  lode_linear (net->graph, "fc", net->x, 3, true);
  check_mistake (net, "*linear \"backbone.fc\"*no weight of this name*");

  net = mistake_net ();
  lode_linear (net->graph, "fc", net->x, 0, true);
  check_mistake (net, "*linear \"backbone.fc\"*");

  net = mistake_net ();
  lode_add (net->graph, 2, (LodeValue[]){ net->x, lode_global_pool (net->graph, net->x) });
  check_mistake (net, "*add*1 × 1*4 × 4*");

  net = mistake_net ();
  lode_record_cosine (net->record, "head", net->x, 3, 4);
  check_mistake (net, "*cosine \"backbone.head\"*4 × 4*");
}

static void
check_value_mistakes (void)
{
  LodeValue part[OPTIONS] = { -1, -1, -1, -1, -1, -1, -1, -1 };
  Net *net;

  net = mistake_net ();
  lode_mix (net->graph, EDGES, part);
  check_mistake (net, "*mix*decision 14 of a space of 14*");

  net = mistake_net ();
  lode_relu (net->graph, 17);
  check_mistake (net, "*relu*value 17*");

  net = mistake_net ();
  lode_relu (net->graph, lode_record_index (net->record));
  check_mistake (net, "*relu*index*");

  net = mistake_net ();
  lode_record_output (net->record, lode_mix (net->graph, 0, part));
  check_mistake (net, "*output*absent*");

  net = mistake_net ();
  lode_graph_fail (net->graph, "width must be even");
  check_mistake (net, "*width must be even*");
}

static void
test_mistakes (void)
{
  check_conv_mistakes ();
  check_size_mistakes ();
  check_value_mistakes ();
}

/* Absent values go through everything, and `wants` follows the mask. */
static void
test_absent (void)
{
  uint64_t mask[EDGES] = { 5 };
  Net *net = net_new ((LodeShape){ 4, 4, 6 }, 2, &space, mask);
  LodeValue none[2] = { -1, -1 }, one[2] = { -1, net->x };

  g_assert_true (lode_graph_wants (net->graph, 0, 0));
  g_assert_false (lode_graph_wants (net->graph, 0, 1));
  g_assert_true (lode_graph_wants (net->graph, 0, 2));
  g_assert_false (lode_graph_wants (net->graph, 0, OPTIONS));
  g_assert_false (lode_graph_wants (net->graph, EDGES, 0));
  g_assert_false (lode_graph_shape (net->graph, -1, &(LodeShape){ 0 }));
  g_assert_cmpint (lode_conv (net->graph, "x", -1, &conv4), ==, -1);
  g_assert_cmpint (lode_norm (net->graph, "x", -1, true), ==, -1);
  g_assert_cmpint (lode_linear (net->graph, "x", -1, 3, true), ==, -1);
  g_assert_cmpint (lode_concat (net->graph, 2, one), ==, -1);
  g_assert_cmpint (lode_add (net->graph, 2, none), ==, -1);
  g_assert_cmpint (lode_add (net->graph, 2, one), ==, net->x);
  g_assert_cmpint (lode_op (net->graph, &shift_op, "x", 1, none, NULL), ==, -1);
  g_assert_true (lode_record_check (net->record, NULL));
  g_assert_cmpuint (lode_layout_count (net->weights), ==, 0);
  net_free (net);
}

/* Counts of a known network: a convolution, a depthwise one, a linear layer, and a weight used
 * twice. */
static void
test_counts (void)
{
  Net *net = net_new ((LodeShape){ 8, 8, 3 }, 2, NULL, NULL);
  LodeConv depth = { sizeof (LodeConv), .kernel = 5, .stride = 2, .groups = LODE_DEPTHWISE };
  LodeValue y = lode_conv (net->graph, "a", net->x, &conv4);

  lode_layout_add (net->weights, "other", (uint32_t[4]){ 1, 1, 1, 9 }, 1, LODE_INIT_ZERO);
  y = lode_conv (net->graph, "d", lode_conv (net->graph, "a2", y, &conv4), &depth);
  lode_conv (net->graph, "a2", y, &conv4);
  lode_linear (net->graph, "fc", y, 10, true);
  g_assert_cmpuint (lode_record_macs (net->record), ==,
                    64 * 4 * 27 + 64 * 4 * 36 + 16 * 4 * 25 + 16 * 4 * 36 + 64 * 10);
  g_assert_cmpuint (lode_record_params (net->record), ==, 4 * 27 + 4 * 36 + 4 * 25 + 640 + 10);
  g_assert_cmpuint (lode_layout_count (net->weights), ==, 6);
  lode_record_reset (net->record, NULL, NULL);
  net->x = lode_record_image (net->record, &net->shape);
  lode_conv (net->graph, "a", net->x, &conv4);
  {
    g_autofree bool *all = g_new0 (bool, 6);

    lode_record_touched (net->record, all);
    for (uint32_t i = 0; i < 6; i++)
      g_assert_cmpint (all[i], ==,
                       strcmp (lode_layout_slot (net->weights, i)->name, "a.weight") == 0);
  }
  net_free (net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  space_fill ();
  g_test_add_func ("/graph/widths", test_widths);
  g_test_add_func ("/graph/offset", test_offset);
  g_test_add_func ("/graph/mistakes", test_mistakes);
  g_test_add_func ("/graph/absent", test_absent);
  g_test_add_func ("/graph/counts", test_counts);
  return g_test_run ();
}

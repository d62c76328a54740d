/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The super-network of backbone darts, run by the engine: gradients of gates and weights against
 * central differences, and one path through it against the same path recorded alone.
 */
#include "../compute/fixture.h"
#include "family.h"

enum { NODES = 2, EDGES = 5, OPS = 8, OPTIONS = 2 * EDGES * OPS, BATCH = 4, SIDE = 7 };

static Family *
small_space (void)
{
  LodeNode *group = test_group ();

  test_set (group, "channels", 4);
  test_set (group, "cells", 3);
  test_set (group, "nodes", NODES);
  return family_new ("darts", group);
}

/* Features are the one output. mask: [2 · EDGES] */
static Net *
record (const Family *family, const uint64_t *mask, const float *gate, uint32_t threads)
{
  Net *net = net_new ((LodeShape){ SIDE, SIDE, 3 }, BATCH, family->space, mask);
  LodeBuild build = { .size = sizeof build, .image = net->x, .index = -1, .shared = true };
  g_autoptr (GError) error = NULL;

  family->ops->build (family->backbone, net->graph, &build, &error);
  g_assert_no_error (error);
  lode_record_output (net->record, build.features);
  lode_record_check (net->record, &error);
  g_assert_no_error (error);
  net_ready (net, threads, lode_kernels_at (0));
  net->bind.gate = gate;
  return net;
}

static void
soft_gates (float *gate)
{
  LodeRng rng = { .key = 5 };

  for (int e = 0; e < 2 * EDGES; e++) {
    double sum = 0, p[OPS];

    for (int o = 0; o < OPS; o++)
      sum += p[o] = exp (0.5 * lode_rng_normal (&rng));
    for (int o = 0; o < OPS; o++)
      gate[e * OPS + o] = (float) (p[o] / sum);
  }
}

static void
test_gates (void)
{
  Family *family = small_space ();
  uint64_t mask[2 * EDGES];
  float gate[OPTIONS], dgate[OPTIONS], spare[OPTIONS];
  double most = 0;
  Net *net;

  lode_space_all (family->space, mask);
  soft_gates (gate);
  net = record (family, mask, gate, 1);
  net->bind.dgate = dgate;
  net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
  for (int i = 0; i < OPTIONS; i++)
    most = MAX (most, fabs ((double) dgate[i]));
  net->bind.dgate = spare;
  for (int i = 0; i < OPTIONS; i++) {
    double slope = net_nearest (net, &gate[i], dgate[i], 4e-3, 1);

    if (fabs (slope - (double) dgate[i]) > 2e-2 * most)
      g_error ("gate %d: gradient %g, central difference %g, largest %g", i, (double) dgate[i],
               slope, most);
    g_assert_true (i % OPS || fabs ((double) dgate[i]) <= 0); /* none */
  }
  g_assert_cmpfloat (most, >, 0.1);
  net_free (net);
  family_free (family);
}

static void
test_weights (void)
{
  Family *family = small_space ();
  uint64_t mask[2 * EDGES];
  float gate[OPTIONS], dgate[OPTIONS];
  Net *net;

  lode_space_all (family->space, mask);
  soft_gates (gate);
  net = record (family, mask, gate, 1);
  net->bind.dgate = dgate;
  net_check (net, 1, 1, 4e-3, 0.05);
  net_free (net);
  family_free (family);
}

static const float *
features (Net *net, uint32_t *width)
{
  LodeProgram *program = net_program (net, 0);

  lode_program_forward (program, &net->bind);
  return lode_program_output (program, 0, width);
}

/* Gates of one bit each are the network of that path; weights have the same names and values in
 * both. */
static void
test_one_hot (void)
{
  Family *family = small_space ();
  LodeRng rng = { .key = 21 };

  for (int trial = 0; trial < 12; trial++) {
    uint8_t arch[2 * EDGES];
    uint64_t all[2 * EDGES], one[2 * EDGES];
    float gate[OPTIONS] = { 0 };
    const float *x, *y;
    uint32_t wide, narrow;
    Net *whole, *path;

    for (int e = 0; e < 2 * EDGES; e++)
      arch[e] = (uint8_t) lode_rng_below (&rng, OPS);
    for (int e = 0; e < 2 * EDGES; e++)
      gate[e * OPS + arch[e]] = 1;
    lode_space_all (family->space, all);
    lode_space_one (family->space, arch, one);
    whole = record (family, all, gate, 1);
    path = record (family, one, NULL, 1);
    x = features (whole, &wide);
    y = features (path, &narrow);
    g_assert_cmpuint (wide, ==, narrow);
    for (uint32_t i = 0; i < BATCH * wide; i++)
      g_assert_cmpfloat_with_epsilon (x[i], y[i], 2e-4);
    net_free (whole);
    net_free (path);
  }
  family_free (family);
}

/* Everything at none: zero features, no gradient in any weight of an operation. */
static void
test_none (void)
{
  Family *family = small_space ();
  uint64_t mask[2 * EDGES];
  float gate[OPTIONS] = { 0 };
  uint32_t width;
  const float *x;
  LodeParamSet *grad;
  Net *net;

  for (int e = 0; e < 2 * EDGES; e++)
    gate[e * OPS] = 1;
  lode_space_all (family->space, mask);
  net = record (family, mask, gate, 1);
  x = features (net, &width);
  for (uint32_t i = 0; i < BATCH * width; i++)
    g_assert_true (!(fabs ((double) x[i]) > 0));
  net_pass (net, LODE_GRAD_WEIGHTS, 1);
  grad = (LodeParamSet *) net->g;
  for (uint32_t i = 0; i < grad->slots; i++)
    for (size_t j = 0; j < lode_slot_size (lode_layout_slot (net->weights, i)); j++)
      g_assert_true (!(fabs ((double) grad->at[i][j]) > 0));
  net_free (net);
  family_free (family);
}

static void
test_threads (void)
{
  Family *family = small_space ();
  uint64_t mask[2 * EDGES];
  float gate[OPTIONS], dgate[3][OPTIONS];

  lode_space_all (family->space, mask);
  soft_gates (gate);
  for (int i = 0; i < 3; i++) {
    Net *net = record (family, mask, gate, 1u << i);

    net->bind.dgate = dgate[i];
    net_pass (net, LODE_GRAD_WEIGHTS | LODE_GRAD_GATES, 1);
    g_assert_cmpmem (dgate[0], sizeof dgate[0], dgate[i], sizeof dgate[i]);
    net_free (net);
  }
  family_free (family);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/darts-net/gates", test_gates);
  g_test_add_func ("/darts-net/weights", test_weights);
  g_test_add_func ("/darts-net/one-hot", test_one_hot);
  g_test_add_func ("/darts-net/none", test_none);
  g_test_add_func ("/darts-net/threads", test_threads);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hyper-gradient of search darts on the bilevel toy of Liu et al. 2019, appendix: its fixed
 * points and first iterates, known in closed form.
 */
#include "../../plugins/search/darts/hyper.h"
#include "toy-host.h"

typedef struct Bilevel {
  Toy *toy;
  Hyper hyper;
  LodeChoice choice;
  float gate[TOY_OPTIONS], dgate[TOY_OPTIONS];
  float plus[TOY_OPTIONS], minus[TOY_OPTIONS];
  LodeBatch train, held;
  LodeOptim *optim;
  LodeParams *grad;
} Bilevel;

/* One gate of slope 1: a = α. The weight starts at −2. */
static Bilevel *
bilevel_new (double xi)
{
  Bilevel *at = g_new0 (Bilevel, 1);
  LodeNetIn in = { .size = sizeof in, .shared = true };
  LodeNet *net;

  at->toy = toy_new ();
  at->toy->xi = xi;
  at->toy->rate = 0.25;
  memset (at->toy->slope, 0, sizeof at->toy->slope);
  at->toy->slope[0] = 1;
  at->choice = (LodeChoice){ .size = sizeof (LodeChoice), .gate = at->gate };
  at->train = (LodeBatch){ .size = sizeof (LodeBatch), .n = 1, .role = LODE_ROLE_WEIGHTS };
  at->held = (LodeBatch){ .size = sizeof (LodeBatch), .n = 1, .role = LODE_ROLE_ARCH };
  net = lode_net_new (&at->toy->host, &in, NULL);
  at->optim = lode_optim_new (&at->toy->host, net, NULL);
  at->grad = lode_params_dup (lode_net_params (net), net, NULL);
  at->hyper = (Hyper){ .net = net,
                       .optim = at->optim,
                       .grad = lode_params_dup (lode_net_params (net), net, NULL),
                       .direction = lode_params_dup (lode_net_params (net), net, NULL),
                       .moved = lode_params_dup (lode_net_params (net), net, NULL),
                       .plus = at->plus,
                       .minus = at->minus,
                       .options = TOY_OPTIONS };
  return at;
}

static void
bilevel_free (Bilevel *at)
{
  lode_params_free (at->grad);
  lode_params_free (at->hyper.grad);
  lode_params_free (at->hyper.direction);
  lode_params_free (at->hyper.moved);
  lode_optim_free (at->optim);
  lode_net_free (at->hyper.net);
  toy_free (at->toy);
  g_free (at);
}

static double
gradient (Bilevel *at, double alpha, int order)
{
  LodePass pass = { .size = sizeof pass, .dgate = at->dgate };
  g_autoptr (GError) error = NULL;
  double before = at->toy->net->own.w;

  at->gate[0] = (float) alpha;
  if (order == 1)
    darts_first_order (&at->hyper, &at->held, &at->choice, &pass, &error);
  else
    darts_second_order (&at->hyper, &at->train, &at->held, &at->choice, &pass, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (&before, sizeof before, &at->toy->net->own.w, sizeof before);
  g_assert_cmpuint (at->toy->foreign_writes, ==, 0);
  return (double) at->dgate[0];
}

/* α first at rate 0.1, then the weight at 0.25. */
static void
iterate (Bilevel *at, double *alpha, int order)
{
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS, .grad = at->grad };

  *alpha -= 0.1 * gradient (at, *alpha, order);
  at->gate[0] = (float) *alpha;
  lode_net_pass (at->hyper.net, &at->train, &at->choice, &pass, NULL);
  lode_optim_step (at->optim, lode_net_params (at->hyper.net), at->grad, LODE_CLIP);
}

static void
test_limit (void)
{
  static const double xi[] = { 0, 0.1, 0.25, 0.5 };

  for (size_t i = 0; i < G_N_ELEMENTS (xi); i++) {
    Bilevel *at = bilevel_new (xi[i]);
    double alpha = 2, limit = 2 / (1 + 2 * xi[i]);

    for (int step = 0; step < 3000; step++)
      iterate (at, &alpha, 2);
    g_assert_cmpfloat_with_epsilon (alpha, limit, 1e-5);
    g_assert_cmpfloat_with_epsilon (at->toy->net->own.w, limit, 1e-5);
    bilevel_free (at);
  }
}

static void
test_iterates (void)
{
  static const struct {
    double xi, alpha[3], w[3];
  } golden[] = { { 0, { 2.4, 2.58, 2.641 }, { 0.2, 1.39, 2.0155 } },
                 { 0.5, { 1.8, 1.64, 1.512 }, { -0.1, 0.77, 1.141 } } };

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    Bilevel *at = bilevel_new (golden[i].xi);
    double alpha = 2;

    for (int step = 0; step < 3; step++) {
      iterate (at, &alpha, 2);
      g_assert_cmpfloat_with_epsilon (alpha, golden[i].alpha[step], 1e-5);
      g_assert_cmpfloat_with_epsilon (at->toy->net->own.w, golden[i].w[step], 1e-5);
    }
    bilevel_free (at);
  }
}

/* dα L_val (w − ξ ∇_w L_train) worked out by hand, at places off the path. */
static void
test_closed_form (void)
{
  for (double w = -3; w < 3; w += 0.7)
    for (double alpha = -2; alpha < 3; alpha += 0.6) {
      double xi = 0.3, moved = w - xi * 2 * (w - alpha), want = moved - 2 + 2 * xi * alpha;
      Bilevel *at = bilevel_new (xi);

      at->toy->net->own.w = w;
      g_assert_cmpfloat_with_epsilon (gradient (at, alpha, 2), want, 2e-4);
      bilevel_free (at);
    }
}

static void
test_no_look_ahead (void)
{
  Bilevel *first = bilevel_new (0), *second = bilevel_new (0);

  for (double alpha = -2; alpha < 3; alpha += 0.37)
    g_assert_cmpfloat (gradient (first, alpha, 1), ==, gradient (second, alpha, 2));
  bilevel_free (first);
  bilevel_free (second);
}

/* A held-out loss that does not depend on the weights: no direction to probe along. */
static void
test_flat (void)
{
  Bilevel *at = bilevel_new (0.5);

  g_assert_true (isfinite (gradient (at, 0, 2)));
  g_assert_cmpstr (at->toy->log->str, ==, "W:w A:wg@ ");
  bilevel_free (at);
}

static void
test_passes (void)
{
  Bilevel *at = bilevel_new (0.5);

  gradient (at, 1, 2);
  g_assert_cmpstr (at->toy->log->str, ==, "W:w A:wg@ W:g@ W:g@ ");
  g_string_truncate (at->toy->log, 0);
  gradient (at, 1, 1);
  g_assert_cmpstr (at->toy->log->str, ==, "A:g ");
  bilevel_free (at);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bilevel/limit", test_limit);
  g_test_add_func ("/bilevel/iterates", test_iterates);
  g_test_add_func ("/bilevel/closed-form", test_closed_form);
  g_test_add_func ("/bilevel/no-look-ahead", test_no_look_ahead);
  g_test_add_func ("/bilevel/flat", test_flat);
  g_test_add_func ("/bilevel/passes", test_passes);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which slots an optimiser moves: those touched, not frozen and in the set; the others stay as they
 * are bit for bit.
 */
#include "fake-net.h"

/* One step that some slots must not notice. */
static void
check_untouched (LodeFitConf *conf, uint32_t flags, uint32_t slots, uint32_t still)
{
  FakeNet net = net_new (1);
  LodeOptim *optim = lode_optim_make (conf, &net.base);
  LodeParams *before = gradient_new (&net, 1, 63), *grad = gradient_new (&net, 2, slots);
  GBytes *state[SLOTS];

  lode_optim_step (optim, net.own, before, 0);
  for (uint32_t i = 0; i < SLOTS; i++) {
    lode_layout_freeze (layout_of (&net), lode_layout_slot (layout_of (&net), i)->name,
                        !(flags & LODE_TOUCHED) && still >> i & 1);
    state[i] = state_of (&net, optim, i);
  }
  lode_optim_step (optim, net.own, grad, flags);
  for (uint32_t i = 0; i < SLOTS; i++) {
    g_autoptr (GBytes) after = state_of (&net, optim, i);

    g_assert_cmpint (g_bytes_equal (state[i], after), ==, still >> i & 1);
    g_bytes_unref (state[i]);
  }
  lode_params_free (before);
  lode_params_free (grad);
  lode_optim_free (optim);
  net_clear (&net);
}

static void
test_touched (void)
{
  LodeFitConf conf = conf_new ();

  for (int kind = 0; kind < 2; kind++) {
    conf.optimiser = kind;
    check_untouched (&conf, LODE_TOUCHED, 1 << CONV | 1 << HEAD_BIAS,
                     63 & ~(1 << CONV | 1 << HEAD_BIAS));
    check_untouched (&conf, LODE_TOUCHED | LODE_CLIP, 1 << BIG, 63 & ~(1 << BIG));
    check_untouched (&conf, 0, 1 << BIG, 0); /* momentum and decay go on elsewhere */
  }
}

static void
test_frozen (void)
{
  LodeFitConf conf = conf_new ();

  for (int kind = 0; kind < 2; kind++) {
    conf.optimiser = kind;
    check_untouched (&conf, 0, 63, 1 << CONV | 1 << BIG);
    check_untouched (&conf, LODE_CLIP, 63, 15);
  }
}

/* A set of one path: only what it holds moves, by the moments of the whole. */
static void
test_partial (void)
{
  FakeNet net = net_new (1);
  LodeFitConf conf = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base);
  const bool want[SLOTS] = { [CONV] = true };
  LodeParams *part = lode_params_new (layout_of (&net), want), *grad = gradient_new (&net, 1, 63);
  g_autoptr (GBytes) before = state_of (&net, optim, BIG), after = NULL;

  lode_params_copy (part, net.own);
  lode_optim_step (optim, part, grad, LODE_CLIP);
  after = state_of (&net, optim, BIG);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpfloat ((double) set_of (part)->at[CONV][0], !=,
                     (double) set_of (net.own)->at[CONV][0]);
  lode_params_free (part);
  lode_params_free (grad);
  lode_optim_free (optim);
  net_clear (&net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/optim/touched", test_touched);
  g_test_add_func ("/optim/frozen", test_frozen);
  g_test_add_func ("/optim/partial", test_partial);
  return g_test_run ();
}

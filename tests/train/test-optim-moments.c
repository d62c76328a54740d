/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an optimiser remembers of every weight: steps counted by slot, a checkpoint in mid-course, a
 * new head, a layout that grows.
 */
#include "fake-net.h"

/* Adam's correction counts a slot's own steps: one touched late begins like one at the start. */
static void
test_adam_steps (void)
{
  LodeFitConf conf = conf_new ();
  FakeNet late = net_new (1), fresh = net_new (1);
  LodeOptim *a, *b;
  LodeParams *first = gradient_new (&late, 1, 1 << CONV);
  LodeParams *second = gradient_new (&late, 2, 1 << BIG), *same;

  conf.optimiser = LODE_OPTIM_ADAM;
  a = lode_optim_make (&conf, &late.base);
  b = lode_optim_make (&conf, &fresh.base);
  same = gradient_new (&fresh, 2, 1 << BIG);
  for (int t = 0; t < 5; t++)
    lode_optim_step (a, late.own, first, LODE_TOUCHED);
  lode_optim_step (a, late.own, second, LODE_TOUCHED);
  lode_optim_step (b, fresh.own, same, LODE_TOUCHED);
  g_assert_cmpmem (set_of (late.own)->at[BIG], size_of (&late, BIG) * sizeof (float),
                   set_of (fresh.own)->at[BIG], size_of (&fresh, BIG) * sizeof (float));
  lode_params_free (first);
  lode_params_free (second);
  lode_params_free (same);
  lode_optim_free (a);
  lode_optim_free (b);
  net_clear (&late);
  net_clear (&fresh);
}

/* Four steps at once, or two, a store, and two more in a fresh net and optimiser. */
static void
check_resume (const LodeFitConf *conf)
{
  FakeNet whole = net_new (1), half = net_new (1), rest = net_new (1);
  LodeOptim *a = lode_optim_make (conf, &whole.base), *b = lode_optim_make (conf, &half.base);
  LodeOptim *c = lode_optim_make (conf, &rest.base);
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;

  for (uint32_t t = 0; t < 4; t++) {
    LodeParams *grad = gradient_new (&whole, t, t % 2 ? 63 : 1 << CONV | 1 << BIG);
    LodeParams *other = gradient_new (t < 2 ? &half : &rest, t, t % 2 ? 63 : 1 << CONV | 1 << BIG);

    if (t == 2) {
      lode_optim_store (b, "x.", &memory.base);
      g_assert_true (lode_optim_restore (c, "x.", &memory.base, &error));
      g_assert_no_error (error);
      g_assert_cmpfloat (lode_optim_rate (c), ==, lode_optim_rate (b));
      for (uint32_t i = 0; i < SLOTS; i++)
        memcpy (set_of (rest.own)->at[i], set_of (half.own)->at[i],
                size_of (&half, i) * sizeof (float));
    } else {
      lode_optim_epoch (a, t / 2.0);
      lode_optim_epoch (t < 2 ? b : c, t / 2.0);
    }
    lode_optim_step (a, whole.own, grad, LODE_TOUCHED | LODE_CLIP);
    lode_optim_step (t < 2 ? b : c, t < 2 ? half.own : rest.own, other, LODE_TOUCHED | LODE_CLIP);
    lode_params_free (grad);
    lode_params_free (other);
  }
  for (uint32_t i = 0; i < SLOTS; i++)
    g_assert_cmpmem (set_of (whole.own)->at[i], size_of (&whole, i) * sizeof (float),
                     set_of (rest.own)->at[i], size_of (&rest, i) * sizeof (float));
  memory_clear (&memory);
  lode_optim_free (a);
  lode_optim_free (b);
  lode_optim_free (c);
  net_clear (&whole);
  net_clear (&half);
  net_clear (&rest);
}

static void
test_resume (void)
{
  LodeFitConf conf = conf_new ();

  check_resume (&conf);
  conf.optimiser = LODE_OPTIM_ADAM;
  check_resume (&conf);
  conf.optimiser = LODE_OPTIM_SGD;
  conf.momentum = 0;
  check_resume (&conf);
}

static void
assert_not_restored (const FakeNet *net, LodeOptim *optim, Memory *memory, const char *text)
{
  g_autoptr (GError) error = NULL;
  double rate = lode_optim_rate (optim);
  g_autoptr (GBytes) before = state_of (net, optim, CONV), after = NULL;

  g_assert_false (lode_optim_restore (optim, "x.", &memory->base, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  if (!strstr (error->message, text))
    g_error ("\"%s\" does not mention \"%s\"", error->message, text);
  after = state_of (net, optim, CONV);
  g_assert_true (g_bytes_equal (before, after));
  g_assert_cmpfloat (lode_optim_rate (optim), ==, rate);
}

/* A short, foreign or damaged checkpoint leaves everything as it was. */
static void
test_bad_restore (void)
{
  FakeNet net = net_new (1);
  LodeFitConf conf = conf_new (), adam = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base), *other, *saved;
  LodeParams *grad = gradient_new (&net, 1, 63);
  Memory memory = memory_new ();
  const double nowhere = -NAN;

  adam.optimiser = LODE_OPTIM_ADAM;
  other = lode_optim_make (&adam, &net.base);
  saved = lode_optim_make (&conf, &net.base);
  assert_not_restored (&net, optim, &memory, "x.kind");
  lode_optim_epoch (saved, 5);
  lode_optim_step (saved, net.own, grad, 0);
  lode_optim_store (saved, "x.", &memory.base);
  assert_not_restored (&net, other, &memory, "is sgd, this one adam");
  lode_store_put (&memory.base, "x.first.head.bias", LODE_TYPE_F32, 2, &nowhere);
  assert_not_restored (&net, optim, &memory, "x.first.head.bias");
  lode_optim_store (saved, "x.", &memory.base);
  g_hash_table_remove (memory.at, "x.steps.head.bias");
  assert_not_restored (&net, optim, &memory, "x.steps.head.bias");
  lode_optim_store (saved, "x.", &memory.base);
  lode_store_put (&memory.base, "x.epoch", LODE_TYPE_F64, 1, &nowhere);
  assert_not_restored (&net, optim, &memory, "epoch");
  memory_clear (&memory);
  lode_params_free (grad);
  lode_optim_free (optim);
  lode_optim_free (other);
  lode_optim_free (saved);
  net_clear (&net);
}

/* After a new head, of the same size or another, the backbone goes on with its momentum and the
 * head starts without; what is stored then fits the new net. */
static void
check_new_head (uint32_t classes)
{
  FakeNet net = net_new (1), fresh;
  LodeFitConf conf = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base), *again;
  LodeParams *grad = gradient_new (&net, 1, 63), *old = net.own;
  LodeLayout *layout = layout_new (classes);
  Memory memory = memory_new ();
  g_autoptr (GBytes) before = NULL, after = NULL, head = NULL, zero = NULL;
  g_autoptr (GError) error = NULL;

  lode_optim_step (optim, net.own, grad, 0);
  lode_params_free (grad);
  before = state_of (&net, optim, BIG);
  net.own = lode_params_new (layout, NULL);
  lode_layout_unref (layout);
  lode_params_init (net.own, 2, 0);
  memcpy (set_of (net.own)->at[BIG], set_of (old)->at[BIG], size_of (&net, BIG) * sizeof (float));
  lode_params_free (old);
  after = state_of (&net, optim, BIG);
  g_assert_true (g_bytes_equal (before, after));

  fresh = net_on (lode_layout_ref (layout_of (&net)), 1);
  lode_params_copy (fresh.own, net.own);
  again = lode_optim_make (&conf, &fresh.base);
  head = state_of (&net, optim, HEAD_WEIGHT);
  zero = state_of (&fresh, again, HEAD_WEIGHT);
  g_assert_true (g_bytes_equal (head, zero));
  lode_optim_store (optim, "x.", &memory.base);
  g_assert_true (lode_optim_restore (again, "x.", &memory.base, &error));
  g_assert_no_error (error);

  grad = gradient_new (&net, 2, 63);
  lode_optim_step (optim, net.own, grad, LODE_CLIP);
  lode_optim_step (again, fresh.own, grad, LODE_CLIP);
  for (uint32_t i = 0; i < SLOTS; i++)
    g_assert_cmpmem (set_of (net.own)->at[i], size_of (&net, i) * sizeof (float),
                     set_of (fresh.own)->at[i], size_of (&net, i) * sizeof (float));
  lode_params_free (grad);
  memory_clear (&memory);
  lode_optim_free (optim);
  lode_optim_free (again);
  net_clear (&net);
  net_clear (&fresh);
}

static void
test_new_head (void)
{
  check_new_head (3);
  check_new_head (7);
}

/* A layout that grows keeps all moments, the head's too. */
static void
test_growth (void)
{
  LodeLayout *layout = layout_new (3);
  FakeNet net = net_on (lode_layout_ref (layout), 1);
  LodeFitConf conf = conf_new ();
  LodeOptim *optim = lode_optim_make (&conf, &net.base);
  LodeParams *grad = gradient_new (&net, 1, 63);
  g_autoptr (GBytes) before = NULL, after = NULL;

  lode_optim_step (optim, net.own, grad, 0);
  before = state_of (&net, optim, HEAD_WEIGHT);
  lode_layout_add (layout, "backbone.late.weight", (uint32_t[]){ 1, 1, 3, 3 }, 3, LODE_INIT_ZERO);
  after = state_of (&net, optim, HEAD_WEIGHT);
  g_assert_true (g_bytes_equal (before, after));
  lode_optim_step (optim, net.own, grad, 0); /* shorter sets than the layout */
  lode_params_free (grad);
  lode_layout_unref (layout);
  lode_optim_free (optim);
  net_clear (&net);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/optim/adam-steps", test_adam_steps);
  g_test_add_func ("/optim/resume", test_resume);
  g_test_add_func ("/optim/bad-restore", test_bad_restore);
  g_test_add_func ("/optim/new-head", test_new_head);
  g_test_add_func ("/optim/growth", test_growth);
  return g_test_run ();
}

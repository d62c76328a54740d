/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Class tables in force by degrees, weights of classes beside a loss's own, and a loss of
 * architecture batches.
 */
#include "train/fixture.h"

/* Four classes of 24, 12, 6 and 6 in 48. */
static const int32_t labels[] = { 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 3,
                                  0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 3,
                                  0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0, 3 };

static Bench *
uneven_bench (double valid, double arch)
{
  Fake fake = small_images ();
  LodeDataConf conf = plain_conf ();

  fake.part[LODE_PART_TRAIN].label = labels;
  conf.valid = valid;
  conf.arch = arch;
  return bench_new ("mlp", NULL, "ce", &fake, &conf, 1);
}

static LodeFitConf
plain_fit (int64_t epochs)
{
  return (LodeFitConf){ .epochs = epochs,
                        .batch = 8,
                        .schedule = LODE_SCHEDULE_CONSTANT,
                        .rate = 0.05,
                        .momentum = 0.9,
                        .gamma = 1,
                        .clip = 5 };
}

static void
assert_force (const LodeFitConf *conf, double epoch, double weight, double scale, double shift)
{
  LodeForce force = lode_fit_force (conf, epoch);

  g_assert_cmpfloat_with_epsilon (force.weight, weight, 1e-12);
  g_assert_cmpfloat_with_epsilon (force.scale, scale, 1e-12);
  g_assert_cmpfloat_with_epsilon (force.shift, shift, 1e-12);
}

static void
test_schedule (void)
{
  LodeFitConf conf = plain_fit (200);

  assert_force (&conf, 0, 1, 1, 1);
  conf.weight_from = 0.8;
  conf.scale_ramp = 0.5;
  conf.shift_from = 0.25;
  conf.shift_ramp = 0.25;
  assert_force (&conf, 0, 0, 0, 0);
  assert_force (&conf, 50.7, 0, 0.5, 0);
  assert_force (&conf, 75, 0, 0.75, 0.5);
  assert_force (&conf, 159.99, 0, 1, 1);
  assert_force (&conf, 160, 1, 1, 1);
  assert_force (&conf, 1e6, 1, 1, 1);
  conf.every = LODE_EVERY_BATCH;
  assert_force (&conf, 50.5, 0, 0.505, 0.01);
}

static void
assert_mistake (double from, double ramp, const char *text)
{
  for (int part = 0; part < 3; part++) {
    LodeFitConf conf = plain_fit (10);
    double *at = part == 0 ? &conf.weight_from : part == 1 ? &conf.scale_from : &conf.shift_from;
    g_autofree char *mistake = NULL;

    at[0] = from;
    at[1] = ramp;
    mistake = lode_fit_check (&conf);
    g_assert_true (!mistake == !text);
    g_assert_true (!text || strstr (mistake, text));
  }
}

static void
test_mistakes (void)
{
  assert_mistake (0.8, 0.2, NULL);
  assert_mistake (0, 1, NULL);
  assert_mistake (0.8, 0.3, "behind the last epoch");
  assert_mistake (1, 0, "behind the last epoch");
}

/* The table of a loss that scales, shifts and weighs, at three degrees. */
static void
test_degrees (void)
{
  static const double counts[] = { 1000, 300, 50, 10 };
  const LodeLoaded *loaded = test_load ("loss", "vs");
  const LodeLossOps *ops = loaded->ops;
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  LodeLoss *loss = ops->create (NULL, test_conf (loaded, NULL, owner), NULL);
  const LodeReweight by = { LODE_REWEIGHT_INVERSE, 1, 0 };
  LodeCriterion criterion = { 0 };
  g_autofree float *own = NULL;

  g_assert_true (lode_criterion_prepare (&criterion, ops, loss, 4, counts, NULL));
  lode_criterion_reweight (&criterion, &by, counts);
  own = g_memdup2 (criterion.memory, 16 * sizeof (float));
  for (int degree = 0; degree < 4; degree++) { /* 0, ½, 1, and back to 0 */
    double t = degree == 3 ? 0 : degree / 2.0;

    lode_criterion_force (&criterion, &(LodeForce){ t, t, t });
    for (int c = 0; c < 4; c++) {
      const LodeClassTable *table = &criterion.table;

      g_assert_cmpfloat_with_epsilon (table->scale[c], 1 + t * ((double) own[c] - 1), 1e-6);
      g_assert_cmpfloat_with_epsilon (table->shift[c], t * (double) own[4 + c], 1e-6);
      g_assert_cmpfloat_with_epsilon (table->weight[c], 1 + t * ((double) own[12 + c] - 1), 1e-6);
    }
    g_assert_true (degree != 2 || !memcmp (criterion.memory, own, 16 * sizeof (float)));
  }
  g_assert_cmpfloat_with_epsilon (own[12], 0.032172, 1e-5); /* mean 1, as printed */
  lode_criterion_clear (&criterion);
  ops->destroy (loss);
}

/* A training run with its figures. */
static uint64_t
hash_after (const LodeReweight *by, const LodeFitConf *conf, uint32_t epochs)
{
  Bench *bench = uneven_bench (0, 0);
  LodeStream *stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 8);
  LodeFitSpec spec = { .conf = conf, .stream = stream };
  LodeProgress progress = { .size = sizeof progress };
  g_autoptr (GError) error = NULL;
  uint64_t hash;
  LodeFit *fit;

  bench->spec.reweight = *by;
  spec.net = bench_make (bench, (LodeNetIn){ 0 });
  fit = lode_fit_make (&spec, &error);
  g_assert_no_error (error);
  for (uint32_t i = 0; i < 6 * epochs; i++) {
    g_assert_true (lode_fit_step (fit, &progress, &error));
    g_assert_no_error (error);
  }
  hash = net_hash (bench->net);
  lode_fit_free (fit);
  lode_stream_close (stream);
  bench_free (bench);
  return hash;
}

/* Deferred weights: as without them up to the epoch at which they set in, then not; from the first
 * epoch on otherwise. */
static void
test_deferred (void)
{
  const LodeReweight none = { LODE_REWEIGHT_NONE, 1, 0.9 },
                     effective = { LODE_REWEIGHT_EFFECTIVE, 1, 0.9 },
                     alike = { LODE_REWEIGHT_EFFECTIVE, 1, 0 };
  LodeFitConf conf = plain_fit (4);

  g_assert_cmpuint (hash_after (&effective, &conf, 1), !=, hash_after (&none, &conf, 1));
  g_assert_cmpuint (hash_after (&alike, &conf, 2), ==, hash_after (&none, &conf, 2));
  conf.weight_from = 0.5;
  for (uint32_t epochs = 1; epochs <= 4; epochs++)
    g_assert_true ((hash_after (&effective, &conf, epochs) == hash_after (&none, &conf, epochs))
                   == (epochs <= 2));
}

/* Whoever has an optimiser has the schedule: a search's loop moves the table as a fit does. */
static void
test_optimiser (void)
{
  Bench *bench = uneven_bench (0, 0);
  LodeStream *stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 8);
  const LodeBatch *batch = next_of (stream);
  LodeFitConf conf = plain_fit (10);
  double loss[3];
  LodeOptim *optim;

  conf.weight_from = 0.5;
  bench->spec.reweight = (LodeReweight){ LODE_REWEIGHT_INVERSE, 1, 0 };
  bench_make (bench, (LodeNetIn){ 0 });
  optim = lode_optim_make (&conf, bench->net);
  for (int i = 0; i < 3; i++) {
    LodePass pass = { .size = sizeof pass };

    lode_optim_epoch (optim, i == 1 ? 5 : 0);
    pass_of (bench->net, batch, NULL, &pass);
    loss[i] = pass.loss;
  }
  g_assert_cmpfloat (loss[0], !=, loss[1]);
  g_assert_cmpfloat (loss[0], ==, loss[2]);
  lode_optim_free (optim);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  bench_free (bench);
}

static double
loss_of (Bench *bench, uint32_t role)
{
  LodeStream *stream = bench_stream (bench, role, 8);
  const LodeBatch *batch = next_of (stream);
  LodePass pass = { .size = sizeof pass };

  pass_of (bench->net, batch, NULL, &pass);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  return pass.loss;
}

/* Batches of ARCH have a loss of their own, which no weights of the fit touch; others do not. */
static void
test_arch_loss (void)
{
  const LodeLoaded *loaded = test_load ("loss", "la");
  const LodeLossOps *ops = loaded->ops;
  Bench *bench = uneven_bench (16, 0.5);
  double plain[2], own[2], weighed[2];
  const uint32_t role[] = { LODE_ROLE_WEIGHTS, LODE_ROLE_ARCH };

  bench_make (bench, (LodeNetIn){ 0 });
  for (int i = 0; i < 2; i++)
    plain[i] = loss_of (bench, role[i]);
  bench->spec.arch_loss_ops = ops;
  bench->spec.arch_loss = ops->create (NULL, test_conf (loaded, NULL, bench->owner), NULL);
  bench_make (bench, (LodeNetIn){ 0 });
  for (int i = 0; i < 2; i++)
    own[i] = loss_of (bench, role[i]);
  bench->spec.reweight = (LodeReweight){ LODE_REWEIGHT_INVERSE, 1, 0 };
  bench_make (bench, (LodeNetIn){ 0 });
  for (int i = 0; i < 2; i++)
    weighed[i] = loss_of (bench, role[i]);
  g_assert_cmpfloat (plain[0], ==, own[0]);
  g_assert_cmpfloat (plain[1], !=, own[1]);
  g_assert_cmpfloat (own[0], !=, weighed[0]);
  g_assert_cmpfloat (own[1], ==, weighed[1]);
  g_assert_true (lode_net_head (bench->net, 6, NULL, NULL)); /* both are prepared again */
  g_assert_true (isfinite (loss_of (bench, LODE_ROLE_ARCH)));
  ops->destroy (bench->spec.arch_loss);
  bench_free (bench);
}

/* Both stand on one head. */
static void
test_heads (void)
{
  const LodeLoaded *loaded = test_load ("loss", "ldam");
  const LodeLossOps *ops = loaded->ops;
  Bench *bench = uneven_bench (16, 0.5);
  LodeNetIn in = { .size = sizeof in };
  g_autoptr (GError) error = NULL;
  LodeLoss *cosine = ops->create (NULL, test_conf (loaded, NULL, bench->owner), NULL);

  bench->spec.arch_loss_ops = ops;
  bench->spec.arch_loss = cosine;
  g_assert_null (lode_net_make (&bench->spec, &in, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "cosine head of scale 30"));
  bench->spec.arch_loss_ops = bench->loss_ops;
  bench->spec.arch_loss = bench->loss;
  bench->spec.loss_ops = ops;
  bench->spec.loss = cosine;
  bench_make (bench, (LodeNetIn){ 0 });
  g_assert_true (isfinite (loss_of (bench, LODE_ROLE_ARCH)));
  lode_net_free (bench->net);
  bench->net = NULL;
  ops->destroy (cosine);
  bench_free (bench);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/force/schedule", test_schedule);
  g_test_add_func ("/force/mistakes", test_mistakes);
  g_test_add_func ("/force/degrees", test_degrees);
  g_test_add_func ("/force/deferred", test_deferred);
  g_test_add_func ("/force/optimiser", test_optimiser);
  g_test_add_func ("/force/arch-loss", test_arch_loss);
  g_test_add_func ("/force/heads", test_heads);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of searches that can be worked out by hand: gates, curvature, guards, dropout and
 * pruning of stages, draws of a few options, paths of a batch, distillation.
 */
#include "../../plugins/search/common/gates.h"
#include "../../plugins/search/darts/curvature.h"
#include "../../plugins/search/darts/guard.h"
#include "../../plugins/search/pdarts/prune.h"
#include "../../plugins/search/spos/paths.h"
#include "../../plugins/search/tas/draw.h"
#include "landscape.h"
#include "toy-host.h"

/* x ↦ A x: the gradient of a quadratic form. */
static bool
quadratic (void *data, const double *x, double *g, GError **error)
{
  const double *a = data;

  (void) error;
  for (int i = 0; i < 3; i++)
    g[i] = a[3 * i] * x[0] + a[3 * i + 1] * x[1] + a[3 * i + 2] * x[2];
  return true;
}

/* Eigenvalues 4, 1, −2 about (1, 1, 0); and the same with the signs turned, where the largest is
 * not that of largest magnitude. */
static void
test_curvature (void)
{
  double a[] = { 2.5, 1.5, 0, 1.5, 2.5, 0, 0, 0, -2 }, x[] = { 0.3, -0.2, 0.1 }, largest;
  g_autoptr (GError) error = NULL;

  for (uint64_t key = 1; key < 20; key++) {
    LodeRng rng = { .key = key };

    g_assert_true (darts_curvature (quadratic, a, 3, x, &rng, 100, &largest, &error));
    g_assert_cmpfloat_with_epsilon (largest, 4, 1e-2);
  }
  for (int i = 0; i < 9; i++)
    a[i] = -a[i];
  for (uint64_t key = 1; key < 20; key++) {
    LodeRng rng = { .key = key };

    g_assert_true (darts_curvature (quadratic, a, 3, x, &rng, 100, &largest, &error));
    g_assert_cmpfloat_with_epsilon (largest, 2, 1e-2);
  }
}

static double
log_sum (const double *x, int n)
{
  double sum = 0;

  for (int i = 0; i < n; i++)
    sum += exp (x[i]);
  return log (sum);
}

/* The gradient of Σ g gate + λ · mean log Σ exp α, against central differences; masked options stay
 * out of it. */
static void
test_gates (void)
{
  LodeRng rng = { .key = 3 };
  Gates gates;
  double dalpha[TOY_OPTIONS], lambda = 0.7;

  gates_init (&gates, &toy_space, &rng, 1);
  for (int o = 0; o < TOY_OPTIONS; o++)
    gates.dgate[o] = (float) (0.3 * o - 0.4);
  gates_pull (&gates, lambda);
  memcpy (dalpha, gates.dalpha, sizeof dalpha);
  for (int o = 0; o < TOY_OPTIONS; o++) {
    double f[2], was = gates.alpha[o];

    for (int side = 0; side < 2; side++) {
      gates.alpha[o] = was + (side ? 1e-3 : -1e-3);
      gates_set (&gates);
      f[side] = lambda * (log_sum (gates.alpha, 3) + log_sum (gates.alpha + 3, 3)) / 2;
      for (int i = 0; i < TOY_OPTIONS; i++)
        f[side] += (double) gates.dgate[i] * (double) gates.mix[i];
    }
    gates.alpha[o] = was;
    g_assert_cmpfloat_with_epsilon (dalpha[o], (f[1] - f[0]) / 2e-3, 2e-4);
  }
  gates.mask[0] = 5;
  gates.aid = 0.25;
  gates_set (&gates);
  g_assert_cmpfloat (gates.mix[1], ==, 0);
  g_assert_cmpfloat (gates.gate[1], ==, 0);
  g_assert_cmpfloat_with_epsilon (gates.mix[0] + gates.mix[2], 1, 1e-6);
  g_assert_cmpfloat_with_epsilon (gates.gate[4], gates.mix[4] + 0.25f, 1e-6);
  g_assert_cmpfloat (gates.gate[5], ==, gates.mix[5]);
  gates_clear (&gates);
}

static void
test_skips (void)
{
  const uint8_t none[] = { 0, 2 }, one[] = { 1, 2 };
  Guard guard = { .space = &toy_space, .max_skips = 0, .ratio = 0 };

  g_assert_cmpuint (guard_skips (&toy_space, none), ==, 0);
  g_assert_cmpuint (guard_skips (&toy_space, one), ==, 1);
  guard_init (&guard, none);
  g_assert_null (guard_look (&guard, none));
  g_assert_false (guard.stopped);
  g_assert_nonnull (guard_look (&guard, one));
  g_assert_true (guard.stopped);
  g_assert_cmpmem (guard.answer, 2, none, 2);
  guard_clear (&guard);
}

/* Constant, then growing by a tenth a look: means over five, four looks apart, pass 1.3 at the look
 * that is worked out here; the answer is of six looks before. */
static void
test_curvature_stops (void)
{
  Guard guard = { .space = &toy_space, .max_skips = -1, .from = 10, .ratio = 1.3 };
  double value[40];
  uint32_t stopped = 0, expected = 0;

  for (uint32_t i = 0; i < 40; i++)
    value[i] = i < 10 ? 1 : value[i - 1] * 1.1;
  for (uint32_t i = 8; i < 40 && !expected; i++) {
    double now = 0, then = 0;

    for (uint32_t j = 0; j < 5; j++) {
      now += value[i - j];
      then += value[i - 4 - j];
    }
    expected = now / then > 1.3 ? i : 0;
  }
  guard_init (&guard, (const uint8_t[]){ 0, 0 });
  for (uint32_t i = 0; i < 40 && !stopped; i++) {
    const uint8_t arch[] = { (uint8_t) (i % 3), (uint8_t) (i / 3 % 3) };

    guard_curvature (&guard, value[i], 2 * (i + 1), arch);
    stopped = guard.stopped ? i : 0;
  }
  g_assert_cmpuint (expected, >, 10);
  g_assert_cmpuint (stopped, ==, expected);
  g_assert_cmpuint (guard.answer[0], ==, (stopped - 6) % 3);
  g_assert_cmpuint (guard.answer[1], ==, (stopped - 6) / 3 % 3);
  guard_clear (&guard);
}

/* Chen et al. 2019 as their program has it: p = .4, 25 epochs, α from the tenth on. */
static void
test_dropout (void)
{
  static const struct {
    uint64_t epoch;
    double rate;
  } golden[] = { { 0, .384 }, { 5, .304 }, { 9, .24 }, { 10, .4 }, { 15, .14715 }, { 24, .02432 } };

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++)
    g_assert_cmpfloat_with_epsilon (pdarts_dropout (.4, golden[i].epoch, 25, 10), golden[i].rate,
                                    5e-6);
  g_assert_cmpfloat (pdarts_dropout (0, 12, 25, 10), ==, 0);
}

/* The super-network of the first stage, and of all options at the depths of the others. */
static void
test_stage_sizes (void)
{
  static const struct {
    uint32_t depth;
    uint64_t params;
  } golden[] = { { 5, 1275834 }, { 11, 2585146 }, { 17, 3894202 } };
  Family *family = family_new ("darts", NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (golden); i++) {
    LodeBuild build = { .depth = golden[i].depth, .width = 16, .shared = true };

    g_assert_cmpuint (family_cost (family, build, 32, NULL).params, ==, golden[i].params);
  }
  family_free (family);
}

static void
test_prune (void)
{
  const float mix[TOY_OPTIONS] = { 0.2f, 0.3f, 0.5f, 0.25f, 0.5f, 0.25f };
  uint64_t mask[] = { 7, 7 };

  pdarts_prune (&toy_space, 2, mix, mask);
  g_assert_cmpuint (mask[0], ==, 6);
  g_assert_cmpuint (mask[1], ==, 6); /* of equals the first leaves */
  pdarts_prune (&toy_space, 2, mix, mask);
  g_assert_cmpuint (mask[0], ==, 6);
  pdarts_prune (&toy_space, 1, mix, mask);
  g_assert_cmpuint (mask[0], ==, 4);
  g_assert_cmpuint (mask[1], ==, 2);
}

static uint32_t
normal_skips (const LodeSpace *space, const uint8_t *arch)
{
  uint32_t skips = 0;

  for (uint32_t i = 0; i < space->n; i++)
    skips += !strcmp (lode_space_at (space, i)->group, "normal")
             && lode_space_trait (lode_space_at (space, i), arch[i]) == LODE_TRAIT_SKIP;
  return skips;
}

static Family *deriving;

static void
derive (const LodeHost *host, const float *mix, const uint64_t *mask, uint8_t *arch)
{
  (void) host;
  deriving->ops->derive (deriving->backbone, mix, mask, arch);
}

/* In the space of darts: at most M skips in the normal cell for every M, no `none`, two inputs a
 * node, the reduction cell as without a limit, all of them unlimited for M = 8. */
static void
test_limit (void)
{
  const LodeHostCalls calls = { .size = sizeof calls, .derive = derive };
  const LodeHost host = { .size = sizeof host, .calls = &calls };
  Family *family = deriving = family_new ("darts", NULL);
  const LodeSpace *space = family->space;
  uint32_t skipped = 0;

  for (uint64_t key = 1; key <= 50; key++) {
    LodeRng rng = { .key = key };
    g_autofree float *mix = g_new0 (float, space->options), *edit = g_new0 (float, space->options);
    g_autofree uint64_t *mask = g_new0 (uint64_t, space->n);
    g_autofree uint8_t *free = g_new0 (uint8_t, space->n), *arch = g_new0 (uint8_t, space->n);

    lode_space_all (space, mask);
    for (uint32_t i = 0, at = 0; i < space->n; i++)
      for (uint32_t o = 0; o < lode_space_at (space, i)->n; o++, at++) {
        bool skip = lode_space_trait (lode_space_at (space, i), o) == LODE_TRAIT_SKIP;

        mix[at] = (float) (lode_rng_uniform (&rng) + (skip ? 0.7 : 0));
      }
    memcpy (edit, mix, space->options * sizeof *mix);
    pdarts_derive (&host, space, "normal", -1, mask, edit, free);
    skipped += normal_skips (space, free);
    for (int64_t most = 8; most >= 0; most--) {
      uint32_t inputs = 0;

      memcpy (edit, mix, space->options * sizeof *mix);
      pdarts_derive (&host, space, "normal", most, mask, edit, arch);
      g_assert_cmpuint (normal_skips (space, arch), <=, most);
      for (uint32_t i = 0; i < space->n; i++) {
        inputs += arch[i] != 0;
        if (strcmp (lode_space_at (space, i)->group, "normal") || most == 8)
          g_assert_cmpuint (arch[i], ==, free[i]);
      }
      g_assert_cmpuint (inputs, ==, 16);
    }
  }
  g_assert_cmpuint (skipped, >, 100);
  family_free (family);
}

static void
test_temperature (void)
{
  static const double golden[] = { 5, 4.28241, 2.55, .81759 };

  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon (tas_temperature (i / 4., 5, .1, false), golden[i], 5e-6);
  g_assert_cmpfloat_with_epsilon (tas_temperature (0.5, 10, .1, true), 5.05, 1e-12);
}

/* Two different options, gates that sum to one; the larger gate is as often an option as its chance
 * says, at any temperature (Gumbel-max, as long as both are drawn by their noise). */
static void
test_draw (void)
{
  const float mix[TOY_OPTIONS] = { 0.6f, 0.3f, 0.1f, 0.2f, 0.2f, 0.6f };
  uint32_t top = 0, n = 4000;
  LodeRng rng = { .key = 9 };

  for (uint32_t i = 0; i < n; i++) {
    uint64_t mask[TOY_DECISIONS];
    float gate[TOY_OPTIONS];

    tas_draw (&toy_space, mix, "right", 2, 0.05, &rng, mask, gate);
    g_assert_cmpint (__builtin_popcountll (mask[0]), ==, 2);
    g_assert_cmpuint (mask[1], ==, 7);
    for (int d = 0; d < 2; d++)
      g_assert_cmpfloat_with_epsilon (gate[3 * d] + gate[3 * d + 1] + gate[3 * d + 2], 1, 1e-6);
    for (int o = 0; o < 3; o++)
      g_assert_true (mask[0] >> o & 1 || gate[o] == 0);
    top += gate[0] > gate[1] && gate[0] > gate[2];
  }
  g_assert_cmpfloat_with_epsilon (top / (double) n, 0.6, 0.03);
}

/* The gradient of Σ c gate over drawn options, noise and draw held fixed, against differences. */
static void
test_pull (void)
{
  const double cost[3] = { 0.5, -1, 2 }, tau = 0.8;
  double alpha[3] = { 0.1, -0.3, 0.4 }, found[TOY_OPTIONS];
  float dgate[TOY_OPTIONS] = { 0.5f, -1, 2 }, mix[TOY_OPTIONS] = { 0 }, gate[TOY_OPTIONS];
  uint64_t mask[TOY_DECISIONS], again[TOY_DECISIONS];
  double f[3][2];

  for (int o = -1; o < 3; o++)
    for (int side = 0; side < 2; side++) {
      double x[3], sum = 0, value = 0;
      LodeRng rng = { .key = 4 };

      memcpy (x, alpha, sizeof x);
      if (o >= 0)
        x[o] += side ? 2e-3 : -2e-3;
      for (int i = 0; i < 3; i++)
        sum += exp (x[i]);
      for (int i = 0; i < 3; i++) {
        mix[i] = (float) (exp (x[i]) / sum);
        mix[3 + i] = 1 / 3.f;
      }
      tas_draw (&toy_space, mix, "none", 2, tau, &rng, o < 0 ? mask : again, gate);
      if (o < 0) {
        tas_pull (&toy_space, mask, gate, dgate, tau, found);
        continue;
      }
      g_assert_cmpuint (mask[0], ==, again[0]);
      for (int i = 0; i < 3; i++)
        value += cost[i] * (double) gate[i];
      f[o][side] = value;
    }
  for (int o = 0; o < 3; o++)
    g_assert_cmpfloat_with_epsilon (found[o], (f[o][1] - f[o][0]) / 4e-3, 2e-4);
}

/* Strict fairness: each option of each decision once in a batch. */
static void
test_fair (void)
{
  Land *land = land_new (3);
  Paths paths = { .kind = PATHS_FAIR, .tries = 1 };
  g_autoptr (GError) error = NULL;
  bool moved = false;

  g_assert_true (spos_paths_init (&paths, &land->host, land_get_space (), &error));
  g_assert_cmpuint (paths.n, ==, LAND_STATES);
  for (uint64_t batch = 0; batch < 50; batch++) {
    g_assert_true (spos_paths_draw (&paths, batch, &error));
    for (uint32_t i = 0; i < LAND_GENES; i++) {
      uint32_t seen = 0;

      for (uint32_t p = 0; p < paths.n; p++)
        seen |= 1u << paths.arch[p * LAND_GENES + i];
      g_assert_cmpuint (seen, ==, 15);
      moved = moved || paths.arch[i] != paths.arch[0];
    }
  }
  g_assert_true (moved);
  spos_paths_clear (&paths);
  land_free (land);
}

static double
cost_of (const Paths *paths)
{
  uint64_t macs, params;

  land_cost (paths->host, paths->arch, &macs, &params, NULL);
  return (double) macs;
}

/* By cost: the spread of what paths cost is wider than of uniform ones; no path above the limit. */
static void
test_cost_paths (void)
{
  double square[2] = { 0 };
  g_autoptr (GError) error = NULL;

  for (int by_cost = 0; by_cost < 2; by_cost++) {
    Land *land = land_new (5);
    Paths paths = { .kind = by_cost ? PATHS_COST : PATHS_UNIFORM, .tries = 200 };

    g_assert_true (spos_paths_init (&paths, &land->host, land_get_space (), &error));
    for (uint64_t batch = 0; batch < 500; batch++) {
      g_assert_true (spos_paths_draw (&paths, batch, &error));
      square[by_cost] += (cost_of (&paths) - 30) * (cost_of (&paths) - 30) / 500;
    }
    paths.max_macs = 28;
    for (uint64_t batch = 0; batch < 100; batch++) {
      g_assert_true (spos_paths_draw (&paths, batch, &error));
      g_assert_cmpfloat (cost_of (&paths), <=, 28);
    }
    spos_paths_clear (&paths);
    land_free (land);
  }
  g_assert_cmpfloat_with_epsilon (square[0], 25, 4);
  g_assert_cmpfloat (square[1], >, 1.3 * square[0]);
}

static void
distill (const float *z, const float *teacher, LodeNode *group, float *value, float *grad)
{
  const LodeLoaded *loaded = test_load ("loss", "kd");
  const LodeLossOps *ops = loaded->ops;
  g_autoptr (GPtrArray) owner = g_ptr_array_new_with_free_func (g_free);
  const int32_t label[] = { 0 };
  LodeLossIn in = {
    .size = sizeof in, .n = 1, .k = 3, .logit = z, .teacher = teacher, .label = label
  };
  LodeLoss *loss = ops->create (NULL, test_conf (loaded, group, owner), NULL);

  ops->rows (loss, &in, value, grad);
  ops->destroy (loss);
}

static void
test_distillation (void)
{
  const float z[] = { 2, .5f, -1 }, teacher[] = { 3, 1, 0 };
  const double golden[] = { -.0861953732, .1128722482, -.0266768750 };
  LodeNode *group = test_group ();
  float value, grad[3], plain[3];

  distill (z, teacher, NULL, &value, grad);
  g_assert_cmpfloat_with_epsilon (value, .047773186, 1e-8);
  for (int c = 0; c < 3; c++)
    g_assert_cmpfloat_with_epsilon (grad[c], golden[c], 1e-8);
  distill (z, NULL, NULL, &value, plain);
  g_assert_cmpfloat_with_epsilon (value, .241311297, 1e-7);
  test_set (group, "weight", 0);
  distill (z, teacher, group, &value, grad);
  g_assert_cmpfloat_with_epsilon (value, .241311297, 1e-7);
  g_assert_cmpmem (grad, sizeof grad, plain, sizeof plain);
  distill (z, z, NULL, &value, grad);
  g_assert_cmpfloat_with_epsilon (value, .1 * .241311297, 1e-7);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/parts/curvature", test_curvature);
  g_test_add_func ("/parts/gates", test_gates);
  g_test_add_func ("/parts/skips", test_skips);
  g_test_add_func ("/parts/curvature-stops", test_curvature_stops);
  g_test_add_func ("/parts/dropout", test_dropout);
  g_test_add_func ("/parts/stage-sizes", test_stage_sizes);
  g_test_add_func ("/parts/prune", test_prune);
  g_test_add_func ("/parts/limit", test_limit);
  g_test_add_func ("/parts/temperature", test_temperature);
  g_test_add_func ("/parts/draw", test_draw);
  g_test_add_func ("/parts/pull", test_pull);
  g_test_add_func ("/parts/fair", test_fair);
  g_test_add_func ("/parts/cost-paths", test_cost_paths);
  g_test_add_func ("/parts/distillation", test_distillation);
  return g_test_run ();
}

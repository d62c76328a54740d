/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles of unequal classes: printed counts, what is reserved first, which examples stay; wrong
 * labels; and the sampler that evens classes out, as a stream gives it.
 */
#include "fixture.h"
#include "plugins/family.h"

#include <math.h>

/* printed counts */
static void
assert_counts (LodeProfile profile, uint32_t k, const uint32_t *expected, uint32_t total)
{
  g_autofree uint32_t *want = g_new (uint32_t, k);
  uint32_t sum = 0;

  lode_profile_counts (&profile, k, want);
  for (uint32_t c = 0; c < k; c++) {
    sum += want[c];
    g_assert_true (!expected || want[c] == expected[c]);
  }
  g_assert_cmpuint (sum, ==, total);
}

static uint32_t
last_of (LodeProfile profile, uint32_t k)
{
  g_autofree uint32_t *want = g_new (uint32_t, k);

  lode_profile_counts (&profile, k, want);
  return want[k - 1];
}

static void
test_golden (void)
{
  static const struct {
    uint32_t k, most, ratio, total, last, step;
  } sets[] = { { 10, 5000, 10, 20431, 500, 27500 }, { 10, 5000, 50, 13996, 100, 25500 },
               { 10, 5000, 100, 12406, 50, 25250 }, { 10, 5000, 200, 11203, 25, 25125 },
               { 100, 500, 10, 19573, 50, 27500 },  { 100, 500, 50, 12608, 10, 25500 },
               { 100, 500, 100, 10847, 5, 25250 },  { 100, 500, 200, 9502, 2, 25100 } };
  static const uint32_t ten[] = { 5000, 3871, 2997, 2320, 1796, 1391, 1077, 834, 645, 500 },
                        fifty[] = { 5000, 3237, 2096, 1357, 878, 568, 368, 238, 154, 100 },
                        hundred[] = { 5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50 },
                        two[] = { 5000, 2775, 1540, 854, 474, 263, 146, 81, 45, 25 },
                        fashion[] = { 2000, 1198, 718, 430, 258, 154, 92, 55, 33, 20 };
  static const uint32_t *const full[] = { ten, fifty, hundred, two };

  for (size_t i = 0; i < G_N_ELEMENTS (sets); i++) {
    LodeProfile exp = { LODE_PROFILE_EXP, sets[i].ratio, sets[i].most, 0.5 }, step = exp;

    step.kind = LODE_PROFILE_STEP;
    assert_counts (exp, sets[i].k, i < 4 ? full[i] : NULL, sets[i].total);
    g_assert_cmpuint (last_of (exp, sets[i].k), ==, sets[i].last);
    assert_counts (step, sets[i].k, NULL, sets[i].step);
  }
  assert_counts ((LodeProfile){ LODE_PROFILE_EXP, 100, 2000, 0.5 }, 10, fashion, 4958);
  assert_counts ((LodeProfile){ LODE_PROFILE_EXP, 1, 70, 0.5 }, 3, NULL, 210);
  assert_counts ((LodeProfile){ LODE_PROFILE_STEP, 10, 50, 0.2 }, 10, NULL, 8 * 50 + 2 * 5);
  assert_counts ((LodeProfile){ LODE_PROFILE_EXP, 1e6, 10, 0.5 }, 2, NULL, 11); /* at least one */
}

/* a data set of four classes of 100, not preloaded into any order */
static Fake
even_classes (void)
{
  return (Fake){ .shape = { 1, 1, 1 }, .classes = 4, .part = { { .n = 400 }, { .n = 40 } } };
}

static LodeDataConf
tail_conf (int32_t profile, double ratio)
{
  return (LodeDataConf){ .preload = true,
                         .duplicates = LODE_COPIES_KEEP,
                         .profile = profile,
                         .ratio = ratio,
                         .minority = 0.5,
                         .profile_order = -1 };
}

/* Labels of a role's split, counted. count: [4] */
static void
count_role (LodeData *data, uint32_t role, uint32_t *count)
{
  LodeStream *stream = stream_of (data, (LodeStreamSpec){ .role = role, .batch = 9, .seed = 5 });

  memset (count, 0, 4 * sizeof *count);
  for (uint32_t b = 0; b < lode_stream_batches (stream); b++) {
    const LodeBatch *batch = next_of (stream);

    for (uint32_t i = 0; i < batch->n; i++)
      count[batch->label[i]]++;
    lode_stream_release (stream, batch);
  }
  lode_stream_close (stream);
}

static void
assert_role (LodeData *data, uint32_t role, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
  uint32_t count[4];

  count_role (data, role, count);
  g_assert_cmpuint (count[0], ==, a);
  g_assert_cmpuint (count[1], ==, b);
  g_assert_cmpuint (count[2], ==, c);
  g_assert_cmpuint (count[3], ==, d);
}

/* Validation is taken before the profile, the architecture's share after it; the test split stays.
 */
static void
test_splits (void)
{
  Fake fake = even_classes ();
  LodeDataConf conf = tail_conf (LODE_PROFILE_EXP, 8);
  LodeData *data;
  const double *counts;

  conf.valid = 80;
  data = fake_open (&fake, &conf, 1);
  assert_role (data, LODE_ROLE_VALID, 20, 20, 20, 20);
  assert_role (data, LODE_ROLE_WEIGHTS, 80, 40, 20, 10);
  assert_role (data, LODE_ROLE_TEST, 10, 10, 10, 10);
  counts = lode_data_class_counts (data);
  g_assert_true (counts[0] == 80 && counts[1] == 40 && counts[2] == 20 && counts[3] == 10);
  lode_data_free (data);
  conf.arch = 0.5;
  conf.most = 40;
  data = fake_open (&fake, &conf, 1);
  assert_role (data, LODE_ROLE_WEIGHTS, 20, 10, 5, 2);
  assert_role (data, LODE_ROLE_ARCH, 20, 10, 5, 3);
  lode_data_free (data);
  conf = tail_conf (LODE_PROFILE_STEP, 20);
  data = fake_open (&fake, &conf, 1);
  assert_role (data, LODE_ROLE_WEIGHTS, 100, 100, 5, 5);
  lode_data_free (data);
  conf.profile_order = 0;
  data = fake_open (&fake, &conf, 1);
  counts = lode_data_class_counts (data);
  g_assert_cmpfloat (counts[0] + counts[1] + counts[2] + counts[3], ==, 210);
  lode_data_free (data);
}

/* The pool's examples as their pixels tell them, as a sum that order does not change. */
static uint64_t
pool_sum (LodeData *data)
{
  LodeStream *stream =
      stream_of (data, (LodeStreamSpec){ .role = LODE_ROLE_WEIGHTS, .batch = 9, .seed = 5 });
  uint64_t sum = 0;

  for (uint32_t b = 0; b < lode_stream_batches (stream); b++) {
    const LodeBatch *batch = next_of (stream);

    for (uint32_t i = 0; i < batch->n; i++) {
      uint64_t byte = (uint64_t) (255 * (double) batch->pixel[i] + 0.5);

      sum += byte * byte * 977 % 10007;
    }
    lode_stream_release (stream, batch);
  }
  lode_stream_close (stream);
  return sum;
}

/* The same examples for the same seed, others for another. */
static void
test_seeds (void)
{
  Fake fake = even_classes ();
  LodeDataConf conf = tail_conf (LODE_PROFILE_EXP, 10);
  uint64_t sum[3];

  for (int i = 0; i < 3; i++) {
    LodeData *data = fake_open (&fake, &conf, i == 2 ? 8 : 7);

    sum[i] = pool_sum (data);
    lode_data_free (data);
  }
  g_assert_cmpuint (sum[0], ==, sum[1]);
  g_assert_cmpuint (sum[0], !=, sum[2]);
}

/* Of classes that are unequal by themselves. */
static void
test_valid_balanced (void)
{
  static int32_t label[400];
  Fake fake = even_classes ();
  LodeDataConf conf = tail_conf (LODE_PROFILE_NONE, 1);
  LodeData *data;

  for (int i = 0; i < 400; i++)
    label[i] = i < 300 ? 0 : i < 350 ? 1 : i < 380 ? 2 : 3;
  fake.part[LODE_PART_TRAIN].label = label;
  conf.valid = 42;
  conf.valid_balanced = true;
  data = fake_open (&fake, &conf, 1);
  assert_role (data, LODE_ROLE_VALID, 11, 11, 10, 10);
  assert_role (data, LODE_ROLE_WEIGHTS, 289, 39, 20, 10);
  lode_data_free (data);
  conf.valid = 100;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "valid_balanced");
  conf.valid = 0;
  conf.profile = LODE_PROFILE_EXP;
  conf.most = 50;
  conf.ratio = 1.5;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_CONFIG, "lower data.most");
}

static void
test_reals (void)
{
  Fake fake = { .shape = { 1, 1, 1 }, .targets = 1, .part = { { .n = 40 }, { .n = 4 } } };
  LodeDataConf conf = tail_conf (LODE_PROFILE_EXP, 10);

  fake_refused (&fake, &conf, LODE_RUN_ERROR_CONFIG, "data.profile needs classes");
  conf.profile = LODE_PROFILE_NONE;
  conf.label_noise = 0.1;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_CONFIG, "data.label_noise needs classes");
}

/* About so many labels are wrong, in training alone; never by chance the right one. */
static void
test_noise (void)
{
  Fake fake = { .shape = { 1, 1, 1 }, .classes = 4, .part = { { .n = 4000 }, { .n = 400 } } };
  LodeDataConf conf = tail_conf (LODE_PROFILE_NONE, 1);
  uint32_t wrong[5] = { 0 }, all[5] = { 0 };
  const uint32_t roles[] = { LODE_ROLE_WEIGHTS, LODE_ROLE_VALID, LODE_ROLE_TEST };
  LodeData *data;

  fake.pixel = LODE_PIXEL_F32;
  {
    static float reals[4000];

    for (int i = 0; i < 4000; i++)
      reals[i] = (float) i;
    fake.part[0].reals = fake.part[1].reals = reals;
  }
  conf.label_noise = 0.3;
  conf.valid = 400;
  data = fake_open (&fake, &conf, 3);
  for (int r = 0; r < 3; r++) {
    LodeStream *stream =
        stream_of (data, (LodeStreamSpec){ .role = roles[r], .batch = 50, .seed = 5 });

    for (uint32_t b = 0; b < lode_stream_batches (stream); b++) {
      const LodeBatch *batch = next_of (stream);

      for (uint32_t i = 0; i < batch->n; i++) {
        wrong[r] += batch->label[i] != (int32_t) batch->pixel[i] % 4;
        all[r]++;
      }
      lode_stream_release (stream, batch);
    }
    lode_stream_close (stream);
  }
  g_assert_cmpfloat_with_epsilon ((double) wrong[0] / all[0], 0.3, 6 * sqrt (0.21 / all[0]));
  g_assert_cmpuint (wrong[1] + wrong[2], ==, 0);
  lode_data_free (data);
}

enum { IMAGE = 32 * 32 * 2 };

/* Squared distance of two images. */
static double
distance (const float *a, const float *b)
{
  double sum = 0;

  for (int i = 0; i < IMAGE; i++)
    sum += pow ((double) a[i] - (double) b[i], 2);
  return sum;
}

/* Each kind is what it says, worse from strength to strength, and a function of its stream. */
static void
test_corrupt (void)
{
  static const uint32_t missing[] = { 1, 2, 4, 6, 8 };
  const LodeShape shape = { 32, 32, 2 };
  LodeRng rng = { .key = 4 };
  float image[IMAGE];

  for (int i = 0; i < IMAGE; i++)
    image[i] = (float) lode_rng_normal (&rng);
  for (uint32_t kind = LODE_CORRUPT_NOISE; kind <= LODE_CORRUPT_PATCHES; kind++) {
    double before = 0;

    for (uint32_t strength = 1; strength <= 5; strength++) {
      float one[IMAGE], two[IMAGE];
      double mean[2] = { 0 }, far;
      uint32_t zero = 0;

      memcpy (one, image, sizeof one);
      memcpy (two, image, sizeof two);
      lode_corrupt (&shape, kind, strength, (LodeRng){ 9, 0 }, one);
      lode_corrupt (&shape, kind, strength, (LodeRng){ 9, 0 }, two);
      g_assert_cmpmem (one, sizeof one, two, sizeof two);
      far = distance (one, image);
      g_assert_cmpfloat (far, >, before);
      before = far;
      for (int i = 0; i < IMAGE; i++) {
        zero += one[i] == 0;
        mean[i % 2] += ((double) one[i] - (double) image[i]) / 1024;
      }
      g_assert_cmpuint (zero, ==, kind == LODE_CORRUPT_PATCHES ? 128 * missing[strength - 1] : 0);
      if (kind == LODE_CORRUPT_CONTRAST)
        g_assert_true (fabs (mean[0]) < 1e-6 && fabs (mean[1]) < 1e-6);
    }
  }
}

/* Of the test split alone. */
static void
test_corrupt_role (void)
{
  Fake fake = { .shape = { 8, 8, 2 }, .classes = 4, .part = { { .n = 40 }, { .n = 12 } } };
  LodeDataConf conf = tail_conf (LODE_PROFILE_NONE, 1);
  uint64_t hash[3][2];

  for (int i = 0; i < 3; i++) {
    LodeData *data;

    conf.corrupt = i ? LODE_CORRUPT_NOISE : LODE_CORRUPT_NONE;
    conf.strength = 2;
    data = fake_open (&fake, &conf, 1);
    for (int r = 0; r < 2; r++) {
      LodeStream *stream = stream_of (
          data, (LodeStreamSpec){
                    .role = r ? LODE_ROLE_TEST : LODE_ROLE_CALIBRATE, .batch = 12, .seed = 5 });
      const LodeBatch *batch = next_of (stream);

      hash[i][r] = batch_hash (batch, 0);
      lode_stream_release (stream, batch);
      lode_stream_close (stream);
    }
    lode_data_free (data);
  }
  g_assert_cmpuint (hash[0][0], ==, hash[1][0]);
  g_assert_cmpuint (hash[0][1], !=, hash[1][1]);
  g_assert_cmpuint (hash[1][1], ==, hash[2][1]);
  fake.shape = (LodeShape){ 1, 1, 2 };
  conf.corrupt = LODE_CORRUPT_BLUR;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_CONFIG, "no blur");
}

/* the sampler */
typedef struct Even {
  const LodeSamplerOps *ops;
  LodeSampler *sampler;
} Even;

static LodeRng
even_rng (const LodeHost *host, const char *name, uint64_t a, uint64_t b)
{
  (void) host;
  return lode_seed_rng (77, name, a, b);
}

static const LodeHostCalls even_calls = { .size = sizeof even_calls, .rng = even_rng };
static const LodeHost even_host = { .size = sizeof even_host, .calls = &even_calls };

static bool
even_select (void *data, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  const Even *even = data;

  return even->ops->select (even->sampler, ask, picks, error);
}

/* Rows of each class in an epoch of a stream, and how often the rarest and commonest example of a
 * class comes. */
static void
count_epoch (LodeStream *stream, uint32_t *count, uint32_t *least, uint32_t *most)
{
  uint32_t seen[400] = { 0 };
  int32_t label[400];

  memset (count, 0, 4 * sizeof *count);
  memset (most, 0, 4 * sizeof *most);
  for (int c = 0; c < 4; c++)
    least[c] = UINT32_MAX;
  for (uint32_t b = 0, n = 1; b < n; b++) {
    const LodeBatch *batch = next_of (stream);

    n = lode_stream_batches (stream);
    for (uint32_t i = 0; i < batch->n; i++) {
      count[batch->label[i]]++;
      seen[batch->index[i]]++;
      label[batch->index[i]] = batch->label[i];
      g_assert_cmpfloat ((double) batch->weight[i], ==, 1);
    }
    lode_stream_release (stream, batch);
  }
  for (int i = 0; i < 400; i++)
    if (seen[i]) {
      least[label[i]] = MIN (least[label[i]], seen[i]);
      most[label[i]] = MAX (most[label[i]], seen[i]);
    }
}

static void
test_balanced (void)
{
  static const struct {
    double power, size, ramp;
    uint32_t epoch, expected[4];
  } cases[] = { { 0, 1, 0, 0, { 38, 38, 37, 37 } }, { 0, 2, 0, 0, { 75, 75, 75, 75 } },
                { 1, 1, 0, 0, { 80, 40, 20, 10 } }, { 0.5, 1, 0, 0, { 59, 42, 29, 20 } },
                { 0, 1, 2, 0, { 80, 40, 20, 10 } }, { 0, 1, 2, 1, { 59, 39, 28, 24 } },
                { 0, 1, 2, 2, { 38, 38, 37, 37 } } };
  const LodeLoaded *loaded = test_load ("sampler", "balanced");
  Fake fake = even_classes ();
  LodeDataConf conf = tail_conf (LODE_PROFILE_EXP, 8);
  LodeData *data;

  conf.most = 80;
  data = fake_open (&fake, &conf, 1);
  lode_data_show_labels (data, true);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++) {
    const double options[] = { cases[i].power, cases[i].size, cases[i].ramp };
    Even even = { .ops = loaded->ops };
    uint32_t count[4], least[4], most[4];
    LodeStream *stream;

    even.sampler = even.ops->create (&even_host, options, lode_data_pool (data), NULL);
    stream = stream_of (data, (LodeStreamSpec){ .role = LODE_ROLE_WEIGHTS,
                                                .batch = 16,
                                                .seed = 5,
                                                .select = even_select,
                                                .select_data = &even });
    for (uint32_t epoch = 0; epoch <= cases[i].epoch; epoch++)
      count_epoch (stream, count, least, most);
    for (int c = 0; c < 4; c++) {
      g_assert_cmpint (abs ((int) count[c] - (int) cases[i].expected[c]), <=, 1);
      g_assert_cmpuint (most[c] - least[c], <=, 1);
    }
    lode_stream_close (stream);
    even.ops->destroy (even.sampler);
  }
  lode_data_free (data);
}

/* Repeated rows survive a checkpoint in mid-epoch. */
static void
test_balanced_resume (void)
{
  const LodeLoaded *loaded = test_load ("sampler", "balanced");
  const double options[] = { 0, 2, 0 };
  Fake fake = even_classes ();
  LodeDataConf conf = tail_conf (LODE_PROFILE_EXP, 8);
  LodeData *data = fake_open (&fake, &conf, 1);
  Even even = { .ops = loaded->ops };
  LodeStreamSpec spec = {
    .role = LODE_ROLE_WEIGHTS, .batch = 16, .seed = 5, .select = even_select, .select_data = &even
  };
  LodeStream *whole, *part, *rest;
  g_autoptr (GError) error = NULL;
  Memory memory = memory_new ();

  lode_data_show_labels (data, true);
  even.sampler = even.ops->create (&even_host, options, lode_data_pool (data), NULL);
  whole = stream_of (data, spec);
  part = stream_of (data, spec);
  rest = stream_of (data, spec);
  for (int b = 0; b < 3; b++) {
    lode_stream_release (whole, next_of (whole));
    lode_stream_release (part, next_of (part));
  }
  lode_stream_save (part, "", &memory.base);
  g_assert_true (lode_stream_load (rest, "", &memory.base, &error));
  g_assert_no_error (error);
  for (int b = 0; b < 30; b++) {
    const LodeBatch *a = next_of (whole), *c = next_of (rest);

    g_assert_cmpuint (a->n, ==, c->n);
    g_assert_cmpmem (a->index, a->n * sizeof *a->index, c->index, c->n * sizeof *c->index);
    lode_stream_release (whole, a);
    lode_stream_release (rest, c);
  }
  lode_stream_close (whole);
  lode_stream_close (part);
  lode_stream_close (rest);
  memory_clear (&memory);
  even.ops->destroy (even.sampler);
  lode_data_free (data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/profile/golden", test_golden);
  g_test_add_func ("/profile/splits", test_splits);
  g_test_add_func ("/profile/seeds", test_seeds);
  g_test_add_func ("/profile/valid-balanced", test_valid_balanced);
  g_test_add_func ("/profile/reals", test_reals);
  g_test_add_func ("/profile/noise", test_noise);
  g_test_add_func ("/profile/corrupt", test_corrupt);
  g_test_add_func ("/profile/corrupt-role", test_corrupt_role);
  g_test_add_func ("/profile/balanced", test_balanced);
  g_test_add_func ("/profile/balanced-resume", test_balanced_resume);
  return g_test_run ();
}

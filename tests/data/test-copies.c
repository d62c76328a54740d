/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equal examples and splits: kept together where Lode draws the split, refused where the data's own
 * split parts them; a test split of the training part; missing values and missing labels.
 */
#include "data/private.h"
#include "fixture.h"

enum { N = 600, CLASSES = 5 };

static float number[N];
static int32_t label[N], group[N], split[N];

/* Examples are one number each; i and i + 1 are equal where i % 6 == 0: every third. */
static Fake
with_copies (uint32_t tests)
{
  for (uint32_t i = 0; i < N; i++) {
    number[i] = (float) (i % 6 == 1 ? i - 1 : i);
    label[i] = (int32_t) (i / 6 % CLASSES);
    group[i] = -1;
    split[i] = LODE_SPLIT_TRAIN;
  }
  return (
      Fake){ .shape = { 1, 1, 1 },
             .pixel = LODE_PIXEL_F32,
             .classes = CLASSES,
             .part = { { .n = N, .reals = number, .label = label, .group = group, .split = split },
                       { .n = tests, .reals = number, .label = label } } };
}

static LodeDataConf
raw_conf (void)
{
  return (LodeDataConf){ .preload = true, .split_seed = 1 };
}

/* Role of each example: 0 none, else 1 + role. */
static void
roles_of (const LodeData *data, uint8_t *role)
{
  static const uint32_t all[] = { LODE_ROLE_WEIGHTS, LODE_ROLE_ARCH, LODE_ROLE_VALID,
                                  LODE_ROLE_TEST };

  memset (role, 0, N);
  for (guint r = 0; r < G_N_ELEMENTS (all); r++) {
    const LodeSplit *of = lode_data_split (data, all[r]);

    for (uint32_t i = 0; i < of->n; i++) {
      g_assert_cmpuint (role[of->at[i]], ==, 0);
      role[of->at[i]] = (uint8_t) (1 + all[r]);
    }
  }
}

static void
test_together (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  uint8_t role[N];

  conf.test = 0.2;
  conf.valid = 0.15;
  conf.arch = 0.5;
  for (uint64_t seed = 1; seed < 20; seed++) {
    LodeData *data = fake_open (&fake, &conf, seed);

    roles_of (data, role);
    for (uint32_t i = 0; i < N; i += 6)
      g_assert_cmpuint (role[i], ==, role[i + 1]);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_TEST), ==, 120);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_VALID), ==, 72);
    lode_data_free (data);
  }
}

/* Equal pixels with different labels are trained on, or left where they are. */
static void
test_contradictions (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  uint8_t role[N];
  LodeData *data;

  for (uint32_t i = 0; i < N; i += 60)
    label[i] = (label[i] + 1) % CLASSES;
  conf.test = 0.3;
  data = fake_open (&fake, &conf, 3);
  roles_of (data, role);
  for (uint32_t i = 0; i < N; i += 60) {
    g_assert_cmpuint (role[i], ==, 1 + LODE_ROLE_WEIGHTS);
    g_assert_cmpuint (role[i + 1], ==, 1 + LODE_ROLE_WEIGHTS);
  }
  lode_data_free (data);
}

/* Groups of 12 whose copies reach into the next group: 24 stay together. */
static void
test_groups (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  uint8_t role[N];
  LodeData *data;

  for (uint32_t i = 0; i < N; i++) {
    label[i] = (int32_t) (i % CLASSES);
    group[i] = (int32_t) (i / 12);
    number[i] = (float) (i % 24 == 12 ? i - 1 : i);
  }
  fake.has = LODE_HAS_GROUP;
  conf.test = 0.25;
  conf.valid = 0.2;
  data = fake_open (&fake, &conf, 4);
  roles_of (data, role);
  for (uint32_t i = 0; i < N; i++)
    g_assert_cmpuint (role[i], ==, role[i - i % 24]);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_TEST), >, N / 8);
  lode_data_free (data);
}

static void
test_given (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  LodeData *data;

  fake.has = LODE_HAS_SPLIT;
  for (uint32_t i = 0; i < N; i++)
    split[i] = i % 6 == 5 ? LODE_SPLIT_TEST : LODE_SPLIT_TRAIN;
  lode_data_free (fake_open (&fake, &conf, 1)); /* its copies are on one side */
  split[13] = LODE_SPLIT_TEST;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA,
                "1 example lies on both sides of a split: "
                "training example 12 (training) and training "
                "example 13 (test)");
  conf.duplicates = LODE_COPIES_WARN;
  data = fake_open (&fake, &conf, 1);
  g_assert_cmpuint (lode_data_notes (data)->len, ==, 1);
  g_assert_nonnull (strstr (lode_data_notes (data)->pdata[0], "example 12 (training)"));
  lode_data_free (data);
  conf.duplicates = LODE_COPIES_KEEP;
  data = fake_open (&fake, &conf, 1);
  g_assert_cmpuint (lode_data_notes (data)->len, ==, 0);
  lode_data_free (data);
}

static void
test_parts (void)
{
  Fake fake = with_copies (3);
  LodeDataConf conf = raw_conf ();

  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "test example 2 (test)");
}

/* The test split is the same whatever the run's seed, of every class, and untouched by `train`. */
static void
test_drawn (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  uint8_t first[N], other[N];
  uint32_t count[CLASSES] = { 0 };

  conf.test = 100;
  conf.valid = 50;
  for (uint64_t seed = 1; seed < 6; seed++) {
    LodeData *data;

    conf.arch = seed == 3 ? 0.5 : 0;
    conf.train = seed == 5 ? 0.5 : 0;
    data = fake_open (&fake, &conf, seed);
    roles_of (data, seed == 1 ? first : other);
    for (uint32_t i = 0; seed > 1 && i < N; i++)
      g_assert_true ((first[i] == 1 + LODE_ROLE_TEST) == (other[i] == 1 + LODE_ROLE_TEST));
    if (seed == 2)
      g_assert_true (memcmp (first, other, N) != 0);
    lode_data_free (data);
  }
  for (uint32_t i = 0; i < N; i++)
    count[label[i]] += first[i] == 1 + LODE_ROLE_TEST;
  for (int c = 0; c < CLASSES; c++)
    g_assert_cmpuint (count[c], ==, 20);
  conf.split_seed = 2;
  conf.train = 0;
  lode_data_free (fake_open (&fake, &conf, 1));
}

static void
test_too_small (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();

  for (uint32_t i = 0; i < N; i++)
    label[i] = i == 7 || i == 8 ? 4 : (int32_t) (i % 4);
  conf.test = 0.2;
  conf.valid = 0.2;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "class \"4\" has 1 example, too few");
  for (uint32_t i = 0; i < N; i++) {
    label[i] = i < 6 ? 4 : (int32_t) (i % 4);
    number[i] = (float) (i < 6 ? 0 : i);
  }
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "equal examples stay together");
}

static void
test_unlabelled (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  const LodeBatch *batch;
  LodeStream *stream;
  uint8_t role[N];
  LodeData *data;

  for (uint32_t i = 0; i < N; i += 12)
    label[i] = label[i + 1] = -1;
  conf.valid = 0.1;
  data = fake_open (&fake, &conf, 1);
  roles_of (data, role);
  for (uint32_t i = 0; i < N; i++)
    g_assert_true ((role[i] == 0) == (label[i] < 0));
  g_assert_cmpuint (lode_data_notes (data)->len, ==, 1);
  g_assert_nonnull (strstr (lode_data_notes (data)->pdata[0], "100 of 600 examples have no label"));
  lode_data_free (data);
  conf.unlabelled = LODE_UNLABELLED_KEEP;
  data = fake_open (&fake, &conf, 1);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), >, 500);
  lode_data_free (data);
  for (uint32_t i = 0; i < N; i++)
    label[i] = -1;
  conf = raw_conf ();
  data = fake_open (&fake, &conf, 1);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), ==, N);
  lode_data_free (data);
  fake.classes = 0; /* nor does anyone know which classes there might be */
  data = fake_open (&fake, &conf, 1);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), ==, N);
  stream = stream_of (data, (LodeStreamSpec){ .batch = 5 });
  batch = next_of (stream);
  g_assert_true (!batch->label && !batch->target);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  lode_data_free (data);
}

/* The mean of what is there over the training split, 0 after normalisation. */
static void
test_missing (void)
{
  Fake fake = with_copies (0);
  LodeDataConf conf = raw_conf ();
  const LodeBatch *batch;
  LodeStream *stream;
  LodeData *data;
  double sum = 0;

  for (uint32_t i = 0; i < N; i++) {
    number[i] = i % 3 == 0 ? NAN : (float) (i % 3);
    split[i] = i < 300 ? LODE_SPLIT_TRAIN : LODE_SPLIT_TEST;
    sum += i >= 300 ? (number[i] = 1000) : 0; /* must have no say in the mean */
  }
  fake.has = LODE_HAS_MISSING | LODE_HAS_SPLIT;
  conf.duplicates = LODE_COPIES_KEEP;
  for (int normalise = 0; normalise < 2; normalise++) {
    conf.normalise = normalise;
    data = fake_open (&fake, &conf, 1);
    stream = stream_of (data, (LodeStreamSpec){ .role = LODE_ROLE_CALIBRATE, .batch = 300 });
    batch = next_of (stream);
    for (uint32_t i = 0; i < 3; i++)
      g_assert_cmpfloat (batch->pixel[i], ==,
                         (float) (normalise ? (i == 0   ? 0
                                               : i == 1 ? -1
                                                        : 1)
                                            : (i == 0 ? 1.5 : i)));
    lode_stream_release (stream, batch);
    lode_stream_close (stream);
    lode_data_free (data);
  }
  fake.has = LODE_HAS_SPLIT;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "not finite");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/copies/together", test_together);
  g_test_add_func ("/copies/contradictions", test_contradictions);
  g_test_add_func ("/copies/groups", test_groups);
  g_test_add_func ("/copies/given", test_given);
  g_test_add_func ("/copies/parts", test_parts);
  g_test_add_func ("/copies/drawn", test_drawn);
  g_test_add_func ("/copies/too-small", test_too_small);
  g_test_add_func ("/copies/unlabelled", test_unlabelled);
  g_test_add_func ("/copies/missing", test_missing);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Splits, and what a data set in use says of itself. The samples here are one real: their own
 * number.
 */
#include "fixture.h"

#include <stdio.h>

enum { MOST = 4000 };

static float numbers[MOST];
static int32_t label[MOST], group[MOST], split[MOST];
static float weight[MOST];

static const uint32_t roles[] = { LODE_ROLE_WEIGHTS, LODE_ROLE_ARCH, LODE_ROLE_VALID };

static Fake
numbered (uint32_t n, uint32_t tests, uint32_t classes)
{
  for (uint32_t i = 0; i < MOST; i++) {
    numbers[i] = (float) i;
    label[i] = classes ? (int32_t) (i % classes) : 0;
  }
  return (Fake){ .shape = { 1, 1, 1 },
                 .pixel = LODE_PIXEL_F32,
                 .classes = classes,
                 .targets = !classes,
                 .part = { { .n = n,
                             .reals = numbers,
                             .label = label,
                             .group = group,
                             .split = split,
                             .weight = weight },
                           { .n = tests, .reals = numbers, .label = label } } };
}

static LodeDataConf
raw_conf (void)
{
  return (LodeDataConf){ .preload = true, .duplicates = LODE_COPIES_KEEP };
}

/* The examples of a role, as their part numbers them, in a stream's order. */
static GArray *
members (LodeData *data, uint32_t role)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  LodeStream *stream = NULL;

  if (lode_data_count (data, role))
    stream = stream_of (data, (LodeStreamSpec){ .role = role, .batch = 7, .seed = 5 });
  for (uint32_t b = 0; stream && b < lode_stream_batches (stream); b++) {
    const LodeBatch *batch = next_of (stream);

    for (uint32_t i = 0; i < batch->n; i++) {
      uint32_t example = (uint32_t) batch->pixel[i];

      g_array_append_val (list, example);
    }
    lode_stream_release (stream, batch);
  }
  lode_stream_close (stream);
  g_assert_cmpuint (list->len, ==, lode_data_count (data, role));
  return list;
}

static void
count (LodeData *data, uint32_t role, uint32_t classes, uint32_t *n)
{
  g_autoptr (GArray) list = members (data, role);

  memset (n, 0, classes * sizeof *n);
  for (guint i = 0; i < list->len; i++)
    n[label[g_array_index (list, uint32_t, i)]]++;
}

/* Every example of the training part is in one role, or in none where `train` leaves some out. */
static void
check_disjoint (LodeData *data, uint32_t n, uint32_t expected)
{
  g_autofree uint32_t *seen = g_new0 (uint32_t, n);
  uint32_t total = 0;

  for (guint r = 0; r < G_N_ELEMENTS (roles); r++) {
    g_autoptr (GArray) list = members (data, roles[r]);

    for (guint i = 0; i < list->len; i++)
      g_assert_cmpuint (seen[g_array_index (list, uint32_t, i)]++, ==, 0);
    total += list->len;
  }
  g_assert_cmpuint (total, ==, expected);
}

static void
test_sizes (void)
{
  const struct {
    double train, valid, arch, test;
    uint32_t weights_n, arch_n, valid_n, test_n;
  } cases[] = {
    { 0, 0, 0, 0, 1000, 0, 0, 300 },
    { 0, 200, 0.5, 100, 400, 400, 200, 100 },
    { 500, 0.2, 0.25, 0.5, 300, 100, 100, 150 },
    { 1, 0.1, 0, 1, 900, 0, 100, 300 },
    { 0.25, 33, 0.4, 7, 130, 87, 33, 7 },
  };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    Fake fake = numbered (1000, 300, 10);
    LodeDataConf conf = raw_conf ();
    LodeData *data;

    conf.train = cases[k].train;
    conf.valid = cases[k].valid;
    conf.arch = cases[k].arch;
    conf.test = cases[k].test;
    data = fake_open (&fake, &conf, 3);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), ==, cases[k].weights_n);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_CALIBRATE), ==, cases[k].weights_n);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_ARCH), ==, cases[k].arch_n);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_VALID), ==, cases[k].valid_n);
    g_assert_cmpuint (lode_data_count (data, LODE_ROLE_TEST), ==, cases[k].test_n);
    check_disjoint (data, 1000, cases[k].weights_n + cases[k].arch_n + cases[k].valid_n);
    lode_data_free (data);
  }
}

/* Long-tailed classes: each split has its share to within one example, and at least one. */
static void
test_stratified (void)
{
  const uint32_t size[] = { 640, 320, 160, 80, 40, 20, 10, 5, 3 };
  uint32_t n = 0, classes = G_N_ELEMENTS (size), got[G_N_ELEMENTS (size)];
  LodeDataConf conf = raw_conf ();
  LodeData *data;
  Fake fake;

  for (uint32_t c = 0; c < classes; c++)
    n += size[c];
  fake = numbered (n, 10, classes);
  for (uint32_t c = 0, i = 0; c < classes; c++)
    for (uint32_t j = 0; j < size[c]; j++)
      label[i++] = (int32_t) c;
  conf.valid = 0.1;
  conf.arch = 0.5;
  data = fake_open (&fake, &conf, 11);
  check_disjoint (data, n, n);
  for (guint r = 0; r < G_N_ELEMENTS (roles); r++) {
    double share = (double) lode_data_count (data, roles[r]) / n;

    count (data, roles[r], classes, got);
    for (uint32_t c = 0; c < classes; c++) {
      g_assert_cmpuint (got[c], >=, 1);
      g_assert_cmpfloat (fabs (got[c] - share * size[c]), <=, 2);
    }
  }
  count (data, LODE_ROLE_WEIGHTS, classes, got);
  for (uint32_t c = 0; c < classes; c++)
    g_assert_cmpfloat (lode_data_class_counts (data)[c], ==, got[c]);
  lode_data_free (data);
}

static uint64_t
hash_of (uint64_t seed, double arch, uint32_t role)
{
  Fake fake = numbered (500, 100, 5);
  LodeDataConf conf = raw_conf ();
  uint64_t hash = 0;
  LodeData *data;

  conf.train = 400;
  conf.valid = 50;
  conf.test = 40;
  conf.arch = arch;
  data = fake_open (&fake, &conf, seed);
  {
    g_autoptr (GArray) list = members (data, role);

    for (guint i = 0; i < list->len; i++)
      hash += lode_seed_mix (g_array_index (list, uint32_t, i), 0);
  }
  lode_data_free (data);
  return hash;
}

/* The same with the same seed, others with another; validation and test do not move with the rest.
 */
static void
test_seeded (void)
{
  for (guint r = 0; r < G_N_ELEMENTS (roles); r++) {
    g_assert_cmpuint (hash_of (1, 0.5, roles[r]), ==, hash_of (1, 0.5, roles[r]));
    g_assert_cmpuint (hash_of (1, 0.5, roles[r]), !=, hash_of (2, 0.5, roles[r]));
  }
  g_assert_cmpuint (hash_of (1, 0.5, LODE_ROLE_VALID), ==, hash_of (1, 0.2, LODE_ROLE_VALID));
  g_assert_cmpuint (hash_of (1, 0.5, LODE_ROLE_TEST), ==, hash_of (1, 0.2, LODE_ROLE_TEST));
}

/* Groups of 1 to 9 examples, and some without, stay on one side; sizes come out about as asked. */
static void
test_groups (void)
{
  Fake fake = numbered (1200, 0, 3);
  LodeDataConf conf = raw_conf ();
  g_autofree uint32_t *role_of = g_new0 (uint32_t, 1200), *where = g_new0 (uint32_t, 1200);
  uint32_t alone = 0;
  LodeData *data;

  fake.has = LODE_HAS_GROUP;
  for (uint32_t i = 0, g = 0, left = 0; i < 1200; i++) {
    if (left == 0)
      left = 1 + ++g % 9;
    left--;
    group[i] = i % 50 == 0 ? -1 : (int32_t) g;
  }
  conf.valid = 0.25;
  conf.arch = 0.5;
  data = fake_open (&fake, &conf, 4);
  check_disjoint (data, 1200, 1200);
  g_assert_cmpint (ABS ((int) lode_data_count (data, LODE_ROLE_VALID) - 300), <=, 5);
  g_assert_cmpint (ABS ((int) lode_data_count (data, LODE_ROLE_ARCH) - 450), <=, 5);
  for (guint r = 0; r < G_N_ELEMENTS (roles); r++) {
    g_autoptr (GArray) list = members (data, roles[r]);

    for (guint i = 0; i < list->len; i++)
      role_of[g_array_index (list, uint32_t, i)] = r + 1;
  }
  for (uint32_t i = 0; i < 1200; i++) {
    alone |= group[i] < 0 ? 1u << role_of[i] : 0;
    if (group[i] >= 0 && where[group[i]])
      g_assert_cmpuint (where[group[i]], ==, role_of[i]);
    if (group[i] >= 0)
      where[group[i]] = role_of[i];
  }
  g_assert_cmpuint (alone, ==, 2 | 4 | 8); /* no group is not a group */
  lode_data_free (data);
}

/* A split that the data give is kept, with the test examples of a set that has no test part. */
static void
test_given (void)
{
  Fake fake = numbered (900, 0, 3);
  LodeDataConf conf = raw_conf ();
  LodeData *data;

  fake.has = LODE_HAS_SPLIT;
  for (uint32_t i = 0; i < 900; i++)
    split[i] = i % 10 == 0 ? LODE_SPLIT_VALID : i % 10 == 1 ? LODE_SPLIT_TEST : LODE_SPLIT_TRAIN;
  conf.valid = 0.5; /* has nothing to say */
  conf.arch = 0.25;
  data = fake_open (&fake, &conf, 4);
  check_disjoint (data, 900, 810);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_ARCH), ==, 180);
  {
    g_autoptr (GArray) valid = members (data, LODE_ROLE_VALID),
                       test = members (data, LODE_ROLE_TEST);

    g_assert_cmpuint (valid->len, ==, 90);
    g_assert_cmpuint (test->len, ==, 90);
    for (guint i = 0; i < 90; i++) {
      g_assert_cmpuint (g_array_index (valid, uint32_t, i), ==, 10 * i);
      g_assert_cmpuint (g_array_index (test, uint32_t, i), ==, 10 * i + 1);
    }
  }
  lode_data_free (data);
}

static void
test_reals (void)
{
  Fake fake = numbered (100, 10, 0);
  LodeDataConf conf = raw_conf ();
  LodeData *data;
  LodeStream *stream;
  const LodeBatch *batch;

  conf.valid = 20;
  conf.arch = 0.5;
  data = fake_open (&fake, &conf, 4);
  check_disjoint (data, 100, 100);
  g_assert_null (lode_data_class_counts (data));
  g_assert_cmpuint (lode_data_targets (data), ==, 1);
  stream = stream_of (data, (LodeStreamSpec){ .role = LODE_ROLE_WEIGHTS, .batch = 40 });
  batch = next_of (stream);
  g_assert_null (batch->label);
  for (uint32_t i = 0; i < 40; i++)
    g_assert_cmpfloat (batch->target[i], ==, batch->pixel[i]);
  lode_stream_close (stream);
  lode_data_free (data);
}

/* What cannot be divided is refused, with the class or the option to change. */
static void
test_refused (void)
{
  const struct {
    uint32_t n, classes;
    double train, valid, arch;
    int code;
    const char *text;
  } cases[] = {
    { 30, 10, 2000, 0, 0, LODE_RUN_ERROR_CONFIG, "data.train = 2000: there are only 30" },
    { 30, 10, 0, 31, 0, LODE_RUN_ERROR_CONFIG, "data.valid = 31: there are only 30" },
    { 30, 10, 0, 7.5, 0, LODE_RUN_ERROR_CONFIG, "whole number" },
    { 30, 10, 0, 5, 0, LODE_RUN_ERROR_CONFIG, "data.valid comes to 5" },
    { 30, 10, 0, 25, 0, LODE_RUN_ERROR_CONFIG, "data.valid comes to 25" },
    { 30, 10, 0, 1, 0, LODE_RUN_ERROR_CONFIG, "data.valid comes to 30" },
    { 25, 10, 0, 10, 0.5, LODE_RUN_ERROR_DATA, "class \"5\" has 2 examples, \"6\" has" },
    { 5, 10, 0, 0.2, 0, LODE_RUN_ERROR_DATA, "class \"0\" has 1 example, \"1\" has" },
    { 1, 0, 0, 1, 0, LODE_RUN_ERROR_DATA, "no example is left" },
  };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    Fake fake = numbered (cases[k].n, 5, cases[k].classes);
    LodeDataConf conf = raw_conf ();

    conf.train = cases[k].train;
    conf.valid = cases[k].valid;
    conf.arch = cases[k].arch;
    fake_refused (&fake, &conf, cases[k].code, cases[k].text);
  }
}

/* What a data set must not hand out. */
static void
test_bad_values (void)
{
  LodeDataConf conf = raw_conf ();
  Fake fake = numbered (20, 5, 4);

  label[7] = 4;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "training example 7 has label 4");
  fake = numbered (20, 5, 4);
  numbers[19] = NAN;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "training example 19 has a pixel");
  fake = numbered (20, 5, 4);
  fake.has = LODE_HAS_WEIGHT;
  memset (weight, 0, sizeof weight);
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "weight 0");
  weight[3] = -1;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "training example 3 has a weight");
  fake = numbered (20, 5, 4);
  fake.has = LODE_HAS_SPLIT;
  memset (split, 0, sizeof split);
  split[2] = 3;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "training example 2 has an unknown split");
  fake = numbered (20, 5, 4);
  fake.shape.c = 0;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "at least one sample");
  fake = numbered (0, 5, 4);
  fake_refused (&fake, &conf, LODE_RUN_ERROR_DATA, "at least one sample");
  fake = numbered (20, 5, 4);
  conf.crop = 1;
  fake_refused (&fake, &conf, LODE_RUN_ERROR_CONFIG, "vectors of 1");
}

static void
test_tiny (void)
{
  Fake one = numbered (1, 1, 10), few = numbered (3, 2, 10);
  LodeDataConf conf = raw_conf ();
  LodeData *data = fake_open (&one, &conf, 1);

  check_disjoint (data, 1, 1);
  lode_data_free (data);
  data = fake_open (&few, &conf, 1);
  check_disjoint (data, 3, 3);
  lode_data_free (data);
  few = numbered (30, 2, 10);
  conf.train = 4; /* fewer than there are classes, as asked */
  data = fake_open (&few, &conf, 1);
  check_disjoint (data, 30, 4);
  lode_data_free (data);
}

static void
test_pool (void)
{
  Fake fake = numbered (60, 6, 3);
  LodeDataConf conf = raw_conf ();
  LodePool *pool;
  LodeData *data;
  double sum = 0, total = 0;

  fake.has = LODE_HAS_WEIGHT | LODE_HAS_GROUP;
  for (uint32_t i = 0; i < 60; i++) {
    weight[i] = (float) (i % 4);
    group[i] = (int32_t) i / 2;
  }
  conf.valid = 12;
  data = fake_open (&fake, &conf, 9);
  pool = lode_data_pool (data);
  g_assert_cmpuint (lode_pool_count (pool), ==, lode_data_count (data, LODE_ROLE_WEIGHTS));
  g_assert_cmpuint (lode_pool_classes (pool), ==, 3);
  for (uint32_t i = 0; i < lode_pool_count (pool); i++) {
    g_assert_cmpint (lode_pool_label (pool, i), ==, -1);
    g_assert_cmpint (lode_pool_group (pool, i), >=, 0);
    sum += (double) lode_pool_weight (pool, i);
  }
  lode_data_show_labels (data, true);
  for (uint32_t i = 0; i < lode_pool_count (pool); i++)
    g_assert_cmpint (lode_pool_label (pool, i), >=, 0);
  g_assert_cmpint (lode_pool_label (pool, lode_pool_count (pool)), ==, -1);
  for (uint32_t c = 0; c < 3; c++)
    total += lode_data_class_counts (data)[c];
  g_assert_cmpfloat (total, ==, sum);
  g_assert_cmpstr (lode_data_class_name (data, 2), ==, "2");
  lode_data_free (data);
}

static char *
digest_of (bool preload, int64_t side, uint64_t seed)
{
  Fake fake = fake_bytes (300, 5, 4);
  LodeDataConf conf = plain_conf ();
  LodeData *data;
  char *digest;

  conf.preload = preload;
  conf.side = side;
  data = fake_open (&fake, &conf, seed);
  digest = g_strdup (lode_data_digest (data));
  lode_data_free (data);
  return digest;
}

/* Of the data alone: sha256 of the bytes, then of the labels. */
static void
test_digest (void)
{
  g_autofree char *a = digest_of (true, 0, 1), *b = digest_of (false, 3, 2);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  for (uint32_t i = 0; i < 300; i++)
    for (size_t j = 0; j < 60; j++) {
      uint8_t byte = fake_byte (i, j);

      g_checksum_update (sum, &byte, 1);
    }
  for (uint32_t i = 0; i < 300; i++) {
    uint8_t four[] = { (uint8_t) (i % 4), 0, 0, 0 };

    g_checksum_update (sum, four, 4);
  }
  g_assert_cmpstr (a, ==, g_checksum_get_string (sum));
  g_assert_cmpstr (b, ==, a);
}

static void
test_find (void)
{
  g_autofree char *folder = g_dir_make_tmp ("lode-find-XXXXXX", NULL),
                  *inside = g_build_filename (folder, "a-set", NULL);
  g_autofree char *path = g_strconcat ("/no/such:", folder, NULL), *found = NULL, *absolute = NULL;
  g_autoptr (GError) error = NULL, other = NULL;

  g_assert_true (g_file_set_contents (inside, "x", 1, NULL));
  g_setenv ("LODE_DATA_PATH", path, TRUE);
  found = lode_data_find ("a-set", NULL);
  g_assert_cmpstr (found, ==, inside);
  absolute = lode_data_find (inside, NULL);
  g_assert_cmpstr (absolute, ==, inside);
  g_assert_null (lode_data_find ("fashion-mnist-of-none", &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "/no/such, "));
  g_assert_nonnull (strstr (error->message, folder));
  g_assert_nonnull (strstr (error->message, "/usr/share/datasets"));
  g_assert_nonnull (strstr (error->message, "apt-get install dataset-fashion-mnist"));
  g_assert_null (lode_data_find ("./a-set", &other));
  g_assert_error (other, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  g_unsetenv ("LODE_DATA_PATH");
  remove (inside);
  remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* first: it sets the environment, which no thread may read meanwhile */
  g_test_add_func ("/splits/find", test_find);
  g_test_add_func ("/splits/sizes", test_sizes);
  g_test_add_func ("/splits/stratified", test_stratified);
  g_test_add_func ("/splits/seeded", test_seeded);
  g_test_add_func ("/splits/groups", test_groups);
  g_test_add_func ("/splits/given", test_given);
  g_test_add_func ("/splits/reals", test_reals);
  g_test_add_func ("/splits/refused", test_refused);
  g_test_add_func ("/splits/bad-values", test_bad_values);
  g_test_add_func ("/splits/tiny", test_tiny);
  g_test_add_func ("/splits/pool", test_pool);
  g_test_add_func ("/splits/digest", test_digest);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams: which examples come in which batch, that a batch depends on nothing but its place, and
 * what a sampler may say.
 */
#include "script.h"

#include <math.h>

/* Each epoch holds every example once, in an order of its own. */
static void
test_epochs (void)
{
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStream *stream = stream_of (data, weights_spec (32));
  uint32_t n = lode_data_count (data, LODE_ROLE_WEIGHTS), first[2] = { 0, 0 };

  g_assert_cmpuint (n, ==, 120);
  g_assert_cmpuint (lode_stream_batches (stream), ==, 4);
  g_assert_cmpfloat (lode_stream_epoch (stream), ==, 0);
  for (uint32_t e = 0; e < 2; e++) {
    bool seen[120] = { false };

    for (uint32_t b = 0; b < 4; b++) {
      const LodeBatch *batch = next_of (stream);

      g_assert_cmpuint (batch->n, ==, b < 3 ? 32 : 24);
      g_assert_cmpuint ((uintptr_t) batch->pixel % 64, ==, 0);
      g_assert_cmpfloat (lode_stream_epoch (stream), ==, e + (b + 1) / 4.0);
      for (uint32_t i = 0; i < batch->n; i++) {
        g_assert_false (seen[batch->index[i]]);
        seen[batch->index[i]] = true;
        g_assert_cmpfloat (batch->weight[i], ==, 1);
      }
      first[e] = b == 0 ? batch->index[0] * 1000 + batch->index[1] : first[e];
      lode_stream_release (stream, batch);
    }
  }
  g_assert_cmpuint (first[0], !=, first[1]);
  lode_stream_close (stream);
  lode_data_free (data);
}

static void
hashes (const LodeDataConf *conf, const LodeStreamSpec *spec, gulong pause, uint64_t *out, int n)
{
  Fake fake = fake_bytes (180, 30, 4);
  LodeData *data = fake_open (&fake, conf, 1);
  LodeStream *stream = stream_of (data, *spec);

  for (int i = 0; i < n; i++) {
    out[i] = next_hash (stream);
    g_usleep (pause);
  }
  lode_stream_close (stream);
  lode_data_free (data);
}

/* A fast caller, a slow one, and samples read on demand see the same bits; another seed or role
 * does not. */
static void
test_bits (void)
{
  LodeDataConf conf = full_conf ();
  LodeStreamSpec spec = weights_spec (32);
  uint64_t a[12], b[12];

  hashes (&conf, &spec, 0, a, 12);
  hashes (&conf, &spec, 2000, b, 12);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  conf.preload = false;
  hashes (&conf, &spec, 0, b, 12);
  g_assert_cmpmem (a, sizeof a, b, sizeof b);
  spec.seed++;
  hashes (&conf, &spec, 0, b, 12);
  for (int i = 0; i < 12; i++)
    g_assert_cmpuint (a[i], !=, b[i]);
  for (int i = 0; i < 12; i++)
    for (int j = 0; j < i; j++)
      g_assert_cmpuint (a[i], !=, a[j]);
}

/* Streams beside each other do not change each other's batches. */
static void
test_interleaved (void)
{
  const uint32_t roles[] = { LODE_ROLE_WEIGHTS, LODE_ROLE_ARCH, LODE_ROLE_VALID, LODE_ROLE_TEST };
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStream *stream[4];
  uint64_t alone[4][8];

  for (int r = 0; r < 4; r++) {
    LodeStreamSpec spec = weights_spec (8);

    spec.role = roles[r];
    hashes (&conf, &spec, 0, alone[r], 8);
    stream[r] = stream_of (data, spec);
  }
  for (int i = 0; i < 8; i++)
    for (int r = 0; r < 4; r++)
      g_assert_cmpuint (next_hash (stream[r]), ==, alone[r][i]);
  for (int r = 0; r < 4; r++)
    lode_stream_close (stream[r]);
  lode_data_free (data);
}

/* VALID, TEST and CALIBRATE come in order, the same each time, whatever augmentation is asked for.
 */
static void
test_in_order (void)
{
  const uint32_t roles[] = { LODE_ROLE_VALID, LODE_ROLE_TEST, LODE_ROLE_CALIBRATE };
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);

  for (int r = 0; r < 3; r++) {
    LodeStreamSpec spec = {
      .role = roles[r], .batch = 9, .augment = true, .drop_last = true, .seed = 3
    };
    LodeStream *stream = stream_of (data, spec);
    uint32_t batches = lode_stream_batches (stream), at = 0;
    g_autofree float *first = NULL;

    g_assert_cmpuint (batches, ==, (lode_data_count (data, roles[r]) + 8) / 9);
    for (uint32_t b = 0; b <= batches; b++) {
      const LodeBatch *batch = next_of (stream);

      if (b == 0)
        first = g_memdup2 (batch->pixel, batch->n * 60 * sizeof (float));
      if (b == batches)
        g_assert_cmpmem (batch->pixel, batch->n * 60 * sizeof (float), first,
                         9 * 60 * sizeof (float));
      for (uint32_t i = 0; b < batches && i < batch->n; i++)
        g_assert_cmpuint (batch->index[i], ==, at++);
      lode_stream_release (stream, batch);
    }
    g_assert_cmpuint (at, ==, lode_data_count (data, roles[r]));
    lode_stream_close (stream);
  }
  lode_data_free (data);
}

static void
test_drop_last (void)
{
  Fake fake = fake_bytes (50, 5, 4);
  LodeDataConf conf = plain_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStreamSpec spec = weights_spec (16);
  LodeStream *stream;

  spec.drop_last = true;
  stream = stream_of (data, spec);
  g_assert_cmpuint (lode_stream_batches (stream), ==, 3);
  for (int i = 0; i < 7; i++) {
    const LodeBatch *batch = next_of (stream);

    g_assert_cmpuint (batch->n, ==, 16);
    lode_stream_release (stream, batch);
  }
  g_assert_cmpfloat_with_epsilon (lode_stream_epoch (stream), 2 + 1 / 3.0, 1e-12);
  lode_stream_close (stream);
  spec.batch = 1000; /* more than there are: one whole batch */
  stream = stream_of (data, spec);
  g_assert_cmpuint (lode_stream_batches (stream), ==, 1);
  g_assert_cmpuint (next_of (stream)->n, ==, 50);
  lode_stream_close (stream);
  lode_data_free (data);
}

/* Four batches may be held, and keep their values; a fifth is refused until one is given back. */
static void
test_held (void)
{
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStream *stream = stream_of (data, weights_spec (8));
  const LodeBatch *held[4];
  uint64_t hash[4];
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 4; i++) {
    held[i] = next_of (stream);
    hash[i] = batch_hash (held[i], 0);
  }
  g_assert_null (lode_stream_next (stream, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  for (int i = 0; i < 40; i++) { /* over the end of the epoch */
    lode_stream_release (stream, held[3]);
    lode_stream_release (stream, held[3]); /* a second time means nothing */
    held[3] = next_of (stream);
  }
  for (int i = 0; i < 3; i++)
    g_assert_cmpuint (batch_hash (held[i], 0), ==, hash[i]);
  lode_stream_close (stream);
  lode_data_free (data);
}

static void
test_refused (void)
{
  Fake fake = fake_bytes (40, 0, 4);
  LodeDataConf conf = plain_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  const char *text[] = { NULL, "data.arch", "data.valid", NULL, "no test examples" };

  for (uint32_t role = 0; role < 6; role++) {
    LodeStreamSpec spec = { .role = role, .batch = role == LODE_ROLE_WEIGHTS ? 0 : 8 };
    g_autoptr (GError) error = NULL;
    LodeStream *stream = lode_stream_new (data, &spec, &error);

    if (role == LODE_ROLE_CALIBRATE) {
      lode_stream_close (stream);
      continue;
    }
    g_assert_null (stream);
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
    if (role < 5 && text[role])
      g_assert_nonnull (strstr (error->message, text[role]));
  }
  lode_stream_close (NULL);
  lode_data_free (data);
}

/* It is asked once an epoch, before the first batch, with epoch, phase and score. */
static void
test_asked (void)
{
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  Script script = { .n = 5, .index = { 3, 119, 7, 0, 60 } };
  LodeStream *stream = scripted (data, &script, 2);
  uint32_t seen = 0;

  g_assert_cmpuint (lode_stream_batches (stream), ==,
                    60); /* of the whole pool, until it is asked */
  g_assert_cmpuint (script.calls, ==, 0);
  lode_stream_phase (stream, "warm-up");
  for (int b = 0; b < 3; b++) {
    const LodeBatch *batch = next_of (stream);

    for (uint32_t i = 0; i < batch->n; i++) {
      g_assert_cmpfloat (batch->weight[i], ==, 1);
      for (uint32_t k = 0; k < 5; k++)
        seen |= (uint32_t) (batch->index[i] == script.index[k]) << k;
    }
    lode_stream_release (stream, batch);
    g_assert_cmpuint (lode_stream_batches (stream), ==, 3);
  }
  g_assert_cmpuint (seen, ==, 31);
  g_assert_cmpuint (script.calls, ==, 1);
  g_assert_cmpstr (script.last.phase, ==, "warm-up");
  g_assert_cmpuint (script.last.epoch, ==, 0);
  g_assert_true (isnan (script.last.valid));
  lode_stream_phase (stream, "search");
  lode_stream_valid (stream, 0.75);
  lode_stream_release (stream, next_of (stream));
  g_assert_cmpuint (script.calls, ==, 2);
  g_assert_cmpstr (script.last.phase, ==, "search");
  g_assert_cmpuint (script.last.epoch, ==, 1);
  g_assert_cmpfloat (script.last.valid, ==, 0.75);
  lode_stream_close (stream);
  lode_data_free (data);
}

/* weight · times · the example's own, with mean 1. */
static void
test_weights (void)
{
  Fake fake = fake_bytes (40, 4, 4);
  LodeDataConf conf = plain_conf ();
  Script script = { .n = 4,
                    .sets = true,
                    .index = { 2, 5, 8, 11 },
                    .times = { 1, 3, 1, 2 },
                    .weight = { 1, 1, 0, 2.5 } };
  const double raw[] = { 3, 3 * 2, 0, 2 * 2.5 * 4 };
  float own[40];
  LodeData *data;
  LodeStream *stream;
  double sum = 0;

  for (int i = 0; i < 40; i++)
    own[i] = (float) (i % 4 + 1);
  fake.has = LODE_HAS_WEIGHT;
  fake.part[0].weight = own;
  fake.part[1].weight = own;
  data = fake_open (&fake, &conf, 1);
  stream = scripted (data, &script, 4);
  {
    const LodeBatch *batch = next_of (stream);

    for (uint32_t i = 0; i < 4; i++) {
      uint32_t k = batch->index[i] / 3;

      g_assert_cmpfloat_with_epsilon (batch->weight[i], raw[k] * 4 / (3 + 6 + 20), 1e-6);
      sum += (double) batch->weight[i];
    }
    g_assert_cmpfloat_with_epsilon (sum, 4, 1e-5);
  }
  lode_stream_close (stream);
  stream = stream_of (data, weights_spec (40)); /* without a sampler */
  {
    const LodeBatch *batch = next_of (stream);

    for (uint32_t i = 0; i < 40; i++)
      g_assert_cmpfloat_with_epsilon (batch->weight[i], own[batch->index[i]] / 2.5f, 1e-6);
  }
  lode_stream_close (stream);
  lode_data_free (data);
}

/* A sampler's mistakes are named, and the stream is as it was: a right answer then goes on. */
static void
test_mistakes (void)
{
  const struct {
    Script script;
    const char *text;
  } cases[] = {
    { { .n = 0 }, "0 picks; expected 1 to 40" },
    { { .n = 41 }, "41 picks; expected 1 to 40" },
    { { .n = 9, .index = { 0, 1, 2, 3, 4, 5, 6, 7 } },
      "wrong at pick 8: example 4294967295" }, /* one not set */
    { { .n = 2, .index = { 3, 40 } },
      "wrong at pick 1: example 40; expected an index below the pool's 40" },
    { { .n = 3, .index = { 3, 4, 3 } }, "wrong at pick 2: example 3 a second time" },
    { { .n = 2, .sets = true, .index = { 3, 4 }, .times = { 1, 1 }, .weight = { 1, NAN } },
      "pick 1: weight nan" },
    { { .n = 2, .sets = true, .index = { 3, 4 }, .times = { 1, 1 }, .weight = { INFINITY, 1 } },
      "pick 0: weight inf" },
    { { .n = 2, .sets = true, .index = { 3, 4 }, .times = { 1, 1 }, .weight = { 1, -1 } },
      "pick 1: weight -1" },
    { { .n = 2, .sets = true, .index = { 3, 4 }, .times = { 1, 0 }, .weight = { 1, 1 } },
      "pick 1: multiplicity 0" },
    { { .n = 2, .sets = true, .index = { 3, 4 }, .times = { 1, 1 }, .weight = { 0, 0 } },
      "all 2 weights are 0" },
    { { .n = 2, .fault = 1, .index = { 3, 4 } }, "without saying why" },
    { { .n = 2, .fault = 2, .index = { 3, 4 } }, "no mood for it" },
  };
  Fake fake = fake_bytes (40, 4, 4);
  LodeDataConf conf = plain_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    Script script = { .n = 4, .index = { 9, 8, 7, 6 } };
    LodeStream *stream = scripted (data, &script, 4);
    g_autoptr (GError) error = NULL;
    uint64_t expected;

    lode_stream_release (stream, next_of (stream));
    script = cases[k].script;
    g_assert_null (lode_stream_next (stream, &error));
    if (!error || !strstr (error->message, cases[k].text))
      g_error ("\"%s\" does not mention \"%s\"", error ? error->message : "no error",
               cases[k].text);
    g_assert_cmpfloat (lode_stream_epoch (stream), ==, 1);
    script = (Script){ .n = 4, .index = { 9, 8, 7, 6 } };
    expected = next_hash (stream);
    g_assert_cmpuint (script.last.epoch, ==, 1);
    lode_stream_close (stream);
    stream = scripted (data, &script, 4);
    lode_stream_release (stream, next_of (stream));
    g_assert_cmpuint (next_hash (stream), ==, expected);
    lode_stream_close (stream);
  }
  lode_data_free (data);
}

static bool
never_select (void *data, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  (void) ask;
  (void) picks;
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "asked");
  return *(const bool *) data;
}

/* A read that fails ahead is reported for its own batch, and may be tried again. */
static void
test_read_error (void)
{
  Fake fake = fake_bytes (64, 8, 4);
  LodeDataConf conf = plain_conf ();
  LodeData *data;
  LodeStream *stream;
  g_autoptr (GError) error = NULL;

  conf.preload = false;
  data = fake_open (&fake, &conf, 1);
  fake.reads = 0;
  fake.fail_at = 3;
  stream = stream_of (data, weights_spec (8));
  lode_stream_release (stream, next_of (stream));
  lode_stream_release (stream, next_of (stream));
  g_assert_null (lode_stream_next (stream, &error));
  g_assert_cmpstr (g_quark_to_string (error->domain), ==, "lode-data-error");
  g_assert_cmpfloat (lode_stream_epoch (stream), ==, 0.25);
  for (int i = 0; i < 6; i++)
    lode_stream_release (stream, next_of (stream));
  g_assert_cmpfloat (lode_stream_epoch (stream), ==, 1);
  lode_stream_close (stream);
  lode_data_free (data);
  fake = fake_bytes (64, 8, 4);
  fake.fail_at = 1;
  g_assert_null (lode_data_new (&fake_ops, (LodeDataset *) (void *) &fake, &conf, 1, NULL));
  g_assert_cmpuint (fake.closed, ==, 1);
}

/* A first selection that fails leaves a stream that can be closed. */
static void
test_first_fails (void)
{
  Fake fake = fake_bytes (40, 4, 4);
  LodeDataConf conf = plain_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStreamSpec spec = weights_spec (8);
  LodeStream *stream;
  bool answer = false;
  g_autoptr (GError) error = NULL;

  spec.select = never_select;
  spec.select_data = &answer;
  stream = stream_of (data, spec);
  g_assert_null (lode_stream_next (stream, &error));
  g_assert_cmpstr (error->message, ==, "asked");
  g_clear_error (&error);
  answer = true; /* true with an error set is a failure too */
  g_assert_null (lode_stream_next (stream, &error));
  g_assert_cmpstr (error->message, ==, "asked");
  lode_stream_close (stream);
  lode_data_free (data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/streams/epochs", test_epochs);
  g_test_add_func ("/streams/bits", test_bits);
  g_test_add_func ("/streams/interleaved", test_interleaved);
  g_test_add_func ("/streams/in-order", test_in_order);
  g_test_add_func ("/streams/drop-last", test_drop_last);
  g_test_add_func ("/streams/held", test_held);
  g_test_add_func ("/streams/refused", test_refused);
  g_test_add_func ("/streams/asked", test_asked);
  g_test_add_func ("/streams/weights", test_weights);
  g_test_add_func ("/streams/mistakes", test_mistakes);
  g_test_add_func ("/streams/read-error", test_read_error);
  g_test_add_func ("/streams/first-fails", test_first_fails);
  return g_test_run ();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Saving and restoring where a stream stands: it continues with the same bits, or says why it
 * cannot.
 */
#include "script.h"

/* A sampler of its own mind: another third of the pool each epoch, with weights. */
static bool
moving_select (void *data, const LodeAsk *ask, LodePicks *picks, GError **error)
{
  (void) data;
  (void) error;
  for (uint32_t i = ask->epoch % 3; i < picks->room; i += 3) {
    picks->weight[picks->n] = (float) (1 + i % 5);
    picks->index[picks->n++] = picks->room - 1 - i;
  }
  return true;
}

/* Stopped after any number of batches, a new stream of a new process goes on with the same bits. */
static void
check_resume (LodeStreamSpec spec, uint32_t at)
{
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1), *again;
  LodeStream *stream = stream_of (data, spec), *other;
  Memory memory = memory_new ();
  GError *error = NULL;

  lode_stream_phase (stream, "search");
  for (uint32_t i = 0; i < at; i++)
    lode_stream_release (stream, next_of (stream));
  lode_stream_valid (stream, 0.5);
  lode_stream_save (stream, "w.", &memory.base);
  fake = fake_bytes (180, 30, 4);
  again = fake_open (&fake, &conf, 1);
  other = stream_of (again, spec);
  for (uint32_t i = 0; i < at % 3; i++) /* what it did before does not matter */
    lode_stream_release (other, next_of (other));
  g_assert_true (lode_stream_load (other, "w.", &memory.base, &error));
  g_assert_no_error (error);
  g_assert_cmpfloat (lode_stream_epoch (other), ==, lode_stream_epoch (stream));
  g_assert_cmpuint (lode_stream_batches (other), ==, lode_stream_batches (stream));
  for (int i = 0; i < 20; i++)
    g_assert_cmpuint (next_hash (other), ==, next_hash (stream));
  lode_stream_close (stream);
  lode_stream_close (other);
  lode_data_free (data);
  lode_data_free (again);
  memory_clear (&memory);
}

static void
test_resume (void)
{
  LodeStreamSpec spec = weights_spec (16);

  for (uint32_t at = 0; at < 18; at++) {
    spec.select = NULL;
    check_resume (spec, at);
    spec.select = moving_select;
    check_resume (spec, at);
    spec.select = NULL;
    spec.role = LODE_ROLE_ARCH;
    check_resume (spec, at);
    spec.role = LODE_ROLE_WEIGHTS;
  }
}

/* In the middle of an epoch the sampler is not asked again, and hears the phase and score of
 * before. */
static void
test_resume_asks (void)
{
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  Script script = { .n = 5, .index = { 3, 119, 7, 0, 60 } }, later = script;
  LodeStream *stream = scripted (data, &script, 2), *other;
  Memory memory = memory_new ();
  char phase[] = "search";

  lode_stream_phase (stream, phase);
  lode_stream_release (stream, next_of (stream));
  lode_stream_valid (stream, 0.25);
  lode_stream_save (stream, "", &memory.base);
  lode_stream_close (stream);
  phase[0] = 'X';
  other = scripted (data, &later, 2);
  g_assert_true (lode_stream_load (other, "", &memory.base, NULL));
  lode_stream_release (other, next_of (other));
  lode_stream_release (other, next_of (other));
  g_assert_cmpuint (later.calls, ==, 0);
  lode_stream_release (other, next_of (other));
  g_assert_cmpuint (later.calls, ==, 1);
  g_assert_cmpstr (later.last.phase, ==, "search");
  g_assert_cmpfloat (later.last.valid, ==, 0.25);
  lode_stream_close (other);
  lode_data_free (data);
  memory_clear (&memory);
}

/* A checkpoint, saved by a stream after one batch, with one array gone or one number changed. */
static void
check_damage (const LodeStream *from, LodeStream *to, const char *name, uint32_t at, uint64_t value)
{
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;
  uint64_t clock[9];
  uint32_t picks[40];

  lode_stream_save (from, "", &memory.base);
  g_assert_true (lode_store_get (&memory.base, "clock", LODE_TYPE_U64, 9, clock, NULL));
  g_assert_true (lode_store_get (&memory.base, "picks", LODE_TYPE_U32, 40, picks, NULL));
  if (at == UINT32_MAX)
    g_assert_true (g_hash_table_remove (memory.at, name));
  else if (g_str_equal (name, "clock")) {
    g_assert_cmpuint (clock[at], !=, value);
    clock[at] = value;
    lode_store_put (&memory.base, name, LODE_TYPE_U64, 9, clock);
  } else {
    picks[at] = value == 0 ? picks[at + 1] : (uint32_t) value;
    lode_store_put (&memory.base, name, LODE_TYPE_U32, 40, picks);
  }
  g_assert_false (lode_stream_load (to, "", &memory.base, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  memory_clear (&memory);
}

/* Checkpoints of another run or with damage are refused, and leave the stream where it was. */
static void
test_resume_bad (void)
{
  const char *names[] = { "clock", "valid", "phase", "picks", "weight" };
  /* format, seed, role, batch, examples, next batch, begun, picks */
  const uint64_t changes[][2] = { { 0, 2 },    { 1, 8 }, { 2, 1 }, { 3, 17 },  { 4, 121 },
                                  { 6, 1000 }, { 7, 0 }, { 8, 0 }, { 8, 181 }, { 8, 39 } };
  Fake fake = fake_bytes (180, 30, 4);
  LodeDataConf conf = full_conf ();
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStreamSpec spec = weights_spec (16);
  LodeStream *stream, *twin;

  spec.select = moving_select;
  stream = stream_of (data, spec);
  twin = stream_of (data, spec);
  lode_stream_release (stream, next_of (stream));
  lode_stream_release (twin, next_of (twin));
  lode_stream_release (twin, next_of (twin));
  for (guint k = 0; k < G_N_ELEMENTS (names); k++)
    check_damage (stream, twin, names[k], UINT32_MAX, 0);
  for (guint k = 0; k < G_N_ELEMENTS (changes); k++)
    check_damage (stream, twin, "clock", (uint32_t) changes[k][0], changes[k][1]);
  check_damage (stream, twin, "picks", 3, 0);
  check_damage (stream, twin, "picks", 39, 120);
  lode_stream_release (stream, next_of (stream));
  g_assert_cmpuint (next_hash (twin), ==, next_hash (stream));
  lode_stream_close (stream);
  lode_stream_close (twin);
  lode_data_free (data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/resume/bits", test_resume);
  g_test_add_func ("/resume/asks", test_resume_asks);
  g_test_add_func ("/resume/bad", test_resume_bad);
  return g_test_run ();
}

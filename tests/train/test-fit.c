/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The training loop: it learns, tells its figures, follows its schedule, and continues bit for bit
 * wherever it was interrupted.
 */
#include "train/fixture.h"
#include <stdlib.h>

/* A loop over a bench's net, and what it told. */
typedef struct Loop {
  Bench *bench;
  LodeStream *stream;
  LodeFit *fit;
  LodeFitConf conf;
  GString *told; /* "name=value " */
} Loop;

static void
loop_metric (void *data, const char *name, double value)
{
  Loop *loop = data;

  g_string_append_printf (loop->told, "%s=%.17g ", name, value);
}

static LodeFitConf
plain_fit (int64_t epochs)
{
  return (LodeFitConf){ .epochs = epochs,
                        .batch = 8,
                        .optimiser = LODE_OPTIM_SGD,
                        .schedule = LODE_SCHEDULE_COSINE,
                        .rate = 0.05,
                        .momentum = 0.9,
                        .decay = 1e-4,
                        .clip = 5,
                        .gamma = 1,
                        .beta1 = 0.9,
                        .beta2 = 0.999,
                        .aux_weight = 0.4,
                        .drop_path = 0.2,
                        .validate = 1 };
}

/* Classes that a small net can tell apart: the brightness of a stripe. */
static Fake
striped (void)
{
  static uint8_t pixel[48 * 8 * 8 * 3];
  LodeRng rng = { .key = 6 };

  for (size_t i = 0; i < sizeof pixel; i++) {
    size_t example = i / (8 * 8 * 3), row = i / (8 * 3) % 8;

    pixel[i] = (uint8_t) (lode_rng_below (&rng, 120) + (row / 2 == example % 4 ? 120 : 0));
  }
  return (Fake){ .shape = { 8, 8, 3 },
                 .classes = 4,
                 .part = { { .n = 48, .bytes = pixel }, { .n = 4 } } };
}

static LodeFit *
try_fit (Loop *loop, const LodeChoice *choice, GError **error)
{
  LodeFitSpec spec = { .conf = &loop->conf,
                       .net = loop->bench->net,
                       .choice = choice,
                       .stream = loop->stream,
                       .data = loop,
                       .metric = loop_metric,
                       .validates = true };

  return lode_fit_make (&spec, error);
}

/* A loop over one network of cells (its second head, drop-path), or another backbone. */
static Loop *
loop_new (const char *backbone, LodeFitConf conf, LodeNetIn in, uint32_t threads)
{
  bool cells = strcmp (backbone, "darts") == 0;
  Fake fake = striped ();
  LodeDataConf data = small_conf ();
  Loop *loop = g_new0 (Loop, 1);
  g_autofree uint64_t *mask = NULL;
  g_autofree uint8_t *arch = NULL;
  LodeChoice choice = { .size = sizeof choice };
  LodeRng rng = { .key = 8 };
  GError *error = NULL;

  data.crop = 1;
  data.flip = true;
  loop->conf = conf;
  loop->told = g_string_new (NULL);
  loop->bench =
      bench_new (backbone, cells ? cells_group (4, 3, 2) : NULL, "ce", &fake, &data, threads);
  mask = g_new0 (uint64_t, loop->bench->family->space->n + 1);
  arch = g_new0 (uint8_t, loop->bench->family->space->n + 1);
  if (cells) {
    loop->bench->family->ops->sample (loop->bench->family->backbone, arch, &rng);
    lode_space_one (loop->bench->family->space, arch, mask);
    choice.mask = mask;
    in.choice = in.shared ? NULL : &choice;
  }
  bench_make (loop->bench, in);
  loop->stream = stream_of (
      loop->bench->data,
      (LodeStreamSpec){
          .role = LODE_ROLE_WEIGHTS, .batch = 8, .seed = 5, .augment = true, .drop_last = true });
  loop->fit = try_fit (loop, cells ? &choice : NULL, &error);
  g_assert_no_error (error);
  return loop;
}

static void
loop_free (Loop *loop)
{
  lode_fit_free (loop->fit);
  lode_stream_close (loop->stream);
  bench_free (loop->bench);
  g_string_free (loop->told, TRUE);
  g_free (loop);
}

/* steps < 0: to the end. */
static LodeProgress
loop_run (Loop *loop, int steps)
{
  LodeProgress progress = { .size = sizeof progress };
  GError *error = NULL;

  for (; steps && !progress.end; steps--) {
    g_assert_true (lode_fit_step (loop->fit, &progress, &error));
    g_assert_no_error (error);
  }
  return progress;
}

/* The last value told under a name; NaN: none. */
static double
last_told (const Loop *loop, const char *name)
{
  g_autofree char *key = g_strconcat (name, "=", NULL);
  const char *at = g_strrstr (loop->told->str, key);

  return at ? g_ascii_strtod (at + strlen (key), NULL) : NAN;
}

static uint32_t
times_told (const Loop *loop, const char *name)
{
  g_autofree char *key = g_strconcat (name, "=", NULL);
  uint32_t n = 0;

  for (const char *at = loop->told->str; (at = strstr (at, key)); at++)
    n++;
  return n;
}

static void
test_learns (void)
{
  Loop *loop = loop_new ("mlp", plain_fit (12), (LodeNetIn){ 0 }, 1);
  LodeProgress progress = loop_run (loop, 4);
  double first;

  g_assert_cmpuint (progress.done, ==, 4);
  g_assert_cmpuint (progress.of, ==, 12 * 4);
  g_assert_cmpstr (progress.phase, ==, "train");
  g_assert_false (progress.end);
  first = last_told (loop, "train_loss");
  progress = loop_run (loop, -1);
  g_assert_cmpuint (progress.done, ==, progress.of);
  g_assert_cmpfloat (last_told (loop, "train_loss"), <, first / 3);
  g_assert_cmpfloat (last_told (loop, "train_accuracy"), >, 0.9);
  g_assert_cmpfloat (last_told (loop, "valid_accuracy"), >, 0.6);
  g_assert_cmpuint (times_told (loop, "valid_loss"), ==, 12);
  g_assert_cmpuint (times_told (loop, "rate"), ==, 12);
  g_assert_cmpuint (loop->bench->seen, ==, 12 * 4);
  loop_free (loop);
}

/* A loop at its end stays there, and takes no batch. */
static void
test_end (void)
{
  Loop *loop = loop_new ("mlp", plain_fit (2), (LodeNetIn){ 0 }, 1);
  LodeProgress progress = loop_run (loop, -1);
  uint64_t hash = net_hash (loop->bench->net);
  GError *error = NULL;

  g_assert_true (lode_fit_step (loop->fit, &progress, &error));
  g_assert_true (progress.end);
  g_assert_cmpuint (progress.done, ==, 8);
  g_assert_cmpuint (net_hash (loop->bench->net), ==, hash);
  loop_free (loop);
}

static void
test_validate (void)
{
  LodeFitConf conf = plain_fit (5);
  Loop *loop;

  conf.validate = 2; /* after 2, 4 and at the end */
  loop = loop_new ("mlp", conf, (LodeNetIn){ 0 }, 1);
  loop_run (loop, -1);
  g_assert_cmpuint (times_told (loop, "valid_accuracy"), ==, 3);
  loop_free (loop);
  conf.validate = 0;
  loop = loop_new ("mlp", conf, (LodeNetIn){ 0 }, 1);
  loop_run (loop, -1);
  g_assert_cmpuint (times_told (loop, "valid_accuracy"), ==, 0);
  g_assert_cmpuint (times_told (loop, "train_loss"), ==, 5);
  loop_free (loop);
}

static void
save (const Loop *loop, Memory *memory)
{
  lode_net_store (loop->bench->net, "net.", &memory->base);
  lode_stream_save (loop->stream, "stream.", &memory->base);
  lode_fit_store (loop->fit, "fit.", &memory->base);
}

static void
load (Loop *loop, const Memory *memory)
{
  GError *error = NULL;

  g_assert_true (lode_net_restore (loop->bench->net, "net.", &memory->base, &error));
  g_assert_true (lode_stream_load (loop->stream, "stream.", &memory->base, &error));
  g_assert_true (lode_fit_restore (loop->fit, "fit.", &memory->base, &error));
  g_assert_no_error (error);
}

static const LodeNetIn whole_in = { .aux = true, .drop_path = true };

/* Interrupted behind any step, with other threads: the same weights, statistics and figures. */
static void
check_resume (const char *backbone, LodeFitConf conf, LodeNetIn in)
{
  Loop *straight = loop_new (backbone, conf, in, 1);

  loop_run (straight, -1);
  for (int stop = 0; stop < 3 * 4; stop += 1 + stop % 3) {
    Memory memory = memory_new ();
    Loop *loop = loop_new (backbone, conf, in, 2);
    GString *before;

    if (stop)
      loop_run (loop, stop);
    save (loop, &memory);
    before = g_string_new (loop->told->str);
    loop_run (loop, 2); /* what is lost */
    loop_free (loop);
    loop = loop_new (backbone, conf, in, 1);
    load (loop, &memory);
    loop_run (loop, -1);
    g_string_append (before, loop->told->str);
    g_assert_cmpstr (before->str, ==, straight->told->str);
    g_assert_cmpuint (net_hash (loop->bench->net), ==, net_hash (straight->bench->net));
    g_string_free (before, TRUE);
    memory_clear (&memory);
    loop_free (loop);
  }
  loop_free (straight);
}

static void
test_resume (void)
{
  check_resume ("darts", plain_fit (3), whole_in);
}

static void
test_resume_adam (void)
{
  LodeFitConf conf = plain_fit (3);

  conf.optimiser = LODE_OPTIM_ADAM;
  conf.momentum = 0;
  conf.rate = 1e-3;
  check_resume ("mlp", conf, (LodeNetIn){ 0 });
}

static void
test_threads (void)
{
  Loop *one = loop_new ("darts", plain_fit (2), whole_in, 1);
  Loop *four = loop_new ("darts", plain_fit (2), whole_in, 4);

  loop_run (one, -1);
  loop_run (four, -1);
  g_assert_cmpstr (one->told->str, ==, four->told->str);
  g_assert_cmpuint (net_hash (one->bench->net), ==, net_hash (four->bench->net));
  loop_free (one);
  loop_free (four);
}

/* Another rate of drop-path changes nothing in the first epoch, where it is 0, and what follows. */
static void
test_drop_path (void)
{
  LodeFitConf conf = plain_fit (2);
  Loop *some = loop_new ("darts", conf, whole_in, 1), *none;

  conf.drop_path = 0;
  none = loop_new ("darts", conf, whole_in, 1);
  loop_run (some, 4);
  loop_run (none, 4);
  g_assert_cmpuint (net_hash (some->bench->net), ==, net_hash (none->bench->net));
  loop_run (some, 1);
  loop_run (none, 1);
  g_assert_cmpuint (net_hash (some->bench->net), !=, net_hash (none->bench->net));
  loop_free (some);
  loop_free (none);
}

static bool
changed (Loop *loop, uint64_t before, const char *slot_name)
{
  const LodeParamSet *set = (const LodeParamSet *) lode_net_params (loop->bench->net);
  int32_t slot = lode_layout_find (set->layout, slot_name);

  g_assert_cmpint (slot, >=, 0);
  return hash_on (1, set->at[slot], 8 * sizeof (float)) != before;
}

/* The second head learns where it has a weight, and is left alone where it has none. */
static void
test_auxiliary (void)
{
  static const char name[] = "head.auxiliary.weight";

  for (int on = 0; on < 2; on++) {
    LodeFitConf conf = plain_fit (1);
    Loop *loop;
    const LodeParamSet *set;
    uint64_t before;

    conf.aux_weight = on ? 0.4 : 0;
    conf.decay = 0;
    loop = loop_new ("darts", conf, whole_in, 1);
    set = (const LodeParamSet *) lode_net_params (loop->bench->net);
    before = hash_on (1, set->at[lode_layout_find (set->layout, name)], 8 * sizeof (float));
    loop_run (loop, 2);
    g_assert_true (changed (loop, before, name) == on);
    loop_free (loop);
  }
}

/* A path of a super-network: weights off the path stay, bit for bit, decay or not. */
static void
test_path (void)
{
  Loop *loop = loop_new ("darts", plain_fit (1), (LodeNetIn){ .shared = true }, 1);
  LodeParams *before = lode_params_dup (lode_net_params (loop->bench->net), loop->bench->net, NULL);
  g_autofree uint64_t *mask = g_new0 (uint64_t, loop->bench->family->space->n + 1);
  g_autofree uint8_t *arch = g_new0 (uint8_t, loop->bench->family->space->n + 1);
  const LodeParamSet *was = (const LodeParamSet *) before, *is;
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  LodeRng rng = { .key = 8 };
  LodeParams *path;
  uint32_t on = 0, off = 0;

  loop->bench->family->ops->sample (loop->bench->family->backbone, arch, &rng);
  lode_space_one (loop->bench->family->space, arch, mask);
  path = lode_params_dup (before, loop->bench->net, &choice);
  loop_run (loop, 3);
  is = (const LodeParamSet *) lode_net_params (loop->bench->net);
  for (uint32_t i = 0; i < is->slots; i++) {
    size_t bytes = lode_slot_size (lode_layout_slot (is->layout, i)) * sizeof (float);
    bool same = memcmp (is->at[i], was->at[i], bytes) == 0;

    if (((LodeParamSet *) path)->at[i])
      on += !same;
    else
      off += same;
    g_assert_true (same == !((LodeParamSet *) path)->at[i]);
  }
  g_assert_cmpuint (on, >, 10);
  g_assert_cmpuint (off, >, 10);
  lode_params_free (before);
  lode_params_free (path);
  loop_free (loop);
}

static void
test_refused (void)
{
  Loop *loop = loop_new ("darts", plain_fit (1), (LodeNetIn){ .shared = true }, 1);
  g_autoptr (GError) error = NULL;

  g_assert_null (try_fit (loop, NULL, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  loop_free (loop);
}

/* Stores that lack something or are of another loop: refused, and the loop goes on as before. */
static void
test_damaged (void)
{
  Loop *loop = loop_new ("mlp", plain_fit (3), (LodeNetIn){ 0 }, 1);
  Loop *twin = loop_new ("mlp", plain_fit (3), (LodeNetIn){ 0 }, 1);
  Memory memory = memory_new (), wrong = memory_new ();
  g_autofree void **key = NULL;
  uint64_t at[4] = { 9, 0, 0, 0 };
  GError *error = NULL;
  guint n;

  loop_run (loop, 3);
  loop_run (twin, 3);
  lode_fit_store (twin->fit, "fit.", &memory.base);
  key = g_hash_table_get_keys_as_array (memory.at, &n);
  for (guint skip = 0; skip < n; skip++) {
    g_hash_table_remove_all (wrong.at);
    for (guint i = 0; i < n; i++) {
      const Array *array = g_hash_table_lookup (memory.at, key[i]);

      if (i != skip)
        lode_store_put (&wrong.base, key[i], array->type, array->n,
                        g_bytes_get_data (array->bytes, NULL));
    }
    g_assert_false (lode_fit_restore (loop->fit, "fit.", &wrong.base, &error));
    g_assert_nonnull (error);
    g_clear_error (&error);
  }
  lode_store_put (&memory.base, "fit.at", LODE_TYPE_U64, 4, at);
  g_assert_false (lode_fit_restore (loop->fit, "fit.", &memory.base, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  g_clear_error (&error);
  loop_run (loop, -1);
  loop_run (twin, -1);
  g_assert_cmpstr (loop->told->str, ==, twin->told->str);
  memory_clear (&memory);
  memory_clear (&wrong);
  loop_free (loop);
  loop_free (twin);
}

/* Weights that run away end the loop with an error that says which batch; nothing is written. */
static void
test_diverges (void)
{
  LodeFitConf conf = plain_fit (40);
  Loop *loop;
  LodeProgress progress = { .size = sizeof progress };
  g_autoptr (GError) error = NULL;
  uint64_t hash = 0;

  conf.rate = 1e38;
  conf.clip = 0;
  conf.validate = 0;
  loop = loop_new ("mlp", conf, (LodeNetIn){ 0 }, 1);
  for (int i = 0; i < 160 && !error; i++) {
    hash = net_hash (loop->bench->net);
    lode_fit_step (loop->fit, &progress, &error);
  }
  g_assert_true (lode_error_diverged (error));
  g_assert_nonnull (strstr (error->message, "examples"));
  g_assert_cmpuint (net_hash (loop->bench->net), ==, hash);
  loop_free (loop);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fit/learns", test_learns);
  g_test_add_func ("/fit/end", test_end);
  g_test_add_func ("/fit/validate", test_validate);
  g_test_add_func ("/fit/resume", test_resume);
  g_test_add_func ("/fit/resume-adam", test_resume_adam);
  g_test_add_func ("/fit/threads", test_threads);
  g_test_add_func ("/fit/drop-path", test_drop_path);
  g_test_add_func ("/fit/auxiliary", test_auxiliary);
  g_test_add_func ("/fit/path", test_path);
  g_test_add_func ("/fit/refused", test_refused);
  g_test_add_func ("/fit/damaged", test_damaged);
  g_test_add_func ("/fit/diverges", test_diverges);
  return g_test_run ();
}

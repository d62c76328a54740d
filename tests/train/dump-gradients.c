/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes a small super-network in one situation, for another framework to work out the same: its
 * weights, gates and batch, and what came out (logits, loss, gradients of both kinds).
 *
 * Usage: dump-gradients FOLDER SEED. arrays.txt has a line for each array, "kind name d0 d1 …";
 * arrays.bin has their float32 values one behind the other.
 */
#include "train/fixture.h"

enum { BATCH = 4, CLASSES = 10 };

typedef struct Dump {
  GString *names;
  GByteArray *values;
} Dump;

/* dim: ended by 0 */
static void
put (Dump *dump, const char *kind, const char *name, const uint32_t *dim, const float *x)
{
  size_t n = 1;

  g_string_append_printf (dump->names, "%s %s", kind, name);
  for (; *dim; dim++) {
    g_string_append_printf (dump->names, " %u", *dim);
    n *= *dim;
  }
  g_string_append_c (dump->names, '\n');
  g_byte_array_append (dump->values, (const guint8 *) x, (guint) (n * sizeof (float)));
}

static void
put_params (Dump *dump, const char *kind, const LodeParams *params)
{
  const LodeParamSet *set = (const LodeParamSet *) params;

  for (uint32_t i = 0; i < set->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (set->layout, i);
    const uint32_t dim[] = { slot->dim[0], slot->dim[1], slot->dim[2], slot->dim[3], 0 };

    put (dump, kind, slot->name, dim, set->at[i]);
  }
}

/* Softmax of normal numbers, edge by edge, as in a search under way. */
static float *
gates_of (const LodeSpace *space, uint64_t seed)
{
  float *gate = g_new (float, space->options);
  LodeRng rng = { .key = seed + 900 };

  for (uint32_t i = 0, first = 0; i < space->n; first += lode_space_at (space, i++)->n) {
    uint32_t n = lode_space_at (space, i)->n;
    double sum = 0, e[64];

    for (uint32_t o = 0; o < n; o++)
      sum += e[o] = exp (lode_rng_normal (&rng));
    for (uint32_t o = 0; o < n; o++)
      gate[first + o] = (float) (e[o] / sum);
  }
  return gate;
}

static void
run (Bench *bench, Dump *dump, uint64_t seed)
{
  const LodeSpace *space = lode_net_space (bench->net);
  LodeStream *stream = stream_of (
      bench->data, (LodeStreamSpec){ .role = LODE_ROLE_WEIGHTS, .batch = BATCH, .seed = seed });
  const LodeBatch *batch = next_of (stream);
  LodeParams *grad = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);
  g_autofree float *gate = gates_of (space, seed), *dgate = g_new0 (float, space->options);
  float logit[BATCH * CLASSES], label[BATCH], loss;
  LodeChoice choice = { .size = sizeof choice, .gate = gate };
  LodePass pass = { .size = sizeof pass,
                    .want = LODE_WEIGHTS | LODE_GATES,
                    .grad = grad,
                    .dgate = dgate,
                    .logit = logit };
  const uint32_t picture[] = { BATCH, batch->shape.h, batch->shape.w, batch->shape.c, 0 };

  pass_of (bench->net, batch, &choice, &pass);
  loss = (float) pass.loss;
  for (uint32_t i = 0; i < BATCH; i++)
    label[i] = (float) batch->label[i];
  put_params (dump, "weight", lode_net_params (bench->net));
  put (dump, "batch", "image", picture, batch->pixel);
  put (dump, "batch", "label", (uint32_t[]){ BATCH, 0 }, label);
  put (dump, "batch", "gate", (uint32_t[]){ space->options, 0 }, gate);
  put (dump, "out", "logit", (uint32_t[]){ BATCH, CLASSES, 0 }, logit);
  put (dump, "out", "loss", (uint32_t[]){ 1, 0 }, &loss);
  put (dump, "out", "gate", (uint32_t[]){ space->options, 0 }, dgate);
  put_params (dump, "grad", grad);
  lode_params_free (grad);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
}

int
main (int argc, char **argv)
{
  Fake fake = { .shape = { 16, 16, 3 }, .classes = CLASSES, .part = { { .n = 40 }, { .n = 10 } } };
  LodeDataConf conf = plain_conf ();
  g_autofree uint8_t *pixel = g_new (uint8_t, 40 * 16 * 16 * 3);
  g_autofree char *names = NULL, *values = NULL;
  g_autoptr (GError) error = NULL;
  Dump dump = { g_string_new (NULL), g_byte_array_new () };
  uint64_t seed;
  LodeRng rng = { .key = 17 };
  Bench *bench;

  g_assert_cmpint (argc, ==, 3);
  seed = g_ascii_strtoull (argv[2], NULL, 10);
  for (size_t i = 0; i < 40 * 16 * 16 * 3; i++)
    pixel[i] = (uint8_t) lode_rng_below (&rng, 256);
  fake.part[0].bytes = pixel;
  bench = bench_new ("darts", cells_group (8, 4, 4), "ce", &fake, &conf, 2);
  bench->spec.seed = seed;
  bench_make (bench, (LodeNetIn){ .shared = true });
  run (bench, &dump, seed);
  names = g_build_filename (argv[1], "arrays.txt", NULL);
  values = g_build_filename (argv[1], "arrays.bin", NULL);
  g_file_set_contents (names, dump.names->str, -1, &error);
  g_assert_no_error (error);
  g_file_set_contents (values, (const char *) dump.values->data, dump.values->len, &error);
  g_assert_no_error (error);
  g_string_free (dump.names, TRUE);
  g_byte_array_unref (dump.values);
  bench_free (bench);
  return 0;
}

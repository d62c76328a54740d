/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nets in stores, heads replaced, and figures over a split: bit for bit there and back, and nothing
 * written from a store that is damaged or of another net.
 */
#include "train/fixture.h"

static void
copy_of (const Memory *memory, Memory *to)
{
  GHashTableIter at;
  void *name, *value;

  g_hash_table_remove_all (to->at);
  g_hash_table_iter_init (&at, memory->at);
  while (g_hash_table_iter_next (&at, &name, &value)) {
    const Array *array = value;

    lode_store_put (&to->base, name, array->type, array->n, g_bytes_get_data (array->bytes, NULL));
  }
}

/* Other weights, other statistics than a fresh net has. */
static void
stir (Bench *bench)
{
  LodeStream *stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 6);
  LodeParams *grad = lode_params_dup (lode_net_params (bench->net), bench->net, NULL);

  for (int i = 0; i < 2; i++) {
    const LodeBatch *batch = next_of (stream);
    LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS | LODE_TRACK, .grad = grad };

    pass_of (bench->net, batch, NULL, &pass);
    lode_params_axpy (lode_net_params (bench->net), -0.1, grad);
    lode_stream_release (stream, batch);
  }
  lode_params_free (grad);
  lode_stream_close (stream);
}

static bool
is_frozen (LodeNet *net, const char *name)
{
  const LodeParamSet *set = (const LodeParamSet *) lode_net_params (net);
  int32_t slot = lode_layout_find (set->layout, name);

  g_assert_cmpint (slot, >=, 0);
  return lode_layout_slot (set->layout, (uint32_t) slot)->frozen;
}

static void
test_round (void)
{
  Bench *one = cells_bench (1), *two = cells_bench (2);
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;
  double figure[2][2];

  bench_make (one, (LodeNetIn){ .shared = true, .aux = true });
  bench_make (two, (LodeNetIn){ .shared = true, .aux = true, .id = 4 });
  stir (one);
  lode_net_freeze (one->net, "backbone.cell.1.", true);
  g_assert_cmpuint (net_hash (one->net), !=, net_hash (two->net));
  lode_net_store (one->net, "n.", &memory.base);
  g_assert_true (lode_net_restore (two->net, "n.", &memory.base, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (net_hash (one->net), ==, net_hash (two->net));
  g_assert_true (is_frozen (two->net, "backbone.cell.1.pre0.conv.weight"));
  g_assert_false (is_frozen (two->net, "backbone.cell.0.pre0.conv.weight"));
  lode_net_measure_both (one->net, NULL, NULL, &figure[0][0], &figure[0][1], &error);
  lode_net_measure_both (two->net, NULL, NULL, &figure[1][0], &figure[1][1], &error);
  g_assert_cmpmem (figure[0], sizeof figure[0], figure[1], sizeof figure[1]);
  memory_clear (&memory);
  bench_free (one);
  bench_free (two);
}

/* Refused with an error, and the net is as it was. */
static void
assert_refused (Bench *bench, const Memory *memory, const char *what)
{
  g_autoptr (GError) error = NULL;
  uint64_t before = net_hash (bench->net);
  const LodeLayout *layout = ((LodeParamSet *) lode_net_params (bench->net))->layout;

  if (lode_net_restore (bench->net, "n.", &memory->base, &error))
    g_error ("a store is accepted: %s", what);
  g_assert_nonnull (error);
  g_assert_cmpuint (net_hash (bench->net), ==, before);
  g_assert_true (((LodeParamSet *) lode_net_params (bench->net))->layout == layout);
  g_assert_false (is_frozen (bench->net, "head.weight"));
}

/* Every array in turn: gone, short, of another type. */
static void
test_damaged (void)
{
  Bench *one = cells_bench (1), *two = cells_bench (1);
  Memory memory = memory_new (), wrong = memory_new ();
  GHashTableIter at;
  void *name, *value;
  uint32_t n = 0;

  bench_make (one, (LodeNetIn){ .shared = true });
  bench_make (two, (LodeNetIn){ .shared = true, .id = 4 });
  lode_net_freeze (one->net, "head.", true);
  lode_net_head (one->net, 6, NULL, NULL);
  lode_net_store (one->net, "n.", &memory.base);
  g_hash_table_iter_init (&at, memory.at);
  while (g_hash_table_iter_next (&at, &name, &value)) {
    const Array *array = value;
    const void *data = g_bytes_get_data (array->bytes, NULL);

    copy_of (&memory, &wrong);
    g_hash_table_remove (wrong.at, name);
    assert_refused (two, &wrong, name);
    lode_store_put (&wrong.base, name, array->type, array->n - 1, data);
    assert_refused (two, &wrong, name);
    lode_store_put (&wrong.base, name, LODE_TYPE_I32, array->n * type_size (array->type) / 4, data);
    assert_refused (two, &wrong, name);
    n++;
  }
  g_assert_cmpuint (n, >, 100);
  g_assert_true (lode_net_restore (two->net, "n.", &memory.base, NULL));
  memory_clear (&memory);
  memory_clear (&wrong);
  bench_free (one);
  bench_free (two);
}

/* Texts in place of the list of weights. */
static void
test_lists (void)
{
  static const char *const text[] = { "",
                                      "\n",
                                      "1 1 1 3 0 head.weight\n1 1 1 3 0 head.weight\n",
                                      "1 1 1 3 2 head.weight\n",
                                      "-1 1 1 3 0 head.weight\n",
                                      "1 1 1 99999999999 0 head.weight\n",
                                      "1 1 1 3 head.weight\n",
                                      "1 1 1 3 0 \n",
                                      "1 1 1 3 0" };
  Bench *bench = cells_bench (1);
  Memory memory = memory_new ();

  bench_make (bench, (LodeNetIn){ .shared = true });
  lode_net_store (bench->net, "n.", &memory.base);
  for (size_t i = 0; i < G_N_ELEMENTS (text); i++) {
    lode_store_put (&memory.base, "n.slots", LODE_TYPE_U8, strlen (text[i]), text[i]);
    assert_refused (bench, &memory, text[i]);
    g_assert_cmpuint (lode_net_adopt (bench->net, "n.", &memory.base), ==, 0);
  }
  memory_clear (&memory);
  bench_free (bench);
}

/* Nets that are not alike: each is refused by a word that names the difference. */
static void
test_unlike (void)
{
  const struct {
    LodeNetIn in;
    const char *word;
  } unlike[] = { { { .shared = true, .aux = true }, "aux" },
                 { { .shared = true, .drop_path = true }, "drop_path" },
                 { { .shared = true, .width = 6 }, "width" },
                 { { .shared = true, .depth = 5 }, "depth" } };
  Bench *one = cells_bench (1), *two = cells_bench (1);
  g_autofree uint64_t *mask = g_new0 (uint64_t, one->family->space->n);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;

  bench_make (one, (LodeNetIn){ .shared = true });
  lode_net_store (one->net, "n.", &memory.base);
  for (size_t i = 0; i < G_N_ELEMENTS (unlike); i++) {
    bench_make (two, unlike[i].in);
    g_assert_false (lode_net_restore (two->net, "n.", &memory.base, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
    if (!strstr (error->message, unlike[i].word))
      g_error ("\"%s\" does not mention \"%s\"", error->message, unlike[i].word);
    g_clear_error (&error);
  }
  lode_space_all (one->family->space, mask);
  mask[2] = 1 << 6;
  bench_make (two, (LodeNetIn){ .shared = true, .choice = &choice });
  g_assert_false (lode_net_restore (two->net, "n.", &memory.base, &error));
  g_assert_nonnull (strstr (error->message, lode_space_at (one->family->space, 2)->name));
  memory_clear (&memory);
  bench_free (one);
  bench_free (two);
}

static void
test_describe (void)
{
  Bench *bench = cells_bench (1);
  const LodeSpace *space = bench->family->space;
  g_autofree uint64_t *mask = g_new0 (uint64_t, space->n), *found = g_new0 (uint64_t, space->n);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;
  LodeNetIn in;

  lode_space_all (space, mask);
  mask[1] = 1 << 3;
  bench_make (bench, (LodeNetIn){ .choice = &choice,
                                  .aux = true,
                                  .drop_path = true,
                                  .depth = 4,
                                  .width = 6,
                                  .classes = 5,
                                  .id = 9 });
  lode_net_store (bench->net, "n.", &memory.base);
  g_assert_true (lode_net_describe (&memory.base, "n.", space, &in, found, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (in.depth, ==, 4);
  g_assert_cmpuint (in.width, ==, 6);
  g_assert_cmpuint (in.classes, ==, 5);
  g_assert_cmpuint (in.id, ==, 9);
  g_assert_true (in.aux && in.drop_path && !in.shared && !in.choice && !in.from);
  g_assert_cmpmem (found, space->n * sizeof *found, mask, space->n * sizeof *mask);
  mask[1] = 1 << 12;
  lode_store_put (&memory.base, "n.mask", LODE_TYPE_U64, space->n, mask);
  g_assert_false (lode_net_describe (&memory.base, "n.", space, &in, found, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_false (lode_net_describe (&memory.base, "none.", space, &in, found, &error));
  g_assert_nonnull (error);
  memory_clear (&memory);
  bench_free (bench);
}

/* What has the same name and shape is taken, the rest stays. */
static void
test_adopt (void)
{
  Bench *one = cells_bench (1), *two = cells_bench (1);
  Memory memory = memory_new ();
  const LodeParamSet *a, *b;
  size_t found = 0, adopted;

  bench_make (one, (LodeNetIn){ .shared = true, .classes = 4 });
  bench_make (two, (LodeNetIn){ .shared = true, .classes = 7, .depth = 4, .id = 2 });
  stir (one);
  lode_net_store (one->net, "n.", &memory.base);
  adopted = lode_net_adopt (two->net, "n.", &memory.base);
  a = (const LodeParamSet *) lode_net_params (one->net);
  b = (const LodeParamSet *) lode_net_params (two->net);
  for (uint32_t i = 0; i < b->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (b->layout, i);
    int32_t from = lode_layout_find (a->layout, slot->name);
    size_t n = lode_slot_size (slot);

    if (from < 0
        || memcmp (lode_layout_slot (a->layout, (uint32_t) from)->dim, slot->dim, sizeof slot->dim))
      continue;
    found += n;
    g_assert_cmpmem (b->at[i], n * sizeof (float), a->at[from], n * sizeof (float));
  }
  g_assert_cmpuint (adopted, ==, found);
  g_assert_cmpuint (found, >, 100);
  g_assert_cmpuint (found, <, lode_params_count (lode_net_params (two->net)));
  bench_make (two, (LodeNetIn){ .shared = true, .id = 2 });
  g_assert_cmpuint (lode_net_adopt (two->net, "n.", &memory.base), ==,
                    lode_params_count (lode_net_params (one->net)));
  g_assert_cmpuint (net_hash (two->net), ==, net_hash (one->net));
  g_assert_cmpuint (lode_net_adopt (two->net, "none.", &memory.base), ==, 0);
  memory_clear (&memory);
  bench_free (one);
  bench_free (two);
}

/* A loss that keeps what it was prepared with, and asks for a cosine head where there are six. */
typedef struct Prepared {
  uint32_t k, times;
  double count[16];
  bool fails;
} Prepared;

static bool
prepared_prepare (LodeLoss *loss, uint32_t k, const double *count, LodeClassTable *table,
                  GError **error)
{
  Prepared *prepared = (Prepared *) (void *) loss;

  if (prepared->fails) {
    g_set_error_literal (error, g_quark_from_static_string ("odd"), 3, "odd: never again");
    return false;
  }
  prepared->k = k;
  prepared->times++;
  memcpy (prepared->count, count, k * sizeof *count);
  table->cosine = k == 6 ? 8 : 0;
  return true;
}

static const LodeLossOps prepared_ops = { .size = sizeof (LodeLossOps),
                                          .prepare = prepared_prepare };

static void
test_head (void)
{
  Bench *bench = cells_bench (1);
  Prepared prepared = { 0 };
  const double given[] = { 5, 1, 2 };
  LodeStream *stream = bench_stream (bench, LODE_ROLE_WEIGHTS, 6);
  const LodeBatch *batch = next_of (stream);
  LodeParams *grad, *own, *before;
  g_autoptr (GError) error = NULL;
  LodePass pass = { .size = sizeof pass, .want = LODE_WEIGHTS };
  const LodeParamSet *now, *then;

  bench->spec.loss_ops = &prepared_ops;
  bench->spec.loss = (LodeLoss *) (void *) &prepared;
  bench_make (bench, (LodeNetIn){ .shared = true });
  g_assert_cmpuint (prepared.k, ==, 4);
  g_assert_cmpmem (prepared.count, 4 * sizeof (double), lode_data_class_counts (bench->data),
                   4 * sizeof (double));
  stir (bench);
  own = lode_net_params (bench->net);
  grad = lode_params_dup (own, bench->net, NULL);
  before = lode_params_dup (own, bench->net, NULL);
  lode_net_freeze (bench->net, "backbone.", true);
  g_assert_true (lode_net_head (bench->net, 6, NULL, &error));
  g_assert_true (lode_net_params (bench->net) == own);
  g_assert_cmpuint (lode_net_outputs (bench->net), ==, 6);
  g_assert_cmpuint (lode_net_in (bench->net).classes, ==, 6);
  g_assert_cmpfloat (prepared.count[5], ==, 1);
  now = (const LodeParamSet *) own;
  then = (const LodeParamSet *) before;
  g_assert_cmpint (lode_layout_find (now->layout, "head.bias"), <, 0);
  for (uint32_t i = 0; i < now->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (now->layout, i);
    int32_t from = lode_layout_find (then->layout, slot->name);
    size_t bytes = lode_slot_size (slot) * sizeof (float);

    if (g_str_has_prefix (slot->name, "head."))
      continue;
    g_assert_true (slot->frozen);
    g_assert_cmpmem (now->at[i], bytes, then->at[from], bytes);
  }
  pass.grad = grad; /* of the old head */
  g_assert_false (lode_net_pass (bench->net, batch, NULL, &pass, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_clear_error (&error);
  lode_params_free (grad);
  pass.grad = grad = lode_params_dup (own, bench->net, NULL);
  pass_of (bench->net, batch, NULL, &pass);
  prepared.fails = true; /* all stays as it is */
  g_assert_false (lode_net_head (bench->net, 3, given, &error));
  g_assert_error (error, g_quark_from_static_string ("odd"), 3);
  g_clear_error (&error);
  prepared.fails = false;
  pass_of (bench->net, batch, NULL, &pass);
  g_assert_false (lode_net_head (bench->net, 0, NULL, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG);
  g_clear_error (&error);
  g_assert_true (lode_net_head (bench->net, 3, given, &error));
  g_assert_cmpmem (prepared.count, sizeof given, given, sizeof given);
  g_assert_cmpint (lode_layout_find (((LodeParamSet *) own)->layout, "head.bias"), >=, 0);
  lode_params_free (grad);
  lode_params_free (before);
  lode_stream_release (stream, batch);
  lode_stream_close (stream);
  bench_free (bench);
}

/* A head of another size, and counts of its own, come back from a store. */
static void
test_head_store (void)
{
  Bench *one = cells_bench (1), *two = cells_bench (1);
  const double given[] = { 3, 1, 1, 1, 9, 2 };
  Prepared prepared = { 0 };
  Memory memory = memory_new ();
  g_autoptr (GError) error = NULL;

  bench_make (one, (LodeNetIn){ .shared = true });
  g_assert_true (lode_net_head (one->net, 5, given, &error));
  two->spec.loss_ops = &prepared_ops;
  two->spec.loss = (LodeLoss *) (void *) &prepared;
  bench_make (two, (LodeNetIn){ .shared = true, .id = 7 });
  lode_net_store (one->net, "n.", &memory.base);
  g_assert_true (lode_net_restore (two->net, "n.", &memory.base, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (lode_net_outputs (two->net), ==, 5);
  g_assert_cmpmem (prepared.count, 5 * sizeof (double), given, 5 * sizeof (double));
  g_assert_cmpuint (net_hash (one->net), ==, net_hash (two->net));
  memory_clear (&memory);
  bench_free (one);
  bench_free (two);
}

/* Initial weights depend on seed, id and name alone. */
static void
test_initial (void)
{
  Bench *one = cells_bench (1), *two = cells_bench (1);
  g_autofree uint64_t *mask = g_new0 (uint64_t, one->family->space->n);
  g_autofree uint8_t *arch = g_new0 (uint8_t, one->family->space->n);
  LodeChoice choice = { .size = sizeof choice, .mask = mask };
  const LodeParamSet *whole, *part;
  LodeRng rng = { .key = 1 };

  one->family->ops->sample (one->family->backbone, arch, &rng);
  lode_space_one (one->family->space, arch, mask);
  bench_make (one, (LodeNetIn){ .shared = true });
  bench_make (two, (LodeNetIn){ .shared = true, .choice = &choice });
  whole = (const LodeParamSet *) lode_net_params (one->net);
  part = (const LodeParamSet *) lode_net_params (two->net);
  g_assert_cmpuint (part->slots, <, whole->slots);
  for (uint32_t i = 0; i < part->slots; i++) {
    const LodeSlot *slot = lode_layout_slot (part->layout, i);
    size_t bytes = lode_slot_size (slot) * sizeof (float);

    g_assert_cmpmem (part->at[i], bytes, whole->at[lode_layout_find (whole->layout, slot->name)],
                     bytes);
  }
  bench_make (two, (LodeNetIn){ .shared = true });
  g_assert_cmpuint (net_hash (one->net), ==, net_hash (two->net));
  two->spec.seed++;
  bench_make (two, (LodeNetIn){ .shared = true });
  g_assert_cmpuint (net_hash (one->net), !=, net_hash (two->net));
  bench_free (one);
  bench_free (two);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/save/round", test_round);
  g_test_add_func ("/save/damaged", test_damaged);
  g_test_add_func ("/save/lists", test_lists);
  g_test_add_func ("/save/unlike", test_unlike);
  g_test_add_func ("/save/describe", test_describe);
  g_test_add_func ("/save/adopt", test_adopt);
  g_test_add_func ("/save/head", test_head);
  g_test_add_func ("/save/head-store", test_head_store);
  g_test_add_func ("/save/initial", test_initial);
  return g_test_run ();
}

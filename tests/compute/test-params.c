/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layouts, weight sets, statistics sets.
 */
#include "compute/params.h"
#include "error.h"
#include <string.h>

static LodeLayout *
small_layout (void)
{
  LodeLayout *layout = lode_layout_new ();

  lode_layout_add (layout, "a.weight", (uint32_t[4]){ 3, 3, 4, 5 }, 36, LODE_INIT_UNIFORM);
  lode_layout_add (layout, "a.bias", (uint32_t[4]){ 1, 1, 1, 5 }, 36, LODE_INIT_UNIFORM);
  lode_layout_add (layout, "n.weight", (uint32_t[4]){ 1, 1, 1, 5 }, 0, LODE_INIT_ONE);
  lode_layout_add (layout, "t.weight", (uint32_t[4]){ 1, 1, 4000, 5 }, 1, LODE_INIT_NORMAL);
  return layout;
}

static LodeParamSet *
set_of (LodeParams *params)
{
  return (LodeParamSet *) params;
}

static void
test_layout (void)
{
  LodeLayout *layout = lode_layout_new ();
  const LodeSlot *first;

  for (uint32_t i = 0; i < 2000; i++) {
    g_autofree char *name = g_strdup_printf ("cell%u.op%u", i / 7, i % 7);

    g_assert_cmpint (lode_layout_find (layout, name), ==, -1);
    g_assert_cmpuint (
        lode_layout_add (layout, name, (uint32_t[4]){ 1, 1, 2, i + 1 }, 1, LODE_INIT_ZERO), ==, i);
    if (i == 0)
      first = lode_layout_slot (layout, 0);
  }
  g_assert_true (first == lode_layout_slot (layout, 0));
  g_assert_cmpint (lode_layout_find (layout, "cell100.op3"), ==, 703);
  g_assert_cmpint (lode_layout_find (layout, "cell100.op9"), ==, -1);
  g_assert_cmpuint (lode_layout_total (layout), ==, 2000u * 2001u);
  g_assert_null (lode_layout_slot (layout, 2000));
  lode_layout_freeze (layout, "cell1.", true);
  g_assert_true (lode_layout_slot (layout, 7)->frozen);
  g_assert_false (lode_layout_slot (layout, 70)->frozen);
  g_assert_cmpuint (lode_layout_revision (layout), >, 0);
  lode_layout_unref (layout);
}

/* The bounds of the streams, and that a slot's values depend on its name alone. */
static void
test_init (void)
{
  LodeLayout *layout = small_layout (), *other = lode_layout_new ();
  LodeParams *w = lode_params_new (layout, NULL), *v;
  double sum = 0, square = 0;

  lode_params_init (w, 11, 0);
  for (uint32_t i = 0; i < 180; i++)
    g_assert_cmpfloat (fabsf (set_of (w)->at[0][i]), <=, 1.0 / 6);
  for (uint32_t i = 0; i < 20000; i++) {
    sum += set_of (w)->at[3][i];
    square += set_of (w)->at[3][i] * set_of (w)->at[3][i];
  }
  g_assert_cmpfloat_with_epsilon (sum / 20000, 0, 0.03);
  g_assert_cmpfloat_with_epsilon (square / 20000, 1, 0.04);
  g_assert_cmpfloat (set_of (w)->at[2][4], ==, 1);
  lode_layout_add (other, "b", (uint32_t[4]){ 1, 1, 1, 3 }, 1, LODE_INIT_UNIFORM);
  lode_layout_add (other, "a.weight", (uint32_t[4]){ 3, 3, 4, 5 }, 36, LODE_INIT_UNIFORM);
  v = lode_params_new (other, NULL);
  lode_params_init (v, 11, 0);
  g_assert_cmpmem (set_of (v)->at[1], 720, set_of (w)->at[0], 720);
  lode_params_init (v, 11, 1);
  g_assert_cmpint (memcmp (set_of (v)->at[1], set_of (w)->at[0], 720), !=, 0);
  for (uint32_t i = 0; i < 4; i++)
    g_assert_cmpuint ((uintptr_t) set_of (w)->at[i] % 64, ==, 0);
  lode_params_free (w);
  lode_params_free (v);
  lode_layout_unref (layout);
  lode_layout_unref (other);
}

static void
test_arithmetic (void)
{
  LodeLayout *layout = small_layout ();
  bool want[4] = { true, false, true, false };
  LodeParams *w = lode_params_new (layout, NULL), *part = lode_params_new (layout, want);
  LodeParams *g = lode_params_new (layout, NULL);
  double dot = 0;

  lode_params_init (w, 1, 0);
  g_assert_cmpuint (lode_params_count (w), ==, 180 + 5 + 5 + 20000);
  g_assert_cmpuint (lode_params_count (part), ==, 185);
  g_assert_null (set_of (part)->at[1]);
  lode_params_copy (part, w);
  g_assert_cmpmem (set_of (part)->at[0], 720, set_of (w)->at[0], 720);
  for (uint32_t i = 0; i < 180; i++)
    dot += (double) set_of (w)->at[0][i] * set_of (w)->at[0][i];
  g_assert_cmpfloat_with_epsilon (lode_params_dot (part, w), dot + 5, 1e-9);
  g_assert_cmpfloat (lode_params_dot (part, w), ==, lode_params_dot (w, part));
  lode_params_axpy (g, -2, part);
  g_assert_cmpfloat (set_of (g)->at[0][7], ==, -2 * set_of (w)->at[0][7]);
  g_assert_cmpfloat (set_of (g)->at[1][2], ==, 0);
  g_assert_true (set_of (g)->touched[0] && set_of (g)->touched[2]);
  g_assert_false (set_of (g)->touched[1] || set_of (g)->touched[3]);
  lode_params_axpy (g, 2, w);
  g_assert_cmpfloat (set_of (g)->at[0][7], ==, 0);
  g_assert_cmpfloat (set_of (g)->at[3][7], ==, 2 * set_of (w)->at[3][7]);
  lode_params_clear (g);
  g_assert_cmpfloat (lode_params_dot (g, g), ==, 0);
  g_assert_false (set_of (g)->touched[0]);
  lode_params_free (w);
  lode_params_free (g);
  lode_params_free (part);
  lode_layout_unref (layout);
}

/* Every cut and every flipped head of a packed set is refused; the whole comes back bit for bit. */
static void
test_pack (void)
{
  LodeLayout *layout = small_layout (), *other = lode_layout_new ();
  bool want[4] = { true, true, false, false };
  LodeParams *w = lode_params_new (layout, want), *foreign, *back;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GError) error = NULL;
  size_t n;
  const uint8_t *data;

  lode_params_init (w, 1, 0);
  bytes = lode_params_pack (w);
  data = g_bytes_get_data (bytes, &n);
  back = lode_params_unpack (w, bytes, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lode_params_count (back), ==, 185);
  g_assert_cmpmem (set_of (back)->at[0], 720, set_of (w)->at[0], 720);
  g_assert_cmpmem (set_of (back)->at[1], 20, set_of (w)->at[1], 20);
  g_assert_null (set_of (back)->at[3]);
  for (size_t cut = 0; cut < n; cut += 13) {
    g_autoptr (GBytes) part = g_bytes_new (data, cut);
    g_autoptr (GError) bad = NULL;

    g_assert_null (lode_params_unpack (w, part, &bad));
    g_assert_error (bad, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  }
  for (size_t at = 0; at < 40; at++) {
    g_autofree uint8_t *copy = g_memdup2 (data, n);
    g_autoptr (GBytes) wrong = NULL;
    g_autoptr (GError) bad = NULL;

    copy[at] ^= 0x80;
    wrong = g_bytes_new (copy, n);
    g_assert_null (lode_params_unpack (w, wrong, &bad));
    g_assert_nonnull (bad);
  }
  lode_layout_add (other, "x", (uint32_t[4]){ 1, 1, 1, 3 }, 1, LODE_INIT_ONE);
  foreign = lode_params_new (other, NULL);
  g_assert_null (lode_params_unpack (foreign, bytes, &error));
  g_assert_nonnull (strstr (error->message, "another net"));
  lode_params_free (w);
  lode_params_free (back);
  lode_params_free (foreign);
  lode_layout_unref (layout);
  lode_layout_unref (other);
}

static void
test_stats (void)
{
  LodeLayout *layout = lode_layout_new ();
  LodeStats *a, *b;

  lode_layout_add (layout, "n", (uint32_t[4]){ 1, 1, 2, 3 }, 0, LODE_INIT_STATS);
  a = lode_statset_new (layout);
  b = lode_statset_new (layout);
  g_assert_cmpfloat (((LodeStatSet *) a)->at[0][2], ==, 0);
  g_assert_cmpfloat (((LodeStatSet *) a)->at[0][3], ==, 1);
  ((LodeStatSet *) a)->at[0][4] = 7;
  ((LodeStatSet *) a)->pooled[0] = 9;
  lode_statset_copy (b, a);
  g_assert_cmpfloat (((LodeStatSet *) b)->at[0][4], ==, 7);
  g_assert_cmpfloat (((LodeStatSet *) b)->pooled[0], ==, 9);
  lode_stats_free (a);
  lode_stats_free (b);
  lode_layout_unref (layout);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/params/layout", test_layout);
  g_test_add_func ("/params/init", test_init);
  g_test_add_func ("/params/arithmetic", test_arithmetic);
  g_test_add_func ("/params/pack", test_pack);
  g_test_add_func ("/params/stats", test_stats);
  return g_test_run ();
}

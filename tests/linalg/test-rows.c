/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of .npy files: what is read, and what is refused in words.
 */
#include "error.h"
#include "support.h"

#include <glib/gstdio.h>
#include <string.h>

/* A .npy file of these words and bytes; its path. */
static char *
write_npy (const char *descr, bool fortran, const char *shape, const void *data, size_t n)
{
  g_autofree char *name = g_strdup_printf ("lode-test-rows-%u.npy", g_random_int ());
  char *path = g_build_filename (g_get_tmp_dir (), name, NULL);
  g_autofree char *words = g_strdup_printf ("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }",
                                            descr, fortran ? "True" : "False", shape);
  g_autoptr (GString) file = g_string_new (NULL);
  size_t length = (10 + strlen (words) + 1 + 63) / 64 * 64 - 10;

  g_string_append_len (file, "\x93NUMPY\x01\x00", 8);
  g_string_append_c (file, (char) (length & 255));
  g_string_append_c (file, (char) (length >> 8));
  g_string_append_printf (file, "%-*s\n", (int) length - 1, words);
  g_string_append_len (file, data, (gssize) n);
  g_assert_true (g_file_set_contents (path, file->str, (gssize) file->len, NULL));
  return path;
}

static const float values[12] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 };

static void
test_read (void)
{
  g_autofree char *path = write_npy ("<f4", false, "(4, 3)", values, sizeof values);
  g_autoptr (LodeRows) rows = NULL, picked = NULL;
  static const uint32_t index[] = { 3, 0, 1 };
  GError *error = NULL;
  float out[9];

  rows = lode_rows_map (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (lode_rows_count (rows), ==, 4);
  g_assert_cmpuint (lode_rows_width (rows), ==, 3);
  g_assert_true (lode_rows_read (rows, 1, 2, out, &error));
  g_assert_cmpmem (out, 6 * sizeof (float), values + 3, 6 * sizeof (float));
  picked = lode_rows_pick (rows, 3, index);
  g_assert_true (lode_rows_read (picked, 0, 3, out, &error));
  g_assert_cmpmem (out, 3 * sizeof (float), values + 9, 3 * sizeof (float));
  g_assert_cmpmem (out + 3, 6 * sizeof (float), values, 6 * sizeof (float));
  g_unlink (path);
}

static void
test_wide (void)
{
  static const double wide[4] = { 1.5, -2, 1e300, 3 };
  g_autofree char *path = write_npy ("<f8", false, "(2, 2)", wide, sizeof wide);
  g_autoptr (LodeRows) rows = NULL;
  GError *error = NULL;
  float out[2];

  rows = lode_rows_map (path, &error);
  g_assert_no_error (error);
  g_assert_true (lode_rows_read (rows, 0, 1, out, &error));
  g_assert_true (out[0] == 1.5f && out[1] == -2);
  g_unlink (path);
}

static void
refuse (const char *descr, bool fortran, const char *shape, size_t n, const char *words)
{
  g_autofree char *path = write_npy (descr, fortran, shape, values, n);
  g_autoptr (GError) error = NULL;

  g_assert_null (lode_rows_map (path, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  g_assert_true (g_str_has_prefix (error->message, path));
  if (!strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
  g_unlink (path);
}

static void
test_refusals (void)
{
  refuse (">f4", false, "(4, 3)", 48, "big-endian");
  refuse ("<f2", false, "(4, 3)", 24, "neither float32 nor float64");
  refuse ("<i8", false, "(2, 3)", 48, "neither float32 nor float64");
  refuse ("<f4", true, "(4, 3)", 48, "column by column");
  refuse ("<f4", false, "(12,)", 48, "two dimensions");
  refuse ("<f4", false, "(2, 2, 3)", 48, "two dimensions");
  refuse ("<f4", false, "(4, x)", 48, "two dimensions");
  refuse ("<f4", false, "(0, 3)", 0, "expected 1 to");
  refuse ("<f4", false, "(4, 3)", 47, "47 bytes of values; expected 48 for 4 × 3");
  refuse ("<f4", false, "(40000, 30000)", 48, "truncated");
  refuse ("<f4", false, "(99999999999999999999, 3)", 48, "expected 1 to");
}

/* Any cut and many a damaged byte: refused or read, never more. */
static void
test_damage (void)
{
  g_autofree char *path = write_npy ("<f4", false, "(4, 3)", values, sizeof values);
  g_autofree char *text = NULL;
  LodeRng rng = { 3, 0 };
  gsize n;

  g_assert_true (g_file_get_contents (path, &text, &n, NULL));
  for (gsize cut = 0; cut < n; cut++) {
    g_autoptr (GError) error = NULL;

    g_assert_true (g_file_set_contents (path, text, (gssize) cut, NULL));
    g_assert_null (lode_rows_map (path, &error));
    g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  }
  for (int k = 0; k < 300; k++) {
    g_autofree char *bad = g_memdup2 (text, n);
    g_autoptr (GError) error = NULL;
    g_autoptr (LodeRows) rows = NULL;

    bad[lode_rng_below (&rng, (uint32_t) n - 48)] = (char) lode_rng_below (&rng, 256);
    g_assert_true (g_file_set_contents (path, bad, (gssize) n, NULL));
    rows = lode_rows_map (path, &error);
    g_assert_true ((rows == NULL) == (error != NULL));
    if (rows)
      g_assert_cmpuint (lode_rows_count (rows) * lode_rows_width (rows), <=, 12);
  }
  g_unlink (path);
  {
    g_autoptr (GError) error = NULL;

    g_assert_null (lode_rows_map (path, &error));
    g_assert_nonnull (strstr (error->message, "No such file"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rows/read", test_read);
  g_test_add_func ("/rows/wide", test_wide);
  g_test_add_func ("/rows/refusals", test_refusals);
  g_test_add_func ("/rows/damage", test_damage);
  return g_test_run ();
}

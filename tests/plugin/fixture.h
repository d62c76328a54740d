/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken plugins where the build puts them, and scratch folders with copies of them.
 */
#ifndef TEST_PLUGIN_FIXTURE_H
#define TEST_PLUGIN_FIXTURE_H

#include "plugin/load.h"

#include <glib/gstdio.h>
#include <string.h>

/* The path of a file of tests/plugin/broken; transfer full. */
static inline char *
broken_path (const char *file)
{
  return g_build_filename (g_getenv ("LODE_BROKEN"), file, NULL);
}

static inline char *
scratch_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("lode-plugin-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

static inline void
scratch_remove (char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;

  while (dir && (file = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, file, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK))
      scratch_remove (g_strdup (path));
    else
      g_assert_cmpint (g_remove (path), ==, 0);
  }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
}

/* Writes the first n bytes (0: all) of the sound plugin, or text, into the folder; transfer full.
 */
static inline char *
scratch_copy (const char *folder, const char *file, gsize n)
{
  g_autofree char *from = broken_path ("loss_sound.so"), *bytes = NULL;
  char *to = g_build_filename (folder, file, NULL);
  gsize size;

  g_assert_true (g_file_get_contents (from, &bytes, &size, NULL));
  g_assert_true (g_file_set_contents (to, bytes, (gssize) (n ? MIN (n, size) : size), NULL));
  return to;
}

/* That the error has this code, one line, and each of the words (NULL-ended). */
#define assert_refused(error, expected, ...)                                                       \
  assert_message (error, LODE_PLUGIN_ERROR, (int) (expected),                                      \
                  (const char *const[]){ __VA_ARGS__, NULL })

static inline void
assert_message (const GError *error, GQuark domain, int code, const char *const *words)
{
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_cmpstr (g_quark_to_string (error->domain), ==, g_quark_to_string (domain));
  g_assert_cmpint (error->code, ==, code);
  g_assert_null (strchr (error->message, '\n'));
  for (; *words; words++)
    if (!strstr (error->message, *words))
      g_error ("\"%s\" is not in: %s", *words, error->message);
}

#endif

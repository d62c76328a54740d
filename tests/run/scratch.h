/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of a test's own, errors that must say a thing, and a disk that fills up.
 */
#ifndef TEST_RUN_SCRATCH_H
#define TEST_RUN_SCRATCH_H

#include "error.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *scratch;

static inline void
scratch_make (void)
{
  scratch = g_dir_make_tmp ("lode-run-XXXXXX", NULL);
  g_assert_nonnull (scratch);
  g_assert_cmpint (chmod (scratch, 0755), ==, 0);
}

static inline int
scratch_remove_one (const char *path, G_GNUC_UNUSED const struct stat *info, G_GNUC_UNUSED int type,
                    G_GNUC_UNUSED struct FTW *walk)
{
  return remove (path);
}

static inline void
scratch_remove (void)
{
  nftw (scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
  g_clear_pointer (&scratch, g_free);
}

static inline char *
scratch_path (const char *name)
{
  return g_build_filename (scratch, name, NULL);
}

static inline GBytes *
scratch_bytes (const char *path)
{
  char *data;
  gsize n;

  g_assert_true (g_file_get_contents (path, &data, &n, NULL));
  return g_bytes_new_take (data, n);
}

/* A new file, without waiting for the disk as g_file_set_contents does. */
static inline void
scratch_put (const char *path, const void *data, size_t n)
{
  FILE *file;

  unlink (path);
  file = fopen (path, "wb");
  g_assert_nonnull (file);
  g_assert_cmpuint (fwrite (data, 1, n, file), ==, n);
  g_assert_cmpint (fclose (file), ==, 0);
}

/* A file holds a text and nothing else. */
static inline void
assert_text (const char *path, const char *wanted)
{
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, wanted);
}

/* Files in a folder, whatever their names. */
static inline uint32_t
scratch_count (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  uint32_t n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir))
    n++;
  return n;
}

/* There is a run error, it mentions a text, and it is put away. */
static inline void
assert_says (GError **error, const char *text)
{
  bool held = g_error_matches (*error, LODE_RUN_ERROR, LODE_RUN_ERROR_HELD);

  if (!held)
    g_assert_error (*error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED);
  if (!strstr ((*error)->message, text))
    g_error ("\"%s\" does not mention \"%s\"", (*error)->message, text);
  g_assert_null (strchr ((*error)->message, '\n'));
  g_clear_error (error);
}

/* No file grows above so many bytes until disk_empty. */
static inline void
disk_full (rlim_t bytes)
{
  struct rlimit limit;

  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = bytes;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

static inline void
disk_empty (void)
{
  struct rlimit limit;

  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  limit.rlim_cur = limit.rlim_max;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
}

/* Root may write anywhere, so it becomes nobody for a moment. */
static inline void
become_nobody (void)
{
  if (!geteuid ())
    g_assert_cmpint (seteuid (65534), ==, 0);
}

static inline void
become_oneself (void)
{
  if (!getuid ())
    g_assert_cmpint (seteuid (0), ==, 0);
}

#endif

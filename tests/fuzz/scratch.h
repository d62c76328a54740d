/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input as a file: a folder in memory, and what must hold of every error.
 */
#ifndef TEST_FUZZ_SCRATCH_H
#define TEST_FUZZ_SCRATCH_H

#include "error.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/dev/shm/lode-fuzz-XXXXXX";

static inline char *
fuzz_path (const char *name)
{
  static bool made;

  if (!made)
    g_assert_nonnull (mkdtemp (folder));
  made = true;
  return g_build_filename (folder, name, NULL);
}

static inline void
fuzz_put (const char *path, const uint8_t *data, size_t n)
{
  FILE *file = fopen (path, "wb");

  g_assert_nonnull (file);
  g_assert_cmpuint (fwrite (data, 1, n, file), ==, n);
  g_assert_cmpint (fclose (file), ==, 0);
}

/* There is an error exactly if something failed: one line of UTF-8. */
static inline void
fuzz_check (bool ok, GError *error)
{
  g_assert_true (ok == !error);
  if (!error)
    return;
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_null (strpbrk (error->message, "\n\r\033"));
  g_error_free (error);
}

#endif

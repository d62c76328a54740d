/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for the files of a run that hold JSON: metrics, scores, status, hold. A book
 * that was read is as long when it is read again.
 */
#include "run/folder.h"
#include "run/hold.h"
#include "run/journal.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

static void
check_book (const char *path)
{
  GError *error = NULL;
  LodeBook *book = lode_book_open (path, &error);
  uint32_t count;

  fuzz_check (book, error);
  if (!book)
    return;
  count = lode_book_count (book);
  lode_book_close (book);
  book = lode_book_open (path, NULL);
  g_assert_nonnull (book);
  g_assert_cmpuint (lode_book_count (book), ==, count);
  lode_book_close (book);
}

static void
check_journal (const char *path)
{
  GError *error = NULL;
  GPtrArray *series = lode_journal_read (path, &error);

  fuzz_check (series, error);
  if (series)
    g_ptr_array_unref (series);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autofree char *lines = fuzz_path ("lines"), *status = fuzz_path ("status.json"),
                  *hold = fuzz_path (LODE_HOLD_NAME);
  GError *error = NULL;
  LodeStatusInfo info;
  LodeHolder holder;
  bool ok;

  fuzz_put (lines, data, n);
  fuzz_put (status, data, n);
  fuzz_put (hold, data, n);
  check_journal (lines);
  check_book (lines);
  ok = lode_folder_read_status (folder, &info, &error);
  fuzz_check (ok, error);
  g_assert_true (g_utf8_validate (info.message, -1, NULL));
  g_assert_true (info.done >= 0 && info.done <= 1);
  lode_hold_look (folder, &holder);
  g_assert_true (g_utf8_validate (holder.host, -1, NULL));
  return 0;
}

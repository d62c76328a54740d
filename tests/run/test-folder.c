/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Run directories: paths, files written whole, and what others read of a run's status.
 */
#include "run/folder.h"
#include "run/hold.h"
#include "scratch.h"

#include <math.h>

static LodeFolder *
take (const char *name)
{
  g_autofree char *path = scratch_path (name);
  g_autoptr (GError) error = NULL;
  LodeFolder *folder = lode_folder_take (path, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (lode_folder_path (folder), ==, path);
  return folder;
}

static void
assert_root (const char *path, const char *variable, const char *site, const char *wanted)
{
  g_autofree char *root = NULL;

  if (variable)
    g_setenv ("LODE_RUNS", variable, TRUE);
  else
    g_unsetenv ("LODE_RUNS");
  root = lode_folder_root (path, site);
  g_assert_cmpstr (root, ==, wanted);
}

static void
test_root (void)
{
  assert_root ("a", "b", "c", "a");
  assert_root (NULL, "b", "c", "b");
  assert_root ("", "b", "c", "b");
  assert_root (NULL, NULL, "c", "c");
  assert_root (NULL, "", NULL, "./runs");
}

/* The sha256 of "abc" is FIPS 180's example. */
static void
test_hash (void)
{
  g_autofree char *hash = lode_folder_hash ("abc");

  g_assert_cmpstr (hash, ==, "ba7816bf");
}

static void
test_files (void)
{
  static const char *const out[] = { "", "/x", "../x", "a/../../x", "a/", ".." };
  g_autoptr (LodeFolder) folder = take ("files/label/s1-01234567");
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (lode_folder_write (folder, "search/deep/arch.txt", "a\0b", 3, &error));
  path = lode_folder_file (folder, "search/deep/arch.txt", &error);
  bytes = scratch_bytes (path);
  g_assert_cmpmem (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), "a\0b", 3);
  for (size_t i = 0; i < G_N_ELEMENTS (out); i++) {
    g_assert_null (lode_folder_file (folder, out[i], &error));
    assert_says (&error, "does not name a file below");
  }
  g_assert_null (lode_folder_file (folder, "search/deep/arch.txt/x", &error));
  assert_says (&error, "cannot make the folder");
  g_assert_false (lode_folder_write (folder, "search", "", 0, &error));
  assert_says (&error, "a folder is in the way");
}

/* What a killed process left half written goes, and nothing else does. */
static void
test_sweep (void)
{
  g_autofree char *path = scratch_path ("sweep"), *stage = scratch_path ("sweep/ckpt");
  g_autofree char *left = scratch_path ("sweep/ckpt/x.safetensors.a1B2c3.new");
  g_autofree char *mine = scratch_path ("sweep/ckpt/brand.new");
  g_autofree char *claim = scratch_path ("sweep/hold.0123456789abcdef");

  g_assert_cmpint (g_mkdir_with_parents (stage, 0755), ==, 0);
  scratch_put (left, "half", 4);
  scratch_put (mine, "whole", 5);
  scratch_put (claim, "{}", 2);
  lode_folder_release (take ("sweep"));
  g_assert_false (g_file_test (left, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (claim, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_test (mine, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (scratch_count (path), ==, 1); /* the hold is gone too */
}

static void
test_status (void)
{
  static const LodeStatus all[] = { LODE_STATUS_QUEUED, LODE_STATUS_RUNNING,
                                    LODE_STATUS_CHECKPOINTED, LODE_STATUS_DONE,
                                    LODE_STATUS_FAILED };
  g_autofree char *path = scratch_path ("status");
  LodeFolder *folder = take ("status");
  g_autoptr (GError) error = NULL;
  LodeStatusInfo info;

  g_assert_false (lode_folder_read_status (path, &info, &error));
  g_assert_no_error (error);
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++) {
    g_assert_true (lode_folder_status (folder, all[i], "search", 0.25, "it \"said\"\n\\", &error));
    g_assert_true (lode_folder_read_status (path, &info, &error));
    g_assert_cmpint (info.status, ==, all[i]);
    g_assert_cmpfloat (info.done, ==, 0.25);
    g_assert_cmpstr (info.stage, ==, "search");
    g_assert_cmpstr (info.message, ==, "it \"said\"\n\\");
    g_assert_cmpstr (info.host, ==, g_get_host_name ());
    g_assert_cmpint (info.pid, ==, getpid ());
    g_assert_cmpint (ABS (info.updated - g_get_real_time () / G_USEC_PER_SEC), <, 60);
    g_assert_true (info.held);
  }
  lode_folder_release (folder);
  g_assert_true (lode_folder_read_status (path, &info, &error));
  g_assert_false (info.held);
  g_assert_cmpstr (lode_status_name (LODE_STATUS_CHECKPOINTED), ==, "checkpointed");
}

/* Long texts are shortened at a whole character; bytes that are not UTF-8 do not make it
 * unreadable. */
static void
test_status_texts (void)
{
  g_autoptr (LodeFolder) folder = take ("status-texts");
  g_autoptr (GString) text = g_string_new ("x");
  LodeStatusInfo info;

  while (text->len < 3000)
    g_string_append (text, "ä");
  g_assert_true (lode_folder_status (folder, LODE_STATUS_FAILED, "\xff", NAN, text->str, NULL));
  g_assert_true (lode_folder_read_status (lode_folder_path (folder), &info, NULL));
  g_assert_true (g_utf8_validate (info.message, -1, NULL));
  g_assert_cmpuint (strlen (info.message), ==, sizeof info.message - 1);
  g_assert_true (g_str_has_prefix (text->str, info.message));
  g_assert_cmpstr (info.stage, ==, "\xef\xbf\xbd");
  g_assert_cmpfloat (info.done, ==, 0);
  g_assert_true (lode_folder_status (folder, LODE_STATUS_DONE, NULL, 1, NULL, NULL));
  g_assert_true (lode_folder_read_status (lode_folder_path (folder), &info, NULL));
  g_assert_cmpstr (info.message, ==, "");
}

static void
test_status_broken (void)
{
  static const char *const broken[] = {
    "",
    "{",
    "[]",
    "{}",
    "{\"status\":\"odd\"}",
    "{\"status\":\"done\",\"pid\":-1}",
    "{\"status\":\"done\",\"pid\":18446744073709551615}",
    "{\"status\":\"done\"}}",
    "{\"status\":\"done\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
    "]]]]]}",
  };
  g_autofree char *folder = scratch_path ("broken"), *path = scratch_path ("broken/status.json");
  static const char fine[] = "{\"new\":{\"a\":[1,true,null,\"\"]},\"status\":\"done\"}";
  g_autofree char *large = g_strnfill (100000, ' ');
  g_autoptr (GError) error = NULL;
  LodeStatusInfo info;

  g_assert_cmpint (g_mkdir (folder, 0755), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (broken); i++) {
    scratch_put (path, broken[i], strlen (broken[i]));
    g_assert_false (lode_folder_read_status (folder, &info, &error));
    assert_says (&error, path);
  }
  scratch_put (path, large, 100000);
  g_assert_false (lode_folder_read_status (folder, &info, &error));
  assert_says (&error, "100000 bytes");
  scratch_put (path, fine, strlen (fine));
  g_assert_true (lode_folder_read_status (folder, &info, &error));
  g_assert_cmpint (info.status, ==, LODE_STATUS_DONE);
}

static void
test_full_disk (void)
{
  g_autoptr (LodeFolder) folder = take ("full");
  g_autoptr (GError) error = NULL;
  LodeStatusInfo info;
  bool ok;

  g_assert_true (lode_folder_status (folder, LODE_STATUS_RUNNING, "train", 0.5, NULL, NULL));
  disk_full (10);
  ok = lode_folder_status (folder, LODE_STATUS_DONE, "train", 1, NULL, &error);
  disk_empty ();
  g_assert_false (ok);
  assert_says (&error, "status.json");
  g_assert_true (lode_folder_read_status (lode_folder_path (folder), &info, NULL));
  g_assert_cmpint (info.status, ==, LODE_STATUS_RUNNING);
  g_assert_cmpuint (scratch_count (lode_folder_path (folder)), ==, 2); /* status and hold */
}

/* A disk that is full already when the run is taken. */
static void
test_full_hold (void)
{
  g_autofree char *path = scratch_path ("full-hold");
  g_autoptr (GError) error = NULL;
  LodeFolder *folder;

  disk_full (10);
  folder = lode_folder_take (path, &error);
  disk_empty ();
  g_assert_null (folder);
  assert_says (&error, "hold");
  g_assert_cmpuint (scratch_count (path), ==, 0);
}

static void
test_unwritable (void)
{
  g_autofree char *shut = scratch_path ("shut"), *below = scratch_path ("shut/run");
  g_autofree char *file = scratch_path ("file"), *under = scratch_path ("file/run");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) second = NULL;

  g_assert_cmpint (g_mkdir (shut, 0555), ==, 0);
  become_nobody ();
  g_assert_null (lode_folder_take (below, &error));
  g_assert_null (lode_folder_take (shut, &second));
  become_oneself ();
  assert_says (&error, "Permission denied");
  assert_says (&second, "Permission denied");
  scratch_put (file, "", 0);
  g_assert_null (lode_folder_take (under, &error));
  assert_says (&error, "cannot make the folder");
  g_assert_null (lode_folder_take (file, &error));
  assert_says (&error, file);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  scratch_make ();
  g_test_add_func ("/folder/root", test_root);
  g_test_add_func ("/folder/hash", test_hash);
  g_test_add_func ("/folder/files", test_files);
  g_test_add_func ("/folder/sweep", test_sweep);
  g_test_add_func ("/folder/status", test_status);
  g_test_add_func ("/folder/status-texts", test_status_texts);
  g_test_add_func ("/folder/status-broken", test_status_broken);
  g_test_add_func ("/folder/full-disk", test_full_disk);
  g_test_add_func ("/folder/full-hold", test_full_hold);
  g_test_add_func ("/folder/unwritable", test_unwritable);
  result = g_test_run ();
  scratch_remove ();
  return result;
}

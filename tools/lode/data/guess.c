/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which plugin reads a path, by what is in it.
 */
#include "look.h"

#include "data/records.h"

#include <string.h>

enum { DEEPEST = 4, MOST_ENTRIES = 2000 };

static bool
has (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *packed = g_strconcat (path, ".gz", NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS) || g_file_test (packed, G_FILE_TEST_EXISTS);
}

static bool
ends_in (const char *name, const char *const *endings)
{
  const char *dot = strrchr (name, '.');

  for (; dot && *endings; endings++)
    if (!g_ascii_strcasecmp (dot, *endings))
      return true;
  return false;
}

static bool
is_picture (const char *name)
{
  static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".jpe", NULL };

  return ends_in (name, endings);
}

/* Whether there is a picture in a folder or some way below; `left` bounds the search. */
static bool
has_pictures (const char *folder, int depth, int *left)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;
  bool found = false;

  while (dir && !found && (*left)-- > 0 && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    found = is_picture (name)
            || (depth < DEEPEST && g_file_test (path, G_FILE_TEST_IS_DIR)
                && has_pictures (path, depth + 1, left));
  }
  if (dir)
    g_dir_close (dir);
  return found;
}

/* A table that names pictures. */
static bool
names_pictures (const char *path)
{
  LodeRecordsIn in = { .size = sizeof in, .path = path, .format = LODE_RECORDS_CSV };
  LodeRecords *records = lode_records_read (&in, NULL);
  bool found = false;

  for (uint32_t i = 0; records && !found && i < lode_records_columns (records); i++) {
    LodeColumn column = lode_records_column (records, i);

    found = column.values && is_picture (column.value[0]);
  }
  lode_records_free (records);
  return found;
}

static Guess
guess_file (const char *path)
{
  static const char *const tables[] = { ".arff", ".libsvm", ".svm", ".svmlight", NULL };
  static const char *const texts[] = { ".csv", ".tsv", ".txt", NULL };
  static const char *const archives[] = { ".npz", NULL };

  if (ends_in (path, archives))
    return (Guess){ "npy", "file", NULL };
  if (ends_in (path, tables))
    return (Guess){ "table", "file", NULL };
  if (ends_in (path, texts))
    return names_pictures (path) ? (Guess){ "manifest", "file", NULL }
                                 : (Guess){ "table", "file", NULL };
  return (Guess){ NULL, NULL, NULL };
}

Guess
data_guess (const char *path)
{
  int left = MOST_ENTRIES;

  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return guess_file (path);
  if (has (path, "omniglot-28-images-idx3-ubyte") || has (path, "images_background"))
    return (Guess){ "omniglot", "folder", NULL };
  if (has (path, "data_batch_1.bin"))
    return (Guess){ "cifar", "folder", NULL };
  if (has (path, "train.bin") && has (path, "fine_label_names.txt"))
    return (Guess){ "cifar", "folder", "classes=100" };
  if (has (path, "train-images-idx3-ubyte"))
    return (Guess){ "idx", "folder", NULL };
  if (has (path, "x.npy") || has (path, "x_train.npy") || has (path, "images.npy"))
    return (Guess){ "npy", "file", NULL };
  return has_pictures (path, 0, &left) ? (Guess){ "folder", "folder", NULL }
                                       : (Guess){ NULL, NULL, NULL };
}

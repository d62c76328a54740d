/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data import`: a data set as arrays of the `npy` plugin, in a folder that appears whole or
 * not at all. Bytes and float32 are then used where they lie in the file.
 */
#include "benchmark.h"
#include "look.h"

#include "error.h"
#include "run/file.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

enum { BLOCK = 256 };

static gboolean force;

static const GOptionEntry options[] = { { "force", 'f', 0, G_OPTION_ARG_NONE, &force,
                                          "Replace the folder if it is there", NULL },
                                        G_OPTION_ENTRY_NULL };

static const LodeUsage usage = {
  "PATH [FOLDER] [path=value…]\n  lode data import BENCHMARK FILE [TO]",
  "Reads a data set once and keeps it as arrays in FOLDER, which opens at once: no picture is "
  "decoded\n"
  "again. Without FOLDER it goes, under its own name, to the user's data folder, where every\n"
  "experiment finds it. Prints what a configuration says to use it.\n\n"
  "A published benchmark (nb201, nb-macro) is read from the table that docs/benchmarks.md tells\n"
  "how to make, and becomes one file for the evaluator `table`.",
  "Examples:\n"
  "  lode data import pictures\n"
  "  lode data import scans.csv /data/scans data.manifest.side=64\n"
  "  lode data import nb201 nasbench201.tsv",
  options, true
};

/* A .npy file being written. */
typedef struct Writer {
  LodeNewFile file;
  bool ok;
} Writer;

/* The header of NumPy's NEP 1: version 1, padded to 64 bytes. dim: [dims] */
static char *
make_header (const char *type, uint32_t dims, const uint64_t *dim)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char *header;
  size_t n;

  g_string_append_printf (text, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
  for (uint32_t i = 0; i < dims; i++)
    g_string_append_printf (text, "%" G_GUINT64_FORMAT "%s", dim[i],
                            dims == 1 || i + 1 < dims ? ", " : "");
  g_string_append (text, "), }");
  n = (10 + text->len + 1 + 63) / 64 * 64;
  header = g_malloc (n + 1);
  memset (header, ' ', n);
  memcpy (header, "\x93NUMPY\x01", 8);
  header[7] = 0;
  header[8] = (char) ((n - 10) & 255);
  header[9] = (char) ((n - 10) >> 8);
  memcpy (header + 10, text->str, text->len);
  header[n - 1] = '\n';
  header[n] = 0;
  return header;
}

static bool
begin (Writer *writer, const char *folder, const char *name, const char *type, uint32_t dims,
       const uint64_t *dim, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *header = make_header (type, dims, dim);
  size_t n = 10 + (uint8_t) header[8] + ((size_t) (uint8_t) header[9] << 8);

  return lode_new_file_open (&writer->file, path, error)
         && lode_new_file_add (&writer->file, header, n, error);
}

static bool
write_whole (const char *folder, const char *name, const char *type, uint32_t n, uint32_t width,
             size_t value, const void *data, GError **error)
{
  const uint64_t dim[] = { n, width };
  Writer writer;

  if (!data)
    return true;
  return begin (&writer, folder, name, type, width > 1 ? 2 : 1, dim, error)
         && lode_new_file_add (&writer.file, data, (size_t) n * width * value, error)
         && lode_new_file_commit (&writer.file, error);
}

static bool
write_pixels (const Opened *opened, uint32_t part, const char *folder, const char *name,
              GError **error)
{
  const LodeDataInfo *info = &opened->info;
  const LodeShape *shape = &info->shape;
  bool bytes = info->pixel == LODE_PIXEL_U8, vector = shape->h == 1 && shape->w == 1;
  uint64_t dim[] = { info->count[part], vector ? shape->c : shape->h, shape->w, shape->c };
  size_t size = (size_t) shape->h * shape->w * shape->c * (bytes ? 1 : sizeof (float));
  g_autofree void *block = g_malloc (BLOCK * size);
  uint32_t index[BLOCK];
  Writer writer;

  if (!begin (&writer, folder, name, bytes ? "|u1" : "<f4", vector ? 2 : 4, dim, error))
    return false;
  for (uint32_t first = 0; first < info->count[part]; first += BLOCK) {
    LodeExamples want = { .size = sizeof want,
                          .n = MIN (BLOCK, info->count[part] - first),
                          .index = index,
                          .pixel = block };

    for (uint32_t i = 0; i < want.n; i++)
      index[i] = first + i;
    if (!opened->ops->read (opened->set, part, &want, error)
        || !lode_new_file_add (&writer.file, block, want.n * size, error))
      return false;
  }
  return lode_new_file_commit (&writer.file, error);
}

static bool
write_part (const Opened *opened, uint32_t part, const char *folder, GError **error)
{
  bool test = part == LODE_PART_TEST, ok;
  uint32_t n = opened->info.count[part], width = opened->info.targets;
  Carried carried;

  if (n == 0)
    return true;
  ok = write_pixels (opened, part, folder, test ? "x_test.npy" : "x_train.npy", error)
       && data_carried (opened, part, &carried, error);
  if (!ok)
    return false;
  ok = write_whole (folder, test ? "y_test.npy" : "y_train.npy", carried.label ? "<i4" : "<f4", n,
                    carried.label ? 1 : width, 4,
                    carried.label ? (const void *) carried.label : carried.target, error)
       && (test
           || (write_whole (folder, "weight.npy", "<f4", n, 1, 4, carried.weight, error)
               && write_whole (folder, "group.npy", "<i4", n, 1, 4, carried.group, error)
               && write_whole (folder, "split.npy", "<i4", n, 1, 4, carried.split, error)));
  carried_clear (&carried);
  return ok;
}

static bool
write_names (const Opened *opened, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "classes.txt", NULL);
  g_autoptr (GString) text = g_string_new (NULL);

  for (uint32_t c = 0; c < opened->info.classes; c++) {
    const char *name = opened->ops->class_name ? opened->ops->class_name (opened->set, c) : NULL;
    g_autofree char *line = name ? g_strdup (name) : g_strdup_printf ("%u", c);

    g_strdelimit (line, "\r\n", ' ');
    g_string_append_printf (text, "%s\n", line);
  }
  return !text->len || lode_file_write (path, text->str, text->len, error);
}

static void
remove_folder (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  if (dir)
    g_dir_close (dir);
  g_rmdir (folder);
}

/* What stands at the place may only be what an import wrote. */
static bool
make_way (const char *folder, GError **error)
{
  g_autofree char *mark = g_build_filename (folder, "x_train.npy", NULL);

  if (!g_file_test (folder, G_FILE_TEST_EXISTS))
    return true;
  if (force && g_file_test (mark, G_FILE_TEST_EXISTS)) {
    remove_folder (folder);
    return true;
  }
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "%s is already there; %s", folder,
               g_file_test (mark, G_FILE_TEST_EXISTS)
                   ? "use it as it is, or replace it by --force"
                   : "and is no import of Lode's: name another folder");
  return false;
}

static bool
write_folder (const Opened *opened, const char *folder, GError **error)
{
  g_autofree char *beside = g_strdup_printf ("%s" LODE_FILE_NEW, folder);
  g_autofree char *above = g_path_get_dirname (folder);
  bool ok;

  if (!force && !make_way (folder, error))
    return false;
  if (g_mkdir_with_parents (above, 0777) || (g_mkdir (beside, 0777) && errno != EEXIST)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s: cannot be made: %s", beside,
                 g_strerror (errno));
    return false;
  }
  ok = write_part (opened, LODE_PART_TRAIN, beside, error)
       && write_part (opened, LODE_PART_TEST, beside, error) && write_names (opened, beside, error)
       && make_way (folder, error);
  if (ok && g_rename (beside, folder) == 0)
    return true;
  if (ok)
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED,
                 "%s: cannot be moved to its place: %s", beside, g_strerror (errno));
  remove_folder (beside);
  return false;
}

static char *
default_folder (const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL),
                  *base = g_path_get_basename (whole);
  char *dot = g_file_test (whole, G_FILE_TEST_IS_DIR) ? NULL : strrchr (base, '.');

  if (dot && dot != base)
    *dot = 0;
  return g_build_filename (g_get_user_data_dir (), "lode", "data", base, NULL);
}

/* A benchmark under its own name to the user's data, or to where it was told. */
static int
import_benchmark (const Published *what, const char *from, const char *to)
{
  g_autofree char *usual =
      g_build_filename (g_get_user_data_dir (), "lode", "data", what->file, NULL);
  const char *path = to ? to : usual;
  g_autofree char *folder = g_path_get_dirname (path);
  GError *error = NULL;

  if (!force && g_file_test (path, G_FILE_TEST_EXISTS))
    return lode_usage_error ("%s is already there; use it as it is, or replace it by --force",
                             path);
  if (g_mkdir_with_parents (folder, 0777))
    return lode_usage_error ("%s: cannot be made: %s", folder, g_strerror (errno));
  if (!published_import (what, from, path, &error))
    return lode_fail (error);
  printf ("evaluator = { type = \"table\"; table = { file = \"%s\"; }; };\n", to ? to : what->file);
  return LODE_EXIT_DONE;
}

static int
import (Opened *opened, const char *folder, bool found)
{
  g_autofree char *base = g_path_get_basename (folder);
  GError *error = NULL;

  if (!write_folder (opened, folder, &error))
    return lode_fail (error);
  printf ("data = { type = \"npy\"; npy = { file = \"%s\"; }; };\n", found ? base : folder);
  return LODE_EXIT_DONE;
}

int
data_import (int argc, char **argv)
{
  g_autoptr (Opened) opened = NULL;
  g_autofree char *folder = NULL;
  bool given;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc < 2)
    return lode_usage_error ("which data? lode data import PATH [FOLDER]");
  if (argc > 2 && published_find (argv[1]))
    return import_benchmark (published_find (argv[1]), argv[2], argc > 3 ? argv[3] : NULL);
  given = argc > 2 && !strchr (argv[2], '=');
  folder = given ? g_canonicalize_filename (argv[2], NULL) : default_folder (argv[1]);
  if (given)
    argv[2] = argv[1];
  opened = data_open (argv + 1 + given, true, &code);
  return opened ? import (opened, folder, !given) : code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CIFAR-10 and CIFAR-100 in their binary version: records of one label (CIFAR-100: coarse, then
 * fine) and 32 × 32 pixels of red, of green, of blue.
 */
#include <errno.h>
#include <lode/lode.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DATA_ERROR (g_quark_from_static_string ("lode-data-error"))

enum { SIDE = 32, COLOURS = 3, PLANE = SIDE * SIDE, PIXELS = PLANE * COLOURS, BATCHES = 5 };

typedef struct Conf {
  const char *folder;
  int64_t classes;
} Conf;

/* Where one of the two data sets lies, and how its records look. */
typedef struct Layout {
  uint32_t classes, labels; /* labels: bytes before the pixels; the last one counts */
  const char *folder[3];    /* names tried, NULL-ended */
  const char *train[BATCHES + 1], *test, *names;
} Layout;

typedef struct Part {
  uint32_t n;
  uint8_t *pixel; /* [n][32][32][3] */
  int32_t *label; /* [n] */
} Part;

struct LodeDataset {
  const Layout *layout;
  Part part[LODE_PARTS];
  char **names; /* [classes], or NULL */
};

static const Layout layouts[] = {
  { 10,
    1,
    { "cifar10", "cifar-10-batches-bin" },
    { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
      "data_batch_5.bin" },
    "test_batch.bin",
    "batches.meta.txt" },
  { 100,
    2,
    { "cifar100", "cifar-100-binary" },
    { "train.bin" },
    "test.bin",
    "fine_label_names.txt" },
};
static const char *const cifar10_names[] = { "airplane", "automobile", "bird",  "cat",  "deer",
                                             "dog",      "frog",       "horse", "ship", "truck" };

static bool
fail_read (const char *path, GError **error)
{
  g_set_error (error, DATA_ERROR, 0, "%s: cannot be read: %s; check the file and its permissions",
               path, g_strerror (errno));
  return false;
}

/* Records in an open file, from its size. */
static bool
count_records (FILE *file, const char *path, size_t record, uint32_t *n, GError **error)
{
  struct stat info;

  if (fstat (fileno (file), &info))
    return fail_read (path, error);
  if (S_ISREG (info.st_mode) && info.st_size > 0 && (uint64_t) info.st_size % record == 0
      && (uint64_t) info.st_size / record <= INT32_MAX) {
    *n = (uint32_t) ((uint64_t) info.st_size / record);
    return true;
  }
  if (S_ISREG (info.st_mode))
    g_set_error (error, DATA_ERROR, 0,
                 "%s: %s: %" G_GINT64_FORMAT
                 " bytes; expected whole records of %zu bytes: fetch it again, or check "
                 "`classes`",
                 path, info.st_size ? "truncated, or bytes too many" : "the file is empty",
                 (int64_t) info.st_size, record);
  else
    g_set_error (error, DATA_ERROR, 0, "%s: not a regular file; expected records of %zu bytes",
                 path, record);
  return false;
}

/* Three planes → pixels of three values. */
static void
interleave (const uint8_t *planes, uint8_t *out)
{
  for (size_t i = 0; i < PLANE; i++)
    for (size_t l = 0; l < COLOURS; l++)
      out[i * COLOURS + l] = planes[l * PLANE + i];
}

static bool
append (Part *part, const Layout *layout, FILE *file, const char *path, uint32_t n, GError **error)
{
  uint8_t record[2 + PIXELS];
  size_t size = layout->labels + PIXELS;

  for (uint32_t i = 0; i < n; i++) {
    uint8_t label;

    if (fread (record, 1, size, file) != size) {
      if (ferror (file))
        return fail_read (path, error);
      g_set_error (error, DATA_ERROR, 0,
                   "%s: it became shorter while it was read; expected %u records", path, n);
      return false;
    }
    label = record[layout->labels - 1];
    if (label >= layout->classes) {
      g_set_error (error, DATA_ERROR, 0,
                   "%s: record %u has label %u; expected less than %u: the file is damaged, or "
                   "`classes` is wrong",
                   path, i, label, layout->classes);
      return false;
    }
    part->label[part->n] = label;
    interleave (record + layout->labels, part->pixel + (size_t) part->n++ * PIXELS);
  }
  return true;
}

static bool
read_open (Part *part, const Layout *layout, FILE *file, const char *path, GError **error)
{
  uint32_t n;
  uint8_t *pixel;
  int32_t *label;

  if (!count_records (file, path, layout->labels + PIXELS, &n, error))
    return false;
  pixel = g_try_realloc_n (part->pixel, (size_t) part->n + n, PIXELS);
  part->pixel = pixel ? pixel : part->pixel;
  label = g_try_renew (int32_t, part->label, (size_t) part->n + n);
  part->label = label ? label : part->label;
  if (pixel && label)
    return append (part, layout, file, path, n, error);
  g_set_error (error, DATA_ERROR, 0, "%s: its %u images do not fit into memory", path, n);
  return false;
}

static bool
read_file (Part *part, const Layout *layout, const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  FILE *file = fopen (path, "rb");
  bool ok;

  if (!file) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: cannot be opened: %s; expected the binary version of CIFAR-%u", path,
                 g_strerror (errno), layout->classes);
    return false;
  }
  ok = read_open (part, layout, file, path, error);
  fclose (file);
  return ok;
}

/* One name a line; a file that is missing or too short leaves the known names, or numbers. */
static void
read_names (LodeDataset *set, const char *folder)
{
  const Layout *layout = set->layout;
  g_autofree char *path = g_build_filename (folder, layout->names, NULL), *text = NULL;
  g_auto (GStrv) line = NULL, names = g_new0 (char *, layout->classes + 1);
  uint32_t n = 0;

  line = g_strsplit (g_file_get_contents (path, &text, NULL, NULL) ? text : "", "\n", -1);
  for (char **at = line; *at && n < layout->classes; at++)
    if (*g_strstrip (*at))
      names[n++] = g_utf8_make_valid (*at, -1);
  if (n < layout->classes && layout->classes != G_N_ELEMENTS (cifar10_names))
    return;
  if (n < layout->classes)
    for (uint32_t i = 0; i < layout->classes; i++) {
      g_free (names[i]);
      names[i] = g_strdup (cifar10_names[i]);
    }
  set->names = g_steal_pointer (&names);
}

static void
cifar_close (LodeDataset *set)
{
  if (!set)
    return;
  for (int i = 0; i < LODE_PARTS; i++) {
    g_free (set->part[i].pixel);
    g_free (set->part[i].label);
  }
  g_strfreev (set->names);
  g_free (set);
}

/* The folder of the configuration. An empty one, or the layout's first name, stands for all of its
 * names: the first that is there, else the first one's error. */
static char *
find_folder (const LodeHost *host, const Conf *conf, const Layout *layout, GError **error)
{
  GError *first = NULL;

  if (*conf->folder && !g_str_equal (conf->folder, layout->folder[0]))
    return lode_find_data (host, conf->folder, error);
  for (const char *const *name = layout->folder; *name; name++) {
    char *path = lode_find_data (host, *name, first ? NULL : &first);

    if (path) {
      g_clear_error (&first);
      return path;
    }
  }
  g_propagate_error (error, first);
  return NULL;
}

static bool
fill (LodeDataset *set, const char *folder, GError **error)
{
  const Layout *layout = set->layout;

  for (const char *const *name = layout->train; *name; name++)
    if (!read_file (&set->part[LODE_PART_TRAIN], layout, folder, *name, error))
      return false;
  return read_file (&set->part[LODE_PART_TEST], layout, folder, layout->test, error);
}

static LodeDataset *
cifar_open (const LodeHost *host, const void *conf, GError **error)
{
  const Conf *own = conf;
  const Layout *layout = &layouts[own->classes == 100];
  g_autofree char *folder = NULL;
  LodeDataset *set;

  if (own->classes != layout->classes) {
    g_set_error (error, DATA_ERROR, 0, "cifar.classes = %d; expected 10 or 100",
                 (int) own->classes);
    return NULL;
  }
  folder = find_folder (host, own, layout, error);
  if (!folder)
    return NULL;
  set = g_new0 (LodeDataset, 1);
  set->layout = layout;
  if (!fill (set, folder, error)) {
    cifar_close (set);
    return NULL;
  }
  read_names (set, folder);
  return set;
}

static void
cifar_info (const LodeDataset *set, LodeDataInfo *info)
{
  info->shape = (LodeShape){ SIDE, SIDE, COLOURS };
  info->pixel = LODE_PIXEL_U8;
  info->classes = set->layout->classes;
  info->targets = 0;
  info->has = 0;
  for (int i = 0; i < LODE_PARTS; i++)
    info->count[i] = set->part[i].n;
}

static bool
cifar_read (const LodeDataset *set, uint32_t which, const LodeExamples *want, GError **error)
{
  const Part *part = which < LODE_PARTS ? &set->part[which] : NULL;

  for (uint32_t i = 0; i < want->n; i++) {
    uint32_t at = want->index[i];

    if (!part || at >= part->n) {
      g_set_error (error, DATA_ERROR, 0, "there is no example %u in part %u; expected less than %u",
                   at, which, part ? part->n : 0);
      return false;
    }
    if (want->pixel)
      memcpy ((uint8_t *) want->pixel + (size_t) i * PIXELS, part->pixel + (size_t) at * PIXELS,
              PIXELS);
    if (want->label)
      want->label[i] = part->label[at];
  }
  return true;
}

static const char *
cifar_class_name (const LodeDataset *set, uint32_t class)
{
  return set->names && class < set->layout->classes ? set->names[class] : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = cifar_open,
                                    .close = cifar_close,
                                    .info = cifar_info,
                                    .read = cifar_read,
                                    .class_name = cifar_class_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, folder, .text = "",
               .doc = "folder of the files; empty: cifar10 or cifar-10-batches-bin, cifar100 or "
                      "cifar-100-binary"),
  LODE_OPTION (Conf, classes, .number = 10, .min = 10, .max = 100,
               .doc = "10: CIFAR-10; 100: CIFAR-100 with its fine labels"),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "cifar",
  .version = "0.1.0",
  .summary = "CIFAR-10 and CIFAR-100 in their binary version",
  .license = "Apache-2.0",
  .reference = "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. Technical "
               "report, University of "
               "Toronto, 2009",
  .bibtex = "@techreport{krizhevsky2009learning,\n"
            "  title = {Learning Multiple Layers of Features from Tiny Images},\n"
            "  author = {Krizhevsky, Alex},\n"
            "  institution = {University of Toronto},\n"
            "  year = {2009}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures that a table names: a column of paths, and any of targets, split, group, weight. It is
 * read as a labelling team sends it back: commas, semicolons or tabs, with or without a header,
 * paths relative to the table or to another folder, some of them not labelled yet.
 */
#include "../folder/gallery.h"

#include <string.h>

typedef struct Conf {
  const char *file, *folder, *path;
  LodeTexts target;
  const char *split, *group, *weight;
  int32_t task;
  LodeTexts classes;
  GALLERY_FIELDS
} Conf;

struct LodeDataset {
  Gallery *gallery;
};

static const char *const tasks[] = { "auto", "classes", "reals", NULL };
static const char *const path_names[] = { "path",  "file",     "filename", "file_name",
                                          "image", "filepath", "picture",  NULL };
static const char *const target_names[] = {
  "label", "class", "target", "labels", "category", NULL
};

/* The columns in use. */
typedef struct Columns {
  const char *path, *split, *group, *weight;
  GPtrArray *target; /* const char * */
} Columns;

static const char *
first_of (const LodeRecords *records, const char *const *names)
{
  for (uint32_t i = 0; i < lode_records_columns (records); i++)
    for (const char *const *name = names; *name; name++)
      if (!g_ascii_strcasecmp (lode_records_column (records, i).name, *name))
        return lode_records_column (records, i).name;
  return NULL;
}

/* A column that is named in the configuration, else the one so called, else none. */
static const char *
column_of (const LodeRecords *records, const char *given, const char *usual)
{
  const char *const names[] = { usual, NULL };

  return *given ? given : first_of (records, names);
}

/* Without names: the first column called like a target; without header the second one. */
static void
choose_target (Columns *columns, const LodeRecords *records, const Conf *conf)
{
  const char *name = first_of (records, target_names);

  columns->target = g_ptr_array_new ();
  for (size_t i = 0; i < conf->target.n; i++)
    g_ptr_array_add (columns->target, (void *) conf->target.at[i]);
  if (conf->target.n)
    return;
  if (!name && lode_records_columns (records) > 1
      && !strcmp (lode_records_column (records, 1).name, "2"))
    name = "2";
  if (name)
    g_ptr_array_add (columns->target, (void *) name);
}

static bool
path_column (const LodeRecords *records, const Conf *conf, const char *file, LodeColumn *column,
             GError **error)
{
  const char *name = *conf->path ? conf->path : first_of (records, path_names);
  int32_t at = lode_records_find (records, name ? name : "first");

  if (at < 0) {
    g_set_error (error, DATA_ERROR, 0, "%s: there is no column \"%s\" for the path", file, name);
    return false;
  }
  *column = lode_records_column (records, (uint32_t) at);
  if (column->kind == LODE_COLUMN_TEXT)
    return true;
  g_set_error (error, DATA_ERROR, 0,
               "%s: column \"%s\" holds no paths; set `path` to the column that does", file,
               column->name);
  return false;
}

/* As it is written; else with Windows' separators turned; else in the other of Unicode's two forms
 * for accents. */
static char *
locate (const char *root, const char *name)
{
  g_autofree char *turned = g_strdelimit (g_strdup (name), "\\", '/');
  g_autofree char *composed = g_utf8_normalize (turned, -1, G_NORMALIZE_NFC);
  g_autofree char *apart = g_utf8_normalize (turned, -1, G_NORMALIZE_NFD);
  const char *const try[] = { name, turned, composed, apart };

  for (size_t i = 0; i < G_N_ELEMENTS (try); i++) {
    g_autofree char *path = try[i] && !g_path_is_absolute (try[i])
                                ? g_build_filename (root, try[i], NULL)
                                : g_strdup (try[i]);

    if (path && g_file_test (path, G_FILE_TEST_EXISTS))
      return g_steal_pointer (&path);
  }
  return g_path_is_absolute (name) ? g_strdup (name) : g_build_filename (root, name, NULL);
}

static bool
gather_paths (Gallery *gallery, const LodeRecords *records, const LodeColumn *column,
              const char *file, const char *root, GError **error)
{
  g_autoptr (GHashTable) row_of = g_hash_table_new (NULL, NULL);

  gallery->n = lode_records_rows (records);
  gallery->path = g_new0 (char *, (size_t) gallery->n + 1);
  gallery->name = g_new0 (char *, (size_t) gallery->n + 1);
  for (uint32_t i = 0; i < gallery->n; i++) {
    void *code = GINT_TO_POINTER (column->code[i] + 1);
    uint32_t before = GPOINTER_TO_UINT (g_hash_table_lookup (row_of, code));

    if (column->code[i] < 0 || before) {
      g_autofree char *what =
          before ? g_strdup_printf ("\"%s\" is also in line %u; keep one of the rows",
                                    column->value[column->code[i]],
                                    lode_records_line (records, before - 1))
                 : g_strdup ("the path is missing");

      g_set_error (error, DATA_ERROR, 0, "%s, line %u: %s", file, lode_records_line (records, i),
                   what);
      return false;
    }
    g_hash_table_insert (row_of, code, GUINT_TO_POINTER (i + 1));
    gallery->path[i] = locate (root, column->value[column->code[i]]);
    gallery->name[i] = g_strdup (column->value[column->code[i]]);
  }
  return true;
}

static void *
copy (const void *array, size_t bytes)
{
  return array ? g_memdup2 (array, bytes) : NULL;
}

static void
take_targets (Gallery *gallery, const LodeTargets *from)
{
  size_t n = gallery->n;

  gallery->classes = from->classes;
  gallery->targets = from->targets;
  gallery->has = from->has;
  gallery->label = copy (from->label, n * sizeof (int32_t));
  gallery->group = copy (from->group, n * sizeof (int32_t));
  gallery->split = copy (from->split, n * sizeof (int32_t));
  gallery->weight = copy (from->weight, n * sizeof (float));
  gallery->target = copy (from->target, n * from->targets * sizeof (float));
  gallery->class_name = g_new0 (char *, from->classes + 1);
  for (uint32_t c = 0; c < from->classes; c++)
    gallery->class_name[c] = g_strdup (from->name[c]);
}

/* Nothing is labelled yet, but which classes there will be may be known. */
static void
name_unlabelled (Gallery *gallery, const Conf *conf)
{
  if (gallery->classes || gallery->targets || !conf->classes.n)
    return;
  gallery->classes = (uint32_t) conf->classes.n;
  g_strfreev (gallery->class_name);
  gallery->class_name = g_new0 (char *, gallery->classes + 1);
  for (uint32_t c = 0; c < gallery->classes; c++)
    gallery->class_name[c] = g_strdup (conf->classes.at[c]);
}

static bool
is_empty (const LodeRecords *records, const char *name)
{
  int32_t at = lode_records_find (records, name);
  LodeColumn column;

  if (at < 0)
    return false;
  column = lode_records_column (records, (uint32_t) at);
  for (uint32_t i = 0; i < lode_records_rows (records); i++)
    if (column.code ? column.code[i] >= 0 : !isnan (column.number[i]))
      return false;
  return true;
}

static bool
assign (Gallery *gallery, LodeRecords *records, const Conf *conf, GError **error)
{
  Columns columns = { .split = column_of (records, conf->split, "split"),
                      .group = column_of (records, conf->group, "group"),
                      .weight = column_of (records, conf->weight, "weight") };
  LodeTargetsIn in = { .size = sizeof in,
                       .split = columns.split,
                       .group = columns.group,
                       .weight = columns.weight,
                       .task = (uint32_t) conf->task,
                       .classes = conf->classes };
  LodeTargets targets = { .size = sizeof targets };
  bool ok;

  choose_target (&columns, records, conf);
  in.target = (LodeTexts){ columns.target->len, (const char *const *) columns.target->pdata };
  if (columns.target->len == 1 && is_empty (records, columns.target->pdata[0]))
    in.target.n = 0; /* not labelled yet */
  ok = lode_records_targets (records, &in, &targets, error);
  g_ptr_array_unref (columns.target);
  if (!ok)
    return false;
  take_targets (gallery, &targets);
  name_unlabelled (gallery, conf);
  return true;
}

static bool
fill (Gallery *gallery, const LodeHost *host, const Conf *conf, const char *file, GError **error)
{
  LodeRecordsIn in = { .size = sizeof in, .path = file, .format = LODE_RECORDS_CSV };
  GalleryLook look = GALLERY_LOOK (conf);
  g_autofree char *beside = g_path_get_dirname (file);
  g_autofree char *root =
      *conf->folder ? lode_find_data (host, conf->folder, error) : g_strdup (beside);
  LodeRecords *records = root ? lode_records_new (host, &in, error) : NULL;
  LodeColumn column;
  bool ok = records && path_column (records, conf, file, &column, error)
            && gather_paths (gallery, records, &column, file, root, error)
            && assign (gallery, records, conf, error)
            && gallery_decode (gallery, host, &look, error);

  lode_records_free (records);
  return ok;
}

static LodeDataset *
manifest_open (const LodeHost *host, const void *conf, GError **error)
{
  const Conf *own = conf;
  g_autofree char *file = lode_find_data (host, own->file, error);
  g_autoptr (Gallery) gallery = g_new0 (Gallery, 1);
  LodeDataset *set;

  if (!file || !fill (gallery, host, own, file, error))
    return NULL;
  set = g_new0 (LodeDataset, 1);
  set->gallery = g_steal_pointer (&gallery);
  return set;
}

static void
manifest_close (LodeDataset *set)
{
  if (!set)
    return;
  gallery_free (set->gallery);
  g_free (set);
}

static void
manifest_info (const LodeDataset *set, LodeDataInfo *info)
{
  gallery_info (set->gallery, info);
}

static bool
manifest_read (const LodeDataset *set, uint32_t part, const LodeExamples *want, GError **error)
{
  return gallery_read (set->gallery, part, want, error);
}

static const char *
manifest_class_name (const LodeDataset *set, uint32_t class)
{
  return class < set->gallery->classes ? set->gallery->class_name[class] : NULL;
}

static char *
manifest_example_name (const LodeDataset *set, uint32_t part, uint32_t index)
{
  return part == LODE_PART_TRAIN && index < set->gallery->n ? g_strdup (set->gallery->name[index])
                                                            : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = manifest_open,
                                    .close = manifest_close,
                                    .info = manifest_info,
                                    .read = manifest_read,
                                    .class_name = manifest_class_name,
                                    .example_name = manifest_example_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, file, .text = "manifest.csv", .doc = "the table"),
  LODE_OPTION (Conf, folder, .text = "",
               .doc = "folder that paths are relative to; empty: the table's own"),
  LODE_OPTION (Conf, path, .text = "",
               .doc = "column of paths; empty: one called path, file or image, else the first"),
  LODE_OPTION (Conf, target,
               .doc = "columns of targets; empty: one called label, class or target, or the second "
                      "of a table without header"),
  LODE_OPTION (Conf, split, .text = "",
               .doc = "column of train, valid, test; empty: one called split, if there is"),
  LODE_OPTION (Conf, group, .text = "",
               .doc = "column of what no split may part; empty: one called group, if there is"),
  LODE_OPTION (Conf, weight, .text = "",
               .doc = "column of weights; empty: one called weight, if there is"),
  LODE_OPTION (Conf, task, .choices = tasks,
               .doc = "auto: classes if the one target is text, or at most 20 whole numbers"),
  LODE_OPTION (Conf, classes, .doc = "names of the classes in order; empty: those that occur"),
  GALLERY_OPTIONS (Conf),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "manifest",
  .version = "1.0",
  .summary = "PNG and JPEG files that a CSV table names, with classes or real targets",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a table as vectors: CSV, ARFF or libsvm, with a class or real targets. Numbers stay as
 * they are, the host brings them to mean 0 and deviation 1; a text of two values becomes one column
 * of 0 and 1, of more values a column each. A missing number is left to the host, which puts the
 * column's mean over the training split; a missing text is none of the values.
 */
#include <lode/lode.h>
#include <math.h>
#include <string.h>

#define DATA_ERROR (g_quark_from_static_string ("lode-data-error"))

enum { MOST_WIDTH = 1 << 16 };

typedef struct Conf {
  const char *file, *test_file;
  int32_t format, header, task;
  LodeTexts target, ignore, classes;
  const char *split, *group, *weight;
  bool indicators;
} Conf;

/* One value of the vectors. */
typedef struct Feature {
  char *column;
  char *text;   /* 1 where the column says so; NULL: the column's number */
  bool missing; /* 1 where the column is missing */
} Feature;

typedef struct Part {
  LodeRecords *records;
  LodeTargets targets;
  float *value; /* [n][features] */
} Part;

struct LodeDataset {
  Part part[LODE_PARTS];
  GArray *feature;
  bool gaps; /* some number is missing */
};

static const char *const formats[] = { "auto", "csv", "arff", "libsvm", NULL };
static const char *const headers[] = { "auto", "yes", "no", NULL };
static const char *const tasks[] = { "auto", "classes", "reals", NULL };
static const char *const target_names[] = { "class", "target", "label", NULL };

static void
clear_feature (void *data)
{
  Feature *feature = data;

  g_free (feature->column);
  g_free (feature->text);
}

static void
table_close (LodeDataset *set)
{
  if (!set)
    return;
  for (int i = 0; i < LODE_PARTS; i++) {
    lode_records_free (set->part[i].records);
    g_free (set->part[i].value);
  }
  g_array_unref (set->feature);
  g_free (set);
}

static const char *
default_target (const LodeRecords *records)
{
  for (const char *const *name = target_names; *name; name++)
    for (uint32_t i = 0; i < lode_records_columns (records); i++)
      if (!g_ascii_strcasecmp (lode_records_column (records, i).name, *name))
        return lode_records_column (records, i).name;
  return "last";
}

static bool
read_part (LodeDataset *set, uint32_t which, const LodeHost *host, const Conf *conf,
           const char *name, GError **error)
{
  g_autofree char *path = lode_find_data (host, name, error);
  LodeRecordsIn in = { .size = sizeof in,
                       .path = path,
                       .format = (uint32_t) conf->format,
                       .header = (uint32_t) conf->header };
  Part *part = &set->part[which];
  const LodeTargets *train = &set->part[LODE_PART_TRAIN].targets;
  LodeTargetsIn roles = { .size = sizeof roles,
                          .target = conf->target,
                          .split = conf->split,
                          .group = conf->group,
                          .weight = conf->weight,
                          .task = (uint32_t) conf->task,
                          .classes = conf->classes };
  const char *target;

  part->records = path ? lode_records_new (host, &in, error) : NULL;
  if (!part->records)
    return false;
  target = default_target (part->records);
  if (!roles.target.n)
    roles.target = (LodeTexts){ 1, &target };
  if (which == LODE_PART_TEST) {
    roles.task = train->targets ? LODE_TASK_REALS : LODE_TASK_CLASSES;
    roles.classes = (LodeTexts){ train->classes, train->name };
    roles.split = NULL;
  }
  part->targets.size = sizeof part->targets;
  return lode_records_targets (part->records, &roles, &part->targets, error);
}

/* Columns that are no features: those with a role, those to ignore. Their places, as keys. */
static GHashTable *
find_roles (const LodeRecords *records, const Conf *conf, const char *file, GError **error)
{
  g_autoptr (GHashTable) roles = g_hash_table_new (NULL, NULL);
  const char *target = default_target (records);
  const char *const single[] = { conf->split, conf->group, conf->weight };

  for (size_t i = 0; i < MAX (conf->target.n, 1); i++)
    g_hash_table_add (roles, GINT_TO_POINTER (lode_records_find (
                                 records, conf->target.n ? conf->target.at[i] : target)));
  for (size_t i = 0; i < G_N_ELEMENTS (single); i++)
    if (*single[i])
      g_hash_table_add (roles, GINT_TO_POINTER (lode_records_find (records, single[i])));
  for (size_t i = 0; i < conf->ignore.n; i++) {
    int32_t at = lode_records_find (records, conf->ignore.at[i]);

    if (at < 0) {
      g_set_error (error, DATA_ERROR, 0, "%s: there is no column \"%s\" to ignore", file,
                   conf->ignore.at[i]);
      return NULL;
    }
    g_hash_table_add (roles, GINT_TO_POINTER (at));
  }
  return g_steal_pointer (&roles);
}

static void
add_feature (LodeDataset *set, const LodeColumn *column, const char *text, bool missing)
{
  Feature feature = { g_strdup (column->name), g_strdup (text), missing };

  g_array_append_val (set->feature, feature);
}

static bool
is_missing (const LodeColumn *column, uint32_t row)
{
  return column->code ? column->code[row] < 0 : isnan (column->number[row]);
}

static uint32_t
count_missing (const LodeColumn *column, uint32_t rows)
{
  uint32_t n = 0;

  for (uint32_t row = 0; row < rows; row++)
    n += is_missing (column, row);
  return n;
}

/* Texts that differ from row to row are names, from which nothing can be learned. */
static bool
is_name (const LodeHost *host, const LodeColumn *column, uint32_t rows)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);
  g_autofree char *text = NULL;

  if (!column->code || rows < 20)
    return false;
  for (uint32_t row = 0; row < rows; row++)
    g_hash_table_add (seen, GINT_TO_POINTER (column->code[row] + 1));
  if (g_hash_table_size (seen) < 0.9 * rows)
    return false;
  text = g_strdup_printf ("column \"%s\" has %u different texts in %u rows: a name, left out",
                          column->name, g_hash_table_size (seen), rows);
  lode_log (host, LODE_LOG_WARNING, text);
  return true;
}

static void
add_features (LodeDataset *set, const LodeColumn *column, uint32_t missing, bool indicators)
{
  if (column->number) {
    add_feature (set, column, NULL, false);
    set->gaps = set->gaps || missing;
  } else if (column->values <= 2)
    add_feature (set, column, column->values ? column->value[column->values - 1] : "", false);
  else
    for (uint32_t v = 0; v < column->values; v++)
      add_feature (set, column, column->value[v], false);
  if (missing && indicators)
    add_feature (set, column, NULL, true);
}

static bool
choose_features (LodeDataset *set, const LodeHost *host, const Conf *conf, GError **error)
{
  const LodeRecords *records = set->part[LODE_PART_TRAIN].records;
  uint32_t rows = lode_records_rows (records), gaps = 0, columns = 0;
  g_autoptr (GHashTable) roles = find_roles (records, conf, conf->file, error);
  g_autofree char *text = NULL;

  for (uint32_t i = 0; roles && i < lode_records_columns (records); i++) {
    LodeColumn column = lode_records_column (records, i);
    uint32_t missing = count_missing (&column, rows);

    if (g_hash_table_contains (roles, GINT_TO_POINTER (i)) || is_name (host, &column, rows))
      continue;
    add_features (set, &column, missing, conf->indicators);
    gaps += missing;
    columns++;
  }
  if (!roles)
    return false;
  text = g_strdup_printf ("%u rows, %u columns as %u values, %u missing", rows, columns,
                          set->feature->len, gaps);
  lode_log (host, LODE_LOG_DEBUG, text);
  if (set->feature->len && set->feature->len <= MOST_WIDTH)
    return true;
  g_set_error (error, DATA_ERROR, 0,
               "%s: its columns make vectors of %u values; expected 1 to %d: name columns to leave "
               "out in `ignore`",
               conf->file, set->feature->len, MOST_WIDTH);
  return false;
}

static float
value_of (const Feature *feature, const LodeColumn *column, uint32_t row)
{
  if (feature->missing)
    return is_missing (column, row);
  if (feature->text)
    return column->code && column->code[row] >= 0
           && !strcmp (column->value[column->code[row]], feature->text);
  return (float) column->number[row];
}

/* By its name alone: a number may be the name of a column that is not there. */
static int32_t
named (const LodeRecords *records, const char *name)
{
  for (uint32_t i = 0; i < lode_records_columns (records); i++)
    if (!strcmp (lode_records_column (records, i).name, name))
      return (int32_t) i;
  return -1;
}

/* libsvm leaves out what is zero, also whole columns. */
static bool
find_column (const LodeRecords *records, const Feature *feature, LodeColumn *column, bool *absent,
             const char *file, GError **error)
{
  int32_t at = named (records, feature->column);

  *absent = at < 0;
  if (at < 0 && !strcmp (lode_records_column (records, 0).name, "target"))
    return true;
  if (at >= 0) {
    *column = lode_records_column (records, (uint32_t) at);
    if (feature->text || feature->missing || column->number)
      return true;
  }
  g_set_error (error, DATA_ERROR, 0,
               "%s: column \"%s\" is %s, as it is in the training table; "
               "expected the same columns in both",
               file, feature->column, at < 0 ? "not there" : "not of numbers");
  return false;
}

static bool
fill_part (LodeDataset *set, uint32_t which, const char *file, GError **error)
{
  Part *part = &set->part[which];
  uint32_t rows = lode_records_rows (part->records), width = set->feature->len;

  part->value = g_try_new0 (float, (size_t) rows *width + 1);
  if (!part->value) {
    g_set_error (error, DATA_ERROR, 0, "%s: %u rows of %u values do not fit into memory", file,
                 rows, width);
    return false;
  }
  for (uint32_t f = 0; f < width; f++) {
    const Feature *feature = &g_array_index (set->feature, Feature, f);
    LodeColumn column;
    bool absent;

    if (!find_column (part->records, feature, &column, &absent, file, error))
      return false;
    for (uint32_t row = 0; !absent && row < rows; row++) {
      float value = value_of (feature, &column, row);

      part->value[(size_t) row * width + f] = value;
      set->gaps = set->gaps || isnan (value);
    }
  }
  return true;
}

static bool
fill (LodeDataset *set, const LodeHost *host, const Conf *conf, GError **error)
{
  bool test = *conf->test_file;

  return read_part (set, LODE_PART_TRAIN, host, conf, conf->file, error)
         && (!test || read_part (set, LODE_PART_TEST, host, conf, conf->test_file, error))
         && choose_features (set, host, conf, error)
         && fill_part (set, LODE_PART_TRAIN, conf->file, error)
         && (!test || fill_part (set, LODE_PART_TEST, conf->test_file, error));
}

static LodeDataset *
table_open (const LodeHost *host, const void *conf, GError **error)
{
  LodeDataset *set = g_new0 (LodeDataset, 1);

  set->feature = g_array_new (FALSE, FALSE, sizeof (Feature));
  g_array_set_clear_func (set->feature, clear_feature);
  if (fill (set, host, conf, error))
    return set;
  table_close (set);
  return NULL;
}

static uint32_t
rows_of (const LodeDataset *set, uint32_t which)
{
  return which < LODE_PARTS && set->part[which].records
             ? lode_records_rows (set->part[which].records)
             : 0;
}

static void
table_info (const LodeDataset *set, LodeDataInfo *info)
{
  const LodeTargets *targets = &set->part[LODE_PART_TRAIN].targets;

  info->shape = (LodeShape){ 1, 1, set->feature->len };
  info->pixel = LODE_PIXEL_F32;
  info->classes = targets->classes;
  info->targets = targets->targets;
  info->has = targets->has | (set->gaps ? LODE_HAS_MISSING : 0);
  for (uint32_t i = 0; i < LODE_PARTS; i++)
    info->count[i] = rows_of (set, i);
}

static bool
table_read (const LodeDataset *set, uint32_t which, const LodeExamples *want, GError **error)
{
  const Part *part = &set->part[which == LODE_PART_TEST];
  LodeArrays arrays = { .n = rows_of (set, which),
                        .targets = part->targets.targets,
                        .bytes = set->feature->len * sizeof (float),
                        .pixel = part->value,
                        .label = part->targets.label,
                        .target = part->targets.target,
                        .weight = part->targets.weight,
                        .group = part->targets.group,
                        .split = part->targets.split };

  return lode_arrays_read (&arrays, want, error);
}

static const char *
table_class_name (const LodeDataset *set, uint32_t class)
{
  const LodeTargets *targets = &set->part[LODE_PART_TRAIN].targets;

  return class < targets->classes ? targets->name[class] : NULL;
}

static char *
table_example_name (const LodeDataset *set, uint32_t part, uint32_t index)
{
  return index < rows_of (set, part)
             ? g_strdup_printf ("%s %u", part == LODE_PART_TEST ? "test line" : "line",
                                lode_records_line (set->part[part].records, index))
             : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = table_open,
                                    .close = table_close,
                                    .info = table_info,
                                    .read = table_read,
                                    .class_name = table_class_name,
                                    .example_name = table_example_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, file, .text = "table.csv", .doc = "the table"),
  LODE_OPTION (Conf, test_file, .text = "",
               .doc = "table of the test examples; empty: there is none"),
  LODE_OPTION (Conf, format, .choices = formats,
               .doc = "auto: by the name's ending, else by the first line"),
  LODE_OPTION (Conf, header, .choices = headers,
               .doc = "whether the first line of CSV names columns; auto: if no cell of it is a "
                      "number, or occurs again below"),
  LODE_OPTION (Conf, task, .choices = tasks,
               .doc = "auto: classes if the one target is text, or at most 20 whole numbers"),
  LODE_OPTION (Conf, target,
               .doc = "columns by name, by number from 1, first or last; empty: one called class, "
                      "target or label, else the last"),
  LODE_OPTION (Conf, ignore, .doc = "columns that are left out"),
  LODE_OPTION (Conf, classes, .doc = "names of the classes in order; empty: those that occur"),
  LODE_OPTION (Conf, split, .text = "", .doc = "column of train, valid, test; empty: none"),
  LODE_OPTION (Conf, group, .text = "", .doc = "column of what no split may part; empty: none"),
  LODE_OPTION (Conf, weight, .text = "", .doc = "column of weights; empty: none"),
  LODE_OPTION (Conf, indicators, .number = 0,
               .doc = "a column of 0 and 1 more for each that has missing values"),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "table",
  .version = "1.0",
  .summary = "vectors from CSV, ARFF or libsvm, with classes or real targets",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What columns stand for: labels or real targets, splits, groups, weights.
 */
#include "data/records.h"

#include "error.h"
#include <lode/dataset.h>

#include <math.h>
#include <string.h>

enum { FEW = 20 /* whole numbers are classes up to so many */, MOST_CLASSES = 1 << 16 };

static const LodeRecordsOf *
records_of (const LodeRecords *base)
{
  return (const LodeRecordsOf *) base;
}

int32_t
lode_records_column_of (const LodeRecords *base, const char *name)
{
  const LodeRecordsOf *records = records_of (base);
  uint64_t number = 0;

  for (uint32_t i = 0; i < records->columns; i++)
    if (!strcmp (records->field[i].name, name))
      return (int32_t) i;
  if (!strcmp (name, "first"))
    return 0;
  if (!strcmp (name, "last"))
    return (int32_t) records->columns - 1;
  return g_ascii_string_to_unsigned (name, 10, 1, records->columns, &number, NULL)
             ? (int32_t) number - 1
             : -1;
}

static void *
keep (LodeRecordsOf *records, void *memory)
{
  g_ptr_array_add (records->memory, memory);
  return memory;
}

/* row: UINT32_MAX, none in particular. */
static bool G_GNUC_PRINTF (4, 5)
    fail (const LodeRecordsOf *records, uint32_t row, GError **error, const char *format, ...)
{
  LodeCells cells = { .path = records->path };
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  return lode_cells_fail (&cells, row < records->rows ? records->line[row] : 0, error, "%s", text);
}

/* The column of a name; false: there is none so called. An empty name is no column: *at −1. */
static bool
look_up (const LodeRecordsOf *records, const char *what, const char *name, int32_t *at,
         GError **error)
{
  g_autoptr (GString) names = g_string_new (NULL);

  *at = -1;
  if (!name || (!*name && strcmp (what, "target")))
    return true;
  *at = lode_records_column_of (&records->base, name);
  if (*at >= 0)
    return true;
  for (uint32_t i = 0; i < MIN (records->columns, 12); i++)
    g_string_append_printf (names, "%s%s", i ? ", " : "", records->field[i].name);
  return fail (records, UINT32_MAX, error,
               "there is no column \"%s\" for the %s; its columns are %s%s", name, what, names->str,
               records->columns > 12 ? " …" : "");
}

static int
compare_numbers (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* The distinct numbers of a column, ascending (transfer full). */
static double *
distinct_numbers (const LodeRecordsOf *records, const LodeField *field, uint32_t *n)
{
  double *sorted = g_new (double, (size_t) records->rows + 1);
  uint32_t m = 0;

  for (uint32_t i = 0; i < records->rows; i++)
    if (!isnan (field->number[i]))
      sorted[m++] = field->number[i] + 0; /* −0 is 0 */
  qsort (sorted, m, sizeof *sorted, compare_numbers);
  *n = 0;
  for (uint32_t i = 0; i < m; i++)
    if (i == 0 || sorted[i] != sorted[*n - 1])
      sorted[(*n)++] = sorted[i];
  return sorted;
}

/* A column as codes into distinct texts, numbers in their order. Memory is the records'. */
static const int32_t *
as_codes (LodeRecordsOf *records, const LodeField *field, const char *const **name, uint32_t *n)
{
  g_autofree double *number = NULL;
  char **names;
  int32_t *code;

  if (field->code) {
    *n = field->value->len - 1;
    *name = (const char *const *) field->value->pdata;
    return field->code;
  }
  number = distinct_numbers (records, field, n);
  names = keep (records, g_new0 (char *, (size_t) *n + 1));
  for (uint32_t i = 0; i < *n; i++) {
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    names[i] = keep (records, g_strdup (g_ascii_formatd (text, sizeof text, "%.15g", number[i])));
  }
  code = keep (records, g_new (int32_t, (size_t) records->rows + 1));
  for (uint32_t i = 0; i < records->rows; i++) {
    double value = field->number[i] + 0;
    const double *at = bsearch (&value, number, *n, sizeof *number, compare_numbers);

    code[i] = isnan (value) || !at ? -1 : (int32_t) (at - number);
  }
  *name = (const char *const *) names;
  return code;
}

/* Codes of the column → places in the names that are given. */
static bool
map_classes (LodeRecordsOf *records, const LodeTexts *classes, LodeTargets *out, GError **error)
{
  int32_t *label = keep (records, g_memdup2 (out->label, ((size_t) records->rows + 1) * 4));
  g_autofree int32_t *map = g_new (int32_t, (size_t) out->classes + 1);

  for (uint32_t c = 0; c < out->classes; c++) {
    map[c] = -1;
    for (size_t k = 0; k < classes->n; k++)
      if (!strcmp (classes->at[k], out->name[c]))
        map[c] = (int32_t) k;
  }
  for (uint32_t i = 0; i < records->rows; i++) {
    if (label[i] < 0)
      continue;
    if (map[label[i]] < 0)
      return fail (records, i, error, "class \"%s\" is none of the %zu in `classes`",
                   out->name[label[i]], classes->n);
    label[i] = map[label[i]];
  }
  out->label = label;
  out->classes = (uint32_t) classes->n;
  out->name = keep (records, g_memdup2 (classes->at, classes->n * sizeof *classes->at));
  for (uint32_t c = 0; c < out->classes; c++)
    ((const char **) out->name)[c] = keep (records, g_strdup (classes->at[c]));
  return true;
}

static bool
assign_classes (LodeRecordsOf *records, const LodeField *field, const LodeTexts *classes,
                LodeTargets *out, GError **error)
{
  out->label = as_codes (records, field, &out->name, &out->classes);
  if (classes->n && !map_classes (records, classes, out, error))
    return false;
  if (out->classes && out->classes <= MOST_CLASSES)
    return true;
  return fail (records, UINT32_MAX, error,
               "column \"%s\" has %u different values; expected at least 1 and at most %d classes",
               field->name, out->classes, MOST_CLASSES);
}

static bool
assign_reals (LodeRecordsOf *records, const int32_t *column, uint32_t n, LodeTargets *out,
              GError **error)
{
  float *target = keep (records, g_new (float, (size_t) records->rows *n + 1));

  for (uint32_t t = 0; t < n; t++) {
    const LodeField *field = &records->field[column[t]];

    for (uint32_t i = 0; i < records->rows; i++) {
      if (!field->number || isnan (field->number[i]))
        return fail (records, field->number ? i : UINT32_MAX, error,
                     "target \"%s\" is %s; expected a number in each row", field->name,
                     field->number ? "missing" : "not a column of numbers");
      target[(size_t) i * n + t] = (float) field->number[i];
    }
  }
  out->target = target;
  out->targets = n;
  return true;
}

static bool
are_classes (const LodeRecordsOf *records, const LodeField *field)
{
  g_autofree double *number = NULL;
  uint32_t n;

  if (field->code)
    return true;
  number = distinct_numbers (records, field, &n);
  for (uint32_t i = 0; i < n; i++)
    if (number[i] != floor (number[i]))
      return false;
  return n <= FEW;
}

static bool
assign_target (LodeRecordsOf *records, const LodeTargetsIn *in, LodeTargets *out, GError **error)
{
  uint32_t n = (uint32_t) in->target.n, task = in->task;
  g_autofree int32_t *column = g_new (int32_t, n + 1);

  for (uint32_t t = 0; t < n; t++)
    if (!look_up (records, "target", in->target.at[t], &column[t], error))
      return false;
  if (n == 0)
    return true;
  if (n > 1 && task == LODE_TASK_CLASSES)
    return fail (records, UINT32_MAX, error, "%u target columns; expected one for classes", n);
  if (task == LODE_TASK_AUTO)
    task = n == 1 && are_classes (records, &records->field[column[0]]) ? LODE_TASK_CLASSES
                                                                       : LODE_TASK_REALS;
  if (task == LODE_TASK_CLASSES)
    return assign_classes (records, &records->field[column[0]], &in->classes, out, error);
  return assign_reals (records, column, n, out, error);
}

static int32_t
split_of (const char *word)
{
  static const struct {
    const char *word;
    int32_t split;
  } words[] = { { "train", LODE_SPLIT_TRAIN },
                { "training", LODE_SPLIT_TRAIN },
                { "0", LODE_SPLIT_TRAIN },
                { "valid", LODE_SPLIT_VALID },
                { "validation", LODE_SPLIT_VALID },
                { "val", LODE_SPLIT_VALID },
                { "dev", LODE_SPLIT_VALID },
                { "1", LODE_SPLIT_VALID },
                { "test", LODE_SPLIT_TEST },
                { "testing", LODE_SPLIT_TEST },
                { "2", LODE_SPLIT_TEST } };

  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (!g_ascii_strcasecmp (word, words[i].word))
      return words[i].split;
  return -1;
}

/* A column that is empty from top to bottom gives no split. */
static bool
assign_split (LodeRecordsOf *records, const LodeField *field, LodeTargets *out, GError **error)
{
  const char *const *name;
  uint32_t n;
  const int32_t *code = as_codes (records, field, &name, &n);
  int32_t *split;

  if (n == 0)
    return true;
  split = keep (records, g_new (int32_t, (size_t) records->rows + 1));
  for (uint32_t i = 0; i < records->rows; i++) {
    split[i] = code[i] < 0 ? -1 : split_of (name[code[i]]);
    if (split[i] < 0)
      return fail (records, i, error,
                   "split \"%s\" in column \"%s\"; expected train, valid or test in each row, or "
                   "nothing in all of them",
                   code[i] < 0 ? "" : name[code[i]], field->name);
  }
  out->split = split;
  out->has |= LODE_HAS_SPLIT;
  return true;
}

static bool
assign_weight (LodeRecordsOf *records, const LodeField *field, LodeTargets *out, GError **error)
{
  float *weight = keep (records, g_new (float, (size_t) records->rows + 1));

  for (uint32_t i = 0; i < records->rows; i++) {
    if (!field->number || field->number[i] < 0)
      return fail (records, field->number ? i : UINT32_MAX, error,
                   "weight \"%s\" is %s; expected numbers of at least 0 (missing: 1)", field->name,
                   field->number ? "negative" : "not a column of numbers");
    weight[i] = isnan (field->number[i]) ? 1 : (float) field->number[i];
  }
  out->weight = weight;
  out->has |= LODE_HAS_WEIGHT;
  return true;
}

bool
lode_records_assign (LodeRecords *base, const LodeTargetsIn *in, LodeTargets *out, GError **error)
{
  LodeRecordsOf *records = (LodeRecordsOf *) base;
  int32_t split, group, weight;
  const char *const *name;
  uint32_t n;

  memset (out, 0, sizeof *out);
  if (!look_up (records, "split", in->split, &split, error)
      || !look_up (records, "group", in->group, &group, error)
      || !look_up (records, "weight", in->weight, &weight, error)
      || !assign_target (records, in, out, error)
      || (split >= 0 && !assign_split (records, &records->field[split], out, error))
      || (weight >= 0 && !assign_weight (records, &records->field[weight], out, error)))
    return false;
  if (group >= 0) {
    out->group = as_codes (records, &records->field[group], &name, &n);
    out->has |= LODE_HAS_GROUP;
  }
  return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `lode data check`: what is there and what is wrong with it, before anything is trained; then an
 * experiment that runs on it, written to a file.
 */
#include "look.h"

#include "data/near.h"
#include "data/private.h"
#include "error.h"
#include "run/file.h"

#include <string.h>

enum { MOST_PAIRS = 500000000, SHOWN = 10 };

static const double near_enough = 0.03;

static gboolean as_json, force;
static char *output;

static const GOptionEntry options[] = {
  { "json", 'j', 0, G_OPTION_ARG_NONE, &as_json, "Print JSON instead of lines", NULL },
  { "output", 'o', 0, G_OPTION_ARG_FILENAME, &output, "Write the experiment to FILE (NAME.cfg)",
    "FILE" },
  { "force", 'f', 0, G_OPTION_ARG_NONE, &force, "Replace FILE if it is there", NULL },
  G_OPTION_ENTRY_NULL
};

static const LodeUsage usage = {
  "PATH [path=value…]",
  "Says what is in a folder or file of data: examples, classes, sizes; all files that cannot be\n"
  "read, classes that are too small, equal examples on both sides of a split, pictures that are\n"
  "nearly so. Then writes an experiment that trains on it, and prints the line that runs it.\n"
  "path=value sets what a configuration could: data.folder.fit=crop, data.test=0.1.",
  "Exit codes: 0; 2 usage; 3 where the data are not fit to be trained on.\n\n"
  "Examples:\n"
  "  lode data check pictures\n"
  "  lode data check table.csv data.table.target=price -o price.cfg",
  options, true
};

/* What is told, as lines and as JSON. */
typedef struct Report {
  GPtrArray *cells;
  JsonBuilder *json;
} Report;

static void G_GNUC_PRINTF (3, 4) line (Report *report, const char *title, const char *format, ...)
{
  va_list list;

  va_start (list, format);
  g_ptr_array_add (report->cells, g_strdup (title));
  g_ptr_array_add (report->cells, g_strdup_vprintf (format, list));
  va_end (list);
}

static void
number (Report *report, const char *name, gint64 value)
{
  json_builder_set_member_name (report->json, name);
  json_builder_add_int_value (report->json, value);
}

static void
tell_kind (Report *report, const Opened *opened)
{
  const LodeDataInfo *info = &opened->info;
  const char *type = opened->spec->use[LODE_USE_DATASET].loaded->plugin->name;

  lode_json_text (report->json, "type", type);
  number (report, "train", info->count[LODE_PART_TRAIN]);
  number (report, "test", info->count[LODE_PART_TEST]);
  number (report, "height", info->shape.h);
  number (report, "width", info->shape.w);
  number (report, "channels", info->shape.c);
  number (report, "classes", info->classes);
  number (report, "targets", info->targets);
  line (report, "type", "%s", type);
  if (info->count[LODE_PART_TEST])
    line (report, "examples", "%u, and %u to test", info->count[LODE_PART_TRAIN],
          info->count[LODE_PART_TEST]);
  else
    line (report, "examples", "%u", info->count[LODE_PART_TRAIN]);
  if (info->shape.h == 1 && info->shape.w == 1)
    line (report, "shape", "vectors of %u values", info->shape.c);
  else
    line (report, "shape", "%u × %u × %u", info->shape.h, info->shape.w, info->shape.c);
}

static const char *
class_name (const Opened *opened, uint32_t c)
{
  const char *name = opened->ops->class_name ? opened->ops->class_name (opened->set, c) : NULL;

  return name ? name : "?";
}

/* Labelled examples of each class over both parts; their sum. counts: [classes] */
static uint32_t
count_labels (const Opened *opened, uint32_t *counts, GError **error)
{
  uint32_t labelled = 0;

  for (uint32_t p = 0; p < LODE_PARTS; p++) {
    Carried carried;

    if (!data_carried (opened, p, &carried, error))
      return 0;
    for (uint32_t i = 0; i < carried.n; i++)
      if (carried.label && carried.label[i] >= 0) {
        counts[carried.label[i]]++;
        labelled++;
      }
    labelled += carried.target ? carried.n : 0;
    carried_clear (&carried);
  }
  return labelled;
}

static void
tell_classes (Report *report, const Opened *opened, const uint32_t *counts, uint32_t labelled)
{
  uint32_t n = opened->info.classes, all = opened->info.count[0] + opened->info.count[1];
  uint32_t low = 0, high = 0;

  number (report, "labelled", labelled);
  if (labelled < all)
    line (report, "labels", "%u of %u examples have none", all - labelled, all);
  if (opened->info.targets)
    line (report, "targets", "%u real value%s an example", opened->info.targets,
          opened->info.targets == 1 ? "" : "s");
  for (uint32_t c = 1; c < n; c++) {
    low = counts[c] < counts[low] ? c : low;
    high = counts[c] > counts[high] ? c : high;
  }
  if (!n)
    return;
  line (report, "classes", "%u, of %u (%s) to %u (%s) examples", n, counts[low],
        class_name (opened, low), counts[high], class_name (opened, high));
  json_builder_set_member_name (report->json, "counts");
  json_builder_begin_object (report->json);
  for (uint32_t c = 0; c < n; c++)
    number (report, class_name (opened, c), counts[c]);
  json_builder_end_object (report->json);
}

static void
tell_said (Report *report, const Opened *opened)
{
  json_builder_set_member_name (report->json, "notes");
  json_builder_begin_array (report->json);
  for (guint i = 0; i < opened->said->len; i++) {
    const char *text = opened->said->pdata[i];

    json_builder_add_string_value (report->json, text);
    if (!g_str_has_prefix (text, "warning: "))
      line (report, "", "%s", text);
  }
  json_builder_end_array (report->json);
}

static void
tell_near (Report *report, const Opened *opened, const GArray *near)
{
  number (report, "near", near->len);
  if (near->len)
    line (report, "nearly equal", "%u pair%s across splits, the nearest:", near->len,
          near->len == 1 ? "" : "s");
  for (guint i = 0; i < MIN (near->len, SHOWN); i++) {
    const LodeNear *pair = &g_array_index (near, LodeNear, i);
    g_autofree char *a = lode_data_example_name (opened->data, pair->part[0], pair->at[0]);
    g_autofree char *b = lode_data_example_name (opened->data, pair->part[1], pair->at[1]);

    line (report, "", "%s and %s differ by %.1f %%", a, b, 100 * pair->distance);
  }
  if (near->len)
    line (report, "",
          "the second is of validation or test: a group for what belongs together "
          "keeps it on one side");
}

/* The splits that the experiment's last stage draws, and what lies on both sides of them. */
static bool
tell_splits (Report *report, Opened *opened, GError **error)
{
  static const char *const names[] = { "train", "", "valid", "", "test" };
  uint32_t count[5];
  g_autoptr (GArray) near = NULL;
  uint64_t pairs;

  for (uint32_t role = 0; role < 5; role++)
    count[role] = lode_data_count (opened->data, role);
  line (report, "splits", "%u to train, %u to validate, %u to test",
        count[LODE_ROLE_WEIGHTS] + count[LODE_ROLE_ARCH], count[LODE_ROLE_VALID],
        count[LODE_ROLE_TEST]);
  json_builder_set_member_name (report->json, "splits");
  json_builder_begin_object (report->json);
  for (uint32_t role = 0; role < 5; role++)
    if (*names[role])
      number (report, names[role], count[role]);
  json_builder_end_object (report->json);
  for (guint i = 0; i < lode_data_notes (opened->data)->len; i++)
    line (report, "note", "%s", (const char *) lode_data_notes (opened->data)->pdata[i]);
  pairs = (uint64_t) (count[LODE_ROLE_WEIGHTS] + count[LODE_ROLE_ARCH])
          * (count[LODE_ROLE_VALID] + count[LODE_ROLE_TEST]);
  if (pairs > MOST_PAIRS) {
    line (report, "nearly equal", "not looked for: %.1f thousand million pairs",
          (double) pairs / 1e9);
    return true;
  }
  near = lode_data_near (opened->data, opened->threads, near_enough, error);
  if (near)
    tell_near (report, opened, near);
  return near != NULL;
}

/* A name for the experiment, of what the path is called. */
static char *
name_of (const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL),
                  *base = g_path_get_basename (whole);
  char *dot = g_file_test (whole, G_FILE_TEST_IS_DIR) ? NULL : strrchr (base, '.');

  if (dot && dot != base)
    *dot = 0;
  g_strcanon (base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", '-');
  return g_steal_pointer (&base);
}

/* Another file of that name may be somebody's work. */
static bool
write_recipe (const char *file, const char *name, const char *text, GError **error)
{
  g_autofree char *all =
      g_strdup_printf ("# An experiment on %s, written by `lode data check`: a start, to "
                       "be changed at will.\n%s",
                       name, text);
  g_autofree char *old = NULL;

  if (!force && g_file_test (file, G_FILE_TEST_EXISTS)
      && !(g_file_get_contents (file, &old, NULL, NULL) && !strcmp (old, all))) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG,
                 "%s is already there, and differs; give -o another name, or --force to replace it",
                 file);
    return false;
  }
  return lode_file_write (file, all, strlen (all), error);
}

/* Reads what was written as `lode run` would, and takes its data's options from the last stage. */
static bool
conf_of (Opened *opened, const char *text, LodeDataConf *conf, GError **error)
{
  g_autoptr (GPtrArray) errors = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LodeNode) root = lode_config_parse_text ("recipe", text, errors);
  LodeExperiment *experiment = root ? lode_experiment_new (opened->registry, root, errors) : NULL;

  if (!experiment) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_CONFIG, "%s",
                 (const char *) errors->pdata[0]);
    return false;
  }
  *conf = lode_experiment_stage (experiment, experiment->stages->len - 2)->data;
  lode_experiment_free (experiment);
  return true;
}

static void
print_report (Report *report)
{
  json_builder_end_object (report->json);
  if (as_json)
    lode_json_print (json_builder_get_root (report->json));
  else
    lode_columns_print (2, report->cells);
}

/* What was found and cannot be trained on. */
static int
unfit (Report *report, const char *why)
{
  lode_json_text (report->json, "problem", why);
  print_report (report);
  lode_say ("%s", why);
  return LODE_EXIT_DATA;
}

static int
finish (Report *report, Opened *opened, const char *name, const char *recipe)
{
  g_autofree char *file = output ? g_strdup (output) : g_strconcat (name, ".cfg", NULL);
  GError *error = NULL;
  LodeDataConf conf;

  if (!conf_of (opened, recipe, &conf, &error) || !data_split (opened, &conf, &error)
      || !tell_splits (report, opened, &error)) {
    int code = unfit (report, error->message);

    g_error_free (error);
    return code;
  }
  if (!write_recipe (file, name, recipe, &error))
    return lode_fail (error);
  lode_json_text (report->json, "experiment", file);
  line (report, "experiment", "%s", file);
  print_report (report);
  if (!as_json)
    printf ("\nnow\n  lode run %s\n", file);
  return LODE_EXIT_DONE;
}

static int
check (Opened *opened, const char *path)
{
  g_autoptr (JsonBuilder) json = json_builder_new ();
  g_autoptr (GPtrArray) cells = g_ptr_array_new_with_free_func (g_free);
  g_autofree uint32_t *counts = g_new0 (uint32_t, (size_t) opened->info.classes + 1);
  g_autofree char *why = NULL, *recipe = NULL, *name = name_of (path);
  Report report = { cells, json };
  GError *error = NULL;
  uint32_t labelled;

  json_builder_begin_object (json);
  labelled = count_labels (opened, counts, &error);
  if (error)
    return lode_fail (error);
  tell_kind (&report, opened);
  tell_said (&report, opened);
  tell_classes (&report, opened, counts, labelled);
  recipe = data_recipe (opened, name, counts, labelled, &why);
  return recipe ? finish (&report, opened, name, recipe) : unfit (&report, why);
}

int
data_check (int argc, char **argv)
{
  g_autoptr (Opened) opened = NULL;
  int code;

  if (!lode_usage_parse (&usage, &argc, &argv, &code))
    return code;
  if (argc < 2)
    return lode_usage_error ("which data? lode data check PATH");
  opened = data_open (argv + 1, true, &code);
  return opened ? check (opened, argv[1]) : code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays saved by NumPy: a .npz archive, or a folder of .npy files. Bytes and float32 in C order
 * are used where they lie in the file, so that a large data set opens at once; other types become
 * float32. `lode data import` writes such a folder.
 */
#include "array.h"

#include <math.h>
#include <string.h>

typedef struct Conf {
  const char *file, *x, *y, *x_test, *y_test;
  int32_t layout, task;
  LodeTexts classes;
} Conf;

enum { LAYOUT_AUTO, LAYOUT_LAST, LAYOUT_FIRST };
enum { TASK_AUTO, TASK_CLASSES, TASK_REALS };
enum { MOST_CLASSES = 1 << 16, MOST_SIDE = 1 << 16 };

typedef struct Part {
  uint32_t n;
  LodeShape shape;
  Array *x;     /* keeps pixels that are used in place */
  float *value; /* pixels that had to be converted */
  bool bytes;   /* pixels are */
  bool gaps;    /* some are NaN */
  int32_t *label;
  float *target;
} Part;

struct LodeDataset {
  Part part[LODE_PARTS];
  uint32_t classes, targets, has;
  int32_t *group, *split; /* of the training part */
  float *weight;
  char **names; /* [classes] NULL-ended, or NULL */
};

static const char *const layouts[] = { "auto", "nhwc", "nchw", NULL };
static const char *const tasks[] = { "auto", "classes", "reals", NULL };

static void
npy_close (LodeDataset *set)
{
  if (!set)
    return;
  for (int i = 0; i < LODE_PARTS; i++) {
    array_free (set->part[i].x);
    g_free (set->part[i].value);
    g_free (set->part[i].label);
    g_free (set->part[i].target);
  }
  g_free (set->group);
  g_free (set->split);
  g_free (set->weight);
  g_strfreev (set->names);
  g_free (set);
}

/* The array of a name that is given, else of the usual ones. */
static Array *
find (const char *path, const char *given, const char *const *usual, GError **error)
{
  const char *const own[] = { given, NULL };
  GError *failure = NULL;
  Array *array = array_find (path, *given ? own : usual, &failure);

  if (!array && !failure && *given)
    g_set_error (error, DATA_ERROR, 0, "%s: there is no array \"%s\" in it", path, given);
  else if (failure)
    g_propagate_error (error, failure);
  return array;
}

static bool
refuse_shape (const Array *array, const char *what, GError **error)
{
  g_autoptr (GString) shape = g_string_new (NULL);

  for (uint32_t i = 0; i < array->dims; i++)
    g_string_append_printf (shape, "%s%" G_GUINT64_FORMAT, i ? " × " : "", array->dim[i]);
  g_set_error (error, DATA_ERROR, 0, "%s: an array of %s; expected %s", array->name, shape->str,
               what);
  return false;
}

/* Dimensions as height, width, channels, and where each begins to count; steps: [4] in values. */
static bool
arrange (const Array *x, int32_t layout, LodeShape *shape, uint64_t *steps, GError **error)
{
  uint64_t dim[4] = { x->dim[0], 1, 1, 1 };
  bool first = layout == LAYOUT_FIRST
               || (layout == LAYOUT_AUTO && x->dims == 4 && x->dim[1] <= 4 && x->dim[3] > 4);
  const uint32_t place[][4] = { { 0 }, { 0 }, { 0, 3 }, { 0, 1, 2 }, { 0, 1, 2, 3 } };
  const uint32_t turned[] = { 0, 3, 1, 2 };

  if (x->dims < 2)
    return refuse_shape (x, "n × values, n × height × width, or these with channels", error);
  memset (steps, 0, 4 * sizeof *steps);
  for (uint32_t i = 0; i < x->dims; i++) {
    uint32_t at = x->dims == 4 && first ? turned[i] : place[x->dims][i];

    dim[at] = x->dim[i];
    steps[at] = x->stride[i];
  }
  *shape = (LodeShape){ (uint32_t) dim[1], (uint32_t) dim[2], (uint32_t) dim[3] };
  if (dim[0] && dim[1] && dim[2] && dim[3] && MAX (dim[1], MAX (dim[2], dim[3])) <= MOST_SIDE)
    return true;
  return refuse_shape (x, "at least one example and one value, and sides up to 65536", error);
}

/* To float32 in C order; what is not finite is found. */
static bool
convert (Part *part, const uint64_t *steps, GError **error)
{
  size_t size = (size_t) part->shape.h * part->shape.w * part->shape.c, at = 0;

  part->value = g_try_new (float, part->n *size + 1);
  if (!part->value) {
    g_set_error (error, DATA_ERROR, 0, "%s: it does not fit into memory as float32", part->x->name);
    return false;
  }
  for (uint32_t i = 0; i < part->n; i++)
    for (uint32_t y = 0; y < part->shape.h; y++)
      for (uint32_t x = 0; x < part->shape.w; x++)
        for (uint32_t l = 0; l < part->shape.c; l++)
          part->value[at++] = (float) array_value (part->x, i * steps[0] + y * steps[1]
                                                                + x * steps[2] + l * steps[3]);
  return true;
}

static bool
in_order (const Part *part, const uint64_t *steps)
{
  const LodeShape *s = &part->shape;

  return part->x->dense && (s->c == 1 || steps[3] == 1) && (s->w == 1 || steps[2] == s->c)
         && (s->h == 1 || steps[1] == (uint64_t) s->w * s->c);
}

/* NaN in a vector is missing; anything else that is not finite is a mistake. */
static bool
check_values (Part *part, const float *value, GError **error)
{
  size_t size = (size_t) part->shape.h * part->shape.w * part->shape.c;

  for (size_t j = 0; j < part->n * size; j++) {
    if (isfinite (value[j]))
      continue;
    part->gaps = true;
    if (isnan (value[j]) && part->shape.h == 1 && part->shape.w == 1)
      continue;
    g_set_error (error, DATA_ERROR, 0,
                 "%s: example %zu holds a value that is not finite; expected numbers, and NaN in "
                 "vectors alone",
                 part->x->name, j / size);
    return false;
  }
  return true;
}

static bool
take_pixels (Part *part, int32_t layout, GError **error)
{
  const Array *x = part->x;
  uint64_t steps[4];
  bool little = x->value == 1 || (!x->big && G_BYTE_ORDER == G_LITTLE_ENDIAN), plain;

  if (!arrange (x, layout, &part->shape, steps, error))
    return false;
  part->n = (uint32_t) x->dim[0];
  plain = in_order (part, steps);
  part->bytes = x->value == 1 && x->kind == 'u' && plain;
  if (part->bytes)
    return true;
  if (x->kind == 'f' && x->value == 4 && plain && little && (uintptr_t) x->data % 4 == 0)
    return check_values (part, (const float *) (const void *) x->data, error);
  return convert (part, steps, error) && check_values (part, part->value, error);
}

/* One whole number an example; `low` is the least that is allowed. Transfer full. */
static int32_t *
take_integers (const Array *y, uint32_t n, int64_t low, GError **error)
{
  g_autofree int32_t *out = g_new (int32_t, (size_t) n + 1);

  if (y->dim[0] != n || y->dims > 2 || (y->dims == 2 && y->dim[1] != 1)) {
    refuse_shape (y, "one number an example, as many as there are examples", error);
    return NULL;
  }
  for (uint32_t i = 0; i < n; i++) {
    double value = array_value (y, i * y->stride[0]);

    if (value != floor (value) || !(value >= (double) low && value <= INT32_MAX)) {
      g_set_error (error, DATA_ERROR, 0,
                   "%s: example %u has %g; expected whole numbers of at least %d", y->name, i,
                   value, (int) low);
      return NULL;
    }
    out[i] = (int32_t) value;
  }
  return g_steal_pointer (&out);
}

static float *
take_reals (const Array *y, uint32_t n, uint32_t *width, GError **error)
{
  g_autofree float *out = NULL;

  *width = y->dims == 2 ? (uint32_t) y->dim[1] : 1;
  if (y->dim[0] != n || y->dims > 2 || !*width || *width > MOST_CLASSES) {
    refuse_shape (y, "n or n × targets, as many as there are examples", error);
    return NULL;
  }
  out = g_new (float, (size_t) n **width + 1);
  for (uint32_t i = 0; i < n; i++)
    for (uint32_t t = 0; t < *width; t++) {
      double value = array_value (y, i * y->stride[0] + (y->dims == 2 ? t * y->stride[1] : 0));

      if (!isfinite (value)) {
        g_set_error (error, DATA_ERROR, 0, "%s: example %u has a value that is not finite", y->name,
                     i);
        return NULL;
      }
      out[(size_t) i * *width + t] = (float) value;
    }
  return g_steal_pointer (&out);
}

static bool
take_targets (LodeDataset *set, Part *part, const Array *y, int32_t task, GError **error)
{
  uint32_t width = 0, most = 0;

  if (task == TASK_AUTO && set->classes + set->targets > 0)
    task = set->classes ? TASK_CLASSES : TASK_REALS; /* as the training part */
  if (task == TASK_AUTO)
    task = y->kind == 'f' || (y->dims == 2 && y->dim[1] > 1) ? TASK_REALS : TASK_CLASSES;
  if (task == TASK_REALS) {
    part->target = take_reals (y, part->n, &width, error);
    if (part->target && set->targets && set->targets != width)
      return refuse_shape (y, "as many targets as the training part has", error);
    set->targets = width;
    return part->target != NULL;
  }
  part->label = take_integers (y, part->n, -1, error);
  for (uint32_t i = 0; part->label && i < part->n; i++)
    most = MAX (most, (uint32_t) (part->label[i] + 1));
  set->classes = MAX (set->classes, most);
  if (!part->label || most <= MOST_CLASSES)
    return part->label != NULL;
  g_set_error (error, DATA_ERROR, 0, "%s: %u classes; expected at most %d, or task = \"reals\"",
               y->name, most, MOST_CLASSES);
  return false;
}

static bool
read_part (LodeDataset *set, uint32_t which, const char *path, const Conf *conf, GError **error)
{
  static const char *const x_names[][7] = {
    { "x_train", "x", "images", "train_images", "data", "arr_0", NULL }, { "x_test", "test_images" }
  };
  static const char *const y_names[][7] = { { "y_train", "y", "labels", "train_labels", "targets",
                                              "arr_1", NULL },
                                            { "y_test", "test_labels" } };
  bool test = which == LODE_PART_TEST;
  Part *part = &set->part[which];
  GError *failure = NULL;
  g_autoptr (Array) y = NULL;

  part->x = find (path, test ? conf->x_test : conf->x, x_names[test], &failure);
  if (!part->x && !failure && !test)
    g_set_error (
        &failure, DATA_ERROR, 0,
        "%s: there is no array called x_train, x, images or data in it; set `x` to its name", path);
  if (part->x && take_pixels (part, conf->layout, &failure))
    y = find (path, test ? conf->y_test : conf->y, y_names[test], &failure);
  if (y && !failure)
    take_targets (set, part, y, conf->task, &failure);
  if (!failure)
    return true;
  g_propagate_error (error, failure);
  return false;
}

/* Arrays of the training part that may be beside it. */
static bool
read_rest (LodeDataset *set, const char *path, GError **error)
{
  static const char *const names[][3] = { { "weight", "weights" },
                                          { "group", "groups" },
                                          { "split", "splits" } };
  uint32_t n = set->part[LODE_PART_TRAIN].n, width;
  GError *failure = NULL;

  for (int k = 0; k < 3 && !failure; k++) {
    g_autoptr (Array) array = array_find (path, names[k], &failure);

    if (!array)
      continue;
    set->has |= k == 0 ? LODE_HAS_WEIGHT : k == 1 ? LODE_HAS_GROUP : LODE_HAS_SPLIT;
    if (k == 0)
      set->weight = take_reals (array, n, &width, &failure);
    else if (k == 1)
      set->group = take_integers (array, n, -1, &failure);
    else
      set->split = take_integers (array, n, 0, &failure);
  }
  if (!failure)
    return true;
  g_propagate_error (error, failure);
  return false;
}

/* Of the configuration, else the lines of classes.txt in the folder, else numbers. */
static bool
name_classes (LodeDataset *set, const char *path, const Conf *conf, GError **error)
{
  g_autofree char *file = g_build_filename (path, "classes.txt", NULL), *text = NULL;
  uint32_t n = (uint32_t) conf->classes.n;

  if (n) {
    set->names = g_new0 (char *, n + 1);
    for (uint32_t i = 0; i < n; i++)
      set->names[i] = g_strdup (conf->classes.at[i]);
  } else if (g_file_get_contents (file, &text, NULL, NULL) && g_utf8_validate (text, -1, NULL)) {
    set->names = g_strsplit (g_strchomp (text), "\n", -1);
    n = g_strv_length (set->names);
  } else {
    n = set->classes;
    set->names = g_new0 (char *, (size_t) n + 1);
    for (uint32_t i = 0; i < n; i++)
      set->names[i] = g_strdup_printf ("%u", i);
  }
  if (n >= set->classes) {
    set->classes = set->targets ? 0 : n;
    return true;
  }
  g_set_error (error, DATA_ERROR, 0, "%s: %u names for %u classes; expected one each", path, n,
               set->classes);
  return false;
}

static bool
check_parts (const LodeDataset *set, const char *path, GError **error)
{
  const Part *a = &set->part[LODE_PART_TRAIN], *b = &set->part[LODE_PART_TEST];
  bool same = a->shape.h == b->shape.h && a->shape.w == b->shape.w && a->shape.c == b->shape.c
              && a->bytes == b->bytes && !a->target == !b->target;

  if (!b->n || same)
    return true;
  g_set_error (error, DATA_ERROR, 0,
               "%s: test examples are %u × %u × %u, training examples %u × %u × %u; expected one "
               "shape, one type and targets of one kind",
               path, b->shape.h, b->shape.w, b->shape.c, a->shape.h, a->shape.w, a->shape.c);
  return false;
}

static LodeDataset *
npy_open (const LodeHost *host, const void *conf, GError **error)
{
  const Conf *own = conf;
  g_autofree char *path = lode_find_data (host, own->file, error);
  LodeDataset *set;

  if (!path)
    return NULL;
  set = g_new0 (LodeDataset, 1);
  if (read_part (set, LODE_PART_TRAIN, path, own, error)
      && read_part (set, LODE_PART_TEST, path, own, error) && read_rest (set, path, error)
      && check_parts (set, path, error) && name_classes (set, path, own, error))
    return set;
  npy_close (set);
  return NULL;
}

static void
npy_info (const LodeDataset *set, LodeDataInfo *info)
{
  const Part *train = &set->part[LODE_PART_TRAIN], *test = &set->part[LODE_PART_TEST];

  info->shape = train->shape;
  info->pixel = train->bytes ? LODE_PIXEL_U8 : LODE_PIXEL_F32;
  info->classes = set->classes;
  info->targets = set->targets;
  info->has = set->has | (train->gaps || test->gaps ? LODE_HAS_MISSING : 0);
  info->count[LODE_PART_TRAIN] = train->n;
  info->count[LODE_PART_TEST] = test->n;
}

static bool
npy_read (const LodeDataset *set, uint32_t which, const LodeExamples *want, GError **error)
{
  bool test = which == LODE_PART_TEST;
  const Part *part = &set->part[test];
  size_t values = (size_t) part->shape.h * part->shape.w * part->shape.c;
  LodeArrays arrays = { .n = which < LODE_PARTS ? part->n : 0,
                        .targets = set->targets,
                        .bytes = values * (part->bytes ? 1 : sizeof (float)),
                        .label = part->label,
                        .target = part->target,
                        .weight = test ? NULL : set->weight,
                        .group = test ? NULL : set->group,
                        .split = test ? NULL : set->split };

  arrays.pixel = part->value ? (const void *) part->value : part->x ? part->x->data : NULL;
  return lode_arrays_read (&arrays, want, error);
}

static const char *
npy_class_name (const LodeDataset *set, uint32_t class)
{
  return set->names && class < set->classes ? set->names[class] : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = npy_open,
                                    .close = npy_close,
                                    .info = npy_info,
                                    .read = npy_read,
                                    .class_name = npy_class_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, file, .text = "data.npz", .doc = "a .npz archive, or a folder of .npy files"),
  LODE_OPTION (Conf, x, .text = "",
               .doc = "array of examples; empty: x_train, x, images, train_images, data or arr_0"),
  LODE_OPTION (Conf, y, .text = "",
               .doc = "array of labels or real targets; empty: y_train, y, labels, train_labels, "
                      "targets or arr_1, if there is"),
  LODE_OPTION (Conf, x_test, .text = "",
               .doc = "array of test examples; empty: x_test or test_images, if there is"),
  LODE_OPTION (Conf, y_test, .text = "",
               .doc = "their labels or targets; empty: y_test or test_labels, if there is"),
  LODE_OPTION (Conf, layout, .choices = layouts,
               .doc =
                   "of four dimensions; auto: nchw if the second is at most 4 and the last is not"),
  LODE_OPTION (Conf, task, .choices = tasks,
               .doc = "auto: classes from one integer an example, else real targets"),
  LODE_OPTION (Conf, classes,
               .doc =
                   "names of the classes; empty: lines of classes.txt in the folder, or numbers"),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "npy",
  .version = "1.0",
  .summary = "arrays saved by NumPy, in a .npz archive or a folder of .npy files",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

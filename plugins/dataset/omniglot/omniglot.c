/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Omniglot: 1,623 characters of 50 alphabets, each drawn by 20 people. Either as IDX files of 28 ×
 * 28 (images, labels, alphabets, and classes.tsv with the names), or as its authors publish it:
 * folders of alphabets, in them folders of characters, in them PNG files. Ink is bright in both.
 */
#include "../folder/gallery.h"
#include "../folder/walk.h"
#include "../idx/values.h"

#include <string.h>

typedef struct Conf {
  const char *folder;
  int32_t set, group;
  int64_t side;
} Conf;

enum { SET_ALL, SET_BACKGROUND, SET_EVALUATION };
enum { GROUP_NONE, GROUP_DRAWER, GROUP_ALPHABET };
enum { MOST_CLASSES = 1 << 16 };

struct LodeDataset {
  uint32_t n;
  LodeShape shape;
  uint8_t *pixel;         /* [n][h][w] */
  int32_t *label, *group; /* [n] group: or NULL */
  GPtrArray *name;        /* char *, "alphabet/character" */
};

/* One drawing, before those of other sets are left out. */
typedef struct Drawing {
  int32_t class, alphabet, drawer;
} Drawing;

static const char *const sets[] = { "all", "background", "evaluation", NULL };
static const char *const groups[] = { "none", "drawer", "alphabet", NULL };

static const char image_file[] = "omniglot-28-images-idx3-ubyte";
static const char label_file[] = "omniglot-labels-idx1-short";
static const char class_file[] = "classes.tsv";

static void
omniglot_close (LodeDataset *set)
{
  if (!set)
    return;
  g_free (set->pixel);
  g_free (set->label);
  g_free (set->group);
  g_ptr_array_unref (set->name);
  g_free (set);
}

/* A group is a drawer of an alphabet (each had 20 of its own), or an alphabet. */
static void
keep (LodeDataset *set, const Drawing *drawing, int32_t group, const uint8_t *pixel, bool invert)
{
  size_t bytes = (size_t) set->shape.h * set->shape.w;
  uint8_t *out = set->pixel + set->n * bytes;

  for (size_t j = 0; j < bytes; j++)
    out[j] = invert ? (uint8_t) (255 - pixel[j]) : pixel[j];
  set->label[set->n] = drawing->class;
  if (set->group)
    set->group[set->n] =
        group == GROUP_ALPHABET ? drawing->alphabet : drawing->alphabet * 64 + drawing->drawer;
  set->n++;
}

static bool
make_room (LodeDataset *set, uint32_t n, const Conf *conf, GError **error)
{
  set->pixel = g_try_malloc_n ((size_t) n + 1, (size_t) set->shape.h * set->shape.w);
  set->label = g_new (int32_t, (size_t) n + 1);
  set->group = conf->group ? g_new (int32_t, (size_t) n + 1) : NULL;
  if (set->pixel)
    return true;
  g_set_error (error, DATA_ERROR, 0, "%s: %u drawings do not fit into memory", conf->folder, n);
  return false;
}

/* What classes.tsv says of a class: kept as which one, −1 not at all; of which alphabet. */
typedef struct ClassMap {
  uint32_t n;
  int32_t *to, *alphabet; /* [n] */
} ClassMap;

static void
map_free (ClassMap *map)
{
  g_free (map->to);
  g_free (map->alphabet);
  g_free (map);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ClassMap, map_free)

static const char *
text_at (const LodeColumn *column, uint32_t row)
{
  return column->code && column->code[row] >= 0 ? column->value[column->code[row]] : "?";
}

static ClassMap *
read_classes (LodeDataset *set, const LodeHost *host, const Conf *conf, const char *folder,
              GError **error)
{
  g_autofree char *path = g_build_filename (folder, class_file, NULL);
  LodeRecordsIn in = {
    .size = sizeof in, .path = path, .format = LODE_RECORDS_CSV, .header = LODE_HEADER_YES
  };
  LodeRecords *records = lode_records_new (host, &in, error);
  static const char *const names[] = { "alphabet", "set", "alphabet_name", "character" };
  LodeColumn column[G_N_ELEMENTS (names)];
  ClassMap *map = NULL;

  for (size_t i = 0; records && i < G_N_ELEMENTS (names); i++) {
    int32_t at = lode_records_find (records, names[i]);

    if (at < 0) {
      g_set_error (error, DATA_ERROR, 0, "%s: there is no column \"%s\" in it", path, names[i]);
      lode_records_free (records);
      return NULL;
    }
    column[i] = lode_records_column (records, (uint32_t) at);
  }
  if (!records)
    return NULL;
  map = g_new0 (ClassMap, 1);
  map->n = lode_records_rows (records);
  map->to = g_new (int32_t, map->n);
  map->alphabet = g_new (int32_t, map->n);
  for (uint32_t i = 0; i < map->n; i++) {
    bool wanted = conf->set == SET_ALL || !strcmp (text_at (&column[1], i), sets[conf->set]);

    map->to[i] = wanted ? (int32_t) set->name->len : -1;
    map->alphabet[i] = column[0].number ? (int32_t) column[0].number[i] : 0;
    if (wanted)
      g_ptr_array_add (set->name,
                       g_strdup_printf ("%s/%s", text_at (&column[2], i), text_at (&column[3], i)));
  }
  lode_records_free (records);
  return map;
}

static uint8_t *
read_idx (const char *folder, const char *name, uint32_t dims, IdxHeader *header, GError **error)
{
  g_autoptr (Source) source = idx_open_file (folder, name, error);

  if (!source || !idx_read_header (source, header, error))
    return NULL;
  if (header->dims == dims && (dims == 1 || header->type == IDX_U8))
    return idx_read_values (source, header, error);
  g_set_error (error, DATA_ERROR, 0, "%s: type 0x%02x in %u dimensions; expected %s",
               source_path (source), header->type, header->dims,
               dims == 1 ? "labels, which have 1" : "bytes in 3");
  return NULL;
}

static bool
fill_from_idx (LodeDataset *set, const LodeHost *host, const Conf *conf, const char *folder,
               GError **error)
{
  IdxHeader images, labels;
  g_autofree uint8_t *pixel = read_idx (folder, image_file, 3, &images, error);
  g_autofree uint8_t *label = pixel ? read_idx (folder, label_file, 1, &labels, error) : NULL;
  g_autoptr (ClassMap) map = label ? read_classes (set, host, conf, folder, error) : NULL;
  g_autofree int32_t *drawn = map ? g_new0 (int32_t, map->n) : NULL;

  if (!map)
    return false;
  if (images.dim[0] != labels.dim[0]) {
    g_set_error (error, DATA_ERROR, 0, "%s: %u labels for %u images; expected as many of both",
                 folder, labels.dim[0], images.dim[0]);
    return false;
  }
  set->shape = (LodeShape){ images.dim[1], images.dim[2], 1 };
  if (!make_room (set, images.dim[0], conf, error))
    return false;
  for (uint32_t i = 0; i < images.dim[0]; i++) {
    int32_t class = idx_label_at (label, labels.value, i);

    if (class < 0 || (uint32_t) class >= map->n) {
      g_set_error (error, DATA_ERROR, 0,
                   "%s: drawing %u has class %d; expected one of the %u of %s", folder, i, class,
                   map->n, class_file);
      return false;
    }
    if (map->to[class] >= 0)
      keep (set, &(Drawing){ map->to[class], map->alphabet[class], drawn[class] % 64 }, conf->group,
            pixel + (size_t) i * set->shape.h * set->shape.w, false);
    drawn[class]++;
  }
  return true;
}

/* The alphabets' folders of the set, or of both; NULL-ended, transfer full. */
static char **
roots_of (const Conf *conf, const char *folder)
{
  g_autofree char *one = g_build_filename (folder, "images_background", NULL);
  g_autofree char *two = g_build_filename (folder, "images_evaluation", NULL);
  GPtrArray *roots = g_ptr_array_new ();
  bool parted = g_file_test (one, G_FILE_TEST_IS_DIR) || g_file_test (two, G_FILE_TEST_IS_DIR);

  if (!parted)
    g_ptr_array_add (roots, g_strdup (folder));
  if (parted && conf->set != SET_EVALUATION)
    g_ptr_array_add (roots, g_strdup (one));
  if (parted && conf->set != SET_BACKGROUND)
    g_ptr_array_add (roots, g_strdup (two));
  g_ptr_array_add (roots, NULL);
  return (char **) g_ptr_array_free (roots, FALSE);
}

/* "alphabet/character/file" of a sorted list: a class, an alphabet, a drawer. */
static bool
place (LodeDataset *set, const char *path, Drawing *now, uint32_t *alphabets, GError **error)
{
  g_auto (GStrv) part = g_strsplit (path, "/", -1);
  g_autofree char *name = NULL;
  const char *last = set->name->len ? set->name->pdata[set->name->len - 1] : NULL;

  if (g_strv_length (part) != 3) {
    g_set_error (error, DATA_ERROR, 0, "%s: expected pictures in alphabet/character folders", path);
    return false;
  }
  name = g_strdup_printf ("%s/%s", part[0], part[1]);
  if (last && !strcmp (last, name)) {
    now->drawer++;
    return true;
  }
  *alphabets += !last || strncmp (last, name, strlen (part[0]) + 1);
  *now = (Drawing){ (int32_t) set->name->len, (int32_t) *alphabets - 1, 0 };
  g_ptr_array_add (set->name, g_steal_pointer (&name));
  return true;
}

static bool
list_pictures (Gallery *gallery, const LodeHost *host, const Conf *conf, const char *folder,
               GError **error)
{
  g_auto (GStrv) roots = roots_of (conf, folder);
  g_autoptr (GPtrArray) path = g_ptr_array_new (), name = g_ptr_array_new ();
  bool ok = true;

  for (char **root = roots; ok && *root; root++) {
    Walk walk;

    walk_folder (&walk, *root);
    ok = walk_check (&walk, host, *root, error);
    for (guint i = 0; ok && i < walk.path->len; i++) {
      g_ptr_array_add (path, g_build_filename (*root, walk.path->pdata[i], NULL));
      g_ptr_array_add (name, g_strdup (walk.path->pdata[i]));
    }
    walk_clear (&walk);
  }
  gallery->n = path->len;
  g_ptr_array_add (path, NULL);
  g_ptr_array_add (name, NULL);
  gallery->path = (char **) g_ptr_array_steal (path, NULL);
  gallery->name = (char **) g_ptr_array_steal (name, NULL);
  return ok;
}

static bool
fill_from_folders (LodeDataset *set, const LodeHost *host, const Conf *conf, const char *folder,
                   GError **error)
{
  g_autoptr (Gallery) gallery = g_new0 (Gallery, 1);
  GalleryLook look = { .side = conf->side, .colour = LODE_COLOUR_GREY, .megapixels = 40 };
  Drawing now = { 0 };
  uint32_t alphabets = 0;

  if (!list_pictures (gallery, host, conf, folder, error)
      || !gallery_decode (gallery, host, &look, error))
    return false;
  set->shape = lode_pictures_shape (gallery->pictures);
  if (!make_room (set, gallery->n, conf, error))
    return false;
  for (uint32_t i = 0; i < gallery->n; i++) {
    if (!place (set, gallery->name[i], &now, &alphabets, error))
      return false;
    keep (set, &now, conf->group, lode_pictures_at (gallery->pictures, gallery->at[i]), true);
  }
  return true;
}

static LodeDataset *
omniglot_open (const LodeHost *host, const void *conf, GError **error)
{
  const Conf *own = conf;
  g_autofree char *folder = lode_find_data (host, own->folder, error), *file = NULL, *packed = NULL;
  LodeDataset *set;
  bool ok;

  if (!folder)
    return NULL;
  file = g_build_filename (folder, image_file, NULL);
  packed = g_strconcat (file, ".gz", NULL);
  set = g_new0 (LodeDataset, 1);
  set->name = g_ptr_array_new_with_free_func (g_free);
  if (g_file_test (file, G_FILE_TEST_EXISTS) || g_file_test (packed, G_FILE_TEST_EXISTS))
    ok = fill_from_idx (set, host, own, folder, error);
  else
    ok = fill_from_folders (set, host, own, folder, error);
  if (ok && set->n && set->name->len <= MOST_CLASSES)
    return set;
  if (ok)
    g_set_error (error, DATA_ERROR, 0, "%s: there is no drawing of the set \"%s\" in it", folder,
                 sets[own->set]);
  omniglot_close (set);
  return NULL;
}

static void
omniglot_info (const LodeDataset *set, LodeDataInfo *info)
{
  info->shape = set->shape;
  info->pixel = LODE_PIXEL_U8;
  info->classes = set->name->len;
  info->targets = 0;
  info->has = set->group ? LODE_HAS_GROUP : 0;
  info->count[LODE_PART_TRAIN] = set->n;
  info->count[LODE_PART_TEST] = 0;
}

static bool
omniglot_read (const LodeDataset *set, uint32_t part, const LodeExamples *want, GError **error)
{
  LodeArrays arrays = { .n = part == LODE_PART_TRAIN ? set->n : 0,
                        .bytes = (size_t) set->shape.h * set->shape.w,
                        .pixel = set->pixel,
                        .label = set->label,
                        .group = set->group };

  return lode_arrays_read (&arrays, want, error);
}

static const char *
omniglot_class_name (const LodeDataset *set, uint32_t class)
{
  return class < set->name->len ? set->name->pdata[class] : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = omniglot_open,
                                    .close = omniglot_close,
                                    .info = omniglot_info,
                                    .read = omniglot_read,
                                    .class_name = omniglot_class_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, folder, .text = "omniglot",
               .doc = "folder of the IDX files, or of alphabets (or images_background and "
                      "images_evaluation with these in them)"),
  LODE_OPTION (Conf, set, .choices = sets,
               .doc =
                   "characters of its authors' background set, of the evaluation set, or of both"),
  LODE_OPTION (Conf, group, .choices = groups,
               .doc = "what no split may part: the drawings of one person, or an alphabet"),
  LODE_OPTION (Conf, side, .number = 28, .min = 1, .max = 256, .unit = "pixels",
               .doc = "side that pictures in folders are brought to"),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "omniglot",
  .version = "1.0",
  .summary = "Omniglot: 1,623 handwritten characters, 20 drawings each",
  .license = "Apache-2.0",
  .reference =
      "B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum. Human-level Concept Learning through "
      "Probabilistic Program Induction. Science 350(6266), 2015",
  .bibtex = "@article{lake2015human,\n"
            "  title = {Human-level Concept Learning through Probabilistic Program Induction},\n"
            "  author = {Lake, Brenden M. and Salakhutdinov, Ruslan and Tenenbaum, Joshua B.},\n"
            "  journal = {Science},\n"
            "  volume = {350},\n"
            "  number = {6266},\n"
            "  pages = {1332--1338},\n"
            "  year = {2015}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

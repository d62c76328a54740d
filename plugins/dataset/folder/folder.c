/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A folder of PNG and JPEG files. A folder in it is a class, with all that lies below; folders
 * called train, valid and test are splits, with the classes in them. Pictures that lie in no folder
 * are unlabelled, as are those in one called "unlabelled".
 */
#include "gallery.h"
#include "walk.h"

#include <string.h>

typedef struct Conf {
  const char *folder;
  GALLERY_FIELDS
  LodeTexts classes;
  int32_t group;
} Conf;

struct LodeDataset {
  Gallery *gallery;
};

static const char *const groups[] = { "none", "folder", NULL };
static const char *const no_label[] = { "unlabelled", "unlabeled", NULL };

/* Of one picture's path: folders in it. */
typedef struct Parts {
  char **at;      /* folders, then the file; NULL-ended */
  uint32_t n;     /* folders */
  uint32_t class; /* which of them is the class */
} Parts;

static int32_t
split_of (const char *name)
{
  static const char *const names[][5] = { { "train", "training", NULL },
                                          { "valid", "validation", "val", "dev", NULL },
                                          { "test", "testing", NULL } };

  for (int32_t split = 0; split < 3; split++)
    for (const char *const *word = names[split]; *word; word++)
      if (!g_ascii_strcasecmp (name, *word))
        return split;
  return -1;
}

/* Whether the first folders of all paths are splits, one of them of training. */
static bool
has_splits (const GPtrArray *path)
{
  bool train = false;

  for (guint i = 0; i < path->len; i++) {
    const char *one = path->pdata[i], *slash = strchr (one, '/');
    g_autofree char *first = slash ? g_strndup (one, (gsize) (slash - one)) : NULL;
    int32_t split = first ? split_of (first) : -1;

    if (split < 0)
      return false;
    train = train || split == LODE_SPLIT_TRAIN;
  }
  return train;
}

static Parts
parts_of (const char *path, bool splits)
{
  Parts parts = { .at = g_strsplit (path, "/", -1), .class = splits };

  parts.n = g_strv_length (parts.at) - 1;
  return parts;
}

/* A class's place among the sorted names; −1: no label. */
static int32_t
place_of (char *const *names, uint32_t n, const char *name)
{
  for (uint32_t c = 0; name && c < n; c++)
    if (!strcmp (names[c], name))
      return (int32_t) c;
  return -1;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The folders that are classes, sorted; with `classes` in the configuration, those and no others.
 */
static bool
name_classes (Gallery *gallery, const Conf *conf, const Parts *parts, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);

  for (size_t i = 0; i < conf->classes.n; i++)
    if (g_hash_table_add (seen, (void *) conf->classes.at[i]))
      g_ptr_array_add (names, (void *) conf->classes.at[i]);
  for (uint32_t i = 0; i < gallery->n; i++) {
    char *name = parts[i].n > parts[i].class ? parts[i].at[parts[i].class] : NULL;

    if (!name || g_strv_contains (no_label, name) || !g_hash_table_add (seen, name))
      continue;
    if (conf->classes.n) {
      g_set_error (error, DATA_ERROR, 0,
                   "%s: folder \"%s\" is none of the %zu in `classes`; add it, or move it away",
                   conf->folder, name, conf->classes.n);
      return false;
    }
    g_ptr_array_add (names, name);
  }
  if (!conf->classes.n)
    g_ptr_array_sort (names, compare_names);
  gallery->classes = names->len;
  gallery->class_name = g_new0 (char *, names->len + 1);
  for (guint c = 0; c < names->len; c++)
    gallery->class_name[c] = g_utf8_make_valid (names->pdata[c], -1);
  return true;
}

/* Pictures beside class folders are likely to have been forgotten there. */
static bool
check_strays (const Gallery *gallery, const Conf *conf, const Parts *parts, GError **error)
{
  uint32_t strays = 0, first = 0;

  for (uint32_t i = 0; i < gallery->n; i++)
    if (parts[i].n == parts[i].class && !strays++)
      first = i;
  if (strays == 0 || strays == gallery->n)
    return true;
  g_set_error (error, DATA_ERROR, 0,
               "%s: %u picture%s beside the class folders (%s%s); move %s into one, or into "
               "\"unlabelled\"",
               conf->folder, strays, strays == 1 ? " lies" : "s lie", gallery->name[first],
               strays == 1 ? "" : " …", strays == 1 ? "it" : "them");
  return false;
}

/* Pictures of one folder inside a class are a group. Paths are sorted, so a folder's are side by
 * side. */
static void
assign_groups (Gallery *gallery, const Parts *parts)
{
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  gallery->group = g_new (int32_t, (size_t) gallery->n + 1);
  gallery->has |= LODE_HAS_GROUP;
  for (uint32_t i = 0; i < gallery->n; i++) {
    char *folder = g_path_get_dirname (gallery->name[i]);
    void *id;

    gallery->group[i] = -1;
    if (parts[i].n <= parts[i].class + 1) {
      g_free (folder);
      continue;
    }
    if (!g_hash_table_lookup_extended (known, folder, NULL, &id)) {
      id = GINT_TO_POINTER (g_hash_table_size (known));
      g_hash_table_insert (known, g_strdup (folder), id);
    }
    gallery->group[i] = GPOINTER_TO_INT (id);
    g_free (folder);
  }
}

static bool
assign (Gallery *gallery, const Conf *conf, const Parts *parts, bool splits, GError **error)
{
  if (!check_strays (gallery, conf, parts, error) || !name_classes (gallery, conf, parts, error))
    return false;
  gallery->label = g_new (int32_t, (size_t) gallery->n + 1);
  gallery->split = splits ? g_new (int32_t, (size_t) gallery->n + 1) : NULL;
  gallery->has = splits ? LODE_HAS_SPLIT : 0;
  for (uint32_t i = 0; i < gallery->n; i++) {
    const Parts *of = &parts[i];
    g_autofree char *name = of->n > of->class ? g_utf8_make_valid (of->at[of->class], -1) : NULL;

    gallery->label[i] = place_of (gallery->class_name, gallery->classes, name);
    if (splits)
      gallery->split[i] = split_of (of->at[0]);
  }
  if (conf->group)
    assign_groups (gallery, parts);
  return true;
}

static Gallery *
gather (const Walk *walk, const char *root)
{
  Gallery *gallery = g_new0 (Gallery, 1);

  gallery->n = walk->path->len;
  gallery->path = g_new0 (char *, (size_t) gallery->n + 1);
  gallery->name = g_new0 (char *, (size_t) gallery->n + 1);
  for (uint32_t i = 0; i < gallery->n; i++) {
    gallery->path[i] = g_build_filename (root, walk->path->pdata[i], NULL);
    gallery->name[i] = g_utf8_make_valid (walk->path->pdata[i], -1);
  }
  return gallery;
}

static bool
fill (Gallery *gallery, const LodeHost *host, const Conf *conf, const Walk *walk, GError **error)
{
  GalleryLook look = GALLERY_LOOK (conf);
  g_autofree Parts *parts = g_new (Parts, (size_t) gallery->n + 1);
  bool splits = has_splits (walk->path), ok;

  for (uint32_t i = 0; i < gallery->n; i++)
    parts[i] = parts_of (walk->path->pdata[i], splits);
  ok = assign (gallery, conf, parts, splits, error) && gallery_decode (gallery, host, &look, error);
  for (uint32_t i = 0; i < walk->path->len; i++)
    g_strfreev (parts[i].at);
  return ok;
}

static LodeDataset *
folder_open (const LodeHost *host, const void *conf, GError **error)
{
  const Conf *own = conf;
  g_autofree char *root = lode_find_data (host, own->folder, error);
  g_autoptr (Gallery) gallery = NULL;
  LodeDataset *set;
  Walk walk;
  bool ok;

  if (!root)
    return NULL;
  walk_folder (&walk, root);
  ok = walk_check (&walk, host, root, error);
  gallery = ok ? gather (&walk, root) : NULL;
  ok = ok && fill (gallery, host, own, &walk, error);
  walk_clear (&walk);
  if (!ok)
    return NULL;
  set = g_new0 (LodeDataset, 1);
  set->gallery = g_steal_pointer (&gallery);
  return set;
}

static void
folder_close (LodeDataset *set)
{
  if (!set)
    return;
  gallery_free (set->gallery);
  g_free (set);
}

static void
folder_info (const LodeDataset *set, LodeDataInfo *info)
{
  gallery_info (set->gallery, info);
}

static bool
folder_read (const LodeDataset *set, uint32_t part, const LodeExamples *want, GError **error)
{
  return gallery_read (set->gallery, part, want, error);
}

static const char *
folder_class_name (const LodeDataset *set, uint32_t class)
{
  return class < set->gallery->classes ? set->gallery->class_name[class] : NULL;
}

static char *
folder_example_name (const LodeDataset *set, uint32_t part, uint32_t index)
{
  return part == LODE_PART_TRAIN && index < set->gallery->n ? g_strdup (set->gallery->name[index])
                                                            : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = folder_open,
                                    .close = folder_close,
                                    .info = folder_info,
                                    .read = folder_read,
                                    .class_name = folder_class_name,
                                    .example_name = folder_example_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, folder, .text = "pictures",
               .doc = "folder of the classes, or of train, valid and test"),
  GALLERY_OPTIONS (Conf),
  LODE_OPTION (Conf, classes,
               .doc = "names of the classes in order; empty: the folders, sorted by bytes"),
  LODE_OPTION (Conf, group, .choices = groups,
               .doc = "folder: pictures of one folder inside a class stay in one split"),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "folder",
  .version = "1.0",
  .summary = "PNG and JPEG files, a folder a class",
  .license = "Apache-2.0",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Images and labels in IDX files, the format of MNIST and its likes, plain or .gz: bytes as n × h ×
 * w or n × h × w × c, labels as bytes, 16-bit or 32-bit integers.
 */
#include "values.h"

#include <lode/lode.h>
#include <string.h>

enum { MOST_SIDE = 1 << 16, MOST_CLASSES = 1 << 16 };

typedef struct Conf {
  const char *folder, *train_images, *train_labels, *test_images, *test_labels;
  int64_t classes;
  LodeTexts names;
} Conf;

typedef struct Part {
  uint32_t n;
  LodeShape shape;
  uint8_t *pixel; /* [n][h][w][c] */
  int32_t *label; /* [n] */
} Part;

struct LodeDataset {
  Part part[LODE_PARTS];
  uint32_t classes;
  char **names; /* [classes], or NULL */
};

static const char *const fashion[] = {
  "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
  "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"
};

static bool
read_images (Part *part, const char *folder, const char *name, GError **error)
{
  g_autoptr (Source) source = idx_open_file (folder, name, error);
  IdxHeader header;

  if (!source || !idx_read_header (source, &header, error))
    return false;
  if (header.type != IDX_U8 || header.dims < 3) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: type 0x%02x in %u dimensions; expected images: bytes (0x08) in 3 or 4",
                 source_path (source), header.type, header.dims);
    return false;
  }
  part->n = header.dim[0];
  part->shape = (LodeShape){ header.dim[1], header.dim[2], header.dims > 3 ? header.dim[3] : 1 };
  if (part->shape.h > MOST_SIDE || part->shape.w > MOST_SIDE || part->shape.c > MOST_SIDE) {
    g_set_error (error, DATA_ERROR, 0, "%s: images of %u×%u×%u; expected sides of at most %d",
                 source_path (source), part->shape.h, part->shape.w, part->shape.c, MOST_SIDE);
    return false;
  }
  part->pixel = idx_read_values (source, &header, error);
  return part->pixel != NULL;
}

/* classes: of the configuration, or 0. */
static bool
check_labels (const Part *part, const char *path, int64_t classes, GError **error)
{
  int64_t most = classes ? classes : MOST_CLASSES;

  for (uint32_t i = 0; i < part->n; i++)
    if (part->label[i] < 0 || part->label[i] >= most) {
      g_set_error (error, DATA_ERROR, 0,
                   "%s: example %u has label %d; expected 0 to %d, the last of %d classes: check "
                   "the file, or set "
                   "`classes`",
                   path, i, part->label[i], (int) most - 1, (int) most);
      return false;
    }
  return true;
}

static bool
read_labels (Part *part, const char *folder, const char *name, int64_t classes, GError **error)
{
  g_autoptr (Source) source = idx_open_file (folder, name, error);
  g_autofree uint8_t *values = NULL;
  IdxHeader header;

  if (!source || !idx_read_header (source, &header, error))
    return false;
  if (header.dims != 1) {
    g_set_error (error, DATA_ERROR, 0, "%s: %u dimensions; expected labels, which have 1",
                 source_path (source), header.dims);
    return false;
  }
  if (header.dim[0] != part->n) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: %u labels for the %u images beside it; expected as many of both",
                 source_path (source), header.dim[0], part->n);
    return false;
  }
  values = idx_read_values (source, &header, error);
  if (!values)
    return false;
  part->label = g_new (int32_t, part->n);
  for (uint32_t i = 0; i < part->n; i++)
    part->label[i] = idx_label_at (values, header.value, i);
  return check_labels (part, source_path (source), classes, error);
}

static bool
same_shape (const LodeDataset *set, const char *folder, const char *name, GError **error)
{
  LodeShape a = set->part[LODE_PART_TRAIN].shape, b = set->part[LODE_PART_TEST].shape;

  if (set->part[LODE_PART_TEST].n == 0 || (a.h == b.h && a.w == b.w && a.c == b.c))
    return true;
  g_set_error (error, DATA_ERROR, 0,
               "%s/%s: test images are %u×%u×%u, training images %u×%u×%u; expected one shape",
               folder, name, b.h, b.w, b.c, a.h, a.w, a.c);
  return false;
}

/* Without the option: one more than the largest training label. */
static void
count_classes (LodeDataset *set, int64_t classes)
{
  const Part *part = &set->part[LODE_PART_TRAIN];

  set->classes = (uint32_t) classes;
  for (uint32_t i = 0; !classes && i < part->n; i++)
    set->classes = MAX (set->classes, (uint32_t) part->label[i] + 1);
}

static bool
name_classes (LodeDataset *set, const Conf *conf, const char *folder, GError **error)
{
  g_autofree char *base = g_path_get_basename (folder);
  bool known = g_str_equal (base, "fashion-mnist") && set->classes == G_N_ELEMENTS (fashion);

  if (conf->names.n && conf->names.n != set->classes) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: `names` has %zu entries for %u classes; expected one each", folder,
                 conf->names.n, set->classes);
    return false;
  }
  if (!conf->names.n && !known)
    return true;
  set->names = g_new0 (char *, set->classes + 1);
  for (uint32_t i = 0; i < set->classes; i++)
    set->names[i] = g_strdup (conf->names.n ? conf->names.at[i] : fashion[i]);
  return true;
}

static void
idx_close (LodeDataset *set)
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

static bool
fill (LodeDataset *set, const Conf *conf, const char *folder, GError **error)
{
  Part *train = &set->part[LODE_PART_TRAIN], *test = &set->part[LODE_PART_TEST];

  if (!read_images (train, folder, conf->train_images, error)
      || !read_labels (train, folder, conf->train_labels, conf->classes, error))
    return false;
  count_classes (set, conf->classes);
  if (*conf->test_images
      && (!read_images (test, folder, conf->test_images, error)
          || !read_labels (test, folder, conf->test_labels, set->classes, error)))
    return false;
  return same_shape (set, folder, conf->test_images, error)
         && name_classes (set, conf, folder, error);
}

static LodeDataset *
idx_open (const LodeHost *host, const void *conf, GError **error)
{
  const Conf *own = conf;
  g_autofree char *folder = lode_find_data (host, own->folder, error);
  LodeDataset *set;

  if (!folder)
    return NULL;
  set = g_new0 (LodeDataset, 1);
  if (fill (set, own, folder, error))
    return set;
  idx_close (set);
  return NULL;
}

static void
idx_info (const LodeDataset *set, LodeDataInfo *info)
{
  info->shape = set->part[LODE_PART_TRAIN].shape;
  info->pixel = LODE_PIXEL_U8;
  info->classes = set->classes;
  info->targets = 0;
  info->has = 0;
  for (int i = 0; i < LODE_PARTS; i++)
    info->count[i] = set->part[i].n;
}

static bool
idx_read (const LodeDataset *set, uint32_t which, const LodeExamples *want, GError **error)
{
  const Part *part = which < LODE_PARTS ? &set->part[which] : NULL;
  size_t size = part ? (size_t) part->shape.h * part->shape.w * part->shape.c : 0;

  for (uint32_t i = 0; i < want->n; i++) {
    uint32_t at = want->index[i];

    if (!part || at >= part->n) {
      g_set_error (error, DATA_ERROR, 0, "there is no example %u in part %u; expected less than %u",
                   at, which, part ? part->n : 0);
      return false;
    }
    if (want->pixel)
      memcpy ((uint8_t *) want->pixel + i * size, part->pixel + at * size, size);
    if (want->label)
      want->label[i] = part->label[at];
  }
  return true;
}

static const char *
idx_class_name (const LodeDataset *set, uint32_t class)
{
  return set->names && class < set->classes ? set->names[class] : NULL;
}

static const LodeDatasetOps ops = { .size = sizeof (LodeDatasetOps),
                                    .open = idx_open,
                                    .close = idx_close,
                                    .info = idx_info,
                                    .read = idx_read,
                                    .class_name = idx_class_name };

static const LodeOption options[] = {
  LODE_OPTION (Conf, folder, .text = "fashion-mnist",
               .doc = "folder of the files, looked for where data lie"),
  LODE_OPTION (Conf, train_images, .text = "train-images-idx3-ubyte",
               .doc = "training images, plain or .gz"),
  LODE_OPTION (Conf, train_labels, .text = "train-labels-idx1-ubyte", .doc = "their labels"),
  LODE_OPTION (Conf, test_images, .text = "t10k-images-idx3-ubyte",
               .doc = "test images; empty: there are none"),
  LODE_OPTION (Conf, test_labels, .text = "t10k-labels-idx1-ubyte", .doc = "their labels"),
  LODE_OPTION (Conf, classes, .number = 0, .max = MOST_CLASSES,
               .doc = "number of classes; 0: one more than the largest training label"),
  LODE_OPTION (Conf, names,
               .doc = "names of the classes; empty: known for fashion-mnist, else numbers"),
};

LODE_EXPORT const LodePlugin lode_plugin = {
  LODE_PLUGIN_HEAD,
  .kind = "dataset",
  .name = "idx",
  .version = "0.1.0",
  .summary = "images and labels in IDX files (MNIST, Fashion-MNIST), plain or .gz",
  .license = "Apache-2.0",
  .reference = "H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a Novel Image Dataset for "
               "Benchmarking Machine "
               "Learning Algorithms. arXiv:1708.07747, 2017",
  .bibtex = "@article{xiao2017fashion,\n"
            "  title = {Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning "
            "Algorithms},\n"
            "  author = {Xiao, Han and Rasul, Kashif and Vollgraf, Roland},\n"
            "  journal = {arXiv:1708.07747},\n"
            "  year = {2017}\n"
            "}\n",
  LODE_PLUGIN_OPTIONS (options, Conf),
  .ops = &ops,
};

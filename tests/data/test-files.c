/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dataset plugins over files written here: what they read, and that every bad file is named at
 * open.
 */
#include "data/private.h"
#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>
#include <zlib.h>

static char *folder;

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
write_file (const char *name, const GByteArray *bytes)
{
  g_autofree char *path = path_of (name);
  GError *error = NULL;

  g_file_set_contents (path, bytes->len ? (const char *) bytes->data : "", bytes->len, &error);
  g_assert_no_error (error);
}

static void
write_packed (const char *name, const GByteArray *bytes)
{
  g_autofree char *path = path_of (name);
  gzFile file = gzopen (path, "wb");

  g_assert_cmpint (gzwrite (file, bytes->data, bytes->len), ==, (int) bytes->len);
  g_assert_cmpint (gzclose (file), ==, Z_OK);
}

static void
remove_file (const char *name)
{
  g_autofree char *path = path_of (name);

  g_unlink (path);
}

static void
empty_folder (void)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)))
    remove_file (name);
  g_dir_close (dir);
}

static GByteArray *
header (uint32_t type, uint32_t dims, const uint32_t *dim)
{
  GByteArray *bytes = g_byte_array_new ();
  uint8_t magic[] = { 0, 0, (uint8_t) type, (uint8_t) dims };

  g_byte_array_append (bytes, magic, 4);
  for (uint32_t i = 0; i < dims; i++) {
    uint32_t big = GUINT32_TO_BE (dim[i]);

    g_byte_array_append (bytes, (const guint8 *) &big, 4);
  }
  return bytes;
}

/* n images of 4 × 3 (× c), each byte telling where it is; part shifts them. */
static GByteArray *
images (uint32_t n, uint32_t c, uint32_t part)
{
  uint32_t dim[] = { n, 4, 3, c };
  GByteArray *bytes = header (8, c > 1 ? 4 : 3, dim);

  for (uint32_t i = 0; i < n; i++)
    for (uint32_t j = 0; j < 12 * c; j++) {
      uint8_t byte = (uint8_t) (fake_byte (i, j) + part);

      g_byte_array_append (bytes, &byte, 1);
    }
  return bytes;
}

static GByteArray *
labels (uint32_t n, uint32_t classes, uint32_t type)
{
  GByteArray *bytes = header (type, 1, &n);
  uint32_t size = type == 8 ? 1 : type == 0xb ? 2 : 4;

  for (uint32_t i = 0; i < n; i++) {
    uint32_t big = GUINT32_TO_BE (i % classes);

    g_byte_array_append (bytes, (const guint8 *) &big + 4 - size, size);
  }
  return bytes;
}

#define TRAIN_IMAGES "train-images-idx3-ubyte"
#define TRAIN_LABELS "train-labels-idx1-ubyte"
#define TEST_IMAGES "t10k-images-idx3-ubyte"
#define TEST_LABELS "t10k-labels-idx1-ubyte"

static void
write_idx (bool packed, uint32_t c, uint32_t label_type)
{
  void (*write) (const char *, const GByteArray *) = packed ? write_packed : write_file;
  g_autoptr (GByteArray) a = images (20, c, 0), b = labels (20, 5, label_type),
                         d = images (7, c, 3), e = labels (7, 5, 8);

  empty_folder ();
  write (packed ? TRAIN_IMAGES ".gz" : TRAIN_IMAGES, a);
  write (packed ? TRAIN_LABELS ".gz" : TRAIN_LABELS, b);
  write (packed ? TEST_IMAGES ".gz" : TEST_IMAGES, d);
  write (packed ? TEST_LABELS ".gz" : TEST_LABELS, e);
}

static LodeDataset *
open_idx (const char *more, const LodeDatasetOps **ops, GError **error)
{
  g_autofree char *where = g_strconcat ("folder=", folder, NULL);
  const char *set[] = { where, more, NULL };

  return plugin_open ("idx", set, ops, error);
}

static void
check_idx (uint32_t c)
{
  GError *error = NULL;
  const LodeDatasetOps *ops;
  LodeDataset *set = open_idx (NULL, &ops, &error);
  LodeDataInfo info = { .size = sizeof info };
  uint32_t index[] = { 19, 0, 6 };
  uint8_t pixel[3 * 36];
  int32_t label[3];
  LodeExamples want = {
    .size = sizeof want, .n = 3, .index = index, .pixel = pixel, .label = label
  };

  g_assert_no_error (error);
  ops->info (set, &info);
  g_assert_cmpuint (info.shape.h * 100 + info.shape.w * 10 + info.shape.c, ==, 430 + c);
  g_assert_cmpuint (info.classes, ==, 5);
  g_assert_cmpuint (info.count[0], ==, 20);
  g_assert_cmpuint (info.count[1], ==, 7);
  g_assert_true (ops->read (set, LODE_PART_TRAIN, &want, &error));
  for (uint32_t i = 0; i < 3; i++) {
    g_assert_cmpint (label[i], ==, (int32_t) index[i] % 5);
    for (uint32_t j = 0; j < 12 * c; j++)
      g_assert_cmpuint (pixel[i * 12 * c + j], ==, fake_byte (index[i], j));
  }
  g_assert_false (ops->read (set, LODE_PART_TEST, &want, &error)); /* 19 is not in the test part */
  g_assert_nonnull (error);
  g_clear_error (&error);
  ops->close (set);
}

static void
test_idx (void)
{
  const uint32_t types[] = { 0x08, 0x0b, 0x0c };

  for (uint32_t packed = 0; packed < 2; packed++)
    for (uint32_t c = 1; c <= 3; c += 2)
      for (uint32_t t = 0; t < 3; t++) {
        write_idx (packed, c, types[t]);
        check_idx (c);
      }
}

/* Opening fails with one line that names the file and says `text`. */
static void
refused (LodeDataset *set, const GError *error, const char *file, const char *text)
{
  g_assert_null (set);
  g_assert_nonnull (error);
  g_assert_cmpstr (g_quark_to_string (error->domain), ==, "lode-data-error");
  if (!strstr (error->message, file) || !strstr (error->message, text)
      || strchr (error->message, '\n'))
    g_error ("\"%s\" does not mention \"%s\" and \"%s\" in one line", error->message, file, text);
}

static void
refuse_idx (const char *more, const char *file, const char *text)
{
  g_autoptr (GError) error = NULL;
  const LodeDatasetOps *ops;
  LodeDataset *set = open_idx (more, &ops, &error);

  refused (set, error, file, text);
}

/* A good folder but for one file, written in both forms. */
static void
refuse_with (const char *file, GByteArray *bytes, const char *text)
{
  g_autofree char *packed = g_strconcat (file, ".gz", NULL);

  write_idx (false, 1, 8);
  write_file (file, bytes);
  refuse_idx (NULL, file, text);
  if (bytes->len) {
    write_idx (true, 1, 8);
    write_packed (packed, bytes);
    refuse_idx (NULL, file, text);
  }
  g_byte_array_unref (bytes);
}

static GByteArray *
cut (GByteArray *bytes, guint n)
{
  return g_byte_array_set_size (bytes, n);
}

static GByteArray *
longer (GByteArray *bytes)
{
  return g_byte_array_append (bytes, (const guint8 *) "x", 1);
}

static void
test_idx_bad (void)
{
  const uint32_t huge[] = { 1u << 31, 1 << 5, 1 << 4 },
                 most[] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
  const uint32_t none[] = { 0, 4, 3 }, flat[] = { 20, 12 }, other[] = { 7, 3, 4 };
  GByteArray *wrong = labels (20, 5, 8), *negative = labels (20, 5, 0xb),
             *turned = header (8, 3, other), *matrix = header (8, 2, flat);

  for (int i = 0; i < 240; i++)
    longer (matrix);

  refuse_with (TRAIN_IMAGES, g_byte_array_new (), "empty");
  refuse_with (TRAIN_IMAGES, cut (images (20, 1, 0), 3), "not an IDX file");
  refuse_with (TRAIN_IMAGES, cut (images (20, 1, 0), 9), "truncated");
  refuse_with (TRAIN_IMAGES, cut (images (20, 1, 0), 255), "truncated");
  refuse_with (TRAIN_IMAGES, longer (images (20, 1, 0)), "follow");
  refuse_with (TRAIN_IMAGES, header (8, 3, huge), "promises");
  refuse_with (TRAIN_IMAGES, header (8, 4, most), "promises");
  refuse_with (TRAIN_IMAGES, header (8, 3, none), "promises");
  refuse_with (TRAIN_IMAGES, header (0x0d, 3, none), "not an IDX file");
  refuse_with (TRAIN_IMAGES, matrix, "expected images");
  refuse_with (TRAIN_IMAGES, labels (20, 5, 8), "expected images");
  refuse_with (TRAIN_LABELS, images (20, 1, 0), "expected labels");
  refuse_with (TRAIN_LABELS, labels (19, 5, 8), "19 labels for the 20 images");
  refuse_with (TRAIN_LABELS, longer (labels (20, 5, 8)), "follow");
  refuse_with (TEST_LABELS, labels (7, 7, 8), "label 5; expected 0 to 4");
  wrong->data[0] = 7;
  refuse_with (TRAIN_LABELS, wrong, "0x07000801");
  negative->data[8] = 0xff;
  refuse_with (TRAIN_LABELS, negative, "label -");
  for (int i = 0; i < 84; i++)
    longer (turned);
  refuse_with (TEST_IMAGES, turned, "one shape");
}

static void
test_idx_missing (void)
{
  const LodeDatasetOps *ops;
  g_autoptr (GError) error = NULL;
  const char *set[] = { "folder=no-such-data", NULL };
  g_autofree char *path = path_of (TRAIN_IMAGES);

  write_idx (false, 1, 8);
  refuse_idx ("classes=4", TRAIN_LABELS, "label 4; expected 0 to 3");
  remove_file (TEST_LABELS);
  refuse_idx (NULL, TEST_LABELS, "no such file");
  g_unlink (path);
  g_mkdir (path, 0700);
  refuse_idx (NULL, TRAIN_IMAGES, "regular file");
  g_rmdir (path);
  write_idx (false, 1, 8);
  g_chmod (path, 0);
  if (access (path, R_OK)) /* root reads anything */
    refuse_idx (NULL, TRAIN_IMAGES, "cannot be read");
  g_assert_null (plugin_open ("idx", set, &ops, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "no-such-data"));
}

/* Damage inside a compressed file: cut short, a flipped bit, bytes behind its end. */
static void
test_packed_bad (void)
{
  const char *name = TRAIN_IMAGES ".gz";
  g_autofree char *path = path_of (name), *text = NULL;
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  gsize n;

  write_idx (true, 1, 8);
  g_assert_true (g_file_get_contents (path, &text, &n, NULL));
  for (gsize keep = 2; keep < n; keep += 7) {
    g_byte_array_set_size (bytes, 0);
    write_file (name, g_byte_array_append (bytes, (const guint8 *) text, (guint) keep));
    refuse_idx (NULL, name, "; fetch");
  }
  g_byte_array_set_size (bytes, 0);
  g_byte_array_append (bytes, (const guint8 *) text, (guint) n);
  bytes->data[n - 6] ^= 1; /* of the checksum */
  write_file (name, bytes);
  refuse_idx (NULL, name, "damaged");
  bytes->data[n - 6] ^= 1;
  write_file (name, longer (bytes));
  refuse_idx (NULL, name, "bytes follow");
}

/* A small file that would unpack to far more than its header says stops at what is promised. */
static void
test_bomb (void)
{
  uint32_t dim[] = { 20, 4, 3 };
  g_autoptr (GByteArray) bytes = header (8, 3, dim);
  guint n = bytes->len;

  write_idx (true, 1, 8);
  g_byte_array_set_size (bytes, n + (64 << 20));
  memset (bytes->data + n, 0, 64 << 20);
  write_packed (TRAIN_IMAGES ".gz", bytes);
  refuse_idx (NULL, TRAIN_IMAGES ".gz", "follow the data that the header promises");
}

static void
write_cifar (uint32_t label_bytes, const char *const *names, uint32_t n, uint32_t classes)
{
  empty_folder ();
  for (uint32_t k = 0; names[k]; k++) {
    g_autoptr (GByteArray) bytes = g_byte_array_new ();

    for (uint32_t i = 0; i < n; i++) {
      uint8_t label[] = { (uint8_t) ((k * n + i) % classes), (uint8_t) ((k * n + i) % classes) };

      label[0] = label_bytes == 2 ? 77 : label[0]; /* the coarse one is not looked at */
      g_byte_array_append (bytes, label, label_bytes);
      for (uint32_t j = 0; j < 3072; j++) {
        uint8_t byte = (uint8_t) (j / 1024 * 100 + j % 1024 % 97 + i);

        g_byte_array_append (bytes, &byte, 1);
      }
    }
    write_file (names[k], bytes);
  }
}

static const char *const cifar10[] = { "data_batch_1.bin",
                                       "data_batch_2.bin",
                                       "data_batch_3.bin",
                                       "data_batch_4.bin",
                                       "data_batch_5.bin",
                                       "test_batch.bin",
                                       NULL };
static const char *const cifar100[] = { "train.bin", "test.bin", NULL };

static LodeDataset *
open_cifar (const char *classes, const LodeDatasetOps **ops, GError **error)
{
  g_autofree char *where = g_strconcat ("folder=", folder, NULL);
  const char *set[] = { where, classes, NULL };

  return plugin_open ("cifar", set, ops, error);
}

static void
check_cifar (const char *classes, uint32_t train, const char *third)
{
  GError *error = NULL;
  const LodeDatasetOps *ops;
  LodeDataset *set = open_cifar (classes, &ops, &error);
  LodeDataInfo info = { .size = sizeof info };
  uint32_t index[] = { train - 1 };
  g_autofree uint8_t *pixel = g_malloc (3072);
  int32_t label;
  LodeExamples want = {
    .size = sizeof want, .n = 1, .index = index, .pixel = pixel, .label = &label
  };

  g_assert_no_error (error);
  ops->info (set, &info);
  g_assert_cmpuint (info.count[0], ==, train);
  g_assert_cmpuint (info.count[1], ==, 4);
  g_assert_true (ops->read (set, LODE_PART_TRAIN, &want, &error));
  g_assert_cmpint (label, ==, (int32_t) ((train - 1) % info.classes));
  for (uint32_t i = 0; i < 1024; i++)
    for (uint32_t l = 0; l < 3; l++)
      g_assert_cmpuint (pixel[i * 3 + l], ==, (uint8_t) (l * 100 + i % 97 + 3));
  g_assert_cmpstr (ops->class_name (set, 2), ==, third);
  ops->close (set);
}

static void
test_cifar (void)
{
  g_autoptr (GByteArray) names = g_byte_array_new ();

  write_cifar (1, cifar10, 4, 10);
  check_cifar (NULL, 20, "bird");
  g_byte_array_append (names, (const guint8 *) "a\nb\n see \nd\ne\nf\ng\nh\ni\nj\n\n", 25);
  write_file ("batches.meta.txt", names);
  check_cifar (NULL, 20, "see");
  write_cifar (2, cifar100, 4, 100);
  check_cifar ("classes=100", 4, NULL);
}

static void
refuse_cifar (const char *classes, const char *file, const char *text)
{
  g_autoptr (GError) error = NULL;
  const LodeDatasetOps *ops;
  LodeDataset *set = open_cifar (classes, &ops, &error);

  refused (set, error, file, text);
}

static void
test_cifar_bad (void)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  write_cifar (1, cifar10, 4, 10);
  write_file (cifar10[2], bytes);
  refuse_cifar (NULL, cifar10[2], "empty");
  write_file (cifar10[2], g_byte_array_append (bytes, (const guint8 *) "123", 3));
  refuse_cifar (NULL, cifar10[2], "truncated");
  g_byte_array_set_size (bytes, 2 * 3073);
  memset (bytes->data, 10, bytes->len);
  bytes->data[0] = 9;
  write_file (cifar10[2], bytes);
  refuse_cifar (NULL, cifar10[2], "record 1 has label 10");
  write_file (cifar10[2], longer (bytes));
  refuse_cifar (NULL, cifar10[2], "bytes too many");
  remove_file (cifar10[2]);
  refuse_cifar (NULL, cifar10[2], "cannot be opened");
  refuse_cifar ("classes=100", "train.bin", "cannot be opened");
  refuse_cifar ("classes=20", "classes", "10 or 100");
}

/* A published data set where it is installed, else NULL and a skipped test; says how long it takes.
 */
static LodeData *
open_real (const char *name, const LodeDataConf *conf)
{
  const LodeDatasetOps *ops;
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time (), opened;
  LodeDataset *set = plugin_open (name, NULL, &ops, &error);
  LodeData *data;

  if (!set) {
    g_test_skip (error->message);
    return NULL;
  }
  opened = g_get_monotonic_time ();
  data = lode_data_new (ops, set, conf, 1, &error);
  g_assert_no_error (error);
  g_test_message ("%s: opened in %.2f s, split and measured in %.2f s", name,
                  (double) (opened - start) / 1e6,
                  (double) (g_get_monotonic_time () - opened) / 1e6);
  return data;
}

/* One epoch of augmented batches of 64; says how fast they come. */
static void
run_epoch (LodeData *data)
{
  LodeStreamSpec spec = { .role = LODE_ROLE_WEIGHTS, .batch = 64, .augment = true, .seed = 1 };
  LodeStream *stream = stream_of (data, spec);
  gint64 start = g_get_monotonic_time ();
  uint32_t batches = lode_stream_batches (stream), n = 0;

  for (uint32_t b = 0; b < batches; b++) {
    const LodeBatch *batch = next_of (stream);

    n += batch->n;
    lode_stream_release (stream, batch);
  }
  g_assert_cmpuint (n, ==, lode_data_count (data, LODE_ROLE_WEIGHTS));
  g_test_message ("%.0f examples a second", n * 1e6 / (double) (g_get_monotonic_time () - start));
  lode_stream_close (stream);
}

/* Mean and deviation of each channel of the whole training part, as they are widely quoted. */
static void
check_moments (const LodeData *data, const double *mean, const double *deviation, double tolerance)
{
  for (uint32_t l = 0; l < data->shape.c; l++) {
    double scale = (double) data->scale[l] * 255, shift = (double) data->shift[l];

    g_assert_cmpfloat_with_epsilon (1 / scale, deviation[l], tolerance);
    g_assert_cmpfloat_with_epsilon (-shift / scale, mean[l], tolerance);
  }
}

static void
test_fashion (void)
{
  LodeDataConf conf = plain_conf ();
  LodeData *data = open_real ("idx", &conf);

  if (!data)
    return;
  g_assert_cmpuint (lode_data_classes (data), ==, 10);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), ==, 60000);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_TEST), ==, 10000);
  g_assert_cmpstr (lode_data_class_name (data, 9), ==, "Ankle boot");
  check_moments (data, (const double[]){ 0.2860 }, (const double[]){ 0.3530 }, 5e-5);
  lode_data_free (data);
  conf.valid = 5000;
  conf.arch = 0.5;
  data = open_real ("idx", &conf);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), ==, 27500);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_ARCH), ==, 27500);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_VALID), ==, 5000);
  for (int c = 0; c < 10; c++)
    g_assert_cmpfloat (lode_data_class_counts (data)[c], ==, 2750);
  lode_data_free (data);
}

static void
test_cifar_real (void)
{
  LodeDataConf conf = { .normalise = true, .preload = true, .crop = 4, .flip = true, .cutout = 16 };
  LodeData *data = open_real ("cifar", &conf);

  if (!data)
    return;
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_WEIGHTS), ==, 50000);
  g_assert_cmpuint (lode_data_count (data, LODE_ROLE_TEST), ==, 10000);
  for (int c = 0; c < 10; c++)
    g_assert_cmpfloat (lode_data_class_counts (data)[c], ==, 5000);
  /* copies whose pixels went through JPEG deviate by up to 0.002 */
  check_moments (data, (const double[]){ 0.4914, 0.4822, 0.4465 },
                 (const double[]){ 0.2470, 0.2435, 0.2616 }, 2e-3);
  run_epoch (data);
  lode_data_free (data);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("lode-files-XXXXXX", NULL);
  g_test_add_func ("/files/idx", test_idx);
  g_test_add_func ("/files/idx-bad", test_idx_bad);
  g_test_add_func ("/files/idx-missing", test_idx_missing);
  g_test_add_func ("/files/packed-bad", test_packed_bad);
  g_test_add_func ("/files/bomb", test_bomb);
  g_test_add_func ("/files/cifar", test_cifar);
  g_test_add_func ("/files/cifar-bad", test_cifar_bad);
  g_test_add_func ("/files/fashion-mnist", test_fashion);
  g_test_add_func ("/files/cifar-10", test_cifar_real);
  status = g_test_run ();
  empty_folder ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plugins of folders, manifests, tables, NumPy's arrays and Omniglot over files written here:
 * what they read, and what they refuse.
 */
#include "encode.h"
#include "fixture.h"

#include <archive.h>
#include <archive_entry.h>
#include <glib/gstdio.h>
#include <math.h>
#include <unistd.h>

static char *root;

static char *
path_of (const char *name)
{
  return g_build_filename (root, name, NULL);
}

static void
write_bytes (const char *name, const void *bytes, size_t n)
{
  g_autofree char *path = path_of (name), *above = g_path_get_dirname (path);
  GError *error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (above, 0700), ==, 0);
  g_file_set_contents (path, bytes, (gssize) n, &error);
  g_assert_no_error (error);
}

static void
write_text (const char *name, const char *text)
{
  write_bytes (name, text, strlen (text));
}

/* A grey picture of 8 × 8, its value everywhere. */
static void
write_picture (const char *name, uint8_t value)
{
  uint8_t pixel[64];
  EncodePng how = { .w = 8, .h = 8, .type = PNG_COLOR_TYPE_GRAY, .bits = 8 };
  g_autoptr (GByteArray) bytes = NULL;

  memset (pixel, value, sizeof pixel);
  bytes = encode_png (&how, pixel);
  write_bytes (name, bytes->data, bytes->len);
}

static void
clear (const char *path)
{
  GDir *dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir && (name = g_dir_read_name (dir))) {
    g_autofree char *below = g_build_filename (path, name, NULL);

    clear (below);
  }
  if (dir)
    g_dir_close (dir);
  g_remove (path);
}

static const LodeDatasetOps *ops;

static LodeDataset *
open_set (const char *plugin, const char *option, const char *name, const char *more,
          GError **error)
{
  g_autofree char *path = path_of (name), *first = g_strdup_printf ("%s=%s", option, path);
  g_auto (GStrv) rest = g_strsplit (more ? more : "", " ", -1);
  g_autoptr (GPtrArray) set = g_ptr_array_new ();

  g_ptr_array_add (set, first);
  for (char **at = rest; *at; at++)
    if (**at)
      g_ptr_array_add (set, *at);
  g_ptr_array_add (set, NULL);
  return plugin_open (plugin, (const char *const *) set->pdata, &ops, error);
}

/* "h×w×c classes targets has n/n | name:label:group:split:weight:target:first pixel …" of a set. */
static char *
show (LodeDataset *set, GError *error)
{
  LodeDataInfo info = { .size = sizeof info };
  GString *text = g_string_new (NULL);

  g_assert_no_error (error);
  ops->info (set, &info);
  g_string_append_printf (text, "%ux%ux%u k%u t%u h%u n%u/%u |", info.shape.h, info.shape.w,
                          info.shape.c, info.classes, info.targets, info.has, info.count[0],
                          info.count[1]);
  for (uint32_t part = 0; part < LODE_PARTS; part++)
    for (uint32_t i = 0; i < info.count[part]; i++) {
      size_t values = (size_t) info.shape.h * info.shape.w * info.shape.c;
      g_autofree void *pixel = g_malloc (4 * values);
      int32_t label = -9, group = -9, split = -9;
      float target[4] = { 0 }, weight = 0;
      LodeExamples want = { sizeof want, 1,       &i,     pixel, info.classes ? &label : NULL,
                            target,      &weight, &group, &split };

      g_assert_true (ops->read (set, part, &want, &error));
      g_assert_no_error (error);
      g_string_append_printf (text, " ");
      if (info.classes)
        g_string_append_printf (text, "%s",
                                label < 0         ? "?"
                                : ops->class_name ? ops->class_name (set, (uint32_t) label)
                                                  : "-");
      if (info.has & LODE_HAS_GROUP)
        g_string_append_printf (text, " g%d", group);
      if (info.has & LODE_HAS_SPLIT)
        g_string_append_printf (text, " s%d", split);
      if (info.has & LODE_HAS_WEIGHT)
        g_string_append_printf (text, " w%g", (double) weight);
      for (uint32_t t = 0; t < info.targets; t++)
        g_string_append_printf (text, " t%g", (double) target[t]);
      for (size_t v = 0; v < MIN (values, info.shape.h == 1 ? 8 : 1); v++)
        g_string_append_printf (text, " %g",
                                info.pixel == LODE_PIXEL_U8 ? (double) ((uint8_t *) pixel)[v]
                                                            : (double) ((float *) pixel)[v]);
      g_string_append (text, ";");
    }
  ops->close (set);
  g_string_replace (text, "  ", " ", 0);
  return g_string_free (text, FALSE);
}

static void
reads (const char *plugin, const char *option, const char *name, const char *more,
       const char *expected)
{
  GError *error = NULL;
  LodeDataset *set = open_set (plugin, option, name, more, &error);
  g_autofree char *shown = show (set, error);

  g_assert_cmpstr (shown, ==, expected);
}

static void
refuses (const char *plugin, const char *option, const char *name, const char *more,
         const char *text)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (open_set (plugin, option, name, more, &error));
  g_assert_nonnull (error);
  if (!strstr (error->message, text) || strchr (error->message, '\n'))
    g_error ("\"%s\" does not mention \"%s\" in one line", error->message, text);
}

static void
test_folder (void)
{
  write_picture ("f/katze/1.png", 10);
  write_picture ("f/katze/deep/2.PNG", 20);
  write_picture ("f/ärger/3.png", 30);
  write_picture ("f/.hidden/4.png", 40);
  write_text ("f/readme.txt", "no picture");
  reads ("folder", "folder", "f", NULL, "8x8x1 k2 t0 h0 n3/0 | katze 10; katze 20; ärger 30;");
  reads ("folder", "folder", "f", "group=folder side=4 colour=rgb",
         "4x4x3 k2 t0 h2 n3/0 | katze g-1 10; katze g0 20; ärger g-1 30;");
  reads ("folder", "folder", "f", "classes=[x,ärger,katze]",
         "8x8x1 k3 t0 h0 n3/0 | katze 10; katze 20; ärger 30;");
  refuses ("folder", "folder", "f", "classes=[katze]", "\"ärger\" is none of the 1");
  write_picture ("f/stray.png", 50);
  refuses ("folder", "folder", "f", NULL, "1 picture lies beside the class folders (stray.png)");
  write_picture ("flat/b.png", 2);
  write_picture ("flat/a.png", 1);
  reads ("folder", "folder", "flat", NULL, "8x8x1 k0 t0 h0 n2/0 | 1; 2;");
  write_picture ("part/x/b.png", 2);
  write_picture ("part/unlabelled/a.png", 1);
  reads ("folder", "folder", "part", NULL, "8x8x1 k1 t0 h0 n2/0 | ? 1; x 2;");
}

static void
test_folder_splits (void)
{
  write_picture ("s/train/a/1.png", 1);
  write_picture ("s/train/b/1.png", 2);
  write_picture ("s/Val/a/1.png", 3);
  write_picture ("s/test/b/1.png", 4);
  reads ("folder", "folder", "s", NULL, "8x8x1 k2 t0 h4 n4/0 | a s1 3; b s2 4; a s0 1; b s0 2;");
}

/* Each bad thing is one error; several are counted, and each told. */
static void
test_folder_bad (void)
{
  g_autofree char *loop = path_of ("bad/a/loop"), *self = path_of ("bad/a/self.png");
  g_autofree char *latin = path_of ("bad/a/caf\xe9.png"), *other = path_of ("gif/a/x.gif");

  write_picture ("bad/a/1.png", 1);
  g_assert_cmpint (symlink ("..", loop), ==, 0);
  refuses ("folder", "folder", "bad", NULL, "leads back to a folder above it");
  g_assert_cmpint (symlink ("self.png", self), ==, 0);
  g_string_truncate (host_said, 0);
  refuses ("folder", "folder", "bad", NULL, "2 files or folders cannot be looked at");
  g_assert_nonnull (strstr (host_said->str, "a/loop: "));
  g_assert_nonnull (
      strstr (host_said->str, "a/self.png: a symbolic link that leads back to itself"));
  g_unlink (loop);
  g_unlink (self);
  write_picture ("bad/a/caf\xe9.png", 2);
  refuses ("folder", "folder", "bad", NULL,
           "1 of 2 pictures cannot be read: a/caf\xef\xbf\xbd.png: its name is not UTF-8");
  reads ("folder", "folder", "bad", "skip=true", "8x8x1 k1 t0 h0 n1/0 | a 1;");
  g_unlink (latin);
  write_text ("bad/a/2.png", "\x89PNG\r\n\x1a\n");
  write_text ("bad/a/3.jpg", "");
  refuses (
      "folder", "folder", "bad", NULL,
      "2 of 3 pictures cannot be read: a/2.png: the file is truncated; a/3.jpg: the file is empty");
  write_text ("gif/a/x.gif", "GIF89a");
  refuses ("folder", "folder", "gif", NULL, "no PNG or JPEG");
  refuses ("folder", "folder", "none", NULL, "none");
  /* A link to a folder elsewhere is followed. */
  g_unlink (other);
  write_picture ("far/1.png", 9);
  g_clear_pointer (&loop, g_free);
  loop = path_of ("gif/a/y");
  g_assert_cmpint (symlink ("../../far", loop), ==, 0);
  reads ("folder", "folder", "gif", NULL, "8x8x1 k1 t0 h0 n1/0 | a 9;");
}

static void
test_manifest (void)
{
  write_picture ("m/p/1.png", 1);
  write_picture ("m/p/2.png", 2);
  write_picture ("m/cafe\xcc\x81.png", 3); /* apart, as a Mac has it; composed in the table */
  write_text ("m/t.csv", "file;label;group;split;weight\r\np\\1.png;cat;x;train;2\r\n"
                         "p/2.png;;x;test;\r\ncaf\xc3\xa9.png;dog;y;valid;0,5\r\n");
  refuses ("manifest", "file", "m/t.csv", NULL, "weight");
  write_text ("m/t.csv", "file;label;group;split;weight\r\np\\1.png;cat;x;train;2\r\n"
                         "p/2.png;;x;test;\r\ncaf\xc3\xa9.png;dog;y;valid;0.5\r\n");
  reads ("manifest", "file", "m/t.csv", NULL,
         "8x8x1 k2 t0 h7 n3/0 | cat g0 s0 w2 1; ? g0 s2 w1 2; dog g1 s1 w0.5 3;");
  write_text ("m/h.csv", "p/1.png,cat\np/2.png,cat\n");
  reads ("manifest", "file", "m/h.csv", NULL, "8x8x1 k1 t0 h0 n2/0 | cat 1; cat 2;");
  write_text ("m/r.csv", "path,a,b\np/1.png,0.5,7\np/2.png,1.5,8\n");
  reads ("manifest", "file", "m/r.csv", "target=[a,b]",
         "8x8x1 k0 t2 h0 n2/0 | t0.5 t7 1; t1.5 t8 2;");
  write_text ("m/u.csv", "path,label\np/1.png,\np/2.png,\n");
  reads ("manifest", "file", "m/u.csv", NULL, "8x8x1 k0 t0 h0 n2/0 | 1; 2;");
  reads ("manifest", "file", "m/u.csv", "classes=[x,y]", "8x8x1 k2 t0 h0 n2/0 | ? 1; ? 2;");
  write_text ("m/d.csv", "path,label\np/1.png,a\np/2.png,b\np/1.png,b\n");
  refuses ("manifest", "file", "m/d.csv", NULL, "line 4: \"p/1.png\" is also in line 2");
  write_text ("m/n.csv", "path,label\np/1.png,a\np/9.png,b\np/8.png,b\n");
  refuses ("manifest", "file", "m/n.csv", NULL,
           "2 of 3 pictures cannot be read: p/9.png: there is no such file");
  write_text ("m/e.csv", "path,label\np/1.png,a\n,b\n");
  refuses ("manifest", "file", "m/e.csv", NULL, "line 3: the path is missing");
}

static void
test_table (void)
{
  write_text ("t.csv", "x,c,d,y\n1,u,p,yes\n?,v,q,no\n3,w,p,no\n4,,q,\n");
  reads ("table", "file", "t.csv", NULL,
         "1x1x5 k2 t0 h8 n4/0 | yes 1 1 0 0 0; no nan 0 1 0 1; no 3 0 0 1 0; ? 4 0 0 0 1;");
  reads ("table", "file", "t.csv", "ignore=[c,d] indicators=true",
         "1x1x2 k2 t0 h8 n4/0 | yes 1 0; no nan 1; no 3 0; ? 4 0;");
  reads ("table", "file", "t.csv", "target=[d] ignore=[c,y]",
         "1x1x1 k2 t0 h8 n4/0 | p 1; q nan; p 3; q 4;");
  write_text ("w.arff",
              "@relation w\n@attribute class {1,2}\n@attribute a real\n@data\n2,0.5\n1,1\n");
  reads ("table", "file", "w.arff", NULL, "1x1x1 k2 t0 h0 n2/0 | 2 0.5; 1 1;");
  write_text ("a.libsvm", "-1 1:1 3:2\n+1 2:1\n");
  write_text ("b.libsvm", "+1 1:5\n");
  {
    g_autofree char *test = path_of ("b.libsvm"), *more = g_strconcat ("test_file=", test, NULL);

    reads ("table", "file", "a.libsvm", more, "1x1x3 k2 t0 h0 n2/1 | -1 1 0 2; 1 0 1 0; 1 5 0 0;");
  }
  write_text ("r.csv", "a,b,y,g,w\n1,2,0.5,p,1\n3,4,1.25,q,2\n");
  reads ("table", "file", "r.csv", "target=[y] group=g weight=w",
         "1x1x2 k0 t1 h3 n2/0 | g0 w1 t0.5 1 2; g1 w2 t1.25 3 4;");
  refuses ("table", "file", "r.csv", "ignore=[z]", "no column \"z\" to ignore");
  refuses ("table", "file", "r.csv", "ignore=[a,b,y,g]", "vectors of 0 values");
}

/* A .npy file; header as NumPy writes it. */
static GByteArray *
npy (const char *type, const char *fortran, const char *shape, const void *data, size_t n)
{
  GByteArray *bytes = g_byte_array_new ();
  g_autofree char *text = g_strdup_printf ("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }",
                                           type, fortran, shape);
  g_autofree char *header = g_strdup_printf ("%-117s\n", text);
  const uint8_t begin[10] = { 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0 };

  g_byte_array_append (bytes, begin, 10);
  g_byte_array_append (bytes, (const guint8 *) header, 118);
  return g_byte_array_append (bytes, data, (guint) n);
}

static void
write_npy (const char *name, const char *type, const char *fortran, const char *shape,
           const void *data, size_t n)
{
  g_autoptr (GByteArray) bytes = npy (type, fortran, shape, data, n);

  write_bytes (name, bytes->data, bytes->len);
}

static void
test_npy (void)
{
  const uint8_t pixel[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
  const int64_t label[] = { 1, 0 };
  const float real[] = { 0.5f, -1, 2, NAN };
  const uint8_t big[] = { 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0 };
  const double target[] = { 0.25, 4 };

  write_npy ("n/x.npy", "|u1", "False", "2, 2, 2", pixel, 8);
  write_npy ("n/y.npy", "<i8", "False", "2,", label, 16);
  reads ("npy", "file", "n", NULL, "2x2x1 k2 t0 h0 n2/0 | 1 1; 0 5;");
  write_text ("n/classes.txt", "cat\ndog\n");
  reads ("npy", "file", "n", NULL, "2x2x1 k2 t0 h0 n2/0 | dog 1; cat 5;");
  write_npy ("n/x.npy", "|u1", "True", "2, 4", pixel, 8); /* columns first */
  reads ("npy", "file", "n", NULL, "1x1x4 k2 t0 h0 n2/0 | dog 1 3 5 7; cat 2 4 6 8;");
  write_npy ("n/x.npy", "<f4", "False", "2, 2", real, 16);
  reads ("npy", "file", "n", NULL, "1x1x2 k2 t0 h8 n2/0 | dog 0.5 -1; cat 2 nan;");
  write_npy ("n/x.npy", ">f4", "False", "2, 1", big, 8);
  write_npy ("n/y.npy", "<f8", "False", "2,", target, 16);
  g_unlink ("n/classes.txt");
  reads ("npy", "file", "n", NULL, "1x1x1 k0 t1 h0 n2/0 | t0.25 1; t4 -2;");
  write_npy ("n/x.npy", "|u1", "False", "1, 2, 1, 4", pixel, 8); /* a plain last dimension */
  refuses ("npy", "file", "n", NULL, "as many as there are examples");
  write_npy ("o/x.npy", "|u1", "False", "1, 1, 1, 8", pixel, 8); /* channels first */
  reads ("npy", "file", "o", NULL, "1x8x1 k0 t0 h0 n1/0 | 1 2 3 4 5 6 7 8;");
  write_npy ("o/x.npy", "|u1", "False", "3, 8", pixel, 8);
  refuses ("npy", "file", "o", NULL, "8 bytes of values; expected 24");
  write_npy ("o/x.npy", "|O", "False", "8,", pixel, 8);
  refuses ("npy", "file", "o", NULL, "values of type");
  write_npy ("o/x.npy", "|u1", "False", "8,", pixel, 8);
  refuses ("npy", "file", "o", NULL, "an array of 8; expected n × values");
  write_npy ("o/x.npy", "<f4", "False", "1, 2, 2", real, 16);
  refuses ("npy", "file", "o", NULL, "not finite");
  write_text ("o/x.npy", "\x93NUMPY");
  refuses ("npy", "file", "o", NULL, "not a .npy array");
}

static void
add_member (struct archive *archive, const char *name, const GByteArray *bytes)
{
  struct archive_entry *entry = archive_entry_new ();

  archive_entry_set_pathname (entry, name);
  archive_entry_set_size (entry, bytes->len);
  archive_entry_set_filetype (entry, AE_IFREG);
  archive_entry_set_perm (entry, 0600);
  g_assert_cmpint (archive_write_header (archive, entry), ==, ARCHIVE_OK);
  g_assert_cmpint ((int) archive_write_data (archive, bytes->data, bytes->len), ==,
                   (int) bytes->len);
  archive_entry_free (entry);
}

static void
write_npz (const char *name, bool packed, const GByteArray *x, const GByteArray *y)
{
  g_autofree char *path = path_of (name);
  struct archive *archive = archive_write_new ();

  archive_write_set_format_zip (archive);
  if (packed)
    archive_write_zip_set_compression_deflate (archive);
  else
    archive_write_zip_set_compression_store (archive);
  g_assert_cmpint (archive_write_open_filename (archive, path), ==, ARCHIVE_OK);
  add_member (archive, "x_train.npy", x);
  add_member (archive, "y_train.npy", y);
  add_member (archive, "x_test.npy", x);
  add_member (archive, "y_test.npy", y);
  g_assert_cmpint (archive_write_free (archive), ==, ARCHIVE_OK);
}

static void
test_npz (void)
{
  uint8_t pixel[400];
  const uint8_t label[] = { 0, 1 };
  g_autoptr (GByteArray) x = NULL, y = npy ("|u1", "False", "2,", label, 2), lie = NULL;
  g_autofree char *path = path_of ("a.npz"), *text = NULL;
  gsize n;

  for (int i = 0; i < 400; i++)
    pixel[i] = (uint8_t) (i * 7 + i / 9);
  x = npy ("|u1", "False", "2, 10, 20", pixel, 400);
  for (int packed = 0; packed < 2; packed++) {
    write_npz ("a.npz", packed, x, y);
    reads ("npy", "file", "a.npz", NULL, "10x20x1 k2 t0 h0 n2/2 | 0 0; 1 142; 0 0; 1 142;");
  }
  refuses ("npy", "file", "a.npz", "x=z", "no array \"z\"");
  g_assert_true (g_file_get_contents (path, &text, &n, NULL));
  for (gsize cut = 0; cut < n; cut += 7) {
    write_bytes ("cut.npz", text, cut);
    refuses ("npy", "file", "cut.npz", NULL, "");
  }
  lie = npy ("|u1", "False", "2000000000, 1000, 1000", pixel, 400);
  write_npz ("a.npz", true, lie, y);
  refuses ("npy", "file", "a.npz", NULL, "not what the archive holds");
}

static void
test_omniglot (void)
{
  const uint8_t labels[] = { 0, 0, 0x0b, 1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 2, 0, 2 };
  uint8_t images[16 + 4 * 4] = { 0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2 };

  for (int i = 0; i < 16; i++)
    images[16 + i] = (uint8_t) (i * 3);
  write_bytes ("o1/omniglot-28-images-idx3-ubyte", images, sizeof images);
  write_bytes ("o1/omniglot-labels-idx1-short", labels, sizeof labels);
  write_text ("o1/classes.tsv", "class\talphabet\tset\talphabet_name\tcharacter\n"
                                "0\t0\tbackground\tA\tc1\n1\t0\tbackground\tA\tc2\n"
                                "2\t1\tevaluation\tB\tc1\n");
  reads ("omniglot", "folder", "o1", NULL,
         "2x2x1 k3 t0 h0 n4/0 | A/c1 0; A/c2 12; B/c1 24; B/c1 36;");
  reads ("omniglot", "folder", "o1", "set=evaluation group=drawer",
         "2x2x1 k1 t0 h2 n2/0 | B/c1 g64 24; B/c1 g65 36;");
  write_picture ("o2/images_background/A/c1/1.png", 255);
  write_picture ("o2/images_background/A/c2/1.png", 0);
  write_picture ("o2/images_evaluation/B/c1/1.png", 100);
  reads ("omniglot", "folder", "o2", "side=8 group=alphabet",
         "8x8x1 k3 t0 h2 n3/0 | A/c1 g0 0; A/c2 g0 255; B/c1 g1 155;");
  reads ("omniglot", "folder", "o2", "side=8 set=background",
         "8x8x1 k2 t0 h0 n2/0 | A/c1 0; A/c2 255;");
  write_picture ("o3/c1/1.png", 255);
  refuses ("omniglot", "folder", "o3", NULL, "alphabet/character");
  refuses ("omniglot", "folder", "o1/none", NULL, "none");
}

int
main (int argc, char **argv)
{
  int code;

  g_test_init (&argc, &argv, NULL);
  host_said = g_string_new (NULL);
  root = g_dir_make_tmp ("lode-sets-XXXXXX", NULL);
  g_test_add_func ("/sets/folder", test_folder);
  g_test_add_func ("/sets/folder-splits", test_folder_splits);
  g_test_add_func ("/sets/folder-bad", test_folder_bad);
  g_test_add_func ("/sets/manifest", test_manifest);
  g_test_add_func ("/sets/table", test_table);
  g_test_add_func ("/sets/npy", test_npy);
  g_test_add_func ("/sets/npz", test_npz);
  g_test_add_func ("/sets/omniglot", test_omniglot);
  code = g_test_run ();
  clear (root);
  g_free (root);
  return code;
}

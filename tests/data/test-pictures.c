/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures: every kind of PNG and JPEG gives the pixels that were put in; whatever is wrong with a
 * file is one error, at whatever byte it is wrong; many files at once give the same bits for any
 * number of threads.
 */
#include "data/picture.h"
#include "encode.h"
#include "fixture.h"

#include <glib/gstdio.h>
#include <unistd.h>

static const LodePictureIn plain = { .background = 255, .megapixels = 40 };
static char *folder;

static uint8_t
value_at (size_t i)
{
  return (uint8_t) (i * 37 + (i >> 5) * 11);
}

static uint8_t *
values (size_t n)
{
  uint8_t *out = g_malloc (n + 1);

  for (size_t i = 0; i < n; i++)
    out[i] = value_at (i);
  return out;
}

static LodePicture
decode (const GByteArray *bytes, const LodePictureIn *in)
{
  LodePicture picture, head;
  GError *error = NULL;

  lode_picture_look (bytes->data, bytes->len, &head, &error);
  g_assert_no_error (error);
  lode_picture_decode (bytes->data, bytes->len, in, &picture, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (head.full_w, ==, picture.full_w);
  g_assert_cmpuint (head.full_h, ==, picture.full_h);
  return picture;
}

static void
refused (const GByteArray *bytes, const LodePictureIn *in, const char *text)
{
  g_autoptr (GError) error = NULL;
  LodePicture picture;

  g_assert_false (lode_picture_decode (bytes->data, bytes->len, in, &picture, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  g_assert_null (picture.pixel);
  if (!strstr (error->message, text) || strchr (error->message, '\n'))
    g_error ("\"%s\" does not mention \"%s\" in one line", error->message, text);
}

/* Eight bits of one to four channels, with and without interlacing. */
static void
test_plain (void)
{
  const struct {
    int type;
    uint32_t c, alpha;
  } kinds[] = { { PNG_COLOR_TYPE_GRAY, 1, 0 },
                { PNG_COLOR_TYPE_RGB, 3, 0 },
                { PNG_COLOR_TYPE_GRAY_ALPHA, 1, 1 },
                { PNG_COLOR_TYPE_RGB_ALPHA, 3, 1 } };

  for (guint k = 0; k < 2 * G_N_ELEMENTS (kinds); k++) {
    uint32_t c = kinds[k / 2].c, step = c + kinds[k / 2].alpha;
    g_autofree uint8_t *in = values (13 * 7 * step);
    EncodePng how = { .w = 13, .h = 7, .type = kinds[k / 2].type, .bits = 8, .interlaced = k % 2 };
    g_autoptr (GByteArray) bytes = encode_png (&how, in);
    LodePicture picture = decode (bytes, &plain);

    g_assert_cmpuint (picture.w * 100 + picture.h, ==, 1307);
    g_assert_cmpuint (picture.c, ==, c);
    g_assert_true (picture.grey == (c == 1) && picture.alpha == (step > c) && !picture.deep);
    for (size_t i = 0; i < 13 * 7; i++)
      for (uint32_t l = 0; l < c; l++) {
        double a = step > c ? in[i * step + c] / 255.0 : 1;

        g_assert_cmpfloat_with_epsilon (picture.pixel[i * c + l],
                                        a * in[i * step + l] + (1 - a) * 255, 0.5001);
      }
    lode_picture_clear (&picture);
  }
}

/* Fewer bits are spread over the range, sixteen rounded to eight; palettes looked up. */
static void
test_bits (void)
{
  const uint8_t packed[2] = { 0xb1, 0x40 }, deep[] = { 0, 127, 0, 129, 255, 255, 128, 0 };
  const uint8_t expected[5][4] = { { 255, 0, 255, 255 }, { 170, 255, 0, 85 }, { 187, 17, 68, 0 } };
  const png_color palette[3] = { { 10, 20, 30 }, { 200, 100, 0 }, { 1, 2, 3 } };
  const png_byte alpha[3] = { 255, 0, 51 };
  const uint8_t places[] = { 0, 1, 2 };
  LodePictureIn black = plain;

  for (int k = 0; k < 3; k++) {
    EncodePng how = { .w = 4, .h = 1, .type = PNG_COLOR_TYPE_GRAY, .bits = 1 << k };
    g_autoptr (GByteArray) bytes = encode_png (&how, packed);
    LodePicture picture = decode (bytes, &plain);

    g_assert_cmpmem (picture.pixel, 4, expected[k], 4);
    lode_picture_clear (&picture);
  }
  {
    EncodePng how = { .w = 4, .h = 1, .type = PNG_COLOR_TYPE_GRAY, .bits = 16 };
    g_autoptr (GByteArray) bytes = encode_png (&how, deep);
    LodePicture picture = decode (bytes, &plain);
    const uint8_t scaled[] = { 0, 1, 255, 128 };

    g_assert_true (picture.deep);
    g_assert_cmpmem (picture.pixel, 4, scaled, 4);
    lode_picture_clear (&picture);
  }
  {
    EncodePng how = { .w = 3,
                      .h = 1,
                      .type = PNG_COLOR_TYPE_PALETTE,
                      .bits = 8,
                      .palette = palette,
                      .alpha = alpha,
                      .colours = 3 };
    g_autoptr (GByteArray) bytes = encode_png (&how, places);
    const uint8_t on_white[] = { 10, 20, 30, 255, 255, 255, 204, 204, 205 };
    const uint8_t on_black[] = { 10, 20, 30, 0, 0, 0, 0, 0, 1 };
    LodePicture picture = decode (bytes, &plain);

    g_assert_cmpmem (picture.pixel, 9, on_white, 9);
    lode_picture_clear (&picture);
    black.background = 0;
    picture = decode (bytes, &black);
    g_assert_cmpmem (picture.pixel, 9, on_black, 9);
    lode_picture_clear (&picture);
  }
}

static void
test_jpeg (void)
{
  g_autofree uint8_t *in = g_malloc (64 * 48 * 4);

  for (uint32_t c = 1; c <= 4; c += c == 1 ? 2 : 1)
    for (int progressive = 0; progressive < 2; progressive++) {
      g_autoptr (GByteArray) bytes = NULL;
      LodePictureIn small = plain;
      LodePicture picture;

      for (size_t i = 0; i < 64 * 48; i++) /* smooth, so that little is lost */
        for (uint32_t l = 0; l < c; l++)
          in[i * c + l] = (uint8_t) (60 + (i % 64) * 2 + (l == 1 ? i / 64 : 0));
      bytes = encode_jpeg (64, 48, c, in, progressive);
      picture = decode (bytes, &plain);
      g_assert_cmpuint (picture.w * 100 + picture.h, ==, 6448);
      g_assert_cmpuint (picture.c, ==, c == 1 ? 1 : 3);
      for (size_t i = 0; i < 64 * 48; i++)
        for (uint32_t l = 0; l < picture.c; l++) {
          double wanted = c == 4 ? in[i * 4 + l] * in[i * 4 + 3] / 255.0 : in[i * c + l];

          g_assert_cmpfloat_with_epsilon (picture.pixel[i * picture.c + l], wanted, 8);
        }
      lode_picture_clear (&picture);
      small.side = 12;
      picture = decode (bytes, &small); /* at half its size: not below twice the side */
      g_assert_cmpuint (picture.w * 100 + picture.h, ==, 3224);
      g_assert_cmpuint (picture.full_w, ==, 64);
      lode_picture_clear (&picture);
    }
}

/* Cut at any length it is refused, and so it is with any byte of the pixels' chunk changed. */
static void
test_damaged (void)
{
  g_autofree uint8_t *in = values (24 * 16 * 3);
  EncodePng how = { .w = 24, .h = 16, .type = PNG_COLOR_TYPE_RGB, .bits = 8 };
  g_autoptr (GByteArray) png = encode_png (&how, in), jpeg = encode_jpeg (24, 16, 3, in, false);
  guint n = png->len;

  for (guint cut = 0; cut < n; cut++) {
    GByteArray part = { png->data, cut };

    refused (&part, &plain, cut < 8 && cut > 0 ? "truncated" : "");
  }
  for (guint at = 0; at < n; at++) {
    png->data[at] ^= 0x10;
    refused (png, &plain, "");
    png->data[at] ^= 0x10;
  }
  for (guint cut = 3; cut + 2 < jpeg->len; cut += 3) {
    GByteArray part = { jpeg->data, cut };

    refused (&part, &plain, "");
  }
}

/* libpng decodes it, but its size does not stand where every PNG file has it. */
static void
test_late_header (void)
{
  static const uint8_t chunk[] = { 0, 0, 0, 0, 'u', 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
  g_autofree uint8_t *in = values (6 * 6 * 3);
  EncodePng how = { .w = 6, .h = 6, .type = PNG_COLOR_TYPE_RGB, .bits = 8 };
  g_autoptr (GByteArray) png = encode_png (&how, in), late = g_byte_array_new ();

  g_byte_array_append (late, png->data, 8);
  g_byte_array_append (late, chunk, sizeof chunk);
  g_byte_array_append (late, png->data + 8, png->len - 8);
  refused (late, &plain, "without a sound header");
}

/* A few bytes that ask for gigabytes are refused by their header; a comment that unpacks to a
 * hundred megabytes is not unpacked. */
static void
test_bombs (void)
{
  g_autofree uint8_t *row = g_malloc0 (100000);
  EncodePng fifty = { .w = 8000, .h = 6250, .type = PNG_COLOR_TYPE_GRAY, .bits = 1, .same = true };
  EncodePng bomb = { .w = 50000, .h = 50000, .type = PNG_COLOR_TYPE_GRAY, .bits = 1, .same = true };
  EncodePng talk = { .w = 4, .h = 4, .type = PNG_COLOR_TYPE_GRAY, .bits = 8, .text = 100000000 };
  g_autoptr (GByteArray) large = encode_png (&fifty, row), huge = encode_png (&bomb, row);
  g_autoptr (GByteArray) comment = encode_png (&talk, row);
  LodePictureIn more = plain;
  LodePicture picture;

  refused (large, &plain, "8000 × 6250, 50 megapixels, and at most 40");
  g_assert_cmpuint (huge->len, <, 1000000);
  refused (huge, &plain, "2500 megapixels");
  more.megapixels = 50;
  picture = decode (large, &more);
  g_assert_cmpuint (picture.h, ==, 6250);
  lode_picture_clear (&picture);
  if (lode_picture_decode (comment->data, comment->len, &plain, &picture, NULL))
    lode_picture_clear (&picture);
}

static void
test_others (void)
{
  const struct {
    const char *bytes, *text;
  } cases[] = { { "", "empty" },           { "GIF89a....", "GIF" }, { "BM.........", "BMP" },
                { "II*........", "TIFF" }, { "<html>....", "web" }, { "hello, world", "neither" } };

  for (guint k = 0; k < G_N_ELEMENTS (cases); k++) {
    GByteArray bytes = { (guint8 *) (uintptr_t) cases[k].bytes, (guint) strlen (cases[k].bytes) };

    refused (&bytes, &plain, cases[k].text);
  }
}

static void
write_bytes (const char *name, const GByteArray *bytes)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GError *error = NULL;

  g_file_set_contents (path, (const char *) bytes->data, bytes->len, &error);
  g_assert_no_error (error);
}

/* Pictures of several sizes; their paths. colour: one has some. */
static char **
write_many (uint32_t n, bool colour)
{
  char **path = g_new0 (char *, n + 1);

  for (uint32_t i = 0; i < n; i++) {
    uint32_t w = 60 + 7 * (i % 5), h = 50 + 9 * (i % 4);
    g_autofree uint8_t *in = values ((size_t) w * h * 3);
    g_autofree char *name = g_strdup_printf ("p%03u.%s", i, i % 3 ? "png" : "jpg");
    EncodePng how = { .w = w, .h = h, .type = PNG_COLOR_TYPE_RGB, .bits = 8 };
    g_autoptr (GByteArray) bytes = NULL;

    for (size_t j = 0; !(colour && i == 7) && j < (size_t) w * h; j++)
      in[3 * j] = in[3 * j + 1] = in[3 * j + 2] = (uint8_t) (in[3 * j] / 2 + i);
    for (size_t j = 0; j < (size_t) w * h && i % 3 == 0; j++)
      in[j] = in[3 * j];
    bytes = i % 3 ? encode_png (&how, in) : encode_jpeg (w, h, 1, in, false);
    write_bytes (name, bytes);
    path[i] = g_build_filename (folder, name, NULL);
  }
  return path;
}

static LodePictures *
open_many (char *const *path, LodePicturesIn in, uint32_t count, GError **error)
{
  LodeThreads *threads = lode_threads_new (count);
  LodeListener listener = { host_hear, NULL };
  LodePictures *pictures;

  in.size = sizeof in;
  in.n = g_strv_length ((char **) (uintptr_t) path);
  in.path = (const char *const *) path;
  if (host_said)
    g_string_truncate (host_said, 0);
  pictures = lode_pictures_decode (&in, threads, &listener, error);
  lode_threads_free (threads);
  return pictures;
}

static void
test_many (void)
{
  for (int colour = 0; colour < 2; colour++) {
    g_auto (GStrv) path = write_many (40, colour);
    LodePictures *one = open_many (path, (LodePicturesIn){ .background = 255 }, 1, NULL);
    LodePictures *four = open_many (path, (LodePicturesIn){ .background = 255 }, 4, NULL);
    LodeShape shape = lode_pictures_shape (one);

    g_assert_cmpuint (shape.h * 1000 + shape.w * 10 + shape.c, ==, colour ? 64643 : 64641);
    for (uint32_t i = 0; i < 40; i++)
      g_assert_cmpmem (lode_pictures_at (one, i), 64 * 64 * shape.c, lode_pictures_at (four, i),
                       64 * 64 * shape.c);
    lode_pictures_free (one);
    lode_pictures_free (four);
    for (char **at = path; *at; at++)
      g_unlink (*at);
  }
}

/* Crop takes the square in the middle; squeezing keeps all; the side is as asked. */
static void
test_fit (void)
{
  g_autofree uint8_t *in = g_malloc (8 * 16);
  EncodePng how = { .w = 16, .h = 8, .type = PNG_COLOR_TYPE_GRAY, .bits = 8 };
  g_autoptr (GByteArray) bytes = NULL;
  g_autofree char *path = g_build_filename (folder, "wide.png", NULL);
  char *list[] = { path, NULL };
  LodePictures *pictures;

  for (int i = 0; i < 128; i++)
    in[i] = (uint8_t) (i % 16 < 4 || i % 16 >= 12 ? 200 : 100);
  bytes = encode_png (&how, in);
  write_bytes ("wide.png", bytes);
  pictures = open_many (list, (LodePicturesIn){ .side = 4, .fit = LODE_FIT_CROP }, 1, NULL);
  for (int i = 0; i < 16; i++)
    g_assert_cmpuint (lode_pictures_at (pictures, 0)[i], ==, 100);
  lode_pictures_free (pictures);
  pictures = open_many (list, (LodePicturesIn){ .side = 4 }, 1, NULL);
  for (int i = 0; i < 16; i++)
    g_assert_cmpuint (lode_pictures_at (pictures, 0)[i], ==, i % 4 == 0 || i % 4 == 3 ? 200 : 100);
  lode_pictures_free (pictures);
  pictures = open_many (list, (LodePicturesIn){ .colour = LODE_COLOUR_RGB }, 1, NULL);
  g_assert_cmpuint (lode_pictures_shape (pictures).h, ==, 8); /* alike and small: as it is */
  g_assert_cmpuint (lode_pictures_shape (pictures).w, ==, 16);
  g_assert_cmpuint (lode_pictures_shape (pictures).c, ==, 3);
  lode_pictures_free (pictures);
  g_unlink (path);
}

/* All that is wrong is told, a line each; one error counts it; skip leaves the rest. */
static void
test_bad_files (void)
{
  g_auto (GStrv) good = write_many (6, false);
  const char *names[] = {
    "none.png", "loop.png", "caf\xe9.png", "cut.png", "pipe.png", "text.png"
  };
  char *path[G_N_ELEMENTS (names) + 7] = { NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  LodePictures *pictures;
  GByteArray half;
  gsize n;

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    path[i] = g_build_filename (folder, names[i], NULL);
  for (guint i = 0; i < 6; i++)
    path[G_N_ELEMENTS (names) + i] = good[i];
  g_assert_true (g_file_get_contents (good[1], &text, &n, NULL));
  half = (GByteArray){ (guint8 *) text, (guint) n / 2 };
  write_bytes ("cut.png", &half);
  half.len = (guint) n;
  write_bytes ("caf\xe9.png", &half);
  half = (GByteArray){ (guint8 *) (uintptr_t) "just text", 9 };
  write_bytes ("text.png", &half);
  g_assert_cmpint (symlink ("loop.png", path[1]), ==, 0);
  g_assert_cmpint (mkfifo (path[4], 0600), ==, 0);
  g_assert_null (open_many (path, (LodePicturesIn){ 0 }, 2, &error));
  g_assert_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA);
  g_assert_nonnull (strstr (error->message, "6 of 12 pictures cannot be read"));
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    if (i != 2)
      g_assert_nonnull (strstr (host_said->str, names[i]));
  g_assert_nonnull (strstr (host_said->str, "leads back to itself"));
  g_assert_nonnull (strstr (host_said->str, "not UTF-8"));
  g_assert_nonnull (strstr (host_said->str, "no such file"));
  g_assert_nonnull (strstr (host_said->str, "not a regular file"));
  g_assert_true (g_utf8_validate (host_said->str, -1, NULL));
  g_clear_error (&error);
  pictures = open_many (path, (LodePicturesIn){ .skip = true }, 2, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 12; i++)
    g_assert_true ((lode_pictures_at (pictures, i) != NULL) == (i >= 6));
  lode_pictures_free (pictures);
  for (char **at = path; *at; at++)
    g_unlink (*at);
  for (guint i = 0; i < 6; i++)
    g_free (path[i]);
}

int
main (int argc, char **argv)
{
  int code;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("lode-pictures-XXXXXX", NULL);
  g_test_add_func ("/pictures/plain", test_plain);
  g_test_add_func ("/pictures/bits", test_bits);
  g_test_add_func ("/pictures/jpeg", test_jpeg);
  g_test_add_func ("/pictures/damaged", test_damaged);
  g_test_add_func ("/pictures/late-header", test_late_header);
  g_test_add_func ("/pictures/bombs", test_bombs);
  g_test_add_func ("/pictures/others", test_others);
  g_test_add_func ("/pictures/many", test_many);
  g_test_add_func ("/pictures/fit", test_fit);
  g_test_add_func ("/pictures/bad-files", test_bad_files);
  code = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return code;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pixels: resizing, normalisation, crop, flip, cutout, by their properties.
 */
#include "data/private.h"
#include "fixture.h"

#include <math.h>

static void
resize (uint32_t h, uint32_t w, uint32_t c, uint32_t oh, uint32_t ow, const float *in, float *out)
{
  LodeShape from = { h, w, c }, to = { oh, ow, c };

  lode_resize (in, &from, out, &to);
}

/* A constant stays, the mean stays when it shrinks, the same size changes nothing. */
static void
test_resize (void)
{
  const uint32_t size[] = { 1, 2, 3, 5, 8, 13, 28, 32 };
  float in[32 * 32 * 3], out[32 * 32 * 3];

  for (guint a = 0; a < 8; a++)
    for (guint b = 0; b < 8; b++)
      for (uint32_t c = 1; c <= 3; c++) {
        uint32_t h = size[a], w = size[(a + 3) % 8], oh = size[b], ow = size[(b + 5) % 8];
        double mean = 0, after = 0;

        for (uint32_t i = 0; i < h * w * c; i++)
          in[i] = 3 + (float) (i % c);
        resize (h, w, c, oh, ow, in, out);
        for (uint32_t i = 0; i < oh * ow * c; i++)
          g_assert_cmpfloat_with_epsilon (out[i], 3 + (float) (i % c), 1e-5);
        for (uint32_t i = 0; i < h * w * c; i++)
          mean += in[i] = (float) (i * i % 17);
        resize (h, w, c, oh, ow, in, out);
        for (uint32_t i = 0; i < oh * ow * c; i++)
          after += (double) out[i];
        if (oh <= h && ow <= w)
          g_assert_cmpfloat_with_epsilon (mean / (h * w), after / (oh * ow), 1e-4);
        resize (h, w, c, h, w, in, out);
        g_assert_cmpmem (in, h * w * c * sizeof (float), out, h * w * c * sizeof (float));
      }
}

/* Worked out by hand: cells overlap by ⅔ and ⅓; between centres, as PyTorch has it without
 * align_corners. */
static void
test_resize_golden (void)
{
  const float in[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 }, two[] = { 10, 20 };
  const float area[] = { 4 / 3.f, 8 / 3.f, 16 / 3.f, 20 / 3.f }, line[] = { 10, 12.5f, 17.5f, 20 };
  float out[16];

  resize (3, 3, 1, 2, 2, in, out);
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon (out[i], area[i], 1e-5);
  resize (1, 2, 1, 1, 4, two, out);
  for (int i = 0; i < 4; i++)
    g_assert_cmpfloat_with_epsilon (out[i], line[i], 1e-5);
}

/* Through the data layer: bytes stay bytes, vectors are left alone. */
static void
test_side (void)
{
  Fake fake = fake_bytes (30, 5, 3), vector = fake_bytes (30, 5, 3);
  LodeDataConf conf = { .side = 3, .preload = true, .duplicates = LODE_COPIES_KEEP };
  LodeData *data = fake_open (&fake, &conf, 1);
  LodeStream *stream =
      stream_of (data, (LodeStreamSpec){ .role = LODE_ROLE_VALID + 1, .batch = 30 });
  const LodeBatch *batch = next_of (stream);
  LodeShape to = { 3, 3, 2 };
  float in[60], out[18];

  g_assert_cmpuint (lode_data_shape (data).h * 100 + lode_data_shape (data).w * 10
                        + lode_data_shape (data).c,
                    ==, 332);
  for (uint32_t i = 0; i < 30; i++) {
    for (size_t j = 0; j < 60; j++)
      in[j] = fake_byte (i, j);
    lode_resize (in, &fake.shape, out, &to);
    for (int j = 0; j < 18; j++)
      g_assert_cmpfloat_with_epsilon (batch->pixel[i * 18 + (uint32_t) j] * 255,
                                      floorf (out[j] + 0.5f), 1e-3);
  }
  lode_stream_close (stream);
  lode_data_free (data);
  vector.shape = (LodeShape){ 1, 1, 60 };
  data = fake_open (&vector, &conf, 1);
  g_assert_cmpuint (lode_data_shape (data).c, ==, 60);
  g_assert_cmpuint (lode_data_shape (data).h, ==, 1);
  lode_data_free (data);
}

/* Mean and deviation of each channel of a batch that holds the whole role. */
static void
measure (LodeData *data, uint32_t role, uint32_t c, double *mean, double *deviation)
{
  LodeStream *stream = stream_of (data, (LodeStreamSpec){ .role = role, .batch = 100000 });
  const LodeBatch *batch = next_of (stream);
  size_t n = batch->n * (size_t) batch->shape.h * batch->shape.w;

  for (uint32_t l = 0; l < c; l++) {
    double sum = 0, square = 0;

    for (size_t i = 0; i < n; i++)
      sum += (double) batch->pixel[i * c + l];
    for (size_t i = 0; i < n; i++)
      square += pow ((double) batch->pixel[i * c + l] - sum / (double) n, 2);
    mean[l] = sum / (double) n;
    deviation[l] = sqrt (square / (double) n);
  }
  lode_stream_close (stream);
}

/* Bytes; reals far from zero, where a difference of squares would lose every digit; a constant
 * channel. */
static void
test_normalise (void)
{
  enum { N = 200 };
  g_autofree float *reals = g_new (float, N * 60);
  double mean[2], deviation[2];

  for (uint32_t i = 0; i < N * 60; i++)
    reals[i] = i % 2 ? 7.f : 1e4f + (float) (i * 2654435761u >> 24) / 256;
  for (int k = 0; k < 4; k++) {
    Fake fake = fake_bytes (N, 10, 4);
    LodeDataConf conf = plain_conf ();
    LodeData *data;

    fake.pixel = k % 2 ? LODE_PIXEL_F32 : LODE_PIXEL_U8;
    fake.part[0].reals = k % 2 ? reals : NULL;
    fake.part[1].reals = fake.part[0].reals;
    conf.preload = k < 2;
    conf.valid = 20;
    data = fake_open (&fake, &conf, 1);
    measure (data, LODE_ROLE_CALIBRATE, 2, mean, deviation);
    g_assert_cmpfloat_with_epsilon (mean[0], 0, k % 2 ? 5e-3 : 1e-5);
    g_assert_cmpfloat_with_epsilon (deviation[0], 1, k % 2 ? 5e-3 : 1e-5);
    g_assert_cmpfloat_with_epsilon (mean[1], 0, 1e-5);
    g_assert_cmpfloat_with_epsilon (deviation[1], k % 2 ? 0 : 1, 1e-5);
    lode_data_free (data);
  }
}

/* Samples written with and without randomness, on a data set of one image. */
typedef struct Scene {
  Fake fake;
  LodeData *data;
  uint8_t image[60];
  float plain[60], out[60];
} Scene;

static void
scene_open (Scene *scene, LodeDataConf conf)
{
  scene->fake = fake_bytes (1, 0, 1);
  for (size_t j = 0; j < 60; j++)
    scene->image[j] = (uint8_t) (50 + j * 3);
  scene->fake.part[0].bytes = scene->image;
  scene->data = fake_open (&scene->fake, &conf, 1);
  lode_sample_write (scene->data, scene->image, NULL, scene->plain);
}

static void
scene_draw (Scene *scene, uint64_t key)
{
  LodeRng rng = { lode_seed_mix (key, 0), 0 };

  memset (scene->out, 0xff, sizeof scene->out);
  lode_sample_write (scene->data, scene->image, &rng, scene->out);
}

/* Values of pixel (y, x) shifted by (dy, dx), mirrored or not; black where the image ends. */
static bool
matches (const Scene *scene, int dy, int dx, bool mirror)
{
  for (int y = 0; y < 6; y++)
    for (int x = 0; x < 5; x++)
      for (int l = 0; l < 2; l++) {
        int iy = y + dy, ix = (mirror ? 4 - x : x) + dx;
        bool inside = iy >= 0 && iy < 6 && ix >= 0 && ix < 5;
        float expected = inside ? scene->plain[(iy * 5 + ix) * 2 + l] : scene->data->shift[l];

        if (scene->out[(y * 5 + x) * 2 + l] != expected)
          return false;
      }
  return true;
}

/* Every offset and side comes, about equally often, and nothing else; black is a raw 0. */
static void
test_crop_and_flip (void)
{
  Scene scene;
  uint32_t seen[2][5][5] = { 0 };

  scene_open (&scene,
              (LodeDataConf){ .normalise = true, .crop = 2, .flip = true, .preload = true });
  for (uint64_t key = 0; key < 5000; key++) {
    uint32_t found = 0;

    scene_draw (&scene, key);
    for (int m = 0; m < 2; m++)
      for (int y = -2; y <= 2; y++)
        for (int x = -2; x <= 2; x++)
          if (matches (&scene, y, x, m)) {
            seen[m][y + 2][x + 2]++;
            found++;
          }
    g_assert_cmpuint (found, ==, 1);
  }
  for (int k = 0; k < 50; k++) { /* 100 expected, 5 deviations */
    g_assert_cmpuint (seen[k / 25][k / 5 % 5][k % 5], >, 50);
    g_assert_cmpuint (seen[k / 25][k / 5 % 5][k % 5], <, 150);
  }
  lode_data_free (scene.data);
}

/* Nothing asked for: nothing done. A flip alone gives the image or its mirror, whose mirror is the
 * image. */
static void
test_identity (void)
{
  Scene scene;
  uint32_t flips = 0;

  scene_open (&scene, (LodeDataConf){ .normalise = true, .preload = true });
  for (uint64_t key = 0; key < 20; key++) {
    scene_draw (&scene, key);
    g_assert_cmpmem (scene.out, sizeof scene.out, scene.plain, sizeof scene.plain);
  }
  lode_data_free (scene.data);
  scene_open (&scene, (LodeDataConf){ .flip = true, .preload = true });
  for (uint64_t key = 0; key < 400; key++) {
    float twice[60];

    scene_draw (&scene, key);
    if (matches (&scene, 0, 0, false))
      continue;
    flips++;
    for (int p = 0; p < 30; p++)
      memcpy (twice + 2 * p, scene.out + 2 * (p / 5 * 5 + 4 - p % 5), 2 * sizeof (float));
    g_assert_cmpmem (twice, sizeof twice, scene.plain, sizeof twice);
  }
  g_assert_cmpuint (flips, >, 150);
  g_assert_cmpuint (flips, <, 250);
  lode_data_free (scene.data);
}

/* A square of zeros, cut at the borders, its centre anywhere; all else as it was. */
static void
test_cutout (void)
{
  for (int side = 1; side <= 20; side++) {
    Scene scene;
    bool centre[30] = { false };

    scene_open (&scene, (LodeDataConf){ .cutout = side, .preload = true });
    for (uint64_t key = 0; key < 600; key++) {
      int y0 = 6, y1 = -1, x0 = 5, x1 = -1, zeros = 0;

      scene_draw (&scene, key);
      for (int p = 0; p < 30; p++) {
        if (scene.out[2 * p] == scene.plain[2 * p]
            && scene.out[2 * p + 1] == scene.plain[2 * p + 1])
          continue;
        g_assert_cmpfloat (scene.out[2 * p], ==, 0);
        g_assert_cmpfloat (scene.out[2 * p + 1], ==, 0);
        y0 = MIN (y0, p / 5);
        y1 = MAX (y1, p / 5);
        x0 = MIN (x0, p % 5);
        x1 = MAX (x1, p % 5);
        zeros++;
      }
      g_assert_cmpint (zeros, ==, (y1 - y0 + 1) * (x1 - x0 + 1));
      g_assert_cmpint (y1 - y0 + 1, <=, side);
      g_assert_cmpint (x1 - x0 + 1, <=, side);
      if (y0 > 0 && y1 < 5)
        g_assert_cmpint (y1 - y0 + 1, ==, side);
      centre[side == 1 ? y0 * 5 + x0 : 0] = true;
    }
    for (int p = 0; p < 30 && side == 1; p++)
      g_assert_true (centre[p]);
    lode_data_free (scene.data);
  }
}

static void
test_crop_too_large (void)
{
  Fake fake = fake_bytes (4, 0, 2);
  LodeDataConf conf = { .crop = 5, .preload = true };

  fake_refused (&fake, &conf, LODE_RUN_ERROR_CONFIG, "data.crop = 5");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/images/resize", test_resize);
  g_test_add_func ("/images/resize-golden", test_resize_golden);
  g_test_add_func ("/images/side", test_side);
  g_test_add_func ("/images/normalise", test_normalise);
  g_test_add_func ("/images/crop-and-flip", test_crop_and_flip);
  g_test_add_func ("/images/identity", test_identity);
  g_test_add_func ("/images/cutout", test_cutout);
  g_test_add_func ("/images/crop-too-large", test_crop_too_large);
  return g_test_run ();
}

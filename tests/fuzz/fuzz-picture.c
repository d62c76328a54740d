/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for pictures: what decodes has the size that its header tells, and decodes to
 * the same pixels again.
 */
#include "data/picture.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  LodePictureIn in = { .background = 255, .side = n % 3 ? 32 : 0, .megapixels = 0.25 };
  LodePicture head, one, two;
  GError *error = NULL;
  bool looked = lode_picture_look (data, n, &head, &error), ok;

  fuzz_check (looked, error);
  error = NULL;
  ok = lode_picture_decode (data, n, &in, &one, &error);
  fuzz_check (ok, error);
  if (!ok)
    return 0;
  g_assert_true (looked);
  g_assert_cmpuint (one.full_w, ==, head.full_w);
  g_assert_cmpuint (one.full_h, ==, head.full_h);
  g_assert_true (lode_picture_decode (data, n, &in, &two, NULL));
  g_assert_cmpmem (one.pixel, (size_t) one.w * one.h * one.c, two.pixel,
                   (size_t) two.w * two.h * two.c);
  lode_picture_clear (&one);
  lode_picture_clear (&two);
  return 0;
}

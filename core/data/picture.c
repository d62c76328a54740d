/* SPDX-License-Identifier: Apache-2.0 */
#include "data/picture.h"

#include "error.h"

#include <string.h>

static const uint8_t png_magic[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

static bool
fail (GError **error, const char *what)
{
  g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, what);
  return false;
}

bool
lode_picture_allowed (const LodePictureIn *in, uint32_t w, uint32_t h, GError **error)
{
  double most = in->megapixels > 0 ? in->megapixels : 40, has = (double) w * h / 1e6;

  if (has <= most)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "it is %u × %u, %.0f megapixels, and at most %g are decoded; make it smaller, or "
               "raise `megapixels` if it is what it should be",
               w, h, has, most);
  return false;
}

bool
lode_picture_room (LodePicture *picture, size_t values, GError **error)
{
  picture->pixel = g_try_malloc (values);
  if (picture->pixel)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "its %u × %u pixels do not fit into memory", picture->full_w, picture->full_h);
  return false;
}

static bool
is_png (const uint8_t *bytes, size_t n)
{
  return n >= sizeof png_magic && !memcmp (bytes, png_magic, sizeof png_magic);
}

static bool
is_jpeg (const uint8_t *bytes, size_t n)
{
  return n >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static bool
unknown (const uint8_t *bytes, size_t n, GError **error)
{
  static const struct {
    const char *name, *magic;
  } other[] = { { "GIF", "GIF8" },          { "BMP", "BM" },
                { "TIFF", "II*" },          { "TIFF", "MM" },
                { "WebP or RIFF", "RIFF" }, { "web page", "<" },
                { "PDF", "%PDF" } };

  if (n == 0)
    return fail (error, "the file is empty");
  if (n < sizeof png_magic && (!memcmp (bytes, png_magic, n) || bytes[0] == 0xff))
    return fail (error, "the file is truncated");
  for (size_t i = 0; i < G_N_ELEMENTS (other); i++)
    if (n >= strlen (other[i].magic) && !memcmp (bytes, other[i].magic, strlen (other[i].magic))) {
      g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                   "it is a %s file; expected PNG or JPEG: convert it", other[i].name);
      return false;
    }
  return fail (error, "neither PNG nor JPEG by its first bytes; fetch or convert it again");
}

static uint32_t
big_endian (const uint8_t *at)
{
  return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

/* libpng overlooks chunks before the header, which must be the first. */
static bool
look_png (const uint8_t *bytes, size_t n, LodePicture *picture, GError **error)
{
  uint32_t w, h;

  if (n < 33)
    return fail (error, "the file is truncated");
  w = big_endian (bytes + 16);
  h = big_endian (bytes + 20);
  if (memcmp (bytes + 12, "IHDR", 4) || !w || !h || (w | h) >> 31)
    return fail (error, "damaged: a PNG file without a sound header");
  picture->full_w = w;
  picture->full_h = h;
  return true;
}

bool
lode_picture_look (const uint8_t *bytes, size_t n, LodePicture *picture, GError **error)
{
  memset (picture, 0, sizeof *picture);
  if (is_png (bytes, n))
    return look_png (bytes, n, picture, error);
  picture->format = LODE_PICTURE_JPEG;
  return is_jpeg (bytes, n) ? lode_jpeg_look (bytes, n, picture, error) : unknown (bytes, n, error);
}

static void
find_grey (LodePicture *picture)
{
  size_t n = (size_t) picture->w * picture->h;
  const uint8_t *at = picture->pixel;
  uint32_t differ = 0;

  for (size_t i = 0; picture->c == 3 && i < n && !differ; at += 3, i++)
    differ = (uint32_t) ((at[0] ^ at[1]) | (at[0] ^ at[2]));
  picture->grey = !differ;
}

bool
lode_picture_decode (const uint8_t *bytes, size_t n, const LodePictureIn *in, LodePicture *picture,
                     GError **error)
{
  bool ok;

  memset (picture, 0, sizeof *picture);
  if (is_png (bytes, n))
    ok = look_png (bytes, n, picture, error) && lode_png_decode (bytes, n, in, picture, error);
  else if (is_jpeg (bytes, n))
    ok = lode_jpeg_decode (bytes, n, in, picture, error);
  else
    ok = unknown (bytes, n, error);
  if (ok)
    find_grey (picture);
  else
    lode_picture_clear (picture);
  return ok;
}

void
lode_picture_clear (LodePicture *picture)
{
  g_clear_pointer (&picture->pixel, g_free);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PNG through libpng: palettes and fewer bits are expanded, 16 bits scaled to 8, transparency laid
 * over the background; gamma is left as it is. All that libpng's error handler may jump over lies
 * in one struct, so that nothing leaks and no local is read that the jump may have spoiled.
 */
#include "data/picture.h"

#include "error.h"

#include <png.h>
#include <string.h>

enum { MOST_CHUNK = 8 << 20 /* of a text or profile, unpacked */, MOST_SIDE = 1 << 24 };

typedef struct Decoder {
  png_struct *png;
  png_info *info;
  const uint8_t *bytes; /* [n] */
  size_t n, at;
  uint32_t channels; /* 1 grey, 2 grey and alpha, 3, 4 */
  uint8_t *raw;      /* [h][w][channels] */
  png_byte **row;    /* [h] */
  char why[160];
} Decoder;

static void G_GNUC_NORETURN
on_error (png_struct *png, const char *text)
{
  Decoder *decoder = png_get_error_ptr (png);

  g_strlcpy (decoder->why, text, sizeof decoder->why);
  png_longjmp (png, 1);
}

static void
on_warning (png_struct *png, const char *text)
{
  (void) png;
  (void) text;
}

static void
on_read (png_struct *png, png_byte *out, size_t n)
{
  Decoder *decoder = png_get_io_ptr (png);

  if (n > decoder->n - decoder->at)
    png_error (png, "the file is truncated");
  memcpy (out, decoder->bytes + decoder->at, n);
  decoder->at += n;
}

static void
set_up (Decoder *decoder)
{
  png_struct *png = decoder->png;

  png_set_read_fn (png, decoder, on_read);
  png_set_user_limits (png, MOST_SIDE, MOST_SIDE);
  png_set_chunk_malloc_max (png, MOST_CHUNK);
  png_set_chunk_cache_max (png, 64);
  png_set_keep_unknown_chunks (png, PNG_HANDLE_CHUNK_NEVER, NULL, 0);
}

static void
read_header (Decoder *decoder, LodePicture *picture)
{
  png_struct *png = decoder->png;
  uint32_t type;

  png_read_info (png, decoder->info);
  picture->w = picture->full_w = png_get_image_width (png, decoder->info);
  picture->h = picture->full_h = png_get_image_height (png, decoder->info);
  picture->deep = png_get_bit_depth (png, decoder->info) == 16;
  png_set_expand (png);
  png_set_scale_16 (png);
  png_set_interlace_handling (png);
  png_read_update_info (png, decoder->info);
  type = png_get_color_type (png, decoder->info);
  decoder->channels = png_get_channels (png, decoder->info);
  picture->c = type & PNG_COLOR_MASK_COLOR ? 3 : 1;
}

/* false with `why` set, or with an error of its own; the jump comes back here. */
static bool
head (Decoder *decoder, LodePicture *picture)
{
  if (setjmp (png_jmpbuf (decoder->png)))
    return false;
  set_up (decoder);
  read_header (decoder, picture);
  return true;
}

static bool
body (Decoder *decoder)
{
  if (setjmp (png_jmpbuf (decoder->png)))
    return false;
  png_read_image (decoder->png, decoder->row);
  png_read_end (decoder->png, NULL);
  return true;
}

static bool
make_rows (Decoder *decoder, const LodePicture *picture, GError **error)
{
  size_t row = (size_t) picture->w * decoder->channels;

  decoder->raw = g_try_malloc (row * picture->h);
  decoder->row = g_try_new (png_byte *, picture->h);
  if (!decoder->raw || !decoder->row) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                 "its %u × %u pixels do not fit into memory", picture->w, picture->h);
    return false;
  }
  for (uint32_t y = 0; y < picture->h; y++)
    decoder->row[y] = decoder->raw + y * row;
  return true;
}

/* raw with alpha over the background → pixel */
static void
lay_over (const uint8_t *raw, LodePicture *picture, uint32_t background)
{
  size_t n = (size_t) picture->w * picture->h;
  uint8_t *out = picture->pixel;

  for (size_t i = 0; i < n; i++, raw += picture->c + 1) {
    uint32_t alpha = raw[picture->c];

    picture->alpha = picture->alpha || alpha < 255;
    for (uint32_t l = 0; l < picture->c; l++)
      *out++ = (uint8_t) ((raw[l] * alpha + background * (255 - alpha) + 127) / 255);
  }
}

static bool
finish (Decoder *decoder, const LodePictureIn *in, LodePicture *picture, GError **error)
{
  if (decoder->channels == picture->c) {
    picture->pixel = g_steal_pointer (&decoder->raw);
    return true;
  }
  if (!lode_picture_room (picture, (size_t) picture->w * picture->h * picture->c, error))
    return false;
  lay_over (decoder->raw, picture, in->background);
  return true;
}

static bool
decode (Decoder *decoder, const LodePictureIn *in, LodePicture *picture, GError **error)
{
  bool ok = head (decoder, picture);

  if (ok
      && (!lode_picture_allowed (in, picture->w, picture->h, error)
          || !make_rows (decoder, picture, error)))
    return false;
  ok = ok && body (decoder);
  if (!ok) {
    g_autofree char *why = g_utf8_make_valid (decoder->why, -1);

    for (char *at = why; *at; at++)
      *at = g_ascii_iscntrl (*at) ? ' ' : *at;
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "damaged PNG: %s", why);
    return false;
  }
  return finish (decoder, in, picture, error);
}

bool
lode_png_decode (const uint8_t *bytes, size_t n, const LodePictureIn *in, LodePicture *picture,
                 GError **error)
{
  g_autofree Decoder *decoder = g_new0 (Decoder, 1);
  bool ok = false;

  decoder->bytes = bytes;
  decoder->n = n;
  decoder->png = png_create_read_struct (PNG_LIBPNG_VER_STRING, decoder, on_error, on_warning);
  decoder->info = decoder->png ? png_create_info_struct (decoder->png) : NULL;
  if (decoder->info)
    ok = decode (decoder, in, picture, error);
  else
    g_set_error_literal (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
                         "libpng cannot be used: no memory, or another version than at build");
  png_destroy_read_struct (&decoder->png, &decoder->info, NULL);
  g_free (decoder->raw);
  g_free (decoder->row);
  picture->format = LODE_PICTURE_PNG;
  return ok;
}

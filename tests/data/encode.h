/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pictures for tests, made by the libraries that read them.
 */
#ifndef TEST_DATA_ENCODE_H
#define TEST_DATA_ENCODE_H

#include <glib.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

static inline void
encode_add (png_struct *png, png_byte *data, size_t n)
{
  g_byte_array_append (png_get_io_ptr (png), data, (guint) n);
}

static inline void
encode_flush (png_struct *png)
{
  (void) png;
}

typedef struct EncodePng {
  uint32_t w, h;
  int type, bits;
  bool interlaced;
  const png_color *palette; /* [colours] */
  const png_byte *alpha;    /* [colours] of the palette */
  int colours;
  size_t text; /* bytes of 'a' in a compressed comment */
  bool same;   /* all rows are the first */
} EncodePng;

/* rows: [h][bytes of a row], as libpng packs them (16 bits: high byte first). */
static inline GByteArray *
encode_png (const EncodePng *in, const uint8_t *rows)
{
  GByteArray *out = g_byte_array_new ();
  png_struct *png = png_create_write_struct (PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
  png_info *info = png_create_info_struct (png);
  size_t row;

  png_set_write_fn (png, out, encode_add, encode_flush);
  png_set_user_limits (png, 1u << 30, 1u << 30);
  png_set_IHDR (png, info, in->w, in->h, in->bits, in->type,
                in->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (in->palette)
    png_set_PLTE (png, info, in->palette, in->colours);
  if (in->alpha)
    png_set_tRNS (png, info, in->alpha, in->colours, NULL);
  if (in->text) {
    g_autofree char *key = g_strdup ("Comment"), *text = g_strnfill (in->text, 'a');
    png_text comment = { .compression = PNG_TEXT_COMPRESSION_zTXt, .key = key, .text = text };

    png_set_text (png, info, &comment, 1);
  }
  png_write_info (png, info);
  row = png_get_rowbytes (png, info);
  for (int pass = png_set_interlace_handling (png); pass > 0; pass--)
    for (uint32_t y = 0; y < in->h; y++)
      png_write_row (png, rows + (in->same ? 0 : y * row));
  png_write_end (png, info);
  png_destroy_write_struct (&png, &info);
  return out;
}

/* pixel: [h][w][c] of 1, 3 or 4 (CMYK, inverted as Adobe has it). */
static inline GByteArray *
encode_jpeg (uint32_t w, uint32_t h, uint32_t c, const uint8_t *pixel, bool progressive)
{
  struct jpeg_compress_struct jpeg;
  struct jpeg_error_mgr errors;
  unsigned char *bytes = NULL;
  unsigned long n = 0;
  GByteArray *out = g_byte_array_new ();

  jpeg.err = jpeg_std_error (&errors);
  jpeg_create_compress (&jpeg);
  jpeg_mem_dest (&jpeg, &bytes, &n);
  jpeg.image_width = w;
  jpeg.image_height = h;
  jpeg.input_components = (int) c;
  jpeg.in_color_space = c == 1 ? JCS_GRAYSCALE : c == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults (&jpeg);
  jpeg_set_quality (&jpeg, 98, TRUE);
  if (progressive)
    jpeg_simple_progression (&jpeg);
  jpeg_start_compress (&jpeg, TRUE);
  while (jpeg.next_scanline < h) {
    JSAMPROW row = (JSAMPROW) (uintptr_t) (pixel + (size_t) jpeg.next_scanline * w * c);

    jpeg_write_scanlines (&jpeg, &row, 1);
  }
  jpeg_finish_compress (&jpeg);
  g_byte_array_append (out, bytes, (guint) n);
  jpeg_destroy_compress (&jpeg);
  free (bytes);
  return out;
}

#endif

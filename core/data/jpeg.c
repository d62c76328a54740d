/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JPEG through libjpeg: grey, colour, and the CMYK of print shops. A picture that will be much
 * reduced is decoded at a half, a quarter or an eighth of its size, never below twice the side that
 * is wanted. The library fills what a damaged file lacks with grey and only warns; here that is an
 * error.
 */
#include "data/picture.h"

#include "error.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

enum {
  MOST_SCANS = 500 /* of a progressive one; a file of a few kilobytes can ask for any number */
};

typedef struct Decoder {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf back;
  uint8_t *line; /* [w][components], of CMYK */
  char why[JMSG_LENGTH_MAX];
  bool warned;
} Decoder;

static void G_GNUC_NORETURN
on_error (struct jpeg_common_struct *jpeg)
{
  Decoder *decoder = jpeg->client_data;

  jpeg->err->format_message (jpeg, decoder->why);
  longjmp (decoder->back, 1);
}

/* Level −1: what was decoded may be wrong, but for oddities that many cameras write. */
static void
on_message (struct jpeg_common_struct *jpeg, int level)
{
  Decoder *decoder = jpeg->client_data;
  int code = jpeg->err->msg_code;

  if (level >= 0 || decoder->warned || code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM
      || code == JWRN_JFIF_MAJOR)
    return;
  decoder->warned = true;
  jpeg->err->format_message (jpeg, decoder->why);
}

static void
on_progress (struct jpeg_common_struct *jpeg)
{
  Decoder *decoder = jpeg->client_data;

  if (decoder->jpeg.input_scan_number <= MOST_SCANS)
    return;
  g_strlcpy (decoder->why, "more scans than any picture needs", sizeof decoder->why);
  longjmp (decoder->back, 1);
}

static void
begin (Decoder *decoder, const uint8_t *bytes, size_t n)
{
  decoder->jpeg.err = jpeg_std_error (&decoder->errors);
  decoder->errors.error_exit = on_error;
  decoder->errors.emit_message = on_message;
  decoder->jpeg.client_data = decoder;
  jpeg_create_decompress (&decoder->jpeg);
  decoder->jpeg.client_data = decoder;
  decoder->progress.progress_monitor = on_progress;
  decoder->jpeg.progress = &decoder->progress;
  jpeg_mem_src (&decoder->jpeg, bytes, n);
  jpeg_read_header (&decoder->jpeg, TRUE);
}

static bool
head (Decoder *decoder, const uint8_t *bytes, size_t n)
{
  if (setjmp (decoder->back))
    return false;
  begin (decoder, bytes, n);
  return true;
}

static bool
fail (Decoder *decoder, GError **error)
{
  g_autofree char *why = g_utf8_make_valid (decoder->why, -1);

  for (char *at = why; *at; at++)
    *at = g_ascii_iscntrl (*at) ? ' ' : *at;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "damaged JPEG: %s", why);
  return false;
}

bool
lode_jpeg_look (const uint8_t *bytes, size_t n, LodePicture *picture, GError **error)
{
  g_autofree Decoder *decoder = g_new0 (Decoder, 1);
  bool ok = head (decoder, bytes, n) || fail (decoder, error);

  picture->full_w = decoder->jpeg.image_width;
  picture->full_h = decoder->jpeg.image_height;
  jpeg_destroy_decompress (&decoder->jpeg);
  return ok;
}

static void
set_up (Decoder *decoder, uint32_t side)
{
  struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
  uint32_t least = MIN (jpeg->image_width, jpeg->image_height);

  jpeg->scale_num = jpeg->scale_denom = 1;
  while (side && jpeg->scale_denom < 8 && least / (2 * jpeg->scale_denom) >= 2 * side)
    jpeg->scale_denom *= 2;
  if (jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK)
    jpeg->out_color_space = JCS_CMYK;
  else
    jpeg->out_color_space = jpeg->jpeg_color_space == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_calc_output_dimensions (jpeg);
}

/* As Adobe's programs write it: all four inverted. line: [w][4], out: [w][3] */
static void
print_to_screen (const uint8_t *line, uint32_t w, uint8_t *out)
{
  for (uint32_t x = 0; x < w; x++, line += 4)
    for (int l = 0; l < 3; l++)
      *out++ = (uint8_t) ((line[l] * line[3] + 127) / 255);
}

static void
read_lines (Decoder *decoder, LodePicture *picture)
{
  struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

  jpeg_start_decompress (jpeg);
  while (jpeg->output_scanline < jpeg->output_height) {
    uint8_t *out =
        picture->pixel + (size_t) jpeg->output_scanline * jpeg->output_width * picture->c;
    uint8_t *line = decoder->line ? decoder->line : out;

    jpeg_read_scanlines (jpeg, &line, 1);
    if (decoder->line)
      print_to_screen (line, jpeg->output_width, out);
  }
  jpeg_finish_decompress (jpeg);
}

static bool
size_up (Decoder *decoder, const LodePictureIn *in, LodePicture *picture)
{
  struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

  if (setjmp (decoder->back))
    return false;
  set_up (decoder, in->side);
  picture->w = jpeg->output_width;
  picture->h = jpeg->output_height;
  picture->c = jpeg->out_color_space == JCS_GRAYSCALE ? 1 : 3;
  return true;
}

static bool
body (Decoder *decoder, LodePicture *picture)
{
  if (setjmp (decoder->back))
    return false;
  read_lines (decoder, picture);
  return true;
}

static bool
decode (Decoder *decoder, const LodePictureIn *in, LodePicture *picture, GError **error)
{
  struct jpeg_decompress_struct *jpeg = &decoder->jpeg;

  picture->full_w = jpeg->image_width;
  picture->full_h = jpeg->image_height;
  if (!lode_picture_allowed (in, picture->full_w, picture->full_h, error))
    return false;
  if (!size_up (decoder, in, picture))
    return fail (decoder, error);
  if (!lode_picture_room (picture, (size_t) picture->w * picture->h * picture->c, error))
    return false;
  if (jpeg->out_color_space == JCS_CMYK)
    decoder->line = g_malloc ((size_t) picture->w * 4);
  if (!body (decoder, picture) || decoder->warned)
    return fail (decoder, error);
  return true;
}

bool
lode_jpeg_decode (const uint8_t *bytes, size_t n, const LodePictureIn *in, LodePicture *picture,
                  GError **error)
{
  g_autofree Decoder *decoder = g_new0 (Decoder, 1);
  bool ok = head (decoder, bytes, n) ? decode (decoder, in, picture, error) : fail (decoder, error);

  jpeg_destroy_decompress (&decoder->jpeg);
  g_free (decoder->line);
  picture->format = LODE_PICTURE_JPEG;
  return ok;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One picture from the bytes of a PNG or JPEG file. Which of both it is says the file's first
 * bytes, not its name. Nothing is allocated for a picture before its size is known to be allowed.
 */
#ifndef LODE_CORE_PICTURE_H
#define LODE_CORE_PICTURE_H

#include <lode/types.h>

enum { LODE_PICTURE_PNG, LODE_PICTURE_JPEG };

typedef struct LodePictureIn {
  uint32_t background; /* 0 … 255 behind what is transparent */
  uint32_t side;       /* what it will be reduced to: a JPEG may be decoded smaller, not below twice
                          this; 0: full size */
  double megapixels;   /* the largest that is decoded */
} LodePictureIn;

typedef struct LodePicture {
  uint32_t w, h;
  uint32_t c; /* 1 or 3 */
  uint32_t format;
  uint32_t full_w, full_h; /* as the file says */
  bool grey;               /* every pixel */
  bool deep, alpha;        /* the file has 16 bits; some transparency */
  uint8_t *pixel;          /* [h][w][c] */
} LodePicture;

/* The size that a file's header tells, in full_w, full_h; n: of the file's beginning at least.
 * Errors: LODE_RUN_ERROR_DATA, without the file's name. [any] */
bool lode_picture_look (const uint8_t *bytes, size_t n, LodePicture *, GError **);
/* Errors likewise; a damaged file is an error, not half a picture. [any] */
bool lode_picture_decode (const uint8_t *bytes, size_t n, const LodePictureIn *, LodePicture *,
                          GError **);
void lode_picture_clear (LodePicture *);

/* png.c, jpeg.c: the same of one format. */
bool lode_png_decode (const uint8_t *bytes, size_t n, const LodePictureIn *, LodePicture *,
                      GError **);
bool lode_jpeg_look (const uint8_t *bytes, size_t n, LodePicture *, GError **);
bool lode_jpeg_decode (const uint8_t *bytes, size_t n, const LodePictureIn *, LodePicture *,
                       GError **);
/* Whether w × h may be decoded. */
bool lode_picture_allowed (const LodePictureIn *, uint32_t w, uint32_t h, GError **);
bool lode_picture_room (LodePicture *, size_t values, GError **);

#endif

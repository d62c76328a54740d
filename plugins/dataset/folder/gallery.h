/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Examples that are pictures in files: what the plugins of folders and of manifests share.
 */
#ifndef LODE_DATASET_GALLERY_H
#define LODE_DATASET_GALLERY_H

#include <lode/lode.h>

#define DATA_ERROR (g_quark_from_static_string ("lode-data-error"))

/* The options of all of them, as members of a plugin's Conf. */
#define GALLERY_FIELDS                                                                             \
  int64_t side;                                                                                    \
  int32_t fit, colour, background;                                                                 \
  bool skip;                                                                                       \
  double megapixels;

extern const char *const gallery_fits[], *const gallery_colours[], *const gallery_backgrounds[];

#define GALLERY_OPTIONS(Conf)                                                                      \
  LODE_OPTION (Conf, side, .number = 0, .max = 1024, .unit = "pixels",                             \
               .doc = "side that pictures are brought to; 0: as they are if all are alike and at " \
                      "most 64, else 32 or 64 by the median of the shorter sides"),                \
      LODE_OPTION (Conf, fit, .choices = gallery_fits,                                             \
                   .doc = "the whole picture, squeezed to a square; or the square in its middle"), \
      LODE_OPTION (Conf, colour, .choices = gallery_colours,                                       \
                   .doc = "channels: auto takes one if no picture has any colour"),                \
      LODE_OPTION (Conf, background, .choices = gallery_backgrounds,                               \
                   .doc = "what shows where a picture is transparent"),                            \
      LODE_OPTION (Conf, skip, .number = 0,                                                        \
                   .doc = "leave out pictures that cannot be decoded, with a warning each"),       \
      LODE_OPTION (Conf, megapixels, .number = 40, .min = 0.001, .max = 10000,                     \
                   .unit = "megapixels", .doc = "larger pictures are refused")

typedef struct GalleryLook {
  GALLERY_FIELDS
} GalleryLook;

#define GALLERY_LOOK(conf)                                                                         \
  ((GalleryLook){ (conf)->side, (conf)->fit, (conf)->colour, (conf)->background, (conf)->skip,     \
                  (conf)->megapixels })

/* Arrays of what examples carry, one entry a picture; taken over. */
typedef struct Gallery {
  uint32_t n, classes, targets, has;
  char **path, **name;            /* [n] full; as shown. NULL-ended */
  char **class_name;              /* [classes] NULL-ended, or NULL */
  int32_t *label, *group, *split; /* [n], or NULL */
  float *target, *weight;
  LodePictures *pictures;
  uint32_t *at; /* [n] picture of each example */
} Gallery;

/* Decodes the pictures; those that were skipped are struck from all arrays. */
bool gallery_decode (Gallery *, const LodeHost *, const GalleryLook *, GError **);
void gallery_free (Gallery *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Gallery, gallery_free)
void gallery_info (const Gallery *, LodeDataInfo *);
bool gallery_read (const Gallery *, uint32_t part, const LodeExamples *, GError **);

#endif

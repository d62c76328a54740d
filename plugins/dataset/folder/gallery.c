/* SPDX-License-Identifier: Apache-2.0 */
#include "gallery.h"

#include <string.h>

const char *const gallery_fits[] = { "resize", "crop", NULL };
const char *const gallery_colours[] = { "auto", "grey", "rgb", NULL };
const char *const gallery_backgrounds[] = { "white", "black", NULL };

void
gallery_free (Gallery *gallery)
{
  if (!gallery)
    return;
  g_strfreev (gallery->path);
  g_strfreev (gallery->name);
  g_strfreev (gallery->class_name);
  g_free (gallery->label);
  g_free (gallery->group);
  g_free (gallery->split);
  g_free (gallery->target);
  g_free (gallery->weight);
  g_free (gallery->at);
  lode_pictures_free (gallery->pictures);
  g_free (gallery);
}

/* Entry `from` of all arrays moves to `to`. */
static void
move (Gallery *gallery, uint32_t from, uint32_t to)
{
  char *name = gallery->name[to];

  gallery->name[to] = gallery->name[from];
  gallery->name[from] = name;
  if (gallery->label)
    gallery->label[to] = gallery->label[from];
  if (gallery->group)
    gallery->group[to] = gallery->group[from];
  if (gallery->split)
    gallery->split[to] = gallery->split[from];
  if (gallery->weight)
    gallery->weight[to] = gallery->weight[from];
  if (gallery->target)
    memmove (gallery->target + (size_t) to * gallery->targets,
             gallery->target + (size_t) from * gallery->targets, gallery->targets * sizeof (float));
  gallery->at[to] = from;
}

bool
gallery_decode (Gallery *gallery, const LodeHost *host, const GalleryLook *look, GError **error)
{
  LodePicturesIn in = { .size = sizeof in,
                        .n = gallery->n,
                        .side = (uint32_t) look->side,
                        .path = (const char *const *) gallery->path,
                        .name = (const char *const *) gallery->name,
                        .fit = (uint32_t) look->fit,
                        .colour = (uint32_t) look->colour,
                        .background = look->background ? 0 : 255,
                        .skip = look->skip,
                        .megapixels = look->megapixels };
  uint32_t n = 0;

  gallery->pictures = lode_pictures_new (host, &in, error);
  if (!gallery->pictures)
    return false;
  gallery->at = g_new (uint32_t, (size_t) gallery->n + 1);
  for (uint32_t i = 0; i < gallery->n; i++)
    if (lode_pictures_at (gallery->pictures, i))
      move (gallery, i, n++);
  gallery->n = n;
  return true;
}

void
gallery_info (const Gallery *gallery, LodeDataInfo *info)
{
  info->shape = lode_pictures_shape (gallery->pictures);
  info->pixel = LODE_PIXEL_U8;
  info->classes = gallery->classes;
  info->targets = gallery->targets;
  info->has = gallery->has;
  info->count[LODE_PART_TRAIN] = gallery->n;
  info->count[LODE_PART_TEST] = 0;
}

bool
gallery_read (const Gallery *gallery, uint32_t part, const LodeExamples *want, GError **error)
{
  LodeShape shape = lode_pictures_shape (gallery->pictures);
  size_t bytes = (size_t) shape.h * shape.w * shape.c;
  LodeArrays arrays = { .n = part == LODE_PART_TRAIN ? gallery->n : 0,
                        .targets = gallery->targets,
                        .label = gallery->label,
                        .target = gallery->target,
                        .weight = gallery->weight,
                        .group = gallery->group,
                        .split = gallery->split };

  if (!lode_arrays_read (&arrays, want, error))
    return false;
  for (uint32_t i = 0; want->pixel && i < want->n; i++)
    memcpy ((uint8_t *) want->pixel + i * bytes,
            lode_pictures_at (gallery->pictures, gallery->at[want->index[i]]), bytes);
  return true;
}

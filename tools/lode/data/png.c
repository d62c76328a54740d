/* SPDX-License-Identifier: Apache-2.0 */
#include "look.h"

#include "error.h"
#include "run/file.h"

#include <png.h>

bool
data_write_png (const char *path, const uint8_t *pixel, uint32_t w, uint32_t h, uint32_t c,
                GError **error)
{
  png_image image = { .version = PNG_IMAGE_VERSION,
                      .width = w,
                      .height = h,
                      .format = c == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB };
  png_alloc_size_t n = PNG_IMAGE_PNG_SIZE_MAX (image);
  g_autofree void *bytes = g_try_malloc (n);

  if (bytes && png_image_write_to_memory (&image, bytes, &n, 0, pixel, 0, NULL))
    return lode_file_write (path, bytes, n, error);
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s: cannot be made: %s", path,
               bytes ? image.message : "no memory");
  return false;
}

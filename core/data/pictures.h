/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many pictures from files, brought to one size: what the service of files.h does.
 */
#ifndef LODE_CORE_PICTURES_H
#define LODE_CORE_PICTURES_H

#include "compute/threads.h"
#include <lode/files.h>

/* Who hears what was found, a line each (LODE_LOG_…). */
typedef struct LodeListener {
  void (*say) (void *data, uint32_t level, const char *text);
  void *data;
} LodeListener;

/* A pictures object; every file that cannot be decoded is told to the listener before the one error
 * that counts them. Decoding is spread over the threads, with the same result for any number.
 * [main]
 */
LodePictures *lode_pictures_decode (const LodePicturesIn *, LodeThreads *, const LodeListener *,
                                    GError **);

#endif

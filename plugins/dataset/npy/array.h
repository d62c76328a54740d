/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays as NumPy saves them: one in a .npy file, several in a .npz archive or in a folder of .npy
 * files.
 */
#ifndef LODE_DATASET_ARRAY_H
#define LODE_DATASET_ARRAY_H

#include <lode/lode.h>

#define DATA_ERROR (g_quark_from_static_string ("lode-data-error"))

enum { MOST_DIMS = 4 };

typedef struct Array {
  char *name;     /* of its file, for messages */
  char kind;      /* 'u', 'i', 'f' or 'b' */
  uint32_t value; /* bytes of a value */
  bool big;       /* end first */
  uint32_t dims;
  uint64_t dim[MOST_DIMS];
  uint64_t stride[MOST_DIMS]; /* in values */
  bool dense;                 /* in C order */
  const uint8_t *data;
  uint64_t bytes;   /* of data */
  void *memory;     /* behind data, or NULL */
  GMappedFile *map; /* likewise */
} Array;

/* Name, type and shape from the beginning of a .npy file; *head: bytes before the data. */
bool array_header (Array *, const uint8_t *bytes, uint64_t n, uint64_t *head, GError **);
double array_value (const Array *, uint64_t offset);
void array_free (Array *); /* accepts NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Array, array_free)

/* A .npz file or a folder of .npy files: the first array of those called so. NULL without an error:
 * there is none. */
Array *array_find (const char *path, const char *const *names, GError **);

#endif

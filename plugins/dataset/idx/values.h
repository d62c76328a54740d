/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header and the values of an IDX file.
 */
#ifndef LODE_DATASET_VALUES_H
#define LODE_DATASET_VALUES_H

#include "source.h"

enum { IDX_U8 = 0x08, IDX_I16 = 0x0b, IDX_I32 = 0x0c, MOST_DIMS = 4 };

/* What an IDX header says. */
typedef struct IdxHeader {
  uint32_t type, dims, dim[MOST_DIMS];
  size_t value, bytes; /* of a value; of all */
} IdxHeader;

/* A file of the folder, as named or with .gz behind. */
Source *idx_open_file (const char *folder, const char *name, GError **);
bool idx_read_header (Source *, IdxHeader *, GError **);
/* The values of a file (transfer full), as they lie in it. */
uint8_t *idx_read_values (Source *, const IdxHeader *, GError **);
uint32_t idx_big_endian (const uint8_t *at);
/* A label of `size` bytes. */
int32_t idx_label_at (const uint8_t *values, size_t size, size_t i);

#endif

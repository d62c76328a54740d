/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store in memory shows its file's reader and writer.
 */
#ifndef LODE_CORE_STORE_PRIVATE_H
#define LODE_CORE_STORE_PRIVATE_H

#include "run/store.h"

#define LODE_STORE_METADATA "__metadata__"

typedef struct LodeStoreType {
  uint32_t type, size; /* LODE_TYPE_…, bytes of an element */
  const char *name;    /* safetensors' */
} LodeStoreType;

const LodeStoreType *lode_store_type (uint32_t type); /* NULL: unknown */
const LodeStoreType *lode_store_type_named (const char *name);

typedef struct LodeStoreArray {
  const LodeStoreType *type;
  size_t n;
  void *data; /* [n] */
} LodeStoreArray;

/* An array by name; NULL if there is none. */
const LodeStoreArray *lode_store_array (const LodeStore *, const char *name);

/* Takes data (g_malloc'ed) of an array whose name is known to be fine. */
void lode_store_take (LodeStore *, const char *name, LodeStoreArray);

/* Why this store cannot be written, from the first bad put; NULL: it can. */
const char *lode_store_wrong (const LodeStore *);

#endif

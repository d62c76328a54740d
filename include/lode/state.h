/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "lode.state/1": saving and restoring an instance, and the store of named arrays it uses.
 *
 * A plugin with state answers this id from `query`. load (save (x)) continues as x would have, bit for
 * bit. A missing, short or mistyped array is an error of lode_store_get; pass it on, leave the instance usable.
 */
#ifndef LODE_STATE_H
#define LODE_STATE_H

#include <lode/types.h>

#define LODE_STATE_ID "lode.state/1"

typedef struct LodeStateOps {
  size_t size;
  void (*save) (const void *instance, LodeStore *);                /* [main] */
  bool (*load) (void *instance, const LodeStore *, GError **);     /* [main] */
} LodeStateOps;

enum { LODE_TYPE_U8 = 1, LODE_TYPE_I32, LODE_TYPE_U32, LODE_TYPE_U64, LODE_TYPE_F32, LODE_TYPE_F64, LODE_TYPE_I64 };

typedef struct LodeStoreCalls {
  size_t size;
  void (*put) (LodeStore *, const char *name, uint32_t type, size_t n, const void *);
  bool (*get) (const LodeStore *, const char *name, uint32_t type, size_t n, void *, GError **);
  bool (*count) (const LodeStore *, const char *name, uint32_t *type, size_t *n);
} LodeStoreCalls;

struct LodeStore {
  const LodeStoreCalls *calls;
};

/* Copies an array in, under a name of the instance's own; the same name again replaces it. */
static inline void
lode_store_put (LodeStore *store, const char *name, uint32_t type, size_t n, const void *data)
{
  store->calls->put (store, name, type, n, data);
}

/* Copies an array of exactly this type and length out; untouched on failure. */
static inline bool
lode_store_get (const LodeStore *store, const char *name, uint32_t type, size_t n, void *data, GError **error)
{
  return store->calls->get (store, name, type, n, data, error);
}

/* Type and length of an array; false if there is none of that name. */
static inline bool
lode_store_count (const LodeStore *store, const char *name, uint32_t *type, size_t *n)
{
  return store->calls->count (store, name, type, n);
}

#endif

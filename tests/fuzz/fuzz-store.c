/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer harness for stores: any bytes end in a store or a message, and a store that is written
 * and read is as it was.
 */
#include "run/store.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t n);

static void
check_same (const LodeStore *a, const LodeStore *b)
{
  g_autofree const char **name = lode_store_names (a), **other = lode_store_names (b);
  g_autofree const char **key = lode_store_keys (a), **other_key = lode_store_keys (b);

  g_assert_cmpstrv ((char **) name, (char **) other);
  g_assert_cmpstrv ((char **) key, (char **) other_key);
  for (size_t i = 0; key[i]; i++)
    g_assert_cmpstr (lode_store_find_text (a, key[i]), ==, lode_store_find_text (b, key[i]));
  for (size_t i = 0; name[i]; i++) {
    g_autofree uint64_t *x = NULL, *y = NULL;
    uint32_t type;
    size_t n;

    g_assert_true (lode_store_count (a, name[i], &type, &n));
    x = g_new0 (uint64_t, n + 1);
    y = g_new0 (uint64_t, n + 1);
    g_assert_true (lode_store_get (a, name[i], type, n, x, NULL));
    g_assert_true (lode_store_get (b, name[i], type, n, y, NULL));
    g_assert_cmpmem (x, 8 * n, y, 8 * n);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t n)
{
  g_autofree char *path = fuzz_path ("in"), *again = fuzz_path ("out");
  g_autoptr (LodeStore) store = NULL, back = NULL;
  GError *error = NULL;

  fuzz_put (path, data, n);
  store = lode_store_read (path, &error);
  fuzz_check (store, error);
  if (!store)
    return 0;
  g_assert_true (lode_store_write (store, again, NULL));
  back = lode_store_read (again, NULL);
  g_assert_nonnull (back);
  check_same (store, back);
  return 0;
}

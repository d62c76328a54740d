/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store as a safetensors file: 8 bytes of length, a JSON header, the arrays end to end.
 */
#include "error.h"
#include "run/file.h"
#include "run/json.h"
#include "run/store-private.h"

#include <string.h>

G_STATIC_ASSERT (G_BYTE_ORDER == G_LITTLE_ENDIAN); /* as the file's numbers */

#define ALIGN 8 /* of the first array */

static void
put_texts (GString *header, const LodeStore *store)
{
  g_autofree const char **key = lode_store_keys (store);

  if (!*key)
    return;
  g_string_append (header, "\"" LODE_STORE_METADATA "\":{");
  for (size_t i = 0; key[i]; i++) {
    g_string_append (header, i ? "," : "");
    lode_json_put_text (header, key[i]);
    g_string_append_c (header, ':');
    lode_json_put_text (header, lode_store_find_text (store, key[i]));
  }
  g_string_append (header, "},");
}

static void
put_arrays (GString *header, const LodeStore *store, const char **name)
{
  size_t at = 0;

  for (size_t i = 0; name[i]; i++) {
    const LodeStoreArray *array = lode_store_array (store, name[i]);
    size_t end = at + array->n * array->type->size;

    lode_json_put_text (header, name[i]);
    g_string_append_printf (header,
                            ":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]},",
                            array->type->name, array->n, at, end);
    at = end;
  }
}

/* Length, JSON, and blanks so that the arrays begin aligned. */
static GString *
build_header (const LodeStore *store, const char **name)
{
  GString *header = g_string_new ("01234567{");
  uint64_t length;

  put_texts (header, store);
  put_arrays (header, store, name);
  if (header->str[header->len - 1] == ',')
    g_string_truncate (header, header->len - 1);
  g_string_append_c (header, '}');
  while (header->len % ALIGN)
    g_string_append_c (header, ' ');
  length = header->len - sizeof length;
  memcpy (header->str, &length, sizeof length);
  return header;
}

bool
lode_store_write (const LodeStore *store, const char *path, GError **error)
{
  g_autofree const char **name = lode_store_names (store);
  g_autoptr (GString) header = NULL;
  LodeNewFile file;

  if (lode_store_wrong (store)) {
    g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "cannot write %s: %s", path,
                 lode_store_wrong (store));
    return false;
  }
  header = build_header (store, name);
  if (!lode_new_file_open (&file, path, error)
      || !lode_new_file_add (&file, header->str, header->len, error))
    return false;
  for (size_t i = 0; name[i]; i++) {
    const LodeStoreArray *array = lode_store_array (store, name[i]);

    if (!lode_new_file_add (&file, array->data, array->n * array->type->size, error))
      return false;
  }
  return lode_new_file_commit (&file, error);
}

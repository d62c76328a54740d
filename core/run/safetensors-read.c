/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store from a safetensors file that may be cut, foreign or lying.
 *
 * The header is read and checked whole; then it is known that the arrays lie end to end and fill
 * the file, and only then is memory taken for them, as much as the file is long.
 */
#include "error.h"
#include "run/file.h"
#include "run/json.h"
#include "run/store-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* An array as the header tells it. */
typedef struct Entry {
  char *name;
  const LodeStoreType *type;
  uint64_t n, begin, end; /* elements; bytes behind the header */
} Entry;

typedef struct Header {
  const char *path;
  LodeScan scan;
  GArray *entries;   /* Entry */
  GHashTable *names; /* those seen */
  LodeStore *store;  /* texts go straight in */
} Header;

static void
entry_clear (void *entry)
{
  g_free (((Entry *) entry)->name);
}

static bool G_GNUC_PRINTF (3, 4) bad (const char *path, GError **error, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  for (char *c = what; *c; c++)
    *c = g_ascii_iscntrl (*c) ? '?' : *c;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_FAILED, "%s is not a sound store: %s", path,
               what);
  return false;
}

static bool
read_texts (Header *header)
{
  char *name;

  if (!lode_scan_enter (&header->scan, '{'))
    return false;
  while (lode_scan_member (&header->scan, &name)) {
    g_autofree char *key = name, *text = lode_scan_text (&header->scan);

    if (lode_store_find_text (header->store, key))
      return lode_scan_wrong (&header->scan, "a text given twice");
    if (text)
      lode_store_text (header->store, key, text);
  }
  return !header->scan.wrong;
}

/* The product of the dimensions; it does not wrap. */
static bool
read_shape (LodeScan *scan, uint64_t *n)
{
  uint64_t product = 1, dimension;
  bool empty = false, huge = false;

  if (!lode_scan_enter (scan, '['))
    return false;
  while (lode_scan_element (scan)) {
    if (!lode_scan_natural (scan, &dimension))
      return false;
    empty |= !dimension;
    huge |= dimension && product > UINT64_MAX / dimension;
    product *= MAX (dimension, 1);
  }
  *n = empty ? 0 : product;
  return huge && !empty ? lode_scan_wrong (scan, "a shape of more than 2^64 elements")
                        : !scan->wrong;
}

static bool
read_offsets (LodeScan *scan, uint64_t *begin, uint64_t *end)
{
  uint64_t offset[2];
  int n = 0;

  if (!lode_scan_enter (scan, '['))
    return false;
  for (; lode_scan_element (scan); n++)
    if (n >= 2)
      lode_scan_wrong (scan, "expected two offsets");
    else
      lode_scan_natural (scan, &offset[n]);
  if (scan->wrong || n != 2)
    return lode_scan_wrong (scan, "expected two offsets");
  *begin = offset[0];
  *end = offset[1];
  return true;
}

static bool
read_dtype (Header *header, Entry *entry, GError **error)
{
  g_autofree char *name = lode_scan_text (&header->scan);

  if (!name)
    return false;
  entry->type = lode_store_type_named (name);
  return entry->type
         || bad (header->path, error,
                 "array \"%s\" has dtype %s, expected U8, I32, U32, U64, I64, F32 or F64",
                 entry->name, name);
}

static bool
read_field (Header *header, const char *field, Entry *entry, unsigned *seen, GError **error)
{
  static const char *const fields[] = { "dtype", "shape", "data_offsets", NULL };
  unsigned which = 0;

  while (fields[which] && strcmp (fields[which], field) != 0)
    which++;
  if (*seen & 1U << which)
    return lode_scan_wrong (&header->scan, "a member given twice");
  *seen |= 1U << which;
  switch (which) {
  case 0:
    return read_dtype (header, entry, error);
  case 1:
    return read_shape (&header->scan, &entry->n);
  case 2:
    return read_offsets (&header->scan, &entry->begin, &entry->end);
  default:
    return lode_scan_wrong (&header->scan, "a member other than dtype, shape, data_offsets");
  }
}

static bool
check_size (Header *header, const Entry *entry, GError **error)
{
  uint64_t bytes = entry->end - entry->begin;

  if (entry->begin > entry->end)
    return bad (header->path, error,
                "array \"%s\" ends at byte %" PRIu64 ", before it begins at %" PRIu64, entry->name,
                entry->end, entry->begin);
  if (entry->n > UINT64_MAX / entry->type->size || bytes != entry->n * entry->type->size)
    return bad (header->path, error,
                "array \"%s\" has %" PRIu64 " elements of %u bytes by its shape, %" PRIu64
                " bytes by its offsets",
                entry->name, entry->n, entry->type->size, bytes);
  return true;
}

/* Takes the name. */
static bool
read_array (Header *header, char *name, GError **error)
{
  Entry entry = { .name = name };
  unsigned seen = 0;
  char *field;
  bool ok;

  g_array_append_val (header->entries, entry);
  if (!*name || !g_hash_table_add (header->names, name))
    return lode_scan_wrong (&header->scan, *name ? "an array given twice" : "an empty name");
  ok = lode_scan_enter (&header->scan, '{');
  while (ok && lode_scan_member (&header->scan, &field)) {
    ok = read_field (header, field, &entry, &seen, error);
    g_free (field);
  }
  if (!ok || header->scan.wrong)
    return false;
  if (seen != 7)
    return bad (header->path, error, "array \"%s\" lacks dtype, shape or data_offsets", name);
  g_array_index (header->entries, Entry, header->entries->len - 1) = entry;
  return check_size (header, &entry, error);
}

static bool
read_members (Header *header, GError **error)
{
  bool ok = lode_scan_enter (&header->scan, '{'), texts = false;
  char *name;

  while (ok && lode_scan_member (&header->scan, &name)) {
    if (strcmp (name, LODE_STORE_METADATA) != 0) {
      ok = read_array (header, name, error);
      continue;
    }
    g_free (name);
    ok = texts ? lode_scan_wrong (&header->scan, "two groups of texts") : read_texts (header);
    texts = true;
  }
  return ok && !header->scan.wrong && lode_scan_end (&header->scan);
}

static int
by_place (const void *a, const void *b)
{
  const Entry *x = a, *y = b;
  int first = (x->begin > y->begin) - (x->begin < y->begin);

  return first ? first : (x->end > y->end) - (x->end < y->end);
}

/* End to end, from the header to the file's end. */
static bool
check_places (Header *header, uint64_t size, GError **error)
{
  uint64_t at = 0;

  g_array_sort (header->entries, by_place);
  for (guint i = 0; i < header->entries->len; i++) {
    const Entry *entry = &g_array_index (header->entries, Entry, i);

    if (entry->begin != at)
      return bad (header->path, error,
                  "array \"%s\" begins at byte %" PRIu64 " of the data, the one before ends at"
                  " %" PRIu64 " (they %s)",
                  entry->name, entry->begin, at, entry->begin < at ? "overlap" : "leave a gap");
    at = entry->end;
  }
  return at == size
         || bad (header->path, error,
                 "its arrays are %" PRIu64 " bytes, %" PRIu64 " follow the header: the file was %s",
                 at, size, at > size ? "cut" : "continued");
}

static bool
read_arrays (Header *header, int fd, uint64_t offset, GError **error)
{
  for (guint i = 0; i < header->entries->len; i++) {
    const Entry *entry = &g_array_index (header->entries, Entry, i);
    size_t bytes = entry->end - entry->begin;
    LodeStoreArray array = { entry->type, entry->n, g_try_malloc (bytes) };

    if ((bytes && !array.data)
        || !lode_fd_read (fd, array.data, bytes, (off_t) (offset + entry->begin))) {
      lode_file_fail ("read", header->path, bytes && !array.data ? ENOMEM : errno, error);
      g_free (array.data);
      return false;
    }
    lode_store_take (header->store, entry->name, array);
  }
  return true;
}

static bool
read_header (Header *header, const char *text, uint64_t length, uint64_t rest, GError **error)
{
  header->scan = lode_scan_begin (text, length);
  if (*text != '{')
    lode_scan_wrong (&header->scan, "expected an object");
  if (read_members (header, error))
    return check_places (header, rest, error);
  if (header->scan.wrong)
    bad (header->path, error, "%s at byte %td of its header", header->scan.wrong,
         header->scan.at - header->scan.begin);
  return false;
}

/* The header's length must leave it within the file. */
static char *
load_header (const char *path, int fd, uint64_t size, uint64_t *length, GError **error)
{
  g_autofree char *text = NULL;

  if (size < sizeof *length + 2) {
    bad (path, error, "it has %" PRIu64 " bytes, the smallest has 10", size);
    return NULL;
  }
  if (!lode_fd_read (fd, length, sizeof *length, 0)) {
    lode_file_fail ("read", path, errno, error);
    return NULL;
  }
  if (*length < 2 || *length > size - sizeof *length) {
    bad (path, error, "its header claims %" PRIu64 " bytes, the file has %" PRIu64, *length, size);
    return NULL;
  }
  text = g_try_malloc (*length);
  if (text && lode_fd_read (fd, text, *length, sizeof *length))
    return g_steal_pointer (&text);
  lode_file_fail ("read", path, text ? errno : ENOMEM, error);
  return NULL;
}

static bool
read_all (Header *header, int fd, uint64_t size, GError **error)
{
  uint64_t length = 0, offset;
  g_autofree char *text = load_header (header->path, fd, size, &length, error);

  offset = sizeof length + length;
  return text && read_header (header, text, length, size - offset, error)
         && read_arrays (header, fd, offset, error);
}

static LodeStore *
read_open (const char *path, int fd, uint64_t size, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (LodeStore) store = lode_store_new ();
  Header header = { .path = path, .entries = entries, .names = names, .store = store };

  g_array_set_clear_func (entries, entry_clear);
  return read_all (&header, fd, size, error) ? g_steal_pointer (&store) : NULL;
}

LodeStore *
lode_store_read (const char *path, GError **error)
{
  uint64_t size;
  int fd = lode_file_open (path, INT64_MAX, &size, error);
  LodeStore *store;

  if (fd < 0)
    return NULL;
  store = read_open (path, fd, size, error);
  close (fd);
  return store;
}

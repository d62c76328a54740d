/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where arrays lie: .npy files of a folder are mapped, members of an archive read into memory. An
 * archive's member is believed as to its size only as far as the file can hold it.
 */
#include "array.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

enum { BEST_RATIO = 1032 /* of deflate */, HEAD = 1 << 17, BLOCK = 1 << 16 };

static Array *
new_array (const char *path, const char *member)
{
  Array *array = g_new0 (Array, 1);

  array->name = member ? g_strdup_printf ("%s, %s", path, member) : g_strdup (path);
  return array;
}

static Array *
map_file (const char *path, GError **error)
{
  g_autoptr (Array) array = new_array (path, NULL);
  g_autoptr (GError) failure = NULL;
  uint64_t head, size;

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR)) {
    g_set_error (error, DATA_ERROR, 0, "%s: not a regular file; expected a .npy array", path);
    return NULL;
  }
  array->map = g_mapped_file_new (path, FALSE, &failure);
  if (!array->map) {
    g_set_error (error, DATA_ERROR, 0, "%s: cannot be read: %s", path, failure->message);
    return NULL;
  }
  size = g_mapped_file_get_length (array->map);
  array->data = (const uint8_t *) g_mapped_file_get_contents (array->map);
  if (!array_header (array, array->data, size, &head, error))
    return NULL;
  if (size - head != array->bytes) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: %" G_GUINT64_FORMAT " bytes of values; expected %" G_GUINT64_FORMAT
                 " by its shape: the file is damaged, save it again",
                 path, size - head, array->bytes);
    return NULL;
  }
  array->data += head;
  return g_steal_pointer (&array);
}

static Array *
find_file (const char *folder, const char *const *names, GError **error)
{
  for (; *names; names++) {
    g_autofree char *file = g_strconcat (*names, ".npy", NULL);
    g_autofree char *path = g_build_filename (folder, file, NULL);

    if (g_file_test (path, G_FILE_TEST_EXISTS))
      return map_file (path, error);
  }
  return NULL;
}

/* Up to n bytes of the member. −1: it is damaged. */
static int64_t
read_some (struct archive *archive, uint8_t *out, uint64_t n)
{
  uint64_t got = 0;

  while (got < n) {
    la_ssize_t step = archive_read_data (archive, out + got, (size_t) MIN (n - got, 1u << 30));

    if (step < 0)
      return -1;
    if (step == 0)
      break;
    got += (uint64_t) step;
  }
  return (int64_t) got;
}

static bool
damaged (const Array *array, struct archive *archive, GError **error)
{
  const char *why = archive_error_string (archive);
  g_autofree char *text = g_utf8_make_valid (why ? why : "it is truncated", -1);

  for (char *at = text; *at; at++)
    *at = g_ascii_iscntrl (*at) ? ' ' : *at;
  g_set_error (error, DATA_ERROR, 0, "%s: the archive is damaged (%s); save it again", array->name,
               text);
  return false;
}

/* The member that the archive stands at. size: of the file */
static bool
read_member (Array *array, struct archive *archive, uint64_t size, GError **error)
{
  g_autofree uint8_t *begin = g_malloc (HEAD);
  int64_t got = read_some (archive, begin, HEAD);
  uint64_t head, have;
  uint8_t more;

  if (got < 0)
    return damaged (array, archive, error);
  if (!array_header (array, begin, (uint64_t) got, &head, error))
    return false;
  have = (uint64_t) got - head;
  if (have > array->bytes || array->bytes / BEST_RATIO > size) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: its shape asks for %" G_GUINT64_FORMAT
                 " bytes, which is not what the archive holds; save it again",
                 array->name, array->bytes);
    return false;
  }
  array->memory = g_try_malloc (array->bytes + 1);
  if (!array->memory) {
    g_set_error (error, DATA_ERROR, 0, "%s: it does not fit into memory", array->name);
    return false;
  }
  memcpy (array->memory, begin + head, have);
  array->data = array->memory;
  got = read_some (archive, (uint8_t *) array->memory + have, array->bytes - have);
  if (got < 0 || (uint64_t) got < array->bytes - have || read_some (archive, &more, 1) != 0)
    return damaged (array, archive, error);
  return true;
}

static bool
is_member (const char *entry, const char *name)
{
  size_t n = strlen (name);

  return !strncmp (entry, name, n) && (!entry[n] || !strcmp (entry + n, ".npy"));
}

/* The member called so; NULL without an error: there is none. */
static Array *
find_member (const char *path, const char *name, uint64_t size, GError **error)
{
  struct archive *archive = archive_read_new ();
  g_autoptr (Array) array = new_array (path, name);
  struct archive_entry *entry;
  bool found = false, ok = false;
  int state;

  archive_read_support_format_zip_seekable (archive); /* by its directory: a cut file has none */
  state = archive_read_open_filename (archive, path, BLOCK);
  while (state == ARCHIVE_OK && !found
         && (state = archive_read_next_header (archive, &entry)) == ARCHIVE_OK) {
    const char *member = archive_entry_pathname (entry);

    found = member && is_member (member, name);
  }
  if (found)
    ok = read_member (array, archive, size, error);
  else if (state != ARCHIVE_EOF)
    damaged (array, archive, error);
  archive_read_free (archive);
  return ok ? g_steal_pointer (&array) : NULL;
}

Array *
array_find (const char *path, const char *const *names, GError **error)
{
  struct stat info;

  if (g_file_test (path, G_FILE_TEST_IS_DIR))
    return find_file (path, names, error);
  if (stat (path, &info) || !S_ISREG (info.st_mode)) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: not a regular file; expected a .npz archive or a folder of .npy files", path);
    return NULL;
  }
  for (; *names; names++) {
    GError *failure = NULL;
    Array *array = find_member (path, *names, (uint64_t) info.st_size, &failure);

    if (failure)
      g_propagate_error (error, failure);
    if (array || failure)
      return array;
  }
  return NULL;
}

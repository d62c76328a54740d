/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A .npy file as rows: NumPy's NEP 1, float32 or float64, little-endian, in C order. The kernel is
 * told what comes next and what is done with, so that a pass over a large file neither waits for
 * each page nor fills the memory.
 */
#include "error.h"
#include "linalg/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAGIC = 6, MOST_HEADER = 1 << 16, SMALL = 64 << 20 /* stays mapped */ };

typedef struct File {
  LodeSource source; /* first */
  char *map;
  size_t size, head; /* bytes of the file, and before its values */
  size_t begun;      /* bytes in front of which pages were given back */
} File;

static bool
refuse (const char *path, GError **error, const char *what)
{
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s: %s", path, what);
  return false;
}

/* The text behind 'key': in the header; NULL: it is not there. */
static const char *
value_of (const char *header, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("'%s'", key);
  const char *at = strstr (header, quoted);

  if (!at)
    return NULL;
  at += strlen (quoted);
  at += strspn (at, " ");
  return *at == ':' ? at + 1 + strspn (at + 1, " ") : NULL;
}

static bool
read_type (LodeSource *source, const char *header, GError **error)
{
  const char *descr = value_of (header, "descr"), *order = value_of (header, "fortran_order");

  if (!descr || !order)
    return refuse (source->name, error, "the header is damaged");
  if (g_str_has_prefix (descr, "'>f"))
    return refuse (source->name, error,
                   "values are big-endian; expected little-endian: save x.astype('<f4')");
  source->wide = g_str_has_prefix (descr, "'<f8'");
  if (!source->wide && !g_str_has_prefix (descr, "'<f4'"))
    return refuse (source->name, error,
                   "values are neither float32 nor float64: save x.astype('<f4')");
  if (*order != 'F')
    return refuse (source->name, error,
                   "values lie column by column: save numpy.ascontiguousarray (x)");
  return true;
}

static bool
read_shape (LodeSource *source, const char *header, GError **error)
{
  const char *at = value_of (header, "shape");
  uint64_t side[2] = { 0, 0 };

  if (!at || *at++ != '(')
    return refuse (source->name, error, "the header is damaged");
  for (int i = 0; i < 2; i++) {
    char *end;

    side[i] = g_ascii_strtoull (at, &end, 10);
    if (end == at)
      return refuse (source->name, error,
                     "not a matrix; expected two dimensions, examples × features");
    at = end + strspn (end, "L, ");
  }
  if (*at != ')')
    return refuse (source->name, error,
                   "not a matrix; expected two dimensions, examples × features");
  if (!side[0] || !side[1] || side[0] > INT32_MAX || side[1] > 1 << 20)
    return refuse (source->name, error,
                   "expected 1 to 2147483647 examples and 1 to 1048576 features");
  source->n = (uint32_t) side[0];
  source->d = (uint32_t) side[1];
  return true;
}

static bool
read_header (File *file, GError **error)
{
  LodeSource *source = &file->source;
  const uint8_t *bytes = (const uint8_t *) file->map;
  g_autofree char *header = NULL;
  size_t length, value;
  uint64_t expected;

  if (file->size < 12 || memcmp (bytes, "\x93NUMPY", MAGIC))
    return refuse (source->name, error, "not a .npy array by its first bytes");
  length = (size_t) bytes[8] | (size_t) bytes[9] << 8;
  file->head = bytes[6] > 1 ? 12 : 10;
  if (bytes[6] > 1)
    length |= (size_t) bytes[10] << 16 | (size_t) bytes[11] << 24;
  if (bytes[6] < 1 || bytes[6] > 3 || length > MOST_HEADER || file->head + length > file->size)
    return refuse (source->name, error, "the header is damaged or truncated");
  header = g_strndup ((const char *) bytes + file->head, length);
  file->head += length;
  if (!read_type (source, header, error) || !read_shape (source, header, error))
    return false;
  value = source->wide ? sizeof (double) : sizeof (float);
  if (file->head % value)
    return refuse (source->name, error,
                   "values do not begin at a multiple of their size: save it "
                   "again with a current NumPy");
  expected = (uint64_t) source->n * source->d * value;
  if (file->size - file->head == expected)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA,
               "%s: %zu bytes of values; expected %" G_GUINT64_FORMAT
               " for %u × %u: the file is truncated or damaged, save it again",
               source->name, file->size - file->head, expected, source->n, source->d);
  return false;
}

static void
file_clear (LodeSource *source)
{
  File *file = (File *) source;

  if (file->map)
    munmap (file->map, file->size);
}

/* Whole pages of [from, to); advice is no more than that, so failures do not matter. */
static void
advise (const File *file, size_t from, size_t to, int advice)
{
  size_t page = (size_t) sysconf (_SC_PAGESIZE);

  from = from / page * page;
  to = MIN (to, file->size);
  if (from < to)
    (void) madvise (file->map + from, to - from, advice);
}

static const void *
file_panel (LodeSource *source, uint32_t first, uint32_t n, GError **error)
{
  File *file = (File *) source;
  size_t row = source->d * (source->wide ? sizeof (double) : sizeof (float));
  size_t from = file->head + first * row, to = from + n * row;

  (void) error;
  if (file->size > SMALL) {
    if (from < file->begun)
      file->begun = 0;
    advise (file, file->begun, from, MADV_DONTNEED);
    file->begun = from;
    advise (file, to, to + n * row, MADV_WILLNEED);
  }
  return file->map + from;
}

static bool
map_file (File *file, const char *path, GError **error)
{
  int descriptor = open (path, O_RDONLY | O_CLOEXEC);
  struct stat info = { 0 };
  bool known = descriptor >= 0 && fstat (descriptor, &info) == 0;
  int why = errno;

  if (known && S_ISREG (info.st_mode) && info.st_size > 0) {
    file->size = (size_t) info.st_size;
    file->map = mmap (NULL, file->size, PROT_READ, MAP_SHARED, descriptor, 0);
    why = errno;
    if (file->map == MAP_FAILED)
      file->map = NULL;
  }
  if (descriptor >= 0)
    close (descriptor);
  if (file->map)
    return true;
  g_set_error (error, LODE_RUN_ERROR, LODE_RUN_ERROR_DATA, "%s: %s; expected a .npy file", path,
               known && !S_ISREG (info.st_mode) ? "not a regular file"
               : known && info.st_size == 0     ? "it is empty"
                                                : g_strerror (why));
  return false;
}

LodeRows *
lode_rows_map (const char *path, GError **error)
{
  File *file = g_new0 (File, 1);

  lode_source_init (&file->source, path, 0, 0, false);
  file->source.panel = file_panel;
  file->source.clear = file_clear;
  if (map_file (file, path, error) && read_header (file, error))
    return &file->source.base;
  lode_rows_free (&file->source.base);
  return NULL;
}

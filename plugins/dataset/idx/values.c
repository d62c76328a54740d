/* SPDX-License-Identifier: Apache-2.0 */
#include "values.h"

#include <string.h>

static bool
short_of (const Source *source, uint64_t expected, uint64_t got, GError **error)
{
  g_set_error (error, DATA_ERROR, 0,
               "%s: the file is truncated: expected %" G_GUINT64_FORMAT
               " bytes of data, found %" G_GUINT64_FORMAT "; fetch it again",
               source_path (source), expected, got);
  return false;
}

uint32_t
idx_big_endian (const uint8_t *at)
{
  return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

/* Bytes that the header promises; refused unless the file can hold them, before memory is taken. */
static bool
measure (const Source *source, IdxHeader *header, GError **error)
{
  gsize bytes = header->value;
  bool fits = true;

  for (uint32_t i = 0; i < header->dims; i++)
    fits = fits && g_size_checked_mul (&bytes, bytes, header->dim[i]);
  header->bytes = bytes;
  if (fits && bytes > 0 && bytes <= source_most (source))
    return true;
  g_set_error (error, DATA_ERROR, 0,
               "%s: the header promises %u × %u × %u × %u values, but the file holds at most "
               "%" G_GUINT64_FORMAT " bytes%s; it is damaged or truncated, fetch it again",
               source_path (source), header->dim[0], header->dims > 1 ? header->dim[1] : 1,
               header->dims > 2 ? header->dim[2] : 1, header->dims > 3 ? header->dim[3] : 1,
               source_most (source), bytes == 0 ? " and values of none" : "");
  return false;
}

bool
idx_read_header (Source *source, IdxHeader *header, GError **error)
{
  uint8_t magic[4], dims[4 * MOST_DIMS];
  size_t got;

  memset (header, 0, sizeof *header);
  if (!source_read (source, sizeof magic, magic, &got, error))
    return false;
  header->type = magic[2];
  header->dims = magic[3];
  header->value = header->type == IDX_U8    ? 1
                  : header->type == IDX_I16 ? 2
                  : header->type == IDX_I32 ? 4
                                            : 0;
  if (got < sizeof magic || magic[0] || magic[1] || !header->value || !header->dims
      || header->dims > MOST_DIMS) {
    g_set_error (error, DATA_ERROR, 0,
                 "%s: not an IDX file of bytes or integers: it begins with 0x%08x; expected "
                 "0x00000801 (labels) or "
                 "0x00000803 (images)",
                 source_path (source), got == sizeof magic ? idx_big_endian (magic) : 0);
    return false;
  }
  if (!source_read (source, 4 * header->dims, dims, &got, error))
    return false;
  if (got < 4 * header->dims)
    return short_of (source, 4 + 4 * header->dims, 4 + got, error);
  for (uint32_t i = 0; i < header->dims; i++)
    header->dim[i] = idx_big_endian (dims + 4 * i);
  return measure (source, header, error);
}

/* The values of a file (transfer full), as they lie in it. */
uint8_t *
idx_read_values (Source *source, const IdxHeader *header, GError **error)
{
  g_autofree uint8_t *values = g_try_malloc (header->bytes);
  size_t got;

  if (!values) {
    g_set_error (error, DATA_ERROR, 0, "%s: its %zu bytes do not fit into memory",
                 source_path (source), header->bytes);
    return NULL;
  }
  if (!source_read (source, header->bytes, values, &got, error))
    return NULL;
  if (got < header->bytes) {
    short_of (source, header->bytes, got, error);
    return NULL;
  }
  return source_end (source, error) ? g_steal_pointer (&values) : NULL;
}

/* A file of the folder, as named or with .gz behind. */
Source *
idx_open_file (const char *folder, const char *name, GError **error)
{
  g_autofree char *plain = g_build_filename (folder, name, NULL),
                  *packed = g_strconcat (plain, ".gz", NULL);
  bool has_plain = g_file_test (plain, G_FILE_TEST_EXISTS);

  if (has_plain || g_file_test (packed, G_FILE_TEST_EXISTS))
    return source_open (has_plain ? plain : packed, error);
  g_set_error (error, DATA_ERROR, 0,
               "%s: there is no such file, nor with .gz behind; fetch it, or set its name", plain);
  return NULL;
}

int32_t
idx_label_at (const uint8_t *values, size_t size, size_t i)
{
  const uint8_t *at = values + i * size;

  if (size == 1)
    return at[0];
  return size == 2 ? (int16_t) (at[0] << 8 | at[1]) : (int32_t) idx_big_endian (at);
}

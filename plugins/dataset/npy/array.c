/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format is described in NumPy's NEP 1: a magic string, a version, the length of a header, and
 * the header: a Python dictionary of descr, fortran_order and shape.
 */
#include "array.h"

#include <errno.h>
#include <string.h>

enum { MAGIC = 6, MOST_HEADER = 1 << 16 };

static bool
fail (const Array *array, GError **error, const char *what)
{
  g_set_error (error, DATA_ERROR, 0, "%s: %s", array->name, what);
  return false;
}

/* The text behind 'key': in the header, blanks skipped; NULL: it is not there. */
static const char *
value_of (const char *header, const char *key)
{
  g_autofree char *quoted = g_strdup_printf ("'%s'", key);
  const char *at = strstr (header, quoted);

  if (!at)
    return NULL;
  at += strlen (quoted);
  at += strspn (at, " ");
  if (*at++ != ':')
    return NULL;
  return at + strspn (at, " ");
}

static bool
read_type (Array *array, const char *header, GError **error)
{
  const char *at = value_of (header, "descr");
  g_autofree char *shown = g_strndup (at ? at : "(none)", 12);

  if (at && *at == '\'' && strchr ("<>|=", at[1]) && at[1] && strchr ("uifb", at[2]) && at[2]
      && strchr ("1248", at[3]) && at[3] && at[4] == '\'') {
    array->big = at[1] == '>';
    array->kind = at[2];
    array->value = (uint32_t) (at[3] - '0');
    if ((array->kind != 'f' || array->value >= 4) && (array->kind != 'b' || array->value == 1))
      return true;
  }
  g_set_error (error, DATA_ERROR, 0,
               "%s: values of type %s; expected integers, bool, float32 or float64: convert "
               "them with astype",
               array->name, g_strcanon (shown, "'()|<>=[], ubifcSUOVmM0123456789none", '?'));
  return false;
}

static bool
read_shape (Array *array, const char *header, GError **error)
{
  const char *at = value_of (header, "shape");
  uint64_t values = 1;

  if (!at || *at++ != '(')
    return fail (array, error, "the header has no shape; the file is damaged");
  while (*at && *at != ')') {
    char *end;
    uint64_t n = g_ascii_strtoull (at, &end, 10);

    if (end == at || array->dims == MOST_DIMS)
      return fail (array, error,
                   array->dims == MOST_DIMS
                       ? "more than 4 dimensions; expected n × height × width × channels"
                       : "the header's shape makes no sense; the file is damaged");
    if (n > INT32_MAX || !g_uint64_checked_mul (&values, values, MAX (n, 1))
        || values > INT64_MAX / 8)
      return fail (array, error, "the shape is too large");
    array->dim[array->dims++] = n;
    at = end + strspn (end, "L, ");
  }
  return array->dims > 0 || fail (array, error, "a single value; expected an array");
}

static void
lay_out (Array *array, bool fortran)
{
  uint64_t step = 1;

  for (uint32_t i = 0; i < array->dims; i++) {
    uint32_t d = fortran ? i : array->dims - 1 - i;

    array->stride[d] = step;
    step *= array->dim[d];
  }
  array->bytes = step * array->value;
  array->dense = !fortran || array->dims == 1;
}

bool
array_header (Array *array, const uint8_t *bytes, uint64_t n, uint64_t *head, GError **error)
{
  g_autofree char *header = NULL;
  const char *fortran;
  uint64_t length;

  if (n < 12 || memcmp (bytes, "\x93NUMPY", MAGIC))
    return fail (array, error, "not a .npy array by its first bytes");
  length = (uint64_t) bytes[8] | (uint64_t) bytes[9] << 8;
  *head = 10;
  if (bytes[6] > 1) {
    length |= (uint64_t) bytes[10] << 16 | (uint64_t) bytes[11] << 24;
    *head = 12;
  }
  if (bytes[6] < 1 || bytes[6] > 3 || length > MOST_HEADER || *head + length > n)
    return fail (array, error, "the header is damaged or truncated");
  header = g_strndup ((const char *) bytes + *head, length);
  *head += length;
  fortran = value_of (header, "fortran_order");
  if (!read_type (array, header, error) || !read_shape (array, header, error))
    return false;
  lay_out (array, fortran && *fortran == 'T');
  return true;
}

double
array_value (const Array *array, uint64_t offset)
{
  const uint8_t *at = array->data + offset * array->value;
  uint64_t bits = 0;
  uint32_t size = array->value;
  double real;
  float single;

  for (uint32_t i = 0; i < size; i++)
    bits |= (uint64_t) at[array->big ? size - 1 - i : i] << 8 * i;
  switch (array->kind) {
  case 'f':
    if (size == 4) {
      uint32_t low = (uint32_t) bits;

      memcpy (&single, &low, sizeof single);
      return (double) single;
    }
    memcpy (&real, &bits, sizeof real);
    return real;
  case 'i':
    return (double) ((int64_t) (bits << (64 - 8 * size)) >> (64 - 8 * size));
  default:
    return (double) bits;
  }
}

void
array_free (Array *array)
{
  if (!array)
    return;
  g_free (array->name);
  g_free (array->memory);
  if (array->map)
    g_mapped_file_unref (array->map);
  g_free (array);
}

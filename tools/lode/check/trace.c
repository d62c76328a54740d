/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <inttypes.h>
#include <string.h>

typedef struct Entry {
  char *what;
  uint32_t type;
  size_t n;
  void *data;
} Entry;

struct Trace {
  GArray *entries; /* Entry */
};

static void
clear_entry (gpointer data)
{
  Entry *entry = data;

  g_free (entry->what);
  g_free (entry->data);
}

Trace *
trace_new (void)
{
  Trace *trace = g_new0 (Trace, 1);

  trace->entries = g_array_new (FALSE, FALSE, sizeof (Entry));
  g_array_set_clear_func (trace->entries, clear_entry);
  return trace;
}

void
trace_free (Trace *trace)
{
  if (!trace)
    return;
  g_array_unref (trace->entries);
  g_free (trace);
}

static size_t
size_of (uint32_t type)
{
  switch (type) {
  case LODE_TYPE_U8:
    return 1;
  case LODE_TYPE_I32:
  case LODE_TYPE_U32:
  case LODE_TYPE_F32:
    return 4;
  default:
    return 8;
  }
}

void
trace_add (Trace *trace, uint32_t type, size_t n, const void *data, const char *format, ...)
{
  Entry entry = { .type = type, .n = n };
  va_list list;

  if (!trace)
    return;
  va_start (list, format);
  entry.what = g_strdup_vprintf (format, list);
  va_end (list);
  entry.data = g_memdup2 (data, n * size_of (type));
  g_array_append_val (trace->entries, entry);
}

void
trace_text (Trace *trace, const char *text, const char *what)
{
  trace_add (trace, LODE_TYPE_U8, strlen (text) + 1, text, "%s", what);
}

/* Value i as text; a float with as many digits as tell it from its neighbours. Transfer full. */
static char *
value_text (const Entry *entry, size_t i)
{
  const char *at = (const char *) entry->data + i * size_of (entry->type);
  union {
    uint8_t u8;
    int32_t i32;
    uint32_t u32;
    int64_t i64;
    uint64_t u64;
    float f32;
    double f64;
  } x = { 0 };

  memcpy (&x, at, size_of (entry->type));
  switch (entry->type) {
  case LODE_TYPE_U8:
    return g_strdup_printf ("%u", x.u8);
  case LODE_TYPE_I32:
    return g_strdup_printf ("%d", x.i32);
  case LODE_TYPE_U32:
    return g_strdup_printf ("%u", x.u32);
  case LODE_TYPE_I64:
    return g_strdup_printf ("%" PRId64, x.i64);
  case LODE_TYPE_U64:
    return g_strdup_printf ("%" PRIu64, x.u64);
  case LODE_TYPE_F32:
    return g_strdup_printf ("%.9g", (double) x.f32);
  default:
    return g_strdup_printf ("%.17g", x.f64);
  }
}

static char *
compare_entries (const Entry *a, const Entry *b)
{
  size_t size = size_of (a->type), at = 0;
  g_autofree char *first = NULL, *then = NULL;

  if (strcmp (a->what, b->what) || a->type != b->type)
    return g_strdup_printf ("%s, then %s", a->what, b->what);
  if (a->n != b->n)
    return g_strdup_printf ("%s: %zu values, then %zu", a->what, a->n, b->n);
  if (a->n == 0 || !memcmp (a->data, b->data, a->n * size))
    return NULL;
  while (!memcmp ((char *) a->data + at * size, (char *) b->data + at * size, size))
    at++;
  first = value_text (a, at);
  then = value_text (b, at);
  return g_strdup_printf ("%s, value %zu: %s, then %s", a->what, at, first, then);
}

char *
trace_compare (const Trace *a, const Trace *b)
{
  for (guint i = 0; i < MIN (a->entries->len, b->entries->len); i++) {
    char *text = compare_entries (&g_array_index (a->entries, Entry, i),
                                  &g_array_index (b->entries, Entry, i));

    if (text)
      return text;
  }
  if (a->entries->len == b->entries->len)
    return NULL;
  return g_strdup_printf ("%u things, then %u", a->entries->len, b->entries->len);
}

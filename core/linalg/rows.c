/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows in memory, and selections of other rows.
 */
#include "linalg/rows.h"

#include <string.h>

enum { WINDOW = 4096 };

typedef struct Memory {
  LodeSource source; /* first */
  const char *data;
} Memory;

typedef struct Pick {
  LodeSource source; /* first */
  LodeSource *from;
  uint32_t *index; /* [n] */
  char *panel;     /* of the last call */
  uint32_t room;   /* rows */
} Pick;

static uint32_t
rows_count (const LodeRows *rows)
{
  return ((const LodeSource *) rows)->n;
}

static uint32_t
rows_width (const LodeRows *rows)
{
  return ((const LodeSource *) rows)->d;
}

static size_t
row_bytes (const LodeSource *source)
{
  return source->d * (source->wide ? sizeof (double) : sizeof (float));
}

static bool
rows_read (LodeRows *rows, uint32_t first, uint32_t n, float *out, GError **error)
{
  LodeSource *source = lode_source_of (rows);

  for (uint32_t done = 0; done < n; done += LODE_PANEL) {
    uint32_t some = MIN (n - done, LODE_PANEL);
    const void *panel = source->panel (source, first + done, some, error);
    size_t values = (size_t) some * source->d;

    if (!panel)
      return false;
    if (!source->wide)
      memcpy (out, panel, values * sizeof (float));
    for (size_t i = 0; source->wide && i < values; i++)
      out[i] = (float) ((const double *) panel)[i];
    out += values;
  }
  return true;
}

static void
rows_free (LodeRows *rows)
{
  LodeSource *source = lode_source_of (rows);

  if (source->clear)
    source->clear (source);
  g_free (source->name);
  g_free (source);
}

/* The end of the picks from i on that one panel of the rows they are picked from can give. */
static uint32_t
reach (const Pick *pick, uint32_t i, uint32_t end)
{
  uint32_t first = pick->index[i], j = i + 1;

  while (j < end && pick->index[j] > pick->index[j - 1] && pick->index[j] - first < WINDOW)
    j++;
  return j;
}

static const void *
pick_panel (LodeSource *source, uint32_t first, uint32_t n, GError **error)
{
  Pick *pick = (Pick *) source;
  size_t bytes = row_bytes (source);
  uint32_t i = first, end = first + n;

  if (n > pick->room) {
    pick->panel = g_realloc_n (pick->panel, n, bytes);
    pick->room = n;
  }
  while (i < end) {
    uint32_t next = reach (pick, i, end), from = pick->index[i];
    const char *panel =
        pick->from->panel (pick->from, from, pick->index[next - 1] - from + 1, error);

    if (!panel)
      return NULL;
    for (; i < next; i++)
      memcpy (pick->panel + (i - first) * bytes, panel + (pick->index[i] - from) * bytes, bytes);
  }
  return pick->panel;
}

static void
pick_clear (LodeSource *source)
{
  Pick *pick = (Pick *) source;

  g_free (pick->index);
  g_free (pick->panel);
}

static LodeRows *
rows_pick (LodeRows *rows, uint32_t n, const uint32_t *index)
{
  LodeSource *from = lode_source_of (rows);
  Pick *pick = g_new0 (Pick, 1);

  lode_source_init (&pick->source, from->name, n, from->d, from->wide);
  pick->source.panel = pick_panel;
  pick->source.clear = pick_clear;
  pick->from = from;
  pick->index = g_new (uint32_t, MAX (n, 1));
  memcpy (pick->index, index, n * sizeof *index);
  return &pick->source.base;
}

static const LodeRowsCalls calls = {
  .size = sizeof (LodeRowsCalls),
  .count = rows_count,
  .width = rows_width,
  .read = rows_read,
  .pick = rows_pick,
  .free = rows_free,
};

void
lode_source_init (LodeSource *source, const char *name, uint32_t n, uint32_t d, bool wide)
{
  source->base.calls = &calls;
  source->name = g_strdup (name);
  source->n = n;
  source->d = d;
  source->wide = wide;
}

static const void *
memory_panel (LodeSource *source, uint32_t first, uint32_t n, GError **error)
{
  (void) n;
  (void) error;
  return ((Memory *) source)->data + first * row_bytes (source);
}

LodeRows *
lode_rows_memory (const char *name, uint32_t n, uint32_t d, bool wide, const void *data)
{
  Memory *memory = g_new0 (Memory, 1);

  lode_source_init (&memory->source, name, n, d, wide);
  memory->source.panel = memory_panel;
  memory->data = data;
  return &memory->source.base;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of memory: best fit over the buffers' lives, region by region. Within a region units are
 * at different steps, so nothing is handed on before its end. Every buffer is an odd number of
 * cache lines long: power-of-two distances between streams cost several per cent.
 */
#include "compute/step.h"

enum { LINE = 64 };

typedef struct Hole {
  size_t offset, bytes;
} Hole;

/* Free space below `top`, by offset. */
typedef struct Holes {
  Hole *at;
  uint32_t n, room;
  size_t top;
} Holes;

static void
insert_hole (Holes *holes, uint32_t i, Hole hole)
{
  if (holes->n == holes->room) {
    holes->room = MAX (64, 2 * holes->room);
    holes->at = g_renew (Hole, holes->at, holes->room);
  }
  memmove (holes->at + i + 1, holes->at + i, (holes->n - i) * sizeof *holes->at);
  holes->at[i] = hole;
  holes->n++;
}

static void
remove_hole (Holes *holes, uint32_t i)
{
  holes->n--;
  memmove (holes->at + i, holes->at + i + 1, (holes->n - i) * sizeof *holes->at);
}

static size_t
allocate (Holes *holes, size_t bytes)
{
  uint32_t best = holes->n;
  size_t offset;

  for (uint32_t i = 0; i < holes->n; i++)
    if (holes->at[i].bytes >= bytes
        && (best == holes->n || holes->at[i].bytes < holes->at[best].bytes))
      best = i;
  if (best < holes->n) {
    Hole *hole = &holes->at[best];

    offset = hole->offset;
    hole->offset += bytes;
    hole->bytes -= bytes;
    if (!hole->bytes)
      remove_hole (holes, best);
    return offset;
  }
  if (holes->n && holes->at[holes->n - 1].offset + holes->at[holes->n - 1].bytes == holes->top) {
    offset = holes->at[holes->n - 1].offset; /* the last hole, and some more behind it */
    holes->n--;
  } else {
    offset = holes->top;
  }
  holes->top = offset + bytes;
  return offset;
}

static void
release (Holes *holes, size_t offset, size_t bytes)
{
  uint32_t lo = 0, hi = holes->n;
  bool before, after;

  while (lo < hi) {
    uint32_t mid = (lo + hi) / 2;

    if (holes->at[mid].offset < offset)
      lo = mid + 1;
    else
      hi = mid;
  }
  before = lo > 0 && holes->at[lo - 1].offset + holes->at[lo - 1].bytes == offset;
  after = lo < holes->n && offset + bytes == holes->at[lo].offset;
  if (before) {
    holes->at[lo - 1].bytes += bytes + (after ? holes->at[lo].bytes : 0);
    if (after)
      remove_hole (holes, lo);
  } else if (after) {
    holes->at[lo].offset = offset;
    holes->at[lo].bytes += bytes;
  } else {
    insert_hole (holes, lo, (Hole){ offset, bytes });
  }
}

/* Buffers by a region of theirs: first[r] … first[r + 1] of order. */
static void
sort_by (const LodeProgram *p, bool death, uint32_t *first, uint32_t *order)
{
  for (uint32_t i = 0; i < p->buffers; i++)
    first[(death ? p->buffer[i].dies : p->buffer[i].born) + 1]++;
  for (uint32_t r = 0; r < p->regions; r++)
    first[r + 1] += first[r];
  for (uint32_t i = p->buffers; i-- > 0;) {
    uint32_t r = death ? p->buffer[i].dies : p->buffer[i].born;

    order[--first[r + 1]] = i;
  }
  memmove (first, first + 1, p->regions * sizeof *first);
  first[p->regions] = p->buffers;
}

void
lode_program_plan (LodeProgram *p)
{
  uint32_t n = p->buffers, r1 = p->regions + 2;
  g_autofree uint32_t *words = g_new0 (uint32_t, 2 * n + 2 * r1);
  uint32_t *birth = words, *death = birth + r1, *born = death + r1, *dead = born + n;
  Holes holes = { 0 };

  for (uint32_t i = 0; i < n; i++) {
    LodeBuffer *buffer = &p->buffer[i];

    buffer->bytes = ((MAX (buffer->bytes, 1) + LINE - 1) / LINE | 1) * LINE;
    buffer->dies = MIN (buffer->dies, p->regions - 1);
    buffer->born = MIN (buffer->born, buffer->dies);
  }
  sort_by (p, false, birth, born);
  sort_by (p, true, death, dead);
  for (uint32_t r = 0; r < p->regions; r++) {
    for (uint32_t i = birth[r]; i < birth[r + 1]; i++)
      p->buffer[born[i]].offset = allocate (&holes, p->buffer[born[i]].bytes);
    for (uint32_t i = death[r]; i < death[r + 1]; i++)
      release (&holes, p->buffer[dead[i]].offset, p->buffer[dead[i]].bytes);
  }
  p->bytes = holes.top;
  g_free (holes.at);
}

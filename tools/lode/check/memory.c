/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#include <glib.h>
#include <malloc.h>

/* A sanitizer has a heap of its own and counts in it. */
size_t __sanitizer_get_current_allocated_bytes (void) __attribute__ ((weak));

static size_t
heap_bytes (void)
{
  struct mallinfo2 info;

  if (__sanitizer_get_current_allocated_bytes)
    return __sanitizer_get_current_allocated_bytes ();
  info = mallinfo2 ();
  return info.uordblks + info.hblkhd;
}

static uint32_t
entries_of (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  uint32_t n = 0;

  while (dir && g_dir_read_name (dir))
    n++;
  return n;
}

void
memory_gather (void)
{
  mallopt (M_ARENA_MAX, 1);
}

Held
memory_held (void)
{
  Held held = { .files = entries_of ("/proc/self/fd"), .threads = entries_of ("/proc/self/task") };

  held.bytes = heap_bytes ();
  return held;
}

bool
memory_is_watched (void)
{
  return __sanitizer_get_current_allocated_bytes != NULL;
}

void
memory_soil (int byte)
{
  mallopt (M_PERTURB, byte);
}

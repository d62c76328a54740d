/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this process holds: to see whether something is left behind.
 */
#ifndef LODE_CHECK_MEMORY_H
#define LODE_CHECK_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Held {
  size_t bytes; /* of the heap */
  uint32_t files, threads;
} Held;

Held memory_held (void);

/* Threads made from here on share one heap, whose bytes can be counted: threads that come and go
 * leave crumbs in heaps of their own. */
void memory_gather (void);

/* Whether a sanitizer has the heap. */
bool memory_is_watched (void);

/* What the bytes of fresh and freed memory are, so that reading them shows. */
void memory_soil (int byte);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where rows come from: memory, a mapped .npy file, a selection of other rows. What reads a matrix
 * from beginning to end asks for panels, one after another, in the type they are stored in; a
 * source that computes its rows fills a buffer of its own for each.
 */
#ifndef LODE_CORE_ROWS_H
#define LODE_CORE_ROWS_H

#include <lode/rows.h>

typedef struct LodeSource LodeSource;

struct LodeSource {
  LodeRows base; /* first */
  uint32_t n, d;
  bool wide;  /* values are double, else float */
  char *name; /* for messages: a path, "model 2" */
  /* Rows first … first + n − 1 in C order, n at most LODE_PANEL; valid until the next call. [main]
   */
  const void *(*panel) (LodeSource *, uint32_t first, uint32_t n, GError **);
  void (*clear) (LodeSource *); /* frees what is its own, not the source; or NULL */
};

enum { LODE_PANEL = 1 << 16 };

/* Every LodeRows is one. */
static inline LodeSource *
lode_source_of (LodeRows *rows)
{
  return (LodeSource *) rows;
}

/* Sets the table and the fields that all have. */
void lode_source_init (LodeSource *, const char *name, uint32_t n, uint32_t d, bool wide);

/* data: [n][d] of float, or double if wide; stays the caller's. Transfer full. [main] */
LodeRows *lode_rows_memory (const char *name, uint32_t n, uint32_t d, bool wide, const void *data);

/* A .npy file of float32 or float64 in C order, n × d, mapped: pages that were read are given back,
 * so that a file larger than memory does. Errors: LODE_RUN_ERROR_DATA. Transfer full. [main] */
LodeRows *lode_rows_map (const char *path, GError **);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LodeRows, lode_rows_free)

#endif

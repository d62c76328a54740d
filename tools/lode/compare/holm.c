/* SPDX-License-Identifier: Apache-2.0 */
#include "statistics.h"

#include <glib.h>
#include <math.h>
#include <stdlib.h>

typedef struct Entry {
  double p;
  uint32_t at;
} Entry;

static int
compare (const void *a, const void *b)
{
  const Entry *x = a, *y = b;

  return x->p > y->p ? 1 : x->p < y->p ? -1 : (x->at > y->at) - (x->at < y->at);
}

/* The least p times n, the next times n − 1 …, none below the one before. */
void
stat_holm (uint32_t n, const double *p, double *adjusted)
{
  g_autofree Entry *entry = g_new (Entry, n + 1);
  double least = 0;

  for (uint32_t i = 0; i < n; i++)
    entry[i] = (Entry){ p[i], i };
  qsort (entry, n, sizeof *entry, compare);
  for (uint32_t i = 0; i < n; i++) {
    least = MAX (least, MIN ((n - i) * entry[i].p, 1));
    adjusted[entry[i].at] = least;
  }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/option.h"

#include <string.h>

enum { LONGEST = 100 }; /* no word of ours has more letters */

/* Levenshtein distance with transpositions, in two and a half rows; words are short. */
static unsigned
distance (const char *a, const char *b)
{
  size_t n = strlen (a), m = strlen (b);
  g_autofree unsigned *d = g_new (unsigned, (n + 1) * (m + 1));

  for (size_t i = 0; i <= n; i++)
    for (size_t j = 0; j <= m; j++) {
      unsigned *at = &d[i * (m + 1) + j];

      if (i == 0 || j == 0) {
        *at = (unsigned) (i + j);
        continue;
      }
      *at = MIN (at[-1] + 1, at[-(ptrdiff_t) (m + 1)] + 1);
      *at = MIN (*at, at[-(ptrdiff_t) (m + 2)] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        *at = MIN (*at, at[-(ptrdiff_t) (2 * (m + 1) + 2)] + 1);
    }
  return d[n * (m + 1) + m];
}

const char *
lode_nearest (const char *word, const char *const *names)
{
  unsigned limit = (unsigned) MIN (3, 1 + strlen (word) / 3), best = limit + 1;
  const char *nearest = NULL;

  if (strlen (word) > LONGEST)
    return NULL;

  for (; names && *names; names++) {
    unsigned d = distance (word, *names);

    if (d < best) {
      best = d;
      nearest = *names;
    }
  }
  return nearest;
}

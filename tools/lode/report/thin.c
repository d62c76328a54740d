/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which points of a line are drawn.
 */
#include "plot.h"

#include <math.h>

bool
plot_drawable (const PlotLine *line, uint32_t i)
{
  return fabs (line->x[i]) < 1e300 && fabs (line->y[i]) < 1e300;
}

static uint32_t
thin_part (const PlotLine *line, uint32_t begin, uint32_t end, uint32_t *keep)
{
  uint32_t first = end, last = end, least = end, most = end, n = 0;

  for (uint32_t i = begin; i < end; i++) {
    if (!plot_drawable (line, i))
      continue;
    first = first == end ? i : first;
    least = least == end || line->y[i] < line->y[least] ? i : least;
    most = most == end || line->y[i] > line->y[most] ? i : most;
    last = i;
  }
  if (first == end)
    first = last = least = most = begin;
  for (uint32_t i = first; i <= last; i++)
    if (i == first || i == least || i == most || i == last)
      keep[n++] = i;
  return n;
}

uint32_t
plot_thin (const PlotLine *line, uint32_t room, uint32_t *keep)
{
  uint32_t parts = line->n <= room ? line->n : room / 4, n = 0;

  for (uint32_t i = 0; i < parts; i++) {
    uint64_t begin = (uint64_t) line->n * i / parts, end = (uint64_t) line->n * (i + 1) / parts;

    n += thin_part (line, (uint32_t) begin, (uint32_t) end, keep + n);
  }
  return n;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line plots as SVG, without a library: axes with round ticks, a legend, a logarithmic scale where
 * it shows more. Colours and fonts come from the page's style sheet (classes c0 … c5, dashes d0 …).
 */
#ifndef LODE_REPORT_PLOT_H
#define LODE_REPORT_PLOT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct PlotLine {
  const char *name;
  uint32_t n;
  const double *x, *y; /* [n]; x grows; what is not finite is a gap */
  bool dots;           /* points that no line joins */
} PlotLine;

typedef struct Plot {
  const char *id; /* unique in the page */
  const char *title, *x_name;
  uint32_t n;
  const PlotLine *line; /* [n] */
  uint32_t room;        /* points that are drawn of a line, at most; at least 8 */
  bool whole;           /* x counts something: no ticks between */
  bool may_log;         /* the y axis may be logarithmic: all above 0, over two decades or more */
} Plot;

void plot_svg (GString *out, const Plot *);

/* Whether a point is drawn: finite, and not so large that a span would overflow. */
bool plot_drawable (const PlotLine *, uint32_t i);
/* Which points stand for a line: first, least, greatest and last of each of room / 4 parts; a part
 * without any finite value stays a gap. keep: [max (room, n)], growing; returns how many. */
uint32_t plot_thin (const PlotLine *, uint32_t room, uint32_t *keep);

#endif

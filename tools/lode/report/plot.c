/* SPDX-License-Identifier: Apache-2.0 */
#include "plot.h"

#include "axis.h"

#include <math.h>
#include <string.h>

/* Lengths are the drawing's own units, pixels at its natural size. */
enum { WIDTH = 640, HEIGHT = 260, TOP = 10, RIGHT = 16, BOTTOM = 38, ROW = 19 };
enum { COLOURS = 6, DASHES = 4, MARKED = 16 };

/* Of everything that can be drawn; false: there is nothing. */
static bool
find_ranges (const Plot *plot, Axis *x, Axis *y)
{
  x->low = y->low = INFINITY;
  x->high = y->high = -INFINITY;
  for (uint32_t l = 0; l < plot->n; l++)
    for (uint32_t i = 0; i < plot->line[l].n; i++) {
      if (!plot_drawable (&plot->line[l], i))
        continue;
      x->low = fmin (x->low, plot->line[l].x[i]);
      x->high = fmax (x->high, plot->line[l].x[i]);
      y->low = fmin (y->low, plot->line[l].y[i]);
      y->high = fmax (y->high, plot->line[l].y[i]);
    }
  return x->low <= x->high;
}

static double
place (const Axis *axis, double at)
{
  return axis->from + (axis->to - axis->from) * ((at - axis->low) / (axis->high - axis->low));
}

static double
place_value (const Axis *axis, double value)
{
  return place (axis, axis->log ? log10 (value) : value);
}

/* Tenths are enough, and no locale changes them. */
static void
put (GString *out, char before, double length)
{
  int tenths = (int) lround (10 * length);

  g_string_append_printf (out, "%c%d.%d", before, tenths / 10, tenths % 10);
}

static void
put_text (GString *out, const char *class, double x, double y, const char *text)
{
  report_html (out, "<text class=\"$\" x=\"$\" y=\"$\">$</text>\n", class,
               report_word ("%.1f", x).text, report_word ("%.1f", y).text, text);
}

static void
draw_axes (GString *out, const Plot *plot, const Axis *x, const Axis *y)
{
  g_string_append (out, "<path class=\"grid\" d=\"");
  for (uint32_t i = 0; i < y->n; i++) {
    put (out, 'M', x->from);
    put (out, ' ', place (y, y->tick[i]));
    put (out, 'H', x->to);
  }
  g_string_append (out, "\"/>\n<path class=\"axis\" d=\"");
  put (out, 'M', x->from);
  put (out, ' ', y->from);
  put (out, 'H', x->to);
  for (uint32_t i = 0; i < x->n; i++) {
    put (out, 'M', place (x, x->tick[i]));
    put (out, ' ', y->from);
    g_string_append (out, "v4");
  }
  g_string_append (out, "\"/>\n");
  for (uint32_t i = 0; i < y->n; i++)
    put_text (out, "y", x->from - 7, place (y, y->tick[i]) + 4, y->label[i].text);
  for (uint32_t i = 0; i < x->n; i++)
    put_text (out, "x", place (x, x->tick[i]), y->from + 18, x->label[i].text);
  put_text (out, "y", x->to, y->from + 34, plot->x_name);
}

/* Two classes for each line, so that colour is not all that tells lines apart. */
static ReportWord
class_of (uint32_t which)
{
  ReportWord word;

  g_snprintf (word.text, sizeof word.text, "c%u d%u", which % COLOURS,
              (which + which / 12) % DASHES);
  return word;
}

/* A stroke for each stretch without gaps, and a dot for each point that would not be seen. */
static void
draw_line (GString *out, const PlotLine *line, uint32_t which, uint32_t room, const Axis *x,
           const Axis *y)
{
  g_autofree uint32_t *keep = g_new (uint32_t, MAX (room, line->n) + 1);
  uint32_t n = plot_thin (line, room, keep);
  g_autoptr (GString) dots = g_string_new (NULL), strokes = g_string_new (NULL);
  bool joined = false;

  for (uint32_t i = 0; i < n; i++) {
    bool more = !line->dots && i + 1 < n && plot_drawable (line, keep[i + 1]);

    if (!plot_drawable (line, keep[i])) {
      joined = false;
      continue;
    }
    if (line->dots || n <= MARKED || !(joined || more)) {
      put (dots, 'M', place_value (x, line->x[keep[i]]));
      put (dots, ' ', place_value (y, line->y[keep[i]]));
      g_string_append (dots, "h0");
    }
    if (joined || more) {
      put (strokes, joined ? 'L' : 'M', place_value (x, line->x[keep[i]]));
      put (strokes, ' ', place_value (y, line->y[keep[i]]));
    }
    joined = more;
  }
  if (strokes->len)
    g_string_append_printf (out, "<path class=\"%s\" d=\"%s\"/>\n", class_of (which).text,
                            strokes->str);
  if (dots->len)
    g_string_append_printf (out, "<path class=\"dot c%u\" d=\"%s\"/>\n", which % COLOURS,
                            dots->str);
}

/* Of at most 40 letters. Transfer full. */
static char *
short_name (const char *name)
{
  g_autofree char *start = NULL;

  if (g_utf8_strlen (name, -1) <= 40)
    return g_strdup (name);
  start = g_utf8_substring (name, 0, 39);
  return g_strconcat (start, "…", NULL);
}

/* Rows of samples with names; their height. out NULL: only measures. */
static int
draw_legend (GString *out, const Plot *plot)
{
  double x = 8;
  int row = 0;

  for (uint32_t l = 0; l < plot->n && plot->n > 1; l++) {
    g_autofree char *name = short_name (plot->line[l].name);
    double width = 50 + 7.0 * (double) g_utf8_strlen (name, -1);

    if (x + width > WIDTH && x > 8) {
      x = 8;
      row++;
    }
    if (out) {
      g_string_append_printf (out, "<path class=\"%s%s\" d=\"", plot->line[l].dots ? "dot " : "",
                              class_of (l).text);
      put (out, 'M', plot->line[l].dots ? x + 16 : x);
      put (out, ' ', TOP + ROW * row);
      g_string_append (out, plot->line[l].dots ? "h0\"/>" : "h28\"/>");
      put_text (out, "legend", x + 34, TOP + ROW * row + 4, name);
    }
    x += width;
  }
  return plot->n > 1 ? ROW * (row + 1) : 0;
}

static void
describe (GString *out, const Plot *plot, const Axis *y)
{
  report_html (out, "<title id=\"$-t\">$</title>\n<desc id=\"$-d\">over $$: ", plot->id,
               plot->title, plot->id, plot->x_name, y->log ? ", logarithmic" : "");
  for (uint32_t l = 0; l < plot->n; l++)
    report_html (out, "$$", l ? ", " : "", plot->line[l].name);
  g_string_append (out, "</desc>\n");
}

void
plot_svg (GString *out, const Plot *plot)
{
  Axis x = { .to = WIDTH - RIGHT }, y = { .to = TOP + draw_legend (NULL, plot) };
  size_t letters = 0;

  if (!find_ranges (plot, &x, &y)) {
    report_html (out, "<p class=\"none\">no value that can be drawn</p>\n");
    return;
  }
  y.log = plot->may_log && y.low > 0 && y.high / y.low >= 100;
  if (y.log) {
    y.low = log10 (y.low);
    y.high = log10 (y.high);
  }
  x.whole = plot->whole;
  axis_widen (&x, 0);
  axis_widen (&y, 0.04);
  axis_tick (&x, 8);
  axis_tick (&y, 6);
  for (uint32_t i = 0; i < y.n; i++)
    letters = MAX (letters, strlen (y.label[i].text));
  x.from = 14 + 7.5 * (double) letters;
  y.from = y.to + HEIGHT - BOTTOM - TOP;
  report_html (out, "<svg class=\"plot\" viewBox=\"0 0 640 $\" role=\"img\" ",
               report_word ("%.0f", y.from + BOTTOM).text);
  report_html (out, "aria-labelledby=\"$-t $-d\">\n", plot->id, plot->id);
  describe (out, plot, &y);
  draw_legend (out, plot);
  draw_axes (out, plot, &x, &y);
  for (uint32_t l = 0; l < plot->n; l++)
    draw_line (out, &plot->line[l], l, plot->room, &x, &y);
  g_string_append (out, "</svg>\n");
}

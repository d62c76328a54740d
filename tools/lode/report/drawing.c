/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVG files made harmless: only what is listed here gets into a page.
 */
#include "format.h"
#include "gather.h"

#include <string.h>

static const char *const shapes[] = { "svg",     "g",      "path", "polygon", "polyline",
                                      "ellipse", "circle", "rect", "line",    "text",
                                      "tspan",   "a",      NULL };
static const char *const attributes[] = { "viewBox",
                                          "transform",
                                          "d",
                                          "points",
                                          "x",
                                          "y",
                                          "x1",
                                          "y1",
                                          "x2",
                                          "y2",
                                          "dx",
                                          "dy",
                                          "cx",
                                          "cy",
                                          "r",
                                          "rx",
                                          "ry",
                                          "fill",
                                          "fill-opacity",
                                          "stroke",
                                          "stroke-width",
                                          "stroke-dasharray",
                                          "opacity",
                                          "stroke-opacity",
                                          "font-size",
                                          "font-weight",
                                          "font-style",
                                          "text-anchor",
                                          "font-family",
                                          "width",
                                          "height",
                                          NULL };

typedef struct Drawing {
  GString *out;
  guint depth;   /* of listed elements */
  guint outside; /* depth below one that is not listed */
} Drawing;

/* A drawing that was cut out of its page has neither id nor links: `a` is only a group. */
static const char *
element_of (const char *name)
{
  return strcmp (name, "a") ? name : "g";
}

/* What would be fetched, or is written so that one cannot see whether it would. */
static bool
is_harmless (const char *value)
{
  return !strpbrk (value, "\\@") && !strstr (value, "(#") && !strcasestr (value, "url")
         && !strcasestr (value, "script");
}

static void
begin_element (GMarkupParseContext *context, const char *name, const char **names,
               const char **values, void *data, GError **error)
{
  Drawing *drawing = data;

  (void) context;
  if (drawing->depth == 0 && !drawing->outside && strcmp (name, "svg")) {
    g_set_error (error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, "<%s> is no <svg>", name);
    return;
  }
  if (drawing->outside || !g_strv_contains (shapes, name)) {
    drawing->outside++;
    return;
  }
  drawing->depth++;
  g_string_append_printf (drawing->out, "<%s", element_of (name));
  for (; *names; names++, values++)
    if (g_strv_contains (attributes, *names) && is_harmless (*values))
      report_html (drawing->out, " $=\"$\"", *names, *values);
  g_string_append_c (drawing->out, '>');
}

static void
end_element (GMarkupParseContext *context, const char *name, void *data, GError **error)
{
  Drawing *drawing = data;

  (void) context;
  (void) error;
  if (drawing->outside) {
    drawing->outside--;
    return;
  }
  drawing->depth--;
  g_string_append_printf (drawing->out, "</%s>", element_of (name));
}

static void
put_text (GMarkupParseContext *context, const char *text, gsize n, void *data, GError **error)
{
  Drawing *drawing = data;
  const char *inside = g_markup_parse_context_get_element (context);
  g_autofree char *copy = g_strndup (text, n);

  (void) error;
  if (!drawing->outside && inside && (!strcmp (inside, "text") || !strcmp (inside, "tspan")))
    report_text (drawing->out, copy);
}

char *
report_drawing (const char *svg, gsize n, GError **error)
{
  static const GMarkupParser parser = { begin_element, end_element, put_text, NULL, NULL };
  g_autoptr (GString) out = g_string_new (NULL);
  Drawing drawing = { .out = out };
  g_autoptr (GMarkupParseContext) context =
      g_markup_parse_context_new (&parser, G_MARKUP_PREFIX_ERROR_POSITION, &drawing, NULL);

  if (!g_markup_parse_context_parse (context, svg, (gssize) n, error)
      || !g_markup_parse_context_end_parse (context, error))
    return NULL;
  return g_strdup (out->str);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a tree back to text that parses to the same values, by libconfig itself as well as by us.
 */
#include "run/config-private.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define COLUMNS 100

/* The fewest digits that read back as the same bits; a point or an exponent makes it a real. */
static char *
real_text (double value)
{
  char digits[G_ASCII_DTOSTR_BUF_SIZE];

  for (int n = 15; n <= 17; n++) {
    char format[8];

    g_snprintf (format, sizeof format, "%%.%dg", n);
    g_ascii_formatd (digits, sizeof digits, format, value);
    if (g_ascii_strtod (digits, NULL) == value)
      break;
  }
  return g_strconcat (digits, isfinite (value) && !strpbrk (digits, ".e") ? ".0" : "", NULL);
}

/* wide: with L, which an array of libconfig wants of all its integers or of none. */
static void
append_scalar (GString *out, const LodeNode *node, bool wide)
{
  g_autofree char *text = NULL;

  switch (node->type) {
  case LODE_VALUE_BOOL:
    g_string_append (out, node->flag ? "true" : "false");
    return;
  case LODE_VALUE_INT:
    wide |= node->integer != (int32_t) node->integer;
    g_string_append_printf (out, "%" PRId64 "%s", node->integer, wide ? "L" : "");
    return;
  case LODE_VALUE_REAL:
    text = real_text (node->real);
    break;
  default:
    text = lode_config_quoted (node->text ? node->text : "");
  }
  g_string_append (out, text);
}

static bool
is_scalar (const LodeNode *node)
{
  return node->type != LODE_VALUE_GROUP && node->type != LODE_VALUE_LIST;
}

/* An array if all values are scalars of one type, else a list; wide if an integer needs it. */
static bool
is_array (const LodeNode *list, bool *wide)
{
  *wide = false;
  for (guint i = 0; i < list->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (list->children, i),
                   *first = g_ptr_array_index (list->children, 0);

    if (!is_scalar (child) || child->type != first->type)
      return false;
    *wide |= child->type == LODE_VALUE_INT && child->integer != (int32_t) child->integer;
  }
  return true;
}

static void append_value (GString *, const LodeNode *, guint indent);

static void
new_line (GString *out, guint indent)
{
  g_string_append_printf (out, "\n%*s", (int) indent, "");
}

static guint
column (const GString *out)
{
  const char *line = strrchr (out->str, '\n');

  return (guint) g_utf8_strlen (line ? line + 1 : out->str, -1);
}

static void
append_line_list (GString *out, const LodeNode *list)
{
  bool wide, array = is_array (list, &wide);

  g_string_append_c (out, array ? '[' : '(');
  for (guint i = 0; i < list->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (list->children, i);

    g_string_append (out, i ? ", " : " ");
    if (is_scalar (child))
      append_scalar (out, child, wide);
    else
      append_value (out, child, COLUMNS);
  }
  g_string_append (out, array ? " ]" : " )");
}

/* A list that does not fit on its line: values of arrays fill lines, those of lists have their own.
 */
static void
append_long_list (GString *out, const LodeNode *list, guint indent)
{
  bool wide, array = is_array (list, &wide);

  g_string_append_c (out, array ? '[' : '(');
  for (guint i = 0; i < list->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (list->children, i);
    g_autoptr (GString) text = g_string_new (NULL);

    if (is_scalar (child))
      append_scalar (text, child, wide);
    else
      append_value (text, child, indent + 2);
    if (i)
      g_string_append_c (out, ',');
    if (i == 0 || !array || column (out) + 3 + g_utf8_strlen (text->str, -1) > COLUMNS)
      new_line (out, indent + 2);
    else
      g_string_append_c (out, ' ');
    g_string_append (out, text->str);
  }
  new_line (out, indent);
  g_string_append_c (out, array ? ']' : ')');
}

static bool
holds_groups (const LodeNode *node)
{
  for (guint i = 0; node->children && i < node->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (node->children, i);

    if (child->type == LODE_VALUE_GROUP || holds_groups (child))
      return true;
  }
  return false;
}

static void
append_setting (GString *out, const LodeNode *node, guint indent)
{
  g_string_append_printf (out, "%s = ", node->name);
  append_value (out, node, indent);
  g_string_append_c (out, ';');
}

static void
append_line_group (GString *out, const LodeNode *group)
{
  g_string_append_c (out, '{');
  for (guint i = 0; i < group->children->len; i++) {
    g_string_append_c (out, ' ');
    append_setting (out, g_ptr_array_index (group->children, i), COLUMNS);
  }
  g_string_append (out, " }");
}

static void
append_long_group (GString *out, const LodeNode *group, guint indent)
{
  g_string_append_c (out, '{');
  for (guint i = 0; i < group->children->len; i++) {
    new_line (out, indent + 2);
    append_setting (out, g_ptr_array_index (group->children, i), indent + 2);
  }
  new_line (out, indent);
  g_string_append_c (out, '}');
}

/* indent: of the line the value begins on; COLUMNS: all of it on this line. */
static void
append_value (GString *out, const LodeNode *node, guint indent)
{
  gsize before = out->len;
  bool group = node->type == LODE_VALUE_GROUP;

  if (is_scalar (node)) {
    append_scalar (out, node, false);
    return;
  }
  if (indent >= COLUMNS || !holds_groups (node)) {
    if (group)
      append_line_group (out, node);
    else
      append_line_list (out, node);
    if (indent >= COLUMNS || column (out) < COLUMNS)
      return;
    g_string_truncate (out, before);
  }
  if (group)
    append_long_group (out, node, indent);
  else
    append_long_list (out, node, indent);
}

char *
lode_config_write (const LodeNode *root)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < root->children->len; i++) {
    append_setting (out, g_ptr_array_index (root->children, i), 0);
    g_string_append_c (out, '\n');
  }
  return g_string_free (out, FALSE);
}

static void
append_origins (GString *out, const LodeNode *node, const char *path)
{
  if (node->type != LODE_VALUE_GROUP || (node->children->len == 0 && *path)) {
    g_string_append_printf (out, "%s = ", path);
    append_value (out, node, COLUMNS);
    g_string_append_printf (out, "    %s\n", node->origin ? node->origin : "default");
    return;
  }
  for (guint i = 0; i < node->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (node->children, i);
    g_autofree char *below = g_strconcat (path, *path ? "." : "", child->name, NULL);

    append_origins (out, child, below);
  }
}

char *
lode_config_origins (const LodeNode *root)
{
  GString *out = g_string_new (NULL);

  append_origins (out, root, "");
  return g_string_free (out, FALSE);
}

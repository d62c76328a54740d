/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Axes as a group of the configuration:
 *
 *   sweep = {
 *     arms = { random = { search = { type = "random"; }; }; darts = { … }; };
 *     seeds = "1..5";
 *     axes = ( { path = "fit.rate"; values = [ 0.05, 0.1 ]; } );
 *     sizes = { smoke = { … }; hour = { … }; full = { … }; };
 *   };
 */
#include "axis.h"

#include "plugin/option.h"

#include <string.h>

static void
choice_free (gpointer data)
{
  SweepChoice *choice = data;

  lode_node_free (choice->group);
  g_free (choice->word);
  g_free (choice->shown);
  g_free (choice);
}

void
sweep_axis_free (void *data)
{
  SweepAxis *axis = data;

  if (!axis)
    return;
  g_ptr_array_set_free_func (axis->choices, choice_free);
  g_ptr_array_unref (axis->choices);
  g_free (axis->path);
  g_free (axis);
}

static void G_GNUC_PRINTF (3, 4)
    complain (GPtrArray *errors, const LodeNode *at, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (errors, g_strdup_printf ("%s: %s", at->origin ? at->origin : "sweep", text));
}

static void
check_keys (const LodeNode *group, const char *const *known, GPtrArray *errors)
{
  for (guint i = 0; i < group->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (group->children, i);
    const char *near = lode_nearest (child->name, known);

    if (!g_strv_contains (known, child->name))
      complain (errors, child, "a sweep has no \"%s\" here%s%s%s", child->name,
                near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
  }
}

/* A value as people write it. */
static char *
show (const LodeNode *node)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  GString *text;

  switch (node->type) {
  case LODE_VALUE_BOOL:
    return g_strdup (node->flag ? "true" : "false");
  case LODE_VALUE_INT:
    return g_strdup_printf ("%" G_GINT64_FORMAT, node->integer);
  case LODE_VALUE_REAL:
    return g_strdup (g_ascii_formatd (number, sizeof number, "%.6g", node->real));
  case LODE_VALUE_TEXT:
    return g_strdup (node->text);
  default:
    break;
  }
  text = g_string_new (node->type == LODE_VALUE_LIST ? "[" : "{");
  for (guint i = 0; i < node->children->len; i++) {
    g_autofree char *part = show (g_ptr_array_index (node->children, i));

    g_string_append_printf (text, "%s%s", i ? "," : "", part);
  }
  g_string_append_c (text, node->type == LODE_VALUE_LIST ? ']' : '}');
  return g_string_free (text, FALSE);
}

/* A value in the groups of its path. */
static LodeNode *
nest (const char *path, const LodeNode *value)
{
  LodeNode *root = lode_node_new (LODE_VALUE_GROUP, NULL, value->origin), *at = root;
  g_auto (GStrv) name = g_strsplit (path, ".", -1);
  LodeNode *leaf = lode_node_copy (value);
  guint n = g_strv_length (name);

  for (guint i = 0; i + 1 < n; i++) {
    LodeNode *group = lode_node_new (LODE_VALUE_GROUP, name[i], value->origin);

    lode_node_set (at, group);
    at = group;
  }
  g_free (leaf->name);
  leaf->name = g_strdup (name[n - 1]);
  lode_node_set (at, leaf);
  return root;
}

static SweepAxis *
axis_new (const char *path)
{
  SweepAxis *axis = g_new0 (SweepAxis, 1);

  axis->path = g_strdup (path);
  axis->choices = g_ptr_array_new ();
  return axis;
}

static void
add_choice (SweepAxis *axis, char *shown, LodeNode *group)
{
  SweepChoice *choice = g_new0 (SweepChoice, 1);

  choice->shown = shown;
  choice->group = group;
  g_ptr_array_add (axis->choices, choice);
}

/* Values as a list, or as a text in the way of the command line. */
static void
add_values (const char *path, const LodeNode *values, GPtrArray *axes, GPtrArray *errors)
{
  SweepAxis *axis = NULL;

  if (values->type == LODE_VALUE_TEXT) {
    g_autofree char *word = g_strdup_printf ("%s=%s", path, values->text);

    axis = sweep_axis_from_word (word, errors);
  } else if (values->type == LODE_VALUE_LIST && values->children->len > 0) {
    axis = axis_new (path);
    for (guint i = 0; i < values->children->len; i++) {
      const LodeNode *value = g_ptr_array_index (values->children, i);

      add_choice (axis, show (value), nest (path, value));
    }
  } else
    complain (errors, values, "%s: expected values like [ 1, 2 ] or \"1..5\"", path);
  if (axis)
    g_ptr_array_add (axes, axis);
}

/* An arm is called by its name, also in the folder of its runs, unless it has a label of its own.
 */
static void
add_arms (const LodeNode *arms, GPtrArray *axes, GPtrArray *errors)
{
  SweepAxis *axis;

  if (arms->type != LODE_VALUE_GROUP || arms->children->len == 0) {
    complain (errors, arms, "expected arms = { <name> = { settings }; … };");
    return;
  }
  axis = axis_new ("arm");
  axis->arms = true;
  for (guint i = 0; i < arms->children->len; i++) {
    const LodeNode *arm = g_ptr_array_index (arms->children, i);
    LodeNode *group = lode_node_copy (arm), *label;

    if (arm->type != LODE_VALUE_GROUP)
      complain (errors, arm, "the arm %s must be a group of settings", arm->name);
    else if (!lode_node_child (group, "label")) {
      label = lode_node_new (LODE_VALUE_TEXT, "label", arm->origin);
      label->text = g_strdup (arm->name);
      lode_node_set (group, label);
    }
    add_choice (axis, g_strdup (arm->name), group);
  }
  g_ptr_array_add (axes, axis);
}

static void
add_axis (const LodeNode *group, GPtrArray *axes, GPtrArray *errors)
{
  static const char *const known[] = { "path", "values", NULL };
  const LodeNode *path = lode_node_child (group, "path"),
                 *values = lode_node_child (group, "values");

  if (group->type != LODE_VALUE_GROUP || !path || path->type != LODE_VALUE_TEXT || !values) {
    complain (errors, group, "expected { path = \"group.option\"; values = [ … ]; } for an axis");
    return;
  }
  check_keys (group, known, errors);
  add_values (path->text, values, axes, errors);
}

void
sweep_axes_from_group (const LodeNode *sweep, GPtrArray *axes, GPtrArray *errors)
{
  static const char *const known[] = { "arms", "axes", "seeds", "sizes", NULL };
  const LodeNode *arms = lode_node_child (sweep, "arms"), *seeds = lode_node_child (sweep, "seeds"),
                 *list = lode_node_child (sweep, "axes");

  if (sweep->type != LODE_VALUE_GROUP) {
    complain (errors, sweep, "sweep must be a group: sweep = { seeds = \"1..5\"; };");
    return;
  }
  check_keys (sweep, known, errors);
  if (arms)
    add_arms (arms, axes, errors);
  if (seeds)
    add_values ("seed", seeds, axes, errors);
  if (list && list->type != LODE_VALUE_LIST)
    complain (errors, list, "expected axes = ( { path = …; values = …; }, … );");
  for (guint i = 0; list && list->type == LODE_VALUE_LIST && i < list->children->len; i++)
    add_axis (g_ptr_array_index (list->children, i), axes, errors);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/option.h"

#include <math.h>
#include <string.h>

const LodeOption *
lode_table_at (const LodeTable *table, uint32_t i)
{
  size_t stride = table->stride ? table->stride : sizeof (LodeOption);

  return (const LodeOption *) (const void *) ((const char *) table->at + stride * i);
}

static bool
is_list (const LodeOption *option)
{
  return option->type == LODE_OPTION_REALS || option->type == LODE_OPTION_TEXTS;
}

bool
lode_option_in_range (const LodeOption *option, double value)
{
  if (!(option->min < option->max))
    return true;
  return value <= option->max && (option->above_min ? value > option->min : value >= option->min);
}

int
lode_option_choice (const LodeOption *option, const char *text)
{
  for (gint i = 0; option->choices && option->choices[i]; i++)
    if (!strcmp (option->choices[i], text))
      return i;
  return -1;
}

typedef struct Fill {
  const char *where;
  void *conf;
  GPtrArray *owner, *errors;
} Fill;

static void complain (const Fill *fill, const LodeNode *node, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

static void
complain (const Fill *fill, const LodeNode *node, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list list;

  va_start (list, format);
  text = g_strdup_vprintf (format, list);
  va_end (list);
  g_ptr_array_add (fill->errors,
                   node && node->origin
                       ? g_strdup_printf ("%s: %s: %s", node->origin, fill->where, text)
                       : g_strdup_printf ("%s: %s", fill->where, text));
}

static const char *
type_word (int type)
{
  static const char *const words[] = { "",
                                       "true or false",
                                       "an integer",
                                       "a number",
                                       "a text in quotes",
                                       "one of its choices",
                                       "a list of numbers",
                                       "a list of texts" };

  return words[type];
}

static void
range_error (const Fill *fill, const LodeNode *node, const LodeOption *option, double value)
{
  if (!isfinite (value)) {
    complain (fill, node, "%s = %g is not finite; expected a finite number", option->name, value);
    return;
  }
  complain (fill, node, "%s = %.15g is out of range; expected %s%.15g … %.15g%s%s", option->name,
            value, option->above_min ? "above " : "", option->min, option->max,
            option->unit ? " " : "", option->unit ? option->unit : "");
}

/* A number of an integer or real node; false: it is none. */
static bool
number_of (const LodeNode *node, double *value)
{
  if (node->type == LODE_VALUE_INT)
    *value = (double) node->integer;
  else if (node->type == LODE_VALUE_REAL)
    *value = node->real;
  else
    return false;
  return true;
}

static void
fill_number (const Fill *fill, const LodeOption *option, const LodeNode *node, void *field)
{
  double value;

  if (!number_of (node, &value)) {
    complain (fill, node, "%s must be %s", option->name, type_word (option->type));
    return;
  }
  if (!isfinite (value) || !lode_option_in_range (option, value)) {
    range_error (fill, node, option, value);
    return;
  }
  if (option->type == LODE_OPTION_REAL) {
    *(double *) field = value;
    return;
  }
  if (node->type == LODE_VALUE_REAL
      && (value != floor (value) || fabs (value) > 9007199254740992.)) {
    complain (fill, node, "%s = %.15g must be an integer", option->name, value);
    return;
  }
  *(int64_t *) field = node->type == LODE_VALUE_INT ? node->integer : (int64_t) value;
}

static void
fill_choice (const Fill *fill, const LodeOption *option, const LodeNode *node, int32_t *field)
{
  const char *near;
  gint i;

  if (node->type != LODE_VALUE_TEXT) {
    complain (fill, node, "%s must be %s", option->name, type_word (option->type));
    return;
  }
  i = lode_option_choice (option, node->text);
  if (i >= 0) {
    *field = i;
    return;
  }
  near = lode_nearest (node->text, option->choices);

  g_autofree char *all = g_strjoinv (", ", (char **) option->choices);

  complain (fill, node, "%s = \"%s\" is not among %s%s%s%s", option->name, node->text, all,
            near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void
fill_reals (const Fill *fill, const LodeOption *option, const LodeNode *node, LodeReals *field)
{
  double *at = g_new0 (double, node->children->len + 1);

  g_ptr_array_add (fill->owner, at);
  for (guint i = 0; i < node->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (node->children, i);

    if (!number_of (child, &at[i]))
      complain (fill, node, "%s must be %s", option->name, type_word (option->type));
    else if (!isfinite (at[i]) || !lode_option_in_range (option, at[i]))
      range_error (fill, node, option, at[i]);
  }
  *field = (LodeReals){ node->children->len, at };
}

static void
fill_texts (const Fill *fill, const LodeOption *option, const LodeNode *node, LodeTexts *field)
{
  const char **at = g_new0 (const char *, node->children->len + 1);

  g_ptr_array_add (fill->owner, at);
  for (guint i = 0; i < node->children->len; i++) {
    const LodeNode *child = g_ptr_array_index (node->children, i);
    char *text = g_strdup (child->type == LODE_VALUE_TEXT ? child->text : "");

    if (child->type != LODE_VALUE_TEXT)
      complain (fill, node, "%s must be %s", option->name, type_word (option->type));
    g_ptr_array_add (fill->owner, text);
    at[i] = text;
  }
  *field = (LodeTexts){ node->children->len, at };
}

static void
fill_one (const Fill *fill, const LodeOption *option, const LodeNode *node)
{
  void *field = (char *) fill->conf + option->offset;

  if (is_list (option) && node->type != LODE_VALUE_LIST) {
    complain (fill, node, "%s must be %s", option->name, type_word (option->type));
    return;
  }
  switch (option->type) {
  case LODE_OPTION_BOOL:
    if (node->type == LODE_VALUE_BOOL)
      *(bool *) field = node->flag;
    else
      complain (fill, node, "%s must be %s", option->name, type_word (option->type));
    return;
  case LODE_OPTION_TEXT:
    if (node->type != LODE_VALUE_TEXT) {
      complain (fill, node, "%s must be %s", option->name, type_word (option->type));
      return;
    }
    g_ptr_array_add (fill->owner, g_strdup (node->text));
    *(const char **) field = fill->owner->pdata[fill->owner->len - 1];
    return;
  case LODE_OPTION_CHOICE:
    fill_choice (fill, option, node, field);
    return;
  case LODE_OPTION_REALS:
    fill_reals (fill, option, node, field);
    return;
  case LODE_OPTION_TEXTS:
    fill_texts (fill, option, node, field);
    return;
  default:
    fill_number (fill, option, node, field);
  }
}

/* "1, 2, 3" of a table's default as a list node. */
static LodeNode *
default_list (const LodeOption *option)
{
  LodeNode *list = lode_node_new (LODE_VALUE_LIST, option->name, NULL);
  g_auto (GStrv) part = g_strsplit (option->text ? option->text : "", ",", -1);

  for (char **text = part; *text && *g_strstrip (*text); text++) {
    bool real = option->type == LODE_OPTION_REALS;
    LodeNode *child = lode_node_new (real ? LODE_VALUE_REAL : LODE_VALUE_TEXT, NULL, NULL);

    if (real)
      child->real = g_ascii_strtod (*text, NULL);
    else
      child->text = g_strdup (*text);
    g_ptr_array_add (list->children, child);
  }
  return list;
}

static void
fill_default (const Fill *fill, const LodeOption *option)
{
  void *field = (char *) fill->conf + option->offset;

  switch (option->type) {
  case LODE_OPTION_BOOL:
    *(bool *) field = option->number != 0;
    return;
  case LODE_OPTION_INT:
    *(int64_t *) field = (int64_t) option->number;
    return;
  case LODE_OPTION_REAL:
    *(double *) field = option->number;
    return;
  case LODE_OPTION_TEXT:
    *(const char **) field = option->text ? option->text : "";
    return;
  case LODE_OPTION_CHOICE:
    *(int32_t *) field = option->text ? lode_option_choice (option, option->text) : 0;
    return;
  default: {
    g_autoptr (LodeNode) list = default_list (option);

    fill_one (fill, option, list);
  }
  }
}

static const LodeOption *
find_option (const LodeTable *table, const char *name)
{
  for (uint32_t i = 0; i < table->n; i++)
    if (!g_strcmp0 (lode_table_at (table, i)->name, name))
      return lode_table_at (table, i);
  return NULL;
}

static void
unknown_key (const Fill *fill, const LodeTable *table, const char *const *also,
             const LodeNode *node)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;

  for (uint32_t i = 0; i < table->n; i++)
    g_ptr_array_add (names, (char *) lode_table_at (table, i)->name);
  for (; also && *also; also++)
    g_ptr_array_add (names, (char *) *also);
  g_ptr_array_add (names, NULL);
  near = lode_nearest (node->name, (const char *const *) names->pdata);
  if (near)
    complain (fill, node, "there is no option \"%s\"; did you mean \"%s\"?", node->name, near);
  else if (strchr (fill->where, '/'))
    complain (fill, node, "there is no option \"%s\"; `lode show %s` names them all", node->name,
              fill->where);
  else {
    g_autofree char *all = g_strjoinv (", ", (char **) names->pdata);

    complain (fill, node, "there is no option \"%s\"; expected one of %s", node->name, all);
  }
}

bool
lode_table_fill (const LodeTable *table, LodeNode *group, const char *where,
                 const char *const *also, void *conf, GPtrArray *owner, GPtrArray *errors)
{
  Fill fill = { where, conf, owner, errors };
  guint before = errors->len;

  for (uint32_t i = 0; i < table->n; i++) {
    const LodeOption *option = lode_table_at (table, i);
    LodeNode *node = lode_node_child (group, option->name);

    fill_default (&fill, option);
    if (node) {
      node->used = true;
      fill_one (&fill, option, node);
    } else if (option->required)
      complain (&fill, group, "%s is required: %s", option->name, option->doc);
  }
  if (group && group->type != LODE_VALUE_GROUP)
    complain (&fill, group, "must be a group: { … };");
  for (guint i = 0; group && group->type == LODE_VALUE_GROUP && i < group->children->len; i++) {
    const LodeNode *node = g_ptr_array_index (group->children, i);

    if (!find_option (table, node->name) && !(also && g_strv_contains (also, node->name)))
      unknown_key (&fill, table, also, node);
  }
  return errors->len == before;
}

static LodeNode *
dump_list (const LodeOption *option, const void *field)
{
  LodeNode *list = lode_node_new (LODE_VALUE_LIST, option->name, NULL);
  bool reals = option->type == LODE_OPTION_REALS;
  size_t n = reals ? ((const LodeReals *) field)->n : ((const LodeTexts *) field)->n;

  for (size_t i = 0; i < n; i++) {
    LodeNode *child = lode_node_new (reals ? LODE_VALUE_REAL : LODE_VALUE_TEXT, NULL, NULL);

    if (reals)
      child->real = ((const LodeReals *) field)->at[i];
    else
      child->text = g_strdup (((const LodeTexts *) field)->at[i]);
    g_ptr_array_add (list->children, child);
  }
  return list;
}

static LodeNode *
dump_one (const LodeOption *option, const void *field)
{
  static const LodeValueType types[] = {
    0, LODE_VALUE_BOOL, LODE_VALUE_INT, LODE_VALUE_REAL, LODE_VALUE_TEXT, LODE_VALUE_TEXT
  };
  LodeNode *node;

  if (is_list (option))
    return dump_list (option, field);
  node = lode_node_new (types[option->type], option->name, NULL);
  if (option->type == LODE_OPTION_BOOL)
    node->flag = *(const bool *) field;
  else if (option->type == LODE_OPTION_INT)
    node->integer = *(const int64_t *) field;
  else if (option->type == LODE_OPTION_REAL)
    node->real = *(const double *) field;
  else if (option->type == LODE_OPTION_TEXT)
    node->text = g_strdup (*(const char *const *) field);
  else
    node->text = g_strdup (option->choices[*(const int32_t *) field]);
  return node;
}

LodeNode *
lode_table_dump (const LodeTable *table, const char *name, const void *conf)
{
  LodeNode *group = lode_node_new (LODE_VALUE_GROUP, name, NULL);

  for (uint32_t i = 0; i < table->n; i++) {
    const LodeOption *option = lode_table_at (table, i);

    lode_node_set (group, dump_one (option, (const char *) conf + option->offset));
  }
  return group;
}
